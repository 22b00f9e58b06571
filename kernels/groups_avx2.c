/* Elements to the lists of their groups and back, AVX2: pshufb with a row for each mask of eight.
 */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#if defined(__x86_64__)
#    include "shuffle_tables.h"
#    include "target_avx2.h"
#    include "group_tree_avx2.h"

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

/* Ones of each byte count its members, up to 255 times, and vpsadbw sums them. */
BITX_AVX2_APART void count_many(uint32_t counts[16], const uint8_t *classes,
                                const uint8_t group[16], size_t nelem)
{
    const unsigned ngroups = groups_of(group);
    const __m256i zero = _mm256_setzero_si256();
    size_t whole = nelem / 32 * 32;
    bitx_groups_count_u8_scalar(counts, classes + whole, group, nelem - whole);
    for (size_t at = 0; at < whole; at += (size_t)32 * 255) {
        size_t n = whole - at < (size_t)32 * 255 ? whole - at : (size_t)32 * 255;
        for (unsigned g = 0; g < ngroups; g += 4) {
            __m256i seen[4] = {zero, zero, zero, zero};
            for (size_t i = 0; i < n; i += 32) {
                __m256i of = groups32(group, classes + at + i);
                for (unsigned k = 0; k < 4; k++) {
                    __m256i in = _mm256_cmpeq_epi8(of, _mm256_set1_epi8((char)(g + k)));
                    seen[k] = _mm256_sub_epi8(seen[k], in);
                }
            }
            for (unsigned k = 0; k < 4; k++) {
                __m256i sums = _mm256_sad_epu8(seen[k], zero);
                uint64_t of[4];
                store256((uint8_t *)of, sums);
                counts[g + k] += (uint32_t)(of[0] + of[1] + of[2] + of[3]);
            }
        }
    }
}

BITX_AVX2 void bitx_groups_count_u8_avx2(uint32_t counts[16], const uint8_t *classes,
                                         const uint8_t group[16], size_t nelem)
{
    if (nelem < 192) /* a loop over the groups takes longer than it saves */
        bitx_groups_count_u8_scalar(counts, classes, group, nelem);
    else
        count_many(counts, classes, group, nelem);
}

/* Elements from which a tree and its planes take less time than the scalar loop (Sapphire Rapids).
   A test sets less. */
#    ifndef BITX_GROUPS_MERGE_MIN
#        define BITX_GROUPS_MERGE_MIN 16384
#    endif

BITX_AVX2_INLINE int any_none(const uint8_t *classes, size_t n)
{
    __m256i any = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i += 32)
        any = _mm256_or_si256(any, load256(classes + i));
    return _mm256_movemask_epi8(any) != 0;
}

BITX_AVX2_APART void merge_many(uint8_t *dst, const uint8_t *lists[16], const uint8_t *classes,
                                const uint8_t group[16], size_t nelem)
{
    group_merger merger;
    uint8_t part[PART + 64];
    size_t i = 0;
    const unsigned ngroups = groups_of(group);
    merger_begin(&merger, lists, ngroups);
    while (nelem - i >= 256) {
        size_t n = nelem - i < PART ? (nelem - i) / 64 * 64 : PART;
        int has_none = any_none(classes + i, n);
        memcpy(dst + i, merger_next(&merger, part, classes + i, group, n, has_none), n);
        i += n;
    }
    for (unsigned g = 0; g < ngroups; g++)
        lists[g] = merger.from[g];
    bitx_groups_merge_u8_scalar(dst + i, lists, classes + i, group, nelem - i);
}

BITX_AVX2 void bitx_groups_merge_u8_avx2(uint8_t *dst, const uint8_t *lists[16],
                                         const uint8_t *classes, const uint8_t group[16],
                                         size_t nelem)
{
    if (nelem < BITX_GROUPS_MERGE_MIN)
        bitx_groups_merge_u8_scalar(dst, lists, classes, group, nelem);
    else
        merge_many(dst, lists, classes, group, nelem);
}

#endif
