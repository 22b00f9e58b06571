/*
 * json_bytes.h: the text under json_pull.h, byte by byte. Inline: whatever is no plain run of a
 * string is read this way, in headers of up to 100 MB.
 */
#ifndef ZIPLLM_JSON_BYTES_H
#define ZIPLLM_JSON_BYTES_H

#include "json_pull.h"

/* Makes the byte at pos the first of the window. */
bool zipllm_json_refill(zipllm_json *json);

/* The byte at pos, -1 at the end of the text or on failure. */
static inline int zipllm_json_peek_byte(zipllm_json *json)
{
    uint64_t at = json->pos - json->window_start;

    if (json->error != NULL || json->pos >= json->nbytes)
        return -1;
    if (json->pos < json->window_start || at >= json->window_nbytes) {
        if (!zipllm_json_refill(json))
            return -1;
        at = 0;
    }
    return json->window[at];
}

static inline int zipllm_json_next_byte(zipllm_json *json)
{
    int byte = zipllm_json_peek_byte(json);

    if (byte >= 0)
        json->pos++;
    return byte;
}

static inline bool zipllm_json_is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

#endif
