/* zipllm_distance(): two models, tensor by tensor, bit by bit, and what the codecs make of them. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "ingest.h"
#include "model_name.h"
#include "stored.h"

/* Blocks of a tensor that are coded to see what becomes of them. */
enum { CODED_BLOCKS = 4 };

typedef struct comparing {
    zipllm_store *store;
    zipllm_error *error;
    int64_t b;
    void (*row)(void *user, const zipllm_distance_row *row);
    void *user;
    zipllm_distance_result *result;
    uint8_t *blocks, *frame; /* two blocks; a coded one */
    size_t frame_cap;
    double differing, nelem, unchanged, zstd, alone, bitx, delta, best; /* sums */
} comparing;

/* ---- bits --------------------------------------------------------------------------------------
 */

/* Elements of `width` bytes; bit i of width 2 is bit i % 8 of byte i / 8. */
static void count_bits(zipllm_distance_row *row, const uint8_t *a, const uint8_t *b, size_t nelem,
                       unsigned width)
{
    for (size_t i = 0; i < nelem; i++) {
        uint64_t x = 0, y = 0;
        memcpy(&x, a + i * width, width);
        memcpy(&y, b + i * width, width);
        x ^= y;
        row->unchanged += x == 0;
        row->differing += (uint64_t)__builtin_popcountll(x);
        for (; x != 0; x &= x - 1)
            row->at[__builtin_ctzll(x)]++;
    }
    row->nelem += nelem;
}

/* ---- codecs ------------------------------------------------------------------------------------
 */

static zipllm_status coded_nbytes(comparing *c, bitx_dtype dtype, bitx_codec codec, size_t nbytes,
                                  const uint8_t *base, size_t base_nbytes, double *sum)
{
    bitx_params params = BITX_PARAMS_INIT;
    size_t coded = 0;
    params.dtype = dtype;
    params.codec = codec;
    params.block_nbytes = ZIPLLM_BLOCK_NBYTES;
    const bitx_status status =
        bitx_encode(c->store->workers[0].plan_ctx, &params, c->frame, c->frame_cap, &coded,
                    c->blocks, nbytes, base, base_nbytes);
    if (status != BITX_OK)
        return zipllm_fail(c->error, ZIPLLM_ERROR, NULL, ZIPLLM_NO_OFFSET, 0, "%s",
                           bitx_status_name(status));
    *sum += (double)coded;
    return ZIPLLM_OK;
}

static zipllm_status code_block(comparing *c, bitx_dtype dtype, size_t nbytes, size_t base_nbytes,
                                zipllm_distance_row *row)
{
    const uint8_t *base = base_nbytes != 0 ? c->blocks + (size_t)ZIPLLM_BLOCK_NBYTES : NULL;
    zipllm_status status = coded_nbytes(c, dtype, BITX_CODEC_ZSTD, nbytes, NULL, 0, &row->zstd);
    if (status == ZIPLLM_OK)
        status = coded_nbytes(c, dtype, BITX_CODEC_AUTO, nbytes, NULL, 0, &row->alone);
    if (status == ZIPLLM_OK)
        status = coded_nbytes(c, dtype, BITX_CODEC_BITX, nbytes, base, base_nbytes, &row->bitx);
    if (status == ZIPLLM_OK)
        status = coded_nbytes(c, dtype, BITX_CODEC_DELTA, nbytes, base, base_nbytes, &row->delta);
    if (status == ZIPLLM_OK)
        status = coded_nbytes(c, dtype, BITX_CODEC_AUTO, nbytes, base, base_nbytes, &row->best);
    return status;
}

/* ---- tensors -----------------------------------------------------------------------------------
 */

static zipllm_status load(comparing *c, const zipllm_stored *stored, uint64_t index, uint8_t *dst)
{
    zipllm_fault fault = {.status = ZIPLLM_OK};
    if (zipllm_stored_block(stored, &c->store->workers[0], index, dst, NULL, &fault))
        return ZIPLLM_OK;
    return zipllm_stored_fault(c->store, stored, &fault, c->error);
}

