/* Frames of earlier builds: all of tests/vectors/frames decode to what lies beside them. */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "golden.h"

static uint8_t frame[2 * GOLDEN_MAX], base[GOLDEN_MAX], tensor[GOLDEN_MAX], out[GOLDEN_MAX];

/* Decodes name.bitx; bit per codec of its blocks. */
static unsigned check(bitx_ctx *ctx, const char *name)
{
    char based_path[1024];
    snprintf(based_path, sizeof(based_path), FRAMES_DIR "/%s.base", name);
    const bool based = access(based_path, F_OK) == 0;
    size_t n = cu_read_file(FRAMES_DIR, name, "bitx", frame, sizeof(frame));
    size_t tensor_n = cu_read_file(FRAMES_DIR, name, "tensor", tensor, sizeof(tensor));
    size_t base_n = based ? cu_read_file(FRAMES_DIR, name, "base", base, sizeof(base)) : 0;
    size_t out_n = 0;
    bitx_status status = bitx_decode(ctx, out, sizeof(out), &out_n, frame, n, based ? base : NULL,
                                     based ? base_n : 0);
    cr_assert_eq(status, BITX_OK, "%s: %s", name, bitx_status_name(status));
    cr_assert_eq(out_n, tensor_n, "%s", name);
    cr_assert_eq(memcmp(out, tensor, out_n), 0, "%s: other bytes", name);

    bitx_frame *opened;
    bitx_frame_info info;
    unsigned codecs = 0;
    cr_assert_eq(bitx_frame_open(ctx, frame, n, &opened), BITX_OK);
    bitx_frame_get_info(opened, &info);
    cr_assert_eq(info.base_nbytes != 0, based, "%s", name);
    for (uint64_t i = 0; i < info.nblocks; i++) {
        uint64_t at;
        bitx_block row;
        cr_assert_eq(bitx_frame_block(opened, i, &at, &row), BITX_OK);
        codecs |= 1u << row.codec;
    }
    bitx_frame_close(opened);
    return codecs;
}

Test(golden, all_frames_decode)
{
    glob_t found;
    bitx_ctx *ctx;
    unsigned codecs = 0;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    cr_assert_eq(glob(FRAMES_DIR "/*.bitx", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *name = strrchr(found.gl_pathv[i], '/') + 1;
        *strrchr(name, '.') = '\0';
        codecs |= check(ctx, name);
    }
    globfree(&found);
    /* Each codec of this build is seen at work. */
    for (unsigned id = BITX_CODEC_RAW; id < BITX_CODEC_COUNT; id++)
        cr_assert_eq(codecs >> id & 1, cu_codec_exists((bitx_codec)id), "no golden frame has %s",
                     bitx_codec_name((bitx_codec)id));
    bitx_ctx_free(ctx);
}

Test(golden, none_is_missing)
{
    bitx_ctx *ctx;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    for (size_t i = 0; i < NGOLDENS; i++)
        check(ctx, goldens[i].name);
    bitx_ctx_free(ctx);
}
