/* Frames of earlier builds: all of tests/vectors/frames decode to what lies beside them. */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"

static uint8_t frame[2 * GOLDEN_MAX], base[GOLDEN_MAX], tensor[GOLDEN_MAX], out[GOLDEN_MAX];

/* Bytes read, or SIZE_MAX if there is no such file. */
static size_t read_file(const char *stem, const char *kind, uint8_t *dst, size_t cap)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s.%s", stem, kind);
    FILE *f = fopen(path, "rb");
    if (!f)
        return SIZE_MAX;
    size_t n = fread(dst, 1, cap, f);
    cr_assert(feof(f) || n < cap, "%s is too long", path);
    fclose(f);
    return n;
}

/* Decodes stem.bitx; bit per codec of its blocks. */
static unsigned check(bitx_ctx *ctx, const char *stem)
{
    size_t n = read_file(stem, "bitx", frame, sizeof(frame));
    size_t tensor_n = read_file(stem, "tensor", tensor, sizeof(tensor));
    size_t base_n = read_file(stem, "base", base, sizeof(base));
    cr_assert_neq(n, SIZE_MAX, "%s", stem);
    cr_assert_neq(tensor_n, SIZE_MAX, "%s", stem);
    bool based = base_n != SIZE_MAX;
    size_t out_n = 0;
    bitx_status status = bitx_decode(ctx, out, sizeof(out), &out_n, frame, n, based ? base : NULL,
                                     based ? base_n : 0);
    cr_assert_eq(status, BITX_OK, "%s: %s", stem, bitx_status_name(status));
    cr_assert_eq(out_n, tensor_n, "%s", stem);
    cr_assert_eq(memcmp(out, tensor, out_n), 0, "%s: other bytes", stem);

    bitx_frame *opened;
    bitx_frame_info info;
    unsigned codecs = 0;
    cr_assert_eq(bitx_frame_open(ctx, frame, n, &opened), BITX_OK);
    bitx_frame_get_info(opened, &info);
    cr_assert_eq(info.base_nbytes != 0, based, "%s", stem);
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
        char stem[1000];
        snprintf(stem, sizeof(stem), "%.*s", (int)(strlen(found.gl_pathv[i]) - 5),
                 found.gl_pathv[i]);
        codecs |= check(ctx, stem);
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
    for (size_t i = 0; i < NGOLDENS; i++) {
        char stem[1000];
        snprintf(stem, sizeof(stem), FRAMES_DIR "/%s", goldens[i].name);
        check(ctx, stem);
    }
    bitx_ctx_free(ctx);
}
