/* bench/bits.h: which bits of the weights a fine-tune changed. */
#ifndef BENCH_BITS_H
#define BENCH_BITS_H

#include "bench/results.h"
#include "bench/tensors.h"

/* Over the tensors of `dtype` that have a base; elements of 8, 16 and 32 bits. 0, or -1 where there
   is nothing to count. */
int bench_bits_count(const bench_family *f, bitx_dtype dtype, bench_bits *out);
/* One line, the most significant bit first, in percent. */
void bench_bits_print(const bench_bits *b, FILE *out);

#endif
