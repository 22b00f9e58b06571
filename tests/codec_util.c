#include "codec_util.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t cu_random(cu_rng *rng)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ---- tensors ----------------------------------------------------------------------------------
 */

static unsigned unit_of(bitx_dtype dtype)
{
    unsigned bits = bitx_dtype_bits(dtype);
    return bits <= 8 ? 1 : bits / 8;
}

/* A number that looks like a weight: its top byte takes few values, the rest is noise. */
static uint64_t weight(cu_rng *rng, unsigned unit)
{
    uint64_t r = cu_random(rng);
    if (unit == 1)
        return (r & 0x87) | 0x38;
    unsigned low = 8 * unit - 8;
    uint64_t top = (r >> 60 & 1) << 7 | (0x3a + (uint64_t)__builtin_ctzll(r >> 8 | 1u << 6));
    return (r & (((uint64_t)1 << low) - 1)) | top << low;
}

static void near_weights(cu_rng *rng, unsigned unit, unsigned one_in, uint8_t *src, uint8_t *base,
                         size_t n)
{
    for (size_t i = 0; i < n; i += unit) {
        uint64_t b = weight(rng, unit);
        uint64_t r = cu_random(rng);
        uint64_t step = (uint64_t)__builtin_ctzll(r | 1u << 7);
        uint64_t v = r >> 32 & 1 ? b + step : b - step;
        if (r >> 33 & 1)
            v = b;
        if (one_in > 1 && (r >> 40) % one_in)
            v = b;
        memcpy(base + i, &b, n - i < unit ? n - i : unit);
        memcpy(src + i, &v, n - i < unit ? n - i : unit);
    }
}

/* Steps that grow as exponents fall, by rows of 64: some rows loud, some quiet, some unchanged. */
static void tuned_weights(cu_rng *rng, unsigned unit, uint8_t *src, uint8_t *base, size_t n)
{
    for (size_t i = 0; i < n; i += unit) {
        uint64_t b = weight(rng, unit), r = cu_random(rng);
        unsigned row = (unsigned)(i / unit / 64) * 5 % 7;
        unsigned small = 0x40 - (unsigned)(b >> (8 * unit - 8) & 0x7f);
        unsigned log = unit == 1 ? 1 + row % 2 : (small + row) % 16;
        uint64_t mask = ((uint64_t)1 << log) - 1;
        uint64_t v = b + (r & mask) + (r >> 20 & mask) - mask;
        if (row == 0)
            v = b;
        memcpy(base + i, &b, n - i < unit ? n - i : unit);
        memcpy(src + i, &v, n - i < unit ? n - i : unit);
    }
}

static unsigned period_of(bitx_dtype dtype)
{
    static const unsigned periods[] = {18,  20,  22,  24,  34, 36,  84, 110,
                                       144, 176, 210, 292, 18, 136, 17};
    return dtype < BITX_Q4_0 ? 18 : periods[dtype - BITX_Q4_0];
}

/* Two bytes of scale in each record, and nibbles near 8, of which one in 16 moves. */
static void quantised(cu_rng *rng, unsigned period, uint8_t *src, uint8_t *base, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t r = cu_random(rng);
        unsigned low = 8 + (r & 3) - (r >> 2 & 3), high = 8 + (r >> 4 & 3) - (r >> 6 & 3);
        unsigned move = (r >> 8 & 15) == 0;
        base[i] = (uint8_t)(low | high << 4);
        src[i] = (uint8_t)(base[i] + move);
        if (i % period == 1) {
            base[i] = (uint8_t)(0x20 | (r >> 20 & 1));
            src[i] = base[i];
        }
    }
}

static void random_bytes(cu_rng *rng, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(cu_random(rng) >> 32);
}

