#include "index.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

struct zipllm_index {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[ZIPLLM_Q_COUNT];
};

/* Text columns that hold names are compared as bytes (the default collation). */
static const char schema[] =
    "PRAGMA journal_mode=DELETE;"
    "PRAGMA auto_vacuum=INCREMENTAL;"
    "PRAGMA synchronous=EXTRA;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE schema_version(version INTEGER NOT NULL);"
    "INSERT INTO schema_version VALUES(1);"
    "CREATE TABLE pack(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " nbytes INTEGER NOT NULL);"
    "CREATE TABLE tensor(id INTEGER PRIMARY KEY, nbytes INTEGER NOT NULL, hash BLOB NOT NULL,"
    " ordinal INTEGER NOT NULL, plain BLOB NOT NULL, dtype INTEGER NOT NULL,"
    " pack INTEGER NOT NULL REFERENCES pack(id), offset INTEGER NOT NULL,"
    " length INTEGER NOT NULL, \"check\" INTEGER NOT NULL, UNIQUE(hash, nbytes, ordinal));"
    "CREATE INDEX tensor_pack ON tensor(pack, offset);"
    "CREATE TABLE parent(tensor INTEGER NOT NULL REFERENCES tensor(id),"
    " position INTEGER NOT NULL, parent INTEGER NOT NULL REFERENCES tensor(id),"
    " PRIMARY KEY(tensor, position)) WITHOUT ROWID;"
    "CREATE INDEX parent_parent ON parent(parent);"
    /* The base of a delta is stored whole, so every tensor is at most two frames away. */
    "CREATE TRIGGER parent_insert BEFORE INSERT ON parent"
    " WHEN NEW.tensor = NEW.parent"
    "  OR EXISTS(SELECT 1 FROM parent WHERE tensor = NEW.parent)"
    "  OR EXISTS(SELECT 1 FROM parent WHERE parent = NEW.tensor)"
    " BEGIN SELECT RAISE(ABORT, 'the base of a delta must be stored whole'); END;"
    "CREATE TRIGGER parent_update BEFORE UPDATE ON parent"
    " WHEN NEW.tensor = NEW.parent"
    "  OR EXISTS(SELECT 1 FROM parent WHERE tensor = NEW.parent)"
    "  OR EXISTS(SELECT 1 FROM parent WHERE parent = NEW.tensor)"
    " BEGIN SELECT RAISE(ABORT, 'the base of a delta must be stored whole'); END;"
    "CREATE TABLE file(id INTEGER PRIMARY KEY, nbytes INTEGER NOT NULL, sha256 BLOB NOT NULL,"
    " UNIQUE(nbytes, sha256));"
    "CREATE TABLE file_part(file INTEGER NOT NULL REFERENCES file(id),"
    " position INTEGER NOT NULL, kind INTEGER NOT NULL, name TEXT NOT NULL,"
    " dtype TEXT NOT NULL, shape TEXT NOT NULL, nbytes INTEGER NOT NULL,"
    " tensor INTEGER REFERENCES tensor(id), PRIMARY KEY(file, position)) WITHOUT ROWID;"
    "CREATE INDEX file_part_name ON file_part(file, name);"
    "CREATE INDEX file_part_tensor ON file_part(tensor);"
    "CREATE TABLE model(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
    " revision TEXT NOT NULL, manifest TEXT NOT NULL UNIQUE, manifest_hash BLOB NOT NULL,"
    " base TEXT, found INTEGER NOT NULL, added INTEGER NOT NULL,"
    " stored_bytes INTEGER NOT NULL, UNIQUE(name, revision));"
    "CREATE TABLE model_file(model INTEGER NOT NULL REFERENCES model(id), path TEXT NOT NULL,"
    " file INTEGER REFERENCES file(id), PRIMARY KEY(model, path)) WITHOUT ROWID;"
    "CREATE INDEX model_file_file ON model_file(file);"
    "CREATE TABLE sketch(tensor INTEGER NOT NULL REFERENCES tensor(id),"
    " version INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(tensor, version)) WITHOUT ROWID;"
    "CREATE TABLE probe(model INTEGER PRIMARY KEY REFERENCES model(id), version INTEGER NOT NULL,"
    " data BLOB NOT NULL);"
    "COMMIT;";

