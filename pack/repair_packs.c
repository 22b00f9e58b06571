/*
 * repair.h: tensors from the packs' footers.
 *
 * A tensor may have several frames: one that was promoted or based anew keeps the old one until gc.
 * Taken is the shortest that needs no base; else, of those whose bases were taken and stand within
 * ZIPLLM_DEPTH_MAX, the shortest of the fewest steps. That is what the index pointed to, unless a
 * rebase was killed between its transaction and its gc: then some are whole that were not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "error.h"
#include "repair.h"
#include "stored.h"

/* ---- files ------------------------------------------------------------------------------------
 */

static bool is_hex(const char *text, size_t n)
{
    return strspn(text, "0123456789abcdef") >= n;
}

static zipllm_status list_folder(zipllm_repairing *r, const char *path, const char *suffix,
                                 zipllm_found_file **files, size_t *n)
{
    const int fd = openat(r->store->dir.fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        const int saved = errno;
        if (fd >= 0)
            (void)close(fd);
        return saved == ENOTDIR || saved == ELOOP
                   ? ZIPLLM_OK
                   : zipllm_fail_at(&r->store->dir, path, saved, "cannot read the directory",
                                    r->error);
    }
    zipllm_status status = ZIPLLM_OK;
    const char *prefix = strrchr(path, '/') + 1;
    errno = 0;
    for (const struct dirent *entry; status == ZIPLLM_OK && (entry = readdir(stream)) != NULL;) {
        struct stat st;
        if (!is_hex(entry->d_name, 32) || strcmp(entry->d_name + 32, suffix) != 0 ||
            strncmp(entry->d_name, prefix, 2) != 0 ||
            fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        if ((*n & (*n - 1)) == 0) {
            zipllm_found_file *grown = realloc(*files, (*n == 0 ? 1 : 2 * *n) * sizeof *grown);
            if (grown == NULL) {
                status = zipllm_fail_memory(r->error, 2 * *n * sizeof *grown);
                break;
            }
            *files = grown;
        }
        zipllm_found_file *f = &(*files)[(*n)++];
        (void)snprintf(f->id, sizeof f->id, "%.32s", entry->d_name);
        f->modified = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        f->nbytes = (uint64_t)st.st_size;
        errno = 0;
    }
    if (status == ZIPLLM_OK && errno != 0 && errno != ENOENT)
        status = zipllm_fail_at(&r->store->dir, path, errno, "cannot read the directory", r->error);
    (void)closedir(stream);
    return status;
}

static int older_first(const void *a, const void *b)
{
    const zipllm_found_file *x = a, *y = b;
    if (x->modified != y->modified)
        return x->modified < y->modified ? -1 : 1;
    return strcmp(x->id, y->id);
}

zipllm_status zipllm_repair_list(zipllm_repairing *r, const char *folder, const char *suffix,
                                 zipllm_found_file **files, size_t *n)
{
    zipllm_status status = ZIPLLM_OK;
    *files = NULL;
    *n = 0;
    for (unsigned i = 0; i < 256 && status == ZIPLLM_OK; i++) {
        char path[32];
        struct stat st;
        (void)snprintf(path, sizeof path, "%.16s/%02x", folder, i);
        if (fstatat(r->store->dir.fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
            status = list_folder(r, path, suffix, files, n);
        else if (errno != ENOENT)
            status = zipllm_fail_at(&r->store->dir, path, errno, "cannot stat", r->error);
    }
    if (status == ZIPLLM_OK && *n > 1)
        qsort(*files, *n, sizeof **files, older_first);
    return status;
}

/* ---- every frame ------------------------------------------------------------------------------
 */

/* A frame, and the name of its first base. */
typedef struct frame {
    int64_t id; /* in temp.frame */
    zipllm_tensor_row row;
    uint8_t parent_hash[ZIPLLM_HASH_NBYTES];
    uint64_t parent_nbytes;
    uint32_t parent_ordinal;
} frame;

typedef struct pack_walk {
    zipllm_repairing *r;
    int64_t pack;
    int fd;
    const char *path;
    zipllm_status status;
} pack_walk;

static zipllm_status put_frame_base(zipllm_index *index, int64_t id, unsigned position,
                                    const uint8_t *plain, uint64_t nbytes, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_FRAME_BASE, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, id);
    (void)sqlite3_bind_int64(s, 2, position);
    (void)sqlite3_bind_blob(s, 3, plain, ZIPLLM_HASH_NBYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 4, (int64_t)nbytes);
    return zipllm_index_run(index, s, error);
}

static zipllm_status put_frame(const pack_walk *w, const zipllm_pack_entry *e)
{
    zipllm_index *index = w->r->store->index;
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_FRAME, w->r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)e->nbytes);
    (void)sqlite3_bind_blob(s, 2, e->hash, sizeof e->hash, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, e->ordinal);
    (void)sqlite3_bind_blob(s, 4, e->plain, sizeof e->plain, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 5, e->dtype);
    (void)sqlite3_bind_int64(s, 6, w->pack);
    (void)sqlite3_bind_int64(s, 7, (int64_t)e->offset);
    (void)sqlite3_bind_int64(s, 8, (int64_t)e->length);
    (void)sqlite3_bind_int64(s, 9, (int64_t)e->check);
    (void)sqlite3_bind_int64(s, 10, e->nparents);
    (void)sqlite3_bind_int64(s, 11, e->predictor);
    (void)sqlite3_bind_blob(s, 12, e->parent_hash, sizeof e->parent_hash, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 13, (int64_t)e->parent_nbytes);
    (void)sqlite3_bind_int64(s, 14, e->parent_ordinal);
    return zipllm_index_run(index, s, w->r->error);
}

