/* Frames made: plans, blocks, headers. */
#include <stdatomic.h>
#include <string.h>

#include "bytes.h"
#include "ctx.h"
#include "hash.h"
#include "header.h"
#include "model.h"
#include "predict_find.h"
#include "records.h"
#include "screen.h"
#include "zstd_stream.h"

/* A plan reads this much of a tensor at most, in pieces spread over it: enough for tables of a
   thousand symbols, and 1/16 of a tensor that is not small. */
enum { SAMPLE_MIN = 1 << 16, SAMPLE_MAX = 1 << 20, PIECE_NBYTES = 1 << 14 };

/* Of which every candidate codes this much to be compared: 1/512 of a tensor that is not small, as
   some candidates are ten times slower than others. */
enum { TRIAL_MIN = 1 << 14, TRIAL_MAX = 1 << 18 };

struct bitx_plan {
    bitx_allocator allocator;
    bitx_header header;
    bitx_tuning tuning;
    unsigned ncandidates; /* besides raw */
    const bitx_block_codec *candidates[BITX_CODEC_COUNT];
    uint8_t *section; /* shared tables as written */
    const void *tables[BITX_CODEC_COUNT];
    bitx_found found; /* the prediction, its section and factors */
};

/* ---- parameters ---------------------------------------------------------------------------- */

static bitx_status read_params(const bitx_params *given, bitx_params *p)
{
    if (!given || given->size != sizeof(bitx_params))
        return BITX_ERR_ARGUMENT;
    *p = *given;
    if (p->block_nbytes == 0)
        p->block_nbytes = BITX_BLOCK_DEFAULT;
    if (p->zstd_level == 0)
        p->zstd_level = BITX_ZSTD_LEVEL_DEFAULT;
    if ((unsigned)p->dtype >= BITX_DTYPE_COUNT || (unsigned)p->codec >= BITX_CODEC_COUNT ||
        (unsigned)p->effort > BITX_EFFORT_MAX || p->block_nbytes < BITX_BLOCK_MIN ||
        p->block_nbytes > BITX_BLOCK_MAX || (p->block_nbytes & (p->block_nbytes - 1)) ||
        p->zstd_level < 1 || p->zstd_level > BITX_ZSTD_LEVEL_MAX)
        return BITX_ERR_ARGUMENT;
    return BITX_OK;
}

static unsigned log2_of(uint32_t power)
{
    unsigned n = 0;
    while (power >> n != 1)
        n++;
    return n;
}

bitx_status bitx_encode_bound(const bitx_params *params, size_t nbytes, size_t base_nbytes,
                              size_t *bound)
{
    bitx_params p;
    bitx_status status = read_params(params, &p);
    if (status != BITX_OK || !bound)
        return BITX_ERR_ARGUMENT;
    if (nbytes > BITX_TENSOR_MAX || base_nbytes > BITX_TENSOR_MAX)
        return BITX_ERR_ARGUMENT;
    bitx_header header = {.predictor = base_nbytes ? BITX_PREDICTOR_BASE : BITX_PREDICTOR_NONE,
                          .nbytes = nbytes,
                          .base_nbytes = base_nbytes,
                          .block_log2 = log2_of(p.block_nbytes),
                          .predictor_nbytes = bitx_predictor_section_max(&p, nbytes, base_nbytes),
                          .tables_nbytes = bitx_tables_section_max()};
    bitx_header_layout(&header);
    if (header.header_nbytes > SIZE_MAX - nbytes)
        return BITX_ERR_ARGUMENT;
    *bound = (size_t)header.header_nbytes + nbytes; /* no payload is longer than its block */
    return BITX_OK;
}

/* ---- plans --------------------------------------------------------------------------------- */

static bitx_need encode_need(const bitx_plan *plan, size_t nbytes)
{
    bitx_need need = {0};
    for (unsigned i = 0; i < plan->ncandidates; i++) {
        const bitx_block_codec *codec = plan->candidates[i];
        size_t scratch = codec->scratch_nbytes(plan->header.dtype, nbytes);
        need.scratch = scratch > need.scratch ? scratch : need.scratch;
    }
    if (plan->ncandidates)
        need.cctx = bitx_zstd_cctx_nbytes(plan->tuning.zstd_level, nbytes);
    if (plan->ncandidates > 1)
        need.spare = nbytes;
    if (!bitx_prediction_plain(&plan->header.prediction))
        need.prediction = nbytes;
    return need;
}

typedef struct memory_source {
    const uint8_t *data;
} memory_source;

static int read_memory(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    const memory_source *source = user;
    memcpy(dst, source->data + offset, nbytes);
    return 0;
}

static bitx_status read_range(const bitx_source *source, uint64_t offset, uint8_t *dst,
                              size_t nbytes)
{
    if (nbytes == 0)
        return BITX_OK;
    return source->read(source->user, offset, dst, nbytes) == 0 ? BITX_OK : BITX_ERR_SOURCE;
}

