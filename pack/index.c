/* The connection: opening, statements, transactions. */
#include "index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "index_sql.h"

static zipllm_status fail(const zipllm_index *index, zipllm_error *error)
{
    const int code = sqlite3_extended_errcode(index->db) & 0xff;
    zipllm_status status = ZIPLLM_ERROR;
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        status = ZIPLLM_LOCKED;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        status = ZIPLLM_DAMAGED;
    const int os_errno = code == SQLITE_IOERR || code == SQLITE_FULL || code == SQLITE_CANTOPEN
                             ? sqlite3_system_errno(index->db)
                             : 0;
    return zipllm_fail(error, status, index->path, ZIPLLM_NO_OFFSET, os_errno, "%s",
                       sqlite3_errmsg(index->db));
}

/* "file:" and the path with %-escapes; NULL when out of memory. sqlite3_free() it. */
static char *uri_of(const char *path, bool immutable)
{
    sqlite3_str *text = sqlite3_str_new(NULL);
    sqlite3_str_appendall(text, path[0] == '/' ? "file://" : "file:");
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '?' || *c == '#' || *c == '%')
            sqlite3_str_appendf(text, "%%%02x", (unsigned char)*c);
        else
            sqlite3_str_appendchar(text, 1, *c);
    }
    if (immutable)
        sqlite3_str_appendall(text, "?immutable=1");
    return sqlite3_str_finish(text);
}

static zipllm_status open_db(const char *path, int flags, bool immutable, zipllm_index **out,
                             zipllm_error *error)
{
    zipllm_index *index = calloc(1, sizeof *index);
    char *uri = *path != '\0' ? uri_of(path, immutable) : sqlite3_mprintf("");
    if (index == NULL || uri == NULL || (index->path = strdup(path)) == NULL) {
        free(index);
        sqlite3_free(uri);
        return zipllm_fail_memory(error, sizeof *index);
    }

    const int code =
        sqlite3_open_v2(uri, &index->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_free(uri);
    if (code != SQLITE_OK) {
        const zipllm_status status = fail(index, error);
        zipllm_index_close(index);
        return status;
    }
    (void)sqlite3_extended_result_codes(index->db, 1);
    (void)sqlite3_busy_timeout(index->db, 60000);
    *out = index;
    return ZIPLLM_OK;
}

static zipllm_status execute(zipllm_index *index, const char *sql, zipllm_error *error)
{
    return sqlite3_exec(index->db, sql, NULL, NULL, NULL) == SQLITE_OK ? ZIPLLM_OK
                                                                       : fail(index, error);
}

zipllm_status zipllm_index_new(const char *path, zipllm_index **out, zipllm_error *error)
{
    zipllm_index *index;
    zipllm_status status = open_db(
        path != NULL ? path : "", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, false, &index, error);
    if (status != ZIPLLM_OK)
        return status;
    status = execute(index, zipllm_index_schema, error);
    if (status == ZIPLLM_OK)
        status = execute(index,
                         "PRAGMA foreign_keys=ON; PRAGMA cache_size=-4000;"
                         "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;",
                         error);
    if (status != ZIPLLM_OK) {
        zipllm_index_close(index);
        return status;
    }
    *out = index;
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_create(const char *path, zipllm_error *error)
{
    zipllm_index *index;
    zipllm_status status = zipllm_index_new(path, &index, error);
    if (status != ZIPLLM_OK)
        return status;
    if (sqlite3_close(index->db) != SQLITE_OK)
        status = fail(index, error);
    else
        index->db = NULL;
    zipllm_index_close(index);
    return status;
}

zipllm_status zipllm_index_frames(zipllm_index *index, zipllm_error *error)
{
    return execute(index, zipllm_index_frames_schema, error);
}

bool zipllm_index_attach(zipllm_index *index, const char *path)
{
    char *uri = uri_of(path, true);
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_ATTACH, NULL);
    bool done = uri != NULL && s != NULL;
    if (done) {
        zipllm_index_bind_text(s, 1, uri);
        done = zipllm_index_run(index, s, NULL) == ZIPLLM_OK;
    }
    sqlite3_free(uri);
    if (done)
        s = zipllm_index_query(index, ZIPLLM_Q_PRESENT_VERSION, NULL);
    done = done && s != NULL && zipllm_index_step(index, s, NULL) > 0 &&
           zipllm_index_number(s, 0) == ZIPLLM_SCHEMA_VERSION;
    if (s != NULL)
        zipllm_index_reset(s);
    return done;
}

static zipllm_status check_schema(zipllm_index *index, zipllm_error *error)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(index->db, "SELECT version FROM schema_version", -1, &statement, NULL) !=
            SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        const zipllm_status status = fail(index, error);
        (void)sqlite3_finalize(statement);
        return status;
    }
    const int version = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    if (version != ZIPLLM_SCHEMA_VERSION)
        return zipllm_fail(error, ZIPLLM_ERROR, index->path, ZIPLLM_NO_OFFSET, 0,
                           "index of version %d, this program knows version %d", version,
                           ZIPLLM_SCHEMA_VERSION);
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_open(const char *path, bool read_only, zipllm_index **out,
                                zipllm_error *error)
{
    zipllm_index *index;
    zipllm_status status = open_db(path, read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE,
                                   read_only, &index, error);
    if (status != ZIPLLM_OK)
        return status;
    /* A journal that is deleted, truncated or left is decided by the file, not here; set it so that
       a file made by another program does not change the promise. */
    status = execute(index,
                     "PRAGMA synchronous=EXTRA; PRAGMA foreign_keys=ON; PRAGMA cache_size=-4000;"
                     "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
                     "PRAGMA cell_size_check=ON;",
                     error);
    if (status == ZIPLLM_OK && !read_only)
        status = execute(index, "PRAGMA journal_mode=DELETE", error);
    if (status == ZIPLLM_OK)
        status = check_schema(index, error);
    if (status != ZIPLLM_OK) {
        zipllm_index_close(index);
        return status;
    }
    *out = index;
    return ZIPLLM_OK;
}

