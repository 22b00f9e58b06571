#include "zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Sizes of the fixed parts, and signatures. */
enum {
    END_NBYTES = 22,
    END64_NBYTES = 56,
    LOCATOR_NBYTES = 20,
    LOCAL_NBYTES = 30,
    COMMENT_MAX = 65535
};
#define SIG_LOCAL 0x04034b50u
#define SIG_CENTRAL 0x02014b50u
#define SIG_END 0x06054b50u
#define SIG_END64 0x06064b50u
#define SIG_LOCATOR 0x07064b50u

enum { FLAG_ENCRYPTED = 1, EXTRA_ZIP64 = 1 };

typedef struct parser {
    const bitx_source *source;
    zipllm_parse_error *error;
    zipllm_zip *zip;
    uint64_t capacity; /* of zip->members */
    uint64_t file_nbytes;
    uint64_t nmembers;
    uint64_t directory, directory_end;
    unsigned char *buffer; /* ZIPLLM_CURSOR_WINDOW bytes */
} parser;

static uint16_t u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32(const unsigned char *p)
{
    return u16(p) | (uint32_t)u16(p + 2) << 16;
}

static uint64_t u64(const unsigned char *p)
{
    return u32(p) | (uint64_t)u32(p + 4) << 32;
}

static bool refuse(parser *p, uint64_t offset, const char *reason)
{
    return zipllm_parse_fail(p->error, ZIPLLM_PARSE_REFUSED, offset, "%s", reason);
}

static bool read_at(parser *p, uint64_t offset, void *dst, size_t nbytes)
{
    if (offset > p->file_nbytes || nbytes > p->file_nbytes - offset)
        return refuse(p, p->file_nbytes, "the archive points beyond the file");
    if (p->source->read(p->source->user, offset, dst, nbytes) != 0)
        return zipllm_parse_fail(p->error, ZIPLLM_PARSE_READ, offset, "cannot be read");
    return true;
}

/* The end record: the last one whose comment ends with the file. 0: not found. */
static uint64_t find_end(parser *p)
{
    uint64_t reach = (uint64_t)END_NBYTES + COMMENT_MAX;
    uint64_t lowest = p->file_nbytes > reach ? p->file_nbytes - reach : 0;
    uint64_t at = p->file_nbytes; /* everything from here was looked at */

    while (at > lowest) {
        uint64_t stop = at + END_NBYTES - 1 < p->file_nbytes ? at + END_NBYTES - 1 : p->file_nbytes;
        uint64_t start =
            stop > lowest + ZIPLLM_CURSOR_WINDOW ? stop - ZIPLLM_CURSOR_WINDOW : lowest;
        size_t i;
        if (!read_at(p, start, p->buffer, (size_t)(stop - start)))
            return 0;
        for (i = (size_t)(stop - start); i-- > 0;) {
            uint64_t left = p->file_nbytes - start - i;
            if (stop - start - i < END_NBYTES || u32(p->buffer + i) != SIG_END)
                continue;
            if (u16(p->buffer + i + 20) == left - END_NBYTES)
                return start + i;
        }
        at = start;
    }
    return 0;
}

static bool read_end64(parser *p, uint64_t locator)
{
    unsigned char record[END64_NBYTES];
    unsigned char pointer[LOCATOR_NBYTES];
    uint64_t at;

    if (!read_at(p, locator, pointer, sizeof pointer))
        return false;
    at = u64(pointer + 8);
    if (!read_at(p, at, record, sizeof record))
        return false;
    if (u32(record) != SIG_END64 || at > locator)
        return refuse(p, locator, "the zip64 record is not where it should be");
    if (u32(record + 16) != 0 || u32(record + 20) != 0 || u64(record + 24) != u64(record + 32))
        return refuse(p, at, "an archive in pieces");
    p->nmembers = u64(record + 32);
    p->directory = u64(record + 48);
    if (__builtin_add_overflow(p->directory, u64(record + 40), &p->directory_end) ||
        p->directory_end > at)
        return refuse(p, at, "the central directory does not end before its end record");
    return true;
}

