/* Elements few of which are not those of the base, AVX2: 64 at a time. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "sift.h"
#    include "target_avx2.h"

typedef struct sift_tables {
    __m256i magnitude, word; /* bits of elements: without those that are no part of it */
    __m128i shift;           /* of the class, in an element */
    __m256i low, last;       /* of classes, words */
    __m256i groups, ones;    /* bytes */
    unsigned ngroups;
} sift_tables;

BITX_AVX2_INLINE __m256i broadcast16(const uint8_t *p)
{
    return _mm256_broadcastsi128_si256(load128(p));
}

BITX_AVX2_INLINE sift_tables sift_load(const bitx_delta_params *p, const uint8_t group[16],
                                       unsigned ones)
{
    uint8_t all[16];
    const unsigned word = (1u << p->width) - 1, top = p->sign ? 1u << (p->width - 1) : 0;
    const unsigned low = p->class_low < 65535 ? p->class_low : 65535;
    for (unsigned g = 0; g < 16; g++)
        all[g] = ones >> g & 1 ? 255 : 0;
    return (sift_tables){_mm256_set1_epi16((short)((word ^ top) << p->zero_bits)),
                         _mm256_set1_epi16((short)(word << p->zero_bits)),
                         _mm_cvtsi32_si128((int)(p->class_shift + p->zero_bits)),
                         _mm256_set1_epi16((short)low),
                         _mm256_set1_epi16((short)(p->nclasses - 1)),
                         broadcast16(group),
                         broadcast16(all),
                         sift_groups(group, p->nclasses)};
}

BITX_AVX2_INLINE __m256i sift_classes(const sift_tables *t, __m256i w)
{
    w = _mm256_srl_epi16(_mm256_and_si256(w, t->magnitude), t->shift);
    return _mm256_min_epu16(_mm256_subs_epu16(w, t->low), t->last);
}

/* Groups of 32 elements, bytes in order. */
BITX_AVX2_INLINE __m256i sift_groups_of(const sift_tables *t, __m256i w0, __m256i w1)
{
    __m256i c = _mm256_packus_epi16(sift_classes(t, w0), sift_classes(t, w1));
    return _mm256_permute4x64_epi64(_mm256_shuffle_epi8(t->groups, c), 0xd8);
}

BITX_AVX2_INLINE uint64_t top_bits(__m256i v0, __m256i v1)
{
    return (uint32_t)_mm256_movemask_epi8(v0) | (uint64_t)(uint32_t)_mm256_movemask_epi8(v1) << 32;
}

BITX_AVX2_INLINE uint64_t in_group(__m256i g0, __m256i g1, unsigned g)
{
    const __m256i v = _mm256_set1_epi8((char)g);
    return top_bits(_mm256_cmpeq_epi8(g0, v), _mm256_cmpeq_epi8(g1, v));
}

/* 0xff for those of 32 elements that are the same in both, bytes in order. */
BITX_AVX2_INLINE __m256i sift_same(const sift_tables *t, __m256i x0, __m256i b0, __m256i x1,
                                   __m256i b1)
{
    const __m256i zero = _mm256_setzero_si256();
    x0 = _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_xor_si256(x0, b0), t->word), zero);
    x1 = _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_xor_si256(x1, b1), t->word), zero);
    return _mm256_permute4x64_epi64(_mm256_packs_epi16(x0, x1), 0xd8);
}

BITX_AVX2_INLINE void copy_word(uint8_t *to, const uint8_t *from, size_t i)
{
    memcpy(to, from + 2 * i, 2);
}

/* The coded of 64 elements, whose bits are `is`, which are few. Of four it costs nothing. */
BITX_AVX2_INLINE size_t sift_take(uint8_t *coded, uint8_t *coded_base, const uint8_t *x,
                                  const uint8_t *base, uint64_t is)
{
    enum { FEW = 4 };
    const size_t n = (size_t)_mm_popcnt_u64(is);
    for (unsigned k = 0; k < FEW; k++, is = _blsr_u64(is)) {
        const size_t i = (size_t)_tzcnt_u64(is) & 63;
        copy_word(coded + 2 * k, x, i);
        copy_word(coded_base + 2 * k, base, i);
    }
    for (size_t k = FEW; k < n; k++, is = _blsr_u64(is)) {
        const size_t i = (size_t)_tzcnt_u64(is);
        copy_word(coded + 2 * k, x, i);
        copy_word(coded_base + 2 * k, base, i);
    }
    return n;
}

