/*
 * Index vectors of pshufb (x86) and tbl (AArch64), one for each mask of 8 elements; an index of
 * 0xff gives zero on both. Private to kernels/.
 */
#ifndef BITX_SHUFFLE_TABLES_H
#define BITX_SHUFFLE_TABLES_H

#include <stdint.h>

extern const uint64_t
    bitx_shuffle_merge8[257]; /* one more, so that any may be loaded with the next */
extern const uint64_t bitx_shuffle_merge8_far[256]; /* AArch64 only */
extern const uint64_t bitx_shuffle_merge16[256];
extern const uint64_t bitx_shuffle_pack8[256];
extern const uint64_t bitx_shuffle_split8[256][2];
extern const uint64_t bitx_shuffle_expand8[256];
extern const uint64_t bitx_shuffle_pack16[256][2];
extern const uint64_t bitx_shuffle_expand16[256][2];

#endif
