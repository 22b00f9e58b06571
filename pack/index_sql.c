/* The schema, and every statement that is ever run. */
#include "index_sql.h"

/*
 * The plain base (predictor 1) of a delta is stored whole. What is predicted (a merge, a cast, a
 * change of low rank) may have such deltas for bases, but nothing deeper: a tensor is at most
 * ZIPLLM_DEPTH_MAX steps away from whole ones. Both ends of a new edge are looked at.
 */
#define HAS_BASE(tensor_id) "EXISTS(SELECT 1 FROM parent WHERE tensor = " tensor_id ")"
#define TOO_DEEP                                                                                   \
    "NEW.tensor = NEW.parent OR (" HAS_BASE(                                                       \
        "NEW.parent") " AND (NEW.predictor < 2"                                                    \
                      " OR EXISTS(SELECT 1 FROM parent p WHERE p.tensor = NEW.parent "             \
                      "AND " HAS_BASE("p.parent") ")"                                              \
                                                  " OR EXISTS(SELECT 1 FROM parent WHERE parent "  \
                                                  "= NEW.tensor)))"                                \
                                                  " OR EXISTS(SELECT 1 FROM parent c WHERE "       \
                                                  "c.parent = NEW.tensor AND (c.predictor < 2"     \
                                                  "  OR EXISTS(SELECT 1 FROM parent d WHERE "      \
                                                  "d.parent = c.tensor)))"

/* Text columns that hold names are compared as bytes (the default collation). STRICT, so that the
 * integrity check sees a flipped type: an empty text that became an empty blob reads the same. */
const char zipllm_index_schema[] =
    "PRAGMA journal_mode=DELETE;"
    "PRAGMA auto_vacuum=INCREMENTAL;"
    "PRAGMA synchronous=EXTRA;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE schema_version(version INTEGER NOT NULL) STRICT;"
    "INSERT INTO schema_version VALUES(2);"
    "CREATE TABLE pack(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " nbytes INTEGER NOT NULL) STRICT;"
    "CREATE TABLE tensor(id INTEGER PRIMARY KEY, nbytes INTEGER NOT NULL, hash BLOB NOT NULL,"
    " ordinal INTEGER NOT NULL, plain BLOB NOT NULL, dtype INTEGER NOT NULL,"
    " pack INTEGER NOT NULL REFERENCES pack(id), offset INTEGER NOT NULL,"
    " length INTEGER NOT NULL, \"check\" INTEGER NOT NULL, UNIQUE(hash, nbytes, ordinal)) STRICT;"
    "CREATE INDEX tensor_pack ON tensor(pack, offset);"
    "CREATE TABLE parent(tensor INTEGER NOT NULL REFERENCES tensor(id),"
    " position INTEGER NOT NULL, parent INTEGER NOT NULL REFERENCES tensor(id),"
    " predictor INTEGER NOT NULL, PRIMARY KEY(tensor, position)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX parent_parent ON parent(parent);"
    "CREATE TRIGGER parent_insert BEFORE INSERT ON parent WHEN " TOO_DEEP
    " BEGIN SELECT RAISE(ABORT, 'too many frames between a tensor and a whole one'); END;"
    "CREATE TRIGGER parent_update BEFORE UPDATE ON parent WHEN " TOO_DEEP
    " BEGIN SELECT RAISE(ABORT, 'too many frames between a tensor and a whole one'); END;"
    "CREATE TABLE file(id INTEGER PRIMARY KEY, nbytes INTEGER NOT NULL, sha256 BLOB NOT NULL,"
    " UNIQUE(nbytes, sha256)) STRICT;"
    "CREATE TABLE file_part(file INTEGER NOT NULL REFERENCES file(id),"
    " position INTEGER NOT NULL, kind INTEGER NOT NULL, name TEXT NOT NULL,"
    " dtype TEXT NOT NULL, shape TEXT NOT NULL, nbytes INTEGER NOT NULL,"
    " tensor INTEGER REFERENCES tensor(id), PRIMARY KEY(file, position)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX file_part_name ON file_part(file, name);"
    "CREATE INDEX file_part_tensor ON file_part(tensor);"
    "CREATE TABLE model(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
    " revision TEXT NOT NULL, manifest TEXT NOT NULL UNIQUE, manifest_hash BLOB NOT NULL,"
    " base TEXT, found INTEGER NOT NULL, added INTEGER NOT NULL,"
    " stored_bytes INTEGER NOT NULL, UNIQUE(name, revision)) STRICT;"
    "CREATE TABLE model_file(model INTEGER NOT NULL REFERENCES model(id), path TEXT NOT NULL,"
    " file INTEGER REFERENCES file(id), PRIMARY KEY(model, path)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX model_file_file ON model_file(file);"
    "CREATE TABLE sketch(tensor INTEGER NOT NULL REFERENCES tensor(id),"
    " version INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(tensor, version)) WITHOUT ROWID, "
    "STRICT;"
    "CREATE TABLE probe(model INTEGER PRIMARY KEY REFERENCES model(id), version INTEGER NOT NULL,"
    " data BLOB NOT NULL) STRICT;"
    "COMMIT;";