/* Footers pass for their checksum; what they say is believed only as far as it can be. */
static bool is_possible(const zipllm_pack_entry *e)
{
    return e->nbytes <= INT64_MAX && e->length <= INT64_MAX && e->dtype < BITX_DTYPE_COUNT &&
           e->nparents <= ZIPLLM_PARENTS_MAX && e->parent_nbytes <= INT64_MAX &&
           (e->nparents != 0) == (e->predictor != BITX_PREDICT_NONE);
}

/* The header of a delta's frame: XXH3-128 of its bases. */
static zipllm_status read_bases(const pack_walk *w, const zipllm_pack_entry *e, int64_t id,
                                zipllm_error *why)
{
    const zipllm_tensor_row row = {.id = 1,
                                   .nbytes = e->nbytes,
                                   .dtype = e->dtype,
                                   .offset = e->offset,
                                   .length = e->length,
                                   .check = e->check,
                                   .parent = 1,
                                   .nparents = e->nparents,
                                   .predictor = e->predictor};
    zipllm_stored *stored = NULL;
    zipllm_status status = zipllm_stored_open_raw(w->r->store, w->fd, &row, &stored, why);
    if (status != ZIPLLM_OK)
        return status;
    if (stored->info.base_nbytes != e->parent_nbytes)
        status = zipllm_fail(why, ZIPLLM_DAMAGED, w->path, e->offset, 0,
                             "the footer and the frame disagree on the base");
    for (unsigned k = 0; k < e->nparents && status == ZIPLLM_OK; k++)
        status = put_frame_base(w->r->store->index, id, k,
                                k == 0 ? stored->info.base_hash : stored->info.other_hashes[k - 1],
                                zipllm_stored_base_nbytes(&stored->info, k), why);
    zipllm_stored_close(w->r->store, stored);
    return status;
}

static zipllm_status take_entry(pack_walk *w, const zipllm_pack_entry *e)
{
    zipllm_error why;
    if (!is_possible(e)) {
        (void)zipllm_fail(&why, ZIPLLM_DAMAGED, w->path, e->offset, 0,
                          "the footer says of this frame what cannot be");
        zipllm_repair_damage(w->r, "", "", "", &why);
        return ZIPLLM_OK;
    }
    zipllm_status status = put_frame(w, e);
    if (status != ZIPLLM_OK || e->nparents == 0)
        return status;
    sqlite3 *db =
        sqlite3_db_handle(zipllm_index_query(w->r->store->index, ZIPLLM_Q_PUT_FRAME, w->r->error));
    status = read_bases(w, e, sqlite3_last_insert_rowid(db), &why);
    if (status == ZIPLLM_DAMAGED) { /* it lacks bases, and is never taken */
        char reason[256];
        (void)snprintf(reason, sizeof reason, "%.200s", why.message + why.reason_at);
        (void)zipllm_fail(&why, ZIPLLM_DAMAGED, w->path, e->offset, 0, "%s", reason);
        zipllm_repair_damage(w->r, "", "", "", &why);
        return ZIPLLM_OK;
    }
    if (status != ZIPLLM_OK && w->r->error != NULL)
        *w->r->error = why;
    return status;
}

