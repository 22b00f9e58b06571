/* Frames that are wrong: the verdict is an error or the exact bytes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "codec_util.h"

enum { MAX_TENSOR = 3 * BITX_BLOCK_MIN, MAX_FRAME = MAX_TENSOR + 4096 };

/* A small frame, and what it decodes to. */
typedef struct sample {
    bitx_dtype dtype;
    bitx_codec codec;
    cu_kind kind;
    size_t n, base_n;
} sample;

static const sample samples[] = {
    {BITX_BF16, BITX_CODEC_AUTO, CU_NEAR, 0, 0},
    {BITX_BF16, BITX_CODEC_RAW, CU_RANDOM, 5, 0},
    {BITX_BF16, BITX_CODEC_AUTO, CU_NEAR, 301, 301},
    {BITX_BF16, BITX_CODEC_BITX, CU_SPARSE, 601, 400},
    {BITX_F32, BITX_CODEC_BITX, CU_SPARSE, 803, 1000},
    {BITX_BYTES, BITX_CODEC_ZSTD, CU_REPEAT, 777, 0},
    {BITX_BF16, BITX_CODEC_BITX, CU_SPARSE, BITX_BLOCK_MIN + 777, BITX_BLOCK_MIN + 700},
    {BITX_BF16, BITX_CODEC_FLOAT, CU_NEAR, 1001, 0},
    {BITX_BF16, BITX_CODEC_DELTA, CU_NEAR, 1001, 1001},
    {BITX_BF16, BITX_CODEC_DELTA, CU_SPARSE, BITX_BLOCK_MIN + 777, BITX_BLOCK_MIN + 700},
    {BITX_F32, BITX_CODEC_DELTA, CU_NEAR, 1003, 1003},
    {BITX_F8_E4M3, BITX_CODEC_DELTA, CU_NEAR, 703, 700},
    {BITX_Q4_0, BITX_CODEC_FIELDS, CU_RECORDS, 1801, 1700},
    {BITX_Q5_1, BITX_CODEC_FIELDS, CU_RECORDS, BITX_BLOCK_MIN + 777, 0},
};
enum { NSAMPLES = sizeof(samples) / sizeof(samples[0]) };

typedef struct made {
    bitx_ctx *ctx;
    uint8_t src[MAX_TENSOR], base[MAX_TENSOR], frame[MAX_FRAME], work[MAX_FRAME], out[MAX_TENSOR];
    size_t n, base_n, frame_n, header_n;
    cu_guard guard;
} made;

static made m;

/* False where this build lacks the codec. */
static bool make(const sample *s)
{
    if (!cu_codec_exists(s->codec))
        return false;
    if (!m.ctx) {
        cr_assert_eq(bitx_ctx_new(NULL, NULL, &m.ctx), BITX_OK);
        cu_guard_make(&m.guard, MAX_FRAME);
    }
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = s->dtype;
    params.codec = s->codec;
    params.block_nbytes = BITX_BLOCK_MIN;
    cu_fill(s->kind, s->dtype, 5, m.src, m.base, MAX_TENSOR);
    m.n = s->n;
    cr_assert_eq(bitx_encode(m.ctx, &params, m.frame, sizeof(m.frame), &m.frame_n, m.src, s->n,
                             m.base, s->base_n),
                 BITX_OK);
    bitx_frame_info info;
    size_t need;
    cr_assert_eq(bitx_frame_info_read(m.frame, m.frame_n, &info, &need), BITX_OK);
    m.base_n = (size_t)info.base_nbytes;
    m.header_n = (size_t)info.header_nbytes;
    return true;
}

