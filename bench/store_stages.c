/* The stages of add and get, one by one. */
#include "bench/store_stages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bench/clock.h"

enum { BLOCK_NBYTES = BITX_BLOCK_DEFAULT };

const char *bench_stage_name(bench_stage stage)
{
    static const char *const names[BENCH_STAGE_COUNT] = {
        "read", "XXH3-128", "SHA-256", "encode", "decode", "write frames", "write"};
    return names[stage];
}

static int complain(const char *path)
{
    fprintf(stderr, "bitx-bench store: %s: %s\n", path, strerror(errno));
    return -1;
}

/* ---- the codec --------------------------------------------------------------------------------
 */

struct bench_frame {
    uint8_t *bytes; /* payloads at multiples of BLOCK_NBYTES, for none is larger than its block */
    bitx_block *blocks;
    bitx_frame *opened;
    uint64_t nblocks, header_nbytes;
    uint8_t *header;
};

typedef struct coder {
    bitx_ctx *ctx, *plan_ctx;
    uint8_t *block;
} coder;

static int read_memory(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    const uint8_t *bytes = user;
    memcpy(dst, bytes + offset, nbytes);
    return 0;
}

/* A bitx_source of bytes that are only read. */
static bitx_source memory_source(const uint8_t *bytes)
{
    bitx_source source = {read_memory, NULL};
    memcpy(&source.user, &bytes, sizeof(source.user));
    return source;
}

static size_t part_of(size_t nbytes, uint64_t index)
{
    uint64_t begin = index * BLOCK_NBYTES;
    if (begin >= nbytes)
        return 0;
    return nbytes - begin < BLOCK_NBYTES ? nbytes - (size_t)begin : BLOCK_NBYTES;
}

static void drop_frame(struct bench_frame *f)
{
    bitx_frame_close(f->opened);
    free(f->bytes);
    free(f->blocks);
    free(f->header);
    memset(f, 0, sizeof(*f));
}

static int encode_blocks(coder *c, const bitx_plan *plan, const bench_tensor *t,
                         struct bench_frame *f)
{
    for (uint64_t i = 0; i < f->nblocks; i++) {
        size_t base_nbytes = part_of(t->base_nbytes, i);
        const uint8_t *base = base_nbytes ? t->base + i * BLOCK_NBYTES : NULL;
        if (bitx_block_encode(c->ctx, plan, i, f->bytes + i * BLOCK_NBYTES, BLOCK_NBYTES,
                              &f->blocks[i], t->data + i * BLOCK_NBYTES, part_of(t->nbytes, i),
                              base, base_nbytes) != BITX_OK)
            return -1;
    }
    return bitx_header_write(plan, f->header, (size_t)f->header_nbytes, f->blocks) == BITX_OK ? 0
                                                                                              : -1;
}

static int encode_tensor(coder *c, const bench_tensor *t, struct bench_frame *f)
{
    static const uint8_t hash[BITX_HASH_NBYTES];
    bitx_params params = BITX_PARAMS_INIT;
    bitx_source own = memory_source(t->data), base = memory_source(t->base);
    bitx_plan *plan;
    bitx_geometry geometry;
    params.dtype = t->dtype;
    params.block_nbytes = BLOCK_NBYTES;
    if (bitx_plan_new(c->plan_ctx, &params, &own, t->nbytes, t->base ? &base : NULL, t->base_nbytes,
                      t->base ? hash : NULL, &plan) != BITX_OK)
        return -1;
    bitx_plan_geometry(plan, &geometry);
    f->nblocks = geometry.nblocks;
    f->header_nbytes = geometry.header_nbytes;
    f->header = realloc(f->header, (size_t)f->header_nbytes);
    f->blocks = realloc(f->blocks, ((size_t)f->nblocks + 1) * sizeof(*f->blocks));
    if (!f->bytes) /* kept for the next time, so that its pages are there */
        f->bytes = malloc((size_t)f->nblocks * BLOCK_NBYTES + 1);
    int status = f->header && f->blocks && f->bytes ? encode_blocks(c, plan, t, f) : -1;
    bitx_plan_free(plan);
    return status;
}

static int decode_tensor(coder *c, const bench_tensor *t, const struct bench_frame *f)
{
    for (uint64_t i = 0; i < f->nblocks; i++) {
        size_t base_nbytes = part_of(t->base_nbytes, i);
        const uint8_t *base = base_nbytes ? t->base + i * BLOCK_NBYTES : NULL;
        if (bitx_block_decode(c->ctx, f->opened, i, c->block, part_of(t->nbytes, i),
                              f->bytes + i * BLOCK_NBYTES, f->blocks[i].payload_nbytes, base,
                              base_nbytes) != BITX_OK)
            return -1;
    }
    return 0;
}