static bool visit_entry(void *user, const zipllm_pack_entry *entry, zipllm_error *error)
{
    pack_walk *w = user;
    (void)error;
    w->status = take_entry(w, entry);
    return w->status == ZIPLLM_OK;
}

static zipllm_status walk_pack(pack_walk *w, const zipllm_found_file *file)
{
    zipllm_repairing *r = w->r;
    zipllm_error why = {.os_errno = 0};
    /* All of it is checked before anything is taken from it. */
    zipllm_status status =
        zipllm_pack_check(w->fd, w->path, file->id, r->store->id, 0, NULL, NULL, &why);
    if (status == ZIPLLM_DAMAGED) {
        r->result->packs_damaged++;
        zipllm_repair_damage(r, "", "", "", &why);
        return ZIPLLM_OK;
    }
    if (status != ZIPLLM_OK) {
        if (r->error != NULL)
            *r->error = why;
        return status;
    }
    status = zipllm_index_put_pack(r->store->index, file->id, file->nbytes, &w->pack, r->error);
    if (status != ZIPLLM_OK)
        return status;
    w->status = ZIPLLM_OK;
    status = zipllm_pack_check(w->fd, w->path, file->id, r->store->id, file->nbytes, visit_entry, w,
                               &why);
    if (w->status != ZIPLLM_OK)
        return w->status;
    if (status != ZIPLLM_OK) /* it was whole a moment ago */
        return zipllm_fail(r->error, ZIPLLM_ERROR, w->path, ZIPLLM_NO_OFFSET, 0,
                           "changed while being read");
    return ZIPLLM_OK;
}

