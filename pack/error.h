/* One-line messages: "FILE: offset N: REASON: errno's text", control characters escaped. */
#ifndef ZIPLLM_ERROR_H
#define ZIPLLM_ERROR_H

#include "zipllm.h"

/* Fills error (may be NULL) and returns status. path may be NULL; offset may be ZIPLLM_NO_OFFSET;
   os_errno 0 for none. */
__attribute__((format(printf, 6, 7))) zipllm_status
zipllm_fail(zipllm_error *error, zipllm_status status, const char *path, uint64_t offset,
            int os_errno, const char *format, ...);

/* The same for a failed system call on a path: "PATH: WHAT: strerror(os_errno)". */
zipllm_status zipllm_fail_os(zipllm_error *error, const char *path, int os_errno, const char *what);

/* Out of memory, with the number of bytes that were asked for. */
zipllm_status zipllm_fail_memory(zipllm_error *error, uint64_t nbytes);

#endif