/* Opens what was encoded, outside of any timing. */
static int open_frames(coder *c, bench_store_model *m)
{
    m->frames.nbytes = 0;
    for (size_t i = 0; i < m->frames.n; i++) {
        struct bench_frame *f = &m->frames.at[i];
        bitx_frame_close(f->opened);
        f->opened = NULL;
        if (bitx_frame_open(c->ctx, f->header, (size_t)f->header_nbytes, &f->opened) != BITX_OK)
            return -1;
        m->frames.nbytes += (size_t)f->header_nbytes;
        for (uint64_t k = 0; k < f->nblocks; k++)
            m->frames.nbytes += f->blocks[k].payload_nbytes;
    }
    return 0;
}

static double run_codec(bench_store_model *m, int encode)
{
    coder c = {NULL, NULL, malloc(BLOCK_NBYTES)};
    double seconds = -1;
    if (c.block && bitx_ctx_new(NULL, NULL, &c.ctx) == BITX_OK &&
        bitx_ctx_new(NULL, NULL, &c.plan_ctx) == BITX_OK) {
        memset(c.block, 0, BLOCK_NBYTES);
        int status = 0;
        double begin = bench_wall_ns();
        for (size_t i = 0; i < m->frames.n && status == 0; i++)
            status = encode ? encode_tensor(&c, &m->tensors.at[i], &m->frames.at[i])
                            : decode_tensor(&c, &m->tensors.at[i], &m->frames.at[i]);
        seconds = status == 0 ? (bench_wall_ns() - begin) * 1e-9 : -1;
        if (encode && seconds >= 0 && open_frames(&c, m) != 0)
            seconds = -1;
    }
    if (seconds < 0)
        fprintf(stderr, "bitx-bench store: %s: the codec failed\n", m->path);
    bitx_ctx_free(c.ctx);
    bitx_ctx_free(c.plan_ctx);
    free(c.block);
    return seconds;
}

/* ---- hashes -----------------------------------------------------------------------------------
 */

static double run_xxh3(const bench_store_model *m)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return -1;
    volatile uint64_t sink = 0;
    double begin = bench_wall_ns();
    for (size_t i = 0; i < m->tensors.n; i++) {
        (void)XXH3_128bits_reset_withSeed(state, 1);
        (void)XXH3_128bits_update(state, m->tensors.at[i].data, m->tensors.at[i].nbytes);
        sink ^= XXH3_128bits_digest(state).low64;
    }
    double seconds = (bench_wall_ns() - begin) * 1e-9;
    (void)sink;
    (void)XXH3_freeState(state);
    return seconds;
}

static double run_sha256(const bench_store_model *m)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length;
    double begin = bench_wall_ns();
    int good = sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < m->tensors.n && good; i++)
        good = EVP_DigestUpdate(sha, m->tensors.at[i].data, m->tensors.at[i].nbytes) == 1;
    good = good && EVP_DigestFinal_ex(sha, sum, &length) == 1;
    double seconds = (bench_wall_ns() - begin) * 1e-9;
    EVP_MD_CTX_free(sha);
    return good ? seconds : -1;
}

/* ---- files ------------------------------------------------------------------------------------
 */

/* Reads a file to its end, or only tells its size (buffer NULL). Its bytes, or -1. */
static double read_file(const char *dir, const char *name, uint8_t *buffer, size_t cap)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return complain(path);
    off_t at = 0;
    if (!S_ISREG(st.st_mode) || !buffer)
        at = S_ISREG(st.st_mode) ? st.st_size : 0;
    else
        for (ssize_t got; (got = pread(fd, buffer, cap, at)) > 0;)
            at += got;
    (void)close(fd);
    return (double)at;
}

