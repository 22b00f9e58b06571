/*
 * zipllm_gc(): drops the rows of tensors that nothing needs, writes the frames that are needed of
 * every pack that holds others too into new packs, and unlinks what is then unreferenced. New packs
 * are durable and read back before the one transaction that points to them; old ones are unlinked
 * after it. Killed at any point, each frame lies in one pack or in both.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "manifest_read.h"
#include "packfile.h"
#include "store.h"
#include "stored.h"

#define PACK_NBYTES_MAX ((uint64_t)16 << 30)

/* A pack with frames that are not needed. */
typedef struct old_pack {
    zipllm_pack_row row;
    uint64_t live; /* bytes of frames that are */
} old_pack;

typedef struct move {
    int64_t tensor;
    size_t writer;
    uint64_t offset;
} move;

typedef struct collection {
    zipllm_store *store;
    zipllm_gc_result *result;
    zipllm_error *error;
    bool dry_run;
    old_pack *old;
    size_t nold;
    zipllm_pack_writer **writers;
    int64_t *writer_ids;
    size_t nwriters;
    move *moves;
    size_t nmoves;
    uint64_t done, total;
} collection;

/* The array with room for one more element than n, doubled at powers of two; NULL: out of memory,
   and the array is as it was. */
static void *grow(void *array, size_t n, size_t nbytes)
{
    if (n != 0 && (n & (n - 1)) != 0)
        return array;
    return realloc(array, (n == 0 ? 1 : 2 * n) * nbytes);
}

/* ---- rows
 * ---------------------------------------------------------------------------------------- */

static zipllm_status run(collection *c, zipllm_query query)
{
    struct sqlite3_stmt *s = zipllm_index_query(c->store->index, query, c->error);
    return s != NULL ? zipllm_index_run(c->store->index, s, c->error) : ZIPLLM_ERROR;
}

static zipllm_status delete_dead(collection *c)
{
    static const zipllm_query queries[] = {
        ZIPLLM_Q_DELETE_DEAD_SKETCHES, ZIPLLM_Q_DELETE_DEAD_PARENTS, ZIPLLM_Q_DELETE_DEAD_TENSORS};
    zipllm_status status = zipllm_index_delete_orphans(c->store->index, c->error);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0] && status == ZIPLLM_OK; i++)
        status = run(c, queries[i]);
    if (status == ZIPLLM_OK)
        c->result->tensors_removed = zipllm_index_changes(c->store->index);
    return status;
}

