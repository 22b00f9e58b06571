/* Elements few of which are not those of the base, AVX2: windows of 64. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "sift.h"
#    include "target_avx2.h"

enum { WINDOW = 64, EIGHT = 8, AHEAD = 3072 /* bytes */ };

typedef struct sift_tables {
    __m256i magnitude, word; /* bits of elements: without those that are no part of it */
    __m128i shift;           /* of the class, in an element */
    __m256i low, last;       /* of classes, words */
    __m256i eighth[2];       /* bytes, of a class: bit 7 - g % 8 for its group g, if of eight h */
    __m256i ones;            /* bytes, of a class: 255 for those of groups of ones */
    unsigned ngroups;
} sift_tables;

BITX_AVX2_INLINE __m256i sift_eighth(const uint8_t group[16], unsigned h)
{
    const __m128i bits = _mm_cvtsi64_si128((long long)0x0102040810204080);
    const __m128i g = _mm_xor_si128(load128(group), _mm_set1_epi8((char)(EIGHT * h)));
    return _mm256_broadcastsi128_si256(_mm_shuffle_epi8(bits, g)); /* of others: zeros */
}

BITX_AVX2_INLINE sift_tables sift_load(const bitx_delta_params *p, const uint8_t group[16],
                                       unsigned ones)
{
    uint8_t all[2 * EIGHT];
    for (unsigned c = 0; c < 2 * EIGHT; c++)
        all[c] = ones >> (group[c] & 15) & 1 ? 255 : 0;
    const unsigned word = (1u << p->width) - 1, top = p->sign ? 1u << (p->width - 1) : 0;
    const unsigned low = p->class_low < 65535 ? p->class_low : 65535;
    return (sift_tables){_mm256_set1_epi16((short)((word ^ top) << p->zero_bits)),
                         _mm256_set1_epi16((short)(word << p->zero_bits)),
                         _mm_cvtsi32_si128((int)(p->class_shift + p->zero_bits)),
                         _mm256_set1_epi16((short)low),
                         _mm256_set1_epi16((short)(p->nclasses - 1)),
                         {sift_eighth(group, 0), sift_eighth(group, 1)},
                         _mm256_broadcastsi128_si256(load128(all)),
                         sift_groups(group, p->nclasses)};
}

BITX_AVX2_INLINE __m256i sift_classes(const sift_tables *t, __m256i w)
{
    w = _mm256_srl_epi16(_mm256_and_si256(w, t->magnitude), t->shift);
    return _mm256_min_epu16(_mm256_subs_epu16(w, t->low), t->last);
}

/* Classes of 32 elements, bytes in order. */
BITX_AVX2_INLINE __m256i sift_classes32(const sift_tables *t, const uint8_t *base)
{
    __m256i c =
        _mm256_packus_epi16(sift_classes(t, load256(base)), sift_classes(t, load256(base + 32)));
    return _mm256_permute4x64_epi64(c, 0xd8);
}

BITX_AVX2_INLINE uint64_t top_bits(__m256i v0, __m256i v1)
{
    return (uint32_t)_mm256_movemask_epi8(v0) | (uint64_t)(uint32_t)_mm256_movemask_epi8(v1) << 32;
}

/* Who looks at a window does more than the prefetchers wait for. */
BITX_AVX2_INLINE void sift_fetch(const uint8_t *p)
{
    const uintptr_t at = (uintptr_t)p + AHEAD;
    _mm_prefetch((const char *)at, _MM_HINT_T0);
    _mm_prefetch((const char *)(at + 64), _MM_HINT_T0);
}

/* ---- sift ---------------------------------------------------------------------------------- */

/* 0xff for those of 32 elements that are the same in both, bytes in order. */
BITX_AVX2_INLINE __m256i sift_same(const sift_tables *t, const uint8_t *x, const uint8_t *base)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i d0 = _mm256_xor_si256(load256(x), load256(base));
    __m256i d1 = _mm256_xor_si256(load256(x + 32), load256(base + 32));
    d0 = _mm256_cmpeq_epi16(_mm256_and_si256(d0, t->word), zero);
    d1 = _mm256_cmpeq_epi16(_mm256_and_si256(d1, t->word), zero);
    return _mm256_permute4x64_epi64(_mm256_packs_epi16(d0, d1), 0xd8);
}

/* The next n bits of a plane, which are all that bits has. */
BITX_AVX2_INLINE void put_bits(uint8_t *bytes, size_t *bit, uint64_t bits, size_t n)
{
    enum { SURE = 56 }; /* the byte that the next go on in is written */
    if (n > SURE) {
        sift_put(bytes, bit, bits, n);
        return;
    }
    const size_t at = *bit;
    uint8_t *p = bytes + at / 8;
    const uint64_t low = *p | bits << at % 8;
    memcpy(p, &low, 8);
    *bit = at + n;
}

