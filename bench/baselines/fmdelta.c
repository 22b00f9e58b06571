/*
 * FM-Delta's recipe (Ning et al., "FM-Delta: Lossless Compression for Storing Massive Fine-tuned
 * Foundation Models", NeurIPS 2024): floats mapped to unsigned integers of the same order, minus
 * the base's; sign and bit length of the difference by an adaptive range coder with one context;
 * the bits below the leading one raw. Per tensor. The original is for F32; elements of every width
 * are treated alike here. The raw bits go to a stream of their own, which is faster than sending
 * them through the range coder, as the original does, and costs no more.
 */
#include <stdlib.h>
#include <string.h>

#include "baselines.h"
#include "bench/ideal.h"

enum {
    TOTAL_BITS = 16, /* frequencies sum to 2^16 */
    TOTAL = 1 << TOTAL_BITS,
    MAX_SYMBOLS = 130,
    FIRST_INTERVAL = 32,
    LAST_INTERVAL = 4096,
    RANGE_MIN = 1 << 24
};

/* Quasi-static: counts are kept for every symbol, frequencies follow at growing intervals. */
typedef struct model {
    unsigned nsymbols;
    uint32_t counts[MAX_SYMBOLS], total;
    uint32_t cumulative[MAX_SYMBOLS + 1];
    uint8_t first[256]; /* symbol that holds v << 8 */
    unsigned until_update, interval;
} model;

static void model_update(model *m)
{
    uint32_t spare = TOTAL - m->nsymbols, sum = 0;
    for (unsigned s = 0; s < m->nsymbols; s++) {
        m->cumulative[s] = sum;
        sum += 1 + (uint32_t)((uint64_t)m->counts[s] * spare / m->total);
    }
    m->cumulative[m->nsymbols] = TOTAL; /* what rounding left goes to the last symbol */
    unsigned s = 0;
    for (unsigned v = 0; v < 256; v++) {
        while (m->cumulative[s + 1] <= v << 8)
            s++;
        m->first[v] = (uint8_t)s;
    }
    m->until_update = m->interval;
    if (m->interval < LAST_INTERVAL)
        m->interval *= 2;
}

static void model_init(model *m, unsigned nsymbols)
{
    memset(m, 0, sizeof(*m));
    m->nsymbols = nsymbols;
    for (unsigned s = 0; s < nsymbols; s++)
        m->counts[s] = 1;
    m->total = nsymbols;
    m->interval = FIRST_INTERVAL;
    model_update(m);
}

static inline void model_count(model *m, unsigned symbol)
{
    m->counts[symbol] += 32;
    m->total += 32;
    if (--m->until_update)
        return;
    if (m->total > UINT32_C(1) << 30) {
        m->total = 0;
        for (unsigned s = 0; s < m->nsymbols; s++) {
            m->counts[s] = m->counts[s] / 2 + 1;
            m->total += m->counts[s];
        }
    }
    model_update(m);
}

/* Range coder with carry, bytes out from the top (as in LZMA). */
typedef struct encoder {
    uint64_t low;
    uint32_t range;
    uint8_t cache;
    uint64_t npending; /* 0xff bytes that a carry may still change, after the cache */
    uint8_t *p, *end;
    int started, overflow;
} encoder;

static void put(encoder *e, uint8_t byte)
{
    if (e->p < e->end)
        *e->p++ = byte;
    else
        e->overflow = 1;
}

static void shift_low(encoder *e)
{
    if (e->low < UINT64_C(0xff000000) || e->low >= UINT64_C(1) << 32) {
        uint8_t carry = (uint8_t)(e->low >> 32);
        if (e->started)
            put(e, (uint8_t)(e->cache + carry));
        for (; e->npending; e->npending--)
            put(e, (uint8_t)(0xff + carry));
        e->cache = (uint8_t)(e->low >> 24);
        e->started = 1;
    } else {
        e->npending++;
    }
    e->low = (e->low << 8) & UINT64_C(0xffffffff);
}

static inline void encode_symbol(encoder *e, const model *m, unsigned s)
{
    uint32_t r = e->range >> TOTAL_BITS;
    e->low += (uint64_t)r * m->cumulative[s];
    e->range = r * (m->cumulative[s + 1] - m->cumulative[s]);
    while (e->range < RANGE_MIN) {
        e->range <<= 8;
        shift_low(e);
    }
}

typedef struct decoder {
    uint32_t code, range;
    const uint8_t *p, *end;
} decoder;

static inline uint8_t get(decoder *d)
{
    return d->p < d->end ? *d->p++ : 0;
}