/*
 * Reads pieces at equal distances, or the whole tensor if it is small, into ctx->sample. Offsets
 * ascend, so a base that ends early is missing at the end of the sample, as in the tensor.
 */
static bitx_status take_sample(bitx_ctx *ctx, const bitx_plan *plan, const bitx_source *src,
                               bitx_sample *sample)
{
    const bitx_header *h = &plan->header;
    uint64_t total = h->nbytes / 16;
    total = total < SAMPLE_MIN ? SAMPLE_MIN : total > SAMPLE_MAX ? SAMPLE_MAX : total;
    if (plan->tuning.effort == BITX_EFFORT_MAX)
        total = SAMPLE_MAX;
    if (total >= h->nbytes)
        total = h->nbytes;
    size_t npieces = total == h->nbytes ? 1 : (size_t)(total / PIECE_NBYTES);
    size_t piece = npieces == 1 ? (size_t)total : PIECE_NBYTES;
    size_t nbytes = npieces * piece;
    bitx_status status = bitx_buffer_grow(&ctx->allocator, &ctx->sample, 2 * (nbytes + 64));
    if (status != BITX_OK)
        return status;
    *sample = (bitx_sample){.span = {.dtype = h->dtype, .nbytes = nbytes},
                            .src = ctx->sample.data,
                            .nbytes = h->nbytes,
                            .block_nbytes = (uint32_t)1 << h->block_log2,
                            .piece_nbytes = piece,
                            .step = npieces > 1 ? (h->nbytes - piece) / (npieces - 1) : 0};
    for (size_t i = 0; i < npieces && status == BITX_OK; i++)
        status =
            read_range(src, bitx_sample_offset(sample, i), ctx->sample.data + i * piece, piece);
    return status;
}

/* The base of the sample, as the plan's prediction has it, beside the sample. */
static bitx_status take_base(bitx_ctx *ctx, const bitx_plan *plan, const bitx_bases *bases,
                             bitx_sample *sample)
{
    uint8_t *to = ctx->sample.data + ((sample->span.nbytes + 63) & ~(size_t)63);
    size_t base_nbytes = 0;
    size_t npieces = sample->span.nbytes / sample->piece_nbytes;
    sample->span.base = NULL;
    sample->span.base_nbytes = 0;
    for (size_t i = 0; i < npieces && plan->header.base_nbytes; i++) {
        size_t n;
        bitx_status status =
            bitx_predict_piece(ctx, &plan->found, bases, bitx_sample_offset(sample, i),
                               sample->piece_nbytes, to + i * sample->piece_nbytes, &n);
        if (status != BITX_OK)
            return status;
        if (n)
            base_nbytes = i * sample->piece_nbytes + n;
    }
    sample->span.base = base_nbytes ? to : NULL;
    sample->span.base_nbytes = base_nbytes;
    return BITX_OK;
}

/* A codec's entry of the section of tables, to dst; returns its size, 0 for none. */
static size_t plan_tables(const bitx_work *work, const bitx_tuning *tuning,
                          const bitx_block_codec *codec, const bitx_sample *sample, uint8_t *dst)
{
    if (!codec->tables_plan)
        return 0;
    /* Written where it would be if its length took the most bytes, then moved down. */
    uint8_t *at = dst + 1 + varint_nbytes(codec->tables_max_nbytes);
    size_t n = codec->tables_plan(work, tuning, sample, at);
    if (n == 0)
        return 0;
    dst[0] = (uint8_t)codec->id;
    uint8_t *body = store_varint(dst + 1, n);
    memmove(body, at, n);
    return (size_t)(body - dst) + n;
}

/* Piece i of a sample. */
static bitx_span piece_of(const bitx_sample *sample, size_t i)
{
    size_t offset = i * sample->piece_nbytes;
    bitx_span span = sample->span;
    span.offset = bitx_sample_offset(sample, i);
    span.nbytes = sample->piece_nbytes;
    size_t based = span.base_nbytes > offset ? span.base_nbytes - offset : 0;
    span.base_nbytes = based < span.nbytes ? based : span.nbytes;
    span.base = span.base_nbytes ? span.base + offset : NULL;
    return span;
}

static size_t count_trials(const bitx_plan *plan, const bitx_sample *sample)
{
    size_t npieces = sample->span.nbytes / sample->piece_nbytes;
    if (plan->tuning.effort == BITX_EFFORT_MAX)
        return npieces;
    uint64_t nbytes = sample->nbytes / 512;
    nbytes = nbytes < TRIAL_MIN ? TRIAL_MIN : nbytes > TRIAL_MAX ? TRIAL_MAX : nbytes;
    size_t n = (size_t)nbytes / sample->piece_nbytes;
    return n < 1 ? 1 : n < npieces ? n : npieces;
}

