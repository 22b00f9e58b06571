/* Elements to the lists of their groups and back; a table for each byte. Any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

enum { NO_CLASS = 0xff };

void bitx_groups_split_u8_scalar(uint8_t *lists[16], const uint8_t *src, const uint8_t *classes,
                                 const uint8_t group[16], size_t nelem)
{
    for (size_t i = 0; i < nelem; i++)
        if (classes[i] != NO_CLASS)
            *lists[group[classes[i]]]++ = src[i];
}

void bitx_groups_merge_u8_scalar(uint8_t *dst, const uint8_t *lists[16], const uint8_t *classes,
                                 const uint8_t group[16], size_t nelem)
{
    for (size_t i = 0; i < nelem; i++)
        dst[i] = classes[i] == NO_CLASS ? 0xff : *lists[group[classes[i]]]++;
}

void bitx_groups_count_u8_scalar(uint32_t counts[16], const uint8_t *classes,
                                 const uint8_t group[16], size_t nelem)
{
    uint32_t seen[4][256] = {{0}}; /* so that equal neighbours do not wait for each other */
    size_t i = 0;
    for (; i + 4 <= nelem; i += 4) {
        seen[0][classes[i]]++;
        seen[1][classes[i + 1]]++;
        seen[2][classes[i + 2]]++;
        seen[3][classes[i + 3]]++;
    }
    for (; i < nelem; i++)
        seen[0][classes[i]]++;
    for (unsigned g = 0; g < 16; g++)
        counts[g] = 0;
    for (unsigned c = 0; c < 16; c++)
        counts[group[c]] += seen[0][c] + seen[1][c] + seen[2][c] + seen[3][c];
}

void bitx_map_u8_scalar(uint8_t *dst, const uint8_t *src, const uint8_t table[256], size_t nelem)
{
    for (size_t i = 0; i < nelem; i++)
        dst[i] = table[src[i]];
}