static zipllm_status read_pack(zipllm_repairing *r, const zipllm_found_file *file)
{
    char name[ZIPLLM_PACK_PATH];
    zipllm_pack_path(name, file->id);
    char *path = zipllm_path_join(r->store->dir.path, name);
    if (path == NULL)
        return zipllm_fail_memory(r->error, strlen(name));
    pack_walk w = {.r = r, .path = path};
    w.fd = openat(r->store->dir.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const zipllm_status status =
        w.fd >= 0 ? walk_pack(&w, file)
                  : zipllm_fail_os(r->error, path, errno, "cannot open the pack");
    if (w.fd >= 0)
        (void)close(w.fd);
    free(path);
    return status;
}

/* ---- bases ------------------------------------------------------------------------------------
 */

/* From the columns of ZIPLLM_Q_CODED_FRAMES and ZIPLLM_Q_OTHER_FRAMES. */
static void frame_columns(sqlite3_stmt *s, frame *f)
{
    memset(f, 0, sizeof *f);
    f->id = sqlite3_column_int64(s, 0);
    f->row.nbytes = (uint64_t)sqlite3_column_int64(s, 1);
    zipllm_index_bytes(s, 2, f->row.hash, sizeof f->row.hash);
    f->row.ordinal = (uint32_t)sqlite3_column_int64(s, 3);
    zipllm_index_bytes(s, 4, f->row.plain, sizeof f->row.plain);
    f->row.dtype = (uint32_t)sqlite3_column_int64(s, 5);
    f->row.pack = sqlite3_column_int64(s, 6);
    f->row.offset = (uint64_t)sqlite3_column_int64(s, 7);
    f->row.length = (uint64_t)sqlite3_column_int64(s, 8);
    f->row.check = (uint64_t)sqlite3_column_int64(s, 9);
    f->row.nparents = (unsigned)sqlite3_column_int64(s, 10);
    f->row.predictor = (uint32_t)sqlite3_column_int64(s, 11);
    zipllm_index_bytes(s, 12, f->parent_hash, sizeof f->parent_hash);
    f->parent_nbytes = (uint64_t)sqlite3_column_int64(s, 13);
    f->parent_ordinal = (uint32_t)sqlite3_column_int64(s, 14);
}

/* Tensors that may be one of the bases: of equal XXH3-128, mostly one. */
enum { SAME_MAX = 8 };
typedef struct candidates {
    int64_t id[SAME_MAX];
    unsigned n;
} candidates;

/* May the tensor be a base of the frame, at most `deepest` steps from whole ones? */
static bool may_be_base(const frame *f, const zipllm_tensor_row *base, unsigned deepest)
{
    const bool same = base->nbytes == f->row.nbytes && base->ordinal == f->row.ordinal &&
                      memcmp(base->hash, f->row.hash, sizeof base->hash) == 0;
    return !same && base->depth <= (f->row.predictor == BITX_PREDICT_BASE ? 0 : deepest);
}

/* The footer names the first base to the byte, the frame the others by their XXH3-128. */
static zipllm_status find_first(zipllm_repairing *r, const frame *f, const uint8_t *plain,
                                unsigned deepest, candidates *c)
{
    zipllm_tensor_row row;
    const zipllm_status status = zipllm_index_find_tensor(
        r->store->index, f->parent_nbytes, f->parent_hash, f->parent_ordinal, &row, r->error);
    c->n = 0;
    if (status == ZIPLLM_OK && row.id != 0 && row.ordinal == f->parent_ordinal &&
        memcmp(row.plain, plain, sizeof row.plain) == 0 && may_be_base(f, &row, deepest))
        c->id[c->n++] = row.id;
    return status;
}

static zipllm_status find_other(zipllm_repairing *r, const frame *f, const uint8_t *plain,
                                int64_t nbytes, unsigned deepest, candidates *c)
{
    zipllm_index *index = r->store->index;
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_TENSORS_BY_PLAIN, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, nbytes);
    (void)sqlite3_bind_blob(s, 2, plain, ZIPLLM_HASH_NBYTES, SQLITE_STATIC);
    int step = 0;
    c->n = 0;
    while (c->n < SAME_MAX && (step = zipllm_index_step(index, s, r->error)) > 0) {
        zipllm_tensor_row row;
        zipllm_index_tensor_columns(s, &row);
        if (may_be_base(f, &row, deepest))
            c->id[c->n++] = row.id;
    }
    zipllm_index_reset(s);
    return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
}

static zipllm_status find_bases(zipllm_repairing *r, const frame *f, unsigned deepest,
                                candidates list[ZIPLLM_PARENTS_MAX], bool *all)
{
    zipllm_index *index = r->store->index;
    uint8_t plain[ZIPLLM_PARENTS_MAX][ZIPLLM_HASH_NBYTES];
    int64_t nbytes[ZIPLLM_PARENTS_MAX];
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_FRAME_BASES, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, f->id);
    unsigned n = 0;
    int step = 0;
    while (n < f->row.nparents && (step = zipllm_index_step(index, s, r->error)) > 0) {
        nbytes[n] = sqlite3_column_int64(s, 2);
        zipllm_index_bytes(s, 1, plain[n++], ZIPLLM_HASH_NBYTES);
    }
    zipllm_index_reset(s);
    *all = n == f->row.nparents;
    zipllm_status status = step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
    for (unsigned k = 0; k < n && *all && status == ZIPLLM_OK; k++) {
        status = k == 0 ? find_first(r, f, plain[0], deepest, &list[0])
                        : find_other(r, f, plain[k], nbytes[k], deepest, &list[k]);
        *all = list[k].n != 0;
    }
    return status;
}

