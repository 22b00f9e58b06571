/* F16 and F32 fields apart and together again, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "fields.h"

static inline __attribute__((always_inline)) void
split_f16(uint8_t *exponent, uint8_t *signman, const uint8_t *a, const uint8_t *b, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        unsigned lo = (unsigned)(a[2 * i] ^ (b ? b[2 * i] : 0));
        unsigned hi = (unsigned)(a[2 * i + 1] ^ (b ? b[2 * i + 1] : 0));
        exponent[i] = (uint8_t)(hi >> 2 & 0x1f);
        signman[2 * i] = (uint8_t)lo;
        signman[2 * i + 1] = (uint8_t)((hi >> 7) << 2 | (hi & 3));
    }
}

static inline __attribute__((always_inline)) void merge_f16(uint8_t *dst, const uint8_t *exponent,
                                                            const uint8_t *signman,
                                                            const uint8_t *b, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        unsigned lo = signman[2 * i], high = signman[2 * i + 1];
        unsigned hi = (high & 4) << 5 | (exponent[i] & 0x1fu) << 2 | (high & 3);
        dst[2 * i] = (uint8_t)(lo ^ (b ? b[2 * i] : 0));
        dst[2 * i + 1] = (uint8_t)(hi ^ (b ? b[2 * i + 1] : 0));
    }
}

static inline __attribute__((always_inline)) void
split_f32(uint8_t *exponent, uint8_t *signman, const uint8_t *a, const uint8_t *b, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        unsigned x2 = (unsigned)(a[4 * i + 2] ^ (b ? b[4 * i + 2] : 0));
        unsigned x3 = (unsigned)(a[4 * i + 3] ^ (b ? b[4 * i + 3] : 0));
        exponent[i] = (uint8_t)(x3 << 1 | x2 >> 7);
        signman[3 * i] = (uint8_t)(a[4 * i] ^ (b ? b[4 * i] : 0));
        signman[3 * i + 1] = (uint8_t)(a[4 * i + 1] ^ (b ? b[4 * i + 1] : 0));
        signman[3 * i + 2] = (uint8_t)((x3 & 0x80) | (x2 & 0x7f));
    }
}

static inline __attribute__((always_inline)) void merge_f32(uint8_t *dst, const uint8_t *exponent,
                                                            const uint8_t *signman,
                                                            const uint8_t *b, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        unsigned top = signman[3 * i + 2];
        unsigned x2 = (unsigned)exponent[i] << 7 | (top & 0x7f);
        unsigned x3 = (top & 0x80) | exponent[i] >> 1;
        dst[4 * i] = (uint8_t)(signman[3 * i] ^ (b ? b[4 * i] : 0));
        dst[4 * i + 1] = (uint8_t)(signman[3 * i + 1] ^ (b ? b[4 * i + 1] : 0));
        dst[4 * i + 2] = (uint8_t)(x2 ^ (b ? b[4 * i + 2] : 0));
        dst[4 * i + 3] = (uint8_t)(x3 ^ (b ? b[4 * i + 3] : 0));
    }
}

BITX_FIELDS_FUNCTIONS(, scalar, f16)
BITX_FIELDS_FUNCTIONS(, scalar, f32)
