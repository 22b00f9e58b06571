/* Elements few of which are not those of the base, AVX-512: windows of 64. A piece's windows are
   looked at first, without a branch on what they hold; what is coded in them is few, and follows.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "sift.h"
#    include "target_avx512.h"

enum { WINDOW = 64, WINDOWS = 64, EIGHT = 8, AHEAD = 3072 /* bytes */ };

typedef struct sift_tables {
    __m512i magnitude, word; /* bits of elements: without those that are no part of it */
    __m128i shift;           /* of the class, in an element */
    __m512i low, last;       /* of classes, words */
    __m512i eighth[2];       /* bytes, of a class: bit g % 8 for its group g, if it is of eight h */
    __m512i backwards, across;
    unsigned ngroups;
} sift_tables;

/* Of a piece and eight groups: which elements of a window are a group's, its plane (places) or
   where that goes on (sift), and the groups that have anything coded there. */
typedef struct sift_windows {
    _Alignas(64) uint64_t in[WINDOWS * EIGHT];
    uint64_t bits[WINDOWS * EIGHT];
    uint64_t coded[WINDOWS]; /* of all groups */
    uint8_t some[WINDOWS];   /* none of windows that are not there */
} sift_windows;

/* Nothing here goes to memory in parts and comes back as a whole: such a load waits until all
   stores before it are done, the caller's copy of the base among them. */
BITX_AVX512_INLINE __m512i sift_eighth(const uint8_t group[16], unsigned h)
{
    const __m128i bits = _mm_cvtsi64_si128((long long)0x8040201008040201);
    const __m128i g = _mm_xor_si128(_mm_loadu_si128((const void *)group),
                                    _mm_set1_epi8((char)(EIGHT * h))); /* others: zeros */
    return _mm512_broadcast_i32x4(_mm_shuffle_epi8(bits, g));
}

/* Bytes of words packed by lanes, in order but that each eight is turned round. */
static const uint8_t sift_backwards[64] = {
    7,  6,  5,  4,  3,  2,  1,  0,  23, 22, 21, 20, 19, 18, 17, 16, 39, 38, 37, 36, 35, 34,
    33, 32, 55, 54, 53, 52, 51, 50, 49, 48, 15, 14, 13, 12, 11, 10, 9,  8,  31, 30, 29, 28,
    27, 26, 25, 24, 47, 46, 45, 44, 43, 42, 41, 40, 63, 62, 61, 60, 59, 58, 57, 56};

/* Byte j of qword i from byte i of qword j. */
static const uint8_t sift_across[64] = {
    0,  8,  16, 24, 32, 40, 48, 56, 1,  9,  17, 25, 33, 41, 49, 57, 2,  10, 18, 26, 34, 42,
    50, 58, 3,  11, 19, 27, 35, 43, 51, 59, 4,  12, 20, 28, 36, 44, 52, 60, 5,  13, 21, 29,
    37, 45, 53, 61, 6,  14, 22, 30, 38, 46, 54, 62, 7,  15, 23, 31, 39, 47, 55, 63};

BITX_AVX512_INLINE sift_tables sift_load(const bitx_delta_params *p, const uint8_t group[16])
{
    const unsigned word = (1u << p->width) - 1, top = p->sign ? 1u << (p->width - 1) : 0;
    const unsigned low = p->class_low < 65535 ? p->class_low : 65535;
    return (sift_tables){_mm512_set1_epi16((short)((word ^ top) << p->zero_bits)),
                         _mm512_set1_epi16((short)(word << p->zero_bits)),
                         _mm_cvtsi32_si128((int)(p->class_shift + p->zero_bits)),
                         _mm512_set1_epi16((short)low),
                         _mm512_set1_epi16((short)(p->nclasses - 1)),
                         {sift_eighth(group, 0), sift_eighth(group, 1)},
                         load512(sift_backwards),
                         load512(sift_across),
                         sift_groups(group, p->nclasses)};
}

BITX_AVX512_INLINE __m512i sift_classes(const sift_tables *t, __m512i w)
{
    w = _mm512_srl_epi16(_mm512_and_si512(w, t->magnitude), t->shift);
    return _mm512_min_epu16(_mm512_subs_epu16(w, t->low), t->last);
}

/* Who looks at a window does more than the prefetchers wait for. */
BITX_AVX512_INLINE void sift_fetch(const uint8_t *p)
{
    const uintptr_t at = (uintptr_t)p + AHEAD;
    _mm_prefetch((const char *)at, _MM_HINT_T0);
    _mm_prefetch((const char *)(at + 64), _MM_HINT_T0);
}

