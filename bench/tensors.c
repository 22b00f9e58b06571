/* Loading and pairing of tensors. */
#include "bench/tensors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/caches.h"
#include "bench/safetensors.h"

/* One open file and its tensors. */
typedef struct source_file {
    char *path;
    int fd;
    uint64_t nbytes;
    bench_st_file st;
    int raw; /* not safetensors: one tensor of everything */
} source_file;

typedef struct source {
    source_file *at;
    size_t n;
} source;

const char *bench_role_name(bench_role role)
{
    static const char *const names[BENCH_ROLE_COUNT] = {"embedding", "attention", "MLP", "norm",
                                                        "other"};
    return (unsigned)role < BENCH_ROLE_COUNT ? names[role] : "?";
}

bench_role bench_role_of(const char *name)
{
    static const struct {
        const char *part;
        bench_role role;
    } parts[] = {
        {"norm", BENCH_ROLE_NORM},
        {"ln_", BENCH_ROLE_NORM},
        {"embed", BENCH_ROLE_EMBEDDING},
        {"lm_head", BENCH_ROLE_EMBEDDING},
        {"wte", BENCH_ROLE_EMBEDDING},
        {"attn", BENCH_ROLE_ATTENTION},
        {"attention", BENCH_ROLE_ATTENTION},
        {"q_proj", BENCH_ROLE_ATTENTION},
        {"k_proj", BENCH_ROLE_ATTENTION},
        {"v_proj", BENCH_ROLE_ATTENTION},
        {"o_proj", BENCH_ROLE_ATTENTION},
        {"mlp", BENCH_ROLE_MLP},
        {"ffn", BENCH_ROLE_MLP},
        {"feed_forward", BENCH_ROLE_MLP},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strstr(name, parts[i].part))
            return parts[i].role;
    return BENCH_ROLE_OTHER;
}

static int complain(const char *path, const char *why)
{
    fprintf(stderr, "bitx-bench: %s: %s\n", path, why);
    return -1;
}

