/* Elements to the lists of their groups and back, AVX2: pshufb with a row for each mask of eight.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "lists.h"
#    include "shuffle_tables.h"
#    include "target_avx2.h"

enum { GROUPS = 16 };

static inline unsigned groups_of(const uint8_t group[16])
{
    unsigned most = 0;
    for (unsigned c = 0; c < 16; c++)
        most = group[c] > most ? group[c] : most;
    return most + 1;
}

/* Groups of 32 classes: vpshufb gives 0 for the class 0xff, and the or makes it 0xff. */
BITX_AVX2_INLINE __m256i groups32(const uint8_t group[16], const uint8_t *classes)
{
    __m256i table = _mm256_broadcastsi128_si256(load128(group)), c = load256(classes);
    __m256i none = _mm256_cmpgt_epi8(_mm256_setzero_si256(), c);
    return _mm256_or_si256(_mm256_shuffle_epi8(table, c), none);
}

BITX_AVX2_INLINE uint32_t members(__m256i groups, unsigned g)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, _mm256_set1_epi8((char)g)));
}

/* How many of the first n elements, a multiple of 32, are in each group. */
BITX_AVX2_INLINE void group_sizes(size_t sizes[GROUPS], const uint8_t *classes,
                                  const uint8_t group[16], unsigned ngroups, size_t n)
{
    for (unsigned g = 0; g < ngroups; g++)
        sizes[g] = 0;
    for (size_t i = 0; i < n; i += 32) {
        __m256i groups = groups32(group, classes + i);
        for (unsigned g = 0; g < ngroups; g++)
            sizes[g] += (size_t)_mm_popcnt_u32(members(groups, g));
    }
}

/* The members among 32 elements; stores eight bytes where only some are wanted. */
BITX_AVX2_INLINE uint8_t *pack_members(uint8_t *to, const uint8_t *src, uint32_t mask)
{
    for (unsigned k = 0; k < 32; k += 8, mask >>= 8) {
        __m128i x = _mm_loadl_epi64((const __m128i *)(const void *)(src + k));
        __m128i row =
            _mm_loadl_epi64((const __m128i *)(const void *)&bitx_shuffle_pack8[mask & 255]);
        _mm_storel_epi64((__m128i *)(void *)to, _mm_shuffle_epi8(x, row));
        to += _mm_popcnt_u32(mask & 255);
    }
    return to;
}

static inline uint8_t *copy_members(uint8_t *to, const uint8_t *src, uint32_t mask)
{
    for (; mask; mask &= mask - 1)
        *to++ = src[__builtin_ctz(mask)];
    return to;
}

/* The lists' ends are counted first, since another list may begin there. */
BITX_AVX2 void bitx_groups_split_u8_avx2(uint8_t *lists[16], const uint8_t *src,
                                         const uint8_t *classes, const uint8_t group[16],
                                         size_t nelem)
{
    const unsigned ngroups = groups_of(group);
    size_t whole = nelem / 32 * 32, left[GROUPS];
    group_sizes(left, classes, group, ngroups, whole);
    for (size_t i = 0; i < whole; i += 32) {
        __m256i groups = groups32(group, classes + i);
        for (unsigned g = 0; g < ngroups; g++) {
            uint32_t mask = members(groups, g);
            uint8_t *to = lists[g];
            lists[g] =
                left[g] >= 40 ? pack_members(to, src + i, mask) : copy_members(to, src + i, mask);
            left[g] -= (size_t)(lists[g] - to);
        }
    }
    bitx_groups_split_u8_scalar(lists, src + whole, classes + whole, group, nelem - whole);
}

/* The next of the list at the places of the mask among 32, zero elsewhere. */
BITX_AVX2_INLINE __m256i expand_members(const uint8_t *from, uint32_t mask)
{
    uint64_t v[4];
    for (unsigned k = 0; k < 4; k++, mask >>= 8) {
        __m128i x = _mm_loadl_epi64((const __m128i *)(const void *)from);
        __m128i row =
            _mm_loadl_epi64((const __m128i *)(const void *)&bitx_shuffle_expand8[mask & 255]);
        v[k] = (uint64_t)_mm_cvtsi128_si64(_mm_shuffle_epi8(x, row));
        from += _mm_popcnt_u32(mask & 255);
    }
    return _mm256_set_epi64x((long long)v[3], (long long)v[2], (long long)v[1], (long long)v[0]);
}

BITX_AVX2 void bitx_groups_merge_u8_avx2(uint8_t *dst, const uint8_t *lists[16],
                                         const uint8_t *classes, const uint8_t group[16],
                                         size_t nelem)
{
    const unsigned ngroups = groups_of(group);
    size_t whole = nelem / 32 * 32, sizes[GROUPS];
    list from[GROUPS];
    group_sizes(sizes, classes, group, ngroups, whole);
    for (unsigned g = 0; g < ngroups; g++)
        list_begin(&from[g], lists[g], sizes[g]);
    for (size_t i = 0; i < whole; i += 32) {
        __m256i groups = groups32(group, classes + i);
        __m256i v = _mm256_cmpeq_epi8(groups, _mm256_set1_epi8(-1));
        for (unsigned g = 0; g < ngroups; g++) {
            uint32_t mask = members(groups, g);
            list_keep_readable(&from[g], 32);
            v = _mm256_or_si256(v, expand_members(from[g].next, mask));
            list_move(&from[g], from[g].next + _mm_popcnt_u32(mask));
        }
        store256(dst + i, v);
    }
    for (unsigned g = 0; g < ngroups; g++)
        lists[g] += sizes[g];
    bitx_groups_merge_u8_scalar(dst + whole, lists, classes + whole, group, nelem - whole);
}

#endif
