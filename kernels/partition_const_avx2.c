/* Partitions of which one list or both have one value over and over, AVX2. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "partition_const.h"
#    include "shuffle_tables.h"
#    include "target_avx2.h"

/* Which of 64 elements equal the value, there in every lane. */
BITX_AVX2_INLINE uint64_t equal64(const uint8_t *src, __m256i value, size_t width)
{
    uint64_t bits = 0;
#    pragma GCC unroll 2
    for (unsigned k = 0; k < 64; k += 32) {
        __m256i x;
        if (width == 1) {
            x = _mm256_cmpeq_epi8(load256(src + k), value);
        } else {
            __m256i x0 = _mm256_cmpeq_epi16(load256(src + 2 * k), value);
            __m256i x1 = _mm256_cmpeq_epi16(load256(src + 2 * k + 32), value);
            x = _mm256_permute4x64_epi64(_mm256_packs_epi16(x0, x1), 0xd8);
        }
        bits |= (uint64_t)(uint32_t)_mm256_movemask_epi8(x) << k;
    }
    return bits;
}

/* Those of 64 elements that have a one. The list is never ahead of the source, so that eight
   elements stay within nelem. */
BITX_AVX2_INLINE uint8_t *pack64(uint8_t *list, const uint8_t *src, uint64_t bits, size_t width)
{
    for (size_t k = 0; k < 64; k += 8, bits >>= 8) {
        unsigned mask = bits & 255;
        if (width == 1) {
            __m128i row = _mm_loadl_epi64((const __m128i *)(const void *)&bitx_shuffle_pack8[mask]);
            __m128i x = _mm_loadl_epi64((const __m128i *)(const void *)(src + k));
            _mm_storel_epi64((__m128i *)(void *)list, _mm_shuffle_epi8(x, row));
        } else {
            __m128i row = load128((const uint8_t *)bitx_shuffle_pack16[mask]);
            store128(list, _mm_shuffle_epi8(load128(src + 2 * k), row));
        }
        list += width * (size_t)_mm_popcnt_u32(mask);
    }
    return list;
}

/* The last n bytes, below 64, eight at a time: most lists of small tensors are as short. Returns
   how many equal the value. */
BITX_AVX2_INLINE size_t partition_const_last(bit_appender *w, uint8_t *list, int inverted,
                                             const uint8_t *src, size_t n, __m128i value)
{
    uint64_t others = 0;
    size_t k = 0;
    for (; n - k >= 8; k += 8) {
        __m128i x = _mm_loadl_epi64((const __m128i *)(const void *)(src + k));
        unsigned mask = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, value)) & 255;
        others |= (uint64_t)mask << k;
        if (!list)
            continue;
        __m128i row = _mm_loadl_epi64((const __m128i *)(const void *)&bitx_shuffle_pack8[mask]);
        _mm_storel_epi64((__m128i *)(void *)list, _mm_shuffle_epi8(x, row));
        list += _mm_popcnt_u32(mask);
    }
    for (; k < n; k++) {
        uint8_t x = src[k];
        size_t other = x != (uint8_t)_mm_extract_epi8(value, 0);
        others |= (uint64_t)other << k;
        if (list)
            *list = x;
        list += list ? other : 0;
    }
    append_last(w, inverted ? others : _bzhi_u64(~others, (unsigned)n), n);
    return n - (size_t)_mm_popcnt_u64(others);
}

BITX_AVX2_INLINE size_t partition_const(uint8_t *list, int inverted, uint8_t *plane, size_t bit,
                                        const uint8_t *src, size_t nelem, unsigned value,
                                        size_t width)
{
    const __m256i v = width == 1 ? _mm256_set1_epi8((char)value) : _mm256_set1_epi16((short)value);
    size_t i = 0, equal = 0, rest = nelem % 64;
    if (nelem == 0)
        return 0;
    bit_appender w = append_at(plane, bit);
    for (; nelem - i >= 64; i += 64) {
        uint64_t bits = equal64(src + width * i, v, width);
        append64(&w, inverted ? ~bits : bits);
        if (list)
            list = pack64(list, src + width * i, ~bits, width);
        equal += (size_t)_mm_popcnt_u64(bits);
    }
    src += width * i;
    if (width == 1)
        return equal +
               partition_const_last(&w, list, inverted, src, rest, _mm256_castsi256_si128(v));
    if (i)
        append_last(&w, 0, 0);
    bit += i;
    if (inverted)
        return equal + rest -
               bitx_partition_lowconst_u16_scalar(list, plane, bit, src, rest, value);
    return equal + (list ? bitx_partition_highconst_u16_scalar(list, plane, bit, src, rest, value)
                         : bitx_partition_const_u16_scalar(plane, bit, src, rest, value));
}

BITX_PARTITION_CONST_FUNCTIONS(BITX_AVX2, avx2, 8)
BITX_PARTITION_CONST_FUNCTIONS(BITX_AVX2, avx2, 16)

#endif
