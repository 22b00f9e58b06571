/* Elements to the lists of their groups and back; a table for each byte. AVX-512. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "target_avx512.h"

enum { GROUPS = 16 };

/* The groups that occur, at most 16, so that a loop takes as many steps as there are. */
static inline unsigned groups_of(const uint8_t group[16])
{
    unsigned most = 0;
    for (unsigned c = 0; c < 16; c++)
        most = group[c] > most ? group[c] : most;
    return most + 1;
}

/* Groups of 64 classes, 0xff for the class 0xff. */
BITX_AVX512_INLINE __m512i groups64(__m512i table, __m512i classes)
{
    __mmask64 none = _mm512_movepi8_mask(classes);
    return _mm512_mask_mov_epi8(_mm512_shuffle_epi8(table, classes), none, _mm512_set1_epi8(-1));
}

BITX_AVX512 void bitx_groups_split_u8_avx512(uint8_t *lists[16], const uint8_t *src,
                                             const uint8_t *classes, const uint8_t group[16],
                                             size_t nelem)
{
    const unsigned ngroups = groups_of(group);
    const __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)group));
    for (size_t i = 0; i < nelem; i += 64) {
        size_t n = nelem - i < 64 ? nelem - i : 64;
        __m512i x = load512_first(src + i, n);
        __m512i g = groups64(table, load512_first(classes + i, n));
        for (unsigned k = 0; k < ngroups; k++) {
            __mmask64 in = _mm512_mask_cmpeq_epi8_mask(low_mask64(n), g, _mm512_set1_epi8((char)k));
            size_t count = (size_t)_mm_popcnt_u64(_cvtmask64_u64(in));
            store512_first(lists[k], _mm512_maskz_compress_epi8(in, x), count);
            lists[k] += count;
        }
    }
}

/* Each group expands into its own places of a zero vector, and these are joined. A step takes as
   long for one element as for 64, and as long as the scalar loop for about 16. */
BITX_AVX512 void bitx_groups_merge_u8_avx512(uint8_t *dst, const uint8_t *lists[16],
                                             const uint8_t *classes, const uint8_t group[16],
                                             size_t nelem)
{
    const unsigned ngroups = groups_of(group);
    const __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)group));
    size_t i = 0;
    while (nelem - i > 16) {
        size_t n = nelem - i < 64 ? nelem - i : 64;
        __m512i classes64 = load512_first(classes + i, n);
        __m512i g = groups64(table, classes64);
        __m512i v = _mm512_movm_epi8(_mm512_movepi8_mask(classes64));
        for (unsigned k = 0; k < ngroups; k++) {
            __mmask64 in = _mm512_mask_cmpeq_epi8_mask(low_mask64(n), g, _mm512_set1_epi8((char)k));
            size_t count = (size_t)_mm_popcnt_u64(_cvtmask64_u64(in));
            v = _mm512_or_si512(v, _mm512_maskz_expand_epi8(in, load512_first(lists[k], count)));
            lists[k] += count;
        }
        store512_first(dst + i, v, n);
        i += n;
    }
    bitx_groups_merge_u8_scalar(dst + i, lists, classes + i, group, nelem - i);
}

/* Ones of each byte count its members, up to 255 times, and vpsadbw sums them. */
BITX_AVX512 void bitx_groups_count_u8_avx512(uint32_t counts[16], const uint8_t *classes,
                                             const uint8_t group[16], size_t nelem)
{
    const unsigned ngroups = groups_of(group);
    const __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)group));
    const __m512i one = _mm512_set1_epi8(1), zero = _mm512_setzero_si512();
    uint64_t sums[16] = {0};
    for (size_t at = 0; at < nelem; at += (size_t)64 * 255) {
        size_t n = nelem - at < (size_t)64 * 255 ? nelem - at : (size_t)64 * 255;
        for (unsigned g = 0; g < ngroups; g += 4) {
            __m512i seen[4] = {zero, zero, zero, zero};
            for (size_t i = 0; i < n; i += 64) {
                __m512i c = n - i >= 64
                                ? load512(classes + at + i)
                                : _mm512_mask_loadu_epi8(_mm512_set1_epi8(-1), low_mask64(n - i),
                                                         classes + at + i);
                __m512i of = groups64(table, c);
                for (unsigned k = 0; k < 4; k++) {
                    __mmask64 in = _mm512_cmpeq_epi8_mask(of, _mm512_set1_epi8((char)(g + k)));
                    seen[k] = _mm512_mask_add_epi8(seen[k], in, seen[k], one);
                }
            }
            for (unsigned k = 0; k < 4; k++)
                sums[g + k] += (uint64_t)_mm512_reduce_add_epi64(_mm512_sad_epu8(seen[k], zero));
        }
    }
    for (unsigned g = 0; g < 16; g++)
        counts[g] = (uint32_t)sums[g];
}

/* vpermi2b looks up 128 entries; two of them, and the top bit chooses. */
BITX_AVX512 void bitx_map_u8_avx512(uint8_t *dst, const uint8_t *src, const uint8_t table[256],
                                    size_t nelem)
{
    const __m512i t0 = load512(table), t1 = load512(table + 64);
    const __m512i t2 = load512(table + 128), t3 = load512(table + 192);
    for (size_t i = 0; i < nelem; i += 64) {
        size_t n = nelem - i < 64 ? nelem - i : 64;
        __m512i x = load512_first(src + i, n);
        __m512i low = _mm512_permutex2var_epi8(t0, x, t1);
        __m512i high = _mm512_permutex2var_epi8(t2, x, t3);
        store512_first(dst + i, _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(x), high), n);
    }
}

#endif
