/* Headers written, and read from strangers. */
#include "header.h"

#include <string.h>

#include "bytes.h"
#include "hash.h"

enum {
    FIXED_NBYTES = 12,
    BASE_MIN_NBYTES = 1 + BITX_HASH_NBYTES, /* size and hash of the base */
    SECTIONS_MIN_NBYTES = 2,                /* two sizes */
    CHECKSUM_NBYTES = 8
};

static const uint8_t magic[4] = {'b', 'i', 't', 'x'};

static uint64_t count_blocks(uint64_t nbytes, unsigned block_log2)
{
    return (nbytes >> block_log2) + ((nbytes & (((uint64_t)1 << block_log2) - 1)) != 0);
}

void bitx_header_layout(bitx_header *h)
{
    size_t pos = FIXED_NBYTES + varint_nbytes(h->nbytes);
    if (h->predictor != BITX_PREDICTOR_NONE)
        pos += varint_nbytes(h->base_nbytes) + BITX_HASH_NBYTES;
    pos += varint_nbytes(h->predictor_nbytes);
    h->predictor_offset = pos;
    pos += h->predictor_nbytes + varint_nbytes(h->tables_nbytes);
    h->tables_offset = pos;
    h->rows_offset = pos + h->tables_nbytes;
    h->nblocks = count_blocks(h->nbytes, h->block_log2);
    h->header_nbytes = h->rows_offset + h->nblocks * BITX_ROW_NBYTES + CHECKSUM_NBYTES;
}

void bitx_header_store(const bitx_header *h, const uint8_t *predictor, const uint8_t *tables,
                       uint8_t *dst)
{
    uint8_t *p = dst;
    memcpy(p, magic, sizeof(magic));
    p += sizeof(magic);
    *p++ = BITX_FORMAT_VERSION;
    *p++ = 0; /* flags */
    *p++ = (uint8_t)h->codec;
    *p++ = (uint8_t)h->dtype;
    *p++ = (uint8_t)bitx_dtype_bits(h->dtype);
    *p++ = (uint8_t)h->predictor;
    *p++ = (uint8_t)h->block_log2;
    *p++ = 0; /* reserved */
    p = store_varint(p, h->nbytes);
    if (h->predictor != BITX_PREDICTOR_NONE) {
        p = store_varint(p, h->base_nbytes);
        memcpy(p, h->base_hash, BITX_HASH_NBYTES);
        p += BITX_HASH_NBYTES;
    }
    p = store_varint(p, h->predictor_nbytes);
    if (h->predictor_nbytes)
        memcpy(p, predictor, h->predictor_nbytes);
    p += h->predictor_nbytes;
    p = store_varint(p, h->tables_nbytes);
    if (h->tables_nbytes)
        memcpy(p, tables, h->tables_nbytes);
}

void bitx_row_store(uint8_t *row, const bitx_block *block)
{
    store_u32(row, block->payload_nbytes);
    row[4] = (uint8_t)block->codec;
    store_u64(row + 5, block->checksum);
}

void bitx_row_load(const uint8_t *row, bitx_block *block)
{
    block->payload_nbytes = load_u32(row);
    block->codec = (bitx_codec)row[4];
    block->checksum = load_u64(row + 5);
}

void bitx_header_seal(const bitx_header *h, uint8_t *dst)
{
    size_t nbytes = (size_t)h->header_nbytes - CHECKSUM_NBYTES;
    store_u64(dst + nbytes, bitx_hash64(dst, nbytes));
}

size_t bitx_block_nbytes(const bitx_header *h, uint64_t index)
{
    uint64_t rest = h->nbytes - (index << h->block_log2);
    uint64_t block = (uint64_t)1 << h->block_log2;
    return (size_t)(rest < block ? rest : block);
}

size_t bitx_block_base_range(const bitx_header *h, uint64_t index, uint64_t *base_offset)
{
    uint64_t offset = index << h->block_log2;
    size_t nbytes = bitx_block_nbytes(h, index);
    if (!bitx_prediction_plain(&h->prediction))
        return bitx_prediction_range(&h->prediction, h->base_nbytes, offset, nbytes, base_offset);
    *base_offset = offset;
    if (h->base_nbytes <= offset)
        return 0;
    uint64_t rest = h->base_nbytes - offset;
    return rest < nbytes ? (size_t)rest : nbytes;
}

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct reader {
    const uint8_t *bytes;
    size_t avail, pos;
    size_t *need;
} reader;

/* Asks for `rest` bytes from pos on, or for one more than there are, whichever is more. */
static bitx_status more(const reader *r, uint64_t rest)
{
    if (rest > SIZE_MAX - r->pos)
        return BITX_ERR_UNSUPPORTED; /* a header larger than this machine's address space */
    size_t least = r->pos + (size_t)rest;
    *r->need = least > r->avail ? least : r->avail + 1;
    return BITX_ERR_TRUNCATED;
}