#define TENSOR_COLUMNS                                                                             \
    "t.id, t.nbytes, t.hash, t.ordinal, t.plain, t.dtype, t.pack, t.offset, t.length, "            \
    "t.\"check\", (SELECT p.parent FROM parent p WHERE p.tensor = t.id AND p.position = 0)"
#define MODEL_COLUMNS                                                                              \
    "id, name, revision, manifest, manifest_hash, base, found, added, stored_bytes"
#define PART_COLUMNS "kind, name, dtype, shape, nbytes, tensor"
/* Needed by no file, neither itself nor as the base of a tensor that is. */
#define DEAD                                                                                       \
    "NOT EXISTS(SELECT 1 FROM file_part f WHERE f.tensor = t.id) AND "                             \
    "NOT EXISTS(SELECT 1 FROM parent p JOIN file_part f ON f.tensor = p.tensor "                   \
    "WHERE p.parent = t.id)"

static const char *const queries[ZIPLLM_Q_COUNT] = {
    [ZIPLLM_Q_BEGIN] = "BEGIN IMMEDIATE",
    [ZIPLLM_Q_BEGIN_READ] = "BEGIN",
    [ZIPLLM_Q_COMMIT] = "COMMIT",
    [ZIPLLM_Q_ROLLBACK] = "ROLLBACK",
    [ZIPLLM_Q_TENSOR_BY_ID] = "SELECT " TENSOR_COLUMNS " FROM tensor t WHERE t.id = ?1",
    [ZIPLLM_Q_TENSOR_BY_HASH] = "SELECT " TENSOR_COLUMNS " FROM tensor t WHERE t.hash = ?2 AND "
                                "t.nbytes = ?1 AND t.ordinal >= ?3 ORDER BY t.ordinal LIMIT 1",
    [ZIPLLM_Q_MODEL_TENSOR] =
        "SELECT " TENSOR_COLUMNS ", f.dtype, f.shape FROM model_file m "
        "CROSS JOIN file_part f ON f.file = m.file AND f.name = ?2 AND f.kind = 0 "
        "JOIN tensor t ON t.id = f.tensor WHERE m.model = ?1 LIMIT 1",
    [ZIPLLM_Q_TENSOR_MODEL] = "SELECT name, revision FROM model WHERE id = (SELECT min(m.model) "
                              "FROM file_part f JOIN model_file m ON m.file = f.file "
                              "WHERE f.tensor = ?1)",
    [ZIPLLM_Q_PACK_BY_ID] = "SELECT id, nbytes, name FROM pack WHERE id = ?1",
    [ZIPLLM_Q_MODEL_EXACT] =
        "SELECT " MODEL_COLUMNS " FROM model WHERE name = ?1 AND revision = ?2",
    [ZIPLLM_Q_MODEL_LAST] =
        "SELECT " MODEL_COLUMNS " FROM model WHERE name = ?1 ORDER BY id DESC LIMIT 1",
    [ZIPLLM_Q_MODEL_COUNT] = "SELECT count(*) FROM model WHERE name = ?1",
    [ZIPLLM_Q_FILE_BY_SHA] = "SELECT id FROM file WHERE nbytes = ?1 AND sha256 = ?2",
    [ZIPLLM_Q_FILE_BY_LENGTH] = "SELECT 1 FROM file WHERE nbytes = ?1 LIMIT 1",
    [ZIPLLM_Q_PUT_PACK] = "INSERT INTO pack(name, nbytes) VALUES(?1, ?2)",
    [ZIPLLM_Q_PUT_TENSOR] =
        "INSERT INTO tensor(nbytes, hash, ordinal, plain, dtype, pack, offset, length, "
        "\"check\") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [ZIPLLM_Q_PUT_PARENT] = "INSERT INTO parent(tensor, position, parent) VALUES(?1, 0, ?2)",
    [ZIPLLM_Q_PUT_FILE] = "INSERT INTO file(nbytes, sha256) VALUES(?1, ?2)",
    [ZIPLLM_Q_PUT_PART] = "INSERT INTO file_part(file, position, kind, name, dtype, shape, nbytes, "
                          "tensor) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [ZIPLLM_Q_PUT_MODEL] =
        "INSERT INTO model(name, revision, manifest, manifest_hash, base, found, added, "
        "stored_bytes, id) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [ZIPLLM_Q_PUT_MODEL_FILE] = "INSERT INTO model_file(model, path, file) VALUES(?1, ?2, ?3)",
    [ZIPLLM_Q_DELETE_MODEL_FILES] = "DELETE FROM model_file WHERE model = ?1",
    [ZIPLLM_Q_DELETE_MODEL] = "DELETE FROM model WHERE id = ?1",
    [ZIPLLM_Q_DELETE_PARTS] = "DELETE FROM file_part WHERE file IN (SELECT id FROM file WHERE "
                              "id NOT IN (SELECT file FROM model_file WHERE file IS NOT NULL))",
    [ZIPLLM_Q_DELETE_FILES] = "DELETE FROM file WHERE id NOT IN "
                              "(SELECT file FROM model_file WHERE file IS NOT NULL)",
    [ZIPLLM_Q_MODELS] = "SELECT " MODEL_COLUMNS " FROM model ORDER BY name, revision",
    [ZIPLLM_Q_MODEL_TOTALS] =
        "SELECT count(*), ifnull(sum((SELECT count(*) FROM file_part p WHERE p.file = f.id AND "
        "p.kind = 0)), 0), ifnull(sum(f.nbytes), 0) FROM model_file m JOIN file f ON "
        "f.id = m.file WHERE m.model = ?1",
    [ZIPLLM_Q_MODEL_FILES] = "SELECT m.path, ifnull(m.file, 0), f.nbytes, f.sha256 FROM model_file "
                             "m LEFT JOIN file f ON f.id = m.file WHERE m.model = ?1 "
                             "ORDER BY m.path",
    [ZIPLLM_Q_MODEL_FILE] = "SELECT m.path, ifnull(m.file, 0), f.nbytes, f.sha256 FROM model_file "
                            "m LEFT JOIN file f ON f.id = m.file WHERE m.model = ?1 AND "
                            "m.path = ?2",
    [ZIPLLM_Q_FILE_PARTS] =
        "SELECT " PART_COLUMNS " FROM file_part WHERE file = ?1 ORDER BY position",
    [ZIPLLM_Q_TENSOR_USES] = "SELECT count(*) FROM file_part f JOIN model_file m ON "
                             "m.file = f.file WHERE f.tensor = ?1",
    [ZIPLLM_Q_TENSOR_USERS] =
        "SELECT m.id, m.name, m.revision, f.path, p.name FROM file_part p JOIN model_file f ON "
        "f.file = p.file JOIN model m ON m.id = f.model WHERE p.tensor = ?1 OR p.tensor IN "
        "(SELECT tensor FROM parent WHERE parent = ?1) ORDER BY m.name, m.revision, f.path",
    [ZIPLLM_Q_PACK_USERS] =
        "SELECT m.id, m.name, m.revision FROM model m WHERE EXISTS(SELECT 1 FROM model_file f "
        "JOIN file_part p ON p.file = f.file JOIN tensor t ON t.id = p.tensor LEFT JOIN parent b "
        "ON b.tensor = t.id LEFT JOIN tensor u ON u.id = b.parent WHERE f.model = m.id AND "
        "(t.pack = ?1 OR u.pack = ?1)) ORDER BY m.name, m.revision",
    [ZIPLLM_Q_TENSOR_USED] = "SELECT EXISTS(SELECT 1 FROM file_part WHERE tensor = ?1)",
    [ZIPLLM_Q_FILE_USERS] =
        "SELECT m.id, m.name, m.revision, f.path FROM model_file f JOIN model m ON "
        "m.id = f.model WHERE f.file = ?1 ORDER BY m.name, m.revision, f.path",
    [ZIPLLM_Q_STAT] =
        "SELECT (SELECT count(*) FROM model), (SELECT count(*) FROM model_file WHERE file IS NOT "
        "NULL), (SELECT count(*) FROM model_file m JOIN file_part p ON p.file = m.file WHERE "
        "p.kind = 0), (SELECT count(DISTINCT tensor) FROM file_part WHERE kind = 0), "
        "(SELECT count(*) FROM parent p WHERE EXISTS(SELECT 1 FROM file_part f WHERE "
        "f.tensor = p.tensor AND f.kind = 0)), (SELECT ifnull(sum(f.nbytes), 0) FROM model_file m "
        "JOIN file f ON f.id = m.file)",
    /* Of packs less header and trailer (128) all but the frames that are needed and their entries
       (112): also frames that no row points to, those of a lost race or a promotion. */
    [ZIPLLM_Q_DEAD_BYTES] =
        "SELECT ifnull((SELECT sum(k.nbytes - 128) FROM pack k), 0) - "
        "ifnull((SELECT sum(t.length + 112) FROM tensor t WHERE NOT (" DEAD ")), 0)",
    [ZIPLLM_Q_FILE] =
        "SELECT nbytes, sha256, (SELECT count(*) FROM file_part p WHERE p.file = f.id "
        "AND p.kind = 0) FROM file f WHERE id = ?1",
    [ZIPLLM_Q_PACK_IDS] = "SELECT id FROM pack ORDER BY id",
    [ZIPLLM_Q_PACK_COUNT] = "SELECT count(*) FROM tensor WHERE pack = ?1",
    [ZIPLLM_Q_PACKS] =
        "SELECT k.id, k.name, k.nbytes, (SELECT ifnull(sum(t.length), 0) FROM tensor t WHERE "
        "t.pack = k.id), (SELECT count(*) FROM tensor t WHERE t.pack = k.id) FROM pack k "
        "ORDER BY k.id",
    [ZIPLLM_Q_PACK_TENSORS] =
        "SELECT " TENSOR_COLUMNS " FROM tensor t WHERE t.pack = ?1 ORDER BY t.offset",
    [ZIPLLM_Q_TENSOR_AT] =
        "SELECT " TENSOR_COLUMNS " FROM tensor t WHERE t.pack = ?1 AND t.offset = ?2",
    [ZIPLLM_Q_NOT_STANDALONE] =
        "SELECT p.tensor, p.parent FROM parent p JOIN parent q ON q.tensor = p.parent",
    [ZIPLLM_Q_MANIFESTS] = "SELECT manifest FROM model",
    [ZIPLLM_Q_MANIFEST_MODEL] = "SELECT id FROM model WHERE manifest = ?1",
    [ZIPLLM_Q_PACK_BY_NAME] = "SELECT id FROM pack WHERE name = ?1",
    [ZIPLLM_Q_MOVE_TENSOR] = "UPDATE tensor SET pack = ?2, offset = ?3 WHERE id = ?1",
    [ZIPLLM_Q_DELETE_DEAD_PARENTS] = "DELETE FROM parent WHERE tensor IN (SELECT t.id FROM tensor "
                                     "t WHERE " DEAD ")",
    [ZIPLLM_Q_DELETE_DEAD_SKETCHES] = "DELETE FROM sketch WHERE tensor IN (SELECT t.id FROM tensor "
                                      "t WHERE " DEAD ")",
    [ZIPLLM_Q_DELETE_DEAD_TENSORS] =
        "DELETE FROM tensor WHERE id IN (SELECT t.id FROM tensor t WHERE " DEAD ")",
    [ZIPLLM_Q_DELETE_EMPTY_PACKS] = "DELETE FROM pack WHERE id NOT IN (SELECT pack FROM tensor)",
    [ZIPLLM_Q_PUT_SKETCH] =
        "INSERT OR IGNORE INTO sketch(tensor, version, data) VALUES(?1, ?2, ?3)",
    [ZIPLLM_Q_SKETCH] = "SELECT data FROM sketch WHERE tensor = ?1 AND version = ?2",
    [ZIPLLM_Q_PUT_PROBES] = "INSERT OR REPLACE INTO probe(model, version, data) VALUES(?1, ?2, ?3)",
    [ZIPLLM_Q_PROBES] = "SELECT model, data FROM probe WHERE version = ?1",
    [ZIPLLM_Q_DELETE_PROBES] = "DELETE FROM probe WHERE model = ?1",
    [ZIPLLM_Q_MODEL_BY_ID] = "SELECT " MODEL_COLUMNS " FROM model WHERE id = ?1",
    [ZIPLLM_Q_MODEL_OWN] =
        "SELECT " TENSOR_COLUMNS " FROM tensor t WHERE t.id IN (SELECT f.tensor FROM model_file m "
        "JOIN file_part f ON f.file = m.file WHERE m.model = ?1) AND "
        "(SELECT min(m.model) FROM file_part f JOIN model_file m ON m.file = f.file "
        "WHERE f.tensor = t.id) = ?1",
    [ZIPLLM_Q_SKETCHED] =
        "SELECT " TENSOR_COLUMNS ", min(f.name) AS name, f.shape FROM sketch s "
        "JOIN tensor t ON t.id = s.tensor JOIN file_part f ON f.tensor = t.id AND f.kind = 0 "
        "WHERE s.version = ?1 GROUP BY t.id ORDER BY name, t.dtype, t.nbytes, t.id",
    [ZIPLLM_Q_CHILDREN] = "SELECT count(*) FROM parent WHERE parent = ?1",
    [ZIPLLM_Q_DELETE_PARENT] = "DELETE FROM parent WHERE tensor = ?1",
    [ZIPLLM_Q_REPLACE_FRAME] =
        "UPDATE tensor SET pack = ?2, offset = ?3, length = ?4, \"check\" = ?5 WHERE id = ?1",
    [ZIPLLM_Q_MODEL_GREW] =
        "UPDATE model SET stored_bytes = max(0, stored_bytes + ?2) WHERE id = "
        "(SELECT min(m.model) FROM file_part f JOIN model_file m ON m.file = f.file "
        "WHERE f.tensor = ?1)",
    [ZIPLLM_Q_INTEGRITY] = "PRAGMA integrity_check(1)",
    [ZIPLLM_Q_VACUUM] = "PRAGMA incremental_vacuum",
};

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

