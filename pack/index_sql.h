/* index_sql.h: what the files of the index share. */
#ifndef ZIPLLM_INDEX_SQL_H
#define ZIPLLM_INDEX_SQL_H

#include <sqlite3.h>

#include "index.h"

struct zipllm_index {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[ZIPLLM_Q_COUNT];
};

extern const char zipllm_index_schema[];
extern const char zipllm_index_frames_schema[]; /* temporary tables */
extern const char *const zipllm_index_queries[ZIPLLM_Q_COUNT];

/* Runs a statement without parameters to its end. */
zipllm_status zipllm_index_run_query(zipllm_index *index, zipllm_query query, zipllm_error *error);

#endif
