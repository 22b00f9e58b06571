#include "base_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { BLOCKS_MAX = 256 };

static bool make_room(zipllm_base_blocks *all, const zipllm_store *store)
{
    if (all->memory != NULL)
        return true;
    size_t n = (size_t)(zipllm_store_buffers(store) / 8 / ZIPLLM_BLOCK_NBYTES);
    n = n < 1 ? 1 : n < BLOCKS_MAX ? n : BLOCKS_MAX;
    all->free = malloc(n * sizeof(uint8_t *));
    all->memory = zipllm_alloc_large(n * ZIPLLM_BLOCK_NBYTES);
    if (all->free == NULL || all->memory == NULL) {
        zipllm_base_blocks_free(all);
        return false;
    }
    all->n = all->nfree = n;
    /* The first ones are taken first, so that the rest of the memory stays untouched. */
    for (size_t i = 0; i < n; i++)
        all->free[i] = all->memory + (n - 1 - i) * ZIPLLM_BLOCK_NBYTES;
    return true;
}

void zipllm_base_blocks_take(zipllm_base_blocks *all, const zipllm_store *store,
                             zipllm_kept_blocks *kept, uint64_t nblocks)
{
    kept->at = NULL;
    kept->n = 0;
    if (nblocks == 0 || !make_room(all, store) || all->nfree == 0)
        return;
    const uint64_t n = nblocks < all->nfree ? nblocks : all->nfree;
    kept->at = calloc((size_t)n, sizeof(uint8_t *));
    if (kept->at == NULL)
        return;
    kept->n = n;
    for (uint64_t i = 0; i < n; i++)
        kept->at[i] = all->free[--all->nfree];
    atomic_store(&kept->waiting, (size_t)n);
}

void zipllm_base_blocks_give(zipllm_base_blocks *all, zipllm_kept_blocks *kept, uint64_t index)
{
    if (index >= kept->n || kept->at[index] == NULL)
        return;
    all->free[all->nfree++] = kept->at[index];
    kept->at[index] = NULL;
}

void zipllm_base_blocks_drop(zipllm_base_blocks *all, zipllm_kept_blocks *kept)
{
    for (uint64_t i = 0; i < kept->n; i++)
        zipllm_base_blocks_give(all, kept, i);
    free(kept->at);
    kept->at = NULL;
    kept->n = 0;
}

void zipllm_base_blocks_free(zipllm_base_blocks *all)
{
    free(all->memory);
    free(all->free);
    memset(all, 0, sizeof *all);
}

const uint8_t *zipllm_base_block(const zipllm_kept_blocks *kept, const zipllm_stored *base,
                                 zipllm_worker *worker, uint64_t index, uint8_t *scratch,
                                 zipllm_fault *fault)
{
    if (index < kept->n && kept->at[index] != NULL)
        return kept->at[index];
    return zipllm_stored_block(base, worker, index, scratch, NULL, fault) ? scratch : NULL;
}