static zipllm_status open_db(const char *path, int flags, bool immutable, zipllm_index **out,
                             zipllm_error *error)
{
    zipllm_index *index = calloc(1, sizeof *index);
    char *uri = sqlite3_mprintf("%s", path);
    if (immutable && uri != NULL) {
        /* In a URI these must be escaped; "file:" + path with %-escapes. */
        sqlite3_str *text = sqlite3_str_new(NULL);
        sqlite3_str_appendall(text, path[0] == '/' ? "file://" : "file:");
        for (const char *c = path; *c != '\0'; c++) {
            if (*c == '?' || *c == '#' || *c == '%')
                sqlite3_str_appendf(text, "%%%02x", (unsigned char)*c);
            else
                sqlite3_str_appendchar(text, 1, *c);
        }
        sqlite3_str_appendall(text, "?immutable=1");
        sqlite3_free(uri);
        uri = sqlite3_str_finish(text);
        flags |= SQLITE_OPEN_URI;
    }
    if (index == NULL || uri == NULL || (index->path = strdup(path)) == NULL) {
        free(index);
        sqlite3_free(uri);
        return zipllm_fail_memory(error, sizeof *index);
    }

    const int code = sqlite3_open_v2(uri, &index->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
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

zipllm_status zipllm_index_create(const char *path, zipllm_error *error)
{
    zipllm_index *index;
    zipllm_status status =
        open_db(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, false, &index, error);
    if (status != ZIPLLM_OK)
        return status;
    status = execute(index, schema, error);
    if (sqlite3_close(index->db) != SQLITE_OK && status == ZIPLLM_OK)
        status = fail(index, error);
    else
        index->db = NULL;
    zipllm_index_close(index);
    return status;
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
        if (sqlite3_prepare_v3(index->db, queries[query], -1, SQLITE_PREPARE_PERSISTENT, statement,
                               NULL) != SQLITE_OK) {
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

static zipllm_status run_query(zipllm_index *index, zipllm_query query, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, query, error);
    return s != NULL ? zipllm_index_run(index, s, error) : ZIPLLM_ERROR;
}

zipllm_status zipllm_index_begin(zipllm_index *index, zipllm_error *error)
{
    return run_query(index, ZIPLLM_Q_BEGIN, error);
}

zipllm_status zipllm_index_begin_read(zipllm_index *index, zipllm_error *error)
{
    return run_query(index, ZIPLLM_Q_BEGIN_READ, error);
}

zipllm_status zipllm_index_commit(zipllm_index *index, zipllm_error *error)
{
    return run_query(index, ZIPLLM_Q_COMMIT, error);
}

void zipllm_index_rollback(zipllm_index *index)
{
    if (!sqlite3_get_autocommit(index->db))
        (void)run_query(index, ZIPLLM_Q_ROLLBACK, NULL);
}

/* ---- rows ------------------------------------------------------------------------------------ */

void zipllm_index_bytes(sqlite3_stmt *s, int column, uint8_t *dst, size_t nbytes)
{
    memset(dst, 0, nbytes);
    if (sqlite3_column_bytes(s, column) == (int)nbytes)
        memcpy(dst, sqlite3_column_blob(s, column), nbytes);
}

static const char *text_of(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text != NULL ? text : "";
}

void zipllm_index_tensor_columns(sqlite3_stmt *s, zipllm_tensor_row *row)
{
    row->id = sqlite3_column_int64(s, 0);
    row->nbytes = (uint64_t)sqlite3_column_int64(s, 1);
    zipllm_index_bytes(s, 2, row->hash, sizeof row->hash);
    row->ordinal = (uint32_t)sqlite3_column_int64(s, 3);
    zipllm_index_bytes(s, 4, row->plain, sizeof row->plain);
    row->dtype = (uint32_t)sqlite3_column_int64(s, 5);
    row->pack = sqlite3_column_int64(s, 6);
    row->offset = (uint64_t)sqlite3_column_int64(s, 7);
    row->length = (uint64_t)sqlite3_column_int64(s, 8);
    row->check = (uint64_t)sqlite3_column_int64(s, 9);
    row->parent = sqlite3_column_int64(s, 10);
}

void zipllm_index_part_columns(sqlite3_stmt *s, zipllm_part_row *part)
{
    part->kind = sqlite3_column_int(s, 0);
    part->name = text_of(s, 1);
    part->dtype = text_of(s, 2);
    part->shape = text_of(s, 3);
    part->nbytes = (uint64_t)sqlite3_column_int64(s, 4);
    part->tensor = sqlite3_column_int64(s, 5);
}

bool zipllm_index_model_columns(sqlite3_stmt *s, zipllm_model_row *row)
{
    memset(row, 0, sizeof *row);
    row->name = strdup(text_of(s, 1));
    row->revision = strdup(text_of(s, 2));
    row->manifest = strdup(text_of(s, 3));
    zipllm_index_bytes(s, 4, row->manifest_hash, sizeof row->manifest_hash);
    const bool has_base = sqlite3_column_type(s, 5) != SQLITE_NULL;
    if (has_base)
        row->base = strdup(text_of(s, 5));
    row->found = sqlite3_column_int(s, 6);
    row->added = sqlite3_column_int64(s, 7);
    row->stored_bytes = (uint64_t)sqlite3_column_int64(s, 8);
    if (row->name == NULL || row->revision == NULL || row->manifest == NULL ||
        (has_base && row->base == NULL)) {
        zipllm_model_row_free(row);
        return false;
    }
    row->id = sqlite3_column_int64(s, 0);
    return true;
}

void zipllm_model_row_free(zipllm_model_row *row)
{
    free(row->name);
    free(row->revision);
    free(row->manifest);
    free(row->base);
    memset(row, 0, sizeof *row);
}

/* One tensor row or none, of a bound statement. */
static zipllm_status one_tensor(zipllm_index *index, sqlite3_stmt *s, zipllm_tensor_row *row,
                                zipllm_error *error)
{
    const int step = zipllm_index_step(index, s, error);
    row->id = 0;
    if (step < 0)
        return ZIPLLM_ERROR;
    if (step > 0)
        zipllm_index_tensor_columns(s, row);
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_tensor(zipllm_index *index, int64_t id, zipllm_tensor_row *row,
                                  zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_TENSOR_BY_ID, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, id);
    return one_tensor(index, s, row, error);
}

zipllm_status zipllm_index_find_tensor(zipllm_index *index, uint64_t nbytes, const uint8_t *hash,
                                       uint32_t from, zipllm_tensor_row *row, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_TENSOR_BY_HASH, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)nbytes);
    (void)sqlite3_bind_blob(s, 2, hash, ZIPLLM_HASH_NBYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, from);
    return one_tensor(index, s, row, error);
}

zipllm_status zipllm_index_model_tensor(zipllm_index *index, int64_t model, const char *name,
                                        zipllm_tensor_row *row, char **dtype, char **shape,
                                        zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_MODEL_TENSOR, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, model);
    (void)sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
    row->id = 0;
    *dtype = *shape = NULL;
    const int step = zipllm_index_step(index, s, error);
    if (step <= 0)
        return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
    zipllm_index_tensor_columns(s, row);
    *dtype = strdup(text_of(s, 11));
    *shape = strdup(text_of(s, 12));
    zipllm_index_reset(s);
    if (*dtype == NULL || *shape == NULL) {
        free(*dtype);
        free(*shape);
        return zipllm_fail_memory(error, 1);
    }
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_tensor_model(zipllm_index *index, int64_t tensor, char **name,
                                        zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_TENSOR_MODEL, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, tensor);
    *name = NULL;
    const int step = zipllm_index_step(index, s, error);
    if (step <= 0)
        return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
    const char *model = text_of(s, 0), *revision = text_of(s, 1);
    const size_t nbytes = strlen(model) + strlen(revision) + 2;
    *name = malloc(nbytes);
    if (*name != NULL)
        (void)snprintf(*name, nbytes, "%s%s%s", model, *revision != '\0' ? "@" : "", revision);
    zipllm_index_reset(s);
    return *name != NULL ? ZIPLLM_OK : zipllm_fail_memory(error, nbytes);
}