/* n of at most 64 elements; zeros behind them. */
BITX_AVX512_INLINE void sift_pair(const uint8_t *p, size_t n, __m512i *w0, __m512i *w1)
{
    if (n == WINDOW) {
        *w0 = load512(p);
        *w1 = load512(p + 64);
        return;
    }
    *w0 = load512_first(p, 2 * (n < 32 ? n : 32));
    *w1 = _mm512_setzero_si512();
    if (n > 32)
        *w1 = load512_first(p + 64, 2 * (n - 32));
}

/* Eight masks of n elements, one for each group of the eight: a byte with the bit of its group for
   every element, and these turned. */
BITX_AVX512_INLINE __m512i sift_in(const sift_tables *t, __m512i eighth, __m512i w0, __m512i w1,
                                   size_t n)
{
    const __m512i diagonal = _mm512_set1_epi64((long long)0x8040201008040201);
    __m512i c = _mm512_packus_epi16(sift_classes(t, w0), sift_classes(t, w1));
    c = _mm512_permutexvar_epi8(t->backwards, _mm512_shuffle_epi8(eighth, c));
    c = _mm512_permutexvar_epi8(t->across, _mm512_gf2p8affine_epi64_epi8(diagonal, c, 0));
    if (n < WINDOW)
        c = _mm512_and_si512(c, _mm512_set1_epi64((long long)_bzhi_u64(~0ULL, (unsigned)n)));
    return c;
}

BITX_AVX512_INLINE void store_some(sift_windows *to, size_t window, __m512i v, __m512i mask)
{
    to->some[window] = (uint8_t)_cvtmask8_u32(_mm512_test_epi64_mask(v, mask));
}

/* ---- sift ---------------------------------------------------------------------------------- */

BITX_AVX512_INLINE uint64_t differing(const sift_tables *t, __m512i x0, __m512i x1, __m512i b0,
                                      __m512i b1)
{
    const __mmask32 d0 = _mm512_test_epi16_mask(_mm512_xor_si512(x0, b0), t->word);
    const __mmask32 d1 = _mm512_test_epi16_mask(_mm512_xor_si512(x1, b1), t->word);
    return _cvtmask64_u64(_mm512_kunpackd(d1, d0));
}

BITX_AVX512_INLINE __m512i sift_window(const sift_tables *t, sift_windows *to, size_t window,
                                       unsigned h, __mmask8 ones, const uint8_t *x,
                                       const uint8_t *base, size_t n, __m512i bit)
{
    __m512i x0, x1, b0, b1;
    sift_fetch(base);
    sift_pair(base, n, &b0, &b1);
    const __m512i in = sift_in(t, t->eighth[h], b0, b1, n);
    uint64_t coded = to->coded[window];
    if (h == 0) {
        sift_fetch(x);
        sift_pair(x, n, &x0, &x1);
        coded = differing(t, x0, x1, b0, b1);
    }
    if (ones)
        coded |= (uint64_t)_mm512_mask_reduce_or_epi64(ones, in);
    to->coded[window] = coded;
    store512((uint8_t *)&to->in[EIGHT * window], in);
    store512((uint8_t *)&to->bits[EIGHT * window], bit);
    store_some(to, window, in, _mm512_set1_epi64((long long)coded));
    return _mm512_add_epi64(bit, _mm512_popcnt_epi64(in));
}

BITX_AVX512_INLINE void put_bits(uint8_t *plane, uint64_t at, uint64_t bits)
{
    const unsigned shift = at % 8;
    uint8_t *p = plane + at / 8;
    uint64_t low;
    memcpy(&low, p, 8);
    low |= bits << shift;
    memcpy(p, &low, 8);
    p[8] |= (uint8_t)(bits >> 1 >> (63 - shift));
}

/* Planes of zeros, and the ones. */
BITX_AVX512_INLINE void put_planes(const sift_windows *from, size_t nwindows, uint8_t *const *bytes,
                                   size_t *bit, __m512i end, unsigned ngroups)
{
    uint64_t ends[EIGHT];
    store512((uint8_t *)ends, end);
    for (unsigned g = 0; g < ngroups; g++)
        memset(bytes[g] + bit[g] / 8 + 1, 0, ends[g] / 8 - bit[g] / 8);
    store512((uint8_t *)bit, end); /* of groups that are not there, as it was */
    for (size_t k = 0; 8 * k < nwindows; k++) {
        uint64_t some;
        memcpy(&some, from->some + 8 * k, 8);
        for (; some; some = _blsr_u64(some)) {
            const size_t i = 64 * k + (size_t)_tzcnt_u64(some);
            put_bits(bytes[i % EIGHT], from->bits[i],
                     _pext_u64(from->coded[i / EIGHT], from->in[i]));
        }
    }
}

