/*
 * Writes golden frames that are not there yet: make_frames tests/vectors/frames
 * Each is NAME.bitx, with NAME.tensor (what it decodes to) and NAME.base (if it needs one).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "adapter_cases.h"
#include "golden.h"

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void path_of(char *path, size_t cap, const char *folder, const char *name, const char *kind)
{
    snprintf(path, cap, "%s/%s.%s", folder, name, kind);
}

static void write_file(const char *folder, const char *name, const char *kind, const void *data,
                       size_t n)
{
    char path[1024];
    path_of(path, sizeof(path), folder, name, kind);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f))
        die(path);
}

/* Frames of predictions: their bases in the order in which they are given to decode. */
static int make_predicted(bitx_ctx *ctx, const char *folder, const predict_case *c, uint64_t seed)
{
    static const char *const kinds[CASE_BASES] = {"base", "base1", "base2"};
    static uint8_t tensor[CASE_MAX], bytes[CASE_BASES][CASE_MAX], frame[2 * CASE_MAX];
    uint8_t *each[CASE_BASES] = {bytes[0], bytes[1], bytes[2]};
    const size_t nbytes = case_nelem(c) * case_unit(c->dtype);
    const size_t base_nbytes = case_nelem(c) * case_unit(c->base_dtype);
    const bitx_params params = case_params(c);
    bitx_base bases[CASE_BASES];
    unsigned used[BITX_BASES_MAX], nused;
    size_t n;
    char path[1024];
    path_of(path, sizeof(path), folder, c->name, "bitx");
    if (access(path, F_OK) == 0)
        return 0;
    case_make(c, seed, tensor, each);
    for (unsigned k = 0; k < c->nbases; k++)
        bases[k] = (bitx_base){bytes[k], base_nbytes, c->base_dtype};
    const bitx_status status = bitx_encode_bases(ctx, &params, frame, sizeof(frame), &n, tensor,
                                                 nbytes, bases, c->nbases, used, &nused);
    if (status != BITX_OK) {
        fprintf(stderr, "%s: %s\n", c->name, bitx_status_name(status));
        return 1;
    }
    write_file(folder, c->name, "bitx", frame, n);
    write_file(folder, c->name, "tensor", tensor, nbytes);
    for (unsigned k = 0; k < nused; k++)
        write_file(folder, c->name, kinds[k], bytes[used[k]], base_nbytes);
    printf("%-28s %6zu -> %6zu bytes\n", c->name, nbytes, n);
    return 0;
}

/* Frames that need an adapter: its matrices are their second and third base. */
static int make_adapted(bitx_ctx *ctx, const char *folder, const adapter_case *c, uint64_t seed)
{
    static uint8_t frame[2 * CASE_MAX];
    uint8_t hashes[2][BITX_HASH_NBYTES];
    bitx_params params = BITX_PARAMS_INIT;
    bitx_frame_info info;
    adapter_data d;
    size_t n, need;
    char path[1024];
    path_of(path, sizeof(path), folder, c->name, "bitx");
    if (access(path, F_OK) == 0)
        return 0;
    adapter_make(c, seed, &d);
    XXH128_canonicalFromHash((void *)hashes[0], XXH3_128bits(d.a, d.a_nbytes));
    XXH128_canonicalFromHash((void *)hashes[1], XXH3_128bits(d.b, d.b_nbytes));
    adapter_memory a = {d.a}, b = {d.b};
    const bitx_adapter_source source = {{adapter_read, &a}, {adapter_read, &b}, d.a_nbytes,
                                        d.b_nbytes,         c->factor_dtype,    hashes[0],
                                        hashes[1]};
    params.dtype = c->dtype;
    params.block_nbytes = BITX_BLOCK_MIN;
    params.row_nelem = c->columns;
    params.adapter = &source;
    const bitx_status status =
        bitx_encode(ctx, &params, frame, sizeof(frame), &n, d.tensor, d.nbytes, d.base, d.nbytes);
    if (status != BITX_OK || bitx_frame_info_read(frame, n, &info, &need) != BITX_OK ||
        info.predictor != BITX_PREDICT_ADAPTER) {
        fprintf(stderr, "%s: %s\n", c->name, bitx_status_name(status));
        return 1;
    }
    write_file(folder, c->name, "bitx", frame, n);
    write_file(folder, c->name, "tensor", d.tensor, d.nbytes);
    write_file(folder, c->name, "base", d.base, d.nbytes);
    write_file(folder, c->name, "base1", d.a, d.a_nbytes);
    write_file(folder, c->name, "base2", d.b, d.b_nbytes);
    printf("%-28s %6zu -> %6zu bytes\n", c->name, d.nbytes, n);
    adapter_free(&d);
    return 0;
}

int main(int argc, char **argv)
{
    static uint8_t src[GOLDEN_MAX], base[GOLDEN_MAX], frame[2 * GOLDEN_MAX];
    bitx_ctx *ctx;
    if (argc != 2 || bitx_ctx_new(NULL, NULL, &ctx) != BITX_OK) {
        fprintf(stderr, "usage: make_frames FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < NGOLDENS; i++) {
        const golden *g = &goldens[i];
        char path[1024];
        path_of(path, sizeof(path), argv[1], g->name, "bitx");
        if (access(path, F_OK) == 0)
            continue;
        cu_fill(g->kind, g->dtype, 100 + i, src, base, GOLDEN_MAX);
        bitx_params params = BITX_PARAMS_INIT;
        params.dtype = g->dtype;
        params.codec = g->codec;
        params.effort = BITX_EFFORT_MAX;
        params.block_nbytes = BITX_BLOCK_MIN;
        size_t n, need;
        bitx_frame_info info;
        bitx_status status =
            bitx_encode(ctx, &params, frame, sizeof(frame), &n, src, g->n, base, g->base_n);
        if (status == BITX_OK)
            status = bitx_frame_info_read(frame, n, &info, &need);
        if (status != BITX_OK) {
            fprintf(stderr, "%s: %s\n", g->name, bitx_status_name(status));
            return 1;
        }
        write_file(argv[1], g->name, "bitx", frame, n);
        write_file(argv[1], g->name, "tensor", src, g->n);
        if (info.base_nbytes)
            write_file(argv[1], g->name, "base", base, g->base_n);
        printf("%-28s %6zu -> %6zu bytes\n", g->name, g->n, n);
    }
    int failed = 0;
    char predicted[512];
    snprintf(predicted, sizeof(predicted), "%.480s/predicted", argv[1]);
    if (mkdir(predicted, 0777) != 0 && errno != EEXIST)
        die(predicted);
    for (size_t i = 0; i < NCASES; i++)
        failed |= make_predicted(ctx, predicted, &predict_cases[i], 200 + i);
    for (size_t i = 0; i < NADAPTERS; i++)
        failed |= make_adapted(ctx, predicted, &adapter_cases[i], 300 + i);
    bitx_ctx_free(ctx);
    return failed;
}