static inline unsigned decode_symbol(decoder *d, const model *m)
{
    uint32_t r = d->range >> TOTAL_BITS, v = d->code / r;
    if (v >= TOTAL)
        v = TOTAL - 1;
    unsigned s = m->first[v >> 8];
    while (m->cumulative[s + 1] <= v)
        s++;
    d->code -= r * m->cumulative[s];
    d->range = r * (m->cumulative[s + 1] - m->cumulative[s]);
    while (d->range < RANGE_MIN) {
        d->range <<= 8;
        d->code = d->code << 8 | get(d);
    }
    return s;
}

/* Raw bits, from bit 0 up; at most 56 at once. */
typedef struct raw_writer {
    uint64_t acc;
    unsigned fill;
    uint8_t *p, *end;
    int overflow;
} raw_writer;

static inline void raw_flush(raw_writer *w)
{
    if (w->end - w->p < 8) {
        w->overflow = 1;
        return;
    }
    bench_store64(w->p, w->acc);
    w->p += w->fill >> 3;
    w->acc >>= w->fill & ~7U;
    w->fill &= 7;
}

static inline void raw_put(raw_writer *w, uint64_t bits, unsigned n)
{
    if (n > 32) {
        w->acc |= (bits & 0xffffffff) << w->fill;
        w->fill += 32;
        raw_flush(w);
        bits >>= 32;
        n -= 32;
    }
    w->acc |= bits << w->fill;
    w->fill += n;
    raw_flush(w);
}

typedef struct raw_reader {
    const uint8_t *p;
    uint64_t position, nbits;
} raw_reader;

static inline uint64_t raw_get32(raw_reader *r, unsigned n)
{
    if (r->position + n > r->nbits) {
        r->position = r->nbits + 1; /* seen by the caller at the end */
        return 0;
    }
    uint64_t v = bench_load64(r->p + (r->position >> 3)) >> (r->position & 7);
    r->position += n;
    return v & (((uint64_t)1 << n) - 1);
}

static inline uint64_t raw_get(raw_reader *r, unsigned n)
{
    if (n <= 32)
        return raw_get32(r, n);
    uint64_t low = raw_get32(r, 32);
    return low | raw_get32(r, n - 32) << 32;
}

typedef struct fmdelta_state {
    model m;
    uint8_t *raw;
    size_t raw_cap;
} fmdelta_state;

static void fmdelta_close(void *state)
{
    fmdelta_state *s = state;
    if (s)
        free(s->raw);
    free(s);
}

static void *fmdelta_open(size_t max_nbytes, unsigned nthreads)
{
    (void)nthreads;
    fmdelta_state *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->raw_cap = max_nbytes + 64;
    s->raw = bench_scratch(s->raw_cap);
    if (s->raw)
        return s;
    free(s);
    return NULL;
}

static size_t fmdelta_bound(size_t nbytes)
{
    return 3 * nbytes + 256; /* a symbol costs at most 16 bits, whatever the element's width */
}

static inline uint64_t load_unit(const uint8_t *p, size_t unit)
{
    uint64_t x = 0;
    switch (unit) {
    case 1:
        return *p;
    case 2: {
        uint16_t v;
        memcpy(&v, p, 2);
        return v;
    }
    case 4:
        return bench_load32(p);
    default:
        memcpy(&x, p, 8);
        return x;
    }
}

/* Inlined for each width, so that the loops have constants. */
static inline __attribute__((always_inline)) void encode_units(fmdelta_state *s, encoder *e,
                                                               raw_writer *w, const bench_tensor *t,
                                                               size_t unit, int is_float)
{
    unsigned bits = (unsigned)(8 * unit);
    for (size_t i = 0; i + unit <= t->nbytes; i += unit) {
        uint64_t x = bench_ordered(load_unit(t->data + i, unit), bits, is_float);
        uint64_t b = bench_ordered(t->base ? load_unit(t->base + i, unit) : 0, bits, is_float);
        unsigned negative = x < b;
        uint64_t size = negative ? b - x : x - b;
        unsigned k = size ? 64 - (unsigned)__builtin_clzll(size) : 0;
        unsigned symbol = k ? 2 * k - 1 + negative : 0;
        encode_symbol(e, &s->m, symbol);
        model_count(&s->m, symbol);
        if (k > 1)
            raw_put(w, size & (((uint64_t)1 << (k - 1)) - 1), k - 1);
    }
}

