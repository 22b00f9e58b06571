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

void bitx_map_u8_scalar(uint8_t *dst, const uint8_t *src, const uint8_t table[256], size_t nelem)
{
    for (size_t i = 0; i < nelem; i++)
        dst[i] = table[src[i]];
}
