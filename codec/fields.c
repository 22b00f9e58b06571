/*
 * Codec `fields`: records of quantised weights, taken apart. The scales of all records, their low
 * bits and their high bits are lists of one distribution each, which codecs `float` and `delta`
 * code as what they are; between them they hide each other.
 *
 * Payload: for each field u8 codec and u32 size; the bytes before the first whole record; the
 * fields; the bytes after the last whole record. Blocks are cut without regard to records.
 */
#include <string.h>

#include "block.h"
#include "bytes.h"
#include "carve.h"
#include "records.h"

enum { ENTRY_NBYTES = 5 };

/* A block as records. */
typedef struct cut {
    const bitx_record *record;
    size_t head, nrecords, tail;
    size_t nbased; /* records that the base has whole */
} cut;

static cut cut_block(const bitx_span *span)
{
    cut c = {.record = bitx_record_of(span->dtype)};
    size_t period = c.record->nbytes, over = (size_t)(span->offset % period);
    c.head = over ? period - over : 0;
    c.head = c.head < span->nbytes ? c.head : span->nbytes;
    c.nrecords = (span->nbytes - c.head) / period;
    c.tail = span->nbytes - c.head - c.nrecords * period;
    c.nbased = span->base_nbytes > c.head ? (span->base_nbytes - c.head) / period : 0;
    c.nbased = c.nbased < c.nrecords ? c.nbased : c.nrecords;
    return c;
}

static bool fields_accepts(bitx_dtype dtype, bool has_base)
{
    (void)has_base;
    return bitx_record_of(dtype) != NULL;
}

/* ---- memory ---- */

typedef struct memory {
    uint8_t *list, *base, *spare; /* of one field */
    bitx_work work;               /* of its codec */
} memory;

static size_t list_nbytes(const bitx_record *record, unsigned field, size_t block_nbytes)
{
    return (block_nbytes / record->nbytes + 1) * record->fields[field].nbytes;
}

static size_t longest_list(const bitx_record *record, size_t block_nbytes)
{
    size_t most = 0;
    for (unsigned i = 0; i < record->nfields; i++) {
        size_t n = list_nbytes(record, i, block_nbytes);
        most = n > most ? n : most;
    }
    return most;
}

static size_t fields_scratch_nbytes(bitx_dtype dtype, size_t block_nbytes)
{
    const bitx_record *record = bitx_record_of(dtype);
    size_t most = 0;
    for (unsigned i = 0; i < record->nfields; i++) {
        bitx_dtype as = (bitx_dtype)record->fields[i].dtype;
        size_t n = list_nbytes(record, i, block_nbytes);
        size_t alone = bitx_codec_float.scratch_nbytes(as, n);
        size_t based = bitx_codec_delta.scratch_nbytes(as, n);
        most = alone > most ? alone : most;
        most = based > most ? based : most;
    }
    return 3 * carved(longest_list(record, block_nbytes)) + most;
}

static memory divide(const bitx_work *work, const bitx_span *span)
{
    size_t n = longest_list(bitx_record_of(span->dtype), span->nbytes);
    uint8_t *at = work->scratch;
    memory m = {.work = *work};
    m.work.progress = NULL; /* the bytes of lists are not the block's */
    m.list = carve(&at, n);
    m.base = carve(&at, n);
    m.spare = carve(&at, n);
    m.work.scratch = at;
    return m;
}

/* ---- lists --------------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) void copy_strided(uint8_t *dst, size_t dst_step,
                                                               const uint8_t *src, size_t src_step,
                                                               size_t width, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy(dst + i * dst_step, src + i * src_step, width);
}

/* Widths that records have are constants to the compiler, which makes moves of registers of them.
 */
static void copy_field(uint8_t *dst, size_t dst_step, const uint8_t *src, size_t src_step,
                       size_t width, size_t n)
{
    switch (width) {
    case 2:
        copy_strided(dst, dst_step, src, src_step, 2, n);
        break;
    case 4:
        copy_strided(dst, dst_step, src, src_step, 4, n);
        break;
    case 16:
        copy_strided(dst, dst_step, src, src_step, 16, n);
        break;
    case 32:
        copy_strided(dst, dst_step, src, src_step, 32, n);
        break;
    default:
        copy_strided(dst, dst_step, src, src_step, width, n);
        break;
    }
}

static void gather(uint8_t *list, const uint8_t *records, size_t period, size_t width, size_t n)
{
    copy_field(list, width, records, period, width, n);
}

static void scatter(uint8_t *records, const uint8_t *list, size_t period, size_t width, size_t n)
{
    copy_field(records, period, list, width, width, n);
}

/* Field `at` bytes into the records as a block of its own, with its base in m->base. */
static bitx_span span_of(const cut *c, const memory *m, const bitx_field *field, size_t at,
                         const uint8_t *base)
{
    bitx_span span = {.dtype = (bitx_dtype)field->dtype, .nbytes = c->nrecords * field->nbytes};
    if (c->nbased == 0)
        return span;
    gather(m->base, base + c->head + at, c->record->nbytes, field->nbytes, c->nbased);
    span.base = m->base;
    span.base_nbytes = c->nbased * field->nbytes;
    return span;
}

/* ---- encoding ------------------------------------------------------------------------------ */

