/* Elements by themselves to symbols and raw bits, AVX2. The last few go to the scalar function. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "float_string.h"
#    include "target_avx2.h"

/* 16 numbers of floats without zero bits: BF16 and F16 as they are. */
BITX_AVX2_INLINE __m256i float_fold(__m256i x)
{
    return _mm256_or_si256(_mm256_add_epi16(x, x), _mm256_srli_epi16(x, 15));
}

BITX_AVX2_INLINE __m256i float_load(const uint8_t *p)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load128(p)), load128(p + 32), 1);
}

/* The low bytes of words of which the first has 0-7 and 16-23, the second 8-15 and 24-31. */
BITX_AVX2_INLINE __m256i float_bytes(__m256i a, __m256i b)
{
    const __m256i low = _mm256_set1_epi16(0xff);
    return _mm256_packus_epi16(_mm256_and_si256(a, low), _mm256_and_si256(b, low));
}

/* The shift low bits of 32 numbers. */
BITX_AVX2_INLINE void float_raw(float_string *to, __m256i a, __m256i b, unsigned shift)
{
    uint64_t v[8];
    if (shift == 8) { /* as BF16 has it; nothing is ever pending */
        store256(to->at, float_bytes(a, b));
        to->at += 32;
        return;
    }
    if (shift < 8) {
        const uint64_t mask = 0x0101010101010101u * ((1u << shift) - 1);
        store256((uint8_t *)v, float_bytes(a, b));
        for (unsigned k = 0; k < 4; k++)
            float_put(to, _pext_u64(v[k], mask), 8 * shift);
        return;
    }
    const uint64_t mask = 0x0001000100010001u * ((1u << shift) - 1);
    store256((uint8_t *)v, _mm256_permute2x128_si256(a, b, 0x20));
    store256((uint8_t *)(v + 4), _mm256_permute2x128_si256(a, b, 0x31));
    for (unsigned k = 0; k < 8; k++)
        float_put(to, _pext_u64(v[k], mask), 4 * shift);
}

BITX_AVX2 int bitx_float_split_u16_avx2(uint8_t *symbols, uint8_t *raw, const uint8_t *src,
                                        size_t nelem, const bitx_float_params *params)
{
    if (params->width != 16 || params->fold != FLOAT_FOLD_SIGN || params->shift == 0)
        return bitx_float_split_u16_scalar(symbols, raw, src, nelem, params);
    const __m128i shift = _mm_cvtsi32_si128((int)params->shift);
    const __m256i low = _mm256_set1_epi16((short)params->low);
    __m256i above = _mm256_setzero_si256();
    float_string to = {raw, 0, 0};
    size_t i = 0;
    /* A multiple of 64 elements ends at a qword of the string. */
    for (; nelem - i >= 64; i += 64) {
        for (unsigned k = 0; k < 64; k += 32) {
            const uint8_t *p = src + 2 * (i + k);
            __m256i a = float_fold(float_load(p)), b = float_fold(float_load(p + 16));
            __m256i s0 = _mm256_sub_epi16(_mm256_srl_epi16(a, shift), low);
            __m256i s1 = _mm256_sub_epi16(_mm256_srl_epi16(b, shift), low);
            above = _mm256_or_si256(above, _mm256_or_si256(s0, s1));
            store256(symbols + i + k, float_bytes(s0, s1));
            float_raw(&to, a, b, params->shift);
        }
    }
    const __m256i high = _mm256_set1_epi16((short)0xff00);
    int rest = bitx_float_split_u16_scalar(symbols + i, to.at, src + 2 * i, nelem - i, params);
    return rest | !_mm256_testz_si256(above, high);
}

#endif
