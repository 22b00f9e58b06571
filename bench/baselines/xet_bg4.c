/*
 * Xet's recipe (Hugging Face's storage, xet-core): chunks of about 64 KB, each stored raw, as LZ4,
 * or as LZ4 of bytes grouped by their position modulo 4 (BG4). Chunks here are 64 KiB exactly
 * (deduplication is fastcdc-64k's row), and both forms are tried, where Xet predicts.
 */
#include "missing.h"

#if defined(BENCH_HAVE_LZ4)
#    include <lz4.h>
#    include <stdlib.h>
#    include <string.h>

enum { CHUNK_NBYTES = 64 << 10, HEADER = 4 };
enum { MODE_RAW, MODE_LZ4, MODE_BG4 };

typedef struct xet_state {
    uint8_t *grouped, *coded;
    size_t coded_cap;
    void *lz4;
} xet_state;

static void xet_close(void *state)
{
    xet_state *s = state;
    if (!s)
        return;
    free(s->grouped);
    free(s->coded);
    free(s->lz4);
    free(s);
}

static void *xet_open(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    (void)nthreads;
    xet_state *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->coded_cap = (size_t)LZ4_compressBound(CHUNK_NBYTES);
    s->grouped = bench_scratch(CHUNK_NBYTES);
    s->coded = bench_scratch(s->coded_cap);
    s->lz4 = bench_scratch((size_t)LZ4_sizeofState());
    if (s->grouped && s->coded && s->lz4)
        return s;
    xet_close(s);
    return NULL;
}

static size_t xet_bound(size_t nbytes)
{
    return nbytes + (nbytes / CHUNK_NBYTES + 1) * (HEADER + 1024);
}

static int lz4(xet_state *s, const uint8_t *src, uint8_t *dst, size_t n, size_t cap)
{
    return LZ4_compress_fast_extState(s->lz4, (const char *)src, (char *)dst, (int)n, (int)cap, 1);
}

static size_t encode_chunk(xet_state *s, uint8_t *dst, const uint8_t *src, size_t n)
{
    int plain = lz4(s, src, dst + HEADER, n, CHUNK_NBYTES + 1000);
    bench_planes_split(s->grouped, src, NULL, n, 4);
    int grouped = lz4(s, s->grouped, s->coded, n, s->coded_cap);
    size_t best = n;
    unsigned mode = MODE_RAW;
    if (plain > 0 && (size_t)plain < best) {
        best = (size_t)plain;
        mode = MODE_LZ4;
    }
    if (grouped > 0 && (size_t)grouped < best) {
        best = (size_t)grouped;
        mode = MODE_BG4;
    }
    if (mode == MODE_RAW)
        memcpy(dst + HEADER, src, n);
    else if (mode == MODE_BG4)
        memcpy(dst + HEADER, s->coded, best);
    bench_store32(dst, (uint32_t)best << 2 | mode);
    return HEADER + best;
}

static int xet_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    size_t at = 0;
    for (size_t done = 0; done < t->nbytes; done += CHUNK_NBYTES) {
        size_t n = t->nbytes - done < CHUNK_NBYTES ? t->nbytes - done : CHUNK_NBYTES;
        if (cap - at < n + HEADER + 1000)
            return -1;
        at += encode_chunk(state, dst + at, t->data + done, n);
    }
    *ndst = at;
    return 0;
}

static int xet_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                      size_t nsrc)
{
    xet_state *s = state;
    size_t at = 0;
    for (size_t done = 0; done < t->nbytes; done += CHUNK_NBYTES) {
        size_t n = t->nbytes - done < CHUNK_NBYTES ? t->nbytes - done : CHUNK_NBYTES;
        if (nsrc - at < HEADER)
            return -1;
        uint32_t word = bench_load32(src + at);
        size_t coded = word >> 2;
        unsigned mode = word & 3;
        at += HEADER;
        if (coded > nsrc - at || (mode == MODE_RAW && coded != n))
            return -1;
        const char *in = (const char *)src + at;
        char *out = (char *)(mode == MODE_BG4 ? s->grouped : dst + done);
        if (mode == MODE_RAW)
            memcpy(out, in, n);
        else if (LZ4_decompress_safe(in, out, (int)coded, (int)n) != (int)n)
            return -1;
        if (mode == MODE_BG4)
            bench_planes_merge(dst + done, s->grouped, NULL, n, 4);
        at += coded;
    }
    return 0;
}

const bench_codec bench_codec_xet_bg4 = {
    "xet-bg4-lz4",
    "64 KiB chunks: raw, LZ4, or LZ4 of 4 byte groups, the smallest; xet-core",
    0,
    LZ4_versionString,
    NULL,
    xet_open,
    xet_close,
    xet_bound,
    xet_encode,
    xet_decode,
};

#else
BENCH_MISSING_CODEC(xet_bg4, "xet-bg4-lz4", "64 KiB chunks, byte groups, LZ4",
                    "built without liblz4-dev");
#endif
