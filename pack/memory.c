#include "memory.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_NBYTES = 2 << 20 };

void *zipllm_alloc_large(size_t nbytes)
{
    void *memory = NULL;
    /* A last page that would be used by half is a huge one, too. */
    const size_t huge = (nbytes + HUGE_NBYTES / 2) / HUGE_NBYTES * HUGE_NBYTES;
    if (huge == 0)
        return malloc(nbytes);
    if (posix_memalign(&memory, HUGE_NBYTES, huge > nbytes ? huge : nbytes) != 0)
        return NULL;
    (void)madvise(memory, huge, MADV_HUGEPAGE);
    return memory;
}

static void *allocate(void *user, size_t nbytes)
{
    (void)user;
    return zipllm_alloc_large(nbytes);
}

static void release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

const bitx_allocator zipllm_large_allocator = {allocate, release, NULL};
