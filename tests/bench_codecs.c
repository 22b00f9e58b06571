/* The recipes and wrappers of bench/baselines: every coder, on every shape that bites. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/codec.h"
#include "bench/ideal.h"
#include "bench/codec_run.h"
#include "bench/safetensors.h"
#include "bench/sample.h"
#include "huffman.h"

/* A tensor between guard bytes, decoded into poisoned memory. */
static void round_trip(const bench_codec *c, bitx_dtype dtype, const uint8_t *data,
                       const uint8_t *base, size_t nbytes)
{
    bench_tensor t;
    memset(&t, 0, sizeof(t));
    t.dtype = dtype;
    t.data = data;
    t.nbytes = nbytes;
    t.base = base;
    t.base_nbytes = base ? nbytes : 0;
    void *state = c->open(nbytes, 1);
    cr_assert_not_null(state, "%s", c->name);
    size_t cap = c->bound(nbytes), n = 0;
    uint8_t *coded = calloc(1, cap + 256), *out = malloc(nbytes + 16);
    cr_assert(coded && out);
    memset(out, 0xa5, nbytes + 16);
    cr_assert_eq(c->encode(state, &t, coded, cap, &n), 0, "%s: encode of %zu bytes of %s", c->name,
                 nbytes, bitx_dtype_name(dtype));
    cr_assert(n <= cap);
    t.data = NULL;
    cr_assert_eq(c->decode(state, &t, out, coded, n), 0, "%s: decode of %zu bytes of %s", c->name,
                 nbytes, bitx_dtype_name(dtype));
    cr_assert_eq(memcmp(out, data, nbytes), 0, "%s: %zu bytes of %s differ", c->name, nbytes,
                 bitx_dtype_name(dtype));
    for (int i = 0; i < 16; i++)
        cr_assert_eq(out[nbytes + (size_t)i], 0xa5, "%s writes beyond the tensor", c->name);
    c->close(state);
    free(coded);
    free(out);
}

enum { MAX_NBYTES = 600001 };

static uint8_t data[MAX_NBYTES], base[MAX_NBYTES];

/* kind 0: noise; 1: a fine-tune of its base; 2: equal to it; 3: one value; 4: extreme values. */
static void fill(int kind, size_t nbytes)
{
    uint64_t rng = 99 + (uint64_t)kind;
    for (size_t i = 0; i < nbytes; i++) {
        uint64_t r = bench_random(&rng);
        base[i] = kind == 3 ? 0x3f : (uint8_t)(i % 2 ? 0x3c + (r & 3) : r >> 8);
        data[i] = base[i];
        if (kind == 0)
            data[i] = (uint8_t)(r >> 16);
        else if (kind == 1 && i % 2 == 0)
            data[i] = (uint8_t)(base[i] + (r >> 40 & 3));
        else if (kind == 4)
            data[i] = r & 1 << 20 ? 0xff : 0x80;
    }
}

static void round_trips(const bench_codec *c)
{
    static const bitx_dtype dtypes[] = {BITX_BYTES, BITX_F8_E4M3, BITX_BF16, BITX_F16,
                                        BITX_I16,   BITX_F32,     BITX_C64,  BITX_F64};
    static const size_t sizes[] = {1, 2, 3, 7, 8, 31, 512, 4095, 65536, 65537, 300001, MAX_NBYTES};
    for (int kind = 0; kind < 5; kind++) {
        fill(kind, MAX_NBYTES);
        for (size_t d = 0; d < sizeof(dtypes) / sizeof(dtypes[0]); d++)
            for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
                round_trip(c, dtypes[d], data, base, sizes[s]);
                round_trip(c, dtypes[d], data, NULL, sizes[s]);
            }
    }
}

Test(codecs, every_coder_round_trips, .timeout = 240)
{
    size_t ran = 0;
    for (size_t i = 0; bench_codec_at(i); i++) {
        const bench_codec *c = bench_codec_at(i);
        if (c->missing && c->missing()) {
            fprintf(stderr, "skipped: %s: %s\n", c->name, c->missing());
            continue;
        }
        /* Ours have tests of their own, and zstd -9 is slow and zstd's. */
        if (strncmp(c->name, "bitx:", 5) == 0 || strcmp(c->name, "zstd-9") == 0)
            continue;
        round_trips(c);
        ran++;
    }
    cr_assert_geq(ran, 10);
}

/* The recipes must be as good as their papers, or comparing with them would flatter us. */
Test(codecs, fm_delta_reaches_its_ideal_and_zipnn_a_third)
{
    bench_family f;
    bench_ideal ideal;
    bench_codec_params p;
    memset(&p, 0, sizeof(p));
    cr_assert_eq(bench_family_make(&f, "test", 2e-4, 1, 4 << 20, 1), 0);
    p.family = &f;
    p.nthreads = 1;
    bench_ideal_measure(&f, BITX_BF16, &ideal);
    for (size_t i = 0; bench_codec_at(i); i++) {
        const bench_codec *c = bench_codec_at(i);
        bench_codec_result r;
        double limit = strcmp(c->name, "fm-delta") == 0 ? 1.01 * ideal.fmdelta_nbytes
                       : strcmp(c->name, "zipnn") == 0  ? 0.67 * (double)f.nbytes
                                                        : 0;
        if (limit <= 0)
            continue;
        bench_codec_verify(&p, c, &r);
        cr_assert_null(r.failure, "%s: %s", c->name, r.failure);
        cr_assert((double)r.total <= limit, "%s: %zu bytes, limit %.0f", c->name, r.total, limit);
        bench_codec_result_free(&r);
    }
    bench_family_free(&f);
}