#define TENSOR_COLUMNS                                                                             \
    "t.id, t.nbytes, t.hash, t.ordinal, t.plain, t.dtype, t.pack, t.offset, t.length, "            \
    "t.\"check\", (SELECT p.parent FROM parent p WHERE p.tensor = t.id AND p.position = 0), "      \
    "(SELECT p.predictor FROM parent p WHERE p.tensor = t.id AND p.position = 0), "                \
    "(SELECT count(*) FROM parent p WHERE p.tensor = t.id), "                                      \
    "(SELECT ifnull(max(1 + " HAS_BASE("p.parent") "), 0) FROM parent p WHERE p.tensor = t.id)"
#define MODEL_COLUMNS                                                                              \
    "id, name, revision, manifest, manifest_hash, base, found, added, stored_bytes"
#define PART_COLUMNS "kind, name, dtype, shape, nbytes, tensor"
/* Needed by no file, neither itself nor as a base of a tensor that is needed. */
#define DEAD                                                                                       \
    "t.id NOT IN (WITH RECURSIVE needed(id) AS (SELECT tensor FROM file_part "                     \
    "WHERE tensor IS NOT NULL UNION SELECT p.parent FROM parent p JOIN needed n "                  \
    "ON p.tensor = n.id) SELECT id FROM needed)"
/* The tensors of a query, and all that are coded against them, however many steps away. */
#define AND_CODED_AGAINST(query)                                                                   \
    "(WITH RECURSIVE hit(id) AS (" query " UNION SELECT p.tensor FROM parent p JOIN hit h "        \
    "ON p.parent = h.id) SELECT id FROM hit)"

/* Are bytes of the file in no pack? repair.c leaves such files. */
#define IS_LOST(file_id)                                                                           \
    "EXISTS(SELECT 1 FROM file_part p WHERE p.file = " file_id                                     \
    " AND p.tensor IS NULL AND p.nbytes > 0)"
#define FRAME_COLUMNS "nbytes, hash, ordinal, plain, dtype, pack, offset, length, \"check\""
#define SAME_KEY(a, b)                                                                             \
    a ".hash = " b ".hash AND " a ".nbytes = " b ".nbytes AND " a ".ordinal = " b ".ordinal"

/* Rows of one database that the other has not. */
#define MISSING(table, in, from, same)                                                             \
    "SELECT count(*) FROM " in "." table " a WHERE NOT EXISTS(SELECT 1 FROM " from "." table       \
    " b WHERE " same ")"
#define MODEL_SAME                                                                                 \
    "b.name = a.name AND b.revision = a.revision AND b.manifest = a.manifest AND "                 \
    "b.manifest_hash = a.manifest_hash"
#define TENSOR_SAME SAME_KEY("b", "a") " AND b.\"check\" = a.\"check\""
#define PACK_SAME "b.name = a.name AND b.nbytes = a.nbytes"

/* Of repair: every frame of the packs, and the bases that the headers of deltas name. */
const char zipllm_index_frames_schema[] =
    "CREATE TEMP TABLE frame(id INTEGER PRIMARY KEY, nbytes INTEGER, hash BLOB, ordinal INTEGER,"
    " plain BLOB, dtype INTEGER, pack INTEGER, offset INTEGER, length INTEGER, \"check\" INTEGER,"
    " nparents INTEGER, predictor INTEGER, parent_hash BLOB, parent_nbytes INTEGER,"
    " parent_ordinal INTEGER);"
    "CREATE INDEX temp.frame_key ON frame(hash, nbytes, ordinal);"
    "CREATE INDEX temp.frame_plain ON frame(plain, nbytes);"
    "CREATE TEMP TABLE frame_base(frame INTEGER, position INTEGER, plain BLOB,"
    " nbytes INTEGER, PRIMARY KEY(frame, position)) WITHOUT ROWID;";