/* Does the frame decode with these bases? */
static zipllm_status decodes(zipllm_repairing *r, const frame *f, const int64_t *parents, bool *yes)
{
    zipllm_pack_file *pack;
    zipllm_stored *stored = NULL;
    zipllm_error why;
    zipllm_worker *worker = &r->store->workers[0];
    zipllm_status status = zipllm_store_pack(r->store, f->row.pack, &pack, r->error);
    if (status != ZIPLLM_OK)
        return status;
    zipllm_tensor_row row = f->row;
    row.parent = parents[0];
    status = zipllm_stored_open_fd(r->store, pack->fd, &row, parents, &stored, &why);
    for (uint64_t i = 0; status == ZIPLLM_OK && i < stored->info.nblocks; i++) {
        zipllm_fault fault = {.status = ZIPLLM_OK};
        if (!zipllm_stored_block(stored, worker, i, worker->block, NULL, &fault))
            status = zipllm_stored_fault(r->store, stored, &fault, &why);
    }
    zipllm_stored_close(r->store, stored);
    zipllm_store_pack_release(r->store, pack);
    *yes = status == ZIPLLM_OK;
    if (status != ZIPLLM_OK && status != ZIPLLM_DAMAGED && r->error != NULL)
        *r->error = why;
    return status == ZIPLLM_DAMAGED ? ZIPLLM_OK : status;
}

/* One of each; of several tensors of equal XXH3-128 those that the frame decodes with. */
static zipllm_status choose_bases(zipllm_repairing *r, const frame *f, const candidates *list,
                                  int64_t *parents, bool *found)
{
    enum { TRIES = 256 };
    uint64_t combinations = 1;
    for (unsigned k = 0; k < f->row.nparents && combinations < TRIES; k++)
        combinations *= list[k].n;
    *found = combinations == 1;
    for (uint64_t i = 0; i < combinations && i < TRIES; i++) {
        uint64_t rest = i;
        for (unsigned k = 0; k < f->row.nparents; k++) {
            parents[k] = list[k].id[rest % list[k].n];
            rest /= list[k].n;
        }
        if (*found)
            return ZIPLLM_OK;
        const zipllm_status status = decodes(r, f, parents, found);
        if (status != ZIPLLM_OK || *found)
            return status;
    }
    return ZIPLLM_OK;
}

static zipllm_status resolve(zipllm_repairing *r, const frame *f, unsigned deepest,
                             int64_t *parents, bool *found)
{
    candidates list[ZIPLLM_PARENTS_MAX];
    const zipllm_status status = find_bases(r, f, deepest, list, found);
    return status == ZIPLLM_OK && *found ? choose_bases(r, f, list, parents, found) : status;
}

/* ---- one frame of each tensor -----------------------------------------------------------------
 */

static zipllm_status take_coded(zipllm_repairing *r, frame *f, unsigned deepest)
{
    int64_t parents[ZIPLLM_PARENTS_MAX];
    zipllm_tensor_row row;
    bool found;
    /* A shorter frame of the same tensor may have been taken just now. */
    zipllm_status status = zipllm_index_find_tensor(r->store->index, f->row.nbytes, f->row.hash,
                                                    f->row.ordinal, &row, r->error);
    if (status != ZIPLLM_OK || (row.id != 0 && row.ordinal == f->row.ordinal))
        return status;
    status = resolve(r, f, deepest, parents, &found);
    if (status != ZIPLLM_OK || !found)
        return status;
    status = zipllm_index_put_tensor(r->store->index, &f->row, r->error);
    return status == ZIPLLM_OK
               ? zipllm_index_put_parents(r->store->index, &f->row, parents, r->error)
               : status;
}

static zipllm_status take_level(zipllm_repairing *r, unsigned deepest)
{
    zipllm_index *index = r->store->index;
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_CODED_FRAMES, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_status status = ZIPLLM_OK;
    int step = 0;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(index, s, r->error)) > 0) {
        frame f;
        frame_columns(s, &f);
        status = take_coded(r, &f, deepest);
    }
    zipllm_index_reset(s);
    return status == ZIPLLM_OK && step < 0 ? ZIPLLM_ERROR : status;
}

static zipllm_status tear(zipllm_repairing *r, int64_t tensor, const frame *f)
{
    int64_t *torn = realloc(r->torn, (r->ntorn + 1) * sizeof *torn);
    if (torn == NULL)
        return zipllm_fail_memory(r->error, sizeof *torn);
    r->torn = torn;
    r->torn[r->ntorn++] = tensor;
    zipllm_pack_row pack;
    char name[ZIPLLM_PACK_PATH];
    const zipllm_status status = zipllm_index_pack(r->store->index, f->row.pack, &pack, r->error);
    if (status != ZIPLLM_OK)
        return status;
    zipllm_pack_path(name, pack.name);
    char *path = zipllm_path_join(r->store->dir.path, name);
    zipllm_error why;
    (void)zipllm_fail(&why, ZIPLLM_DAMAGED, path, f->row.offset, 0,
                      "two frames of one name have different bytes; neither is used");
    free(path);
    zipllm_repair_damage(r, "", "", "", &why);
    return ZIPLLM_OK;
}

