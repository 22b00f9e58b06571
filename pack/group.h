/*
 * A group of stored tensors that may be coded against each other (one name, dtype and row shape),
 * and what they would take at best: see assign.h.
 *
 * Costs are predictions from sketches, and for frames as they are now their lengths. The
 * predictions of a group are scaled by what its frames really took, so that a plan is not chosen
 * for an error that all of them share.
 */
#ifndef ZIPLLM_GROUP_H
#define ZIPLLM_GROUP_H

#include "assign.h"
#include "neighbors.h"
#include "store.h"

typedef struct zipllm_member {
    zipllm_tensor_row row;
    char *name, *shape; /* malloced; the name of the group's tensors */
    uint8_t *sketch;
    zipllm_probe probe;
    bool has_probe;
} zipllm_member;

typedef struct zipllm_group {
    zipllm_store *store;
    zipllm_error *error;
    zipllm_predictor *predictor;
    zipllm_member members[ZIPLLM_ASSIGN_MAX];
    size_t n;
    double delta_scale, whole_scale;
} zipllm_group;

ZIPLLM_WARN_UNUSED zipllm_status zipllm_group_open(zipllm_group *group, zipllm_store *store,
                                                   zipllm_error *error);
void zipllm_group_close(zipllm_group *group);
void zipllm_group_clear(zipllm_group *group);

/* Room for it, and of one kind with the first member? */
bool zipllm_group_takes(const zipllm_group *group, const zipllm_tensor_row *row, const char *name,
                        const char *shape);
/* A tensor without a sketch of this version is left out. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_group_add(zipllm_group *group, const zipllm_tensor_row *row,
                                                  const char *name, const char *shape);

/* base[]: see assign.h. *saves: predicted bytes less than now; negative where the group must stay
   as it is. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_group_plan(zipllm_group *group, int *base, double *saves);

/* Predicted bytes of a member; of one that is coded so already, its length. Planned before. */
double zipllm_group_delta(const zipllm_group *group, const zipllm_member *a,
                          const zipllm_member *b);
double zipllm_group_whole(const zipllm_group *group, const zipllm_member *m);

#endif
