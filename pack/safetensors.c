#include "safetensors.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_pull.h"

enum { LENGTH_NBYTES = 8, WINDOW_NBYTES = 16384, TOKEN_MAX = 48, METADATA_TEXT_MAX = 4096 };

/* What a tensor's description says. */
typedef struct tensor_info {
    bool has_dtype, has_shape, has_offsets;
    bool unknown_dtype;
    bool overflow; /* the product of the shape passes 2^64 */
    bitx_dtype dtype;
    zipllm_json_text dtype_text;
    unsigned rank;
    uint64_t nelem;
    uint64_t offsets[2];
    uint64_t *dims; /* gets the shape, unless NULL */
} tensor_info;

/*
 * serde first reads the whole object as plain JSON (the field is flattened), and looks at the
 * tensors afterwards. So a fault of syntax anywhere goes before the first fault of schema: the
 * latter is kept in `schema` while reading goes on.
 */
typedef struct parser {
    zipllm_json json;
    zipllm_st *st;
    size_t cap;
    size_t max_tensors;
    zipllm_st_error schema; /* the first such fault; status OK: none yet */
    bool only_unknown_dtypes;
    zipllm_st_error hard; /* limits and memory: these end the parse */
    unsigned char window[WINDOW_NBYTES];
} parser;

static const char *const STATUS_NAMES[ZIPLLM_ST_STATUS_COUNT] = {
    [ZIPLLM_ST_OK] = "ok",
    [ZIPLLM_ST_UNKNOWN_DTYPE] = "InvalidHeaderDeserialization",
    [ZIPLLM_ST_HEADER_TOO_SMALL] = "HeaderTooSmall",
    [ZIPLLM_ST_HEADER_TOO_LARGE] = "HeaderTooLarge",
    [ZIPLLM_ST_INVALID_HEADER_LENGTH] = "InvalidHeaderLength",
    [ZIPLLM_ST_INVALID_HEADER] = "InvalidHeader",
    [ZIPLLM_ST_INVALID_JSON] = "InvalidHeaderDeserialization",
    [ZIPLLM_ST_INVALID_OFFSET] = "InvalidOffset",
    [ZIPLLM_ST_OVERFLOW] = "ValidationOverflow",
    [ZIPLLM_ST_MISALIGNED] = "MisalignedSlice",
    [ZIPLLM_ST_INVALID_INFO] = "TensorInvalidInfo",
    [ZIPLLM_ST_INCOMPLETE_BUFFER] = "MetadataIncompleteBuffer",
    [ZIPLLM_ST_LIMIT] = "limit",
    [ZIPLLM_ST_MEMORY] = "out of memory",
    [ZIPLLM_ST_READ] = "read error",
};

const char *zipllm_st_status_name(zipllm_st_status status)
{
    return (unsigned)status < ZIPLLM_ST_STATUS_COUNT ? STATUS_NAMES[status] : "?";
}

/* ---- errors -----------------------------------------------------------------------------------
 */

static zipllm_st_status set_error(zipllm_st_error *error, zipllm_st_status status, uint64_t offset,
                                  const char *format, ...) __attribute__((format(printf, 4, 5)));

static zipllm_st_status set_error(zipllm_st_error *error, zipllm_st_status status, uint64_t offset,
                                  const char *format, ...)
{
    va_list args;

    error->status = status;
    error->offset = offset;
    va_start(args, format);
    (void)vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return status;
}

/* Position in the header -> offset in the file. */
static uint64_t file_offset(uint64_t pos)
{
    return LENGTH_NBYTES + pos;
}

/* Text of a file as part of a message: printable ASCII, cut to fit. */
static void printable(char *dst, size_t cap, const char *bytes, size_t nbytes)
{
    size_t used = 0, i;

    for (i = 0; i < nbytes; i++) {
        unsigned char c = (unsigned char)bytes[i];
        bool plain = c >= 0x20 && c < 0x7F && c != '\\';
        if (used + (plain ? 1 : 4) + 4 > cap)
            break;
        if (plain)
            dst[used++] = (char)c;
        else
            used += (size_t)snprintf(dst + used, cap - used, "\\x%02x", c);
    }
    (void)snprintf(dst + used, cap - used, "%s", i < nbytes ? "..." : "");
}

