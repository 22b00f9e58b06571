/* Differences of words in the order of the numbers they mean, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

#include <string.h>

/* Magnitude bits inverted where the sign is set: to two's complement, and back. */
#define MAP(v, top) ((v) ^ ((0 - ((v) >> (top))) & (((uint64_t)1 << (top)) - 1)))

/* One loop, in words of their own type, which compilers make vectors of. */
#define DIFF(name, bits, result)                                                                   \
    void bitx_##name##_u##bits##_scalar(uint8_t *dst, const uint8_t *x, const uint8_t *base,       \
                                        size_t nelem)                                              \
    {                                                                                              \
        typedef uint##bits##_t word;                                                               \
        const unsigned top = bits - 1;                                                             \
        for (size_t i = 0; i < nelem; i++) {                                                       \
            word w, b;                                                                             \
            memcpy(&w, x + i * sizeof(word), sizeof(word));                                        \
            memcpy(&b, base + i * sizeof(word), sizeof(word));                                     \
            word sign = (word)((word)(b >> top) << top);                                           \
            (void)sign;                                                                            \
            w = (word)(result);                                                                    \
            memcpy(dst + i * sizeof(word), &w, sizeof(word));                                      \
        }                                                                                          \
    }

#define DIFF_WIDTHS(name, result)                                                                  \
    DIFF(name, 8, result)                                                                          \
    DIFF(name, 16, result)                                                                         \
    DIFF(name, 32, result)                                                                         \
    DIFF(name, 64, result)

DIFF_WIDTHS(float_diff, MAP((word)(w ^ sign), top) - (word)(b ^ sign))
DIFF_WIDTHS(float_undiff, MAP((word)(w + (word)(b ^ sign)), top) ^ sign)
DIFF_WIDTHS(int_diff, w - b)
DIFF_WIDTHS(int_undiff, w + b)