/* What the tensor would take with one candidate, from some of the pieces. */
static bitx_status estimate(const bitx_worker *worker, const bitx_plan *plan,
                            const bitx_block_codec *codec, const bitx_sample *sample,
                            uint64_t *nbytes)
{
    size_t npieces = sample->span.nbytes / sample->piece_nbytes;
    size_t ntrials = count_trials(plan, sample);
    uint64_t coded = 0;
    for (size_t i = 0; i < ntrials; i++) {
        size_t at = i * npieces / ntrials, n;
        bitx_span span = piece_of(sample, at);
        span.tables = plan->tables[codec->id];
        bitx_status status =
            codec->encode(&worker->work, &plan->tuning, &span,
                          sample->src + at * sample->piece_nbytes, worker->spare, span.nbytes, &n);
        if (status != BITX_OK && status != BITX_ERR_DST_SIZE)
            return status;
        coded += status == BITX_OK ? n : span.nbytes;
    }
    *nbytes = coded * (sample->nbytes / (ntrials * sample->piece_nbytes));
    if (codec->uses_base && plan->header.base_nbytes)
        *nbytes += varint_nbytes(plan->header.base_nbytes) + BITX_HASH_NBYTES;
    return BITX_OK;
}

/* Candidates with tables, which are costly to plan, are left out where one that looks at the base
   has come below half. */
static bool hopeless(const bitx_plan *plan, const bitx_block_codec *codec, uint64_t best_nbytes)
{
    return plan->tuning.effort != BITX_EFFORT_MAX && codec->tables_plan && !codec->uses_base &&
           best_nbytes < plan->header.nbytes / 2;
}

/* Whether bitx_screen() is asked first: what it says holds for floats. */
static bool screened(const bitx_plan *plan, const bitx_block_codec *codec)
{
    bool slow = codec->id == BITX_CODEC_ZSTD || codec->id == BITX_CODEC_BITX;
    return slow && plan->tuning.effort != BITX_EFFORT_MAX &&
           bitx_layout_of(plan->header.dtype).sign && plan->header.codec == BITX_CODEC_AUTO;
}

/* By the first piece; nbytes: of the whole tensor. */
static bool screen_sample(const bitx_block_codec *codec, const bitx_sample *sample, uint64_t nbytes)
{
    uint64_t share = sample->nbytes / sample->span.nbytes;
    return nbytes == UINT64_MAX ||
           bitx_screen(codec, &sample->span, sample->src, (size_t)(nbytes / share));
}

/*
 * Puts the candidate that will be smallest before the others, and its entry, of *entry_nbytes, to
 * the start of the section. *nbytes: what the tensor would take.
 */
static bitx_status choose(const bitx_worker *worker, bitx_plan *plan, const bitx_sample *sample,
                          uint8_t *section, size_t *entry_nbytes, uint8_t *objects,
                          uint64_t *nbytes)
{
    unsigned best = 0;
    const uint8_t *best_entry = section;
    *nbytes = UINT64_MAX;
    *entry_nbytes = 0;
    for (unsigned i = 0; i < plan->ncandidates; i++) {
        const bitx_block_codec *codec = plan->candidates[i];
        if (hopeless(plan, codec, *nbytes))
            continue;
        if (screened(plan, codec) && !screen_sample(codec, sample, *nbytes))
            continue;
        size_t n = plan_tables(&worker->work, &plan->tuning, codec, sample, section);
        uint64_t total = 0;
        bitx_status status =
            bitx_tables_open(plan->header.dtype, section, n, objects, plan->tables);
        if (status == BITX_OK)
            status = estimate(worker, plan, codec, sample, &total);
        if (status != BITX_OK)
            return status;
        if (total + n < *nbytes) {
            best = i;
            best_entry = section;
            *nbytes = total + n;
            *entry_nbytes = n;
        }
        section += n;
    }
    memmove(plan->section, best_entry, *entry_nbytes);
    const bitx_block_codec *first = plan->candidates[best];
    plan->candidates[best] = plan->candidates[0];
    plan->candidates[0] = first;
    return BITX_OK;
}

static bitx_status list_candidates(bitx_plan *plan, bitx_codec codec, bool has_base)
{
    bitx_dtype dtype = plan->header.dtype;
    plan->ncandidates = 0;
    if (codec != BITX_CODEC_AUTO) {
        const bitx_block_codec *only = bitx_codec_find(codec);
        if (!only)
            return BITX_ERR_UNSUPPORTED;
        if (plan->header.nbytes && !only->accepts(dtype, has_base))
            return BITX_ERR_ARGUMENT; /* no base, say */
        if (only != &bitx_codec_raw)
            plan->candidates[plan->ncandidates++] = only;
        return BITX_OK;
    }
    /* What is in records is smallest by its fields (pack/FAMILIES.md has them measured). */
    if (bitx_record_of(dtype) && plan->tuning.effort != BITX_EFFORT_MAX) {
        plan->candidates[plan->ncandidates++] = &bitx_codec_fields;
        return BITX_OK;
    }
    for (unsigned id = BITX_CODEC_COUNT - 1; id > BITX_CODEC_RAW; id--) { /* likely ones first */
        const bitx_block_codec *each = bitx_codec_find(id);
        if (each && each->accepts(dtype, has_base))
            plan->candidates[plan->ncandidates++] = each;
    }
    return BITX_OK;
}

