#include "memory.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_NBYTES = 2 << 20 };

void *zipllm_alloc_large(size_t nbytes)
{
    void *memory = NULL;
    if (nbytes < HUGE_NBYTES)
        return malloc(nbytes);
    if (posix_memalign(&memory, HUGE_NBYTES, nbytes) != 0)
        return NULL;
    (void)madvise(memory, nbytes / HUGE_NBYTES * HUGE_NBYTES, MADV_HUGEPAGE);
    return memory;
}