/* Packs whose frames are not all needed any more. */
static zipllm_status list_old(collection *c)
{
    zipllm_index *index = c->store->index;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PACKS, c->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    int step;
    while ((step = zipllm_index_step(index, s, c->error)) > 0) {
        old_pack pack = {
            .row = {.id = zipllm_index_number(s, 0), .nbytes = (uint64_t)zipllm_index_number(s, 2)},
            .live = (uint64_t)zipllm_index_number(s, 3)};
        const uint64_t count = (uint64_t)zipllm_index_number(s, 4);
        (void)snprintf(pack.row.name, sizeof pack.row.name, "%s", zipllm_index_string(s, 1));
        const uint64_t whole =
            pack.live + count * ZIPLLM_PACK_ENTRY + ZIPLLM_PACK_HEADER + ZIPLLM_PACK_TRAILER;
        if (count != 0 && whole == pack.row.nbytes)
            continue;
        old_pack *old = grow(c->old, c->nold, sizeof *old);
        if (old == NULL) {
            zipllm_index_reset(s);
            return zipllm_fail_memory(c->error, sizeof *old);
        }
        c->old = old;
        c->old[c->nold++] = pack;
        c->total += pack.live;
        if (pack.live == 0)
            c->result->packs_removed++;
        else
            c->result->packs_rewritten++;
        c->result->freed_bytes += pack.row.nbytes;
        if (pack.live != 0)
            c->result->freed_bytes -= pack.live + count * ZIPLLM_PACK_ENTRY;
    }
    if (c->total != 0) /* what new packs have besides */
        c->result->freed_bytes -=
            (c->total / PACK_NBYTES_MAX + 1) * (ZIPLLM_PACK_HEADER + ZIPLLM_PACK_TRAILER);
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

/* ---- copying
 * -------------------------------------------------------------------------------------- */

static zipllm_status writer_for_next(collection *c, zipllm_pack_writer **out)
{
    if (c->nwriters > 0 && c->writers[c->nwriters - 1]->size < PACK_NBYTES_MAX) {
        *out = c->writers[c->nwriters - 1];
        return ZIPLLM_OK;
    }
    zipllm_pack_writer **writers = grow(c->writers, c->nwriters, sizeof(zipllm_pack_writer *));
    if (writers != NULL)
        c->writers = writers;
    int64_t *ids = grow(c->writer_ids, c->nwriters, sizeof *ids);
    if (ids != NULL)
        c->writer_ids = ids;
    if (writers == NULL || ids == NULL)
        return zipllm_fail_memory(c->error, sizeof *ids);
    const zipllm_status status =
        zipllm_pack_create(&c->store->dir, c->store->id, &c->writers[c->nwriters], c->error);
    if (status == ZIPLLM_OK)
        *out = c->writers[c->nwriters++];
    return status;
}

static bool append(void *user, const void *bytes, size_t nbytes, zipllm_error *error)
{
    zipllm_pack_writer *writer = user;
    if (zipllm_pwrite(writer->fd, bytes, nbytes, writer->size) != 0) {
        (void)zipllm_fail_at(writer->dir, writer->tmp, errno, "cannot write", error);
        return false;
    }
    writer->size += nbytes;
    return true;
}

static zipllm_status enter(collection *c, zipllm_pack_writer *writer, const zipllm_tensor_row *row,
                           uint64_t offset)
{
    zipllm_tensor_row parent = {.id = 0};
    zipllm_status status = ZIPLLM_OK;
    if (row->parent != 0)
        status = zipllm_index_tensor(c->store->index, row->parent, &parent, c->error);
    if (status != ZIPLLM_OK)
        return status;
    zipllm_tensor_row moved = *row;
    moved.offset = offset;
    const zipllm_pack_entry entry = zipllm_pack_entry_of(&moved, &parent);
    return zipllm_pack_enter(writer, &entry, c->error);
}

/* The frame as it is; a damaged one ends gc, for copying would give damage a fresh checksum. */
static zipllm_status copy_frame(collection *c, const zipllm_pack_file *pack,
                                const zipllm_tensor_row *row)
{
    zipllm_pack_writer *writer = NULL;
    zipllm_stored *stored = NULL;
    zipllm_status status = writer_for_next(c, &writer);
    if (status != ZIPLLM_OK)
        return status;
    const uint64_t offset = writer->size;
    status = zipllm_stored_open_raw(c->store, pack->fd, row, &stored, c->error);
    if (status == ZIPLLM_OK)
        status = zipllm_stored_raw(c->store, stored, append, writer, c->error);
    zipllm_stored_close(c->store, stored);
    if (status == ZIPLLM_OK)
        status = enter(c, writer, row, offset);
    if (status != ZIPLLM_OK)
        return status;
    move *moves = grow(c->moves, c->nmoves, sizeof *moves);
    if (moves == NULL)
        return zipllm_fail_memory(c->error, sizeof *moves);
    c->moves = moves;
    c->moves[c->nmoves++] = (move){row->id, c->nwriters - 1, offset};
    c->done += row->length;
    return zipllm_store_progress(c->store, "gc", pack->path, c->done, c->total, c->error);
}

static zipllm_status copy_pack(collection *c, const old_pack *old)
{
    zipllm_index *index = c->store->index;
    zipllm_pack_file *pack;
    zipllm_status status = zipllm_store_pack(c->store, old->row.id, &pack, c->error);
    if (status != ZIPLLM_OK)
        return status;
    struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PACK_TENSORS, c->error);
    int step = s != NULL ? 1 : -1;
    if (s != NULL)
        zipllm_index_bind(s, 1, old->row.id);
    while (status == ZIPLLM_OK && step > 0 && (step = zipllm_index_step(index, s, c->error)) > 0) {
        zipllm_tensor_row row;
        zipllm_index_tensor_columns(s, &row);
        status = copy_frame(c, pack, &row);
    }
    if (s != NULL)
        zipllm_index_reset(s);
    zipllm_store_pack_release(c->store, pack);
    return status == ZIPLLM_OK && step < 0 ? ZIPLLM_ERROR : status;
}

