/*
 * coded_file.h: one file as a row of frames, alone or against a base file; what `zipllm encode`
 * writes. It is for sending a fine-tune to somebody who has the base; a store is something else.
 *
 * All numbers are little-endian.
 *     0   8   "zipllm" 0x01 0x0A
 *     8   8   nbytes of the file
 *     16  8   nbytes of the base file, 0 without one
 *     24  8   number of parts, n
 *     32  32  SHA-256 of the file
 *     64  24n for each part: where its base begins in the base file, nbytes of that base (0: none),
 *             nbytes of its frame
 *         8   XXH3-64 of everything before
 *         -   the frames, in the order of the parts, unpadded (FORMAT.md)
 * With several base files it is version 2, "zipllm" 0x02 0x0A, where
 *     16  8   number of base files, f, 2 to 8
 *     64  8f  nbytes of each base file
 *         -   for each part 24 + 8f bytes: nbytes of its frame; nbytes of each of its bases (0:
 *             none); 4 bits: how many, and then 4 bits for each in the order of the frame: its
 *             file; where its base begins in each file, 0 where it has none
 *         8   XXH3-64 of everything before
 * The parts decoded and joined are the file. A frame names its bases by XXH3-128.
 */
#ifndef ZIPLLM_CODED_FILE_H
#define ZIPLLM_CODED_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "zipllm.h"

enum {
    ZIPLLM_CODED_HEADER = 64,
    ZIPLLM_CODED_ROW = 24,
    ZIPLLM_CODED_SUM = 8,
    ZIPLLM_CODED_SHA256 = 32
};

typedef struct zipllm_coded_row {
    uint64_t frame_nbytes;
    uint64_t base_nbytes; /* of each of its bases; 0: none */
    unsigned nbases;
    uint8_t file[BITX_BASES_MAX];         /* of base k of the frame */
    uint64_t base_offset[BITX_BASES_MAX]; /* of base k, in that file */
} zipllm_coded_row;

typedef struct zipllm_coded_head {
    uint64_t nbytes, nparts;
    unsigned nfiles; /* of bases */
    uint64_t file_nbytes[BITX_BASES_MAX];
    uint8_t sha256[ZIPLLM_CODED_SHA256];
    zipllm_coded_row *rows; /* malloced */
} zipllm_coded_head;

/* Bytes up to the first frame. */
uint64_t zipllm_coded_head_nbytes(unsigned nfiles, uint64_t nparts);
/* dst: zipllm_coded_head_nbytes() bytes. */
void zipllm_coded_head_write(const zipllm_coded_head *head, uint8_t *dst);
/* Reads and checks the head of the file behind fd, of file_nbytes bytes. path: for messages. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_coded_head_read(int fd, const char *path,
                                                        uint64_t file_nbytes,
                                                        zipllm_coded_head *head,
                                                        zipllm_error *error);

#endif
