/* The coders that registry.c lists. */
#ifndef BENCH_BASELINES_H
#define BENCH_BASELINES_H

#include "bench/codec.h"

extern const bench_codec bench_codec_memcpy;
extern const bench_codec bench_codec_zstd_1, bench_codec_zstd_3, bench_codec_zstd_9;
extern const bench_codec bench_codec_zstd_patch;
extern const bench_codec bench_codec_paper_bitx, bench_codec_tensorx;
extern const bench_codec bench_codec_zipnn, bench_codec_zipnn_xor;
extern const bench_codec bench_codec_fmdelta;
extern const bench_codec bench_codec_fastcdc;
extern const bench_codec bench_codec_xet_bg4;
extern const bench_codec bench_codec_blosc_shuffle, bench_codec_blosc_bitshuffle;
extern const bench_codec bench_codec_rans_o0, bench_codec_rans_o1;
extern const bench_codec bench_codec_bitshuffle;
extern const bench_codec bench_codec_frame_raw, bench_codec_frame_zstd, bench_codec_frame_bitx;
extern const bench_codec bench_codec_frame_float, bench_codec_frame_delta, bench_codec_frame_auto;
extern const bench_codec bench_codec_frame_max;

#endif
