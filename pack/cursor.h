/*
 * cursor.h: reads a binary header front to back through a small window, and never past `end`. After
 * the first failure every call fails, and the error keeps the first reason: callers may check once
 * after several reads.
 */
#ifndef ZIPLLM_CURSOR_H
#define ZIPLLM_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bitx/codec.h" /* bitx_source */

enum { ZIPLLM_CURSOR_WINDOW = 16384, ZIPLLM_PARSE_MESSAGE_MAX = 160 };

typedef enum zipllm_parse_status {
    ZIPLLM_PARSE_OK = 0,
    ZIPLLM_PARSE_OTHER,   /* another kind of file: the magic is not there */
    ZIPLLM_PARSE_REFUSED, /* of this kind, and damaged, hostile or unknown in its details */
    ZIPLLM_PARSE_MEMORY,
    ZIPLLM_PARSE_READ /* the source failed */
} zipllm_parse_status;

typedef struct zipllm_parse_error {
    zipllm_parse_status status;
    uint64_t offset;                        /* in the file, of what is at fault */
    char message[ZIPLLM_PARSE_MESSAGE_MAX]; /* printable ASCII, without the offset */
} zipllm_parse_error;

typedef struct zipllm_cursor {
    const bitx_source *source;
    zipllm_parse_error *error;
    uint64_t pos; /* in the file, of the next byte */
    uint64_t end;
    uint64_t window_start;
    size_t window_nbytes;
    unsigned char *window; /* ZIPLLM_CURSOR_WINDOW bytes, the caller's */
} zipllm_cursor;

/* Bytes [pos, end) of the source. error is cleared. */
void zipllm_cursor_init(zipllm_cursor *cursor, const bitx_source *source, uint64_t pos,
                        uint64_t end, void *window, zipllm_parse_error *error);

bool zipllm_cursor_bytes(zipllm_cursor *cursor, void *dst, size_t nbytes);
bool zipllm_cursor_u8(zipllm_cursor *cursor, uint8_t *value);
bool zipllm_cursor_u16(zipllm_cursor *cursor, uint16_t *value); /* little-endian, as all below */
bool zipllm_cursor_u32(zipllm_cursor *cursor, uint32_t *value);
bool zipllm_cursor_u64(zipllm_cursor *cursor, uint64_t *value);
/* Passes over count elements of nbytes each, without reading them. */
bool zipllm_cursor_skip(zipllm_cursor *cursor, uint64_t count, uint64_t nbytes);

/* Sets the error unless one is set already; returns false. */
__attribute__((format(printf, 4, 5))) bool zipllm_parse_fail(zipllm_parse_error *error,
                                                             zipllm_parse_status status,
                                                             uint64_t offset, const char *format,
                                                             ...);

#endif
