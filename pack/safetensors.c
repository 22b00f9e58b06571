#include "safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors_parser.h"

/* ---- entries ----------------------------------------------------------------------------------
 */

static bool hard_limit(zipllm_st_parser *p, const zipllm_json_text *name, const char *what,
                       size_t limit)
{
    (void)zipllm_st_fail(&p->hard, ZIPLLM_ST_LIMIT, zipllm_st_file_offset(name->offset - 1),
                         "%s %zu", what, limit);
    return false;
}

static bool grow_entries(zipllm_st_parser *p)
{
    size_t cap = p->cap == 0 ? 64 : p->cap + p->cap / 2;
    zipllm_st_entry *entries;

    if (cap > p->max_tensors)
        cap = p->max_tensors;
    entries = realloc(p->st->entries, cap * sizeof *entries);
    if (entries == NULL) {
        (void)zipllm_st_fail(&p->hard, ZIPLLM_ST_MEMORY, zipllm_st_file_offset(p->json.pos),
                             "out of memory");
        return false;
    }
    p->st->entries = entries;
    p->cap = cap;
    return true;
}

static bool add_entry(zipllm_st_parser *p, const zipllm_json_text *name, uint64_t value_pos,
                      const zipllm_st_info *info)
{
    zipllm_st *st = p->st;

    if (name->nbytes > ZIPLLM_ST_NAME_MAX)
        return hard_limit(p, name, "a tensor name has more bytes than", ZIPLLM_ST_NAME_MAX);
    if (p->schema.status != ZIPLLM_ST_OK && !p->only_unknown_dtypes)
        return true; /* refused: only the verdict matters from here on */
    if (st->nentries == p->max_tensors)
        return hard_limit(p, name, "more tensors than", p->max_tensors);
    if (st->nentries == p->cap && !grow_entries(p))
        return false;
    st->entries[st->nentries++] = (zipllm_st_entry){
        .begin = info->offsets[0],
        .end = info->offsets[1],
        .name_hash = name->hash,
        .name_offset = (uint32_t)name->offset,
        .name_nbytes = (uint32_t)name->raw_nbytes,
        .value_offset = (uint32_t)value_pos,
        .dtype = (uint8_t)info->dtype,
        .rank = (uint8_t)info->rank,
        .flags = (uint16_t)zipllm_st_size_flags(info),
    };
    return true;
}

static bool read_named_tensor(zipllm_st_parser *p, const zipllm_json_text *name)
{
    zipllm_st_info info;
    uint64_t value_pos;

    memset(&info, 0, sizeof info);
    (void)zipllm_json_peek(&p->json);
    value_pos = p->json.pos;
    return zipllm_st_read_tensor(p, &info) && add_entry(p, name, value_pos, &info);
}

/* ---- the header -------------------------------------------------------------------------------
 */

static bool read_metadata(zipllm_st_parser *p)
{
    zipllm_json_text text;
    bool first = true;
    int more;

    if (zipllm_json_peek(&p->json) == 'n')
        return zipllm_json_skip(&p->json);
    if (zipllm_json_peek(&p->json) != '{')
        return zipllm_st_wrong_type_now(p, "a map");
    p->st->metadata_offset = p->json.pos;
    if (!zipllm_json_enter(&p->json))
        return false;
    while ((more = zipllm_json_next_key(&p->json, &first, &text)) > 0) {
        if (!zipllm_json_colon(&p->json))
            return false;
        if (zipllm_json_peek(&p->json) != '"')
            return zipllm_st_wrong_type_now(p, "a string");
        if (!zipllm_json_string(&p->json, &text))
            return false;
    }
    return more == 0;
}