/* The indices of the ones in masks of n windows, 16 bits each, from `first` on. */
BITX_AVX512_INLINE size_t list_places(uint8_t *places, const uint64_t *masks, size_t n,
                                      size_t first)
{
    const __m512i iota = _mm512_set_epi8(
        63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41,
        40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18,
        17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i at = _mm512_set1_epi16((short)first);
    uint8_t *end = places;
    for (size_t k = 0; k < n; k++) {
        const size_t count = (size_t)_mm_popcnt_u64(masks[k]);
        const __m512i bytes = _mm512_maskz_compress_epi8(_cvtu64_mask64(masks[k]), iota);
        const __m256i low = _mm512_castsi512_si256(bytes);
        store512(end, _mm512_add_epi16(at, _mm512_cvtepu8_epi16(low)));
        if (count > 32) {
            const __m256i high = _mm512_extracti64x4_epi64(bytes, 1);
            store512(end + 64, _mm512_add_epi16(at, _mm512_cvtepu8_epi16(high)));
        }
        end += 2 * count;
        at = _mm512_add_epi16(at, _mm512_set1_epi16(WINDOW));
    }
    return (size_t)(end - places) / 2;
}

BITX_AVX512_INLINE void take_coded(uint8_t *coded, uint8_t *coded_base, const uint8_t *places,
                                   size_t n, const uint8_t *x, const uint8_t *base)
{
    for (size_t k = 0; k < n; k++) {
        uint16_t place;
        memcpy(&place, places + 2 * k, 2);
        memcpy(coded + 2 * k, x + 2 * (size_t)place, 2);
        memcpy(coded_base + 2 * k, base + 2 * (size_t)place, 2);
    }
}

BITX_AVX512_INLINE size_t sift_piece(const sift_tables *t, bitx_plane_sinks *planes, uint8_t *coded,
                                     uint8_t *coded_base, const uint8_t *x, const uint8_t *base,
                                     size_t n)
{
    sift_windows windows;
    uint8_t places[2 * (WINDOW * WINDOWS + 64)];
    const size_t nwindows = (n + WINDOW - 1) / WINDOW, rest = n % WINDOW;
    for (unsigned h = 0; EIGHT * h < t->ngroups; h++) {
        const unsigned ngroups = t->ngroups - EIGHT * h;
        const __mmask8 ones = (__mmask8)(planes->ones >> EIGHT * h);
        __m512i bit = load512((const uint8_t *)&planes->bit[EIGHT * h]);
        size_t k = 0;
        memset(windows.some, 0, sizeof(windows.some));
        for (; k < n / WINDOW; k++)
            bit = sift_window(t, &windows, k, h, ones, x + 128 * k, base + 128 * k, WINDOW, bit);
        if (rest)
            bit = sift_window(t, &windows, k, h, ones, x + 128 * k, base + 128 * k, rest, bit);
        put_planes(&windows, nwindows, planes->bytes + EIGHT * h, planes->bit + EIGHT * h, bit,
                   ngroups < EIGHT ? ngroups : EIGHT);
    }
    const size_t ncoded = list_places(places, windows.coded, nwindows, 0);
    take_coded(coded, coded_base, places, ncoded, x, base);
    return ncoded;
}

BITX_AVX512 size_t bitx_delta_sift_u16_avx512(uint8_t *coded, uint8_t *coded_base,
                                              bitx_plane_sinks *planes, const uint8_t *x,
                                              const uint8_t *base, size_t nelem,
                                              const bitx_delta_params *params)
{
    const sift_tables t = sift_load(params, planes->group);
    size_t ncoded = 0;
    sift_begin(planes, t.ngroups);
    for (size_t i = 0, n; i < nelem; i += n) {
        n = nelem - i < WINDOW * WINDOWS ? nelem - i : WINDOW * WINDOWS;
        ncoded += sift_piece(&t, planes, coded + 2 * ncoded, coded_base + 2 * ncoded, x + 2 * i,
                             base + 2 * i, n);
    }
    return ncoded;
}

/* ---- places -------------------------------------------------------------------------------- */

/* Where the next bits of eight groups come from: addresses. keep: all ones, or 0 where there is no
   plane. */
typedef struct sift_eight {
    __m512i bytes, bit, keep;
} sift_eight;

BITX_AVX512_INLINE void sift_open_eight(sift_eight *to, const bitx_plane_sources *planes,
                                        unsigned h)
{
    static const uint64_t constant[2][2] = {{0}, {UINT64_MAX, UINT64_MAX}};
    const __m512i bytes = load512((const uint8_t *)&planes->bytes[EIGHT * h]);
    const __mmask8 plane = _mm512_test_epi64_mask(bytes, bytes);
    const __m512i zeros = _mm512_set1_epi64((long long)(uintptr_t)constant[0]);
    const __m512i ones = _mm512_set1_epi64((long long)(uintptr_t)constant[1]);
    to->keep = _mm512_maskz_set1_epi64(plane, -1);
    to->bytes = _mm512_mask_mov_epi64(zeros, (__mmask8)(planes->ones >> EIGHT * h), ones);
    to->bytes = _mm512_mask_mov_epi64(to->bytes, plane, bytes);
    to->bit = load512((const uint8_t *)&planes->bit[EIGHT * h]);
}

/* As many bits of the planes as there are elements of each group. */
BITX_AVX512_INLINE __m512i sift_next_eight(sift_eight *from, __m512i in)
{
    const __m512i counts = _mm512_popcnt_epi64(in);
    const __m512i at = _mm512_and_si512(from->bit, from->keep);
    const __m512i p = _mm512_add_epi64(from->bytes, _mm512_srli_epi64(at, 3));
    const __m512i shift = _mm512_and_si512(at, _mm512_set1_epi64(7));
    const __m512i low = _mm512_i64gather_epi64(p, NULL, 1);
    __m512i bits = _mm512_srlv_epi64(low, shift);
    if (_mm512_cmpgt_epu64_mask(counts, _mm512_set1_epi64(57))) {
        const __m512i high = _mm512_i64gather_epi64(p, (const void *)8, 1);
        bits = _mm512_shrdv_epi64(low, high, shift);
    }
    const __m512i one = _mm512_set1_epi64(1);
    from->bit = _mm512_add_epi64(from->bit, counts);
    return _mm512_and_si512(bits, _mm512_sub_epi64(_mm512_sllv_epi64(one, counts), one));
}

BITX_AVX512_INLINE void places_window(const sift_tables *t, sift_windows *to, size_t window,
                                      __m512i eighth, sift_eight *from, const uint8_t *base,
                                      size_t n)
{
    __m512i w0, w1;
    sift_fetch(base);
    sift_pair(base, n, &w0, &w1);
    const __m512i in = sift_in(t, eighth, w0, w1, n);
    const __m512i bits = sift_next_eight(from, in);
    store512((uint8_t *)&to->in[EIGHT * window], in);
    store512((uint8_t *)&to->bits[EIGHT * window], bits);
    store_some(to, window, bits, bits);
}

BITX_AVX512_INLINE void place_bits(sift_windows *windows, size_t nwindows)
{
    for (size_t k = 0; 8 * k < nwindows; k++) {
        uint64_t some;
        memcpy(&some, windows->some + 8 * k, 8);
        for (; some; some = _blsr_u64(some)) {
            const size_t i = 64 * k + (size_t)_tzcnt_u64(some);
            windows->coded[i / EIGHT] |= _pdep_u64(windows->bits[i], windows->in[i]);
        }
    }
}

BITX_AVX512 size_t bitx_delta_places_u16_avx512(uint8_t *places, bitx_plane_sources *planes,
                                                const uint8_t *base, size_t nelem,
                                                const bitx_delta_params *params)
{
    const sift_tables t = sift_load(params, planes->group);
    sift_windows windows;
    sift_eight sources[2];
    size_t ncoded = 0;
    for (unsigned h = 0; h < 2; h++)
        sift_open_eight(&sources[h], planes, h);
    for (size_t i = 0; i < nelem; i += WINDOW * WINDOWS) {
        const size_t n = nelem - i < WINDOW * WINDOWS ? nelem - i : WINDOW * WINDOWS;
        const size_t nwindows = (n + WINDOW - 1) / WINDOW, rest = n % WINDOW;
        const uint8_t *p = base + 2 * i;
        memset(windows.coded, 0, sizeof(windows.coded));
        for (unsigned h = 0; EIGHT * h < t.ngroups; h++) {
            sift_eight from = sources[h];
            size_t k = 0;
            memset(windows.some, 0, sizeof(windows.some));
            for (; k < n / WINDOW; k++)
                places_window(&t, &windows, k, t.eighth[h], &from, p + 128 * k, WINDOW);
            if (rest)
                places_window(&t, &windows, k, t.eighth[h], &from, p + 128 * k, rest);
            sources[h] = from;
            place_bits(&windows, nwindows);
        }
        ncoded += list_places(places + 2 * ncoded, windows.coded, nwindows, i);
    }
    for (unsigned h = 0; h < 2; h++)
        store512((uint8_t *)&planes->bit[EIGHT * h], sources[h].bit);
    return ncoded;
}

#endif
