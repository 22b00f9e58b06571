/*
 * card.h: which model a fine-tune says it was made from. The front matter of README.md (YAML
 * between two lines `---`) may have `base_model:`, a name or a list of names; config.json may have
 * `_name_or_path`. Both are claims, often stale: `_name_or_path` may name the model itself or a
 * directory of its author's. What cannot be read is a warning, never an error.
 */
#ifndef ZIPLLM_CARD_H
#define ZIPLLM_CARD_H

#include <stddef.h>

#include "zipllm.h"

enum {
    ZIPLLM_CARD_NBYTES_MAX = 1 << 20,   /* of README.md, from its start; the rest is not read */
    ZIPLLM_CONFIG_NBYTES_MAX = 4 << 20, /* of config.json; a longer one is not read */
    ZIPLLM_HINTS_MAX = 64,
    ZIPLLM_HINT_NBYTES_MAX = 512
};

typedef struct zipllm_hint {
    char *name;         /* "ORG/NAME"; a leading https://huggingface.co/ is taken off */
    zipllm_found found; /* ZIPLLM_FOUND_CARD or ZIPLLM_FOUND_CONFIG */
} zipllm_hint;

typedef struct zipllm_hints {
    zipllm_hint hints[ZIPLLM_HINTS_MAX]; /* as written; each name once for each source */
    size_t nhints;
    char warning[512]; /* printable ASCII, "" for none; the last one where there are several */
} zipllm_hints;

/* Adds what README.md says. bytes: its beginning; truncated: there is more than nbytes. */
void zipllm_hints_from_card(zipllm_hints *hints, const char *bytes, size_t nbytes, bool truncated);
/* Adds what config.json says. */
void zipllm_hints_from_config(zipllm_hints *hints, const char *bytes, size_t nbytes);

/* Both, from the files of a model; files that are absent add nothing. *hints need not be
   initialised. */
struct zipllm_scan;
void zipllm_hints_read(zipllm_hints *hints, const struct zipllm_scan *scan);
void zipllm_hints_free(zipllm_hints *hints);

#endif