const char *const zipllm_index_queries[ZIPLLM_Q_COUNT] = {
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
    /* From the models on: of 10,000 models one key of each is looked up, not all their files. */
    [ZIPLLM_Q_ADAPTERS] = "SELECT m.id FROM model m CROSS JOIN model_file f ON f.model = m.id AND "
                          "f.path = 'adapter_model.safetensors' ORDER BY m.id DESC LIMIT ?1",
    [ZIPLLM_Q_TENSOR_MODEL] = "SELECT name, revision FROM model WHERE id = (SELECT min(m.model) "
                              "FROM file_part f JOIN model_file m ON m.file = f.file "
                              "WHERE f.tensor = ?1)",
    [ZIPLLM_Q_PACK_BY_ID] = "SELECT id, nbytes, name FROM pack WHERE id = ?1",
    [ZIPLLM_Q_MODEL_EXACT] =
        "SELECT " MODEL_COLUMNS " FROM model WHERE name = ?1 AND revision = ?2",
    [ZIPLLM_Q_MODEL_LAST] =
        "SELECT " MODEL_COLUMNS " FROM model WHERE name = ?1 ORDER BY id DESC LIMIT 1",
    [ZIPLLM_Q_MODEL_COUNT] = "SELECT count(*) FROM model WHERE name = ?1",
    [ZIPLLM_Q_FILE_BY_SHA] =
        "SELECT id FROM file f WHERE nbytes = ?1 AND sha256 = ?2 AND NOT (" IS_LOST("f.id") ")",
    [ZIPLLM_Q_LOST_FILE] =
        "SELECT id FROM file f WHERE nbytes = ?1 AND sha256 = ?2 AND " IS_LOST("f.id"),
    [ZIPLLM_Q_DELETE_FILE_PARTS] = "DELETE FROM file_part WHERE file = ?1",
    [ZIPLLM_Q_ANY_LOST] = "SELECT EXISTS(SELECT 1 FROM file_part WHERE tensor IS NULL AND "
                          "nbytes > 0)",
    [ZIPLLM_Q_FILE_BY_LENGTH] = "SELECT 1 FROM file WHERE nbytes = ?1 LIMIT 1",
    [ZIPLLM_Q_PUT_PACK] = "INSERT INTO pack(name, nbytes) VALUES(?1, ?2)",
    [ZIPLLM_Q_PUT_TENSOR] =
        "INSERT INTO tensor(nbytes, hash, ordinal, plain, dtype, pack, offset, length, "
        "\"check\") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [ZIPLLM_Q_PUT_PARENT] =
        "INSERT INTO parent(tensor, position, parent, predictor) VALUES(?1, ?2, ?3, ?4)",
    [ZIPLLM_Q_PARENTS] =
        "SELECT position, parent, predictor FROM parent WHERE tensor = ?1 ORDER BY position",
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
        "f.file = p.file JOIN model m ON m.id = f.model WHERE p.tensor IN " AND_CODED_AGAINST(
            "VALUES(?1)") " ORDER BY m.name, m.revision, f.path",
    [ZIPLLM_Q_PACK_USERS] =
        "SELECT m.id, m.name, m.revision FROM model m WHERE EXISTS(SELECT 1 FROM model_file f "
        "JOIN file_part p ON p.file = f.file WHERE f.model = m.id AND p.tensor "
        "IN " AND_CODED_AGAINST(
            "SELECT id FROM tensor WHERE pack = ?1") ") ORDER BY m.name, m.revision",
    [ZIPLLM_Q_TENSOR_USED] = "SELECT EXISTS(SELECT 1 FROM file_part WHERE tensor = ?1)",
    [ZIPLLM_Q_FILE_USERS] =
        "SELECT m.id, m.name, m.revision, f.path FROM model_file f JOIN model m ON "
        "m.id = f.model WHERE f.file = ?1 ORDER BY m.name, m.revision, f.path",
    [ZIPLLM_Q_STAT] =
        "SELECT (SELECT count(*) FROM model), (SELECT count(*) FROM model_file WHERE file IS NOT "
        "NULL), (SELECT count(*) FROM model_file m JOIN file_part p ON p.file = m.file WHERE "
        "p.kind = 0), (SELECT count(DISTINCT tensor) FROM file_part WHERE kind = 0), "
        "(SELECT count(*) FROM parent p WHERE p.position = 0 AND EXISTS(SELECT 1 FROM file_part f "
        "WHERE f.tensor = p.tensor AND f.kind = 0)), (SELECT ifnull(sum(f.nbytes), 0) FROM "
        "model_file m "
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
    [ZIPLLM_Q_TOO_DEEP] =
        "SELECT p.tensor, p.parent FROM parent p JOIN parent q ON q.tensor = p.parent WHERE "
        "p.predictor < 2 OR EXISTS(SELECT 1 FROM parent r WHERE r.tensor = q.parent)",
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
    [ZIPLLM_Q_CHILDREN] = "SELECT count(DISTINCT tensor) FROM parent WHERE parent = ?1",
    [ZIPLLM_Q_DELETE_PARENT] = "DELETE FROM parent WHERE tensor = ?1",
    [ZIPLLM_Q_REPLACE_FRAME] =
        "UPDATE tensor SET pack = ?2, offset = ?3, length = ?4, \"check\" = ?5 WHERE id = ?1",
    [ZIPLLM_Q_MODEL_GREW] =
        "UPDATE model SET stored_bytes = max(0, stored_bytes + ?2) WHERE id = "
        "(SELECT min(m.model) FROM file_part f JOIN model_file m ON m.file = f.file "
        "WHERE f.tensor = ?1)",
    [ZIPLLM_Q_INTEGRITY] = "PRAGMA integrity_check(1)",
    [ZIPLLM_Q_VACUUM] = "PRAGMA incremental_vacuum",

    [ZIPLLM_Q_PUT_FRAME] = "INSERT INTO temp.frame(" FRAME_COLUMNS ", nparents, predictor, "
                           "parent_hash, parent_nbytes, parent_ordinal) VALUES(?1, ?2, ?3, ?4, "
                           "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    [ZIPLLM_Q_PUT_FRAME_BASE] =
        "INSERT INTO temp.frame_base(frame, position, plain, nbytes) VALUES(?1, ?2, ?3, ?4)",
    [ZIPLLM_Q_TAKE_WHOLE] =
        "INSERT INTO tensor(" FRAME_COLUMNS ") SELECT " FRAME_COLUMNS " FROM temp.frame f WHERE "
        "f.nparents = 0 AND f.id = (SELECT g.id FROM temp.frame g WHERE " SAME_KEY(
            "g", "f") " AND g.nparents = 0 ORDER BY g.length, g.id LIMIT 1) ORDER BY f.id",
    [ZIPLLM_Q_CODED_FRAMES] =
        "SELECT f.* FROM temp.frame f WHERE f.nparents > 0 AND NOT EXISTS(SELECT 1 FROM tensor t "
        "WHERE " SAME_KEY("t", "f") ") ORDER BY f.length, f.id",
    [ZIPLLM_Q_OTHER_FRAMES] = "SELECT f.*, t.id FROM temp.frame f JOIN tensor t ON " SAME_KEY(
        "t", "f") " WHERE NOT (t.pack = f.pack AND t.offset = f.offset) ORDER BY f.id",
    [ZIPLLM_Q_FRAME_BASES] =
        "SELECT position, plain, nbytes FROM temp.frame_base WHERE frame = ?1 ORDER BY position",
    [ZIPLLM_Q_TENSORS_BY_PLAIN] =
        "SELECT " TENSOR_COLUMNS " FROM tensor t WHERE t.id IN (SELECT u.id FROM temp.frame f JOIN "
        "tensor u ON " SAME_KEY("u", "f") " WHERE f.nbytes = ?1 AND f.plain = ?2) AND "
                                          "t.plain = ?2 ORDER BY t.id",
    [ZIPLLM_Q_STORED_BYTES] =
        "UPDATE model SET stored_bytes = stored_bytes + ifnull((SELECT sum(t.length + 112) + 128 "
        "FROM tensor t WHERE t.id IN (SELECT f.tensor FROM model_file m JOIN file_part f ON "
        "f.file = m.file WHERE m.model = model.id) AND (SELECT min(m.model) FROM file_part f "
        "JOIN model_file m ON m.file = f.file WHERE f.tensor = t.id) = model.id), 0)",
    [ZIPLLM_Q_LOST] =
        "SELECT m.id, m.name, m.revision, m.manifest, (SELECT count(*) FROM model_file f JOIN "
        "file_part p ON p.file = f.file WHERE f.model = m.id AND p.tensor IS NULL AND "
        "p.nbytes > 0) AS lost FROM model m ORDER BY m.id",
    [ZIPLLM_Q_TENSOR_NBYTES] = "SELECT ifnull(sum(nbytes), 0) FROM tensor WHERE id IN "
                               "(SELECT tensor FROM file_part WHERE kind = 0)",
    [ZIPLLM_Q_COUNTS] = "SELECT (SELECT count(*) FROM model), (SELECT count(*) FROM tensor), "
                        "(SELECT count(*) FROM pack)",
    [ZIPLLM_Q_ATTACH] = "ATTACH ?1 AS present",
    [ZIPLLM_Q_MODELS_CHANGED] =
        "SELECT (" MISSING("model", "main", "present",
                           MODEL_SAME) "), "
                                       "(" MISSING("model", "present", "main", MODEL_SAME) ")",
    [ZIPLLM_Q_TENSORS_CHANGED] =
        "SELECT (" MISSING("tensor", "main", "present",
                           TENSOR_SAME) "), "
                                        "(" MISSING("tensor", "present", "main", TENSOR_SAME) ")",
    [ZIPLLM_Q_PACKS_CHANGED] = "SELECT (" MISSING(
        "pack", "main", "present", PACK_SAME) "), "
                                              "(" MISSING("pack", "present", "main", PACK_SAME) ")",
    [ZIPLLM_Q_PRESENT_VERSION] = "SELECT version FROM present.schema_version",
};
