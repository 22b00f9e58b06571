/* The golden frames: what make_frames writes and codec_golden must find. Add rows, never change
   one: a frame, once in tests/vectors/frames, is decoded for ever. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "codec_util.h"

enum { GOLDEN_MAX = 24000 };

typedef struct golden {
    const char *name;
    bitx_dtype dtype;
    bitx_codec codec;
    cu_kind kind;
    size_t n, base_n;
} golden;

/* Blocks of 4 KiB. Names: codec, dtype, what is special. */
static const golden goldens[] = {
    {"raw-bytes-empty", BITX_BYTES, BITX_CODEC_RAW, CU_RANDOM, 0, 0},
    {"raw-bf16-one-byte", BITX_BF16, BITX_CODEC_RAW, CU_RANDOM, 1, 0},
    {"raw-f32-two-blocks", BITX_F32, BITX_CODEC_RAW, CU_RANDOM, 4099, 0},
    {"zstd-u8-text", BITX_U8, BITX_CODEC_ZSTD, CU_REPEAT, 9001, 0},
    {"bitx-bf16-odd", BITX_BF16, BITX_CODEC_BITX, CU_NEAR, 8195, 8195},
    {"bitx-bf16-shorter-base", BITX_BF16, BITX_CODEC_BITX, CU_SPARSE, 9000, 4999},
    {"bitx-bf16-longer-base", BITX_BF16, BITX_CODEC_BITX, CU_SPARSE, 5000, 7001},
    {"bitx-bf16-no-base", BITX_BF16, BITX_CODEC_BITX, CU_NEAR, 6000, 0},
    {"bitx-bf16-same", BITX_BF16, BITX_CODEC_BITX, CU_SAME, 6000, 6000},
    {"bitx-f16", BITX_F16, BITX_CODEC_BITX, CU_NEAR, 6001, 6001},
    {"bitx-f32", BITX_F32, BITX_CODEC_BITX, CU_NEAR, 6003, 6003},
    {"bitx-f64", BITX_F64, BITX_CODEC_BITX, CU_NEAR, 6007, 6007},
    {"bitx-c64", BITX_C64, BITX_CODEC_BITX, CU_NEAR, 6002, 6002},
    {"bitx-f8", BITX_F8_E4M3, BITX_CODEC_BITX, CU_NEAR, 6000, 6000},
    {"bitx-f4", BITX_F4, BITX_CODEC_BITX, CU_SPARSE, 6000, 6000},
    {"auto-bf16-random", BITX_BF16, BITX_CODEC_AUTO, CU_RANDOM, 5000, 5000},
    {"auto-i64-sparse", BITX_I64, BITX_CODEC_AUTO, CU_SPARSE, 12000, 12000},
    {"delta-bf16", BITX_BF16, BITX_CODEC_DELTA, CU_NEAR, 9001, 9001},
    {"delta-bf16-sparse", BITX_BF16, BITX_CODEC_DELTA, CU_SPARSE, 9000, 9000},
    {"delta-bf16-same", BITX_BF16, BITX_CODEC_DELTA, CU_SAME, 5001, 5001},
    {"delta-bf16-zero", BITX_BF16, BITX_CODEC_DELTA, CU_ZERO, 5000, 5000},
    {"delta-bf16-small", BITX_BF16, BITX_CODEC_DELTA, CU_NEAR, 600, 600},
    {"delta-bf16-shorter-base", BITX_BF16, BITX_CODEC_DELTA, CU_NEAR, 9000, 4999},
    {"delta-bf16-longer-base", BITX_BF16, BITX_CODEC_DELTA, CU_SPARSE, 5000, 7001},
    {"delta-f16", BITX_F16, BITX_CODEC_DELTA, CU_NEAR, 6001, 6001},
    {"delta-f32", BITX_F32, BITX_CODEC_DELTA, CU_NEAR, 6003, 6003},
    {"delta-f64", BITX_F64, BITX_CODEC_DELTA, CU_NEAR, 6007, 6007},
    {"delta-c64", BITX_C64, BITX_CODEC_DELTA, CU_NEAR, 6002, 6002},
    {"delta-f8", BITX_F8_E4M3, BITX_CODEC_DELTA, CU_NEAR, 6000, 6000},
    {"delta-f8-e5m2", BITX_F8_E5M2, BITX_CODEC_DELTA, CU_SPARSE, 6000, 6000},
    {"delta-i8", BITX_I8, BITX_CODEC_DELTA, CU_NEAR, 6000, 6000},
    {"delta-i32", BITX_I32, BITX_CODEC_DELTA, CU_NEAR, 6002, 6002},
    {"delta-u64", BITX_U64, BITX_CODEC_DELTA, CU_SPARSE, 6001, 6001},
    {"float-bf16", BITX_BF16, BITX_CODEC_FLOAT, CU_NEAR, 9001, 0},
    {"float-bf16-zero", BITX_BF16, BITX_CODEC_FLOAT, CU_ZERO, 5000, 0},
    {"float-f16", BITX_F16, BITX_CODEC_FLOAT, CU_NEAR, 6001, 0},
    {"float-f32", BITX_F32, BITX_CODEC_FLOAT, CU_NEAR, 6003, 0},
    {"float-f64", BITX_F64, BITX_CODEC_FLOAT, CU_NEAR, 6007, 0},
    {"float-f8", BITX_F8_E4M3, BITX_CODEC_FLOAT, CU_NEAR, 6000, 0},
    {"float-i16", BITX_I16, BITX_CODEC_FLOAT, CU_NEAR, 6001, 0},
    {"float-u8", BITX_U8, BITX_CODEC_FLOAT, CU_REPEAT, 6001, 0},
    {"delta-bf16-tuned", BITX_BF16, BITX_CODEC_DELTA, CU_TUNED, 20000, 20000},
    {"delta-bf16-tuned-one-block", BITX_BF16, BITX_CODEC_DELTA, CU_TUNED, 4000, 4000},
    {"delta-f16-tuned", BITX_F16, BITX_CODEC_DELTA, CU_TUNED, 16001, 15000},
    {"delta-f32-tuned", BITX_F32, BITX_CODEC_DELTA, CU_TUNED, 16003, 16003},
    {"delta-f64-tuned", BITX_F64, BITX_CODEC_DELTA, CU_TUNED, 16003, 16003},
    {"fields-q4_0", BITX_Q4_0, BITX_CODEC_FIELDS, CU_RECORDS, 18000, 18000},
    {"fields-q4_0-alone", BITX_Q4_0, BITX_CODEC_FIELDS, CU_RECORDS, 9007, 0},
    {"fields-q5_1-shorter-base", BITX_Q5_1, BITX_CODEC_FIELDS, CU_RECORDS, 16000, 11000},
    {"fields-q6_k", BITX_Q6_K, BITX_CODEC_FIELDS, CU_RECORDS, 20000, 20000},
    {"fields-q8_k", BITX_Q8_K, BITX_CODEC_FIELDS, CU_RECORDS, 23000, 23000},
    {"fields-iq4_xs-longer-base", BITX_IQ4_XS, BITX_CODEC_FIELDS, CU_RECORDS, 12001, 15000},
    {"fields-mxfp4-same", BITX_MXFP4, BITX_CODEC_FIELDS, CU_SAME, 17000, 17000},
    {"delta-bf16-sparse-long", BITX_BF16, BITX_CODEC_DELTA, CU_SPARSE, 23000, 23000},
};
enum { NGOLDENS = sizeof(goldens) / sizeof(goldens[0]) };

#endif