static inline __attribute__((always_inline)) void decode_units(fmdelta_state *s, decoder *d,
                                                               raw_reader *r, const bench_tensor *t,
                                                               uint8_t *dst, size_t unit,
                                                               int is_float)
{
    unsigned bits = (unsigned)(8 * unit);
    for (size_t i = 0; i + unit <= t->nbytes; i += unit) {
        uint64_t b = bench_ordered(t->base ? load_unit(t->base + i, unit) : 0, bits, is_float);
        unsigned symbol = decode_symbol(d, &s->m);
        model_count(&s->m, symbol);
        unsigned k = (symbol + 1) / 2;
        uint64_t size = 0;
        if (k)
            size = (uint64_t)1 << (k - 1) | (k > 1 ? raw_get(r, k - 1) : 0);
        uint64_t x = symbol && symbol % 2 == 0 ? b - size : b + size;
        x = bench_unordered(x, bits, is_float);
        memcpy(dst + i, &x, unit);
    }
}

#define BY_UNIT(unit, is_float, CALL)                                                              \
    switch ((unit)*2 + (size_t)((is_float) != 0)) {                                                \
    case 2:                                                                                        \
        CALL(1, 0);                                                                                \
        break;                                                                                     \
    case 3:                                                                                        \
        CALL(1, 1);                                                                                \
        break;                                                                                     \
    case 4:                                                                                        \
        CALL(2, 0);                                                                                \
        break;                                                                                     \
    case 5:                                                                                        \
        CALL(2, 1);                                                                                \
        break;                                                                                     \
    case 8:                                                                                        \
        CALL(4, 0);                                                                                \
        break;                                                                                     \
    case 9:                                                                                        \
        CALL(4, 1);                                                                                \
        break;                                                                                     \
    case 16:                                                                                       \
        CALL(8, 0);                                                                                \
        break;                                                                                     \
    default:                                                                                       \
        CALL(8, 1);                                                                                \
        break;                                                                                     \
    }

/* The frame: bytes of the range coder's stream (4), that stream, raw bits, bytes of no unit. */
static int fmdelta_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap,
                          size_t *ndst)
{
    fmdelta_state *s = state;
    size_t unit = bench_unit_nbytes(t->dtype), tail = t->nbytes % unit;
    if (cap < 16 + tail)
        return -1;
    encoder e = {0, UINT32_MAX, 0, 0, dst + 4, dst + cap, 0, 0};
    raw_writer w = {0, 0, s->raw, s->raw + s->raw_cap, 0};
    model_init(&s->m, (unsigned)(16 * unit + 1));
#define CALL(u, f) encode_units(s, &e, &w, t, u, f)
    BY_UNIT(unit, bench_is_float(t->dtype), CALL)
#undef CALL
    for (int i = 0; i < 5; i++)
        shift_low(&e);
    size_t coded = (size_t)(e.p - dst - 4), nraw = (size_t)(w.p - s->raw) + (w.fill != 0);
    if (e.overflow || w.overflow || cap - 4 - coded < nraw + tail)
        return -1;
    bench_store32(dst, (uint32_t)coded);
    memcpy(dst + 4 + coded, s->raw, nraw);
    memcpy(dst + 4 + coded + nraw, t->data + t->nbytes - tail, tail);
    *ndst = 4 + coded + nraw + tail;
    return 0;
}

static int fmdelta_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                          size_t nsrc)
{
    fmdelta_state *s = state;
    size_t unit = bench_unit_nbytes(t->dtype), tail = t->nbytes % unit;
    size_t coded = nsrc >= 4 + tail ? bench_load32(src) : SIZE_MAX;
    if (coded > nsrc - 4 - tail)
        return -1;
    decoder d = {0, UINT32_MAX, src + 4, src + 4 + coded};
    for (int i = 0; i < 4; i++)
        d.code = d.code << 8 | get(&d);
    raw_reader r = {src + 4 + coded, 0, 8 * (uint64_t)(nsrc - 4 - tail - coded)};
    model_init(&s->m, (unsigned)(16 * unit + 1));
#define CALL(u, f) decode_units(s, &d, &r, t, dst, u, f)
    BY_UNIT(unit, bench_is_float(t->dtype), CALL)
#undef CALL
    memcpy(dst + t->nbytes - tail, src + nsrc - tail, tail);
    return r.position > r.nbits ? -1 : 0;
}

const bench_codec bench_codec_fmdelta = {
    "fm-delta",
    "ordered-integer difference, adaptive range coder on sign and bit length, raw low bits; "
    "per tensor; NeurIPS 2024",
    BENCH_CODEC_USES_BASE,
    bench_version_own,
    NULL,
    fmdelta_open,
    fmdelta_close,
    fmdelta_bound,
    fmdelta_encode,
    fmdelta_decode,
};
