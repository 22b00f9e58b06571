#include "store_util.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *test_folder(void)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/tmp/zipllm-test-XXXXXX");
    cr_assert_not_null(mkdtemp(path));
    return path;
}

const char *test_path(const char *folder, const char *name)
{
    static char paths[16][8192];
    static unsigned next;
    char *path = paths[next++ % 16];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void test_remove(const char *folder)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void test_mkdir(const char *path)
{
    cr_assert_eq(mkdir(path, 0777), 0, "mkdir %s", path);
}

void test_write(const char *path, const void *bytes, size_t nbytes)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fwrite(bytes, 1, nbytes, file), nbytes);
    cr_assert_eq(fclose(file), 0);
}

unsigned char *test_read(const char *path, size_t *nbytes)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fstat(fileno(file), &st), 0);
    *nbytes = (size_t)st.st_size;
    unsigned char *bytes = malloc(*nbytes + 1);
    cr_assert_eq(fread(bytes, 1, *nbytes, file), *nbytes);
    (void)fclose(file);
    return bytes;
}

void test_write_safetensors(const char *path, const test_tensor *tensors, size_t n)
{
    char header[65536] = "{";
    size_t length = 1, offset = 0;
    for (size_t i = 0; i < n; i++) {
        length +=
            (size_t)snprintf(header + length, sizeof header - length,
                             "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
                             i ? "," : "", tensors[i].name, tensors[i].dtype, tensors[i].shape,
                             offset, offset + tensors[i].nbytes);
        offset += tensors[i].nbytes;
    }
    header[length++] = '}';
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "%s", path);
    for (int i = 0; i < 8; i++)
        (void)fputc((int)(length >> (8 * i) & 255), file);
    cr_assert_eq(fwrite(header, 1, length, file), length);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(fwrite(tensors[i].bytes, 1, tensors[i].nbytes, file), tensors[i].nbytes);
    cr_assert_eq(fclose(file), 0);
}

static unsigned step(unsigned long long *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(*state >> 33);
}

void test_weights(void *dst, size_t nbytes, unsigned seed)
{
    unsigned long long state = seed * 2654435761ull + 1;
    unsigned char *bytes = dst;
    for (size_t i = 0; i + 1 < nbytes; i += 2) {
        unsigned exponent = 121 - (unsigned)__builtin_ctz(step(&state) | 256);
        unsigned weight = (step(&state) & 0x807f) | exponent << 7;
        bytes[i] = (unsigned char)weight;
        bytes[i + 1] = (unsigned char)(weight >> 8);
    }
    if (nbytes % 2 != 0)
        bytes[nbytes - 1] = 0;
}

void test_tune(void *weights, size_t nbytes, unsigned seed)
{
    unsigned long long state = seed * 2654435761ull + 7;
    unsigned char *bytes = weights;
    for (size_t i = 0; i < nbytes; i += 2)
        if (step(&state) % 4 == 0)
            bytes[i] ^= 1;
}

/* ---- folders ----------------------------------------------------------------------------------
 */

static bool same_file(const char *a, const char *b)
{
    size_t na, nb;
    unsigned char *x = test_read(a, &na), *y = test_read(b, &nb);
    const bool same = na == nb && memcmp(x, y, na) == 0;
    free(x);
    free(y);
    return same;
}

/* Is all of a in b? */
static bool contains(const char *a, const char *b)
{
    DIR *stream = opendir(a);
    bool same = stream != NULL;
    for (const struct dirent *entry; same && (entry = readdir(stream)) != NULL;) {
        struct stat sa, sb;
        char x[8192], y[8192];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(x, sizeof x, "%s/%s", a, entry->d_name);
        (void)snprintf(y, sizeof y, "%s/%s", b, entry->d_name);
        same = stat(x, &sa) == 0 && stat(y, &sb) == 0 &&
               S_ISDIR(sa.st_mode) == S_ISDIR(sb.st_mode) &&
               (S_ISDIR(sa.st_mode) ? contains(x, y) : same_file(x, y));
        if (!same)
            (void)fprintf(stderr, "%s and %s differ\n", x, y);
    }
    if (stream != NULL)
        (void)closedir(stream);
    return same;
}

bool test_same(const char *a, const char *b)
{
    return contains(a, b) && contains(b, a);
}

/* ---- executor ---------------------------------------------------------------------------------
 */

typedef struct shared_loop {
    bitx_job job;
    void *arg;
    size_t n;
    atomic_size_t next;
} shared_loop;

typedef struct one_worker {
    shared_loop *loop;
    unsigned number;
} one_worker;

static void *work(void *arg)
{
    const one_worker *mine = arg;
    for (size_t i; (i = atomic_fetch_add(&mine->loop->next, 1)) < mine->loop->n;)
        mine->loop->job(mine->loop->arg, i, mine->number);
    return NULL;
}

static void run_threads(void *user, bitx_job job, void *arg, size_t n)
{
    const bitx_executor *self = user;
    shared_loop loop = {.job = job, .arg = arg, .n = n};
    pthread_t threads[8];
    one_worker workers[8];
    for (unsigned i = 0; i < self->nworkers; i++) {
        workers[i] = (one_worker){&loop, i};
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < self->nworkers; i++)
        (void)pthread_join(threads[i], NULL);
}

const bitx_executor *test_executor(unsigned n)
{
    static bitx_executor executor;
    executor = (bitx_executor){run_threads, &executor, n};
    return &executor;
}

/* ---- the store --------------------------------------------------------------------------------
 */

zipllm_store *test_open(const char *path, zipllm_mode mode)
{
    zipllm_error error;
    zipllm_store *store = NULL;
    zipllm_options options = ZIPLLM_OPTIONS_INIT;
    options.executor = test_executor(2);
    options.memory_nbytes = ZIPLLM_MEMORY_MIN;
    const zipllm_status status = zipllm_open(path, mode, &options, &store, &error);
    cr_assert_eq(status, ZIPLLM_OK, "%s", error.message);
    return store;
}

zipllm_add_result test_add(zipllm_store *store, const char *path, const char *name,
                           const char *base)
{
    zipllm_error error;
    zipllm_add_result result;
    zipllm_add_options options = ZIPLLM_ADD_OPTIONS_INIT;
    options.name = name;
    options.base = base;
    const zipllm_status status = zipllm_add(store, path, &options, &result, &error);
    cr_assert_eq(status, ZIPLLM_OK, "add %s: %s", name, error.message);
    return result;
}

void test_get(zipllm_store *store, const char *name, const char *target)
{
    zipllm_error error;
    zipllm_get_options options = ZIPLLM_GET_OPTIONS_INIT;
    options.name = name;
    options.target = target;
    options.sha256 = true;
    const zipllm_status status = zipllm_get(store, &options, NULL, &error);
    cr_assert_eq(status, ZIPLLM_OK, "get %s: %s", name, error.message);
}
