/* Transposes between and within vectors, AVX-512. Private to kernels/. */
#ifndef BITX_TRANSPOSE_AVX512_H
#define BITX_TRANSPOSE_AVX512_H

#include "target_avx512.h"

/* vpermb: 8 x 8 bytes transposed, its own inverse. */
BITX_AVX512_INLINE __m512i transpose_bytes(__m512i v)
{
    const __m512i index = _mm512_setr_epi64(
        0x3830282018100800, 0x3931292119110901, 0x3a322a221a120a02, 0x3b332b231b130b03,
        0x3c342c241c140c04, 0x3d352d251d150d05, 0x3e362e261e160e06, 0x3f372f271f170f07);
    return _mm512_permutexvar_epi8(index, v);
}

/* Four vectors of four lanes, transposed. */
BITX_AVX512_INLINE void transpose_lanes(__m512i v[4])
{
    __m512i x0 = _mm512_shuffle_i32x4(v[0], v[1], 0x44),
            x1 = _mm512_shuffle_i32x4(v[2], v[3], 0x44);
    __m512i y0 = _mm512_shuffle_i32x4(v[0], v[1], 0xee),
            y1 = _mm512_shuffle_i32x4(v[2], v[3], 0xee);
    v[0] = _mm512_shuffle_i32x4(x0, x1, 0x88);
    v[1] = _mm512_shuffle_i32x4(x0, x1, 0xdd);
    v[2] = _mm512_shuffle_i32x4(y0, y1, 0x88);
    v[3] = _mm512_shuffle_i32x4(y0, y1, 0xdd);
}

/* 8 x 8 qwords, transposed: pairs within lanes, then lanes. */
BITX_AVX512_INLINE void transpose_qwords(__m512i v[8])
{
    __m512i even[4], odd[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        even[k] = _mm512_unpacklo_epi64(v[2 * k], v[2 * k + 1]);
        odd[k] = _mm512_unpackhi_epi64(v[2 * k], v[2 * k + 1]);
    }
    transpose_lanes(even);
    transpose_lanes(odd);
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        v[2 * k] = even[k];
        v[2 * k + 1] = odd[k];
    }
}

#endif