/* A field that its base helps this much is not tried without it. */
static bool good_enough(const bitx_tuning *tuning, size_t coded, size_t nbytes)
{
    return tuning->effort == BITX_EFFORT_FAST ||
           (tuning->effort == BITX_EFFORT_DEFAULT && coded < nbytes / 8 * 5);
}

/* The list in m->list to dst. *n: at most cap and the list's size; *codec: RAW if none is smaller.
 */
static bitx_status encode_list(const memory *m, const bitx_tuning *tuning, const bitx_span *span,
                               uint8_t *dst, size_t cap, size_t *n, bitx_codec *codec)
{
    const bitx_block_codec *const both[2] = {&bitx_codec_delta, &bitx_codec_float};
    *codec = BITX_CODEC_RAW;
    *n = span->nbytes;
    for (unsigned i = span->base_nbytes ? 0 : 1; i < 2 && *n > 1; i++) {
        size_t room = *n - 1 < cap ? *n - 1 : cap, coded;
        if (*codec != BITX_CODEC_RAW && good_enough(tuning, *n, span->nbytes))
            break;
        bitx_status status =
            both[i]->encode(&m->work, tuning, span, m->list, m->spare, room, &coded);
        if (status == BITX_ERR_DST_SIZE)
            continue;
        if (status != BITX_OK)
            return status;
        memcpy(dst, m->spare, coded);
        *codec = both[i]->id;
        *n = coded;
    }
    if (*codec == BITX_CODEC_RAW) {
        if (cap < span->nbytes)
            return BITX_ERR_DST_SIZE;
        memcpy(dst, m->list, span->nbytes);
    }
    return BITX_OK;
}

static bitx_status fields_encode(const bitx_work *work, const bitx_tuning *tuning,
                                 const bitx_span *span, const uint8_t *src, uint8_t *dst,
                                 size_t cap, size_t *payload_nbytes)
{
    cut c = cut_block(span);
    memory m = divide(work, span);
    size_t pos = ENTRY_NBYTES * c.record->nfields, at = 0;
    if (cap < pos + c.head + c.tail)
        return BITX_ERR_DST_SIZE;
    memcpy(dst + pos, src, c.head);
    pos += c.head;
    for (unsigned i = 0; i < c.record->nfields; i++) {
        const bitx_field *field = &c.record->fields[i];
        bitx_span list = span_of(&c, &m, field, at, span->base);
        bitx_codec codec;
        size_t n;
        gather(m.list, src + c.head + at, c.record->nbytes, field->nbytes, c.nrecords);
        bitx_status status =
            encode_list(&m, tuning, &list, dst + pos, cap - pos - c.tail, &n, &codec);
        if (status != BITX_OK)
            return status;
        dst[ENTRY_NBYTES * i] = (uint8_t)codec;
        store_u32(dst + ENTRY_NBYTES * i + 1, (uint32_t)n);
        pos += n;
        at += field->nbytes;
    }
    memcpy(dst + pos, src + span->nbytes - c.tail, c.tail);
    *payload_nbytes = pos + c.tail;
    return BITX_OK;
}

/* ---- decoding ------------------------------------------------------------------------------ */

static bitx_status decode_list(const memory *m, const bitx_span *span, unsigned codec,
                               const uint8_t *payload, size_t n)
{
    if (codec == BITX_CODEC_RAW) {
        if (n != span->nbytes)
            return BITX_ERR_CORRUPT;
        memcpy(m->list, payload, n);
        return BITX_OK;
    }
    if (n >= span->nbytes)
        return BITX_ERR_CORRUPT;
    if (codec == BITX_CODEC_FLOAT)
        return bitx_codec_float.decode(&m->work, span, m->list, payload, n);
    if (codec == BITX_CODEC_DELTA && span->base_nbytes)
        return bitx_codec_delta.decode(&m->work, span, m->list, payload, n);
    return BITX_ERR_CORRUPT;
}

static bitx_status fields_decode(const bitx_work *work, const bitx_span *span, uint8_t *dst,
                                 const uint8_t *payload, size_t payload_nbytes)
{
    cut c = cut_block(span);
    memory m = divide(work, span);
    size_t pos = ENTRY_NBYTES * c.record->nfields, at = 0;
    if (payload_nbytes < pos + c.head + c.tail)
        return BITX_ERR_CORRUPT;
    size_t end = payload_nbytes - c.tail;
    memcpy(dst, payload + pos, c.head);
    pos += c.head;
    for (unsigned i = 0; i < c.record->nfields; i++) {
        const bitx_field *field = &c.record->fields[i];
        size_t n = load_u32(payload + ENTRY_NBYTES * i + 1);
        if (n > end - pos)
            return BITX_ERR_CORRUPT;
        bitx_span list = span_of(&c, &m, field, at, span->base);
        bitx_status status = decode_list(&m, &list, payload[ENTRY_NBYTES * i], payload + pos, n);
        if (status != BITX_OK)
            return status;
        scatter(dst + c.head + at, m.list, c.record->nbytes, field->nbytes, c.nrecords);
        pos += n;
        at += field->nbytes;
    }
    if (pos != end)
        return BITX_ERR_CORRUPT;
    memcpy(dst + span->nbytes - c.tail, payload + end, c.tail);
    return BITX_OK;
}

const bitx_block_codec bitx_codec_fields = {
    .id = BITX_CODEC_FIELDS,
    .uses_base = true,
    .accepts = fields_accepts,
    .scratch_nbytes = fields_scratch_nbytes,
    .encode = fields_encode,
    .decode = fields_decode,
};
