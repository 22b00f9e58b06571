#include "error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends text to a message of cap bytes, control characters as \xNN; returns the new length. */
static size_t append(char *message, size_t length, size_t cap, const char *text)
{
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != 0x7f) {
            if (length + 1 >= cap)
                break;
            message[length++] = (char)c;
        } else {
            if (length + 4 >= cap)
                break;
            (void)snprintf(message + length, 5, "\\x%02x", c);
            length += 4;
        }
    }
    message[length] = '\0';
    return length;
}

zipllm_status zipllm_fail(zipllm_error *error, zipllm_status status, const char *path,
                          uint64_t offset, int os_errno, const char *format, ...)
{
    if (error == NULL)
        return status;

    /* What the arguments name may lie in error->message itself. */
    char reason[768], message[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);

    const size_t cap = sizeof message;
    size_t length = 0, path_nbytes = 0;
    if (path != NULL) {
        length = path_nbytes = append(message, length, cap - 256, path);
        length = append(message, length, cap, ": ");
    }
    if (offset != ZIPLLM_NO_OFFSET) {
        char text[40];
        (void)snprintf(text, sizeof text, "offset %" PRIu64 ": ", offset);
        length = append(message, length, cap, text);
    }
    error->path_nbytes = path_nbytes;
    error->reason_at = length;
    length = append(message, length, cap, reason);
    if (os_errno != 0) {
        length = append(message, length, cap, ": ");
        (void)append(message, length, cap, strerror(os_errno));
    }
    memcpy(error->message, message, sizeof message);
    error->offset = offset;
    error->os_errno = os_errno;
    return status;
}

zipllm_status zipllm_fail_os(zipllm_error *error, const char *path, int os_errno, const char *what)
{
    return zipllm_fail(error, ZIPLLM_ERROR, path, ZIPLLM_NO_OFFSET, os_errno, "%s", what);
}

zipllm_status zipllm_fail_memory(zipllm_error *error, uint64_t nbytes)
{
    return zipllm_fail(error, ZIPLLM_ERROR, NULL, ZIPLLM_NO_OFFSET, 0,
                       "out of memory (%" PRIu64 " bytes)", nbytes);
}