/* Whether the sample is needed: to choose, or for tables, which the only block of a tensor does
   without. Floats in one block of some size are tried as blocks are, most likely first. */
static bool wants_sample(const bitx_plan *plan)
{
    const bitx_header *h = &plan->header;
    if (h->nbytes <= (uint64_t)1 << h->block_log2 &&
        (plan->ncandidates == 1 ||
         (h->nbytes > SAMPLE_MIN && plan->tuning.effort != BITX_EFFORT_MAX &&
          bitx_layout_of(h->dtype).sign)))
        return false;
    bool wanted = plan->ncandidates > 1;
    for (unsigned i = 0; i < plan->ncandidates; i++)
        wanted |= plan->candidates[i]->tables_plan != NULL;
    return wanted;
}

/* Without effort max: the first, and behind one that uses the base a codec that does not. */
static void keep_likely(bitx_plan *plan)
{
    unsigned n = 1;
    for (unsigned i = 1; i < plan->ncandidates; i++)
        if (plan->candidates[0]->id == BITX_CODEC_DELTA &&
            plan->candidates[i]->id == BITX_CODEC_FLOAT)
            plan->candidates[n++] = plan->candidates[i];
    plan->ncandidates = n;
}

/* *nbytes: about what the tensor would take; compared: whether it is asked for. */
static bitx_status plan_from_sample(bitx_ctx *ctx, bitx_plan *plan, bitx_sample *given,
                                    const bitx_bases *bases, uint8_t *section, uint8_t *objects,
                                    bool compared, uint64_t *nbytes)
{
    bitx_status status = take_base(ctx, plan, bases, given);
    if (status != BITX_OK)
        return status;
    const bitx_sample sample = *given;
    *nbytes = 0;
    bitx_need need = encode_need(plan, sample.span.nbytes);
    status = bitx_ctx_grow(ctx, &need, false);
    if (status != BITX_OK)
        return status;
    bitx_worker *worker = &ctx->workers[0];
    plan->section = section;
    size_t n = 0;
    if (plan->ncandidates == 1) {
        n = plan_tables(&worker->work, &plan->tuning, plan->candidates[0], &sample, section);
    } else {
        status = choose(worker, plan, &sample, section, &n, objects, nbytes);
        if (status != BITX_OK)
            return status;
        /* The only block is known: what it becomes is settled, and raw needs no base. */
        bool whole = sample.span.nbytes == sample.nbytes && sample.nbytes <= sample.block_nbytes;
        if (whole && *nbytes >= sample.nbytes)
            plan->ncandidates = 0;
        else if (whole)
            plan->ncandidates = 1;
        else if (plan->tuning.effort != BITX_EFFORT_MAX)
            keep_likely(plan);
    }
    /* Tables of one codec: most blocks will be its, and all would pay for others'. */
    plan->header.tables_nbytes = plan->ncandidates ? n : 0;
    status = bitx_tables_open(plan->header.dtype, section, plan->header.tables_nbytes, objects,
                              plan->tables);
    if (status != BITX_OK || !compared || plan->ncandidates != 1 || *nbytes)
        return status;
    need = encode_need(plan, sample.span.nbytes);
    need.spare = sample.span.nbytes;
    status = bitx_ctx_grow(ctx, &need, false);
    return status == BITX_OK ? estimate(worker, plan, plan->candidates[0], &sample, nbytes)
                             : status;
}

static void set_found(bitx_plan *plan, const bitx_found *found)
{
    bitx_header *h = &plan->header;
    plan->found = *found;
    h->prediction = found->prediction;
    h->base_nbytes = found->prediction.predictor == BITX_PREDICTOR_NONE ? 0 : found->base_nbytes;
    h->predictor_nbytes = found->section_nbytes;
}

/*
 * Tries the base, then what else may predict the tensor, and leaves the plan with the best. A
 * prediction must promise to save more than what an estimate is off by.
 */
