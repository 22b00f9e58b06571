/* The order of the codec table: the yardstick, general coders, the field's recipes, ours. */
#include "baselines.h"

const bench_codec *bench_codec_at(size_t index)
{
    static const bench_codec *const all[] = {
        &bench_codec_memcpy,      &bench_codec_zstd_1,        &bench_codec_zstd_3,
        &bench_codec_zstd_9,      &bench_codec_zstd_patch,    &bench_codec_fastcdc,
        &bench_codec_xet_bg4,     &bench_codec_blosc_shuffle, &bench_codec_blosc_bitshuffle,
        &bench_codec_bitshuffle,  &bench_codec_zipnn,         &bench_codec_zipnn_xor,
        &bench_codec_paper_bitx,  &bench_codec_tensorx,       &bench_codec_rans_o0,
        &bench_codec_rans_o1,     &bench_codec_fmdelta,       &bench_codec_frame_raw,
        &bench_codec_frame_zstd,  &bench_codec_frame_bitx,    &bench_codec_frame_float,
        &bench_codec_frame_delta, &bench_codec_frame_auto,    &bench_codec_frame_max,
    };
    return index < sizeof(all) / sizeof(all[0]) ? all[index] : NULL;
}
