#ifndef ZIPLLM_UTF8_H
#define ZIPLLM_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True for valid UTF-8 (RFC 3629: no overlong forms, no surrogates) without a NUL. */
bool zipllm_utf8_is_text(const char *text, size_t nbytes);

#endif
