/* json_pull.h: strings, decoded, summed up or copied. */
#include <string.h>

#include "json_bytes.h"

static const uint64_t FNV_BASIS = UINT64_C(0xcbf29ce484222325);
static const uint64_t FNV_PRIME = UINT64_C(0x100000001b3);

/* Where decoded bytes go: a summary, or a buffer. */
typedef struct text_sink {
    uint64_t nbytes;
    uint64_t hash;
    char *dst;
    size_t cap;
} text_sink;

static void sink_put(text_sink *sink, const unsigned char *bytes, size_t nbytes)
{
    uint64_t hash = sink->hash;
    size_t i;

    for (i = 0; i < nbytes; i++)
        hash = (hash ^ bytes[i]) * FNV_PRIME;
    sink->hash = hash;
    if (sink->nbytes < sink->cap) {
        size_t room = sink->cap - (size_t)sink->nbytes;
        memcpy(sink->dst + sink->nbytes, bytes, nbytes < room ? nbytes : room);
    }
    sink->nbytes += nbytes;
}

static void sink_put_scalar(text_sink *sink, uint32_t scalar)
{
    unsigned char b[4];

    if (scalar < 0x80) {
        b[0] = (unsigned char)scalar;
        sink_put(sink, b, 1);
    } else if (scalar < 0x800) {
        b[0] = (unsigned char)(0xC0 | scalar >> 6);
        b[1] = (unsigned char)(0x80 | (scalar & 0x3F));
        sink_put(sink, b, 2);
    } else if (scalar < 0x10000) {
        b[0] = (unsigned char)(0xE0 | scalar >> 12);
        b[1] = (unsigned char)(0x80 | (scalar >> 6 & 0x3F));
        b[2] = (unsigned char)(0x80 | (scalar & 0x3F));
        sink_put(sink, b, 3);
    } else {
        b[0] = (unsigned char)(0xF0 | scalar >> 18);
        b[1] = (unsigned char)(0x80 | (scalar >> 12 & 0x3F));
        b[2] = (unsigned char)(0x80 | (scalar >> 6 & 0x3F));
        b[3] = (unsigned char)(0x80 | (scalar & 0x3F));
        sink_put(sink, b, 4);
    }
}

static int hex_value(int byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

static bool hex4(zipllm_json *json, uint32_t *unit)
{
    uint64_t start = json->pos;
    uint32_t value = 0;
    unsigned i;

    if (json->nbytes - start < 4) {
        json->pos = json->nbytes;
        return zipllm_json_fail(json, json->nbytes, "EOF while parsing a string");
    }
    for (i = 0; i < 4; i++) {
        int digit = hex_value(zipllm_json_next_byte(json));
        if (digit < 0)
            return zipllm_json_fail(json, start, "invalid escape");
        value = value << 4 | (uint32_t)digit;
    }
    *unit = value;
    return true;
}

/* After `\u`. Surrogates must come in pairs. */
static bool unicode_escape(zipllm_json *json, text_sink *sink)
{
    static const char *const expected = "\\u";
    uint64_t start = json->pos;
    uint32_t lead, trail;
    unsigned i;

    if (!hex4(json, &lead))
        return false;
    if (lead < 0xD800 || lead > 0xDFFF) {
        sink_put_scalar(sink, lead);
        return true;
    }
    if (lead >= 0xDC00)
        return zipllm_json_fail(json, start, "lone leading surrogate in hex escape");
    for (i = 0; i < 2; i++) {
        int byte = zipllm_json_next_byte(json);
        if (byte < 0)
            return zipllm_json_fail(json, json->pos, "EOF while parsing a string");
        if (byte != expected[i])
            return zipllm_json_fail(json, json->pos - 1, "unexpected end of hex escape");
    }
    if (!hex4(json, &trail))
        return false;
    if (trail < 0xDC00 || trail > 0xDFFF)
        return zipllm_json_fail(json, start, "lone leading surrogate in hex escape");
    sink_put_scalar(sink, 0x10000 + ((lead - 0xD800) << 10 | (trail - 0xDC00)));
    return true;
}

/* After a backslash. */
static bool escape(zipllm_json *json, text_sink *sink)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int byte = zipllm_json_next_byte(json);
    const char *found;

    if (byte < 0)
        return zipllm_json_fail(json, json->pos, "EOF while parsing a string");
    if (byte == 'u')
        return unicode_escape(json, sink);
    found = byte == 0 ? NULL : strchr(from, byte);
    if (found == NULL)
        return zipllm_json_fail(json, json->pos - 1, "invalid escape");
    sink_put(sink, (const unsigned char *)&to[found - from], 1);
    return true;
}

/* Puts the bytes of the window up to a quote, a backslash or a control character. */
static void put_plain(zipllm_json *json, text_sink *sink)
{
    const unsigned char *p = json->window + (json->pos - json->window_start);
    const unsigned char *end = json->window + json->window_nbytes;
    const unsigned char *start = p;

    while (p < end && *p >= 0x20 && *p != '"' && *p != '\\')
        p++;
    sink_put(sink, start, (size_t)(p - start));
    json->pos += (uint64_t)(p - start);
}

/* Decodes up to the closing quote, which is passed over; `end` is where it stood. */
static bool string_body(zipllm_json *json, text_sink *sink, uint64_t *end)
{
    for (;;) {
        int byte = zipllm_json_peek_byte(json);
        if (byte < 0)
            return zipllm_json_fail(json, json->pos, "EOF while parsing a string");
        if (byte == '"') {
            *end = json->pos++;
            return true;
        }
        if (byte == '\\') {
            json->pos++;
            if (!escape(json, sink))
                return false;
            continue;
        }
        if (byte < 0x20)
            return zipllm_json_fail(
                json, json->pos,
                "control character (\\u0000-\\u001F) found while parsing a string");
        put_plain(json, sink);
    }
}

bool zipllm_json_string(zipllm_json *json, zipllm_json_text *text)
{
    text_sink sink = {0, FNV_BASIS, text->head, sizeof text->head};
    uint64_t end = 0;

    json->pos++;
    text->offset = json->pos;
    if (!string_body(json, &sink, &end))
        return false;
    text->raw_nbytes = end - text->offset;
    text->nbytes = sink.nbytes;
    text->hash = sink.hash;
    return true;
}

bool zipllm_json_decode(zipllm_json *json, uint64_t offset, uint64_t raw_nbytes, void *dst,
                        size_t cap, size_t *nbytes)
{
    text_sink sink = {0, FNV_BASIS, dst, cap};
    uint64_t kept = json->pos, end = 0;
    bool good;

    json->pos = offset;
    good = string_body(json, &sink, &end);
    json->pos = kept;
    if (!good || end - offset != raw_nbytes)
        return false;
    *nbytes = (size_t)sink.nbytes;
    return true;
}

bool zipllm_json_text_is(const zipllm_json_text *text, const char *literal)
{
    size_t nbytes = strlen(literal);

    return text->nbytes == nbytes && nbytes <= sizeof text->head &&
           memcmp(text->head, literal, nbytes) == 0;
}