static zipllm_status compare_blocks(comparing *c, const zipllm_stored *a, const zipllm_stored *b,
                                    zipllm_distance_row *row)
{
    const bitx_dtype dtype = (bitx_dtype)a->row.dtype;
    const unsigned width = row->bits / 8;
    const uint64_t every = (a->info.nblocks + CODED_BLOCKS - 1) / CODED_BLOCKS;
    uint8_t *other = c->blocks + (size_t)ZIPLLM_BLOCK_NBYTES;
    double coded = 0;
    zipllm_status status = ZIPLLM_OK;
    for (uint64_t i = 0; i < a->info.nblocks && status == ZIPLLM_OK; i++) {
        const size_t nbytes = zipllm_stored_block_nbytes(a, i);
        size_t base_nbytes = 0;
        status = load(c, a, i, c->blocks);
        if (status == ZIPLLM_OK && i < b->info.nblocks) {
            base_nbytes = zipllm_stored_block_nbytes(b, i);
            base_nbytes = base_nbytes < nbytes ? base_nbytes : nbytes;
            status = load(c, b, i, other);
        }
        if (status == ZIPLLM_OK)
            count_bits(row, c->blocks, other, base_nbytes / width, width);
        if (status == ZIPLLM_OK && i % every == 0) {
            status = code_block(c, dtype, nbytes, base_nbytes, row);
            coded += (double)nbytes;
        }
    }
    if (coded > 0) {
        row->zstd /= coded;
        row->alone /= coded;
        row->bitx /= coded;
        row->delta /= coded;
        row->best /= coded;
    }
    return status;
}

static void add_up(comparing *c, const zipllm_distance_row *row)
{
    const double nbytes = (double)row->nbytes;
    c->result->tensors++;
    c->result->nbytes += row->nbytes;
    c->differing += (double)row->differing;
    c->nelem += (double)row->nelem;
    c->unchanged += (double)row->unchanged;
    c->zstd += row->zstd * nbytes;
    c->alone += row->alone * nbytes;
    c->bitx += row->bitx * nbytes;
    c->delta += row->delta * nbytes;
    c->best += row->best * nbytes;
}

static zipllm_status compare_rows(comparing *c, const zipllm_part_row *part,
                                  const zipllm_tensor_row *a, const zipllm_tensor_row *b)
{
    const unsigned bits = bitx_dtype_bits((bitx_dtype)a->dtype);
    zipllm_distance_row row = {.tensor = part->name,
                               .dtype = part->dtype,
                               .nbytes = part->nbytes,
                               .bits = bits < 8 ? 8 : bits};
    zipllm_stored *x = NULL, *y = NULL;
    zipllm_status status = zipllm_stored_open(c->store, a, &x, c->error);
    if (status == ZIPLLM_OK)
        status = zipllm_stored_open(c->store, b, &y, c->error);
    if (status == ZIPLLM_OK)
        status = compare_blocks(c, x, y, &row);
    zipllm_stored_close(c->store, x);
    zipllm_stored_close(c->store, y);
    if (status != ZIPLLM_OK)
        return status;
    add_up(c, &row);
    if (c->row != NULL)
        c->row(c->user, &row);
    return ZIPLLM_OK;
}

static zipllm_status compare_part(comparing *c, const zipllm_part_row *part)
{
    zipllm_tensor_row a, b;
    char *dtype = NULL, *shape = NULL;
    if (part->kind != ZIPLLM_TENSOR || part->tensor == 0)
        return ZIPLLM_OK;
    zipllm_status status = zipllm_index_tensor(c->store->index, part->tensor, &a, c->error);
    if (status == ZIPLLM_OK)
        status = zipllm_index_model_tensor(c->store->index, c->b, part->name, &b, &dtype, &shape,
                                           c->error);
    if (status != ZIPLLM_OK)
        return status;
    const bool same = b.id != 0 && a.id != 0 && strcmp(dtype, part->dtype) == 0 &&
                      a.dtype == b.dtype &&
                      (a.nbytes == b.nbytes || zipllm_same_rows(shape, part->shape));
    if (b.id != 0) {
        free(dtype);
        free(shape);
    }
    if (!same) {
        c->result->unmatched++;
        return ZIPLLM_OK;
    }
    return compare_rows(c, part, &a, &b);
}