static void printable_text(char *dst, size_t cap, const zipllm_json_text *text)
{
    size_t kept = text->nbytes < sizeof text->head ? (size_t)text->nbytes : sizeof text->head;
    size_t used;

    printable(dst, cap, text->head, kept);
    used = strlen(dst);
    if (text->nbytes > kept)
        (void)snprintf(dst + used, cap - used, "...");
}

/* Records a fault of schema, the first one only. */
static void schema_fault(parser *p, uint64_t pos, const char *format, const char *a, const char *b)
{
    p->only_unknown_dtypes = false;
    if (p->schema.status != ZIPLLM_ST_OK)
        return;
    p->schema.status = ZIPLLM_ST_INVALID_JSON;
    p->schema.offset = file_offset(pos);
    (void)snprintf(p->schema.message, sizeof p->schema.message, format, a, b);
}

/* ---- values of the wrong type -----------------------------------------------------------------
 */

static void describe_number(parser *p, char *dst, size_t cap)
{
    uint64_t start = p->json.pos, kept, value, i;
    zipllm_json_number_kind kind;
    char token[TOKEN_MAX];

    if (!zipllm_json_number(&p->json, &kind, &value))
        return;
    if (kind != ZIPLLM_JSON_FLOAT) {
        (void)snprintf(dst, cap, "integer `%s%" PRIu64 "`", kind == ZIPLLM_JSON_NEGATIVE ? "-" : "",
                       value);
        return;
    }
    kept = p->json.pos - start;
    if (kept >= sizeof token)
        kept = sizeof token - 1;
    for (i = 0; i < kept; i++)
        if (p->json.source->read(p->json.source->user, p->json.base + start + i, &token[i], 1) != 0)
            break;
    token[i] = '\0';
    (void)snprintf(dst, cap, "floating point `%s`", token);
}

/* Passes over one value and says what it is, in serde_json's words. False on a fault of syntax. */
static bool describe_value(parser *p, char *dst, size_t cap)
{
    int byte = zipllm_json_peek(&p->json);
    zipllm_json_text text;
    char shown[TOKEN_MAX];

    dst[0] = '\0';
    if (byte == '-' || (byte >= '0' && byte <= '9')) {
        describe_number(p, dst, cap);
        return p->json.error == NULL;
    }
    if (byte == '"') {
        if (!zipllm_json_string(&p->json, &text))
            return false;
        printable_text(shown, sizeof shown, &text);
        (void)snprintf(dst, cap, "string \"%s\"", shown);
        return true;
    }
    (void)snprintf(dst, cap, "%s",
                   byte == '{'   ? "map"
                   : byte == '[' ? "sequence"
                   : byte == 't' ? "boolean `true`"
                   : byte == 'f' ? "boolean `false`"
                                 : "null");
    return zipllm_json_skip(&p->json);
}

static bool wrong_type(parser *p, const char *expected)
{
    uint64_t pos;
    char found[2 * TOKEN_MAX];

    (void)zipllm_json_peek(&p->json);
    pos = p->json.pos;
    if (!describe_value(p, found, sizeof found))
        return false;
    schema_fault(p, pos, "invalid type: %s, expected %s", found, expected);
    return true;
}

/* The same where serde reads straight from the text: the fault ends the parse. Arrays and objects
   are not read through first. */
static bool wrong_type_now(parser *p, const char *expected)
{
    int byte = zipllm_json_peek(&p->json);
    uint64_t pos = p->json.pos;
    char found[2 * TOKEN_MAX];

    if (byte == '{' || byte == '[')
        (void)snprintf(found, sizeof found, "%s", byte == '{' ? "map" : "sequence");
    else if (!describe_value(p, found, sizeof found))
        return false;
    if (p->hard.status == ZIPLLM_ST_OK)
        (void)set_error(&p->hard, ZIPLLM_ST_INVALID_JSON, file_offset(pos),
                        "invalid type: %s, expected %s", found, expected);
    return false;
}

