/*
 * json_pull.h: a strict pull reader of JSON text that is read through a small window.
 *
 * It accepts and refuses what serde_json 1.x does (RFC 8259, no lone surrogates, at most 127 nested
 * containers, numbers that overflow a double refused), and gives its reasons in the same words,
 * because the reference parser of safetensors is built on it. Nothing is built in memory: a caller
 * asks for the next key, element or value.
 *
 * The text must have passed zipllm_json_check_utf8() first. After a failure every call fails.
 */
#ifndef ZIPLLM_JSON_PULL_H
#define ZIPLLM_JSON_PULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bitx/codec.h" /* bitx_source */

enum {
    ZIPLLM_JSON_DEPTH_MAX = 127, /* serde_json's limit: the 128th nested container is refused */
    ZIPLLM_JSON_HEAD_MAX = 32
};

typedef struct zipllm_json {
    const bitx_source *source;
    uint64_t base;   /* where the text begins in the source */
    uint64_t nbytes; /* of the text */
    uint64_t pos;    /* of the next byte, from the start of the text */
    unsigned char *window;
    size_t window_cap;
    uint64_t window_start;
    size_t window_nbytes;
    unsigned depth;
    const char *error; /* static text; NULL while all is well */
    uint64_t error_pos;
    bool read_failed; /* the error is the source's, not the text's */
} zipllm_json;

/* A string as it was met. The hash is of the decoded bytes: equal strings have equal hashes. */
typedef struct zipllm_json_text {
    uint64_t offset;                 /* of the byte after the opening quote */
    uint64_t raw_nbytes;             /* up to the closing quote, escapes as written */
    uint64_t nbytes;                 /* decoded, UTF-8 */
    uint64_t hash;                   /* FNV-1a; not collision-resistant */
    char head[ZIPLLM_JSON_HEAD_MAX]; /* the first decoded bytes, no NUL at the end */
} zipllm_json_text;

typedef enum zipllm_json_number_kind {
    ZIPLLM_JSON_UNSIGNED, /* 0 to 2^64-1 */
    ZIPLLM_JSON_NEGATIVE, /* -2^63 to -1 */
    ZIPLLM_JSON_FLOAT     /* everything else: -0, 1.0, 1e2, beyond 64 bits */
} zipllm_json_number_kind;

/* window: work memory of at least 16 bytes, the caller's, used until the last call. */
void zipllm_json_init(zipllm_json *json, const bitx_source *source, uint64_t base, uint64_t nbytes,
                      void *window, size_t window_cap);

/* True when the whole text is UTF-8; else *bad is where the first wrong sequence begins. Check
   read_failed when it returns false. The position is the start of the text again afterwards. */
bool zipllm_json_check_utf8(zipllm_json *json, uint64_t *bad);

/* The next byte that is not white space, left in place; -1 at the end of the text or on failure. */
int zipllm_json_peek(zipllm_json *json);

/* Records the first error, at `pos`, and returns false. */
bool zipllm_json_fail(zipllm_json *json, uint64_t pos, const char *message);

/* `{` or `[`, already peeked: steps inside. The matching next_*() that returns 0 steps out. */
bool zipllm_json_enter(zipllm_json *json);

/* 1: a key was read, zipllm_json_colon() and a value follow. 0: the object ended. -1: failure.
 *first is true before the first call. */
int zipllm_json_next_key(zipllm_json *json, bool *first, zipllm_json_text *key);
bool zipllm_json_colon(zipllm_json *json);
/* 1: an element follows. 0: the array ended. -1: failure. */
int zipllm_json_next_element(zipllm_json *json, bool *first);

/* A string whose opening quote was peeked. */
bool zipllm_json_string(zipllm_json *json, zipllm_json_text *text);
/* A number whose first byte was peeked. *value is the magnitude, unless it is a float. */
bool zipllm_json_number(zipllm_json *json, zipllm_json_number_kind *kind, uint64_t *value);
/* Any value, checked and passed over. */
bool zipllm_json_skip(zipllm_json *json);

/*
 * Decodes a string met before, from its offset and raw length, into dst (cap bytes, no NUL added).
 * *nbytes is its decoded length, which may exceed cap; only cap bytes are written then. False only
 * when the source fails or the text changed meanwhile. The position is kept.
 */
bool zipllm_json_decode(zipllm_json *json, uint64_t offset, uint64_t raw_nbytes, void *dst,
                        size_t cap, size_t *nbytes);

/* True when the decoded string is exactly this literal, of at most ZIPLLM_JSON_HEAD_MAX bytes. */
bool zipllm_json_text_is(const zipllm_json_text *text, const char *literal);

#endif
