/* init, open, close: the store's directory, options file and lock. */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "memory.h"
#include "packfile.h"

#define OPTIONS_FILE "zipllm.json"
#define INDEX_FILE ZIPLLM_INDEX_FILE

/* ---- init ------------------------------------------------------------------------------------ */

/* Makes path a directory, or finds it empty. *made: it was not there. */
static zipllm_status claim_directory(const char *path, int *fd, bool *made, zipllm_error *error)
{
    *made = mkdir(path, 0777) == 0;
    if (!*made && errno != EEXIST)
        return zipllm_fail_os(error, path, errno, "cannot make directory");
    DIR *stream = opendir(path);
    if (stream == NULL)
        return zipllm_fail_os(error, path, errno, "cannot open directory");
    zipllm_status status = ZIPLLM_OK;
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = zipllm_fail_os(error, path, ENOTEMPTY, "cannot make a store here");
    if (status == ZIPLLM_OK) {
        *fd = dup(dirfd(stream));
        if (*fd < 0)
            status = zipllm_fail_os(error, path, errno, "cannot open directory");
    }
    (void)closedir(stream);
    return status;
}

static zipllm_status sync_parent(const char *path, zipllm_error *error)
{
    char *parent = zipllm_path_join(path, "..");
    if (parent == NULL)
        return zipllm_fail_memory(error, strlen(path));
    const zipllm_dir here = {AT_FDCWD, "."};
    const zipllm_status status = zipllm_sync_dir(&here, parent, error);
    free(parent);
    return status;
}

