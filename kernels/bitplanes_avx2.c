/* Bit planes, AVX2: vpmovmskb takes the top bit of 32 bytes, and doubling brings the next one
 * there. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "bitplanes.h"
#    include "target_avx2.h"

/* A chunk of bytes to eight planes of BITPLANES_CHUNK / 8 bytes; 64 of a plane before the next. */
BITX_AVX2 static void split_chunk(uint8_t *planes, size_t stride, const uint8_t *src)
{
    for (size_t i = 0; i < BITPLANES_CHUNK; i += 64) {
        __m256i v0 = load256(src + i), v1 = load256(src + i + 32);
#    pragma GCC unroll 8
        for (size_t p = 8; p-- > 0;) {
            uint64_t low = (uint32_t)_mm256_movemask_epi8(v0);
            store64(planes + p * stride + i / 8, low | (uint64_t)(uint32_t)_mm256_movemask_epi8(v1)
                                                           << 32);
            v0 = _mm256_add_epi8(v0, v0);
            v1 = _mm256_add_epi8(v1, v1);
        }
    }
}

/* Four bytes of a plane to the 32 bytes that have bit `one` where they have a one. */
BITX_AVX2_INLINE __m256i spread(uint32_t bits, __m256i one)
{
    const __m256i source = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                            2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i place = _mm256_set1_epi64x((long long)0x8040201008040201);
    __m256i v = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), source);
    v = _mm256_cmpeq_epi8(_mm256_and_si256(v, place), place);
    return _mm256_and_si256(v, one);
}

BITX_AVX2 static void merge_chunk(uint8_t *dst, const uint8_t *planes, size_t stride)
{
    for (size_t i = 0; i < BITPLANES_CHUNK; i += 32) {
        __m256i v = _mm256_setzero_si256(), one = _mm256_set1_epi8(1);
#    pragma GCC unroll 8
        for (size_t p = 0; p < 8; p++) {
            uint32_t bits;
            memcpy(&bits, planes + p * stride + i / 8, 4);
            v = _mm256_or_si256(v, spread(bits, one));
            one = _mm256_add_epi8(one, one);
        }
        store256(dst + i, v);
    }
}

BITX_BITPLANES_FUNCTIONS(BITX_AVX2, avx2)

#endif
