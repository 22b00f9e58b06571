/*
 * base_blocks.h: decoded blocks of bases, from when a tensor is planned until it is coded. A plan
 * samples most blocks of its base, and without these each would be decoded twice.
 */
#ifndef ZIPLLM_BASE_BLOCKS_H
#define ZIPLLM_BASE_BLOCKS_H

#include <stdatomic.h>

#include "stored.h"

typedef struct zipllm_base_blocks {
    uint8_t *memory; /* NULL until first needed */
    uint8_t **free;
    size_t nfree, n;
} zipllm_base_blocks;

/* Those of one tensor. at[i] is block i of its base, or NULL: to be decoded by whoever needs it. */
typedef struct zipllm_kept_blocks {
    uint8_t **at;
    uint64_t n;
    atomic_size_t waiting; /* blocks still to be decoded, before the tensor can be planned */
} zipllm_kept_blocks;

/* Room for as many of the first `nblocks` blocks of a base as there is; without memory, for none.
   Called between steps. */
void zipllm_base_blocks_take(zipllm_base_blocks *all, const zipllm_store *store,
                             zipllm_kept_blocks *kept, uint64_t nblocks);
/* Gives back block `index`, if it is kept. Called between steps. */
void zipllm_base_blocks_give(zipllm_base_blocks *all, zipllm_kept_blocks *kept, uint64_t index);
/* Gives back what is left, and frees the list. */
void zipllm_base_blocks_drop(zipllm_base_blocks *all, zipllm_kept_blocks *kept);
void zipllm_base_blocks_free(zipllm_base_blocks *all);

/* Block `index` of the base, from those kept or decoded into `scratch`; NULL and a fault. In jobs.
 */
const uint8_t *zipllm_base_block(const zipllm_kept_blocks *kept, const zipllm_stored *base,
                                 zipllm_worker *worker, uint64_t index, uint8_t *scratch,
                                 zipllm_fault *fault);

#endif
