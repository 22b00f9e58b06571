/*
 * ZipNN's recipe (Hershcovitch et al., "ZipNN: Lossless Compression for AI Models", 2024, arXiv
 * 2411.05239): chunks of 256 KiB; for BF16 and F32 the sign is rotated to the bottom, so that the
 * exponent has a byte of its own; bytes grouped by position; Huffman for each group where it
 * pays, the others stored. zipnn-xor is the paper's delta mode: XOR with the base first.
 */
#include <stdlib.h>
#include <string.h>

#include "baselines.h"
#include "huffman.h"

enum { CHUNK_NBYTES = 256 << 10, MAX_GROUPS = 8, GROUP_HEADER = 5 };
enum { MODE_RAW, MODE_HUFFMAN, MODE_CONSTANT };

typedef struct zipnn_state {
    uint8_t *rotated, *groups;
    int use_base;
} zipnn_state;

static void zipnn_close(void *state)
{
    zipnn_state *s = state;
    if (!s)
        return;
    free(s->rotated);
    free(s->groups);
    free(s);
}

static void *open_state(int use_base)
{
    zipnn_state *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->rotated = bench_scratch(CHUNK_NBYTES);
    s->groups = bench_scratch(CHUNK_NBYTES);
    s->use_base = use_base;
    if (s->rotated && s->groups)
        return s;
    zipnn_close(s);
    return NULL;
}

static void *zipnn_open(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    (void)nthreads;
    return open_state(0);
}

static void *zipnn_xor_open(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    (void)nthreads;
    return open_state(1);
}

static size_t zipnn_bound(size_t nbytes)
{
    size_t chunks = nbytes / CHUNK_NBYTES + 1;
    /* Huffman writes before it knows its size: room for its worst case. */
    return nbytes * 2 + chunks * (MAX_GROUPS + 1) * (GROUP_HEADER + 512);
}

static void rotate16(uint8_t *dst, const uint8_t *src, size_t nbytes, unsigned left)
{
    for (size_t i = 0; i + 2 <= nbytes; i += 2) {
        uint16_t x;
        memcpy(&x, src + i, sizeof(x));
        x = (uint16_t)(x << left | x >> (16 - left));
        memcpy(dst + i, &x, sizeof(x));
    }
}

static void rotate32(uint8_t *dst, const uint8_t *src, size_t nbytes, unsigned left)
{
    for (size_t i = 0; i + 4 <= nbytes; i += 4) {
        uint32_t x = bench_load32(src + i);
        bench_store32(dst + i, x << left | x >> (32 - left));
    }
}

/* Sign to the bottom (left = 1), or back (left = width - 1); dst may be src. */
static void rotate(uint8_t *dst, const uint8_t *src, size_t nbytes, bitx_dtype dtype, int back)
{
    if (dtype == BITX_BF16)
        rotate16(dst, src, nbytes, back ? 15 : 1);
    else if (dtype == BITX_F32)
        rotate32(dst, src, nbytes, back ? 31 : 1);
    else if (dst != src)
        memcpy(dst, src, nbytes);
}

/* Four tables, so that equal neighbours do not wait for each other's increment. */
static void count_bytes(const uint8_t *src, size_t n, uint32_t counts[256])
{
    uint32_t table[4][256];
    size_t i = 0;
    memset(table, 0, sizeof(table));
    for (; i + 8 <= n; i += 8) {
        uint64_t x = bench_load64(src + i);
        table[0][x & 0xff]++;
        table[1][x >> 8 & 0xff]++;
        table[2][x >> 16 & 0xff]++;
        table[3][x >> 24 & 0xff]++;
        table[0][x >> 32 & 0xff]++;
        table[1][x >> 40 & 0xff]++;
        table[2][x >> 48 & 0xff]++;
        table[3][x >> 56]++;
    }
    for (; i < n; i++)
        table[0][src[i]]++;
    for (unsigned s = 0; s < 256; s++)
        counts[s] = table[0][s] + table[1][s] + table[2][s] + table[3][s];
}

static size_t encode_group(uint8_t *dst, size_t cap, const uint8_t *src, size_t n)
{
    uint32_t counts[256];
    uint8_t lengths[256];
    count_bytes(src, n, counts);
    if (counts[src[0]] == n) {
        dst[0] = MODE_CONSTANT;
        dst[GROUP_HEADER] = src[0];
        bench_store32(dst + 1, 1);
        return GROUP_HEADER + 1;
    }
    /* Where it pays: at least 2% below raw, table included. */
    uint64_t bits = huffman_lengths(counts, lengths);
    size_t coded = 0;
    if (bits / 8 + HUFFMAN_TABLE_NBYTES + 16 < n - n / 50)
        coded = huffman_encode(dst + GROUP_HEADER, cap - GROUP_HEADER, src, n, lengths);
    dst[0] = coded ? MODE_HUFFMAN : MODE_RAW;
    if (!coded) {
        memcpy(dst + GROUP_HEADER, src, n);
        coded = n;
    }
    bench_store32(dst + 1, (uint32_t)coded);
    return GROUP_HEADER + coded;
}

