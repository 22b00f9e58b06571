#include "records.h"

#include <stddef.h>

#define HALF                                                                                       \
    {                                                                                              \
        2, BITX_F16                                                                                \
    }
#define SINGLE                                                                                     \
    {                                                                                              \
        4, BITX_F32                                                                                \
    }
#define BYTES(n)                                                                                   \
    {                                                                                              \
        (n), BITX_U8                                                                               \
    }
#define SIGNED(n)                                                                                  \
    {                                                                                              \
        (n), BITX_I8                                                                               \
    }

static const bitx_record records[] = {
    [BITX_Q4_0 - BITX_Q4_0] = {18, 2, {HALF, BYTES(16)}},
    [BITX_Q4_1 - BITX_Q4_0] = {20, 3, {HALF, HALF, BYTES(16)}},
    [BITX_Q5_0 - BITX_Q4_0] = {22, 3, {HALF, BYTES(4), BYTES(16)}},
    [BITX_Q5_1 - BITX_Q4_0] = {24, 4, {HALF, HALF, BYTES(4), BYTES(16)}},
    [BITX_Q8_0 - BITX_Q4_0] = {34, 2, {HALF, SIGNED(32)}},
    [BITX_Q8_1 - BITX_Q4_0] = {36, 3, {HALF, HALF, SIGNED(32)}},
    [BITX_Q2_K - BITX_Q4_0] = {84, 4, {BYTES(16), BYTES(64), HALF, HALF}},
    [BITX_Q3_K - BITX_Q4_0] = {110, 4, {BYTES(32), BYTES(64), BYTES(12), HALF}},
    [BITX_Q4_K - BITX_Q4_0] = {144, 4, {HALF, HALF, BYTES(12), BYTES(128)}},
    [BITX_Q5_K - BITX_Q4_0] = {176, 5, {HALF, HALF, BYTES(12), BYTES(32), BYTES(128)}},
    [BITX_Q6_K - BITX_Q4_0] = {210, 4, {BYTES(128), BYTES(64), SIGNED(16), HALF}},
    [BITX_Q8_K - BITX_Q4_0] = {292, 3, {SINGLE, SIGNED(256), {32, BITX_I16}}},
    [BITX_IQ4_NL - BITX_Q4_0] = {18, 2, {HALF, BYTES(16)}},
    [BITX_IQ4_XS - BITX_Q4_0] = {136, 4, {HALF, {2, BITX_U16}, BYTES(4), BYTES(128)}},
    [BITX_MXFP4 - BITX_Q4_0] = {17, 2, {BYTES(1), BYTES(16)}},
};

const bitx_record *bitx_record_of(bitx_dtype dtype)
{
    unsigned i = (unsigned)dtype - BITX_Q4_0;
    return i < sizeof(records) / sizeof(records[0]) ? &records[i] : NULL;
}
