/*
 * safetensors_parser.h: the description of one tensor, in each of the forms that serde's derive
 * takes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "safetensors_parser.h"

/* One usize. False on a fault of syntax; *good says whether it was one. */
static bool read_usize(zipllm_st_parser *p, uint64_t *value, bool *good)
{
    int byte = zipllm_json_peek(&p->json);
    uint64_t pos = p->json.pos;
    zipllm_json_number_kind kind;
    char number[ZIPLLM_ST_TOKEN_MAX];

    *good = false;
    if (byte < '0' || byte > '9') {
        if (byte != '-')
            return zipllm_st_wrong_type(p, "usize");
    }
    if (!zipllm_json_number(&p->json, &kind, value))
        return false;
    if (kind == ZIPLLM_JSON_UNSIGNED) {
        *good = true;
        return true;
    }
    if (kind == ZIPLLM_JSON_NEGATIVE) {
        (void)snprintf(number, sizeof number, "-%" PRIu64, *value);
        zipllm_st_schema_fault(p, pos, "invalid value: integer `%s`, expected usize%s", number, "");
        return true;
    }
    p->json.pos = pos;
    return zipllm_st_wrong_type(p, "usize");
}

static bool read_shape(zipllm_st_parser *p, zipllm_st_info *info)
{
    bool first = true, good;
    uint64_t dim;
    int more;

    info->nelem = 1;
    if (zipllm_json_peek(&p->json) != '[')
        return zipllm_st_wrong_type(p, "a sequence");
    if (!zipllm_json_enter(&p->json))
        return false;
    while ((more = zipllm_json_next_element(&p->json, &first)) > 0) {
        if (!read_usize(p, &dim, &good))
            return false;
        if (info->rank == ZIPLLM_ST_RANK_MAX) {
            (void)zipllm_st_fail(&p->hard, ZIPLLM_ST_LIMIT, zipllm_st_file_offset(p->json.pos),
                                 "more than %d dimensions", ZIPLLM_ST_RANK_MAX);
            return false;
        }
        if (info->dims != NULL)
            info->dims[info->rank] = dim;
        info->rank++;
        if (dim != 0 && info->nelem > UINT64_MAX / dim)
            info->overflow = true;
        info->nelem *= dim;
    }
    return more == 0;
}

static bool read_offsets(zipllm_st_parser *p, zipllm_st_info *info)
{
    bool first = true, good = true;
    uint64_t count = 0, pos, value;
    char length[ZIPLLM_ST_TOKEN_MAX];
    int more;

    if (zipllm_json_peek(&p->json) != '[')
        return zipllm_st_wrong_type(p, "a tuple of size 2");
    pos = p->json.pos;
    if (!zipllm_json_enter(&p->json))
        return false;
    while ((more = zipllm_json_next_element(&p->json, &first)) > 0) {
        if (count >= 2 ? !zipllm_json_skip(&p->json) : !read_usize(p, &value, &good))
            return false;
        if (count < 2)
            info->offsets[count] = value;
        count++;
    }
    (void)snprintf(length, sizeof length, "%" PRIu64, count);
    if (more == 0 && count < 2)
        zipllm_st_schema_fault(p, pos, "invalid length %s, expected %s", length,
                               "a tuple of size 2");
    if (more == 0 && count > 2)
        zipllm_st_schema_fault(p, pos, "invalid length %s, expected %s", length,
                               "2 elements in sequence");
    return more == 0;
}

static void set_dtype(zipllm_st_parser *p, zipllm_st_info *info, uint64_t pos,
                      const zipllm_json_text *text)
{
    zipllm_st_error before = p->schema;
    bool only = p->only_unknown_dtypes;
    char shown[ZIPLLM_ST_TOKEN_MAX];

    info->dtype_text = *text;
    info->dtype = BITX_DTYPE_COUNT;
    if (text->nbytes <= sizeof text->head)
        info->dtype = bitx_dtype_parse(text->head, (size_t)text->nbytes);
    if (info->dtype > BITX_BYTES && info->dtype <= BITX_U64) /* those after it are not its */
        return;
    info->dtype = BITX_BYTES;
    info->unknown_dtype = true;
    zipllm_st_printable_text(shown, sizeof shown, text);
    zipllm_st_schema_fault(
        p, pos, "unknown variant `%s`, expected one of `BOOL`, `F4`, `F6_E2M3`, `F6_E3M2`, ...%s",
        shown, "");
    if (before.status == ZIPLLM_ST_OK)
        p->schema.status = ZIPLLM_ST_UNKNOWN_DTYPE;
    p->only_unknown_dtypes = only;
}

