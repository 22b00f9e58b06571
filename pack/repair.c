/*
 * zipllm_repair(): a new index beside the one that is there, from packs and manifests, renamed over
 * it when it is complete and durable. What SQLite keeps beside an index (a journal to roll back, a
 * log) would be taken for the new one's, so it is settled first: rolled back where the old index
 * can be opened, and removed before the rename where it cannot, for then it is of no use.
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
#include "repair.h"

enum { TMP_PATH = 64 };

/* ---- telling ----------------------------------------------------------------------------------
 */

void zipllm_repair_damage(zipllm_repairing *r, const char *model, const char *file,
                          const char *tensor, const zipllm_error *why)
{
    char path[sizeof why->message];
    if (!r->found)
        r->first = *why;
    r->found = true;
    r->result->damages++;
    if (r->options->damage == NULL)
        return;
    (void)snprintf(path, sizeof path, "%.*s", (int)why->path_nbytes, why->message);
    const zipllm_damage damage = {model, file,        tensor,
                                  path,  why->offset, why->message + why->reason_at};
    r->options->damage(r->options->user, &damage);
}

void zipllm_repair_note(zipllm_repairing *r, const char *path, const char *text)
{
    if (r->options->note != NULL)
        r->options->note(r->options->user, path, text);
}

/* ---- the index that is there ------------------------------------------------------------------
 */

static const char *const beside[] = {ZIPLLM_INDEX_FILE "-journal", ZIPLLM_INDEX_FILE "-wal",
                                     ZIPLLM_INDEX_FILE "-shm"};
enum { NBESIDE = sizeof beside / sizeof beside[0] };

