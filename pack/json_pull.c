#include "json_pull.h"

#include <string.h>

static const uint64_t FNV_BASIS = UINT64_C(0xcbf29ce484222325);
static const uint64_t FNV_PRIME = UINT64_C(0x100000001b3);

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
static bool refill(zipllm_json *json)
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

/* The byte at pos, -1 at the end of the text or on failure. */
static int peek_byte(zipllm_json *json)
{
    uint64_t at = json->pos - json->window_start;

    if (json->error != NULL || json->pos >= json->nbytes)
        return -1;
    if (json->pos < json->window_start || at >= json->window_nbytes) {
        if (!refill(json))
            return -1;
        at = 0;
    }
    return json->window[at];
}

static int next_byte(zipllm_json *json)
{
    int byte = peek_byte(json);

    if (byte >= 0)
        json->pos++;
    return byte;
}

/* ---- UTF-8 ------------------------------------------------------------------------------------
 */

/* The Unicode standard, table 3-7: what may follow a first byte. */
typedef struct utf8_tail {
    unsigned nbytes;         /* continuation bytes; 0 for a byte that cannot begin a sequence */
    unsigned char low, high; /* of the first continuation byte; the others are 80..BF */
} utf8_tail;

static utf8_tail utf8_tail_of(unsigned first)
{
    if (first >= 0xC2 && first <= 0xDF)
        return (utf8_tail){1, 0x80, 0xBF};
    if (first == 0xE0)
        return (utf8_tail){2, 0xA0, 0xBF};
    if (first == 0xED)
        return (utf8_tail){2, 0x80, 0x9F}; /* no surrogates */
    if (first >= 0xE1 && first <= 0xEF)
        return (utf8_tail){2, 0x80, 0xBF};
    if (first == 0xF0)
        return (utf8_tail){3, 0x90, 0xBF};
    if (first >= 0xF1 && first <= 0xF3)
        return (utf8_tail){3, 0x80, 0xBF};
    if (first == 0xF4)
        return (utf8_tail){3, 0x80, 0x8F};
    return (utf8_tail){0, 0, 0};
}

/* Passes over the ASCII bytes of the window, eight at a time. */
static void skip_ascii(zipllm_json *json)
{
    const unsigned char *p = json->window + (json->pos - json->window_start);
    const unsigned char *end = json->window + json->window_nbytes;
    const unsigned char *start = p;
    uint64_t eight;

    while (end - p >= 8) {
        memcpy(&eight, p, 8);
        if (eight & UINT64_C(0x8080808080808080))
            break;
        p += 8;
    }
    while (p < end && *p < 0x80)
        p++;
    json->pos += (uint64_t)(p - start);
}

static bool utf8_sequence(zipllm_json *json)
{
    utf8_tail tail = utf8_tail_of((unsigned)next_byte(json));
    unsigned i;

    if (tail.nbytes == 0)
        return false;
    for (i = 0; i < tail.nbytes; i++) {
        int byte = next_byte(json);
        if (byte < (i == 0 ? tail.low : 0x80) || byte > (i == 0 ? tail.high : 0xBF))
            return false;
    }
    return true;
}

bool zipllm_json_check_utf8(zipllm_json *json, uint64_t *bad)
{
    int byte;

    while ((byte = peek_byte(json)) >= 0) {
        uint64_t start = json->pos;
        if (byte < 0x80) {
            skip_ascii(json);
            continue;
        }
        if (!utf8_sequence(json)) {
            *bad = start;
            return false;
        }
    }
    *bad = json->pos;
    json->pos = 0;
    return json->error == NULL;
}

/* ---- strings ----------------------------------------------------------------------------------
 */

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
        int digit = hex_value(next_byte(json));
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
        int byte = next_byte(json);
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
    int byte = next_byte(json);
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
        int byte = peek_byte(json);
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

/* ---- numbers ----------------------------------------------------------------------------------
 */

/* The powers of ten that can carry a 64-bit significand past the largest double. */
enum { POW10_FIRST = 289, POW10_LAST = 308 };
static const double POW10[] = {1e289, 1e290, 1e291, 1e292, 1e293, 1e294, 1e295,
                               1e296, 1e297, 1e298, 1e299, 1e300, 1e301, 1e302,
                               1e303, 1e304, 1e305, 1e306, 1e307, 1e308};

/* The product is rounded as serde_json rounds it (one multiplication), so that both refuse the same
   numbers. */
