/* Bits per weight of merged LoRAs by shape of matrix and rank, without predictions, with the
 * factors in the frame, and with the adapter kept elsewhere: `./dev predictions`. */
#include <math.h>
#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "adapter_cases.h"

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "lora_report: %s\n", what);
    exit(1);
}

static double bits_of(bitx_ctx *ctx, const bitx_params *params, const adapter_data *d)
{
    size_t bound, n, back;
    if (bitx_encode_bound(params, d->nbytes, d->nbytes, &bound) != BITX_OK)
        die("bound");
    uint8_t *frame = malloc(bound), *out = malloc(d->nbytes);
    if (!frame || !out ||
        bitx_encode(ctx, params, frame, bound, &n, d->tensor, d->nbytes, d->base, d->nbytes) !=
            BITX_OK ||
        bitx_decode_adapter(ctx, out, d->nbytes, &back, frame, n, d->base, d->nbytes, d->a,
                            d->a_nbytes, d->b, d->b_nbytes) != BITX_OK ||
        memcmp(out, d->tensor, d->nbytes) != 0)
        die("a frame");
    free(frame);
    free(out);
    return 8.0 * (double)n / ((double)d->nbytes / 2);
}

/* With factors of these widths and that scale the change has a standard deviation of 3e-4. */
static void report(bitx_ctx *ctx, unsigned rows, unsigned columns, unsigned rank)
{
    const double root = sqrt((double)rank);
    const adapter_case c = {"",   BITX_BF16,           BITX_F32, rows, columns,
                            rank, (float)(1.0 / root), BITX_F32};
    uint8_t hashes[2][BITX_HASH_NBYTES];
    adapter_data d;
    adapter_make(&c, 7000 + rows + rank, &d);
    XXH128_canonicalFromHash((void *)hashes[0], XXH3_128bits(d.a, d.a_nbytes));
    XXH128_canonicalFromHash((void *)hashes[1], XXH3_128bits(d.b, d.b_nbytes));
    adapter_memory a = {d.a}, b = {d.b};
    const bitx_adapter_source source = {{adapter_read, &a}, {adapter_read, &b}, d.a_nbytes,
                                        d.b_nbytes,         c.factor_dtype,     hashes[0],
                                        hashes[1]};
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = BITX_BF16;
    const double without = bits_of(ctx, &params, &d);
    params.row_nelem = columns;
    const double factors = bits_of(ctx, &params, &d);
    params.adapter = &source;
    printf("| %u x %u | %u | %.3f | %.3f | %.4f |\n", rows, columns, rank, without, factors,
           bits_of(ctx, &params, &d));
    fflush(stdout);
    adapter_free(&d);
}

int main(void)
{
    static const unsigned shapes[][2] = {{256, 256}, {704, 256}, {1024, 1024}, {4096, 1024}};
    bitx_ctx *ctx;
    if (bitx_ctx_new(NULL, NULL, &ctx) != BITX_OK)
        die("memory");
    printf("| matrix | rank | without | factors in the frame | adapter elsewhere |\n");
    printf("|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (unsigned rank = 1; rank <= 64; rank *= 2)
            report(ctx, shapes[i][0], shapes[i][1], rank);
    bitx_ctx_free(ctx);
    return 0;
}