static bool read_end32(parser *p, uint64_t at, const unsigned char *record)
{
    if (u16(record + 4) != 0 || u16(record + 6) != 0 || u16(record + 8) != u16(record + 10))
        return refuse(p, at, "an archive in pieces");
    p->nmembers = u16(record + 10);
    p->directory = u32(record + 16);
    p->directory_end = p->directory + u32(record + 12);
    if (p->directory_end > at)
        return refuse(p, at, "the central directory does not end before its end record");
    return true;
}

static bool locate_directory(parser *p)
{
    unsigned char record[END_NBYTES];
    unsigned char signature[4];
    uint64_t at;
    bool is_zip;

    if (p->file_nbytes < END_NBYTES || !read_at(p, 0, signature, sizeof signature))
        return zipllm_parse_fail(p->error, ZIPLLM_PARSE_OTHER, 0, "not a ZIP archive");
    is_zip = u32(signature) == SIG_LOCAL || u32(signature) == SIG_END;
    if (!is_zip)
        return zipllm_parse_fail(p->error, ZIPLLM_PARSE_OTHER, 0, "not a ZIP archive");
    at = find_end(p);
    if (p->error->status != ZIPLLM_PARSE_OK || !read_at(p, at, record, sizeof record))
        return false;
    if (u32(record) != SIG_END)
        return refuse(p, p->file_nbytes, "no end record: the archive is cut off");
    if (at >= LOCATOR_NBYTES) {
        if (!read_at(p, at - LOCATOR_NBYTES, signature, sizeof signature))
            return false;
        if (u32(signature) == SIG_LOCATOR)
            return read_end64(p, at - LOCATOR_NBYTES);
    }
    return read_end32(p, at, record);
}

/* What the central directory says of one member. */
typedef struct entry {
    uint64_t packed, size, header;
} entry;

/* Fields that are all ones stand in the zip64 extra field, in this order. */
static bool read_extra(zipllm_cursor *cursor, uint16_t nbytes, entry *e)
{
    uint64_t end = cursor->pos + nbytes;
    uint64_t *const fields[] = {&e->size, &e->packed, &e->header};

    while (end - cursor->pos >= 4) {
        uint16_t id;
        uint16_t size;
        size_t i;
        if (!zipllm_cursor_u16(cursor, &id) || !zipllm_cursor_u16(cursor, &size))
            return false;
        if (size > end - cursor->pos)
            break; /* not written as the specification wants it: padding */
        if (id != EXTRA_ZIP64) {
            if (!zipllm_cursor_skip(cursor, size, 1))
                return false;
            continue;
        }
        for (i = 0; i < sizeof fields / sizeof fields[0] && size >= 8; i++) {
            if (*fields[i] != UINT32_MAX)
                continue;
            if (!zipllm_cursor_u64(cursor, fields[i]))
                return false;
            size = (uint16_t)(size - 8);
        }
        if (!zipllm_cursor_skip(cursor, size, 1))
            return false;
    }
    return zipllm_cursor_skip(cursor, end - cursor->pos, 1);
}

static bool reserve(parser *p)
{
    uint64_t capacity = p->capacity == 0 ? 64 : 2 * p->capacity;
    zipllm_zip_member *grown;

    if (p->zip->nmembers < p->capacity)
        return true;
    grown = realloc(p->zip->members, (size_t)capacity * sizeof *grown);
    if (grown == NULL)
        return zipllm_parse_fail(p->error, ZIPLLM_PARSE_MEMORY, p->directory, "out of memory");
    p->zip->members = grown;
    p->capacity = capacity;
    return true;
}