zipllm_status zipllm_index_pack(zipllm_index *index, int64_t id, zipllm_pack_row *row,
                                zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PACK_BY_ID, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, id);
    row->id = 0;
    const int step = zipllm_index_step(index, s, error);
    if (step <= 0)
        return step < 0 ? ZIPLLM_ERROR : ZIPLLM_OK;
    row->id = sqlite3_column_int64(s, 0);
    row->nbytes = (uint64_t)sqlite3_column_int64(s, 1);
    (void)snprintf(row->name, sizeof row->name, "%s", text_of(s, 2));
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_model(zipllm_index *index, const char *name, const char *revision,
                                 zipllm_model_row *row, uint64_t *count, zipllm_error *error)
{
    memset(row, 0, sizeof *row);
    sqlite3_stmt *s = zipllm_index_query(
        index, revision != NULL ? ZIPLLM_Q_MODEL_EXACT : ZIPLLM_Q_MODEL_LAST, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    if (revision != NULL)
        (void)sqlite3_bind_text(s, 2, revision, -1, SQLITE_STATIC);
    const int step = zipllm_index_step(index, s, error);
    if (step < 0)
        return ZIPLLM_ERROR;
    if (count != NULL)
        *count = (uint64_t)step;
    if (step == 0)
        return ZIPLLM_OK;
    const bool copied = zipllm_index_model_columns(s, row);
    zipllm_index_reset(s);
    if (!copied)
        return zipllm_fail_memory(error, 1);
    if (count == NULL || revision != NULL)
        return ZIPLLM_OK;

    s = zipllm_index_query(index, ZIPLLM_Q_MODEL_COUNT, error);
    if (s != NULL)
        (void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    if (s == NULL || zipllm_index_step(index, s, error) < 0) {
        zipllm_model_row_free(row);
        return ZIPLLM_ERROR;
    }
    *count = (uint64_t)sqlite3_column_int64(s, 0);
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_find_file(zipllm_index *index, uint64_t nbytes, const uint8_t *sha256,
                                     int64_t *id, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_FILE_BY_SHA, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)nbytes);
    (void)sqlite3_bind_blob(s, 2, sha256, ZIPLLM_SHA256_NBYTES, SQLITE_STATIC);
    const int step = zipllm_index_step(index, s, error);
    if (step < 0)
        return ZIPLLM_ERROR;
    *id = step > 0 ? sqlite3_column_int64(s, 0) : 0;
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_has_length(zipllm_index *index, uint64_t nbytes, bool *has,
                                      zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_FILE_BY_LENGTH, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)nbytes);
    const int step = zipllm_index_step(index, s, error);
    if (step < 0)
        return ZIPLLM_ERROR;
    *has = step > 0;
    zipllm_index_reset(s);
    return ZIPLLM_OK;
}