static bitx_status plan_predicted(bitx_ctx *ctx, bitx_plan *plan, const bitx_params *p,
                                  const bitx_source *src, const bitx_bases *bases, uint8_t *section,
                                  uint8_t *objects)
{
    bitx_sample sample;
    bitx_finder finder;
    bitx_found found, best = {0};
    uint64_t least = 0, nbytes;
    const bitx_plan start = *plan;
    unsigned last = 0, chosen = 0;
    bitx_status status = take_sample(ctx, plan, src, &sample);
    if (status != BITX_OK)
        return status;
    bitx_finder_start(&finder, ctx, p, src, plan->header.nbytes, bases, &sample);
    while (status == BITX_OK) {
        status = bitx_finder_next(&finder, &found);
        if (status != BITX_OK || !found.there)
            break;
        *plan = start;
        set_found(plan, &found);
        status = list_candidates(plan, p->codec, plan->header.base_nbytes != 0);
        if (status == BITX_OK)
            status = plan_from_sample(ctx, plan, &sample, bases, section, objects,
                                      bitx_finder_compares(&finder), &nbytes);
        nbytes += found.section_nbytes;
        last++;
        if (status == BITX_OK && (chosen == 0 || nbytes + nbytes / 256 + 16 < least)) {
            bitx_found_free(ctx, &best);
            best = found;
            least = nbytes;
            chosen = last;
            finder.least = least;
        } else {
            bitx_found_free(ctx, &found);
        }
    }
    if (status == BITX_OK && chosen != last) {
        *plan = start;
        set_found(plan, &best);
        status = list_candidates(plan, p->codec, plan->header.base_nbytes != 0);
        if (status == BITX_OK)
            status = plan_from_sample(ctx, plan, &sample, bases, section, objects, false, &nbytes);
    }
    bitx_buffer_trim(&ctx->allocator, &ctx->fit, 1 << 20); /* fits are rare, and take much */
    if (status == BITX_OK)
        set_found(plan, &best);
    else
        bitx_found_free(ctx, &best);
    return status;
}

/* base_nbytes 0: none. section: bitx_tables_section_max() bytes; objects: 64-byte aligned. */
static bitx_status make_plan(bitx_ctx *ctx, const bitx_params *p, const bitx_source *src,
                             uint64_t nbytes, const bitx_bases *bases, uint8_t *section,
                             uint8_t *objects, bitx_plan *plan)
{
    *plan = (bitx_plan){.allocator = ctx->allocator,
                        .header = {.dtype = p->dtype,
                                   .codec = p->codec,
                                   .block_log2 = log2_of(p->block_nbytes),
                                   .nbytes = nbytes},
                        .tuning = {p->effort, p->zstd_level}};
    bitx_found first;
    bitx_found_base(&first, p->dtype, nbytes ? bases : NULL);
    set_found(plan, &first);
    bitx_status status = list_candidates(plan, p->codec, plan->header.base_nbytes != 0);
    if (status == BITX_ERR_ARGUMENT && nbytes && bases->n)
        status = list_candidates(plan, p->codec, true); /* a base of another dtype may do */
    bitx_finder finder;
    bitx_finder_start(&finder, ctx, p, src, nbytes, bases, NULL);
    const bool sampled = wants_sample(plan);
    const bitx_plan start = *plan;
    if (status == BITX_OK && nbytes && (sampled || bitx_finder_promises(&finder)))
        status = plan_predicted(ctx, plan, p, src, bases, section, objects);
    if (status != BITX_OK)
        return status;
    if (!sampled && plan->found.there && bitx_prediction_plain(&plan->found.prediction)) {
        /* What promised more was not kept, so the only block is as good as without a sample. */
        const bitx_found kept = plan->found;
        *plan = start;
        set_found(plan, &kept);
        status = list_candidates(plan, p->codec, plan->header.base_nbytes != 0);
        if (status != BITX_OK)
            return status;
    }
    bool uses_base = false;
    for (unsigned i = 0; i < plan->ncandidates; i++)
        uses_base |= plan->candidates[i]->uses_base;
    if (!uses_base) {
        bitx_found_free(ctx, &plan->found);
        bitx_found_base(&first, p->dtype, NULL);
        set_found(plan, &first);
    }
    plan->header.predictor = plan->header.prediction.predictor;
    bitx_header_layout(&plan->header);
    return BITX_OK;
}

static bitx_status check_bases(const bitx_base_source *bases, unsigned nbases)
{
    if (nbases > BITX_BASES_MAX || (!bases && nbases))
        return BITX_ERR_ARGUMENT;
    for (unsigned k = 0; k < nbases; k++)
        if (!bases[k].source.read || !bases[k].hash || bases[k].nbytes > BITX_TENSOR_MAX ||
            (unsigned)bases[k].dtype >= BITX_DTYPE_COUNT)
            return BITX_ERR_ARGUMENT;
    return BITX_OK;
}

bitx_status bitx_plan_new(bitx_ctx *ctx, const bitx_params *params, const bitx_source *src,
                          uint64_t nbytes, const bitx_source *base, uint64_t base_nbytes,
                          const uint8_t *base_hash, bitx_plan **out)
{
    bitx_params p;
    bitx_status status = read_params(params, &p);
    if (status != BITX_OK)
        return status;
    if (base_nbytes > BITX_TENSOR_MAX || (!base && base_nbytes) ||
        (base && (!base->read || !base_hash)))
        return BITX_ERR_ARGUMENT;
    bitx_base_source only = {.nbytes = base_nbytes, .dtype = p.dtype, .hash = base_hash};
    if (base)
        only.source = *base;
    return bitx_plan_new_bases(ctx, params, src, nbytes, &only, base && base_nbytes, out);
}

