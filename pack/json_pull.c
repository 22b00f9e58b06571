#include "json_pull.h"

#include <string.h>

#include "json_bytes.h"

void zipllm_json_init(zipllm_json *json, const bitx_source *source, uint64_t base, uint64_t nbytes,
                      void *window, size_t window_cap)
{
    memset(json, 0, sizeof *json);
    json->source = source;
    json->base = base;
    json->nbytes = nbytes;
    json->window = window;
    json->window_cap = window_cap;
}

bool zipllm_json_fail(zipllm_json *json, uint64_t pos, const char *message)
{
    if (json->error == NULL) {
        json->error = message;
        json->error_pos = pos;
    }
    return false;
}

/* Makes the byte at pos the first of the window. */
bool zipllm_json_refill(zipllm_json *json)
{
    uint64_t left = json->nbytes - json->pos;
    size_t want = left < json->window_cap ? (size_t)left : json->window_cap;

    if (json->source->read(json->source->user, json->base + json->pos, json->window, want) != 0) {
        json->read_failed = true;
        json->window_nbytes = 0;
        return zipllm_json_fail(json, json->pos, "cannot read");
    }
    json->window_start = json->pos;
    json->window_nbytes = want;
    return true;
}

int zipllm_json_peek(zipllm_json *json)
{
    int byte = zipllm_json_peek_byte(json);

    while (byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r') {
        json->pos++;
        byte = zipllm_json_peek_byte(json);
    }
    return byte;
}

bool zipllm_json_enter(zipllm_json *json)
{
    if (json->depth == ZIPLLM_JSON_DEPTH_MAX)
        return zipllm_json_fail(json, json->pos, "recursion limit exceeded");
    json->depth++;
    json->pos++;
    return true;
}

static int leave(zipllm_json *json)
{
    json->depth--;
    json->pos++;
    return 0;
}

static int fail_next(zipllm_json *json, const char *message)
{
    (void)zipllm_json_fail(json, json->pos, message);
    return -1;
}

int zipllm_json_next_key(zipllm_json *json, bool *first, zipllm_json_text *key)
{
    int byte = zipllm_json_peek(json);

    if (byte < 0)
        return fail_next(json, "EOF while parsing an object");
    if (byte == '}')
        return leave(json);
    if (!*first) {
        if (byte != ',')
            return fail_next(json, "expected `,` or `}`");
        json->pos++;
        byte = zipllm_json_peek(json);
        if (byte < 0)
            return fail_next(json, "EOF while parsing a value");
        if (byte == '}')
            return fail_next(json, "trailing comma");
    }
    *first = false;
    if (byte != '"')
        return fail_next(json, "key must be a string");
    return zipllm_json_string(json, key) ? 1 : -1;
}

bool zipllm_json_colon(zipllm_json *json)
{
    int byte = zipllm_json_peek(json);

    if (byte != ':')
        return zipllm_json_fail(json, json->pos,
                                byte < 0 ? "EOF while parsing an object" : "expected `:`");
    json->pos++;
    return true;
}

int zipllm_json_next_element(zipllm_json *json, bool *first)
{
    int byte = zipllm_json_peek(json);

    if (byte < 0)
        return fail_next(json, "EOF while parsing a list");
    if (byte == ']')
        return leave(json);
    if (*first) {
        *first = false;
        return 1;
    }
    if (byte != ',')
        return fail_next(json, "expected `,` or `]`");
    json->pos++;
    byte = zipllm_json_peek(json);
    if (byte < 0)
        return fail_next(json, "EOF while parsing a value");
    if (byte == ']')
        return fail_next(json, "trailing comma");
    return 1;
}

static bool skip_word(zipllm_json *json, const char *word)
{
    for (; *word != '\0'; word++) {
        int byte = zipllm_json_next_byte(json);
        if (byte < 0)
            return zipllm_json_fail(json, json->pos, "EOF while parsing a value");
        if (byte != *word)
            return zipllm_json_fail(json, json->pos - 1, "expected ident");
    }
    return true;
}

static bool skip_object(zipllm_json *json)
{
    zipllm_json_text key;
    bool first = true;
    int more;

    if (!zipllm_json_enter(json))
        return false;
    while ((more = zipllm_json_next_key(json, &first, &key)) > 0)
        if (!zipllm_json_colon(json) || !zipllm_json_skip(json))
            return false;
    return more == 0;
}

static bool skip_array(zipllm_json *json)
{
    bool first = true;
    int more;

    if (!zipllm_json_enter(json))
        return false;
    while ((more = zipllm_json_next_element(json, &first)) > 0)
        if (!zipllm_json_skip(json))
            return false;
    return more == 0;
}

/* Recursive, to ZIPLLM_JSON_DEPTH_MAX levels at most. */
bool zipllm_json_skip(zipllm_json *json)
{
    int byte = zipllm_json_peek(json);
    zipllm_json_number_kind kind;
    zipllm_json_text text;
    uint64_t value;

    if (byte < 0)
        return zipllm_json_fail(json, json->pos, "EOF while parsing a value");
    if (byte == '{')
        return skip_object(json);
    if (byte == '[')
        return skip_array(json);
    if (byte == '"')
        return zipllm_json_string(json, &text);
    if (byte == '-' || zipllm_json_is_digit(byte))
        return zipllm_json_number(json, &kind, &value);
    if (byte == 'n')
        return skip_word(json, "null");
    if (byte == 't')
        return skip_word(json, "true");
    if (byte == 'f')
        return skip_word(json, "false");
    return zipllm_json_fail(json, json->pos, "expected value");
}