/* ---- inserts --------------------------------------------------------------------------------- */

static zipllm_status insert(zipllm_index *index, sqlite3_stmt *s, int64_t *id, zipllm_error *error)
{
    const zipllm_status status = zipllm_index_run(index, s, error);
    if (status == ZIPLLM_OK && id != NULL)
        *id = sqlite3_last_insert_rowid(index->db);
    return status;
}

zipllm_status zipllm_index_put_pack(zipllm_index *index, const char *name, uint64_t nbytes,
                                    int64_t *id, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_PACK, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 2, (int64_t)nbytes);
    return insert(index, s, id, error);
}

zipllm_status zipllm_index_put_tensor(zipllm_index *index, zipllm_tensor_row *row,
                                      zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_TENSOR, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)row->nbytes);
    (void)sqlite3_bind_blob(s, 2, row->hash, sizeof row->hash, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, row->ordinal);
    (void)sqlite3_bind_blob(s, 4, row->plain, sizeof row->plain, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 5, row->dtype);
    (void)sqlite3_bind_int64(s, 6, row->pack);
    (void)sqlite3_bind_int64(s, 7, (int64_t)row->offset);
    (void)sqlite3_bind_int64(s, 8, (int64_t)row->length);
    (void)sqlite3_bind_int64(s, 9, (int64_t)row->check);
    zipllm_status status = insert(index, s, &row->id, error);
    if (status != ZIPLLM_OK || row->parent == 0)
        return status;
    s = zipllm_index_query(index, ZIPLLM_Q_PUT_PARENT, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, row->id);
    (void)sqlite3_bind_int64(s, 2, row->parent);
    return insert(index, s, NULL, error);
}

