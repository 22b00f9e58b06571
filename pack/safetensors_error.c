/* safetensors_parser.h: faults, in the words of the reference implementation. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "safetensors_parser.h"

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

zipllm_st_status zipllm_st_fail(zipllm_st_error *error, zipllm_st_status status, uint64_t offset,
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

void zipllm_st_printable(char *dst, size_t cap, const char *bytes, size_t nbytes)
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

void zipllm_st_printable_text(char *dst, size_t cap, const zipllm_json_text *text)
{
    size_t kept = text->nbytes < sizeof text->head ? (size_t)text->nbytes : sizeof text->head;
    size_t used;

    zipllm_st_printable(dst, cap, text->head, kept);
    used = strlen(dst);
    if (text->nbytes > kept)
        (void)snprintf(dst + used, cap - used, "...");
}

void zipllm_st_schema_fault(zipllm_st_parser *p, uint64_t pos, const char *format, const char *a,
                            const char *b)
{
    p->only_unknown_dtypes = false;
    if (p->schema.status != ZIPLLM_ST_OK)
        return;
    p->schema.status = ZIPLLM_ST_INVALID_JSON;
    p->schema.offset = zipllm_st_file_offset(pos);
    (void)snprintf(p->schema.message, sizeof p->schema.message, format, a, b);
}

static void describe_number(zipllm_st_parser *p, char *dst, size_t cap)
{
    uint64_t start = p->json.pos, kept, value, i;
    zipllm_json_number_kind kind;
    char token[ZIPLLM_ST_TOKEN_MAX];

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

bool zipllm_st_describe(zipllm_st_parser *p, char *dst, size_t cap)
{
    int byte = zipllm_json_peek(&p->json);
    zipllm_json_text text;
    char shown[ZIPLLM_ST_TOKEN_MAX];

    dst[0] = '\0';
    if (byte == '-' || (byte >= '0' && byte <= '9')) {
        describe_number(p, dst, cap);
        return p->json.error == NULL;
    }
    if (byte == '"') {
        if (!zipllm_json_string(&p->json, &text))
            return false;
        zipllm_st_printable_text(shown, sizeof shown, &text);
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

bool zipllm_st_wrong_type(zipllm_st_parser *p, const char *expected)
{
    uint64_t pos;
    char found[2 * ZIPLLM_ST_TOKEN_MAX];

    (void)zipllm_json_peek(&p->json);
    pos = p->json.pos;
    if (!zipllm_st_describe(p, found, sizeof found))
        return false;
    zipllm_st_schema_fault(p, pos, "invalid type: %s, expected %s", found, expected);
    return true;
}

bool zipllm_st_wrong_type_now(zipllm_st_parser *p, const char *expected)
{
    int byte = zipllm_json_peek(&p->json);
    uint64_t pos = p->json.pos;
    char found[2 * ZIPLLM_ST_TOKEN_MAX];

    if (byte == '{' || byte == '[')
        (void)snprintf(found, sizeof found, "%s", byte == '{' ? "map" : "sequence");
    else if (!zipllm_st_describe(p, found, sizeof found))
        return false;
    if (p->hard.status == ZIPLLM_ST_OK)
        (void)zipllm_st_fail(&p->hard, ZIPLLM_ST_INVALID_JSON, zipllm_st_file_offset(pos),
                             "invalid type: %s, expected %s", found, expected);
    return false;
}
