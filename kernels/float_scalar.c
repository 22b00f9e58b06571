/* Words from symbols and raw bits of one width, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include <string.h>

/* Bytes that hold `bits` bits. */
static inline size_t bytes_of(size_t bits)
{
    return (bits + 7) / 8;
}

void bitx_float_join_u16_scalar(uint8_t *dst, const uint8_t *symbols, const uint8_t *raw,
                                size_t nelem, const bitx_float_params *params)
{
    const bitx_float_params p = *params;
    const unsigned top = p.width - 1, mask = (1u << p.width) - 1;
    size_t nbytes = bytes_of(p.shift * nelem), bit = 0;
    for (size_t i = 0; i < nelem; i++, bit += p.shift) {
        uint32_t q = 0;
        size_t byte = bit / 8, left = nbytes - byte;
        memcpy(&q, raw + byte, left < 4 ? left : 4);
        unsigned v = (p.low + symbols[i]) << p.shift | (q >> bit % 8 & ((1u << p.shift) - 1));
        if (p.fold == 1)
            v = v >> 1 | (v & 1) << top;
        else if (p.fold == 2)
            v = (v >> 1 ^ (0 - (v & 1))) & mask;
        uint16_t word = (uint16_t)(v << p.zero_bits);
        memcpy(dst + 2 * i, &word, 2);
    }
}