static bool overflows_double(uint64_t significand, int64_t exponent)
{
    if (significand == 0 || exponent < POW10_FIRST)
        return false;
    if (exponent > POW10_LAST)
        return true;
    return (double)significand * POW10[exponent - POW10_FIRST] > 1.7976931348623157e308;
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

/* Multiplies by ten and adds the next digit, unless that passes 64 bits. */
static bool append_digit(uint64_t *significand, int byte)
{
    uint64_t digit = (uint64_t)(byte - '0');

    if (*significand > (UINT64_MAX - digit) / 10)
        return false;
    *significand = *significand * 10 + digit;
    return true;
}

static bool finish_float(zipllm_json *json, uint64_t significand, int64_t exponent)
{
    if (overflows_double(significand, exponent))
        return zipllm_json_fail(json, json->pos, "number out of range");
    return true;
}

static bool number_exponent(zipllm_json *json, uint64_t significand, int64_t exponent)
{
    int64_t written = 0;
    bool negative = false;
    int byte;

    json->pos++;
    byte = peek_byte(json);
    if (byte == '+' || byte == '-') {
        negative = byte == '-';
        json->pos++;
    }
    byte = next_byte(json);
    if (byte < 0)
        return zipllm_json_fail(json, json->pos, "EOF while parsing a value");
    if (!is_digit(byte))
        return zipllm_json_fail(json, json->pos - 1, "invalid number");
    written = byte - '0';
    while (is_digit(byte = peek_byte(json))) {
        json->pos++;
        if (written <= INT32_MAX)
            written = written * 10 + (byte - '0');
    }
    /* Beyond 32 bits serde_json looks at the sign alone. */
    if (written > INT32_MAX)
        return finish_float(json, significand, negative ? 0 : INT32_MAX);
    return finish_float(json, significand, negative ? exponent - written : exponent + written);
}

static bool number_fraction(zipllm_json *json, uint64_t significand, int64_t exponent)
{
    bool full = false;
    uint64_t start;
    int byte;

    json->pos++;
    start = json->pos;
    while (is_digit(byte = peek_byte(json))) {
        /* Digits that no longer fit are dropped, as serde_json does. */
        full = full || !append_digit(&significand, byte);
        exponent -= full ? 0 : 1;
        json->pos++;
    }
    if (json->pos == start)
        return zipllm_json_fail(json, start,
                                byte < 0 ? "EOF while parsing a value" : "invalid number");
    if (byte == 'e' || byte == 'E')
        return number_exponent(json, significand, exponent);
    return finish_float(json, significand, exponent);
}

/* The digits before any point or exponent. *dropped counts those beyond 64 bits. */
static bool number_integer(zipllm_json *json, uint64_t *significand, int64_t *dropped)
{
    int byte = next_byte(json);

    if (byte < 0)
        return zipllm_json_fail(json, json->pos, "EOF while parsing a value");
    if (!is_digit(byte))
        return zipllm_json_fail(json, json->pos - 1, "invalid number");
    *significand = (uint64_t)(byte - '0');
    *dropped = 0;
    if (byte == '0') {
        if (is_digit(peek_byte(json)))
            return zipllm_json_fail(json, json->pos, "invalid number");
        return json->error == NULL;
    }
    while (is_digit(byte = peek_byte(json))) {
        if (*dropped > 0 || !append_digit(significand, byte))
            ++*dropped;
        json->pos++;
    }
    return json->error == NULL;
}

bool zipllm_json_number(zipllm_json *json, zipllm_json_number_kind *kind, uint64_t *value)
{
    bool negative = peek_byte(json) == '-';
    int64_t dropped = 0;
    int byte;

    if (negative)
        json->pos++;
    if (!number_integer(json, value, &dropped))
        return false;
    byte = peek_byte(json);
    *kind = ZIPLLM_JSON_FLOAT;
    if (byte == '.')
        return number_fraction(json, *value, dropped);
    if (byte == 'e' || byte == 'E')
        return number_exponent(json, *value, dropped);
    if (dropped > 0)
        return finish_float(json, *value, dropped);
    if (!negative)
        *kind = ZIPLLM_JSON_UNSIGNED;
    else if (*value != 0 && *value <= UINT64_C(1) << 63)
        *kind = ZIPLLM_JSON_NEGATIVE;
    return json->error == NULL;
}

/* ---- structure --------------------------------------------------------------------------------
 */

int zipllm_json_peek(zipllm_json *json)
{
    int byte = peek_byte(json);

    while (byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r') {
        json->pos++;
        byte = peek_byte(json);
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
        int byte = next_byte(json);
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
    if (byte == '-' || is_digit(byte))
        return zipllm_json_number(json, &kind, &value);
    if (byte == 'n')
        return skip_word(json, "null");
    if (byte == 't')
        return skip_word(json, "true");
    if (byte == 'f')
        return skip_word(json, "false");
    return zipllm_json_fail(json, json->pos, "expected value");
}
