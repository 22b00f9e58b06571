/* The header of a frame, as FORMAT.md has it. Internal to codec/. */
#ifndef CODEC_HEADER_H
#define CODEC_HEADER_H

#include "block.h"
#include "predict.h"

/* The limits of the format; a header beyond one is corrupt, whatever its checksum says. */
enum {
    BITX_FORMAT_VERSION = 1,
    BITX_BLOCK_LOG2_MIN = 12,
    BITX_BLOCK_LOG2_MAX = 26,
    BITX_TABLES_MAX = 1 << 20,    /* bytes of the shared-tables section */
    BITX_PREDICTOR_MAX = 1 << 28, /* bytes of the predictor's section */
    BITX_ROW_NBYTES = 13
};
#define BITX_TENSOR_MAX ((uint64_t)1 << 48) /* bytes of the tensor, or of its base */

typedef struct bitx_header {
    bitx_dtype dtype;
    bitx_codec codec; /* as asked for */
    unsigned predictor;
    unsigned block_log2;
    uint64_t nbytes, base_nbytes;
    uint8_t base_hash[BITX_HASH_NBYTES];
    size_t predictor_nbytes, tables_nbytes; /* of the sections */

    /* set by bitx_header_layout() */
    uint64_t nblocks;
    size_t predictor_offset, tables_offset, rows_offset;
    uint64_t header_nbytes;

    /* set by bitx_header_parse() */
    uint64_t frame_nbytes;
    unsigned codecs_used; /* bit per codec id */

    bitx_prediction prediction; /* points into the section; set by bitx_header_parse() */
} bitx_header;

/* Computes sizes and offsets from the fields above them. */
void bitx_header_layout(bitx_header *header);

/* All but rows and checksum, to dst[0 .. rows_offset). Sections NULL where there are none. */
void bitx_header_store(const bitx_header *header, const uint8_t *predictor, const uint8_t *tables,
                       uint8_t *dst);
void bitx_row_store(uint8_t *row, const bitx_block *block);
void bitx_row_load(const uint8_t *row, bitx_block *block);
/* The checksum at the end of a header whose other bytes are there. */
void bitx_header_seal(const bitx_header *header, uint8_t *dst);

/* Checks everything but the contents of tables; see bitx_frame_info_read() for `need`. */
bitx_status bitx_header_parse(const uint8_t *bytes, size_t avail, bitx_header *header,
                              size_t *need);

/* Bytes of block `index` of the tensor, and of the range under it of each parent, *offset where it
   begins. */
size_t bitx_block_nbytes(const bitx_header *header, uint64_t index);
size_t bitx_block_base_range(const bitx_header *header, uint64_t index, uint64_t *offset);

/* Sections of all codecs, one after the other: codec id, varint length, bytes. */
size_t bitx_tables_section_max(void);
/* Memory for the objects that tables_parse() makes. */
size_t bitx_tables_objects_nbytes(void);
/* Makes the objects of a section in that memory, 64-byte aligned; tables[id] is NULL without. */
bitx_status bitx_tables_open(bitx_dtype dtype, const uint8_t *section, size_t nbytes,
                             uint8_t *memory, const void *tables[BITX_CODEC_COUNT]);

#endif