static bool is_there(const zipllm_repairing *r, const char *name)
{
    struct stat st;
    return fstatat(r->store->dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Opening it for writing rolls back its journal or takes in its log. */
static void settle_present(const zipllm_repairing *r, const char *path)
{
    zipllm_index *present = NULL;
    bool needed = false;
    for (int i = 0; i < NBESIDE; i++)
        needed = needed || is_there(r, beside[i]);
    if (needed && zipllm_index_open(path, false, &present, NULL) == ZIPLLM_OK)
        zipllm_index_close(present);
}

static zipllm_status remove_beside(zipllm_repairing *r)
{
    const zipllm_dir *dir = &r->store->dir;
    bool any = false;
    for (int i = 0; i < NBESIDE; i++) {
        if (unlinkat(dir->fd, beside[i], 0) == 0)
            any = true;
        else if (errno != ENOENT)
            return zipllm_fail_at(dir, beside[i], errno, "cannot remove", r->error);
    }
    return any ? zipllm_sync_dir(dir, ".", r->error) : ZIPLLM_OK;
}

static bool changed(zipllm_index *index, zipllm_query query, uint64_t *added, uint64_t *dropped)
{
    struct sqlite3_stmt *s = zipllm_index_query(index, query, NULL);
    const bool done = s != NULL && zipllm_index_step(index, s, NULL) > 0;
    if (done) {
        *added = (uint64_t)zipllm_index_number(s, 0);
        *dropped = (uint64_t)zipllm_index_number(s, 1);
    }
    if (s != NULL)
        zipllm_index_reset(s);
    return done;
}

static void compare(zipllm_repairing *r, const char *path)
{
    zipllm_repair_result *to = r->result;
    zipllm_index *index = r->store->index;
    to->compared =
        is_there(r, ZIPLLM_INDEX_FILE) && zipllm_index_attach(index, path) &&
        changed(index, ZIPLLM_Q_MODELS_CHANGED, &to->models_added, &to->models_dropped) &&
        changed(index, ZIPLLM_Q_TENSORS_CHANGED, &to->tensors_added, &to->tensors_dropped) &&
        changed(index, ZIPLLM_Q_PACKS_CHANGED, &to->packs_added, &to->packs_dropped);
}

/* ---- the new one ------------------------------------------------------------------------------
 */

/* Manifests that rm has taken from their place already. */
static zipllm_status note_removed(zipllm_repairing *r)
{
    zipllm_status status = ZIPLLM_OK;
    const int fd = openat(r->store->dir.fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        status =
            zipllm_fail_at(&r->store->dir, "tmp", errno, "cannot read the directory", r->error);
        if (fd >= 0)
            (void)close(fd);
        return status;
    }
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        char path[300];
        if (strncmp(entry->d_name, "rm-", 3) != 0)
            continue;
        (void)snprintf(path, sizeof path, "tmp/%.255s", entry->d_name);
        r->result->models_removed++;
        zipllm_repair_note(r, path, "of a model that was being removed, and now is");
    }
    (void)closedir(stream);
    return status;
}

static zipllm_status count_rows(zipllm_repairing *r)
{
    struct sqlite3_stmt *s = zipllm_index_query(r->store->index, ZIPLLM_Q_COUNTS, r->error);
    if (s == NULL || zipllm_index_step(r->store->index, s, r->error) < 0)
        return ZIPLLM_ERROR;
    r->result->models = (uint64_t)zipllm_index_number(s, 0);
    r->result->tensors = (uint64_t)zipllm_index_number(s, 1);
    r->result->packs = (uint64_t)zipllm_index_number(s, 2);
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

static zipllm_status fill(zipllm_repairing *r)
{
    zipllm_status status = zipllm_index_frames(r->store->index, r->error);
    if (status == ZIPLLM_OK)
        status = zipllm_index_begin(r->store->index, r->error);
    if (status == ZIPLLM_OK)
        status = zipllm_repair_packs(r);
    if (status == ZIPLLM_OK)
        status = zipllm_repair_models(r);
    if (status == ZIPLLM_OK && !r->options->dry_run)
        status = zipllm_repair_sketches(r);
    if (status == ZIPLLM_OK)
        status = note_removed(r);
    if (status == ZIPLLM_OK)
        status = count_rows(r);
    return status == ZIPLLM_OK ? zipllm_index_commit(r->store->index, r->error) : status;
}

static zipllm_status publish(zipllm_repairing *r, const char *tmp)
{
    const zipllm_dir *dir = &r->store->dir;
    const int fd = openat(dir->fd, tmp, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return zipllm_fail_at(dir, tmp, errno, "cannot open", r->error);
    zipllm_status status = zipllm_sync_fd(fd, dir, tmp, r->error);
    if (close(fd) != 0 && status == ZIPLLM_OK)
        status = zipllm_fail_at(dir, tmp, errno, "cannot close", r->error);
    if (status == ZIPLLM_OK)
        status = remove_beside(r);
    return status == ZIPLLM_OK ? zipllm_publish(dir, tmp, ZIPLLM_INDEX_FILE, r->error) : status;
}

static void close_index(zipllm_repairing *r)
{
    zipllm_store_forget_packs(r->store);
    zipllm_index_close(r->store->index);
    r->store->index = NULL;
}

/* tmp: where the new index lies beneath the store; NULL for a dry run. */
static zipllm_status renew(zipllm_repairing *r, const char *tmp)
{
    zipllm_store *store = r->store;
    char *present = zipllm_path_join(store->dir.path, ZIPLLM_INDEX_FILE);
    char *path = tmp != NULL ? zipllm_path_join(store->dir.path, tmp) : NULL;
    zipllm_status status = ZIPLLM_OK;
    if (present == NULL || (tmp != NULL && path == NULL))
        status = zipllm_fail_memory(r->error, strlen(store->dir.path));
    if (status == ZIPLLM_OK && tmp != NULL)
        settle_present(r, present);
    if (status == ZIPLLM_OK)
        status = zipllm_index_new(path, &store->index, r->error);
    if (status == ZIPLLM_OK)
        status = fill(r);
    if (status == ZIPLLM_OK)
        compare(r, present);
    close_index(r);
    if (status == ZIPLLM_OK && tmp != NULL)
        status = publish(r, tmp);
    free(present);
    free(path);
    return status;
}

static zipllm_status renew_or_undo(zipllm_repairing *r)
{
    uint8_t id[ZIPLLM_ID_NBYTES];
    char text[ZIPLLM_ID_TEXT], tmp[TMP_PATH], journal[TMP_PATH + 8];
    if (r->options->dry_run)
        return renew(r, NULL);
    if (zipllm_random(id, sizeof id) != 0)
        return zipllm_fail_os(r->error, NULL, errno, "no random numbers");
    zipllm_hex(text, id, sizeof id);
    (void)snprintf(tmp, sizeof tmp, "tmp/%s.sqlite", text);
    (void)snprintf(journal, sizeof journal, "%s-journal", tmp);
    const zipllm_status status = renew(r, tmp);
    if (status != ZIPLLM_OK) { /* where the rename was done, there is nothing of these names */
        (void)unlinkat(r->store->dir.fd, tmp, 0);
        (void)unlinkat(r->store->dir.fd, journal, 0);
    }
    return status;
}

zipllm_status zipllm_repair(const char *path, const zipllm_repair_options *how,
                            const zipllm_options *options, zipllm_repair_result *result,
                            zipllm_error *error)
{
    static const zipllm_repair_options defaults = ZIPLLM_REPAIR_OPTIONS_INIT;
    zipllm_repair_result unused;
    zipllm_repairing r = {.options = how != NULL ? how : &defaults,
                          .result = result != NULL ? result : &unused,
                          .error = error};
    memset(r.result, 0, sizeof *r.result);
    if (r.options->size != sizeof *how)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0,
                           "options of another version");
    zipllm_status status = zipllm_store_open_bare(path, ZIPLLM_EXCLUSIVE, options, &r.store, error);
    if (status != ZIPLLM_OK)
        return status;
    status = zipllm_store_workers(r.store, error);
    if (status == ZIPLLM_OK)
        status = renew_or_undo(&r);
    zipllm_close(r.store);
    free(r.torn);
    if (status == ZIPLLM_OK && r.found) {
        status = ZIPLLM_DAMAGED;
        if (error != NULL)
            *error = r.first;
    }
    return status;
}
