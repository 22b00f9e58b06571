/* Elements few of which are not those of the base, AVX-512: 64 at a time. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "sift.h"
#    include "target_avx512.h"

typedef struct sift_tables {
    __m512i magnitude, word; /* bits of elements: without those that are no part of it */
    __m128i shift;           /* of the class, in an element */
    __m512i low, last;       /* of classes, words */
    __m512i groups, ones;    /* bytes */
    unsigned ngroups;
} sift_tables;

BITX_AVX512_INLINE __m512i broadcast16(const uint8_t *p)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)p));
}

BITX_AVX512_INLINE sift_tables sift_load(const bitx_delta_params *p, const uint8_t group[16],
                                         unsigned ones)
{
    uint8_t all[16];
    const unsigned word = (1u << p->width) - 1, top = p->sign ? 1u << (p->width - 1) : 0;
    const unsigned low = p->class_low < 65535 ? p->class_low : 65535;
    for (unsigned g = 0; g < 16; g++)
        all[g] = ones >> g & 1 ? 255 : 0;
    return (sift_tables){_mm512_set1_epi16((short)((word ^ top) << p->zero_bits)),
                         _mm512_set1_epi16((short)(word << p->zero_bits)),
                         _mm_cvtsi32_si128((int)(p->class_shift + p->zero_bits)),
                         _mm512_set1_epi16((short)low),
                         _mm512_set1_epi16((short)(p->nclasses - 1)),
                         broadcast16(group),
                         broadcast16(all),
                         sift_groups(group, p->nclasses)};
}

BITX_AVX512_INLINE __m512i sift_classes(const sift_tables *t, __m512i w)
{
    w = _mm512_srl_epi16(_mm512_and_si512(w, t->magnitude), t->shift);
    return _mm512_min_epu16(_mm512_subs_epu16(w, t->low), t->last);
}

/* Groups of 64 elements, bytes in order. */
BITX_AVX512_INLINE __m512i sift_groups_of(const sift_tables *t, __m512i w0, __m512i w1)
{
    const __m512i in_order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    __m512i c = _mm512_packus_epi16(sift_classes(t, w0), sift_classes(t, w1));
    return _mm512_permutexvar_epi64(in_order, _mm512_shuffle_epi8(t->groups, c));
}

/* n of at most 64 elements; zeros behind them. */
BITX_AVX512_INLINE void sift_pair(const uint8_t *p, size_t n, __m512i *w0, __m512i *w1)
{
    if (n == 64) {
        *w0 = load512(p);
        *w1 = load512(p + 64);
        return;
    }
    *w0 = load512_first(p, 2 * (n < 32 ? n : 32));
    *w1 = _mm512_setzero_si512();
    if (n > 32)
        *w1 = load512_first(p + 64, 2 * (n - 32));
}

BITX_AVX512_INLINE uint64_t in_group(__m512i groups, __mmask64 there, unsigned g)
{
    return _cvtmask64_u64(_mm512_mask_cmpeq_epi8_mask(there, groups, _mm512_set1_epi8((char)g)));
}

BITX_AVX512_INLINE uint8_t *sift_compress(uint8_t *to, uint32_t mask, __m512i v)
{
    store512(to, _mm512_maskz_compress_epi16(_cvtu32_mask32(mask), v));
    return to + 2 * (size_t)_mm_popcnt_u32(mask);
}

