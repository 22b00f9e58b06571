/* memory.h: large buffers. */
#ifndef ZIPLLM_MEMORY_H
#define ZIPLLM_MEMORY_H

#include <stddef.h>

/* On huge pages where the kernel has them: the first touch of a 4 KiB page costs 1 to 10 us in a
   virtual machine, which is more than coding what it holds. NULL when out of memory; free() it. */
void *zipllm_alloc_large(size_t nbytes);

#endif
