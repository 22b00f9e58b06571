/*
 * Which models are relatives of the one being added, by the sketches of its tensors; and which of
 * their tensors each of its own is coded against.
 */
#ifndef ZIPLLM_FAMILY_H
#define ZIPLLM_FAMILY_H

#include "ingest.h"
#include "neighbors.h"

/* A model that may be the base. */
typedef struct zipllm_relative {
    int64_t model;
    zipllm_found found;
    double delta_nbytes; /* predicted for the tensors looked at, each the cheaper way */
    double whole_nbytes; /* ... by themselves */
} zipllm_relative;

enum { ZIPLLM_RELATIVES_MAX = 12 };

typedef struct zipllm_relatives {
    zipllm_relative list[ZIPLLM_RELATIVES_MAX];
    size_t n;
} zipllm_relatives;

/*
 * Adds the nearest models by sketch to those in *relatives (which the caller knows of: option,
 * card, config), predicts all of them on the file's tensors, and orders them by predicted bytes, of
 * equal ones (half a percent) the one found in the card, then in the config. *seen: tensors of the
 * file that have a sketch; 0: nothing can be said.
 */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_family_rank(zipllm_ingest *in,
                                                    const zipllm_ingest_file *file,
                                                    zipllm_relatives *relatives, size_t *seen);

/* A part against a stored tensor; *out: what zipllm_predict_whole() says of it. *known: both have
   sketches. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_family_predict(zipllm_ingest *in, const zipllm_part *part,
                                                       const zipllm_tensor_row *row,
                                                       zipllm_prediction *out, bool *known);

/* Bytes of a part against a delta that is promoted for it (promote.h), and by which this grows;
   `best` where they cannot be fewer, or nothing is known. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_family_promoted_nbytes(zipllm_ingest *in,
                                                               const zipllm_part *part,
                                                               const zipllm_tensor_row *row,
                                                               const zipllm_prediction *whole,
                                                               double best, double *nbytes);

/* "NAME[@REV]", malloced; NULL where the model is gone. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_family_name(zipllm_ingest *in, int64_t model, char **name);

/* Makes these models the bases of what follows, in this order; at most ZIPLLM_BASES_MAX. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_family_use(zipllm_ingest *in, const int64_t *models,
                                                   size_t nmodels);

/* Of the bases' tensors the one with the fewest predicted bytes; id 0 and a reason for none. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_family_tensor_base(zipllm_ingest *in,
                                                           const zipllm_part *part,
                                                           zipllm_tensor_row *row,
                                                           const char **reason);

/* Within the transaction that adds a model: sketches of its fresh tensors, and its probes. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_family_record(zipllm_ingest *in, int64_t model,
                                                      const zipllm_ingest_file *files,
                                                      size_t nfiles);

/* The same of one tensor, unless it has a sketch, and of one model: what repair makes anew. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_family_put_sketch(zipllm_index *index, int64_t tensor,
                                                          const uint8_t *sketch, size_t nbytes,
                                                          zipllm_error *error);
ZIPLLM_WARN_UNUSED zipllm_status zipllm_family_put_probes(zipllm_index *index, int64_t model,
                                                          zipllm_probes *probes,
                                                          zipllm_error *error);

/* Frees what zipllm_ingest holds for this. */
void zipllm_family_forget(zipllm_ingest *in);

/* A tensor's sketch from the index, into ZIPLLM_SKETCH_MAX bytes; false where there is none. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_family_sketch(zipllm_index *index,
                                                      const zipllm_tensor_row *row, uint8_t *dst,
                                                      bool *found, zipllm_error *error);

#endif