static zipllm_status write_options(const zipllm_dir *dir, zipllm_error *error)
{
    uint8_t id[ZIPLLM_ID_NBYTES], seed[8];
    char id_text[ZIPLLM_ID_TEXT], seed_text[17], text[512];
    if (zipllm_random(id, sizeof id) != 0 || zipllm_random(seed, sizeof seed) != 0)
        return zipllm_fail_os(error, NULL, errno, "no random numbers");
    zipllm_hex(id_text, id, sizeof id);
    zipllm_hex(seed_text, seed, sizeof seed);
    const int length =
        snprintf(text, sizeof text,
                 "{\n  \"format\": \"zipllm-store\",\n  \"version\": %d,\n  \"id\": \"%s\",\n"
                 "  \"hash_seed\": \"%s\",\n  \"block_nbytes\": %d\n}\n",
                 ZIPLLM_STORE_VERSION, id_text, seed_text, ZIPLLM_BLOCK_NBYTES);

    const char *tmp = "tmp/" OPTIONS_FILE;
    const int fd = openat(dir->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return zipllm_fail_at(dir, tmp, errno, "cannot create", error);
    zipllm_status status = ZIPLLM_OK;
    if (zipllm_pwrite(fd, text, (size_t)length, 0) != 0)
        status = zipllm_fail_at(dir, tmp, errno, "cannot write", error);
    else
        status = zipllm_sync_fd(fd, dir, tmp, error);
    if (close(fd) != 0 && status == ZIPLLM_OK)
        status = zipllm_fail_at(dir, tmp, errno, "cannot close", error);
    return status == ZIPLLM_OK ? zipllm_publish(dir, tmp, OPTIONS_FILE, error) : status;
}

/* Everything but the options file, which makes it a store. */
static zipllm_status make_contents(const zipllm_dir *dir, zipllm_error *error)
{
    static const char *const folders[] = {"packs", "models", "tmp"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        const zipllm_status status = zipllm_make_dir(dir, folders[i], error);
        if (status != ZIPLLM_OK)
            return status;
    }
    const int fd = openat(dir->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return zipllm_fail_at(dir, "lock", errno, "cannot create", error);
    (void)close(fd);
    char *index = zipllm_path_join(dir->path, INDEX_FILE);
    if (index == NULL)
        return zipllm_fail_memory(error, strlen(dir->path));
    const zipllm_status status = zipllm_index_create(index, error);
    free(index);
    return status == ZIPLLM_OK ? zipllm_sync_dir(dir, ".", error) : status;
}

/* After a failure: what make_contents() may have made, and nothing else. */
static void remove_contents(const zipllm_dir *dir)
{
    static const char *const files[] = {"tmp/" OPTIONS_FILE, OPTIONS_FILE, "lock", INDEX_FILE,
                                        INDEX_FILE "-journal"};
    static const char *const folders[] = {"packs", "models", "tmp"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        (void)unlinkat(dir->fd, files[i], 0);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        (void)unlinkat(dir->fd, folders[i], AT_REMOVEDIR);
}

zipllm_status zipllm_init(const char *path, zipllm_error *error)
{
    bool made = false;
    zipllm_dir dir = {-1, path};
    if (path == NULL || *path == '\0')
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0, "no path given");
    zipllm_status status = claim_directory(path, &dir.fd, &made, error);
    if (status != ZIPLLM_OK)
        return status;
    status = sync_parent(path, error);
    if (status == ZIPLLM_OK)
        status = make_contents(&dir, error);
    if (status == ZIPLLM_OK)
        status = write_options(&dir, error);
    if (status != ZIPLLM_OK)
        remove_contents(&dir);
    (void)close(dir.fd);
    if (status != ZIPLLM_OK && made)
        (void)rmdir(path);
    return status;
}

/* ---- open ------------------------------------------------------------------------------------ */

static zipllm_status bad_options(const zipllm_store *store, const char *reason, zipllm_error *error)
{
    char *path = zipllm_path_join(store->dir.path, OPTIONS_FILE);
    (void)zipllm_fail(error, ZIPLLM_ERROR, path, ZIPLLM_NO_OFFSET, 0, "%s", reason);
    free(path);
    return ZIPLLM_ERROR;
}

static zipllm_status parse_options(zipllm_store *store, const char *text, size_t nbytes,
                                   zipllm_error *error)
{
    char reason[160];
    json_error_t at;
    json_t *root = json_loadb(text, nbytes, JSON_REJECT_DUPLICATES, &at);
    const char *format = json_string_value(json_object_get(root, "format"));
    const char *id = json_string_value(json_object_get(root, "id"));
    const char *seed = json_string_value(json_object_get(root, "hash_seed"));
    const json_t *version = json_object_get(root, "version");
    uint8_t seed_bytes[8];
    zipllm_status status = ZIPLLM_OK;
    if (format == NULL || strcmp(format, "zipllm-store") != 0 || !json_is_integer(version)) {
        status = bad_options(store, "not the options of a store", error);
    } else if (json_integer_value(version) != ZIPLLM_STORE_VERSION) {
        (void)snprintf(reason, sizeof reason,
                       "store of format version %" JSON_INTEGER_FORMAT
                       "; this program knows version %d",
                       json_integer_value(version), ZIPLLM_STORE_VERSION);
        status = bad_options(store, reason, error);
    } else if (id == NULL || seed == NULL || !zipllm_unhex(store->id, sizeof store->id, id) ||
               !zipllm_unhex(seed_bytes, sizeof seed_bytes, seed)) {
        status = bad_options(store, "id or hash_seed is missing or not hexadecimal", error);
    } else if (json_integer_value(json_object_get(root, "block_nbytes")) != ZIPLLM_BLOCK_NBYTES) {
        status = bad_options(store, "block_nbytes that this program does not know", error);
    } else {
        for (size_t i = 0; i < sizeof seed_bytes; i++)
            store->seed = store->seed << 8 | seed_bytes[i];
    }
    json_decref(root);
    return status;
}

static zipllm_status read_options(zipllm_store *store, zipllm_error *error)
{
    char *text = NULL;
    size_t nbytes = 0;
    struct stat st;
    if (fstatat(store->dir.fd, OPTIONS_FILE, &st, 0) != 0 && errno == ENOENT)
        return zipllm_fail(error, ZIPLLM_ERROR, store->dir.path, ZIPLLM_NO_OFFSET, 0,
                           "not a zipllm store (it has no " OPTIONS_FILE ")");
    zipllm_status status =
        zipllm_read_small(&store->dir, OPTIONS_FILE, 65536, &text, &nbytes, error);
    if (status == ZIPLLM_OK)
        status = parse_options(store, text, nbytes, error);
    free(text);
    return status;
}

static zipllm_status take_lock(zipllm_store *store, zipllm_error *error)
{
    store->lock_fd = openat(store->dir.fd, "lock", O_RDONLY | O_CLOEXEC);
    if (store->lock_fd < 0)
        return zipllm_fail_at(&store->dir, "lock", errno, "cannot open", error);
    const int how = store->mode == ZIPLLM_EXCLUSIVE ? LOCK_EX : LOCK_SH;
    int result;
    do {
        result = flock(store->lock_fd, how | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0)
        return ZIPLLM_OK;
    if (errno != EWOULDBLOCK)
        return zipllm_fail_at(&store->dir, "lock", errno, "cannot lock", error);
    return zipllm_fail(error, ZIPLLM_LOCKED, store->dir.path, ZIPLLM_NO_OFFSET, 0,
                       store->mode == ZIPLLM_EXCLUSIVE
                           ? "the store is in use by another command"
                           : "the store is locked by gc or another command that needs it alone");
}

static zipllm_status open_index(zipllm_store *store, zipllm_error *error)
{
    struct stat st;
    if (fstatat(store->dir.fd, INDEX_FILE, &st, 0) != 0 && errno == ENOENT)
        return zipllm_fail_at(&store->dir, INDEX_FILE, ENOENT,
                              "cannot open the index, which repair makes anew", error);
    store->read_only = faccessat(store->dir.fd, INDEX_FILE, W_OK, AT_EACCESS) != 0 ||
                       faccessat(store->dir.fd, ".", W_OK, AT_EACCESS) != 0;
    if (store->read_only && fstatat(store->dir.fd, INDEX_FILE "-journal", &st, 0) == 0)
        return zipllm_fail_at(&store->dir, INDEX_FILE, 0,
                              "has a journal to roll back, but cannot be written", error);
    char *path = zipllm_path_join(store->dir.path, INDEX_FILE);
    if (path == NULL)
        return zipllm_fail_memory(error, strlen(store->dir.path));
    const zipllm_status status = zipllm_index_open(path, store->read_only, &store->index, error);
    free(path);
    return status;
}

zipllm_status zipllm_store_reopen_index(zipllm_store *store, zipllm_error *error)
{
    zipllm_index_close(store->index);
    store->index = NULL;
    return open_index(store, error);
}

/* The cgroup's limit or the machine's memory, whichever is less. */
static uint64_t available_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t nbytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
    static const char *const files[] = {"/sys/fs/cgroup/memory.max",
                                        "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        FILE *file = fopen(files[i], "re");
        uint64_t limit;
        if (file == NULL)
            continue;
        if (fscanf(file, "%" SCNu64, &limit) == 1 && limit != 0 && limit < nbytes)
            nbytes = limit;
        (void)fclose(file);
    }
    return nbytes;
}

static void inline_run(void *user, bitx_job job, void *arg, size_t n)
{
    (void)user;
    for (size_t i = 0; i < n; i++)
        job(arg, i, 0);
}

/*
 * What a worker costs: three blocks and two contexts of the codec (measured: 18 MiB where a BF16
 * delta is coded, of which its scratch memory is 7.5 and zstd's 3.7).
 */
enum { WORKER_NBYTES = 20 << 20 };

static uint64_t default_memory(unsigned nworkers)
{
    const uint64_t quarter = available_memory() / 4, gib = (uint64_t)1 << 30;
    const uint64_t wanted = (uint64_t)nworkers * 3 * WORKER_NBYTES;
    const uint64_t most = wanted > gib ? wanted : gib;
    return quarter < ZIPLLM_MEMORY_MIN ? ZIPLLM_MEMORY_MIN : quarter > most ? most : quarter;
}

unsigned zipllm_workers_for(uint64_t memory_nbytes)
{
    const uint64_t budget = memory_nbytes != 0 ? memory_nbytes : default_memory(1024);
    const uint64_t n = budget / 4 * 3 / WORKER_NBYTES;
    return n < 1 ? 1 : n > 1024 ? 1024 : (unsigned)n;
}

static zipllm_status take_options(zipllm_store *store, const zipllm_options *options,
                                  zipllm_error *error)
{
    store->executor = (bitx_executor){inline_run, NULL, 1};
    store->memory_nbytes = default_memory(1);
    if (options == NULL)
        return ZIPLLM_OK;
    if (options->size != sizeof *options ||
        (options->memory_nbytes != 0 && options->memory_nbytes < ZIPLLM_MEMORY_MIN) ||
        (options->executor != NULL &&
         (options->executor->nworkers < 1 || options->executor->nworkers > 1024)))
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0,
                           "the memory budget must be at least 64 MiB, and the workers 1 to 1024");
    if (options->executor != NULL)
        store->executor = *options->executor;
    store->memory_nbytes = options->memory_nbytes != 0 ? options->memory_nbytes
                                                       : default_memory(store->executor.nworkers);
    store->progress = options->progress;
    store->user = options->user;
    store->effort = options->effort;
    return ZIPLLM_OK;
}

zipllm_status zipllm_store_open_bare(const char *path, zipllm_mode mode,
                                     const zipllm_options *options, zipllm_store **out,
                                     zipllm_error *error)
{
    if (path == NULL || *path == '\0' || out == NULL)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0, "no store given");
    zipllm_store *store = calloc(1, sizeof *store);
    if (store == NULL || (store->path = strdup(path)) == NULL) {
        free(store);
        return zipllm_fail_memory(error, sizeof *store);
    }
    store->mode = mode;
    store->lock_fd = -1;
    store->dir.path = store->path;
    store->dir.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    zipllm_status status = ZIPLLM_OK;
    if (store->dir.fd < 0)
        status = zipllm_fail_os(error, path, errno, "cannot open the store");
    if (status == ZIPLLM_OK)
        status = take_options(store, options, error);
    if (status == ZIPLLM_OK)
        status = read_options(store, error);
    if (status == ZIPLLM_OK)
        status = take_lock(store, error);
    if (status != ZIPLLM_OK) {
        zipllm_close(store);
        return status;
    }
    *out = store;
    return ZIPLLM_OK;
}