zipllm_status zipllm_index_put_file(zipllm_index *index, uint64_t nbytes, const uint8_t *sha256,
                                    int64_t *id, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_FILE, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, (int64_t)nbytes);
    (void)sqlite3_bind_blob(s, 2, sha256, ZIPLLM_SHA256_NBYTES, SQLITE_STATIC);
    return insert(index, s, id, error);
}

zipllm_status zipllm_index_put_part(zipllm_index *index, int64_t file, uint64_t position,
                                    const zipllm_part_row *part, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_PART, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, file);
    (void)sqlite3_bind_int64(s, 2, (int64_t)position);
    (void)sqlite3_bind_int(s, 3, part->kind);
    (void)sqlite3_bind_text(s, 4, part->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 5, part->dtype, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 6, part->shape, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 7, (int64_t)part->nbytes);
    if (part->tensor != 0)
        (void)sqlite3_bind_int64(s, 8, part->tensor);
    return insert(index, s, NULL, error);
}

zipllm_status zipllm_index_put_model(zipllm_index *index, zipllm_model_row *row,
                                     zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_MODEL, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_text(s, 1, row->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 2, row->revision, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 3, row->manifest, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob(s, 4, row->manifest_hash, sizeof row->manifest_hash, SQLITE_STATIC);
    if (row->base != NULL)
        (void)sqlite3_bind_text(s, 5, row->base, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(s, 6, row->found);
    (void)sqlite3_bind_int64(s, 7, row->added);
    (void)sqlite3_bind_int64(s, 8, (int64_t)row->stored_bytes);
    if (row->id != 0)
        (void)sqlite3_bind_int64(s, 9, row->id);
    return insert(index, s, &row->id, error);
}

zipllm_status zipllm_index_put_model_file(zipllm_index *index, int64_t model, const char *path,
                                          int64_t file, zipllm_error *error)
{
    sqlite3_stmt *s = zipllm_index_query(index, ZIPLLM_Q_PUT_MODEL_FILE, error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    (void)sqlite3_bind_int64(s, 1, model);
    (void)sqlite3_bind_text(s, 2, path, -1, SQLITE_STATIC);
    if (file != 0)
        (void)sqlite3_bind_int64(s, 3, file);
    return insert(index, s, NULL, error);
}

zipllm_status zipllm_index_delete_model(zipllm_index *index, int64_t model, zipllm_error *error)
{
    static const zipllm_query steps[] = {ZIPLLM_Q_DELETE_MODEL_FILES, ZIPLLM_Q_DELETE_PROBES,
                                         ZIPLLM_Q_DELETE_MODEL};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        sqlite3_stmt *s = zipllm_index_query(index, steps[i], error);
        if (s == NULL)
            return ZIPLLM_ERROR;
        (void)sqlite3_bind_int64(s, 1, model);
        const zipllm_status status = zipllm_index_run(index, s, error);
        if (status != ZIPLLM_OK)
            return status;
    }
    return ZIPLLM_OK;
}

zipllm_status zipllm_index_delete_orphans(zipllm_index *index, zipllm_error *error)
{
    const zipllm_status status = run_query(index, ZIPLLM_Q_DELETE_PARTS, error);
    return status == ZIPLLM_OK ? run_query(index, ZIPLLM_Q_DELETE_FILES, error) : status;
}
