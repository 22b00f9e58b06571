#include "text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *text_reallocate(void *memory, size_t nbytes)
{
    void *grown = realloc(memory, nbytes == 0 ? 1 : nbytes);

    if (grown == NULL) {
        (void)fprintf(stderr, "zipllm: out of memory (%zu bytes)\n", nbytes);
        exit(1);
    }
    return grown;
}

void *text_allocate(size_t nbytes)
{
    return text_reallocate(NULL, nbytes);
}

char *text_copy(const char *text)
{
    size_t nbytes = strlen(text) + 1;

    return memcpy(text_allocate(nbytes), text, nbytes);
}

/* ---- names ------------------------------------------------------------------------------------
 */

size_t text_utf8(const char *text, size_t left, uint32_t *scalar)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)text;
    size_t nbytes = p[0] < 0x80 ? 1 : p[0] < 0xC0 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4, i;

    if (nbytes == 0 || nbytes > left || p[0] > 0xF4)
        return 0;
    *scalar = nbytes == 1 ? p[0] : p[0] & (0x7Fu >> nbytes);
    for (i = 1; i < nbytes; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *scalar = *scalar << 6 | (p[i] & 0x3F);
    }
    if (*scalar < smallest[nbytes] || *scalar > 0x10FFFF ||
        (*scalar >= 0xD800 && *scalar <= 0xDFFF))
        return 0;
    return nbytes;
}

/* What a terminal might obey, hide or reorder: C0, C1, soft hyphen, zero-width and bidirectional
   controls, line separators, byte order mark, tags. */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || c == 0x180E ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
           (c >= 0xE0000 && c <= 0xE0FFF);
}

char *text_escape_bytes(const char *name, size_t nbytes)
{
    /* The longest is \u{10ffff} for four bytes, and \xNN for one. */
    char *escaped = text_allocate(4 * nbytes + 1), *out = escaped;
    const char *end = name + nbytes;
    uint32_t c;

    while (name < end) {
        size_t length = text_utf8(name, (size_t)(end - name), &c);
        if (length == 0 || (length == 1 && is_unsafe(c))) {
            out += sprintf(out, "\\x%02x", (unsigned char)*name);
            length = 1;
        } else if (is_unsafe(c)) {
            out += sprintf(out, "\\u{%" PRIx32 "}", c);
        } else {
            if (*name == '\\')
                *out++ = '\\';
            memcpy(out, name, length);
            out += length;
        }
        name += length;
    }
    *out = '\0';
    return escaped;
}

char *text_escape(const char *name)
{
    return text_escape_bytes(name, strlen(name));
}

size_t text_columns(const char *escaped)
{
    size_t n = 0;

    for (; *escaped != '\0'; escaped++)
        n += ((unsigned char)*escaped & 0xC0) != 0x80;
    return n;
}

/* ---- numbers ----------------------------------------------------------------------------------
 */

static void with_unit(char dst[TEXT_NUMBER_MAX], double value, const char *suffix)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;

    /* 999.95 is where the next unit's figure is the shorter one */
    while (value >= 999.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(dst, TEXT_NUMBER_MAX, unit == 0 ? "%.0f %s%s" : "%.1f %s%s", value, units[unit],
                   suffix);
}

void text_bytes(char dst[TEXT_NUMBER_MAX], uint64_t nbytes)
{
    with_unit(dst, (double)nbytes, "");
}

void text_count(char dst[TEXT_NUMBER_MAX], uint64_t n)
{
    (void)snprintf(dst, TEXT_NUMBER_MAX, "%" PRIu64, n);
}

void text_percent(char dst[TEXT_NUMBER_MAX], double part)
{
    (void)snprintf(dst, TEXT_NUMBER_MAX, "%.1f%%", 100 * part);
}

void text_rate(char dst[TEXT_NUMBER_MAX], uint64_t nbytes, double seconds)
{
    with_unit(dst, seconds > 0 ? (double)nbytes / seconds : 0, "/s");
}

void text_seconds(char dst[TEXT_NUMBER_MAX], double seconds)
{
    uint64_t whole = seconds < 0 ? 0 : (uint64_t)(seconds + 0.5);

    if (seconds < 60)
        (void)snprintf(dst, TEXT_NUMBER_MAX, seconds < 10 ? "%.2f s" : "%.1f s", seconds);
    else if (whole < 3600)
        (void)snprintf(dst, TEXT_NUMBER_MAX, "%" PRIu64 ":%02" PRIu64, whole / 60, whole % 60);
    else
        (void)snprintf(dst, TEXT_NUMBER_MAX, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, whole / 3600,
                       whole / 60 % 60, whole % 60);
}

void text_date(char dst[TEXT_NUMBER_MAX], int64_t unix_seconds)
{
    time_t when = (time_t)unix_seconds;
    struct tm local;

    if (localtime_r(&when, &local) == NULL ||
        strftime(dst, TEXT_NUMBER_MAX, "%Y-%m-%d %H:%M", &local) == 0)
        (void)snprintf(dst, TEXT_NUMBER_MAX, "?");
}