/* Decodes m.work[0 .. n), placed against a guard page, in every way. */
static void judge(size_t n, const char *what, size_t where)
{
    uint8_t *f = cu_guard_high(&m.guard, n);
    memcpy(f, m.work, n);
    size_t out_n = 0, need = 0;
    memset(m.out, 0x5a, sizeof(m.out));
    bitx_status status =
        bitx_decode(m.ctx, m.out, sizeof(m.out), &out_n, f, n, m.base_n ? m.base : NULL, m.base_n);
    if (status == BITX_OK)
        cr_assert(out_n == m.n && memcmp(m.out, m.src, m.n) == 0, "%s %zu: wrong bytes", what,
                  where);
    bitx_frame *frame;
    bitx_frame_info info;
    status = bitx_frame_open(m.ctx, f, n, &frame);
    cr_assert_eq(status == BITX_OK,
                 status == bitx_frame_info_read(f, n, &info, &need) && status == BITX_OK);
    if (status != BITX_OK)
        return;
    for (uint64_t i = 0; i < info.nblocks; i++) {
        uint64_t at;
        bitx_block row;
        cr_assert_eq(bitx_frame_block(frame, i, &at, &row), BITX_OK);
        size_t off = (size_t)i * info.block_nbytes;
        size_t len =
            info.nbytes - off < info.block_nbytes ? (size_t)info.nbytes - off : info.block_nbytes;
        size_t blen = info.base_nbytes <= off        ? 0
                      : info.base_nbytes - off < len ? (size_t)info.base_nbytes - off
                                                     : len;
        if (at > n || row.payload_nbytes > n - at || off + len > MAX_TENSOR ||
            off + blen > MAX_TENSOR)
            continue;
        status = bitx_block_decode(m.ctx, frame, i, m.out, len, f + at, row.payload_nbytes,
                                   blen ? m.base + off : NULL, blen);
        if (status == BITX_OK)
            cr_assert_eq(cu_hash64(m.out, len), row.checksum, "%s %zu: wrong block", what, where);
    }
    bitx_frame_close(frame);
}

Test(hostile, every_truncation)
{
    for (size_t i = 0; i < NSAMPLES; i++) {
        if (!make(&samples[i]))
            continue;
        memcpy(m.work, m.frame, m.frame_n);
        for (size_t n = 0; n < m.frame_n; n++) {
            judge(n, "truncated at", n);
            uint8_t *f = cu_guard_high(&m.guard, n);
            size_t out_n;
            cr_assert_neq(bitx_decode(m.ctx, m.out, sizeof(m.out), &out_n, f, n, m.base, m.base_n),
                          BITX_OK, "%zu bytes of %zu", n, m.frame_n);
        }
        /* One byte more is no frame either. */
        m.work[m.frame_n] = 0;
        size_t out_n;
        cr_assert_eq(bitx_decode(m.ctx, m.out, sizeof(m.out), &out_n, m.work, m.frame_n + 1, m.base,
                                 m.base_n),
                     BITX_ERR_CORRUPT);
    }
}

/* Every bit of the frame, and of the header with a checksum that is right again. A bit of a payload
   may be one that zstd does not look at. */
