/* Elements from those of a base, lists of symbols and raw bits, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include <string.h>

#include "restore.h"

// clang-format off
const uint8_t bitx_restore_low[64] = {
    0, 255, 1, 254, 2, 253, 3, 252, 4, 251, 5, 250, 6, 249, 7, 248, 8, 247, 9, 246, 10, 245, 11,
    244, 12, 243, 13, 242, 14, 241, 15, 240, 16, 238, 18, 234, 22, 226, 30, 210, 46, 178, 78, 114,
    142, 242, 14, 242, 14, 242, 14, 242, 14, 242, 14, 242, 14, 242, 14, 242, 0, 0, 0, 0,
};
const uint8_t bitx_restore_high[64] = {
    0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255,
    0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 254, 1, 253,
    2, 251, 4, 247, 8, 239, 16, 223, 32, 191, 64, 127, 0, 0, 0, 0,
};
const uint8_t bitx_restore_extra[64] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 0,
    0, 0, 0,
};
// clang-format on

int bitx_delta_restore_u16_scalar(uint8_t *dst, const uint8_t *base, bitx_delta_lists *lists,
                                  bitx_raw_source *raw, size_t nelem,
                                  const bitx_delta_params *params)
{
    const bitx_delta_params p = *params;
    const unsigned magnitude = ((1u << p.width) - 1) >> p.sign;
    restore_raw from_raw = restore_begin(raw);
    for (size_t i = 0; i < nelem; i++) {
        unsigned up = 0, difference = 0;
        uint16_t from;
        memcpy(&from, base + 2 * i, 2);
        from = (uint16_t)(from >> p.zero_bits);
        if (lists->scales)
            up = RESTORE_TOP_SCALE - lists->scales[i >> lists->chunk_log2];
        unsigned high = (from & magnitude) >> p.class_shift, low = p.class_low - up;
        unsigned c = high > low ? high - low : 0, symbol = RESTORE_SAME;
        c = c < p.nclasses ? c : p.nclasses - 1;
        if (up != RESTORE_TOP_SCALE - (unsigned)RESTORE_SAME_SCALE)
            symbol = *lists->next[lists->group[c]]++;
        if (symbol != RESTORE_SAME)
            difference = restore_difference(&from_raw, symbol, p.shift[c]);
        uint16_t word = restore_word(&p, from, difference);
        memcpy(dst + 2 * i, &word, 2);
    }
    return restore_end(&from_raw, raw, &p);
}
