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

/* 16 bits from bit number `bit` on, zeros beyond the end. */
static inline unsigned peek(const uint8_t *raw, size_t nbytes, size_t bit)
{
    size_t byte = bit / 8;
    unsigned v = byte < nbytes ? raw[byte] : 0;
    if (byte < nbytes && nbytes - byte > 1)
        v |= (unsigned)raw[byte + 1] << 8;
    return v >> bit % 8;
}

static inline unsigned restore_word(const bitx_delta_params *p, unsigned base, unsigned difference)
{
    unsigned top = p->sign ? 1u << (p->width - 1) : 0, word = (1u << p->width) - 1;
    unsigned v = (difference + (base & (word ^ top))) & word;
    return (v & top ? v ^ (word ^ top) : v) ^ (base & top);
}

int bitx_delta_restore_u16_scalar(uint8_t *dst, const uint8_t *base, bitx_delta_lists *lists,
                                  bitx_raw_source *raw, size_t nelem,
                                  const bitx_delta_params *params)
{
    const bitx_delta_params p = *params;
    const unsigned magnitude = ((1u << p.width) - 1) >> p.sign;
    size_t field = raw->bit[0], byte = raw->bit[1] / 8;
    unsigned widest = 0;
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
        if (symbol != RESTORE_SAME) {
            unsigned width = p.shift[c] + bitx_restore_extra[symbol & 63], raw_bits = 0;
            widest = width > widest ? width : widest;
            if (width >= 8) {
                raw_bits = byte < raw->nbytes[1] ? raw->bytes[1][byte] : 0;
                byte++;
            }
            unsigned above = peek(raw->bytes[0], raw->nbytes[0], field) & ((1u << width % 8) - 1);
            field += width % 8;
            raw_bits |= width >= 8 ? above << 8 : above;
            unsigned multiple =
                bitx_restore_low[symbol & 63] | (unsigned)bitx_restore_high[symbol & 63] << 8;
            difference = (multiple << p.shift[c]) + raw_bits - (1u << p.shift[c] >> 1);
        }
        uint16_t word = (uint16_t)(restore_word(&p, from, difference) << p.zero_bits);
        memcpy(dst + 2 * i, &word, 2);
    }
    raw->bit[0] = field;
    raw->bit[1] = 8 * byte;
    return widest > p.width - 2 || field > 8 * raw->nbytes[0] || byte > raw->nbytes[1];
}