static bool read_header(zipllm_st_parser *p)
{
    bool first = true, seen_metadata = false;
    zipllm_json_text key;
    int more;

    if (zipllm_json_peek(&p->json) != '{')
        return zipllm_st_wrong_type_now(p, "struct HashMetadata");
    if (!zipllm_json_enter(&p->json))
        return false;
    while ((more = zipllm_json_next_key(&p->json, &first, &key)) > 0) {
        if (!zipllm_json_text_is(&key, "__metadata__")) {
            if (!zipllm_json_colon(&p->json) || !read_named_tensor(p, &key))
                return false;
            continue;
        }
        if (seen_metadata)
            return zipllm_json_fail(&p->json, key.offset - 1, "duplicate field `__metadata__`");
        seen_metadata = true;
        if (!zipllm_json_colon(&p->json) || !read_metadata(p))
            return false;
    }
    if (more != 0)
        return false;
    if (p->schema.status != ZIPLLM_ST_OK && !p->only_unknown_dtypes)
        return true;
    if (zipllm_json_peek(&p->json) >= 0) {
        p->only_unknown_dtypes = false;
        if (p->schema.status == ZIPLLM_ST_OK)
            return zipllm_json_fail(&p->json, p->json.pos, "trailing characters");
    }
    return p->json.error == NULL;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static zipllm_st_status read_length(const bitx_source *source, zipllm_st *st,
                                    zipllm_st_error *error)
{
    unsigned char bytes[ZIPLLM_ST_LENGTH_NBYTES];
    uint64_t n = 0;
    unsigned i;

    if (st->file_nbytes < ZIPLLM_ST_LENGTH_NBYTES)
        return zipllm_st_fail(error, ZIPLLM_ST_HEADER_TOO_SMALL, 0,
                              "header too small: the file has %" PRIu64 " bytes, fewer than 8",
                              st->file_nbytes);
    if (source->read(source->user, 0, bytes, sizeof bytes) != 0)
        return zipllm_st_fail(error, ZIPLLM_ST_READ, 0, "cannot read");
    for (i = 0; i < ZIPLLM_ST_LENGTH_NBYTES; i++)
        n |= (uint64_t)bytes[i] << (8 * i);
    if (n > ZIPLLM_ST_HEADER_MAX)
        return zipllm_st_fail(error, ZIPLLM_ST_HEADER_TOO_LARGE, 0,
                              "header too large: %" PRIu64 " bytes, more than %d", n,
                              ZIPLLM_ST_HEADER_MAX);
    if (n > st->file_nbytes - ZIPLLM_ST_LENGTH_NBYTES)
        return zipllm_st_fail(error, ZIPLLM_ST_INVALID_HEADER_LENGTH, 0,
                              "invalid header length: %" PRIu64 " bytes, the file has %" PRIu64
                              " more",
                              n, st->file_nbytes - ZIPLLM_ST_LENGTH_NBYTES);
    st->header_nbytes = n;
    return ZIPLLM_ST_OK;
}

static zipllm_st_status json_error(const zipllm_st_parser *p, zipllm_st_error *error)
{
    if (p->json.read_failed)
        return zipllm_st_fail(error, ZIPLLM_ST_READ, zipllm_st_file_offset(p->json.error_pos),
                              "cannot read");
    if (p->json.error != NULL)
        return zipllm_st_fail(error, ZIPLLM_ST_INVALID_JSON,
                              zipllm_st_file_offset(p->json.error_pos),
                              "invalid JSON in header: %s", p->json.error);
    *error = p->hard;
    return error->status;
}

/* The first fault of schema, as an error of the whole file. */
static zipllm_st_status schema_error(const zipllm_st_parser *p, zipllm_st_status status,
                                     zipllm_st_error *error)
{
    return zipllm_st_fail(error, status, p->schema.offset, "invalid JSON in header: %.200s",
                          p->schema.message);
}

static zipllm_st_status parse(zipllm_st_parser *p, const bitx_source *source,
                              zipllm_st_error *error)
{
    zipllm_st *st = p->st;
    zipllm_st_status status = read_length(source, st, error);
    uint64_t bad = 0;

    if (status != ZIPLLM_ST_OK)
        return status;
    zipllm_json_init(&p->json, source, ZIPLLM_ST_LENGTH_NBYTES, st->header_nbytes, p->window,
                     sizeof p->window);
    if (!zipllm_json_check_utf8(&p->json, &bad)) {
        if (p->json.read_failed)
            return json_error(p, error);
        return zipllm_st_fail(error, ZIPLLM_ST_INVALID_HEADER, zipllm_st_file_offset(bad),
                              "invalid UTF-8 in header");
    }
    if (!read_header(p))
        return json_error(p, error);
    if (p->schema.status != ZIPLLM_ST_OK && !p->only_unknown_dtypes)
        return schema_error(p, ZIPLLM_ST_INVALID_JSON, error);
    if (!zipllm_st_drop_duplicates(p))
        return json_error(p, error);
    zipllm_st_sort_by_offsets(st);
    status = zipllm_st_validate(p, error);
    if (status == ZIPLLM_ST_READ || p->schema.status == ZIPLLM_ST_OK)
        return status;
    return schema_error(
        p, status == ZIPLLM_ST_OK ? ZIPLLM_ST_UNKNOWN_DTYPE : ZIPLLM_ST_INVALID_JSON, error);
}

zipllm_st_parser *zipllm_st_parser_new(zipllm_st *st, size_t max_tensors)
{
    zipllm_st_parser *p = malloc(sizeof *p);

    if (p == NULL)
        return NULL;
    memset(p, 0, sizeof *p);
    p->st = st;
    p->max_tensors = max_tensors == 0 ? ZIPLLM_ST_TENSORS_MAX : max_tensors;
    p->only_unknown_dtypes = true;
    return p;
}

zipllm_st_status zipllm_st_parse(const bitx_source *source, uint64_t file_nbytes,
                                 size_t max_tensors, zipllm_st *st, zipllm_st_error *error)
{
    zipllm_st_parser *p = zipllm_st_parser_new(st, max_tensors);
    zipllm_st_status status;

    memset(st, 0, sizeof *st);
    memset(error, 0, sizeof *error);
    if (p == NULL)
        return zipllm_st_fail(error, ZIPLLM_ST_MEMORY, 0, "out of memory");
    st->file_nbytes = file_nbytes;
    status = parse(p, source, error);
    free(p);
    if (status != ZIPLLM_ST_OK && status != ZIPLLM_ST_UNKNOWN_DTYPE)
        zipllm_st_free(st);
    return status;
}

void zipllm_st_free(zipllm_st *st)
{
    free(st->entries);
    memset(st, 0, sizeof *st);
}
