/*
 * Deduplication by content-defined chunks: FastCDC (Xia et al., USENIX ATC 2016) with normalised
 * chunking, 64 KiB on average (16 to 256 KiB), over the whole base and the whole fine-tune. A chunk
 * that the base or the fine-tune had before costs a reference, any other is stored as it is. Chunks
 * are the same if length and XXH3-128 are (a store would compare bytes, too).
 */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "baselines.h"

enum { MIN_NBYTES = 16 << 10, AVERAGE_NBYTES = 64 << 10, MAX_NBYTES = 256 << 10 };

/* Masks of 18 bits before the average size and of 14 after it ("level 2"), spread over the top. */
static const uint64_t mask_small = UINT64_C(0x0003590703530000) << 8;
static const uint64_t mask_large = UINT64_C(0x0000d90003530000) << 8;

typedef struct chunk {
    XXH128_hash_t hash;
    uint64_t where; /* offset in base, or in the fine-tune with the top bit set */
    uint32_t nbytes;
    uint32_t used;
} chunk;

typedef struct cdc_state {
    uint64_t gear[256];
    chunk *table;
    size_t nslots; /* a power of two */
} cdc_state;

#define TUNED_BIT (UINT64_C(1) << 63)

static void cdc_close(void *state)
{
    cdc_state *s = state;
    if (s)
        free(s->table);
    free(s);
}

static void *cdc_open(size_t max_nbytes, unsigned nthreads)
{
    (void)nthreads;
    cdc_state *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    uint64_t x = 0x5eed;
    for (int i = 0; i < 256; i++) { /* splitmix64: any fixed random table does */
        x += UINT64_C(0x9E3779B97F4A7C15);
        uint64_t z = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
        s->gear[i] = z ^ z >> 31;
    }
    s->nslots = 1024;
    while (s->nslots < 4 * (max_nbytes / MIN_NBYTES + 1))
        s->nslots *= 2;
    s->table = (chunk *)(void *)bench_scratch(s->nslots * sizeof(*s->table));
    if (s->table)
        return s;
    free(s);
    return NULL;
}

static size_t cdc_bound(size_t nbytes)
{
    return nbytes + (nbytes / MIN_NBYTES + 2) * 12;
}

static size_t next_chunk(const cdc_state *s, const uint8_t *p, size_t n)
{
    if (n <= MIN_NBYTES)
        return n;
    size_t limit = n < MAX_NBYTES ? n : MAX_NBYTES;
    size_t normal = limit < AVERAGE_NBYTES ? limit : AVERAGE_NBYTES;
    uint64_t hash = 0;
    size_t i = MIN_NBYTES;
    for (; i < normal; i++) {
        hash = (hash << 1) + s->gear[p[i]];
        if (!(hash & mask_small))
            return i + 1;
    }
    for (; i < limit; i++) {
        hash = (hash << 1) + s->gear[p[i]];
        if (!(hash & mask_large))
            return i + 1;
    }
    return limit;
}

/* The slot of an equal chunk, or the free one where it belongs. */
static chunk *find(cdc_state *s, XXH128_hash_t hash, uint32_t nbytes)
{
    size_t i = (size_t)hash.low64 & (s->nslots - 1);
    while (s->table[i].used &&
           (s->table[i].nbytes != nbytes || !XXH128_isEqual(s->table[i].hash, hash)))
        i = (i + 1) & (s->nslots - 1);
    return &s->table[i];
}

static void index_base(cdc_state *s, const bench_tensor *t)
{
    memset(s->table, 0, s->nslots * sizeof(*s->table));
    for (size_t at = 0, n; at < t->base_nbytes; at += n) {
        n = next_chunk(s, t->base + at, t->base_nbytes - at);
        chunk *c = find(s, XXH3_128bits(t->base + at, n), (uint32_t)n);
        *c = (chunk){XXH3_128bits(t->base + at, n), at, (uint32_t)n, 1};
    }
}

/* A record: length with the top bit set for a reference, then 8 bytes of place or the chunk. */
static int cdc_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    cdc_state *s = state;
    size_t out = 0;
    index_base(s, t);
    for (size_t at = 0, n; at < t->nbytes; at += n) {
        n = next_chunk(s, t->data + at, t->nbytes - at);
        XXH128_hash_t hash = XXH3_128bits(t->data + at, n);
        chunk *c = find(s, hash, (uint32_t)n);
        if (cap - out < n + 12)
            return -1;
        if (c->used) {
            bench_store32(dst + out, (uint32_t)n | UINT32_C(1) << 31);
            bench_store64(dst + out + 4, c->where);
            out += 12;
            continue;
        }
        *c = (chunk){hash, at | TUNED_BIT, (uint32_t)n, 1};
        bench_store32(dst + out, (uint32_t)n);
        memcpy(dst + out + 4, t->data + at, n);
        out += 4 + n;
    }
    *ndst = out;
    return 0;
}

static int cdc_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                      size_t nsrc)
{
    (void)state;
    size_t in = 0, at = 0;
    while (at < t->nbytes) {
        if (nsrc - in < 4)
            return -1;
        uint32_t word = bench_load32(src + in);
        size_t n = word & 0x7fffffff;
        in += 4;
        if (n > t->nbytes - at || nsrc - in < (word >> 31 ? 8 : n))
            return -1;
        if (word >> 31) {
            uint64_t where = bench_load64(src + in);
            uint64_t offset = where & ~TUNED_BIT, limit = where & TUNED_BIT ? at : t->base_nbytes;
            if (offset > limit || n > limit - offset)
                return -1;
            memcpy(dst + at, (where & TUNED_BIT ? dst : t->base) + offset, n);
            in += 8;
        } else {
            memcpy(dst + at, src + in, n);
            in += n;
        }
        at += n;
    }
    return in == nsrc ? 0 : -1;
}

const bench_codec bench_codec_fastcdc = {
    "fastcdc-64k",
    "chunk deduplication against the base, 16-64-256 KiB, unique chunks raw; USENIX ATC 2016",
    BENCH_CODEC_USES_BASE | BENCH_CODEC_WHOLE,
    bench_version_own,
    NULL,
    cdc_open,
    cdc_close,
    cdc_bound,
    cdc_encode,
    cdc_decode,
};