zipllm_status zipllm_open(const char *path, zipllm_mode mode, const zipllm_options *options,
                          zipllm_store **out, zipllm_error *error)
{
    zipllm_store *store;
    zipllm_status status = zipllm_store_open_bare(path, mode, options, &store, error);
    if (status != ZIPLLM_OK)
        return status;
    status = open_index(store, error);
    if (status != ZIPLLM_OK) {
        zipllm_close(store);
        return status;
    }
    *out = store;
    return ZIPLLM_OK;
}

static void free_workers(zipllm_store *store)
{
    for (unsigned i = 0; store->workers != NULL && i < store->executor.nworkers; i++) {
        bitx_ctx_free(store->workers[i].ctx);
        bitx_ctx_free(store->workers[i].plan_ctx);
        free(store->workers[i].payload);
        for (unsigned level = 0; level < ZIPLLM_DEPTH_MAX; level++)
            free(store->workers[i].bases[level].data);
        free(store->workers[i].part.data);
    }
    free(store->workers);
    store->workers = NULL;
}

void zipllm_close(zipllm_store *store)
{
    if (store == NULL)
        return;
    zipllm_index_close(store->index);
    zipllm_store_forget_packs(store);
    free_workers(store);
    for (unsigned i = 0; i < ZIPLLM_RESULT_TEXTS; i++)
        free(store->texts[i]);
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd);
    if (store->dir.fd >= 0)
        (void)close(store->dir.fd);
    free(store->path);
    free(store);
}

