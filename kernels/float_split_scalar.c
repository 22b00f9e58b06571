/* Elements by themselves to symbols and raw bits, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include <string.h>

#include "float_string.h"

int bitx_float_split_u16_scalar(uint8_t *symbols, uint8_t *raw, const uint8_t *src, size_t nelem,
                                const bitx_float_params *params)
{
    const bitx_float_params p = *params;
    const unsigned top = p.width - 1, all = (1u << p.width) - 1, mask = (1u << p.shift) - 1;
    unsigned above = 0;
    float_string to = {raw, 0, 0};
    for (size_t i = 0; i < nelem; i++) {
        uint16_t word;
        memcpy(&word, src + 2 * i, 2);
        unsigned x = (unsigned)word >> p.zero_bits, v = x;
        if (p.fold == FLOAT_FOLD_SIGN)
            v = (x << 1 & all) | x >> top;
        else if (p.fold == FLOAT_FOLD_INTEGER)
            v = (x << 1 & all) ^ ((0 - (x >> top)) & all);
        unsigned symbol = (v >> p.shift) - p.low;
        above |= symbol;
        symbols[i] = (uint8_t)symbol;
        float_put(&to, v & mask, p.shift);
    }
    float_end(&to);
    return above > 255;
}