/* Returns how many. */
BITX_AVX512_INLINE size_t sift64(const sift_tables *t, bitx_plane_sinks *planes, uint8_t *coded,
                                 uint8_t *coded_base, const uint8_t *x, const uint8_t *base,
                                 size_t n)
{
    __m512i x0, x1, b0, b1;
    sift_pair(x, n, &x0, &x1);
    sift_pair(base, n, &b0, &b1);
    const __mmask64 there = low_mask64(n);
    const __m512i groups = sift_groups_of(t, b0, b1);
    const __mmask32 d0 = _mm512_test_epi16_mask(_mm512_xor_si512(x0, b0), t->word);
    const __mmask32 d1 = _mm512_test_epi16_mask(_mm512_xor_si512(x1, b1), t->word);
    const __mmask64 all = _mm512_movepi8_mask(_mm512_shuffle_epi8(t->ones, groups));
    uint64_t is = _cvtmask64_u64(_kor_mask64(_mm512_kunpackd(d1, d0), all));
    is = n == 64 ? is : _bzhi_u64(is, (unsigned)n);
    for (unsigned g = 0; g < t->ngroups; g++) {
        const uint64_t in = in_group(groups, there, g);
        sift_put(planes->bytes[g], &planes->bit[g], _pext_u64(is, in), (size_t)_mm_popcnt_u64(in));
    }
    uint8_t *end = sift_compress(coded, (uint32_t)is, x0);
    sift_compress(end, (uint32_t)(is >> 32), x1);
    end = sift_compress(coded_base, (uint32_t)is, b0);
    end = sift_compress(end, (uint32_t)(is >> 32), b1);
    return (size_t)(end - coded_base) / 2;
}

BITX_AVX512 size_t bitx_delta_sift_u16_avx512(uint8_t *coded, uint8_t *coded_base,
                                              bitx_plane_sinks *planes, const uint8_t *x,
                                              const uint8_t *base, size_t nelem,
                                              const bitx_delta_params *params)
{
    const sift_tables t = sift_load(params, planes->group, planes->ones);
    bitx_plane_sinks to = *planes;
    size_t n = 0, i = 0;
    sift_begin(&to, t.ngroups);
    for (; nelem - i >= 64; i += 64)
        n += sift64(&t, &to, coded + 2 * n, coded_base + 2 * n, x + 2 * i, base + 2 * i, 64);
    if (i < nelem)
        n += sift64(&t, &to, coded + 2 * n, coded_base + 2 * n, x + 2 * i, base + 2 * i, nelem - i);
    memcpy(planes->bit, to.bit, sizeof(to.bit));
    return n;
}

BITX_AVX512_INLINE size_t places64(const sift_tables *t, sift_source sources[16], uint8_t *places,
                                   const uint8_t *base, size_t first, size_t n)
{
    __m512i w0, w1;
    sift_pair(base, n, &w0, &w1);
    const __mmask64 there = low_mask64(n);
    const __m512i groups = sift_groups_of(t, w0, w1);
    uint64_t is = 0;
    for (unsigned g = 0; g < t->ngroups; g++) {
        const uint64_t in = in_group(groups, there, g);
        is |= _pdep_u64(sift_next(&sources[g], (size_t)_mm_popcnt_u64(in)), in);
    }
    const __m512i iota =
        _mm512_set_epi16(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13,
                         12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i at = _mm512_add_epi16(iota, _mm512_set1_epi16((short)first));
    uint8_t *end = sift_compress(places, (uint32_t)is, at);
    end = sift_compress(end, (uint32_t)(is >> 32), _mm512_add_epi16(at, _mm512_set1_epi16(32)));
    return (size_t)(end - places) / 2;
}

BITX_AVX512 size_t bitx_delta_places_u16_avx512(uint8_t *places, bitx_plane_sources *planes,
                                                const uint8_t *base, size_t nelem,
                                                const bitx_delta_params *params)
{
    const sift_tables t = sift_load(params, planes->group, planes->ones);
    sift_source sources[16];
    size_t n = 0, i = 0;
    sift_open(sources, planes);
    for (; nelem - i >= 64; i += 64)
        n += places64(&t, sources, places + 2 * n, base + 2 * i, i, 64);
    if (i < nelem)
        n += places64(&t, sources, places + 2 * n, base + 2 * i, i, nelem - i);
    for (unsigned g = 0; g < 16; g++)
        planes->bit[g] = sources[g].bit;
    return n;
}

#endif
