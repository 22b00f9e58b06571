/*
 * zip.h: where the members of a ZIP archive lie (PKWARE APPNOTE.TXT 6.3, zip64 included). Nothing
 * is unpacked: a member that is stored is a range of the file.
 *
 * The central directory counts; local headers give the start of the data. Archives in pieces, with
 * encrypted members or with ranges that overlap are refused.
 */
#ifndef ZIPLLM_ZIP_H
#define ZIPLLM_ZIP_H

#include "cursor.h"

enum { ZIPLLM_ZIP_MEMBERS_MAX = 1000000 };

typedef struct zipllm_zip_member {
    uint64_t begin, end; /* of the data as it lies in the file */
    uint64_t header;     /* of the local header */
    uint64_t name_offset;
    uint16_t name_nbytes;
    uint16_t method; /* 0: stored; else the range is packed */
} zipllm_zip_member;

typedef struct zipllm_zip {
    zipllm_zip_member *members; /* by rising offsets, without overlaps */
    size_t nmembers;
} zipllm_zip;

/* ZIPLLM_PARSE_OK: *zip is filled (zipllm_zip_free()). Otherwise it is empty, and *error says why.
   Holds 40 bytes per member, and no more than the central directory takes. */
BITX_WARN_UNUSED zipllm_parse_status zipllm_zip_parse(const bitx_source *source,
                                                      uint64_t file_nbytes, zipllm_zip *zip,
                                                      zipllm_parse_error *error);
void zipllm_zip_free(zipllm_zip *zip);

#endif
