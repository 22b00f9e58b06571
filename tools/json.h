/*
 * JSON lines on stdout: one object per line, always with "type" first.
 *
 * Names are bytes. Those that are not valid UTF-8 are written as lone surrogates \udc80 to \udcff,
 * which Python's json and os.fsencode() turn into the bytes again.
 */
#ifndef ZIPLLM_TOOLS_JSON_H
#define ZIPLLM_TOOLS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void json_begin(const char *type);
void json_string(const char *key, const char *value);               /* NULL: null */
void json_bytes(const char *key, const char *value, size_t nbytes); /* that may hold NULs */
void json_uint(const char *key, uint64_t value);
void json_int(const char *key, int64_t value);
void json_number(const char *key, double value);
void json_bool(const char *key, bool value);
/* A nested array of objects: json_array(), then json_item() before each object's members. */
void json_array(const char *key);
void json_item(void);
void json_array_end(void);
void json_end(void);

#endif
