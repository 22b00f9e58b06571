#include "cursor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool zipllm_parse_fail(zipllm_parse_error *error, zipllm_parse_status status, uint64_t offset,
                       const char *format, ...)
{
    va_list args;

    if (error->status != ZIPLLM_PARSE_OK)
        return false;
    error->status = status;
    error->offset = offset;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return false;
}

void zipllm_cursor_init(zipllm_cursor *cursor, const bitx_source *source, uint64_t pos,
                        uint64_t end, void *window, zipllm_parse_error *error)
{
    memset(error, 0, sizeof *error);
    *cursor = (zipllm_cursor){source, error, pos, end, pos, 0, window};
}

/* True when nbytes more are there. */
static bool has(zipllm_cursor *cursor, uint64_t nbytes)
{
    if (cursor->error->status != ZIPLLM_PARSE_OK)
        return false;
    if (nbytes <= cursor->end - cursor->pos)
        return true;
    return zipllm_parse_fail(cursor->error, ZIPLLM_PARSE_REFUSED, cursor->pos,
                             "%" PRIu64 " bytes wanted where %" PRIu64 " are left", nbytes,
                             cursor->end - cursor->pos);
}

static bool fill(zipllm_cursor *cursor)
{
    uint64_t left = cursor->end - cursor->pos;
    size_t nbytes = left < ZIPLLM_CURSOR_WINDOW ? (size_t)left : ZIPLLM_CURSOR_WINDOW;

    cursor->window_nbytes = 0;
    if (cursor->source->read(cursor->source->user, cursor->pos, cursor->window, nbytes) != 0)
        return zipllm_parse_fail(cursor->error, ZIPLLM_PARSE_READ, cursor->pos, "cannot be read");
    cursor->window_start = cursor->pos;
    cursor->window_nbytes = nbytes;
    return true;
}

bool zipllm_cursor_bytes(zipllm_cursor *cursor, void *dst, size_t nbytes)
{
    unsigned char *out = dst;

    if (!has(cursor, nbytes))
        return false;
    while (nbytes > 0) {
        uint64_t at = cursor->pos - cursor->window_start;
        size_t n;
        if (at >= cursor->window_nbytes) {
            if (!fill(cursor))
                return false;
            at = 0;
        }
        n = cursor->window_nbytes - (size_t)at;
        n = n < nbytes ? n : nbytes;
        memcpy(out, cursor->window + at, n);
        out += n;
        cursor->pos += n;
        nbytes -= n;
    }
    return true;
}

bool zipllm_cursor_u8(zipllm_cursor *cursor, uint8_t *value)
{
    return zipllm_cursor_bytes(cursor, value, sizeof *value);
}

/* Hosts are little-endian: bitx/kernels.h refuses others. */
bool zipllm_cursor_u16(zipllm_cursor *cursor, uint16_t *value)
{
    return zipllm_cursor_bytes(cursor, value, sizeof *value);
}

bool zipllm_cursor_u32(zipllm_cursor *cursor, uint32_t *value)
{
    return zipllm_cursor_bytes(cursor, value, sizeof *value);
}

bool zipllm_cursor_u64(zipllm_cursor *cursor, uint64_t *value)
{
    return zipllm_cursor_bytes(cursor, value, sizeof *value);
}

bool zipllm_cursor_skip(zipllm_cursor *cursor, uint64_t count, uint64_t nbytes)
{
    if (cursor->error->status != ZIPLLM_PARSE_OK)
        return false;
    if (nbytes != 0 && count > (cursor->end - cursor->pos) / nbytes)
        return zipllm_parse_fail(cursor->error, ZIPLLM_PARSE_REFUSED, cursor->pos,
                                 "%" PRIu64 " elements of %" PRIu64 " bytes where %" PRIu64
                                 " bytes are left",
                                 count, nbytes, cursor->end - cursor->pos);
    cursor->pos += count * nbytes;
    return true;
}