/* begin is not known yet, and end is the number of bytes. */
static bool read_entry(parser *p, zipllm_cursor *cursor)
{
    unsigned char fixed[46];
    uint64_t at = cursor->pos;
    zipllm_zip_member *member;
    entry e;

    if (!reserve(p) || !zipllm_cursor_bytes(cursor, fixed, sizeof fixed))
        return false;
    if (u32(fixed) != SIG_CENTRAL)
        return refuse(p, at, "not an entry of the central directory");
    if ((u16(fixed + 8) & FLAG_ENCRYPTED) != 0)
        return refuse(p, at, "an encrypted member");
    e = (entry){u32(fixed + 20), u32(fixed + 24), u32(fixed + 42)};
    member = &p->zip->members[p->zip->nmembers];
    member->name_offset = cursor->pos;
    member->name_nbytes = u16(fixed + 28);
    member->method = u16(fixed + 10);
    if (!zipllm_cursor_skip(cursor, member->name_nbytes, 1) ||
        !read_extra(cursor, u16(fixed + 30), &e) || !zipllm_cursor_skip(cursor, u16(fixed + 32), 1))
        return false;
    if (member->method == 0 && e.packed != e.size)
        return refuse(p, at, "a stored member of two sizes");
    member->header = e.header;
    member->begin = 0;
    member->end = e.packed;
    p->zip->nmembers++;
    return true;
}

static int by_header(const void *a, const void *b)
{
    const zipllm_zip_member *x = a;
    const zipllm_zip_member *y = b;

    return (x->header > y->header) - (x->header < y->header);
}

/* Data begins where the local header ends; its sizes may be absent (a data descriptor follows). */
static bool place_member(parser *p, zipllm_zip_member *member)
{
    unsigned char local[LOCAL_NBYTES];
    uint64_t nbytes = member->end;

    if (!read_at(p, member->header, local, sizeof local))
        return false;
    if (u32(local) != SIG_LOCAL)
        return refuse(p, member->header, "not a local header");
    if (u16(local + 8) != member->method || u16(local + 26) != member->name_nbytes)
        return refuse(p, member->header, "a local header unlike its entry in the directory");
    member->begin = member->header + LOCAL_NBYTES + u16(local + 26) + u16(local + 28);
    if (member->begin > p->directory || nbytes > p->directory - member->begin)
        return refuse(p, member->header, "a member runs into the central directory");
    member->end = member->begin + nbytes;
    return true;
}

static bool place_members(parser *p)
{
    zipllm_zip_member *m = p->zip->members;
    size_t i;

    if (p->zip->nmembers == 0)
        return true;
    qsort(m, p->zip->nmembers, sizeof *m, by_header);
    for (i = 0; i < p->zip->nmembers; i++) {
        if (!place_member(p, &m[i]))
            return false;
        if (i > 0 && m[i].header < m[i - 1].end)
            return refuse(p, m[i].header, "a member overlaps another one");
    }
    return true;
}

static bool parse(parser *p)
{
    zipllm_cursor cursor;
    uint64_t i;

    if (!locate_directory(p))
        return false;
    if (p->nmembers > ZIPLLM_ZIP_MEMBERS_MAX)
        return zipllm_parse_fail(p->error, ZIPLLM_PARSE_REFUSED, p->directory,
                                 "%" PRIu64 " members", p->nmembers);
    zipllm_cursor_init(&cursor, p->source, p->directory, p->directory_end, p->buffer, p->error);
    for (i = 0; i < p->nmembers; i++)
        if (!read_entry(p, &cursor))
            return false;
    return place_members(p);
}

zipllm_parse_status zipllm_zip_parse(const bitx_source *source, uint64_t file_nbytes,
                                     zipllm_zip *zip, zipllm_parse_error *error)
{
    parser p = {.source = source, .error = error, .zip = zip, .file_nbytes = file_nbytes};

    memset(zip, 0, sizeof *zip);
    memset(error, 0, sizeof *error);
    p.buffer = malloc(ZIPLLM_CURSOR_WINDOW);
    if (p.buffer == NULL)
        zipllm_parse_fail(error, ZIPLLM_PARSE_MEMORY, 0, "out of memory");
    else if (!parse(&p))
        zipllm_zip_free(zip);
    free(p.buffer);
    return error->status;
}

void zipllm_zip_free(zipllm_zip *zip)
{
    free(zip->members);
    memset(zip, 0, sizeof *zip);
}