/* ---- for the verbs --------------------------------------------------------------------------- */

zipllm_status zipllm_store_text(zipllm_store *store, unsigned slot, const char *text,
                                const char **out, zipllm_error *error)
{
    char *copy = NULL;
    if (text != NULL && (copy = strdup(text)) == NULL)
        return zipllm_fail_memory(error, strlen(text));
    free(store->texts[slot]);
    store->texts[slot] = copy;
    *out = copy;
    return ZIPLLM_OK;
}

zipllm_status zipllm_store_workers(zipllm_store *store, zipllm_error *error)
{
    const unsigned n = store->executor.nworkers;
    store->fit_nbytes = store->memory_nbytes / 8 / n;
    if (store->workers != NULL)
        return ZIPLLM_OK;
    if (n > zipllm_workers_for(store->memory_nbytes))
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0,
                           "%u threads need a memory budget of %u MiB at least", n,
                           (n * (WORKER_NBYTES >> 20) * 4 + 2) / 3);
    store->workers = calloc(n, sizeof *store->workers);
    if (store->workers == NULL)
        return zipllm_fail_memory(error, n * sizeof *store->workers);
    for (unsigned i = 0; i < n; i++) {
        zipllm_worker *worker = &store->workers[i];
        worker->payload = zipllm_alloc_large((size_t)2 * ZIPLLM_BLOCK_NBYTES);
        if (worker->payload == NULL ||
            bitx_ctx_new(&zipllm_large_allocator, NULL, &worker->ctx) != BITX_OK ||
            bitx_ctx_new(&zipllm_large_allocator, NULL, &worker->plan_ctx) != BITX_OK) {
            free_workers(store);
            return zipllm_fail_memory(error, (uint64_t)3 * ZIPLLM_BLOCK_NBYTES);
        }
        worker->block = worker->payload + ZIPLLM_BLOCK_NBYTES;
    }
    return ZIPLLM_OK;
}

