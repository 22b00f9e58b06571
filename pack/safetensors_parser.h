/*
 * safetensors_parser.h: what the files of the safetensors parser share.
 */
#ifndef ZIPLLM_SAFETENSORS_PARSER_H
#define ZIPLLM_SAFETENSORS_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json_pull.h"
#include "safetensors.h"

enum { ZIPLLM_ST_LENGTH_NBYTES = 8, ZIPLLM_ST_WINDOW_NBYTES = 16384, ZIPLLM_ST_TOKEN_MAX = 48 };

/* What a tensor's description says. */
typedef struct zipllm_st_info {
    bool unknown_dtype;
    bool overflow; /* the product of the shape passes 2^64 */
    bitx_dtype dtype;
    zipllm_json_text dtype_text;
    unsigned rank;
    uint64_t nelem;
    uint64_t offsets[2];
    uint64_t *dims; /* gets the shape, unless NULL */
} zipllm_st_info;

/*
 * serde first reads the whole object as plain JSON (the field is flattened), and looks at the
 * tensors afterwards. So a fault of syntax anywhere goes before the first fault of schema: the
 * latter is kept in `schema` while reading goes on.
 */
typedef struct zipllm_st_parser {
    zipllm_json json;
    zipllm_st *st;
    size_t cap;
    size_t max_tensors;
    zipllm_st_error schema; /* the first such fault; status OK: none yet */
    bool only_unknown_dtypes;
    zipllm_st_error hard; /* limits and memory: these end the parse */
    unsigned char window[ZIPLLM_ST_WINDOW_NBYTES];
} zipllm_st_parser;

/* Position in the header -> offset in the file. */
static inline uint64_t zipllm_st_file_offset(uint64_t pos)
{
    return ZIPLLM_ST_LENGTH_NBYTES + pos;
}

/* ---- safetensors_error.c ---- */

/* Fills *error and returns status. */
zipllm_st_status zipllm_st_fail(zipllm_st_error *error, zipllm_st_status status, uint64_t offset,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Text of a file as part of a message: printable ASCII, cut to fit. */
void zipllm_st_printable(char *dst, size_t cap, const char *bytes, size_t nbytes);
void zipllm_st_printable_text(char *dst, size_t cap, const zipllm_json_text *text);
/* Records a fault of schema, the first one only. */
void zipllm_st_schema_fault(zipllm_st_parser *p, uint64_t pos, const char *format, const char *a,
                            const char *b);
/* Passes over one value and says what it is, in serde_json's words. False on a fault of syntax. */
bool zipllm_st_describe(zipllm_st_parser *p, char *dst, size_t cap);
/* Passes over one value and records that it is of the wrong type. False on a fault of syntax. */
bool zipllm_st_wrong_type(zipllm_st_parser *p, const char *expected);
/* The same where serde reads straight from the text: the fault ends the parse. Arrays and objects
   are not read through first. Always false. */
bool zipllm_st_wrong_type_now(zipllm_st_parser *p, const char *expected);

/* ---- safetensors_tensor.c ---- */

/* One tensor's description. False on a fault of syntax. */
bool zipllm_st_read_tensor(zipllm_st_parser *p, zipllm_st_info *info);

/* ---- safetensors_order.c ---- */

/* Of several tensors with one name, keeps the last of the header. False: see p->hard. */
bool zipllm_st_drop_duplicates(zipllm_st_parser *p);
/* Sorts the entries by rising offsets. */
void zipllm_st_sort_by_offsets(zipllm_st *st);

/* ---- safetensors_check.c ---- */

/* Marks of an entry while the header is read; none is left in the entries of a good file. */
enum {
    ZIPLLM_ST_FLAG_OVERFLOW = 0x100,
    ZIPLLM_ST_FLAG_MISALIGNED = 0x200,
    ZIPLLM_ST_FLAG_SIZE = 0x400
};

/* What zipllm_st_validate() will say of this tensor, so that its shape need not be kept. */
unsigned zipllm_st_size_flags(const zipllm_st_info *info);
/* Do the tensors, sorted by their offsets, cover the data section? */
zipllm_st_status zipllm_st_validate(zipllm_st_parser *p, zipllm_st_error *error);

/* ---- safetensors.c ---- */

/* NULL when there is no memory for it; free() releases it. */
zipllm_st_parser *zipllm_st_parser_new(zipllm_st *st, size_t max_tensors);

#endif