static int read_at(const source_file *f, uint64_t offset, void *dst, size_t n)
{
    uint8_t *p = dst;
    while (n) {
        ssize_t got = pread(f->fd, p, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return complain(f->path, got < 0 ? strerror(errno) : "shorter than its size");
        p += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

/* A raw file is given the shape of a file with one tensor. */
static int describe_raw(source_file *f)
{
    f->raw = 1;
    f->st.at = calloc(1, sizeof(*f->st.at));
    if (!f->st.at || !(f->st.at->name = strdup("data")))
        return complain(f->path, "out of memory");
    f->st.n = 1;
    f->st.at->ndim = 1;
    f->st.at->shape[0] = f->nbytes;
    f->st.at->end = f->nbytes;
    return 0;
}

static int describe(source_file *f)
{
    uint8_t head[16];
    size_t nhead = f->nbytes < sizeof(head) ? (size_t)f->nbytes : sizeof(head);
    if (read_at(f, 0, head, nhead) != 0)
        return -1;
    if (!bench_st_probe(head, nhead, f->nbytes))
        return describe_raw(f);
    uint64_t n;
    memcpy(&n, head, sizeof(n));
    char *text = malloc((size_t)n);
    const char *why = "out of memory";
    int status = text ? read_at(f, 8, text, (size_t)n) : complain(f->path, why);
    if (status == 0 && bench_st_parse(&f->st, text, (size_t)n, f->nbytes, &why) != 0)
        status = complain(f->path, why);
    free(text);
    return status;
}

static int add_file(source *s, const char *path)
{
    source_file *at = realloc(s->at, (s->n + 1) * sizeof(*at));
    if (!at)
        return complain(path, "out of memory");
    s->at = at;
    source_file *f = &s->at[s->n];
    memset(f, 0, sizeof(*f));
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (f->fd < 0 || fstat(f->fd, &st) != 0) {
        int status = complain(path, strerror(errno));
        if (f->fd >= 0)
            close(f->fd);
        return status;
    }
    f->path = strdup(path);
    f->nbytes = (uint64_t)st.st_size;
    s->n++;
    if (!f->path)
        return -1;
    return S_ISREG(st.st_mode) ? describe(f) : complain(path, "not a regular file");
}

static int is_safetensors_name(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 12 && strcmp(e->d_name + n - 12, ".safetensors") == 0;
}

static int add_directory(source *s, const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, is_safetensors_name, alphasort), status = 0;
    if (n < 0)
        return complain(path, strerror(errno));
    for (int i = 0; i < n; i++) {
        char full[4096];
        snprintf(full, sizeof(full), "%s/%s", path, names[i]->d_name);
        if (status == 0)
            status = add_file(s, full);
        free(names[i]);
    }
    free(names);
    return status == 0 && n == 0 ? complain(path, "no .safetensors file in it") : status;
}

static int source_open(source *s, const char *path)
{
    struct stat st;
    memset(s, 0, sizeof(*s));
    if (stat(path, &st) != 0)
        return complain(path, strerror(errno));
    return S_ISDIR(st.st_mode) ? add_directory(s, path) : add_file(s, path);
}

static void source_close(source *s)
{
    for (size_t i = 0; i < s->n; i++) {
        close(s->at[i].fd);
        bench_st_free(&s->at[i].st);
        free(s->at[i].path);
    }
    free(s->at);
}

static const bench_st_tensor *find_base(const source *base, const bench_st_tensor *t,
                                        const source_file **file)
{
    for (size_t i = 0; i < base->n; i++)
        for (size_t j = 0; j < base->at[i].st.n; j++) {
            const bench_st_tensor *b = &base->at[i].st.at[j];
            if (strcmp(b->name, t->name) != 0)
                continue;
            *file = &base->at[i];
            int same = strcmp(b->dtype, t->dtype) == 0 && b->ndim == t->ndim &&
                       memcmp(b->shape, t->shape, t->ndim * sizeof(t->shape[0])) == 0 &&
                       b->end - b->begin == t->end - t->begin;
            return same ? b : NULL;
        }
    return NULL;
}

static int load_tensor(bench_family *f, const source_file *file, const bench_st_tensor *t,
                       const source *base, bitx_dtype raw_dtype)
{
    bench_tensor *out = &f->at[f->n];
    const source_file *base_file;
    const bench_st_tensor *b = find_base(base, t, &base_file);
    out->nbytes = (size_t)(t->end - t->begin);
    out->name = strdup(t->name);
    out->role = bench_role_of(t->name);
    out->dtype = file->raw ? raw_dtype : bitx_dtype_parse(t->dtype, strlen(t->dtype));
    if (out->dtype == BITX_DTYPE_COUNT)
        out->dtype = BITX_BYTES;
    uint8_t *data = f->data.base + f->nbytes, *base_data = f->base.base + f->paired_nbytes;
    out->data = data;
    f->n++;
    if (!out->name || read_at(file, t->begin, data, out->nbytes) != 0)
        return -1;
    f->nbytes += out->nbytes;
    if (!b)
        return 0;
    out->base = base_data;
    out->base_nbytes = out->nbytes;
    f->paired_nbytes += out->nbytes;
    return read_at(base_file, b->begin, base_data, out->nbytes);
}

static int load_all(bench_family *f, const source *data, const source *base, bitx_dtype dtype)
{
    size_t total = 0, count = 0, limit = bench_memory_available() / 4;
    for (size_t i = 0; i < data->n; i++)
        for (size_t j = 0; j < data->at[i].st.n; j++, count++) {
            const bench_st_tensor *t = &data->at[i].st.at[j];
            if (t->end - t->begin > limit - total)
                return complain(data->at[i].path, "too large for a quarter of the free memory");
            total += (size_t)(t->end - t->begin);
        }
    if (total == 0)
        return complain(data->n ? data->at[0].path : "data", "holds no tensor bytes");
    f->at = calloc(count, sizeof(*f->at));
    if (!f->at || bench_arena_map(&f->data, total, BENCH_PAGES_HUGE) != 0 ||
        bench_arena_map(&f->base, total, BENCH_PAGES_HUGE) != 0)
        return complain(data->at[0].path, "out of memory");
    bench_arena_touch(&f->data);
    bench_arena_touch(&f->base);
    for (size_t i = 0; i < data->n; i++)
        for (size_t j = 0; j < data->at[i].st.n; j++)
            if (load_tensor(f, &data->at[i], &data->at[i].st.at[j], base, dtype) != 0)
                return -1;
    return 0;
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

int bench_family_load(bench_family *f, const char *path, const char *base_path, bitx_dtype dtype)
{
    source data, base;
    memset(f, 0, sizeof(*f));
    memset(&base, 0, sizeof(base));
    snprintf(f->label, sizeof(f->label), "%s", last_component(path));
    int status = source_open(&data, path);
    if (status == 0 && base_path)
        status = source_open(&base, base_path);
    if (status == 0)
        status = load_all(f, &data, &base, dtype);
    if (status == 0 && base_path && f->paired_nbytes == 0)
        status = complain(base_path, "no tensor of the same name, dtype and shape as in the data");
    source_close(&data);
    source_close(&base);
    if (status != 0)
        bench_family_free(f);
    return status;
}

void bench_family_free(bench_family *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->at[i].name);
    free(f->at);
    bench_arena_unmap(&f->data);
    bench_arena_unmap(&f->base);
    memset(f, 0, sizeof(*f));
}