uint64_t zipllm_store_buffers(const zipllm_store *store)
{
    const uint64_t workers = (uint64_t)store->executor.nworkers * WORKER_NBYTES;
    return store->memory_nbytes > workers ? store->memory_nbytes - workers : 0;
}

size_t zipllm_store_window(const zipllm_store *store, unsigned count)
{
    /* Enough blocks for every worker that a step's end finds few of them idle; no more, so that
       they stay in the caches. */
    const uint64_t least = 2 * (uint64_t)ZIPLLM_BLOCK_NBYTES;
    const uint64_t most =
        (uint64_t)(store->executor.nworkers < 32 ? store->executor.nworkers : 32) * 8 *
        ZIPLLM_BLOCK_NBYTES;
    uint64_t window = zipllm_store_buffers(store) / 2 / count;
    window = window < least ? least : window > most ? most : window;
    return (size_t)(window / ZIPLLM_BLOCK_NBYTES * ZIPLLM_BLOCK_NBYTES);
}

void zipllm_store_run(const zipllm_store *store, bitx_job job, void *arg, size_t n)
{
    if (n != 0)
        store->executor.run(store->executor.user, job, arg, n);
}

zipllm_status zipllm_store_progress(const zipllm_store *store, const char *phase, const char *file,
                                    uint64_t done, uint64_t total, zipllm_error *error)
{
    const zipllm_progress progress = {phase, file, done, total};
    if (store->progress == NULL || store->progress(store->user, &progress))
        return ZIPLLM_OK;
    return zipllm_fail(error, ZIPLLM_ERROR, NULL, ZIPLLM_NO_OFFSET, 0, "cancelled");
}