/* {"F32":null}: an externally tagged variant, as serde calls it. */
static bool read_dtype_map(zipllm_st_parser *p, zipllm_st_info *info)
{
    bool first = true;
    zipllm_json_text key, only_key;
    uint64_t count = 0, pos = p->json.pos, value_pos = 0;
    char found[2 * ZIPLLM_ST_TOKEN_MAX];
    int more;

    found[0] = '\0';
    if (!zipllm_json_enter(&p->json))
        return false;
    while ((more = zipllm_json_next_key(&p->json, &first, &key)) > 0) {
        if (!zipllm_json_colon(&p->json))
            return false;
        if (count++ > 0) {
            if (!zipllm_json_skip(&p->json))
                return false;
            continue;
        }
        only_key = key;
        (void)zipllm_json_peek(&p->json);
        value_pos = p->json.pos;
        if (!zipllm_st_describe(p, found, sizeof found))
            return false;
    }
    if (more != 0)
        return false;
    if (count != 1) {
        zipllm_st_schema_fault(p, pos, "invalid value: %s, expected %s", "map",
                               "map with a single key");
        return true;
    }
    set_dtype(p, info, pos, &only_key);
    if (strcmp(found, "null") != 0)
        zipllm_st_schema_fault(p, value_pos, "invalid type: %s, expected %s", found, "unit");
    return true;
}

static bool read_dtype(zipllm_st_parser *p, zipllm_st_info *info)
{
    int byte = zipllm_json_peek(&p->json);
    uint64_t pos = p->json.pos;
    zipllm_json_text text;

    if (byte == '{')
        return read_dtype_map(p, info);
    if (byte != '"')
        return zipllm_st_wrong_type(p, "string or map");
    if (!zipllm_json_string(&p->json, &text))
        return false;
    set_dtype(p, info, pos, &text);
    return true;
}

typedef bool (*field_reader)(zipllm_st_parser *p, zipllm_st_info *info);
static const char *const FIELD_NAMES[] = {"dtype", "shape", "data_offsets"};
static const field_reader FIELD_READERS[] = {read_dtype, read_shape, read_offsets};
enum { NFIELDS = 3 };

static unsigned field_of(const zipllm_json_text *key)
{
    unsigned i;

    for (i = 0; i < NFIELDS; i++)
        if (zipllm_json_text_is(key, FIELD_NAMES[i]))
            break;
    return i;
}

static bool read_tensor_map(zipllm_st_parser *p, zipllm_st_info *info)
{
    bool seen[NFIELDS] = {false, false, false}, first = true;
    uint64_t start = p->json.pos;
    zipllm_json_text key;
    unsigned field;
    int more;

    if (!zipllm_json_enter(&p->json))
        return false;
    while ((more = zipllm_json_next_key(&p->json, &first, &key)) > 0) {
        if (!zipllm_json_colon(&p->json))
            return false;
        field = field_of(&key);
        if (field < NFIELDS && !seen[field]) {
            seen[field] = true;
            if (!FIELD_READERS[field](p, info))
                return false;
            continue;
        }
        if (field < NFIELDS)
            zipllm_st_schema_fault(p, key.offset - 1, "duplicate field `%s`%s", FIELD_NAMES[field],
                                   "");
        if (!zipllm_json_skip(&p->json))
            return false;
    }
    for (field = 0; more == 0 && field < NFIELDS; field++)
        if (!seen[field])
            zipllm_st_schema_fault(p, start, "missing field `%s`%s", FIELD_NAMES[field], "");
    return more == 0;
}

/* The same as an array of three, which serde's derive takes as well. */
static bool read_tensor_seq(zipllm_st_parser *p, zipllm_st_info *info)
{
    uint64_t start = p->json.pos, count = 0;
    bool first = true;
    char length[ZIPLLM_ST_TOKEN_MAX];
    int more;

    if (!zipllm_json_enter(&p->json))
        return false;
    while ((more = zipllm_json_next_element(&p->json, &first)) > 0) {
        if (count < NFIELDS ? !FIELD_READERS[count](p, info) : !zipllm_json_skip(&p->json))
            return false;
        count++;
    }
    (void)snprintf(length, sizeof length, "%" PRIu64, count);
    if (more == 0 && count < NFIELDS)
        zipllm_st_schema_fault(p, start, "invalid length %s, expected %s", length,
                               "struct TensorInfo with 3 elements");
    if (more == 0 && count > NFIELDS)
        zipllm_st_schema_fault(p, start, "invalid length %s, expected %s", length,
                               "3 elements in sequence");
    return more == 0;
}

bool zipllm_st_read_tensor(zipllm_st_parser *p, zipllm_st_info *info)
{
    int byte = zipllm_json_peek(&p->json);

    if (byte == '{')
        return read_tensor_map(p, info);
    if (byte == '[')
        return read_tensor_seq(p, info);
    return zipllm_st_wrong_type(p, "struct TensorInfo");
}