BITX_AVX2_INLINE size_t sift64(const sift_tables *t, bitx_plane_sinks *planes, uint8_t *coded,
                               uint8_t *coded_base, const uint8_t *x, const uint8_t *base)
{
    __m256i g[2], same[2];
    for (int k = 0; k < 2; k++) {
        const uint8_t *p = x + 64 * k, *q = base + 64 * k;
        const __m256i b0 = load256(q), b1 = load256(q + 32);
        g[k] = sift_groups_of(t, b0, b1);
        same[k] = sift_same(t, load256(p), b0, load256(p + 32), b1);
    }
    const uint64_t is = ~top_bits(same[0], same[1]) | top_bits(_mm256_shuffle_epi8(t->ones, g[0]),
                                                               _mm256_shuffle_epi8(t->ones, g[1]));
    for (unsigned k = 0; k < t->ngroups; k++) {
        const uint64_t in = in_group(g[0], g[1], k);
        sift_put(planes->bytes[k], &planes->bit[k], _pext_u64(is, in), (size_t)_mm_popcnt_u64(in));
    }
    return sift_take(coded, coded_base, x, base, is);
}

BITX_AVX2 size_t bitx_delta_sift_u16_avx2(uint8_t *coded, uint8_t *coded_base,
                                          bitx_plane_sinks *planes, const uint8_t *x,
                                          const uint8_t *base, size_t nelem,
                                          const bitx_delta_params *params)
{
    const sift_tables t = sift_load(params, planes->group, planes->ones);
    size_t n = 0, i = 0;
    bitx_plane_sinks to = *planes;
    sift_begin(&to, t.ngroups);
    for (; nelem - i >= 64; i += 64)
        n += sift64(&t, &to, coded + 2 * n, coded_base + 2 * n, x + 2 * i, base + 2 * i);
    memcpy(planes->bit, to.bit, sizeof(to.bit));
    return n + bitx_delta_sift_u16_scalar(coded + 2 * n, coded_base + 2 * n, planes, x + 2 * i,
                                          base + 2 * i, nelem - i, params);
}

BITX_AVX2_INLINE void put_place(uint8_t *places, size_t k, size_t place)
{
    const uint16_t v = (uint16_t)place;
    memcpy(places + 2 * k, &v, 2);
}

BITX_AVX2_INLINE size_t places_take(uint8_t *places, size_t first, uint64_t is)
{
    enum { FEW = 4 };
    const size_t n = (size_t)_mm_popcnt_u64(is);
    for (unsigned k = 0; k < FEW; k++, is = _blsr_u64(is))
        put_place(places, k, first + (size_t)_tzcnt_u64(is));
    for (size_t k = FEW; k < n; k++, is = _blsr_u64(is))
        put_place(places, k, first + (size_t)_tzcnt_u64(is));
    return n;
}

BITX_AVX2_INLINE size_t places64(const sift_tables *t, sift_source sources[16], uint8_t *places,
                                 const uint8_t *base, size_t first)
{
    __m256i g[2];
    for (int k = 0; k < 2; k++) {
        const __m256i b0 = load256(base + 64 * k), b1 = load256(base + 64 * k + 32);
        g[k] = sift_groups_of(t, b0, b1);
    }
    uint64_t is = 0;
    for (unsigned k = 0; k < t->ngroups; k++) {
        const uint64_t in = in_group(g[0], g[1], k);
        is |= _pdep_u64(sift_next(&sources[k], (size_t)_mm_popcnt_u64(in)), in);
    }
    return places_take(places, first, is);
}

BITX_AVX2 size_t bitx_delta_places_u16_avx2(uint8_t *places, bitx_plane_sources *planes,
                                            const uint8_t *base, size_t nelem,
                                            const bitx_delta_params *params)
{
    const sift_tables t = sift_load(params, planes->group, planes->ones);
    sift_source sources[16];
    size_t n = 0, i = 0;
    sift_open(sources, planes);
    for (; nelem - i >= 64; i += 64)
        n += places64(&t, sources, places + 2 * n, base + 2 * i, i);
    for (unsigned g = 0; g < 16; g++)
        planes->bit[g] = sources[g].bit;
    const size_t m =
        bitx_delta_places_u16_scalar(places + 2 * n, planes, base + 2 * i, nelem - i, params);
    for (size_t k = n; k < n + m; k++) {
        uint16_t v;
        memcpy(&v, places + 2 * k, 2);
        put_place(places, k, v + i);
    }
    return n + m;
}

#endif