/* ---- making it so
 * ---------------------------------------------------------------------------------- */

typedef struct read_back {
    collection *c;
    int fd;
    zipllm_status status;
} read_back;

static bool check_entry(void *user, const zipllm_pack_entry *entry, zipllm_error *error)
{
    read_back *r = user;
    const zipllm_tensor_row row = {.id = 1,
                                   .nbytes = entry->nbytes,
                                   .offset = entry->offset,
                                   .length = entry->length,
                                   .check = entry->check,
                                   .parent = entry->nparents,
                                   .nparents = entry->nparents,
                                   .predictor = entry->predictor};
    zipllm_stored *stored = NULL;
    r->status = zipllm_stored_open_raw(r->c->store, r->fd, &row, &stored, error);
    if (r->status == ZIPLLM_OK)
        r->status = zipllm_stored_raw(r->c->store, stored, NULL, NULL, error);
    zipllm_stored_close(r->c->store, stored);
    return r->status == ZIPLLM_OK;
}

/* Reads a new pack as a stranger would, from the disk where the kernel lets us. */
static zipllm_status verify_written(collection *c, const zipllm_pack_writer *writer)
{
    const int fd = openat(c->store->dir.fd, writer->tmp, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return zipllm_fail_at(&c->store->dir, writer->tmp, errno, "cannot open", c->error);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    read_back r = {c, fd, ZIPLLM_OK};
    const zipllm_status status = zipllm_pack_check(fd, writer->tmp, writer->name, c->store->id,
                                                   writer->size, check_entry, &r, c->error);
    (void)close(fd);
    return r.status != ZIPLLM_OK ? r.status : status;
}

static zipllm_status publish(collection *c)
{
    for (size_t i = 0; i < c->nwriters; i++) {
        zipllm_status status = zipllm_pack_finish(c->writers[i], c->error);
        if (status == ZIPLLM_OK)
            status = zipllm_pack_publish(c->writers[i], c->error);
        if (status == ZIPLLM_OK)
            status = verify_written(c, c->writers[i]);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

static zipllm_status point_to_new(collection *c)
{
    zipllm_index *index = c->store->index;
    for (size_t i = 0; i < c->nwriters; i++) {
        const zipllm_status status = zipllm_index_put_pack(
            index, c->writers[i]->name, c->writers[i]->size, &c->writer_ids[i], c->error);
        if (status != ZIPLLM_OK)
            return status;
    }
    for (size_t i = 0; i < c->nmoves; i++) {
        struct sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_MOVE_TENSOR, c->error);
        if (s == NULL)
            return ZIPLLM_ERROR;
        zipllm_index_bind(s, 1, c->moves[i].tensor);
        zipllm_index_bind(s, 2, c->writer_ids[c->moves[i].writer]);
        zipllm_index_bind(s, 3, (int64_t)c->moves[i].offset);
        const zipllm_status status = zipllm_index_run(index, s, c->error);
        if (status != ZIPLLM_OK)
            return status;
    }
    return run(c, ZIPLLM_Q_DELETE_EMPTY_PACKS);
}

/* Does the index know the pack? After a failed commit, asked through a fresh connection. */
static zipllm_status knows_pack(collection *c, const char *name, bool *known)
{
    struct sqlite3_stmt *s = zipllm_index_query(c->store->index, ZIPLLM_Q_PACK_BY_NAME, c->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind_text(s, 1, name);
    const int step = zipllm_index_step(c->store->index, s, c->error);
    *known = step > 0;
    zipllm_index_reset(s);
    return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
}

/* Unlinks the new packs, unless the index may know them. */
static void abandon(collection *c)
{
    bool known = true;
    zipllm_index_rollback(c->store->index);
    if (c->nwriters > 0 && zipllm_store_reopen_index(c->store, NULL) == ZIPLLM_OK) {
        zipllm_error *kept = c->error;
        c->error = NULL;
        if (knows_pack(c, c->writers[0]->name, &known) != ZIPLLM_OK)
            known = true;
        c->error = kept;
    }
    for (size_t i = 0; i < c->nwriters; i++)
        zipllm_pack_free(c->writers[i], !known);
    c->nwriters = 0;
}

static zipllm_status collect(collection *c)
{
    zipllm_index *index = c->store->index;
    zipllm_status status = zipllm_index_begin(index, c->error);
    if (status == ZIPLLM_OK)
        status = delete_dead(c);
    if (status == ZIPLLM_OK)
        status = list_old(c);
    if (status == ZIPLLM_OK && c->dry_run) {
        zipllm_index_rollback(index);
        return ZIPLLM_OK;
    }
    for (size_t i = 0; i < c->nold && status == ZIPLLM_OK; i++)
        if (c->old[i].live != 0)
            status = copy_pack(c, &c->old[i]);
    if (status == ZIPLLM_OK)
        status = publish(c);
    if (status == ZIPLLM_OK)
        status = point_to_new(c);
    if (status == ZIPLLM_OK)
        status = zipllm_index_commit(index, c->error);
    if (status != ZIPLLM_OK)
        abandon(c);
    return status;
}

/* ---- leftovers
 * -------------------------------------------------------------------------------------- */

typedef enum area { AREA_PACKS, AREA_MODELS, AREA_TMP, AREA_UNREAD } area;

/* Is a file of packs/ or models/ named in the index? */
static zipllm_status is_needed(collection *c, area where, const char *name, bool *needed)
{
    char id[33];
    const size_t length = strcspn(name, ".");
    const char *suffix = where == AREA_PACKS ? ".pack" : ".json";
    *needed = false;
    if (length != 32 || strcmp(name + length, suffix) != 0)
        return ZIPLLM_OK;
    memcpy(id, name, 32);
    id[32] = '\0';
    struct sqlite3_stmt *s = zipllm_index_query(
        c->store->index, where == AREA_PACKS ? ZIPLLM_Q_PACK_BY_NAME : ZIPLLM_Q_MANIFEST_MODEL,
        c->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind_text(s, 1, id);
    const int step = zipllm_index_step(c->store->index, s, c->error);
    *needed = step > 0;
    zipllm_index_reset(s);
    return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
}

/* A manifest that the index does not know: of an add or rm that was killed, or one that repair
   could not read. Then only gc stands between what its model needs and the bin, so gc does not
   begin. */
static zipllm_status refuse_unread(collection *c, const char *name)
{
    char id[33] = "";
    zipllm_model_row row;
    uint64_t nbytes;
    zipllm_error why;
    bool needed = false;
    if (strlen(name) != 37)
        return ZIPLLM_OK;
    zipllm_status status = is_needed(c, AREA_MODELS, name, &needed);
    if (status != ZIPLLM_OK || needed)
        return status;
    memcpy(id, name, 32);
    status = zipllm_manifest_read(c->store, id, NULL, &row, &nbytes, &why);
    if (status == ZIPLLM_OK)
        zipllm_model_row_free(&row);
    if (status != ZIPLLM_DAMAGED)
        return ZIPLLM_OK;
    char path[sizeof why.message];
    (void)snprintf(path, sizeof path, "%.*s", (int)why.path_nbytes, why.message);
    return zipllm_fail(c->error, ZIPLLM_DAMAGED, path, why.offset, 0,
                       "%.200s, and the index lacks its model, whose tensors gc would remove: put "
                       "a whole copy there and run repair, or delete it",
                       why.message + why.reason_at);
}

/* "rm-<id>.json" of a model that is still there: rm was killed. The manifest goes back. */
static zipllm_status put_manifest_back(collection *c, const char *name, bool *back)
{
    char from[300], to[64];
    const zipllm_status status = is_needed(c, AREA_MODELS, name + 3, back);
    if (status != ZIPLLM_OK || !*back || c->dry_run)
        return status;
    (void)snprintf(from, sizeof from, "tmp/%.255s", name);
    (void)snprintf(to, sizeof to, "models/%.2s/%.37s", name + 3, name + 3);
    return zipllm_publish(&c->store->dir, from, to, c->error);
}

static zipllm_status leftover_stays(const collection *c, const char *folder, const char *name)
{
    const int saved = errno;
    char *path = zipllm_path_join(folder, name);
    const zipllm_status status = zipllm_fail_at(&c->store->dir, path != NULL ? path : folder, saved,
                                                "cannot remove a leftover", c->error);
    free(path);
    return status;
}

static zipllm_status sweep_file(collection *c, area where, int dir_fd, const char *folder,
                                const char *name)
{
    struct stat st;
    bool needed = false;
    zipllm_status status = ZIPLLM_OK;
    if (where == AREA_UNREAD)
        return refuse_unread(c, name);
    if (where != AREA_TMP)
        status = is_needed(c, where, name, &needed);
    else if (strncmp(name, "rm-", 3) == 0)
        status = put_manifest_back(c, name, &needed);
    if (status != ZIPLLM_OK || needed || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return status;
    for (size_t i = 0; where == AREA_PACKS && i < c->nold; i++)
        if (strncmp(c->old[i].row.name, name, 32) == 0)
            needed = true; /* counted already */
    if (!needed) {
        c->result->files_removed++;
        c->result->freed_bytes += S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    }
    if (!c->dry_run && unlinkat(dir_fd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) != 0)
        return leftover_stays(c, folder, name);
    return ZIPLLM_OK;
}

static zipllm_status sweep(collection *c, area where, const char *folder, bool nested)
{
    const int fd =
        openat(c->store->dir.fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        const int saved = errno;
        if (fd >= 0)
            (void)close(fd);
        return zipllm_fail_at(&c->store->dir, folder, saved, "cannot read the directory", c->error);
    }
    zipllm_status status = ZIPLLM_OK;
    for (const struct dirent *entry; status == ZIPLLM_OK && (entry = readdir(stream)) != NULL;) {
        char path[64];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (nested && strlen(entry->d_name) == 2) {
            (void)snprintf(path, sizeof path, "%.32s/%.2s", folder, entry->d_name);
            status = sweep(c, where, path, false);
            if (!c->dry_run && where != AREA_UNREAD && status == ZIPLLM_OK)
                (void)unlinkat(fd, entry->d_name, AT_REMOVEDIR); /* if it is empty */
        } else {
            status = sweep_file(c, where, fd, folder, entry->d_name);
        }
    }
    (void)closedir(stream);
    return status;
}

zipllm_status zipllm_gc(zipllm_store *store, bool dry_run, zipllm_gc_result *result,
                        zipllm_error *error)
{
    zipllm_gc_result unused;
    zipllm_stat_result before, after;
    collection c = {.store = store,
                    .result = result != NULL ? result : &unused,
                    .error = error,
                    .dry_run = dry_run};
    memset(c.result, 0, sizeof *c.result);
    if (store == NULL || store->mode != ZIPLLM_EXCLUSIVE)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0,
                           "gc needs the store opened exclusively");
    zipllm_status status = zipllm_store_writable(store, error);
    if (status == ZIPLLM_OK)
        status = zipllm_store_complete(store, error);
    if (status == ZIPLLM_OK)
        status = sweep(&c, AREA_UNREAD, "models", true);
    if (status == ZIPLLM_OK)
        status = zipllm_store_workers(store, error);
    if (status == ZIPLLM_OK)
        status = zipllm_stat(store, &before, error);
    if (status == ZIPLLM_OK)
        status = collect(&c);
    c.result->packs_written = c.nwriters;
    for (size_t i = 0; i < c.nwriters; i++)
        zipllm_pack_free(c.writers[i], false);
    zipllm_store_forget_packs(store);
    if (status == ZIPLLM_OK)
        status = sweep(&c, AREA_PACKS, "packs", true);
    if (status == ZIPLLM_OK)
        status = sweep(&c, AREA_MODELS, "models", true);
    if (status == ZIPLLM_OK)
        status = sweep(&c, AREA_TMP, "tmp", false);
    if (status == ZIPLLM_OK && !dry_run)
        status = run(&c, ZIPLLM_Q_VACUUM);
    if (status == ZIPLLM_OK && !dry_run)
        status = zipllm_stat(store, &after, error);
    if (status == ZIPLLM_OK && !dry_run)
        c.result->freed_bytes =
            before.disk_bytes > after.disk_bytes ? before.disk_bytes - after.disk_bytes : 0;
    free(c.old);
    free(c.writers);
    free(c.writer_ids);
    free(c.moves);
    return status;
}