Test(hostile, every_bit_flip)
{
    for (size_t i = 0; i < NSAMPLES; i++) {
        if (!make(&samples[i]))
            continue;
        for (size_t bit = 0; bit < 8 * m.frame_n; bit++) {
            memcpy(m.work, m.frame, m.frame_n);
            m.work[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (bit < 8 * m.header_n) {
                size_t out_n;
                cr_assert_neq(bitx_decode(m.ctx, m.out, sizeof(m.out), &out_n, m.work, m.frame_n,
                                          m.base, m.base_n),
                              BITX_OK, "sample %zu, header bit %zu went unnoticed", i, bit);
            }
            judge(m.frame_n, "bit", bit);
            if (bit < 8 * m.header_n && cu_reseal(m.work, m.frame_n))
                judge(m.frame_n, "sealed bit", bit);
        }
    }
}

/* Every byte of the header to other values, and of the payload to extremes. */
Test(hostile, every_byte)
{
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    for (size_t i = 0; i < NSAMPLES; i++) {
        if (!make(&samples[i]))
            continue;
        for (size_t at = 0; at < m.frame_n; at++) {
            for (size_t v = 0; v < sizeof(values); v++) {
                memcpy(m.work, m.frame, m.frame_n);
                m.work[at] = values[v];
                if (at < m.header_n)
                    cu_reseal(m.work, m.frame_n);
                judge(m.frame_n, "byte", at);
            }
        }
    }
}

/* bitx_frame_info_read() asks for more until it has enough, never for more than the header. */
Test(hostile, info_converges)
{
    for (size_t i = 0; i < NSAMPLES; i++) {
        if (!make(&samples[i]))
            continue;
        size_t avail = 0, rounds = 0;
        bitx_frame_info info;
        for (;;) {
            size_t need = 0;
            uint8_t *f = cu_guard_high(&m.guard, avail);
            memcpy(f, m.frame, avail);
            bitx_status status = bitx_frame_info_read(f, avail, &info, &need);
            if (status == BITX_OK)
                break;
            cr_assert_eq(status, BITX_ERR_TRUNCATED);
            cr_assert_gt(need, avail);
            cr_assert_leq(need, m.header_n);
            avail = need;
            cr_assert_lt(++rounds, 8u);
        }
        cr_assert_eq(avail, m.header_n);
        for (avail = 0; avail < m.header_n; avail++) {
            size_t need = 0;
            uint8_t *f = cu_guard_high(&m.guard, avail);
            memcpy(f, m.frame, avail);
            cr_assert_eq(bitx_frame_info_read(f, avail, &info, &need), BITX_ERR_TRUNCATED);
            cr_assert(avail < need && need <= m.header_n, "%zu bytes: %zu of %zu wanted", avail,
                      need, m.header_n);
        }
        cr_assert_eq(info.header_nbytes, m.header_n);
    }
}

/* ---- fields at their limits ------------------------------------------------------------------ */

/* A header by FORMAT.md for a tensor whose block table is left out, so TRUNCATED means accepted. */
typedef struct fields {
    uint8_t version, flags, codec, dtype, bits, predictor, log2, reserved;
    uint64_t nbytes, base_nbytes, predictor_nbytes, tables_nbytes;
} fields;

static const fields plain = {1, 0, 0, BITX_BF16, 16, 0, 20, 0, 100, 100, 0, 0};

static bitx_status verdict(const fields *f)
{
    uint8_t bytes[128] = {'b',      'i',      't',     'x',          f->version, f->flags,
                          f->codec, f->dtype, f->bits, f->predictor, f->log2,    f->reserved};
    uint8_t *p = cu_varint(bytes + 12, f->nbytes);
    if (f->predictor)
        p = cu_varint(p, f->base_nbytes) + 16;
    p = cu_varint(p, f->predictor_nbytes);
    if (f->predictor_nbytes == 0)
        p = cu_varint(p, f->tables_nbytes);
    bitx_frame_info info;
    size_t need = 0;
    size_t n = (size_t)(p - bytes);
    bitx_status status = bitx_frame_info_read(bytes, n, &info, &need);
    if (status == BITX_ERR_TRUNCATED)
        cr_assert_gt(need, n);
    return status;
}

#define VERDICT(expected, ...)                                                                     \
    do {                                                                                           \
        fields f = plain;                                                                          \
        __VA_ARGS__;                                                                               \
        bitx_status got = verdict(&f);                                                             \
        cr_expect_eq(got, expected, "%s: %s", #__VA_ARGS__, bitx_status_name(got));                \
    } while (0)

Test(hostile, limits)
{
    VERDICT(BITX_ERR_TRUNCATED, (void)0);
    VERDICT(BITX_ERR_VERSION, f.version = 0);
    VERDICT(BITX_ERR_VERSION, f.version = 2);
    VERDICT(BITX_ERR_UNSUPPORTED, f.flags = 1);
    VERDICT(BITX_ERR_UNSUPPORTED, f.flags = 0x80);
    VERDICT(BITX_ERR_UNSUPPORTED, f.reserved = 1);
    VERDICT(BITX_ERR_TRUNCATED, f.codec = BITX_CODEC_DELTA);
    VERDICT(BITX_ERR_UNSUPPORTED, f.codec = BITX_CODEC_COUNT);
    VERDICT(BITX_ERR_TRUNCATED, f.dtype = BITX_U64, f.bits = 64);
    VERDICT(BITX_ERR_UNSUPPORTED, f.dtype = BITX_DTYPE_COUNT, f.bits = 0);
    VERDICT(BITX_ERR_CORRUPT, f.bits = 15);
    VERDICT(BITX_ERR_TRUNCATED, f.predictor = 1);
    VERDICT(BITX_ERR_UNSUPPORTED, f.predictor = 6);
    VERDICT(BITX_ERR_CORRUPT, f.log2 = 11);
    VERDICT(BITX_ERR_TRUNCATED, f.log2 = 12);
    VERDICT(BITX_ERR_TRUNCATED, f.log2 = 26);
    VERDICT(BITX_ERR_CORRUPT, f.log2 = 27);
    VERDICT(BITX_ERR_TRUNCATED, f.nbytes = (uint64_t)1 << 48);
    VERDICT(BITX_ERR_CORRUPT, f.nbytes = ((uint64_t)1 << 48) + 1);
    VERDICT(BITX_ERR_TRUNCATED, f.predictor = 1, f.base_nbytes = (uint64_t)1 << 48);
    VERDICT(BITX_ERR_CORRUPT, f.predictor = 1, f.base_nbytes = ((uint64_t)1 << 48) + 1);
    VERDICT(BITX_ERR_TRUNCATED, f.predictor_nbytes = (uint64_t)1 << 28);
    VERDICT(BITX_ERR_CORRUPT, f.predictor_nbytes = ((uint64_t)1 << 28) + 1);
    VERDICT(BITX_ERR_TRUNCATED, f.tables_nbytes = (uint64_t)1 << 20);
    VERDICT(BITX_ERR_CORRUPT, f.tables_nbytes = ((uint64_t)1 << 20) + 1);
}

/* A header of any fields, with its table and checksum. */
typedef struct builder {
    uint8_t bytes[4096], *p;
} builder;

static void begin(builder *b, bitx_dtype dtype, uint64_t nbytes)
{
    memset(b, 0, sizeof(*b));
    const uint8_t fixed[12] = {
        'b', 'i', 't', 'x', 1, 0, 0, (uint8_t)dtype, (uint8_t)bitx_dtype_bits(dtype), 0, 12, 0};
    memcpy(b->bytes, fixed, 12);
    b->p = cu_varint(b->bytes + 12, nbytes);
}

static void row(builder *b, uint32_t payload_nbytes, uint8_t codec)
{
    memcpy(b->p, &payload_nbytes, 4);
    b->p[4] = codec;
    b->p += 13;
}

static bitx_status finish(builder *b)
{
    size_t n = (size_t)(b->p - b->bytes);
    uint64_t hash = cu_hash64(b->bytes, n);
    memcpy(b->p, &hash, 8);
    bitx_frame_info info;
    size_t need;
    return bitx_frame_info_read(b->bytes, n + 8, &info, &need);
}

static bitx_status one_row(uint64_t nbytes, uint32_t payload_nbytes, uint8_t codec)
{
    builder b;
    begin(&b, BITX_BF16, nbytes);
    *b.p++ = 0;
    *b.p++ = 0;
    row(&b, payload_nbytes, codec);
    return finish(&b);
}

Test(hostile, rows)
{
    cr_expect_eq(one_row(100, 100, BITX_CODEC_RAW), BITX_OK);
    cr_expect_eq(one_row(100, 99, BITX_CODEC_RAW), BITX_ERR_CORRUPT);
    cr_expect_eq(one_row(100, 101, BITX_CODEC_RAW), BITX_ERR_CORRUPT);
    cr_expect_eq(one_row(100, 99, BITX_CODEC_ZSTD), BITX_OK);
    cr_expect_eq(one_row(100, 0, BITX_CODEC_ZSTD), BITX_OK); /* refused by its codec later */
    cr_expect_eq(one_row(100, 100, BITX_CODEC_ZSTD), BITX_ERR_CORRUPT);
    cr_expect_eq(one_row(100, UINT32_MAX, BITX_CODEC_BITX), BITX_ERR_CORRUPT);
    cr_expect_eq(one_row(100, 99, BITX_CODEC_AUTO), BITX_ERR_CORRUPT);
    cr_expect_eq(one_row(100, 99, BITX_CODEC_COUNT), BITX_ERR_UNSUPPORTED);
    cr_expect_eq(one_row(100, 99, 255), BITX_ERR_UNSUPPORTED);
    /* delta without a base */
    bitx_status status = one_row(100, 50, BITX_CODEC_DELTA);
    cr_expect_eq(status,
                 cu_codec_exists(BITX_CODEC_DELTA) ? BITX_ERR_CORRUPT : BITX_ERR_UNSUPPORTED);
    /* one row too few, and one too many */
    builder b;
    begin(&b, BITX_BF16, BITX_BLOCK_MIN + 1);
    *b.p++ = 0;
    *b.p++ = 0;
    row(&b, BITX_BLOCK_MIN, BITX_CODEC_RAW);
    cr_expect_eq(finish(&b), BITX_ERR_TRUNCATED);
    row(&b, 1, BITX_CODEC_RAW);
    cr_expect_eq(finish(&b), BITX_OK);
    begin(&b, BITX_BF16, BITX_BLOCK_MIN);
    *b.p++ = 0;
    *b.p++ = 0;
    row(&b, BITX_BLOCK_MIN, BITX_CODEC_RAW);
    row(&b, BITX_BLOCK_MIN, BITX_CODEC_RAW);
    cr_expect_eq(finish(&b), BITX_ERR_CHECKSUM);
}

Test(hostile, sections)
{
    static const struct {
        const char *what;
        uint8_t bytes[8], n;
        bitx_status expected;
    } cases[] = {
        {"no section", {0, 0}, 2, BITX_OK},
        {"a predictor's section, for none", {1, 7, 0}, 3, BITX_ERR_CORRUPT},
        {"size of tables in two bytes where one does", {0, 0x80, 0}, 3, BITX_ERR_CORRUPT},
        {"tables of raw", {0, 3, 1, 1, 9}, 5, BITX_ERR_CORRUPT},
        {"tables of bitx", {0, 3, 3, 1, 9}, 5, BITX_ERR_CORRUPT},
        {"tables of auto", {0, 3, 0, 1, 9}, 5, BITX_ERR_CORRUPT},
        {"tables of nobody", {0, 3, 77, 1, 9}, 5, BITX_ERR_UNSUPPORTED},
        {"an entry longer than the section", {0, 3, 5, 2, 9}, 5, BITX_ERR_CORRUPT},
        {"an empty entry", {0, 2, 5, 0}, 4, BITX_ERR_CORRUPT},
        {"an id and no more", {0, 1, 5}, 3, BITX_ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        builder b;
        begin(&b, BITX_BF16, 10);
        memcpy(b.p, cases[i].bytes, cases[i].n);
        b.p += cases[i].n;
        row(&b, 10, BITX_CODEC_RAW);
        bitx_status got = finish(&b);
        cr_expect_eq(got, cases[i].expected, "%s: %s", cases[i].what, bitx_status_name(got));
    }
    /* Predictor `base`, and a base of no bytes. */
    for (uint8_t n = 0; n < 2; n++) {
        builder c;
        begin(&c, BITX_BF16, 10);
        c.bytes[9] = 1;
        *c.p++ = n;
        c.p += 16 + 2;
        row(&c, 10, BITX_CODEC_RAW);
        cr_expect_eq(finish(&c), n ? BITX_OK : BITX_ERR_CORRUPT);
    }
    /* A size of tensor in more bytes than it needs, and in more than any number has. */
    builder b;
    begin(&b, BITX_BF16, 10);
    b.p[-1] = 0x8a;
    *b.p++ = 0;
    *b.p++ = 0;
    *b.p++ = 0;
    row(&b, 10, BITX_CODEC_RAW);
    cr_expect_eq(finish(&b), BITX_ERR_CORRUPT);
    begin(&b, BITX_BF16, 10);
    memset(b.p - 1, 0xff, 20);
    b.p += 20;
    cr_expect_eq(finish(&b), BITX_ERR_CORRUPT);
}

/* FORMAT.md's limit of each codec's tables, and one above. */
Test(hostile, tables_at_their_limits)
{
    static const struct {
        bitx_codec codec;
        size_t most;
    } limits[] = {{BITX_CODEC_FLOAT, 1024}, {BITX_CODEC_DELTA, 2048}};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        for (size_t over = 0; over < 2; over++) {
            size_t n = limits[i].most + over;
            builder b;
            begin(&b, BITX_BF16, 10);
            *b.p++ = 0;
            b.p = cu_varint(b.p, n + 3); /* its id, two bytes of size, and it */
            *b.p++ = (uint8_t)limits[i].codec;
            b.p = cu_varint(b.p, n) + n;
            row(&b, 10, BITX_CODEC_RAW);
            cr_expect_eq(finish(&b), over ? BITX_ERR_CORRUPT : BITX_OK, "%s, %zu bytes",
                         bitx_codec_name(limits[i].codec), n);
        }
    }
}

/* Tables are checked even where no block needs them, so that all ways to read agree. */
Test(hostile, tables_of_nothing)
{
    if (!cu_codec_exists(BITX_CODEC_FLOAT))
        cr_skip_test("this build has no codec with tables");
    bitx_ctx *ctx;
    cr_assert_eq(bitx_ctx_new(NULL, NULL, &ctx), BITX_OK);
    builder b;
    begin(&b, BITX_BF16, 0);
    static const uint8_t sections[] = {0, 3, BITX_CODEC_FLOAT, 1, 0xff};
    memcpy(b.p, sections, sizeof(sections));
    b.p += sizeof(sections);
    cr_expect_eq(finish(&b), BITX_OK);
    size_t n = (size_t)(b.p - b.bytes) + 8, out_n;
    uint8_t out[1];
    bitx_frame *frame;
    cr_expect_eq(bitx_decode(ctx, out, 1, &out_n, b.bytes, n, NULL, 0), BITX_ERR_CORRUPT);
    cr_expect_eq(bitx_decode_range(ctx, out, 0, 0, b.bytes, n, NULL, 0), BITX_ERR_CORRUPT);
    cr_expect_eq(bitx_frame_open(ctx, b.bytes, n, &frame), BITX_ERR_CORRUPT);
    bitx_ctx_free(ctx);
}

/* A frame that claims 2^48 bytes costs nothing: memory is asked for only when bytes are there. */
Test(hostile, no_allocation_for_claims)
{
    cu_counter counter = {0};
    bitx_allocator allocator = cu_counting(&counter);
    bitx_ctx *ctx;
    cr_assert_eq(bitx_ctx_new(&allocator, NULL, &ctx), BITX_OK);
    builder b;
    begin(&b, BITX_BF16, (uint64_t)1 << 48);
    *b.p++ = 0;
    *b.p++ = 0;
    size_t before = counter.ncalls, out_n;
    bitx_frame *frame;
    cr_assert_eq(bitx_frame_open(ctx, b.bytes, sizeof(b.bytes), &frame), BITX_ERR_TRUNCATED);
    uint8_t out[1];
    cr_assert_eq(bitx_decode(ctx, out, 1, &out_n, b.bytes, sizeof(b.bytes), NULL, 0),
                 BITX_ERR_TRUNCATED);
    cr_assert_eq(counter.ncalls, before);
    bitx_ctx_free(ctx);
}

/* ---- payloads that pass all checks of the header ------------------------------------------------
 */

/* Replaces the only payload of m.frame, with a header that agrees. */
static bitx_status with_payload(const uint8_t *payload, uint32_t n)
{
    memcpy(m.work, m.frame, m.header_n);
    size_t rows = cu_rows_offset(m.work, m.frame_n);
    memcpy(m.work + rows, &n, 4);
    cr_assert(cu_reseal(m.work, m.header_n));
    memcpy(m.work + m.header_n, payload, n);
    size_t out_n;
    uint8_t *f = cu_guard_high(&m.guard, m.header_n + n);
    memcpy(f, m.work, m.header_n + n);
    return bitx_decode(m.ctx, m.out, sizeof(m.out), &out_n, f, m.header_n + n, m.base, m.base_n);
}

Test(hostile, payloads)
{
    static uint8_t payload[MAX_FRAME];
    cr_assert(make(&samples[5])); /* zstd */
    uint32_t n = (uint32_t)(m.frame_n - m.header_n);
    memcpy(payload, m.frame + m.header_n, n);
    cr_expect_eq(with_payload(payload, n), BITX_OK);
    cr_expect_eq(with_payload(payload, 0), BITX_ERR_CORRUPT);
    cr_expect_eq(with_payload(payload, n - 1), BITX_ERR_CORRUPT);
    /* an empty skippable frame behind it, which a loose decoder passes over */
    static const uint8_t skippable[8] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
    memcpy(payload + n, skippable, 8);
    cr_expect_eq(with_payload(payload, n + 8), BITX_ERR_CORRUPT);

    cr_assert(make(&samples[3])); /* bitx: a size, two zstd frames, a byte of tail */
    n = (uint32_t)(m.frame_n - m.header_n);
    memcpy(payload, m.frame + m.header_n, n);
    cr_expect_eq(with_payload(payload, n), BITX_OK);
    for (uint32_t cut = 0; cut < n; cut++)
        cr_expect_neq(with_payload(payload, cut), BITX_OK);
    static const uint32_t sizes[] = {0, 1, 0x7fffffff, UINT32_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memcpy(payload, &sizes[i], 4);
        cr_expect_eq(with_payload(payload, n), BITX_ERR_CORRUPT);
    }
}

/* ---- bases and destinations ---------------------------------------------------------------------
 */

Test(hostile, bases)
{
    static uint8_t wrong[MAX_TENSOR];
    cr_assert(make(&samples[3]));
    size_t n;
    memcpy(wrong, m.base, m.base_n);
    cr_expect_eq(bitx_decode(m.ctx, m.out, m.n, &n, m.frame, m.frame_n, NULL, 0), BITX_ERR_NO_BASE);
    cr_expect_eq(bitx_decode(m.ctx, m.out, m.n, &n, m.frame, m.frame_n, wrong, m.base_n - 1),
                 BITX_ERR_WRONG_BASE);
    cr_expect_eq(bitx_decode(m.ctx, m.out, m.n, &n, m.frame, m.frame_n, wrong, m.base_n + 1),
                 BITX_ERR_WRONG_BASE);
    for (size_t bit = 0; bit < 8 * m.base_n; bit += 37) {
        wrong[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_expect_eq(bitx_decode(m.ctx, m.out, m.n, &n, m.frame, m.frame_n, wrong, m.base_n),
                     BITX_ERR_WRONG_BASE);
        cr_expect_eq(bitx_decode_range(m.ctx, m.out, 0, m.n, m.frame, m.frame_n, wrong, m.base_n),
                     BITX_ERR_CHECKSUM);
        wrong[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cr_expect_eq(bitx_decode(m.ctx, m.out, m.n, &n, m.frame, m.frame_n, wrong, m.base_n), BITX_OK);

    bitx_frame *frame;
    uint64_t at;
    bitx_block row0;
    cr_assert_eq(bitx_frame_open(m.ctx, m.frame, m.frame_n, &frame), BITX_OK);
    cr_assert_eq(bitx_frame_block(frame, 0, &at, &row0), BITX_OK);
    cr_expect_eq(bitx_frame_block(frame, 1, &at, &row0), BITX_ERR_ARGUMENT);
    const uint8_t *payload = m.frame + at;
    size_t len = row0.payload_nbytes;
    cr_expect_eq(bitx_block_decode(m.ctx, frame, 0, m.out, m.n, payload, len, NULL, 0),
                 BITX_ERR_NO_BASE);
    cr_expect_eq(bitx_block_decode(m.ctx, frame, 0, m.out, m.n, payload, len, m.base, m.base_n - 1),
                 BITX_ERR_WRONG_BASE);
    cr_expect_eq(bitx_block_decode(m.ctx, frame, 0, m.out, m.n, payload, len - 1, m.base, m.base_n),
                 BITX_ERR_TRUNCATED);
    cr_expect_eq(bitx_block_decode(m.ctx, frame, 0, m.out, m.n - 1, payload, len, m.base, m.base_n),
                 BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_block_decode(m.ctx, frame, 1, m.out, m.n, payload, len, m.base, m.base_n),
                 BITX_ERR_ARGUMENT);
    cr_expect_eq(bitx_block_decode(m.ctx, frame, 0, m.out, m.n, payload, len, m.base, m.base_n),
                 BITX_OK);
    bitx_frame_close(frame);
}

Test(hostile, destination_one_too_small)
{
    for (size_t i = 0; i < NSAMPLES; i++) {
        if (!make(&samples[i]) || m.n == 0)
            continue;
        size_t n = 12345, bound;
        memset(m.out, 0x5a, sizeof(m.out));
        cr_expect_eq(bitx_decode(m.ctx, m.out, m.n - 1, &n, m.frame, m.frame_n, m.base, m.base_n),
                     BITX_ERR_DST_SIZE);
        cr_expect_eq(n, 12345);
        cr_expect_eq(m.out[m.n - 1], 0x5a);
        bitx_params params = BITX_PARAMS_INIT;
        params.dtype = samples[i].dtype;
        params.codec = samples[i].codec;
        params.block_nbytes = BITX_BLOCK_MIN;
        cr_assert_eq(bitx_encode_bound(&params, m.n, m.base_n, &bound), BITX_OK);
        cr_expect_eq(
            bitx_encode(m.ctx, &params, m.work, bound - 1, &n, m.src, m.n, m.base, m.base_n),
            BITX_ERR_DST_SIZE);
        cr_expect_eq(n, 12345);
        cr_expect_eq(bitx_encode(m.ctx, &params, m.work, bound, &n, m.src, m.n, m.base, m.base_n),
                     BITX_OK);
    }
}