void cu_fill(cu_kind kind, bitx_dtype dtype, uint64_t seed, uint8_t *src, uint8_t *base, size_t n)
{
    cu_rng rng = {seed * 64 + (uint64_t)kind * 8 + 1};
    static const char text[] = "the base model of this model is ";
    switch (kind) {
    case CU_NEAR:
        near_weights(&rng, unit_of(dtype), 1, src, base, n);
        break;
    case CU_SPARSE:
        near_weights(&rng, unit_of(dtype), 50, src, base, n);
        break;
    case CU_TUNED:
        tuned_weights(&rng, unit_of(dtype), src, base, n);
        break;
    case CU_SAME:
        near_weights(&rng, unit_of(dtype), 1, src, base, n);
        if (n)
            memcpy(src, base, n);
        break;
    case CU_RANDOM:
        random_bytes(&rng, src, n);
        random_bytes(&rng, base, n);
        break;
    case CU_ZERO:
        random_bytes(&rng, base, n);
        for (size_t i = 0; i < n; i++)
            src[i] = 0;
        break;
    case CU_REPEAT:
        random_bytes(&rng, base, n);
        for (size_t i = 0; i < n; i++)
            src[i] = (uint8_t)text[i % (sizeof(text) - 1)];
        break;
    case CU_RECORDS:
        quantised(&rng, period_of(dtype), src, base, n);
        break;
    case CU_KINDS:
        break;
    }
}

size_t cu_read_file(const char *folder, const char *name, const char *kind, uint8_t *dst,
                    size_t cap)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s.%s", folder, name, kind);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(dst, 1, cap, f) : 0;
    if (!f || fgetc(f) != EOF) {
        fprintf(stderr, "%s: %s\n", path, f ? "too long" : "cannot be read");
        abort();
    }
    fclose(f);
    return n;
}

/* ---- guards -----------------------------------------------------------------------------------
 */

void cu_guard_make(cu_guard *g, size_t capacity)
{
    g->page = (size_t)sysconf(_SC_PAGESIZE);
    g->capacity = (capacity + g->page) / g->page * g->page;
    g->map_nbytes = g->capacity + 2 * g->page;
    g->map = mmap(NULL, g->map_nbytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->map == MAP_FAILED || mprotect(g->map + g->page, g->capacity, PROT_READ | PROT_WRITE))
        abort();
}

void cu_guard_free(cu_guard *g)
{
    munmap(g->map, g->map_nbytes);
}

uint8_t *cu_guard_low(const cu_guard *g)
{
    return g->map + g->page;
}

uint8_t *cu_guard_high(const cu_guard *g, size_t nbytes)
{
    if (nbytes > g->capacity)
        abort();
    return g->map + g->page + g->capacity - nbytes;
}

/* ---- allocators -------------------------------------------------------------------------------
 */

static void *counting_allocate(void *user, size_t nbytes)
{
    cu_counter *c = user;
    c->ncalls++;
    if (c->fail_at && (c->ncalls == c->fail_at || (c->all && c->ncalls > c->fail_at)))
        return NULL;
    c->nlive++;
    c->largest = nbytes > c->largest ? nbytes : c->largest;
    void *p = malloc(nbytes);
    if (p)
        memset(p, 0xa5, nbytes);
    return p;
}

static void counting_release(void *user, void *memory)
{
    cu_counter *c = user;
    c->nlive--;
    free(memory);
}

bitx_allocator cu_counting(cu_counter *counter)
{
    return (bitx_allocator){counting_allocate, counting_release, counter};
}

/* ---- executors --------------------------------------------------------------------------------
 */

typedef struct pool {
    bitx_job job;
    void *arg;
    size_t n;
    atomic_size_t next;
} pool;

typedef struct member {
    pool *pool;
    unsigned worker;
    pthread_t thread;
} member;

static void *member_run(void *arg)
{
    member *m = arg;
    for (;;) {
        size_t i = atomic_fetch_add(&m->pool->next, 1);
        if (i >= m->pool->n)
            return NULL;
        m->pool->job(m->pool->arg, i, m->worker);
    }
}

static void threads_run(void *user, bitx_job job, void *arg, size_t n)
{
    unsigned nworkers = *(const unsigned *)user;
    pool p = {.job = job, .arg = arg, .n = n};
    member *members = calloc(nworkers, sizeof(member));
    if (!members)
        abort();
    for (unsigned i = 0; i < nworkers; i++) {
        members[i] = (member){.pool = &p, .worker = i};
        if (pthread_create(&members[i].thread, NULL, member_run, &members[i]))
            abort();
    }
    for (unsigned i = 0; i < nworkers; i++)
        pthread_join(members[i].thread, NULL);
    free(members);
}

static void backwards_run(void *user, bitx_job job, void *arg, size_t n)
{
    unsigned nworkers = *(const unsigned *)user;
    while (n--)
        job(arg, n, (unsigned)(n % nworkers));
}