/* The files of a directory; buffer NULL: only their sizes. */
static double read_files(const char *dir, uint8_t *buffer, size_t cap)
{
    DIR *stream = opendir(dir);
    double total = 0;
    if (!stream)
        return complain(dir);
    for (const struct dirent *entry; total >= 0 && (entry = readdir(stream)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        double nbytes = read_file(dir, entry->d_name, buffer, cap);
        total = nbytes < 0 ? -1 : total + nbytes;
    }
    (void)closedir(stream);
    return total;
}

static double run_read(const bench_store_model *m)
{
    enum { WINDOW = 16 << 20 };
    uint8_t *buffer = calloc(1, WINDOW);
    if (!buffer)
        return -1;
    memset(buffer, 1, WINDOW);
    double begin = bench_wall_ns();
    double total = read_files(m->path, buffer, WINDOW);
    double seconds = (bench_wall_ns() - begin) * 1e-9;
    free(buffer);
    return total < 0 ? -1 : seconds;
}

static int write_all(int fd, const uint8_t *bytes, size_t nbytes)
{
    while (nbytes > 0) {
        ssize_t put = write(fd, bytes, nbytes);
        if (put < 0)
            return -1;
        bytes += put;
        nbytes -= (size_t)put;
    }
    return 0;
}

/* Writeback begins at once, as the store does it; the fsync waits for the rest. */
static int write_started(int fd, off_t *at, const uint8_t *bytes, size_t nbytes)
{
    if (write_all(fd, bytes, nbytes) != 0)
        return -1;
    (void)sync_file_range(fd, *at, (off_t)nbytes, SYNC_FILE_RANGE_WRITE);
    *at += (off_t)nbytes;
    return 0;
}

static int write_model(int fd, const bench_store_model *m, int frames)
{
    off_t at = 0;
    for (size_t i = 0; i < m->tensors.n; i++) {
        const struct bench_frame *f = &m->frames.at[i];
        if (!frames && write_started(fd, &at, m->tensors.at[i].data, m->tensors.at[i].nbytes) != 0)
            return -1;
        for (uint64_t k = 0; frames && k < f->nblocks; k++)
            if (write_started(fd, &at, f->bytes + k * BLOCK_NBYTES, f->blocks[k].payload_nbytes) !=
                0)
                return -1;
    }
    return fsync(fd);
}

static double run_write(const bench_store_model *m, int frames, const char *dir)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/stage", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return complain(path);
    double begin = bench_wall_ns();
    int status = write_model(fd, m, frames);
    double seconds = (bench_wall_ns() - begin) * 1e-9;
    if (status != 0)
        seconds = complain(path);
    (void)close(fd);
    (void)unlink(path);
    return seconds;
}

/* ---- models -----------------------------------------------------------------------------------
 */

double bench_stage_run(bench_store_model *m, bench_stage stage, const char *dir)
{
    switch (stage) {
    case BENCH_STAGE_READ:
        return run_read(m);
    case BENCH_STAGE_HASH:
        return run_xxh3(m);
    case BENCH_STAGE_SHA256:
        return run_sha256(m);
    case BENCH_STAGE_ENCODE:
        return run_codec(m, 1);
    case BENCH_STAGE_DECODE:
        return run_codec(m, 0);
    case BENCH_STAGE_WRITE_FRAMES:
        return run_write(m, 1, dir);
    case BENCH_STAGE_WRITE:
        return run_write(m, 0, dir);
    case BENCH_STAGE_COUNT:
        break;
    }
    return -1;
}

int bench_store_model_load(bench_store_model *m, const char *path, const char *base)
{
    memset(m, 0, sizeof(*m));
    double total = read_files(path, NULL, 0);
    if (total < 0 || bench_family_load(&m->tensors, path, base, BITX_DTYPE_COUNT) != 0)
        return -1;
    m->nbytes = (size_t)total;
    m->path = strdup(path);
    m->frames.n = m->tensors.n;
    m->frames.at = calloc(m->tensors.n, sizeof(*m->frames.at));
    return m->path && m->frames.at ? 0 : -1;
}

void bench_store_model_free(bench_store_model *m)
{
    for (size_t i = 0; m->frames.at && i < m->frames.n; i++)
        drop_frame(&m->frames.at[i]);
    free(m->frames.at);
    free(m->path);
    bench_family_free(&m->tensors);
    memset(m, 0, sizeof(*m));
}

static int write_header(FILE *out, const bench_family *f)
{
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);
    if (!to)
        return -1;
    uint64_t at = 0;
    for (size_t i = 0; i < f->n; i++) {
        const bench_tensor *t = &f->at[i];
        fprintf(to, "%c\"%s\":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":[%llu,%llu]}",
                i ? ',' : '{', t->name, bitx_dtype_name(t->dtype),
                t->nbytes * 8 / bitx_dtype_bits(t->dtype), (unsigned long long)at,
                (unsigned long long)(at + t->nbytes));
        at += t->nbytes;
    }
    fputc('}', to);
    while (ftell(to) % 8)
        fputc(' ', to);
    fclose(to);
    uint8_t head[8];
    for (int i = 0; i < 8; i++)
        head[i] = (uint8_t)((uint64_t)length >> (8 * i));
    int good = fwrite(head, sizeof(head), 1, out) == 1 && fwrite(text, length, 1, out) == 1;
    free(text);
    return good ? 0 : -1;
}

int bench_store_model_write(const bench_family *f, int of_base, const char *dir)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/model.safetensors", dir);
    FILE *out = mkdir(dir, 0777) == 0 ? fopen(path, "w") : NULL;
    if (!out)
        return complain(path);
    int good = write_header(out, f) == 0;
    for (size_t i = 0; i < f->n && good; i++)
        good = fwrite(of_base ? f->at[i].base : f->at[i].data, f->at[i].nbytes, 1, out) == 1;
    if (fclose(out) != 0 || !good)
        return complain(path);
    return 0;
}