static zipllm_status compare_file(comparing *c, int64_t file)
{
    sqlite3_stmt *s = zipllm_index_query(c->store->index, ZIPLLM_Q_FILE_PARTS, c->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, file);
    int step;
    while ((step = zipllm_index_step(c->store->index, s, c->error)) > 0) {
        zipllm_part_row part;
        zipllm_index_part_columns(s, &part);
        const zipllm_status status = compare_part(c, &part);
        if (status != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return status;
        }
    }
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

static zipllm_status compare_files(comparing *c, int64_t model)
{
    sqlite3_stmt *s = zipllm_index_query(c->store->index, ZIPLLM_Q_MODEL_FILES, c->error);
    if (s == NULL)
        return ZIPLLM_ERROR;
    zipllm_index_bind(s, 1, model);
    int step;
    while ((step = zipllm_index_step(c->store->index, s, c->error)) > 0) {
        const int64_t file = zipllm_index_number(s, 1);
        const zipllm_status status = file != 0 ? compare_file(c, file) : ZIPLLM_OK;
        if (status != ZIPLLM_OK) {
            zipllm_index_reset(s);
            return status;
        }
    }
    return step == 0 ? ZIPLLM_OK : ZIPLLM_ERROR;
}

static zipllm_status compare(comparing *c, int64_t a)
{
    zipllm_distance_result *r = c->result;
    bitx_params params = BITX_PARAMS_INIT;
    params.block_nbytes = ZIPLLM_BLOCK_NBYTES;
    if (bitx_encode_bound(&params, ZIPLLM_BLOCK_NBYTES, ZIPLLM_BLOCK_NBYTES, &c->frame_cap) !=
        BITX_OK)
        c->frame_cap = 0;
    c->frame_cap += 1 << 16; /* the bound of one dtype serves all */
    c->blocks = malloc((size_t)2 * ZIPLLM_BLOCK_NBYTES);
    c->frame = malloc(c->frame_cap);
    zipllm_status status = c->blocks != NULL && c->frame != NULL
                               ? compare_files(c, a)
                               : zipllm_fail_memory(c->error, c->frame_cap);
    free(c->blocks);
    free(c->frame);
    if (status == ZIPLLM_OK && c->nelem > 0) {
        r->bit_distance = c->differing / c->nelem;
        r->unchanged = c->unchanged / c->nelem;
    }
    if (status == ZIPLLM_OK && r->nbytes > 0) {
        r->zstd = c->zstd / (double)r->nbytes;
        r->alone = c->alone / (double)r->nbytes;
        r->bitx = c->bitx / (double)r->nbytes;
        r->delta = c->delta / (double)r->nbytes;
        r->best = c->best / (double)r->nbytes;
    }
    return status;
}

zipllm_status zipllm_distance(zipllm_store *store, const char *a, const char *b,
                              void (*row)(void *user, const zipllm_distance_row *row), void *user,
                              zipllm_distance_result *result, zipllm_error *error)
{
    zipllm_distance_result unused;
    zipllm_model_row first = {.id = 0}, second = {.id = 0};
    comparing c = {.store = store,
                   .error = error,
                   .row = row,
                   .user = user,
                   .result = result != NULL ? result : &unused};
    memset(c.result, 0, sizeof *c.result);
    if (store == NULL || a == NULL || b == NULL)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0, "two models are needed");
    zipllm_status status = zipllm_store_workers(store, error);
    if (status == ZIPLLM_OK)
        status = zipllm_model_find(store, a, &first, NULL, error);
    if (status == ZIPLLM_OK)
        status = zipllm_model_find(store, b, &second, NULL, error);
    c.b = second.id;
    if (status == ZIPLLM_OK)
        status = compare(&c, first.id);
    zipllm_model_row_free(&first);
    zipllm_model_row_free(&second);
    return status;
}