void zipllm_index_close(zipllm_index *index)
{
    if (index == NULL)
        return;
    for (int i = 0; i < ZIPLLM_Q_COUNT; i++)
        (void)sqlite3_finalize(index->statements[i]);
    (void)sqlite3_close_v2(index->db);
    free(index->path);
    free(index);
}

sqlite3_stmt *zipllm_index_query(zipllm_index *index, zipllm_query query, zipllm_error *error)
{
    sqlite3_stmt **statement = &index->statements[query];
    if (*statement == NULL) {
        if (sqlite3_prepare_v3(index->db, zipllm_index_queries[query], -1,
                               SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK) {
            (void)fail(index, error);
            return NULL;
        }
    } else {
        (void)sqlite3_reset(*statement);
        (void)sqlite3_clear_bindings(*statement);
    }
    return *statement;
}

void zipllm_index_bind(sqlite3_stmt *statement, int position, int64_t value)
{
    (void)sqlite3_bind_int64(statement, position, value);
}

void zipllm_index_bind_text(sqlite3_stmt *statement, int position, const char *text)
{
    (void)sqlite3_bind_text(statement, position, text, -1, SQLITE_STATIC);
}

int64_t zipllm_index_number(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_int64(statement, column);
}

const char *zipllm_index_string(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL ? text : "";
}

uint64_t zipllm_index_changes(const zipllm_index *index)
{
    return (uint64_t)sqlite3_changes64(index->db);
}

int zipllm_index_step(zipllm_index *index, sqlite3_stmt *statement, zipllm_error *error)
{
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE) {
        (void)sqlite3_reset(statement);
        return 0;
    }
    (void)fail(index, error);
    (void)sqlite3_reset(statement);
    return -1;
}

void zipllm_index_reset(sqlite3_stmt *statement)
{
    (void)sqlite3_reset(statement);
}

zipllm_status zipllm_index_run(zipllm_index *index, sqlite3_stmt *statement, zipllm_error *error)
{
    int code;
    do {
        code = sqlite3_step(statement);
    } while (code == SQLITE_ROW);
    if (code == SQLITE_DONE) {
        (void)sqlite3_reset(statement);
        return ZIPLLM_OK;
    }
    const zipllm_status status = fail(index, error);
    (void)sqlite3_reset(statement);
    return status;
}

zipllm_status zipllm_index_run_query(zipllm_index *index, zipllm_query query, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, query, error);
    return s != NULL ? zipllm_index_run(index, s, error) : ZIPLLM_ERROR;
}

zipllm_status zipllm_index_begin(zipllm_index *index, zipllm_error *error)
{
    return zipllm_index_run_query(index, ZIPLLM_Q_BEGIN, error);
}

zipllm_status zipllm_index_begin_read(zipllm_index *index, zipllm_error *error)
{
    return zipllm_index_run_query(index, ZIPLLM_Q_BEGIN_READ, error);
}

zipllm_status zipllm_index_commit(zipllm_index *index, zipllm_error *error)
{
    return zipllm_index_run_query(index, ZIPLLM_Q_COMMIT, error);
}

void zipllm_index_rollback(zipllm_index *index)
{
    if (!sqlite3_get_autocommit(index->db))
        (void)zipllm_index_run_query(index, ZIPLLM_Q_ROLLBACK, NULL);
}