/* A varint of at most `max`, behind which at least `rest` more bytes of header follow. */
static bitx_status number(reader *r, uint64_t max, uint64_t rest, uint64_t *value)
{
    switch (load_varint(r->bytes, r->avail, &r->pos, max, value)) {
    case VARINT_OK:
        return BITX_OK;
    case VARINT_SHORT:
        return more(r, rest + 1);
    case VARINT_BAD:
        break;
    }
    return BITX_ERR_CORRUPT;
}

static bitx_status parse_fixed(reader *r, bitx_header *h)
{
    size_t n = r->avail < sizeof(magic) ? r->avail : sizeof(magic);
    if (n && memcmp(r->bytes, magic, n) != 0)
        return BITX_ERR_MAGIC;
    if (r->avail < FIXED_NBYTES)
        return more(r, FIXED_NBYTES + 1 + SECTIONS_MIN_NBYTES + CHECKSUM_NBYTES);
    const uint8_t *p = r->bytes;
    if (p[4] != BITX_FORMAT_VERSION)
        return BITX_ERR_VERSION;
    if (p[5] != 0 || p[11] != 0)
        return BITX_ERR_UNSUPPORTED;
    if (p[6] >= BITX_CODEC_COUNT || p[7] >= BITX_DTYPE_COUNT || p[9] >= BITX_PREDICTOR_COUNT)
        return BITX_ERR_UNSUPPORTED;
    if (p[10] < BITX_BLOCK_LOG2_MIN || p[10] > BITX_BLOCK_LOG2_MAX)
        return BITX_ERR_CORRUPT;
    h->codec = (bitx_codec)p[6];
    h->dtype = (bitx_dtype)p[7];
    if (p[8] != bitx_dtype_bits(h->dtype))
        return BITX_ERR_CORRUPT;
    h->predictor = p[9];
    h->block_log2 = p[10];
    r->pos = FIXED_NBYTES;
    return BITX_OK;
}

/* The sizes and the base, up to the rows. */
static bitx_status parse_variable(reader *r, bitx_header *h)
{
    bool has_base = h->predictor != BITX_PREDICTOR_NONE;
    uint64_t rest = SECTIONS_MIN_NBYTES + CHECKSUM_NBYTES;
    bitx_status status =
        number(r, BITX_TENSOR_MAX, rest + (has_base ? BASE_MIN_NBYTES : 0), &h->nbytes);
    if (status != BITX_OK)
        return status;
    rest += count_blocks(h->nbytes, h->block_log2) * BITX_ROW_NBYTES;
    if (has_base) {
        status = number(r, BITX_TENSOR_MAX, rest + BITX_HASH_NBYTES, &h->base_nbytes);
        if (status != BITX_OK)
            return status;
        if (r->avail - r->pos < BITX_HASH_NBYTES)
            return more(r, rest + BITX_HASH_NBYTES);
        memcpy(h->base_hash, r->bytes + r->pos, BITX_HASH_NBYTES);
        r->pos += BITX_HASH_NBYTES;
    }
    uint64_t n;
    status = number(r, BITX_PREDICTOR_MAX, rest - 1, &n);
    if (status != BITX_OK)
        return status;
    if (r->avail - r->pos < n)
        return more(r, n + rest - 1);
    h->predictor_nbytes = (size_t)n;
    r->pos += h->predictor_nbytes;
    status = number(r, BITX_TABLES_MAX, rest - 2, &n);
    if (status != BITX_OK)
        return status;
    h->tables_nbytes = (size_t)n;
    if (r->avail - r->pos < n + rest - 2)
        return more(r, n + rest - 2);
    return BITX_OK;
}

/* Every row against the limits of its block; sums the payloads. */
static bitx_status parse_rows(const uint8_t *rows, bitx_header *h)
{
    h->codecs_used = 0;
    h->frame_nbytes = h->header_nbytes;
    for (uint64_t i = 0; i < h->nblocks; i++) {
        bitx_block block;
        bitx_row_load(rows + i * BITX_ROW_NBYTES, &block);
        const bitx_block_codec *codec = bitx_codec_find(block.codec);
        if (!codec)
            return block.codec == BITX_CODEC_AUTO ? BITX_ERR_CORRUPT : BITX_ERR_UNSUPPORTED;
        size_t nbytes = bitx_block_nbytes(h, i);
        bool sized = codec == &bitx_codec_raw ? block.payload_nbytes == nbytes
                                              : block.payload_nbytes < nbytes;
        if (!sized || !codec->accepts(h->dtype, h->predictor != BITX_PREDICTOR_NONE))
            return BITX_ERR_CORRUPT;
        h->codecs_used |= 1u << block.codec;
        h->frame_nbytes += block.payload_nbytes;
    }
    return BITX_OK;
}

/* The next entry of a tables section; *codec NULL at its end. */
static bitx_status next_tables(const uint8_t *section, size_t nbytes, size_t *pos, unsigned *last,
                               const bitx_block_codec **codec, size_t *length)
{
    *codec = NULL;
    if (*pos == nbytes)
        return BITX_OK;
    unsigned id = section[(*pos)++];
    uint64_t n;
    if (id <= *last || load_varint(section, nbytes, pos, nbytes, &n) != VARINT_OK || n == 0 ||
        n > nbytes - *pos)
        return BITX_ERR_CORRUPT;
    *codec = bitx_codec_find(id);
    if (!*codec)
        return BITX_ERR_UNSUPPORTED;
    if (n > (*codec)->tables_max_nbytes)
        return BITX_ERR_CORRUPT;
    *last = id;
    *length = (size_t)n;
    return BITX_OK;
}

