/* json_pull.h: is the whole text UTF-8? */
#include <string.h>

#include "json_bytes.h"

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
    utf8_tail tail = utf8_tail_of((unsigned)zipllm_json_next_byte(json));
    unsigned i;

    if (tail.nbytes == 0)
        return false;
    for (i = 0; i < tail.nbytes; i++) {
        int byte = zipllm_json_next_byte(json);
        if (byte < (i == 0 ? tail.low : 0x80) || byte > (i == 0 ? tail.high : 0xBF))
            return false;
    }
    return true;
}

bool zipllm_json_check_utf8(zipllm_json *json, uint64_t *bad)
{
    int byte;

    while ((byte = zipllm_json_peek_byte(json)) >= 0) {
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
