/* memory.h: large buffers. */
#ifndef ZIPLLM_MEMORY_H
#define ZIPLLM_MEMORY_H

#include <stddef.h>

#include "bitx/codec.h"

/* On huge pages where the kernel has them: the first touch of a 4 KiB page costs 1 to 10 us in a
   virtual machine, which is more than coding what it holds. NULL when out of memory; free() it. */
void *zipllm_alloc_large(size_t nbytes);
/* The same for contexts of the codec, whose work memory is some MiB. */
extern const bitx_allocator zipllm_large_allocator;

#endif