static bitx_status check_tables(const uint8_t *section, size_t nbytes)
{
    size_t pos = 0, length = 0;
    unsigned last = 0;
    const bitx_block_codec *codec;
    for (;;) {
        bitx_status status = next_tables(section, nbytes, &pos, &last, &codec, &length);
        if (status != BITX_OK || !codec)
            return status;
        pos += length;
    }
}

bitx_status bitx_header_parse(const uint8_t *bytes, size_t avail, bitx_header *h, size_t *need)
{
    reader r = {bytes, avail, 0, need};
    memset(h, 0, sizeof(*h));
    bitx_status status = parse_fixed(&r, h);
    if (status == BITX_OK)
        status = parse_variable(&r, h);
    if (status != BITX_OK)
        return status;
    bitx_header_layout(h);
    size_t nbytes = (size_t)h->header_nbytes - CHECKSUM_NBYTES; /* all of it is there */
    if (load_u64(bytes + nbytes) != bitx_hash64(bytes, nbytes))
        return BITX_ERR_CHECKSUM;
    if (h->predictor != BITX_PREDICTOR_NONE && h->base_nbytes == 0)
        return BITX_ERR_CORRUPT;
    status =
        bitx_prediction_parse((bitx_predictor)h->predictor, h->dtype, h->nbytes, h->base_nbytes,
                              bytes + h->predictor_offset, h->predictor_nbytes, &h->prediction);
    if (status == BITX_OK)
        status = check_tables(bytes + h->tables_offset, h->tables_nbytes);
    return status == BITX_OK ? parse_rows(bytes + h->rows_offset, h) : status;
}

int bitx_frame_peek(const void *frame, size_t avail, bitx_prediction_kind *kind, unsigned *rank)
{
    const uint8_t *bytes = frame;
    size_t pos = FIXED_NBYTES;
    uint64_t n, columns, r = 0;
    if (avail < FIXED_NBYTES || memcmp(bytes, magic, sizeof(magic)) != 0 ||
        bytes[9] >= BITX_PREDICTOR_COUNT)
        return 0;
    if (bytes[9] == BITX_PREDICTOR_LOWRANK || bytes[9] == BITX_PREDICTOR_ADAPTER) {
        if (load_varint(bytes, avail, &pos, BITX_TENSOR_MAX, &n) != VARINT_OK ||
            load_varint(bytes, avail, &pos, BITX_TENSOR_MAX, &n) != VARINT_OK)
            return 0;
        pos += BITX_HASH_NBYTES;
        if (pos > avail || load_varint(bytes, avail, &pos, BITX_PREDICTOR_MAX, &n) != VARINT_OK ||
            load_varint(bytes, avail, &pos, UINT32_MAX, &columns) != VARINT_OK ||
            load_varint(bytes, avail, &pos, LOWRANK_RANK_MAX, &r) != VARINT_OK)
            return 0;
    }
    *kind = (bitx_prediction_kind)bytes[9];
    *rank = (unsigned)r;
    return 1;
}

/* ---- tables -------------------------------------------------------------------------------- */

static size_t object_nbytes(const bitx_block_codec *codec)
{
    return (codec->tables_object_nbytes + 63) & ~(size_t)63;
}

size_t bitx_tables_section_max(void)
{
    size_t most = 0;
    for (unsigned id = 0; id < BITX_CODEC_COUNT; id++) {
        const bitx_block_codec *codec = bitx_codec_find(id);
        if (codec && codec->tables_max_nbytes)
            most += 1 + varint_nbytes(codec->tables_max_nbytes) + codec->tables_max_nbytes;
    }
    return most;
}

size_t bitx_tables_objects_nbytes(void)
{
    size_t sum = 0;
    for (unsigned id = 0; id < BITX_CODEC_COUNT; id++) {
        const bitx_block_codec *codec = bitx_codec_find(id);
        if (codec)
            sum += object_nbytes(codec);
    }
    return sum;
}

bitx_status bitx_tables_open(bitx_dtype dtype, const uint8_t *section, size_t nbytes,
                             uint8_t *memory, const void *tables[BITX_CODEC_COUNT])
{
    for (unsigned id = 0; id < BITX_CODEC_COUNT; id++)
        tables[id] = NULL;
    size_t pos = 0, length = 0;
    unsigned last = 0;
    const bitx_block_codec *codec;
    for (;;) {
        bitx_status status = next_tables(section, nbytes, &pos, &last, &codec, &length);
        if (status != BITX_OK || !codec)
            return status;
        status = codec->tables_parse(dtype, section + pos, length, memory);
        if (status != BITX_OK)
            return status;
        tables[codec->id] = memory;
        memory += object_nbytes(codec);
        pos += length;
    }
}