/* Returns the mask of the coded ones. */
BITX_AVX2_INLINE uint64_t sift_window(const sift_tables *t, bitx_plane_sinks *planes,
                                      const uint8_t *x, const uint8_t *base)
{
    sift_fetch(x);
    sift_fetch(base);
    const __m256i c0 = sift_classes32(t, base), c1 = sift_classes32(t, base + 64);
    const __m256i s0 = sift_same(t, x, base), s1 = sift_same(t, x + 64, base + 64);
    const uint64_t is = ~top_bits(_mm256_andnot_si256(_mm256_shuffle_epi8(t->ones, c0), s0),
                                  _mm256_andnot_si256(_mm256_shuffle_epi8(t->ones, c1), s1));
    for (unsigned h = 0; EIGHT * h < t->ngroups; h++) {
        const unsigned rest = t->ngroups - EIGHT * h, n = rest < EIGHT ? rest : EIGHT;
        __m256i v0 = _mm256_shuffle_epi8(t->eighth[h], c0);
        __m256i v1 = _mm256_shuffle_epi8(t->eighth[h], c1);
        for (unsigned g = EIGHT * h; g < EIGHT * h + n; g++) {
            const uint64_t in = top_bits(v0, v1);
            v0 = _mm256_add_epi8(v0, v0);
            v1 = _mm256_add_epi8(v1, v1);
            put_bits(planes->bytes[g], &planes->bit[g], _pext_u64(is, in),
                     (size_t)_mm_popcnt_u64(in));
        }
    }
    return is;
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

BITX_AVX2 size_t bitx_delta_sift_u16_avx2(uint8_t *coded, uint8_t *coded_base,
                                          bitx_plane_sinks *planes, const uint8_t *x,
                                          const uint8_t *base, size_t nelem,
                                          const bitx_delta_params *params)
{
    const sift_tables t = sift_load(params, planes->group, planes->ones);
    size_t n = 0, i = 0;
    bitx_plane_sinks to = *planes;
    sift_begin(&to, t.ngroups);
    for (; nelem - i >= WINDOW; i += WINDOW) {
        const uint64_t is = sift_window(&t, &to, x + 2 * i, base + 2 * i);
        n += sift_take(coded + 2 * n, coded_base + 2 * n, x + 2 * i, base + 2 * i, is);
    }
    memcpy(planes->bit, to.bit, sizeof(to.bit));
    return n + bitx_delta_sift_u16_scalar(coded + 2 * n, coded_base + 2 * n, planes, x + 2 * i,
                                          base + 2 * i, nelem - i, params);
}

/* ---- places -------------------------------------------------------------------------------- */

/* At least as many bits as are taken, n. */
BITX_AVX2_INLINE uint64_t next_bits(sift_source *s, size_t n)
{
    enum { SURE = 57 };
    if (n > SURE)
        return sift_next(s, n);
    const size_t at = s->bit & s->keep;
    uint64_t bits;
    memcpy(&bits, s->bytes + at / 8, 8);
    s->bit += n;
    return bits >> at % 8;
}

BITX_AVX2_INLINE uint64_t places_window(const sift_tables *t, sift_source sources[2 * EIGHT],
                                        const uint8_t *base)
{
    uint64_t is = 0;
    sift_fetch(base);
    const __m256i c0 = sift_classes32(t, base), c1 = sift_classes32(t, base + 64);
    for (unsigned h = 0; EIGHT * h < t->ngroups; h++) {
        const unsigned rest = t->ngroups - EIGHT * h, n = rest < EIGHT ? rest : EIGHT;
        __m256i v0 = _mm256_shuffle_epi8(t->eighth[h], c0);
        __m256i v1 = _mm256_shuffle_epi8(t->eighth[h], c1);
        for (unsigned g = EIGHT * h; g < EIGHT * h + n; g++) {
            const uint64_t in = top_bits(v0, v1);
            v0 = _mm256_add_epi8(v0, v0);
            v1 = _mm256_add_epi8(v1, v1);
            is |= _pdep_u64(next_bits(&sources[g], (size_t)_mm_popcnt_u64(in)), in);
        }
    }
    return is;
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

BITX_AVX2 size_t bitx_delta_places_u16_avx2(uint8_t *places, bitx_plane_sources *planes,
                                            const uint8_t *base, size_t nelem,
                                            const bitx_delta_params *params)
{
    const sift_tables t = sift_load(params, planes->group, 0);
    sift_source sources[2 * EIGHT];
    size_t n = 0, i = 0;
    sift_open(sources, planes);
    for (; nelem - i >= WINDOW; i += WINDOW)
        n += places_take(places + 2 * n, i, places_window(&t, sources, base + 2 * i));
    for (unsigned g = 0; g < 2 * EIGHT; g++)
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