zipllm_status zipllm_store_writable(const zipllm_store *store, zipllm_error *error)
{
    if (!store->read_only)
        return ZIPLLM_OK;
    return zipllm_fail(error, ZIPLLM_ERROR, store->dir.path, ZIPLLM_NO_OFFSET, 0,
                       "the store is read-only");
}

zipllm_status zipllm_store_complete(const zipllm_store *store, zipllm_error *error)
{
    struct sqlite3_stmt *s = zipllm_index_query(store->index, ZIPLLM_Q_ANY_LOST, error);
    if (s == NULL || zipllm_index_step(store->index, s, error) < 0)
        return ZIPLLM_ERROR;
    const bool lost = zipllm_index_number(s, 0) != 0;
    zipllm_index_reset(s);
    if (!lost)
        return ZIPLLM_OK;
    return zipllm_fail(error, ZIPLLM_ERROR, store->dir.path, ZIPLLM_NO_OFFSET, 0,
                       "repair found no pack for some tensors, which a damaged one may hold: "
                       "nothing is removed while models lack them (verify names these; add them "
                       "again or remove them)");
}

/* ---- open packs ------------------------------------------------------------------------------ */

enum { PACKS_OPEN = 64 };

static void close_pack(zipllm_store *store, zipllm_pack_file **link)
{
    zipllm_pack_file *pack = *link;
    *link = pack->next;
    (void)close(pack->fd);
    free(pack);
    store->npacks--;
}

void zipllm_store_forget_packs(zipllm_store *store)
{
    for (zipllm_pack_file **link = &store->packs; *link != NULL;) {
        if ((*link)->users == 0)
            close_pack(store, link);
        else
            link = &(*link)->next;
    }
}

static zipllm_status open_pack(zipllm_store *store, const zipllm_pack_row *row,
                               zipllm_pack_file **out, zipllm_error *error)
{
    zipllm_pack_file *pack = calloc(1, sizeof *pack);
    if (pack == NULL)
        return zipllm_fail_memory(error, sizeof *pack);
    pack->id = row->id;
    zipllm_pack_path(pack->path, row->name);
    pack->fd = openat(store->dir.fd, pack->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (pack->fd < 0) {
        const int saved = errno;
        (void)zipllm_fail_at(&store->dir, pack->path, saved, "cannot open the pack", error);
        free(pack);
        return saved == ENOENT ? ZIPLLM_DAMAGED : ZIPLLM_ERROR;
    }
    char *path = zipllm_path_join(store->dir.path, pack->path);
    const zipllm_status status =
        zipllm_pack_check(pack->fd, path != NULL ? path : pack->path, row->name, store->id,
                          row->nbytes, NULL, NULL, error);
    free(path);
    if (status != ZIPLLM_OK) {
        (void)close(pack->fd);
        free(pack);
        return status;
    }
    pack->next = store->packs;
    store->packs = pack;
    store->npacks++;
    *out = pack;
    return ZIPLLM_OK;
}

zipllm_status zipllm_store_pack(zipllm_store *store, int64_t id, zipllm_pack_file **out,
                                zipllm_error *error)
{
    for (zipllm_pack_file *pack = store->packs; pack != NULL; pack = pack->next) {
        if (pack->id == id) {
            pack->users++;
            *out = pack;
            return ZIPLLM_OK;
        }
    }
    if (store->npacks >= PACKS_OPEN)
        zipllm_store_forget_packs(store);
    zipllm_pack_row row;
    zipllm_status status = zipllm_index_pack(store->index, id, &row, error);
    if (status != ZIPLLM_OK)
        return status;
    if (row.id == 0)
        return zipllm_fail_at(&store->dir, INDEX_FILE, 0, "names a pack that it does not have",
                              error);
    status = open_pack(store, &row, out, error);
    if (status == ZIPLLM_OK)
        (*out)->users = 1;
    return status;
}

void zipllm_store_pack_release(zipllm_store *store, zipllm_pack_file *pack)
{
    (void)store;
    if (pack != NULL)
        pack->users--;
}
