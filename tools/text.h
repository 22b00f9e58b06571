/* Text for people: names made safe for a terminal, numbers with units. */
#ifndef ZIPLLM_TOOLS_TEXT_H
#define ZIPLLM_TOOLS_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Memory that cannot be had ends the command with a message; none of these returns NULL. */
void *text_allocate(size_t nbytes);
void *text_reallocate(void *memory, size_t nbytes);
char *text_copy(const char *text);

/*
 * The bytes of a name as they may be shown, malloced: control characters, invisible and
 * direction-changing ones, and bytes that are not UTF-8 become \xNN or \u{NNNN}, and a backslash
 * two.
 */
char *text_escape(const char *name);
char *text_escape_bytes(const char *name, size_t nbytes); /* that may hold NULs */

/* Length in bytes of the UTF-8 sequence at `text`, of which `left` > 0 bytes are there; 0 where it
   is not valid. *scalar is its value. */
size_t text_utf8(const char *text, size_t left, uint32_t *scalar);

/* Columns that an escaped text takes, one for each character. */
size_t text_columns(const char *escaped);

enum { TEXT_NUMBER_MAX = 32 };
void text_bytes(char dst[TEXT_NUMBER_MAX], uint64_t nbytes); /* "12.3 MB", powers of 1000 */
void text_count(char dst[TEXT_NUMBER_MAX], uint64_t n);      /* "1234" */
void text_percent(char dst[TEXT_NUMBER_MAX], double part);   /* 0.123 -> "12.3%" */
void text_rate(char dst[TEXT_NUMBER_MAX], uint64_t nbytes, double seconds); /* "612 MB/s" */
void text_seconds(char dst[TEXT_NUMBER_MAX], double seconds);               /* "0.12 s", "4:05" */
void text_date(char dst[TEXT_NUMBER_MAX], int64_t unix_seconds); /* "2026-05-12 10:24", local */

#endif