static int broken_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                         size_t nsrc)
{
    (void)state;
    memcpy(dst, src, nsrc);
    dst[t->nbytes / 2] ^= 1;
    return 0;
}

Test(codecs, a_wrong_decoder_is_caught)
{
    bench_family f;
    bench_codec_params p;
    bench_codec_result r;
    bench_codec broken = *bench_codec_at(0);
    memset(&p, 0, sizeof(p));
    broken.decode = broken_decode;
    cr_assert_eq(bench_family_make(&f, "test", 2e-4, 1, 1 << 20, 1), 0);
    p.family = &f;
    p.nthreads = 1;
    bench_codec_verify(&p, &broken, &r);
    cr_assert_not_null(r.failure);
    cr_assert(r.wrong);
    bench_codec_result_free(&r);
    bench_family_free(&f);
}

Test(huffman, lengths_are_limited_and_complete)
{
    uint32_t counts[256] = {0};
    uint8_t lengths[256];
    uint32_t a = 1, b = 1;
    for (int s = 0; s < 40; s++) { /* Fibonacci counts make the deepest tree */
        counts[s] = a;
        uint32_t next = a + b;
        a = b;
        b = next;
    }
    huffman_lengths(counts, lengths);
    double kraft = 0;
    for (int s = 0; s < 256; s++) {
        cr_assert(lengths[s] <= HUFFMAN_MAX_BITS);
        cr_assert_eq(lengths[s] != 0, counts[s] != 0);
        kraft += lengths[s] ? ldexp(1, -lengths[s]) : 0;
    }
    cr_assert(kraft <= 1 && kraft > 0.99, "%f", kraft);
}

/* Entropy of one changed step in four weights is known. */
Test(ideal, known_entropy)
{
    enum { N = 4096 };
    static uint16_t x[N], y[N];
    for (int i = 0; i < N; i++) {
        y[i] = 0x3c00;
        x[i] = (uint16_t)(0x3c00 + (i % 4 == 0));
    }
    bench_tensor t;
    bench_family f;
    bench_ideal ideal;
    memset(&t, 0, sizeof(t));
    memset(&f, 0, sizeof(f));
    t.dtype = BITX_BF16;
    t.data = (const uint8_t *)x;
    t.base = (const uint8_t *)y;
    t.nbytes = t.base_nbytes = sizeof(x);
    f.at = &t;
    f.n = 1;
    bench_ideal_measure(&f, BITX_BF16, &ideal);
    double bits = 0.25 * log2(4) + 0.75 * log2(4.0 / 3);
    cr_assert(fabs(8 * ideal.fmdelta_nbytes / N - bits) < 1e-9);
    cr_assert(fabs(8 * ideal.exponent_nbytes / N - bits) < 1e-9);
    cr_assert(fabs(ideal.nchanged - N / 4) < 0.5);
}

Test(ideal, ordered_map_keeps_order_and_inverts)
{
    static const float values[] = {-INFINITY, -3e38F, -1, -1e-40F, -0.0F, 0.0F, 1e-40F, 1, 3e38F};
    uint64_t before = 0;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        uint64_t ordered = bench_ordered(bits, 32, 1);
        cr_assert(i == 0 || ordered > before);
        cr_assert_eq(bench_unordered(ordered, 32, 1), bits);
        before = ordered;
    }
}

static int parses(const char *json, size_t data_nbytes, bench_st_file *f)
{
    const char *why = NULL;
    return bench_st_parse(f, json, strlen(json), 8 + strlen(json) + data_nbytes, &why) == 0;
}

Test(safetensors, headers)
{
    bench_st_file f;
    cr_assert(parses("{\"__metadata__\":{\"a\":\"b\"},\"w\":{\"dtype\":\"BF16\",\"shape\":[2,3],"
                     "\"data_offsets\":[0,12]}}",
                     12, &f));
    cr_assert_eq(f.n, 1);
    cr_assert_str_eq(f.at[0].name, "w");
    cr_assert_str_eq(f.at[0].dtype, "BF16");
    cr_assert(f.at[0].ndim == 2 && f.at[0].shape[1] == 3 && f.at[0].end - f.at[0].begin == 12);
    bench_st_free(&f);
    static const char *const bad[] = {
        "{\"w\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,13]}}",
        "{\"w\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[8,4]}}",
        "{\"w\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,99999999999999999999]}}",
        "{\"w\":{\"dtype\":\"BF16\",\"shape\":[2]}}",
        "{\"w\":{\"dtype\":\"BF16\"",
        "{\"w",
        "[]",
        "",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert(!parses(bad[i], 12, &f), "%s", bad[i]);
}