static int zipnn_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    zipnn_state *s = state;
    size_t unit = bench_unit_nbytes(t->dtype), at = 0;
    for (size_t done = 0; done < t->nbytes; done += CHUNK_NBYTES) {
        size_t n = t->nbytes - done < CHUNK_NBYTES ? t->nbytes - done : CHUNK_NBYTES;
        const uint8_t *src = t->data + done, *base = NULL;
        if (s->use_base && t->base)
            base = t->base + done;
        size_t each = n / unit, tail = n - each * unit;
        if (t->dtype == BITX_BF16 && !tail) {
            bench_bf16_split(s->groups, src, base, n); /* the same bytes, in one pass */
        } else {
            for (size_t i = 0; base && i < n; i++)
                s->rotated[i] = (uint8_t)(src[i] ^ base[i]);
            if (!base)
                memcpy(s->rotated, src, n);
            rotate(s->rotated, s->rotated, n, t->dtype, 0);
            bench_planes_split(s->groups, s->rotated, NULL, n, unit);
        }
        for (size_t k = 0; k <= unit; k++) {
            size_t size = k < unit ? each : tail;
            if (size == 0)
                continue;
            if (cap - at < 2 * size + 512)
                return -1;
            at += encode_group(dst + at, cap - at, s->groups + k * each, size);
        }
    }
    *ndst = at;
    return 0;
}

static int decode_group(uint8_t *dst, size_t n, const uint8_t *src, size_t nsrc, size_t *used)
{
    size_t coded = nsrc >= GROUP_HEADER ? bench_load32(src + 1) : SIZE_MAX;
    if (coded > nsrc - GROUP_HEADER)
        return -1;
    *used = GROUP_HEADER + coded;
    switch (src[0]) {
    case MODE_CONSTANT:
        memset(dst, src[GROUP_HEADER], n);
        return coded == 1 ? 0 : -1;
    case MODE_RAW:
        if (coded != n)
            return -1;
        memcpy(dst, src + GROUP_HEADER, n);
        return 0;
    case MODE_HUFFMAN:
        return huffman_decode(dst, n, src + GROUP_HEADER, coded);
    }
    return -1;
}

static int zipnn_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                        size_t nsrc)
{
    zipnn_state *s = state;
    size_t unit = bench_unit_nbytes(t->dtype), at = 0;
    for (size_t done = 0; done < t->nbytes; done += CHUNK_NBYTES) {
        size_t n = t->nbytes - done < CHUNK_NBYTES ? t->nbytes - done : CHUNK_NBYTES;
        size_t each = n / unit, tail = n - each * unit;
        for (size_t k = 0; k <= unit; k++) {
            size_t size = k < unit ? each : tail, used;
            if (size == 0)
                continue;
            if (decode_group(s->groups + k * each, size, src + at, nsrc - at, &used) != 0)
                return -1;
            at += used;
        }
        const uint8_t *base = s->use_base && t->base ? t->base + done : NULL;
        if (t->dtype == BITX_BF16 && !tail) {
            bench_bf16_merge(dst + done, s->groups, base, n);
            continue;
        }
        bench_planes_merge(dst + done, s->groups, NULL, n, unit);
        rotate(dst + done, dst + done, n, t->dtype, 1);
        for (size_t i = 0; base && i < n; i++)
            dst[done + i] ^= base[i];
    }
    return 0;
}

const bench_codec bench_codec_zipnn = {
    "zipnn",
    "256 KiB chunks, sign rotated away, byte groups, Huffman (11 bits, 4 streams) where it pays; "
    "arXiv 2411.05239",
    0,
    bench_version_own,
    NULL,
    zipnn_open,
    zipnn_close,
    zipnn_bound,
    zipnn_encode,
    zipnn_decode,
};

const bench_codec bench_codec_zipnn_xor = {
    "zipnn-xor",
    "zipnn on the XOR with the base (its delta mode)",
    BENCH_CODEC_USES_BASE,
    bench_version_own,
    NULL,
    zipnn_xor_open,
    zipnn_close,
    zipnn_bound,
    zipnn_encode,
    zipnn_decode,
};