static zipllm_status is_same(zipllm_repairing *r, const frame *f, const zipllm_tensor_row *taken,
                             bool *same)
{
    int64_t parents[ZIPLLM_PARENTS_MAX] = {0};
    bool found = true;
    zipllm_error why;
    *same = memcmp(taken->plain, f->row.plain, sizeof taken->plain) == 0;
    zipllm_status status = ZIPLLM_OK;
    if (*same && f->row.nparents != 0)
        status = resolve(r, f, ZIPLLM_DEPTH_MAX - 1, parents, &found);
    if (status != ZIPLLM_OK || !*same || !found)
        return status;
    zipllm_pack_file *pack;
    zipllm_stored *ours = NULL, *theirs = NULL;
    zipllm_tensor_row row = f->row;
    row.parent = parents[0];
    status = zipllm_store_pack(r->store, row.pack, &pack, r->error);
    if (status != ZIPLLM_OK)
        return status;
    status = zipllm_stored_open(r->store, taken, &ours, &why);
    if (status == ZIPLLM_OK)
        status = zipllm_stored_open_fd(r->store, pack->fd, &row, parents, &theirs, &why);
    if (status == ZIPLLM_OK)
        status = zipllm_stored_equal(r->store, ours, theirs, same, &why);
    zipllm_stored_close(r->store, ours);
    zipllm_stored_close(r->store, theirs);
    zipllm_store_pack_release(r->store, pack);
    if (status == ZIPLLM_DAMAGED) /* it is told where a model has it */
        return ZIPLLM_OK;
    if (status != ZIPLLM_OK && r->error != NULL)
        *r->error = why;
    return status;
}

/*
 * A killed add may have left a frame under a name that a later add gave to other bytes of equal
 * hash, for it did not know the first. Which of them a manifest means cannot be told.
 */
static zipllm_status compare_others(zipllm_repairing *r)
{
    zipllm_index *index = r->store->index;
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_OTHER_FRAMES, r->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_status status = ZIPLLM_OK;
    int step = 0;
    while (status == ZIPLLM_OK && (step = zipllm_index_step(index, s, r->error)) > 0) {
        frame f;
        zipllm_tensor_row taken;
        bool same = true;
        frame_columns(s, &f);
        status = zipllm_index_tensor(index, sqlite3_column_int64(s, 15), &taken, r->error);
        if (status == ZIPLLM_OK)
            status = is_same(r, &f, &taken, &same);
        if (status == ZIPLLM_OK && !same)
            status = tear(r, taken.id, &f);
    }
    zipllm_index_reset(s);
    return status == ZIPLLM_OK && step < 0 ? ZIPLLM_ERROR : status;
}

zipllm_status zipllm_repair_packs(zipllm_repairing *r)
{
    zipllm_found_file *files;
    size_t n;
    zipllm_status status = zipllm_repair_list(r, "packs", ".pack", &files, &n);
    for (size_t i = 0; i < n && status == ZIPLLM_OK; i++) {
        status = read_pack(r, &files[i]);
        if (status == ZIPLLM_OK)
            status = zipllm_store_progress(r->store, "repair", "packs", 0, 0, r->error);
    }
    free(files);
    if (status != ZIPLLM_OK)
        return status;
    sqlite3_stmt *s = zipllm_index_query(r->store->index, ZIPLLM_Q_TAKE_WHOLE, r->error);
    status = s != NULL ? zipllm_index_run(r->store->index, s, r->error) : ZIPLLM_ERROR;
    for (unsigned deepest = 0; deepest < ZIPLLM_DEPTH_MAX && status == ZIPLLM_OK; deepest++)
        status = take_level(r, deepest);
    return status == ZIPLLM_OK ? compare_others(r) : status;
}
