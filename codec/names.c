/* Names of statuses, dtypes and codecs. */
#include <string.h>

#include "bitx/codec.h"

static const struct {
    const char *name;
    unsigned bits;
} dtypes[BITX_DTYPE_COUNT] = {
    [BITX_BYTES] = {"BYTES", 8},
    [BITX_BOOL] = {"BOOL", 8},
    [BITX_F4] = {"F4", 4},
    [BITX_F6_E2M3] = {"F6_E2M3", 6},
    [BITX_F6_E3M2] = {"F6_E3M2", 6},
    [BITX_U8] = {"U8", 8},
    [BITX_I8] = {"I8", 8},
    [BITX_F8_E5M2] = {"F8_E5M2", 8},
    [BITX_F8_E4M3] = {"F8_E4M3", 8},
    [BITX_F8_E8M0] = {"F8_E8M0", 8},
    [BITX_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [BITX_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [BITX_I16] = {"I16", 16},
    [BITX_U16] = {"U16", 16},
    [BITX_F16] = {"F16", 16},
    [BITX_BF16] = {"BF16", 16},
    [BITX_I32] = {"I32", 32},
    [BITX_U32] = {"U32", 32},
    [BITX_F32] = {"F32", 32},
    [BITX_C64] = {"C64", 64},
    [BITX_F64] = {"F64", 64},
    [BITX_I64] = {"I64", 64},
    [BITX_U64] = {"U64", 64},
    [BITX_Q4_0] = {"Q4_0", 8},
    [BITX_Q4_1] = {"Q4_1", 8},
    [BITX_Q5_0] = {"Q5_0", 8},
    [BITX_Q5_1] = {"Q5_1", 8},
    [BITX_Q8_0] = {"Q8_0", 8},
    [BITX_Q8_1] = {"Q8_1", 8},
    [BITX_Q2_K] = {"Q2_K", 8},
    [BITX_Q3_K] = {"Q3_K", 8},
    [BITX_Q4_K] = {"Q4_K", 8},
    [BITX_Q5_K] = {"Q5_K", 8},
    [BITX_Q6_K] = {"Q6_K", 8},
    [BITX_Q8_K] = {"Q8_K", 8},
    [BITX_IQ4_NL] = {"IQ4_NL", 8},
    [BITX_IQ4_XS] = {"IQ4_XS", 8},
    [BITX_MXFP4] = {"MXFP4", 8},
};

const char *bitx_dtype_name(bitx_dtype dtype)
{
    return (unsigned)dtype < BITX_DTYPE_COUNT ? dtypes[dtype].name : "?";
}

unsigned bitx_dtype_bits(bitx_dtype dtype)
{
    return (unsigned)dtype < BITX_DTYPE_COUNT ? dtypes[dtype].bits : 0;
}

bitx_dtype bitx_dtype_parse(const char *name, size_t length)
{
    unsigned i = 0;
    while (i < BITX_DTYPE_COUNT &&
           (strlen(dtypes[i].name) != length || memcmp(dtypes[i].name, name, length) != 0))
        i++;
    return (bitx_dtype)i;
}

const char *bitx_codec_name(bitx_codec codec)
{
    static const char *const names[BITX_CODEC_COUNT] = {"auto",  "raw",   "zstd",  "bitx",
                                                        "float", "delta", "fields"};
    return (unsigned)codec < BITX_CODEC_COUNT ? names[codec] : "?";
}

const char *bitx_status_name(bitx_status status)
{
    switch (status) {
    case BITX_OK:
        return "ok";
    case BITX_ERR_ARGUMENT:
        return "argument outside its range";
    case BITX_ERR_MEMORY:
        return "out of memory";
    case BITX_ERR_DST_SIZE:
        return "destination too small";
    case BITX_ERR_TRUNCATED:
        return "truncated frame";
    case BITX_ERR_MAGIC:
        return "not a bitx frame";
    case BITX_ERR_VERSION:
        return "unknown format version";
    case BITX_ERR_UNSUPPORTED:
        return "unsupported codec, predictor, dtype or flag";
    case BITX_ERR_CORRUPT:
        return "corrupt frame";
    case BITX_ERR_CHECKSUM:
        return "checksum mismatch";
    case BITX_ERR_NO_BASE:
        return "the frame needs its base";
    case BITX_ERR_WRONG_BASE:
        return "not the base that the frame was coded against";
    case BITX_ERR_SOURCE:
        return "reading the source failed";
    }
    return "unknown status";
}