/* ---- the fields of a tensor -------------------------------------------------------------------
 */

/* One usize. False on a fault of syntax; *good says whether it was one. */
static bool read_usize(parser *p, uint64_t *value, bool *good)
{
    int byte = zipllm_json_peek(&p->json);
    uint64_t pos = p->json.pos;
    zipllm_json_number_kind kind;
    char number[TOKEN_MAX];

    *good = false;
    if (byte < '0' || byte > '9') {
        if (byte != '-')
            return wrong_type(p, "usize");
    }
    if (!zipllm_json_number(&p->json, &kind, value))
        return false;
    if (kind == ZIPLLM_JSON_UNSIGNED) {
        *good = true;
        return true;
    }
    if (kind == ZIPLLM_JSON_NEGATIVE) {
        (void)snprintf(number, sizeof number, "-%" PRIu64, *value);
        schema_fault(p, pos, "invalid value: integer `%s`, expected usize%s", number, "");
        return true;
    }
    p->json.pos = pos;
    return wrong_type(p, "usize");
}

static bool read_shape(parser *p, tensor_info *info)
{
    bool first = true, good;
    uint64_t dim;
    int more;

    info->nelem = 1;
    if (zipllm_json_peek(&p->json) != '[')
        return wrong_type(p, "a sequence");
    if (!zipllm_json_enter(&p->json))
        return false;
    while ((more = zipllm_json_next_element(&p->json, &first)) > 0) {
        if (!read_usize(p, &dim, &good))
            return false;
        if (info->rank == ZIPLLM_ST_RANK_MAX) {
            (void)set_error(&p->hard, ZIPLLM_ST_LIMIT, file_offset(p->json.pos),
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

static bool read_offsets(parser *p, tensor_info *info)
{
    bool first = true, good = true;
    uint64_t count = 0, pos, value;
    char length[TOKEN_MAX];
    int more;

    if (zipllm_json_peek(&p->json) != '[')
        return wrong_type(p, "a tuple of size 2");
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
        schema_fault(p, pos, "invalid length %s, expected %s", length, "a tuple of size 2");
    if (more == 0 && count > 2)
        schema_fault(p, pos, "invalid length %s, expected %s", length, "2 elements in sequence");
    return more == 0;
}

static void set_dtype(parser *p, tensor_info *info, uint64_t pos, const zipllm_json_text *text)
{
    zipllm_st_error before = p->schema;
    bool only = p->only_unknown_dtypes;
    char shown[TOKEN_MAX];

    info->dtype_text = *text;
    info->dtype = BITX_DTYPE_COUNT;
    if (text->nbytes <= sizeof text->head)
        info->dtype = bitx_dtype_parse(text->head, (size_t)text->nbytes);
    if (info->dtype != BITX_DTYPE_COUNT && info->dtype != BITX_BYTES)
        return;
    info->dtype = BITX_BYTES;
    info->unknown_dtype = true;
    printable_text(shown, sizeof shown, text);
    schema_fault(p, pos,
                 "unknown variant `%s`, expected one of `BOOL`, `F4`, `F6_E2M3`, `F6_E3M2`, ...%s",
                 shown, "");
    if (before.status == ZIPLLM_ST_OK)
        p->schema.status = ZIPLLM_ST_UNKNOWN_DTYPE;
    p->only_unknown_dtypes = only;
}

/* {"F32":null}: an externally tagged variant, as serde calls it. */
static bool read_dtype_map(parser *p, tensor_info *info)
{
    bool first = true;
    zipllm_json_text key, only_key;
    uint64_t count = 0, pos = p->json.pos, value_pos = 0;
    char found[2 * TOKEN_MAX];
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
        if (!describe_value(p, found, sizeof found))
            return false;
    }
    if (more != 0)
        return false;
    if (count != 1) {
        schema_fault(p, pos, "invalid value: %s, expected %s", "map", "map with a single key");
        return true;
    }
    set_dtype(p, info, pos, &only_key);
    if (strcmp(found, "null") != 0)
        schema_fault(p, value_pos, "invalid type: %s, expected %s", found, "unit");
    return true;
}

static bool read_dtype(parser *p, tensor_info *info)
{
    int byte = zipllm_json_peek(&p->json);
    uint64_t pos = p->json.pos;
    zipllm_json_text text;

    if (byte == '{')
        return read_dtype_map(p, info);
    if (byte != '"')
        return wrong_type(p, "string or map");
    if (!zipllm_json_string(&p->json, &text))
        return false;
    set_dtype(p, info, pos, &text);
    return true;
}

/* ---- a tensor ---------------------------------------------------------------------------------
 */

typedef bool (*field_reader)(parser *p, tensor_info *info);
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

static bool read_tensor_map(parser *p, tensor_info *info)
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
            schema_fault(p, key.offset - 1, "duplicate field `%s`%s", FIELD_NAMES[field], "");
        if (!zipllm_json_skip(&p->json))
            return false;
    }
    for (field = 0; more == 0 && field < NFIELDS; field++)
        if (!seen[field])
            schema_fault(p, start, "missing field `%s`%s", FIELD_NAMES[field], "");
    return more == 0;
}

/* The same as an array of three, which serde's derive takes as well. */
static bool read_tensor_seq(parser *p, tensor_info *info)
{
    uint64_t start = p->json.pos, count = 0;
    bool first = true;
    char length[TOKEN_MAX];
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
        schema_fault(p, start, "invalid length %s, expected %s", length,
                     "struct TensorInfo with 3 elements");
    if (more == 0 && count > NFIELDS)
        schema_fault(p, start, "invalid length %s, expected %s", length, "3 elements in sequence");
    return more == 0;
}

static bool read_tensor(parser *p, tensor_info *info)
{
    int byte = zipllm_json_peek(&p->json);

    if (byte == '{')
        return read_tensor_map(p, info);
    if (byte == '[')
        return read_tensor_seq(p, info);
    return wrong_type(p, "struct TensorInfo");
}

/* Marks of an entry while the header is read; none is left in the entries of a good file. */
enum { FLAG_OVERFLOW = 0x100, FLAG_MISALIGNED = 0x200, FLAG_SIZE = 0x400 };

/* What validation will say of this tensor, so that its shape need not be kept. */
static unsigned size_flags(const tensor_info *info)
{
    unsigned nbits = bitx_dtype_bits(info->dtype);

    if (info->unknown_dtype)
        return ZIPLLM_ST_FLAG_UNKNOWN_DTYPE;
    if (info->overflow || (nbits != 0 && info->nelem > UINT64_MAX / nbits))
        return FLAG_OVERFLOW;
    if (info->nelem * nbits % 8 != 0)
        return FLAG_MISALIGNED;
    if (info->offsets[1] - info->offsets[0] != info->nelem * nbits / 8)
        return FLAG_SIZE;
    return 0;
}

static bool hard_limit(parser *p, const zipllm_json_text *name, const char *what, size_t limit)
{
    (void)set_error(&p->hard, ZIPLLM_ST_LIMIT, file_offset(name->offset - 1), "%s %zu", what,
                    limit);
    return false;
}

static bool grow_entries(parser *p)
{
    size_t cap = p->cap == 0 ? 64 : p->cap + p->cap / 2;
    zipllm_st_entry *entries;

    if (cap > p->max_tensors)
        cap = p->max_tensors;
    entries = realloc(p->st->entries, cap * sizeof *entries);
    if (entries == NULL) {
        (void)set_error(&p->hard, ZIPLLM_ST_MEMORY, file_offset(p->json.pos), "out of memory");
        return false;
    }
    p->st->entries = entries;
    p->cap = cap;
    return true;
}

static bool add_entry(parser *p, const zipllm_json_text *name, uint64_t value_pos,
                      const tensor_info *info)
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
        .flags = (uint16_t)size_flags(info),
    };
    return true;
}

