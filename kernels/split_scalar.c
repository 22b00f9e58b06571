/* Float fields apart and together again, any CPU. */
#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"
#include "fields.h"

static inline __attribute__((always_inline)) void
split_bf16(uint8_t *exponent, uint8_t *signman, const uint8_t *a, const uint8_t *b, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        unsigned lo = (unsigned)(a[2 * i] ^ (b ? b[2 * i] : 0));
        unsigned hi = (unsigned)(a[2 * i + 1] ^ (b ? b[2 * i + 1] : 0));
        exponent[i] = (uint8_t)(hi << 1 | lo >> 7);
        signman[i] = (uint8_t)((hi & 0x80) | (lo & 0x7f));
    }
}

static inline __attribute__((always_inline)) void merge_bf16(uint8_t *dst, const uint8_t *exponent,
                                                             const uint8_t *signman,
                                                             const uint8_t *b, size_t nelem)
{
    for (size_t i = 0; i < nelem; i++) {
        unsigned lo = (unsigned)(exponent[i] << 7 | (signman[i] & 0x7f));
        unsigned hi = (unsigned)((signman[i] & 0x80) | exponent[i] >> 1);
        dst[2 * i] = (uint8_t)(lo ^ (b ? b[2 * i] : 0));
        dst[2 * i + 1] = (uint8_t)(hi ^ (b ? b[2 * i + 1] : 0));
    }
}

BITX_FIELDS_FUNCTIONS(, scalar, bf16)