bitx_status bitx_plan_new_bases(bitx_ctx *ctx, const bitx_params *params, const bitx_source *src,
                                uint64_t nbytes, const bitx_base_source *bases, unsigned nbases,
                                bitx_plan **out)
{
    bitx_params p;
    bitx_status status = read_params(params, &p);
    if (status == BITX_OK)
        status = check_bases(bases, nbases);
    if (status != BITX_OK)
        return status;
    if (!ctx || !out || (nbytes && (!src || !src->read)) || nbytes > BITX_TENSOR_MAX)
        return BITX_ERR_ARGUMENT;
    size_t objects_at = (sizeof(bitx_plan) + 63) & ~(size_t)63;
    size_t section_at = objects_at + bitx_tables_objects_nbytes();
    uint8_t *memory =
        ctx->allocator.allocate(ctx->allocator.user, section_at + bitx_tables_section_max() + 64);
    if (!memory)
        return BITX_ERR_MEMORY;
    bitx_plan *plan = (void *)memory;
    uint8_t *aligned = memory + (64 - (uintptr_t)memory % 64) % 64;
    const bitx_bases given = {nbases, bases};
    status =
        make_plan(ctx, &p, src, nbytes, &given, aligned + section_at, aligned + objects_at, plan);
    if (status != BITX_OK) {
        ctx->allocator.release(ctx->allocator.user, memory);
        return status;
    }
    if (plan->header.base_nbytes)
        memcpy(plan->header.base_hash, bases[plan->found.used[0]].hash, BITX_HASH_NBYTES);
    *out = plan;
    return BITX_OK;
}

unsigned bitx_plan_bases(const bitx_plan *plan, unsigned used[BITX_BASES_MAX])
{
    for (unsigned k = 0; k < plan->header.prediction.nparents; k++)
        used[k] = plan->found.used[k];
    return plan->header.prediction.nparents;
}

bitx_prediction_kind bitx_plan_predictor(const bitx_plan *plan)
{
    return (bitx_prediction_kind)plan->header.predictor;
}

bitx_status bitx_plan_base_range(const bitx_plan *plan, uint64_t index, uint64_t *offset,
                                 size_t *nbytes)
{
    if (!plan || !offset || !nbytes || index >= plan->header.nblocks)
        return BITX_ERR_ARGUMENT;
    *nbytes = bitx_block_base_range(&plan->header, index, offset);
    return BITX_OK;
}

void bitx_plan_free(bitx_plan *plan)
{
    if (!plan)
        return;
    bitx_allocator allocator = plan->allocator;
    bitx_found_release(&allocator, &plan->found);
    allocator.release(allocator.user, plan);
}

void bitx_plan_geometry(const bitx_plan *plan, bitx_geometry *out)
{
    const bitx_header *h = &plan->header;
    out->nblocks = h->nblocks;
    out->header_nbytes = h->header_nbytes;
    out->block_nbytes = (uint32_t)1 << h->block_log2;
    out->block_bound = h->nblocks ? (uint32_t)bitx_block_nbytes(h, 0) : 0;
    out->base_nbytes = h->base_nbytes;
}

/* ---- blocks -------------------------------------------------------------------------------- */

/* The smallest of the candidates and raw, to dst[0 .. nbytes). */
static bitx_status encode_block(const bitx_worker *worker, const bitx_plan *plan, uint64_t index,
                                uint8_t *dst, bitx_block *block, const uint8_t *src,
                                const uint8_t *const *bases, size_t base_nbytes)
{
    const bitx_header *h = &plan->header;
    bitx_span span = {
        .dtype = h->dtype, .offset = index << h->block_log2, .nbytes = bitx_block_nbytes(h, index)};
    bitx_span_set_base(&span, &h->prediction, worker->prediction, bases, base_nbytes);

    bitx_codec best = BITX_CODEC_RAW;
    size_t best_nbytes = span.nbytes;
    for (unsigned i = 0; i < plan->ncandidates; i++) {
        const bitx_block_codec *codec = plan->candidates[i];
        uint8_t *to = i == 0 ? dst : worker->spare;
        /* A block that the base does not help may be one that has nothing to do with it. */
        if (i && plan->tuning.effort != BITX_EFFORT_MAX && codec->id == BITX_CODEC_FLOAT &&
            best_nbytes < span.nbytes / 8 * 5)
            continue;
        if (i && screened(plan, codec) && !bitx_screen(codec, &span, src, best_nbytes))
            continue;
        size_t n;
        span.tables = plan->tables[codec->id];
        bitx_status status =
            codec->encode(&worker->work, &plan->tuning, &span, src, to, best_nbytes - 1, &n);
        if (status == BITX_ERR_DST_SIZE)
            continue;
        if (status != BITX_OK)
            return status;
        if (to != dst)
            memcpy(dst, to, n);
        best = codec->id;
        best_nbytes = n;
    }
    if (best == BITX_CODEC_RAW)
        memcpy(dst, src, span.nbytes);
    block->payload_nbytes = (uint32_t)best_nbytes;
    block->codec = best;
    block->checksum = bitx_hash64(src, span.nbytes);
    return BITX_OK;
}