static bool read_named_tensor(parser *p, const zipllm_json_text *name)
{
    tensor_info info;
    uint64_t value_pos;

    memset(&info, 0, sizeof info);
    (void)zipllm_json_peek(&p->json);
    value_pos = p->json.pos;
    return read_tensor(p, &info) && add_entry(p, name, value_pos, &info);
}

/* ---- the header -------------------------------------------------------------------------------
 */

static bool read_metadata(parser *p)
{
    zipllm_json_text text;
    bool first = true;
    int more;

    if (zipllm_json_peek(&p->json) == 'n')
        return zipllm_json_skip(&p->json);
    if (zipllm_json_peek(&p->json) != '{')
        return wrong_type_now(p, "a map");
    p->st->metadata_offset = p->json.pos;
    if (!zipllm_json_enter(&p->json))
        return false;
    while ((more = zipllm_json_next_key(&p->json, &first, &text)) > 0) {
        if (!zipllm_json_colon(&p->json))
            return false;
        if (zipllm_json_peek(&p->json) != '"')
            return wrong_type_now(p, "a string");
        if (!zipllm_json_string(&p->json, &text))
            return false;
    }
    return more == 0;
}

static bool read_header(parser *p)
{
    bool first = true, seen_metadata = false;
    zipllm_json_text key;
    int more;

    if (zipllm_json_peek(&p->json) != '{')
        return wrong_type_now(p, "struct HashMetadata");
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

/* ---- order and duplicates ---------------------------------------------------------------------
 */

/* Compares two entries; `user` is the parser. Never 0 for two different entries. */
typedef int (*entry_order)(void *user, const zipllm_st_entry *a, const zipllm_st_entry *b);

static void sift_down(zipllm_st_entry *entries, size_t root, size_t n, entry_order order,
                      void *user)
{
    zipllm_st_entry moved = entries[root];
    size_t child;

    while ((child = 2 * root + 1) < n) {
        if (child + 1 < n && order(user, &entries[child], &entries[child + 1]) < 0)
            child++;
        if (order(user, &moved, &entries[child]) >= 0)
            break;
        entries[root] = entries[child];
        root = child;
    }
    entries[root] = moved;
}

/* Heapsort: in place whatever the input (glibc's qsort would take as much memory again). */
static void sort_entries(zipllm_st_entry *entries, size_t n, entry_order order, void *user)
{
    size_t i;

    for (i = 1; i < n && order(user, &entries[i - 1], &entries[i]) < 0; i++)
        ;
    if (i >= n)
        return;
    for (i = n / 2; i-- > 0;)
        sift_down(entries, i, n, order, user);
    for (i = n; i-- > 1;) {
        zipllm_st_entry top = entries[0];
        entries[0] = entries[i];
        entries[i] = top;
        sift_down(entries, 0, i, order, user);
    }
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_offsets(void *user, const zipllm_st_entry *a, const zipllm_st_entry *b)
{
    (void)user;
    if (a->begin != b->begin)
        return compare_u64(a->begin, b->begin);
    if (a->end != b->end)
        return compare_u64(a->end, b->end);
    return compare_u64(a->name_offset, b->name_offset);
}

/* Two decoded names of at most ZIPLLM_ST_NAME_MAX bytes, for the rare equal hashes. */
typedef struct name_order {
    parser *p;
    char *names; /* 2 * ZIPLLM_ST_NAME_MAX, allocated at the first use */
    bool failed;
} name_order;

static int compare_names(name_order *names, const zipllm_st_entry *a, const zipllm_st_entry *b)
{
    zipllm_json *json = &names->p->json;
    size_t a_nbytes = 0, b_nbytes = 0, shorter;
    int order;

    if (names->names == NULL)
        names->names = malloc(2 * ZIPLLM_ST_NAME_MAX);
    if (names->names == NULL ||
        !zipllm_json_decode(json, a->name_offset, a->name_nbytes, names->names, ZIPLLM_ST_NAME_MAX,
                            &a_nbytes) ||
        !zipllm_json_decode(json, b->name_offset, b->name_nbytes, names->names + ZIPLLM_ST_NAME_MAX,
                            ZIPLLM_ST_NAME_MAX, &b_nbytes)) {
        names->failed = true;
        return 0;
    }
    shorter = a_nbytes < b_nbytes ? a_nbytes : b_nbytes;
    order = memcmp(names->names, names->names + ZIPLLM_ST_NAME_MAX, shorter);
    return order != 0 ? order : compare_u64(a_nbytes, b_nbytes);
}

static int by_name(void *user, const zipllm_st_entry *a, const zipllm_st_entry *b)
{
    int order = compare_u64(a->name_hash, b->name_hash);

    if (order == 0 && a->name_offset != b->name_offset)
        order = compare_names(user, a, b);
    return order != 0 ? order : compare_u64(a->name_offset, b->name_offset);
}

/* Of several tensors with one name, keeps the last of the header. */
static bool drop_duplicates(parser *p)
{
    name_order names = {p, NULL, false};
    zipllm_st *st = p->st;
    size_t kept = 0, i;

    sort_entries(st->entries, st->nentries, by_name, &names);
    for (i = 0; i < st->nentries && !names.failed; i++) {
        const zipllm_st_entry *entry = &st->entries[i];
        if (kept > 0 && st->entries[kept - 1].name_hash == entry->name_hash &&
            compare_names(&names, &st->entries[kept - 1], entry) == 0)
            kept--;
        st->entries[kept++] = *entry;
    }
    free(names.names);
    if (names.failed) {
        zipllm_st_status status = p->json.read_failed ? ZIPLLM_ST_READ : ZIPLLM_ST_MEMORY;
        (void)set_error(&p->hard, status, LENGTH_NBYTES, "%s",
                        p->json.read_failed ? "cannot read" : "out of memory");
        return false;
    }
    st->nentries = kept;
    return true;
}

/* ---- validation -------------------------------------------------------------------------------
 */

static zipllm_st_status tensor_fault(parser *p, const zipllm_st_entry *entry,
                                     zipllm_st_status status, const char *what,
                                     zipllm_st_error *error)
{
    char name[2 * ZIPLLM_JSON_HEAD_MAX], shown[4 * TOKEN_MAX];
    size_t nbytes = 0, kept;

    if (!zipllm_json_decode(&p->json, entry->name_offset, entry->name_nbytes, name, sizeof name,
                            &nbytes))
        nbytes = 0;
    kept = nbytes < sizeof name ? nbytes : sizeof name;
    printable(shown, sizeof shown, name, kept);
    return set_error(error, status, file_offset(entry->name_offset - 1), "%s `%s%s`", what, shown,
                     nbytes > kept ? "..." : "");
}

static zipllm_st_status validate(parser *p, zipllm_st_error *error)
{
    zipllm_st *st = p->st;
    uint64_t end = 0, data_nbytes = st->file_nbytes - LENGTH_NBYTES - st->header_nbytes;
    size_t i;

    for (i = 0; i < st->nentries; i++) {
        const zipllm_st_entry *entry = &st->entries[i];
        if (entry->begin != end || entry->end < entry->begin)
            return tensor_fault(p, entry, ZIPLLM_ST_INVALID_OFFSET, "invalid offset for tensor",
                                error);
        end = entry->end;
        if (entry->flags & FLAG_OVERFLOW)
            return tensor_fault(
                p, entry, ZIPLLM_ST_OVERFLOW,
                "overflow computing buffer size from shape and/or element type, of tensor", error);
        if (entry->flags & FLAG_MISALIGNED)
            return tensor_fault(p, entry, ZIPLLM_ST_MISALIGNED,
                                "elements below a byte do not fill the last byte of tensor", error);
        if (entry->flags & FLAG_SIZE)
            return tensor_fault(p, entry, ZIPLLM_ST_INVALID_INFO,
                                "invalid shape, data type, or offset for tensor", error);
        st->nunknown += (entry->flags & ZIPLLM_ST_FLAG_UNKNOWN_DTYPE) != 0;
    }
    if (end != data_nbytes)
        return set_error(error, ZIPLLM_ST_INCOMPLETE_BUFFER, LENGTH_NBYTES + st->header_nbytes,
                         "file not fully covered: tensors end at byte %" PRIu64
                         " of the data, which has %" PRIu64,
                         end, data_nbytes);
    return ZIPLLM_ST_OK;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static zipllm_st_status read_length(const bitx_source *source, zipllm_st *st,
                                    zipllm_st_error *error)
{
    unsigned char bytes[LENGTH_NBYTES];
    uint64_t n = 0;
    unsigned i;

    if (st->file_nbytes < LENGTH_NBYTES)
        return set_error(error, ZIPLLM_ST_HEADER_TOO_SMALL, 0,
                         "header too small: the file has %" PRIu64 " bytes, fewer than 8",
                         st->file_nbytes);
    if (source->read(source->user, 0, bytes, sizeof bytes) != 0)
        return set_error(error, ZIPLLM_ST_READ, 0, "cannot read");
    for (i = 0; i < LENGTH_NBYTES; i++)
        n |= (uint64_t)bytes[i] << (8 * i);
    if (n > ZIPLLM_ST_HEADER_MAX)
        return set_error(error, ZIPLLM_ST_HEADER_TOO_LARGE, 0,
                         "header too large: %" PRIu64 " bytes, more than %d", n,
                         ZIPLLM_ST_HEADER_MAX);
    if (n > st->file_nbytes - LENGTH_NBYTES)
        return set_error(error, ZIPLLM_ST_INVALID_HEADER_LENGTH, 0,
                         "invalid header length: %" PRIu64 " bytes, the file has %" PRIu64 " more",
                         n, st->file_nbytes - LENGTH_NBYTES);
    st->header_nbytes = n;
    return ZIPLLM_ST_OK;
}

static zipllm_st_status json_error(const parser *p, zipllm_st_error *error)
{
    if (p->json.read_failed)
        return set_error(error, ZIPLLM_ST_READ, file_offset(p->json.error_pos), "cannot read");
    if (p->json.error != NULL)
        return set_error(error, ZIPLLM_ST_INVALID_JSON, file_offset(p->json.error_pos),
                         "invalid JSON in header: %s", p->json.error);
    *error = p->hard;
    return error->status;
}

/* The first fault of schema, as an error of the whole file. */
static zipllm_st_status schema_error(const parser *p, zipllm_st_status status,
                                     zipllm_st_error *error)
{
    return set_error(error, status, p->schema.offset, "invalid JSON in header: %.200s",
                     p->schema.message);
}

static zipllm_st_status parse(parser *p, const bitx_source *source, zipllm_st_error *error)
{
    zipllm_st *st = p->st;
    zipllm_st_status status = read_length(source, st, error);
    uint64_t bad = 0;

    if (status != ZIPLLM_ST_OK)
        return status;
    zipllm_json_init(&p->json, source, LENGTH_NBYTES, st->header_nbytes, p->window,
                     sizeof p->window);
    if (!zipllm_json_check_utf8(&p->json, &bad)) {
        if (p->json.read_failed)
            return json_error(p, error);
        return set_error(error, ZIPLLM_ST_INVALID_HEADER, file_offset(bad),
                         "invalid UTF-8 in header");
    }
    if (!read_header(p))
        return json_error(p, error);
    if (p->schema.status != ZIPLLM_ST_OK && !p->only_unknown_dtypes)
        return schema_error(p, ZIPLLM_ST_INVALID_JSON, error);
    if (!drop_duplicates(p))
        return json_error(p, error);
    sort_entries(st->entries, st->nentries, by_offsets, NULL);
    status = validate(p, error);
    if (status == ZIPLLM_ST_READ || p->schema.status == ZIPLLM_ST_OK)
        return status;
    return schema_error(
        p, status == ZIPLLM_ST_OK ? ZIPLLM_ST_UNKNOWN_DTYPE : ZIPLLM_ST_INVALID_JSON, error);
}

static parser *parser_new(zipllm_st *st, size_t max_tensors)
{
    parser *p = malloc(sizeof *p);

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
    parser *p = parser_new(st, max_tensors);
    zipllm_st_status status;

    memset(st, 0, sizeof *st);
    memset(error, 0, sizeof *error);
    if (p == NULL)
        return set_error(error, ZIPLLM_ST_MEMORY, 0, "out of memory");
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

/* ---- reading again ----------------------------------------------------------------------------
 */

enum { SMALL_WINDOW_NBYTES = 512 };

bool zipllm_st_name(const zipllm_st *st, const bitx_source *source, const zipllm_st_entry *entry,
                    char *dst, size_t cap, size_t *nbytes)
{
    unsigned char window[SMALL_WINDOW_NBYTES];
    zipllm_json json;

    zipllm_json_init(&json, source, LENGTH_NBYTES, st->header_nbytes, window, sizeof window);
    return zipllm_json_decode(&json, entry->name_offset, entry->name_nbytes, dst, cap, nbytes);
}

bool zipllm_st_read_details(const zipllm_st *st, const bitx_source *source,
                            const zipllm_st_entry *entry, zipllm_st_details *details)
{
    parser *p = parser_new(NULL, 1);
    tensor_info info;
    bool good;

    if (p == NULL)
        return false;
    memset(&info, 0, sizeof info);
    info.dims = details->dims;
    zipllm_json_init(&p->json, source, LENGTH_NBYTES, st->header_nbytes, p->window,
                     SMALL_WINDOW_NBYTES);
    p->json.pos = entry->value_offset;
    good = read_tensor(p, &info) && info.rank == entry->rank;
    free(p);
    if (good)
        printable_text(details->dtype, sizeof details->dtype, &info.dtype_text);
    return good;
}

static bool decode_cut(zipllm_json *json, const zipllm_json_text *text, char *dst, size_t *nbytes)
{
    if (!zipllm_json_decode(json, text->offset, text->raw_nbytes, dst, METADATA_TEXT_MAX, nbytes))
        return false;
    if (*nbytes > METADATA_TEXT_MAX)
        *nbytes = METADATA_TEXT_MAX;
    return true;
}

bool zipllm_st_metadata(const zipllm_st *st, const bitx_source *source,
                        zipllm_st_visit_metadata visit, void *user)
{
    unsigned char window[SMALL_WINDOW_NBYTES];
    char key[METADATA_TEXT_MAX], value[METADATA_TEXT_MAX];
    zipllm_json_text key_text, value_text;
    size_t key_nbytes, value_nbytes;
    zipllm_json json;
    bool first = true;
    int more;

    if (st->metadata_offset == 0)
        return true;
    zipllm_json_init(&json, source, LENGTH_NBYTES, st->header_nbytes, window, sizeof window);
    json.pos = st->metadata_offset;
    if (!zipllm_json_enter(&json))
        return false;
    while ((more = zipllm_json_next_key(&json, &first, &key_text)) > 0) {
        if (!zipllm_json_colon(&json) || zipllm_json_peek(&json) != '"' ||
            !zipllm_json_string(&json, &value_text) ||
            !decode_cut(&json, &key_text, key, &key_nbytes) ||
            !decode_cut(&json, &value_text, value, &value_nbytes))
            return false;
        if (!visit(user, key, key_nbytes, value, value_nbytes))
            return true;
    }
    return more == 0;
}