bitx_executor cu_threads(unsigned *nworkers)
{
    return (bitx_executor){threads_run, nworkers, *nworkers};
}

bitx_executor cu_backwards(unsigned *nworkers)
{
    return (bitx_executor){backwards_run, nworkers, *nworkers};
}

/* ---- headers ----------------------------------------------------------------------------------
 */

uint8_t *cu_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 128; v /= 128)
        *p++ = (uint8_t)(v % 128 + 128);
    *p++ = (uint8_t)v;
    return p;
}

static bool skip_varint(const uint8_t *p, size_t n, size_t *pos, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; *pos < n && shift < 63; shift += 7) {
        uint8_t b = p[(*pos)++];
        *value |= (uint64_t)(b & 127) << shift;
        if (b < 128)
            return true;
    }
    return false;
}

size_t cu_rows_offset(const uint8_t *frame, size_t n)
{
    size_t pos = 12;
    uint64_t v;
    if (n < pos || !skip_varint(frame, n, &pos, &v))
        return 0;
    if (frame[9]) {
        if (!skip_varint(frame, n, &pos, &v))
            return 0;
        pos += 16;
    }
    for (int i = 0; i < 2; i++) {
        if (!skip_varint(frame, n, &pos, &v) || v > n - pos)
            return 0;
        pos += (size_t)v;
    }
    return pos <= n ? pos : 0;
}

size_t cu_header_nbytes(const uint8_t *frame, size_t n)
{
    size_t rows = cu_rows_offset(frame, n), pos = 12;
    uint64_t nbytes;
    if (!rows || !skip_varint(frame, n, &pos, &nbytes) || frame[10] > 40)
        return 0;
    uint64_t block = (uint64_t)1 << frame[10];
    uint64_t nblocks = nbytes / block + (nbytes % block != 0);
    if (nblocks > n / 13 || rows + nblocks * 13 + 8 > n)
        return 0;
    return rows + (size_t)nblocks * 13 + 8;
}

bool cu_reseal(uint8_t *frame, size_t n)
{
    size_t header = cu_header_nbytes(frame, n);
    if (!header)
        return false;
    uint64_t hash = XXH3_64bits(frame, header - 8);
    memcpy(frame + header - 8, &hash, 8);
    return true;
}

/* Where the hash of the base lies. */
static size_t base_hash_at(const uint8_t *frame)
{
    size_t pos = 12;
    for (int i = 0; i < 2; i++) { /* nbytes, base_nbytes */
        while (frame[pos] & 0x80)
            pos++;
        pos++;
    }
    return pos;
}

void cu_rebase(uint8_t *frame, size_t n, const uint8_t *base, size_t base_n)
{
    cu_hash128(frame + base_hash_at(frame), base, base_n);
    (void)cu_reseal(frame, n);
}

void cu_readapt(uint8_t *frame, size_t n, const uint8_t *a, size_t a_n, const uint8_t *b,
                size_t b_n)
{
    size_t pos = base_hash_at(frame) + BITX_HASH_NBYTES, section = 0;
    for (unsigned shift = 0;; shift += 7) {
        section |= (size_t)(frame[pos] & 0x7f) << shift;
        if (!(frame[pos++] & 0x80))
            break;
    }
    cu_hash128(frame + pos + section - 2 * BITX_HASH_NBYTES, a, a_n);
    cu_hash128(frame + pos + section - BITX_HASH_NBYTES, b, b_n);
    (void)cu_reseal(frame, n);
}

uint64_t cu_hash64(const void *data, size_t n)
{
    return XXH3_64bits(data, n);
}

void cu_hash128(uint8_t hash[16], const void *data, size_t n)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, n));
    memcpy(hash, canonical.digest, 16);
}

bool cu_codec_exists(bitx_codec codec)
{
    bitx_ctx *ctx;
    if (bitx_ctx_new(NULL, NULL, &ctx) != BITX_OK)
        return false;
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = BITX_BF16;
    params.codec = codec;
    uint8_t frame[64];
    size_t n;
    bitx_status status = bitx_encode(ctx, &params, frame, sizeof(frame), &n, NULL, 0, NULL, 0);
    bitx_ctx_free(ctx);
    return status != BITX_ERR_UNSUPPORTED;
}