bitx_status bitx_block_encode(bitx_ctx *ctx, const bitx_plan *plan, uint64_t index, void *dst,
                              size_t cap, bitx_block *block, const void *src, size_t nbytes,
                              const void *base, size_t base_nbytes)
{
    if (!base && base_nbytes)
        return BITX_ERR_ARGUMENT;
    return bitx_block_encode_bases(ctx, plan, index, dst, cap, block, src, nbytes, &base,
                                   base != NULL, base_nbytes);
}

bitx_status bitx_block_encode_bases(bitx_ctx *ctx, const bitx_plan *plan, uint64_t index, void *dst,
                                    size_t cap, bitx_block *block, const void *src, size_t nbytes,
                                    const void *const *bases, unsigned nbases, size_t base_nbytes)
{
    if (!ctx || !plan || !dst || !block || !src || (!bases && nbases) || nbases > BITX_BASES_MAX)
        return BITX_ERR_ARGUMENT;
    const bitx_header *h = &plan->header;
    if (index >= h->nblocks || nbytes != bitx_block_nbytes(h, index))
        return BITX_ERR_ARGUMENT;
    uint64_t base_offset;
    size_t wanted = bitx_block_base_range(h, index, &base_offset);
    if (base_nbytes < wanted)
        return BITX_ERR_ARGUMENT;
    const uint8_t *bytes[PARENTS_MAX] = {0};
    for (unsigned k = 0; k < nbases; k++)
        bytes[k] = bases[k];
    for (unsigned k = 0; k < h->prediction.nparents && wanted; k++)
        if (!bytes[k])
            return BITX_ERR_ARGUMENT;
    if (cap < nbytes)
        return BITX_ERR_DST_SIZE;
    bitx_need need = encode_need(plan, bitx_block_nbytes(h, 0));
    bitx_status status = bitx_ctx_grow(ctx, &need, false);
    if (status != BITX_OK)
        return status;
    return encode_block(&ctx->workers[0], plan, index, dst, block, src, bytes, wanted);
}

bitx_status bitx_header_write(const bitx_plan *plan, void *dst, size_t cap,
                              const bitx_block *blocks)
{
    if (!plan || !dst || (!blocks && plan->header.nblocks))
        return BITX_ERR_ARGUMENT;
    const bitx_header *h = &plan->header;
    if (cap < h->header_nbytes)
        return BITX_ERR_DST_SIZE;
    uint8_t *bytes = dst;
    bitx_header_store(h, plan->found.section, plan->section, bytes);
    for (uint64_t i = 0; i < h->nblocks; i++)
        bitx_row_store(bytes + h->rows_offset + i * BITX_ROW_NBYTES, &blocks[i]);
    bitx_header_seal(h, bytes);
    return BITX_OK;
}

/* ---- a whole tensor ------------------------------------------------------------------------ */

typedef struct encode_job {
    const bitx_plan *plan;
    const bitx_worker *workers;
    const uint8_t *src;
    const uint8_t *bases[PARENTS_MAX]; /* in the order of the prediction */
    uint8_t *frame;
    size_t next; /* one worker: payloads one after the other; 0: each at its block's place */
    _Atomic unsigned error;
} encode_job;

static void encode_one(void *arg, size_t i, unsigned worker)
{
    encode_job *job = arg;
    const bitx_header *h = &job->plan->header;
    size_t offset = i << h->block_log2;
    uint64_t base_offset;
    size_t base_nbytes = bitx_block_base_range(h, i, &base_offset);
    const uint8_t *bases[PARENTS_MAX] = {0};
    for (unsigned k = 0; k < h->prediction.nparents && base_nbytes; k++)
        bases[k] = job->bases[k] + base_offset;
    uint8_t *dst = job->frame + (job->next ? job->next : (size_t)h->header_nbytes + offset);
    bitx_block block;
    bitx_status status = encode_block(&job->workers[worker], job->plan, i, dst, &block,
                                      job->src + offset, bases, base_nbytes);
    if (status != BITX_OK) {
        atomic_store(&job->error, (unsigned)status);
        return;
    }
    bitx_row_store(job->frame + h->rows_offset + i * BITX_ROW_NBYTES, &block);
    if (job->next)
        job->next += block.payload_nbytes;
}

/* Closes the gaps between payloads that were written each at its block's place. */
static size_t close_gaps(const bitx_header *h, uint8_t *frame)
{
    size_t pos = (size_t)h->header_nbytes;
    for (size_t i = 0; i < h->nblocks; i++) {
        size_t n = load_u32(frame + h->rows_offset + i * BITX_ROW_NBYTES);
        memmove(frame + pos, frame + h->header_nbytes + (i << h->block_log2), n);
        pos += n;
    }
    return pos;
}

/* Every block, and the header, to dst, which has room for them. */
static bitx_status encode_planned(bitx_ctx *ctx, bitx_plan *plan, void *dst, size_t *dst_nbytes,
                                  const void *src, const bitx_base *bases)
{
    const bitx_header *h = &plan->header;
    encode_job job = {.plan = plan, .workers = ctx->workers, .src = src, .frame = dst};
    for (unsigned k = 0; k < h->prediction.nparents; k++)
        job.bases[k] = bases[plan->found.used[k]].data;
    if (h->base_nbytes)
        bitx_hash128(plan->header.base_hash, job.bases[0], (size_t)h->base_nbytes);
    size_t nblocks = (size_t)h->nblocks;
    bool parallel = bitx_ctx_parallel(ctx, nblocks);
    bitx_need need = encode_need(plan, nblocks ? bitx_block_nbytes(h, 0) : 0);
    bitx_status status = bitx_ctx_grow(ctx, &need, parallel);
    if (status != BITX_OK)
        return status;
    job.next = parallel ? 0 : (size_t)h->header_nbytes;
    bitx_ctx_run(ctx, encode_one, &job, nblocks);
    unsigned error = atomic_load(&job.error);
    if (error)
        return (bitx_status)error;
    *dst_nbytes = parallel ? close_gaps(h, job.frame) : job.next;
    bitx_header_store(h, plan->found.section, plan->section, job.frame);
    bitx_header_seal(h, job.frame);
    return BITX_OK;
}

bitx_status bitx_encode(bitx_ctx *ctx, const bitx_params *params, void *dst, size_t cap,
                        size_t *dst_nbytes, const void *src, size_t nbytes, const void *base,
                        size_t base_nbytes)
{
    unsigned used[BITX_BASES_MAX], nused;
    if (!params || (!base && base_nbytes))
        return BITX_ERR_ARGUMENT;
    const bitx_base only = {base, base_nbytes, params->dtype};
    return bitx_encode_bases(ctx, params, dst, cap, dst_nbytes, src, nbytes, &only,
                             base_nbytes != 0, used, &nused);
}

bitx_status bitx_encode_bases(bitx_ctx *ctx, const bitx_params *params, void *dst, size_t cap,
                              size_t *dst_nbytes, const void *src, size_t nbytes,
                              const bitx_base *bases, unsigned nbases,
                              unsigned used[BITX_BASES_MAX], unsigned *nused)
{
    size_t bound, base_nbytes = 0;
    if (!ctx || !dst || !dst_nbytes || (!src && nbytes) || (!bases && nbases) || !used || !nused ||
        nbases > BITX_BASES_MAX)
        return BITX_ERR_ARGUMENT;
    for (unsigned k = 0; k < nbases; k++) {
        if (!bases[k].data || bases[k].nbytes > SIZE_MAX)
            return BITX_ERR_ARGUMENT;
        base_nbytes = bases[k].nbytes > base_nbytes ? (size_t)bases[k].nbytes : base_nbytes;
    }
    bitx_status status = bitx_encode_bound(params, nbytes, base_nbytes, &bound);
    if (status != BITX_OK)
        return status;
    if (cap < bound)
        return BITX_ERR_DST_SIZE;
    bitx_params p;
    status = read_params(params, &p);
    size_t objects_nbytes = bitx_tables_objects_nbytes();
    if (status == BITX_OK)
        status = bitx_buffer_grow(&ctx->allocator, &ctx->tables,
                                  objects_nbytes + bitx_tables_section_max());
    if (status != BITX_OK)
        return status;

    memory_source src_memory = {src}, memory[BITX_BASES_MAX];
    bitx_source src_source = {read_memory, &src_memory};
    bitx_base_source sources[BITX_BASES_MAX];
    uint8_t hashes[BITX_BASES_MAX][BITX_HASH_NBYTES];
    for (unsigned k = 0; k < nbases; k++) {
        memory[k].data = bases[k].data;
        sources[k] = (bitx_base_source){
            {read_memory, &memory[k]}, bases[k].nbytes, bases[k].dtype, hashes[k]};
        if (nbases > 1) /* a merge's section holds them */
            bitx_hash128(hashes[k], bases[k].data, (size_t)bases[k].nbytes);
    }
    const bitx_bases given = {nbases, sources};
    bitx_plan plan;
    status = check_bases(sources, nbases);
    if (status == BITX_OK)
        status = make_plan(ctx, &p, &src_source, nbytes, &given, ctx->tables.data + objects_nbytes,
                           ctx->tables.data, &plan);
    if (status != BITX_OK)
        return status;
    status = encode_planned(ctx, &plan, dst, dst_nbytes, src, bases);
    *nused = bitx_plan_bases(&plan, used);
    bitx_found_free(ctx, &plan.found);
    return status;
}
