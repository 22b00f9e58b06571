/* What a plan chooses, from a sample of the tensor: codecs, their tables, the prediction. */
#include <string.h>

#include "bytes.h"
#include "encode.h"
#include "model.h"
#include "records.h"
#include "screen.h"
#include "zstd_stream.h"

/* A plan reads this much of a tensor at most, in pieces spread over it: enough for tables of a
   thousand symbols, and 1/16 of a tensor that is not small. */
enum { SAMPLE_MIN = 1 << 16, SAMPLE_MAX = 1 << 20, PIECE_NBYTES = 1 << 14 };

/* Of which every candidate codes this much to be compared: 1/512 of a tensor that is not small, as
   some candidates are ten times slower than others. */
enum { TRIAL_MIN = 1 << 14, TRIAL_MAX = 1 << 18 };

/* ---- samples ------------------------------------------------------------------------------- */

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

bool bitx_plan_screens(const bitx_plan *plan, const bitx_block_codec *codec)
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
        if (bitx_plan_screens(plan, codec) && !screen_sample(codec, sample, *nbytes))
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

bitx_status bitx_plan_list(bitx_plan *plan, bitx_codec codec, bool has_base)
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

bool bitx_plan_wants_sample(const bitx_plan *plan)
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

typedef struct tables_job {
    bitx_ctx *ctx;
    bitx_plan *plan;
    const bitx_sample *sample;
    uint8_t *section, *objects;
    size_t n; /* of the section */
    uint64_t nbytes;
    bitx_status status;
    void (*beside)(void *arg, size_t sample_nbytes);
} tables_job;

/* The calling thread may have another worker's number, but the first worker is nobody else's. */
static void make_tables(void *arg, size_t i, unsigned worker)
{
    tables_job *job = arg;
    (void)worker;
    bitx_plan *plan = job->plan;
    bitx_worker *first = &job->ctx->workers[0];
    if (i)
        job->beside(job->ctx->beside_arg, job->sample->span.nbytes);
    else if (plan->ncandidates == 1)
        job->n = plan_tables(&first->work, &plan->tuning, plan->candidates[0], job->sample,
                             job->section);
    else
        job->status =
            choose(first, plan, job->sample, job->section, &job->n, job->objects, &job->nbytes);
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
    bitx_need need = bitx_encode_need(plan, sample.span.nbytes);
    status = bitx_ctx_grow(ctx, &need, false);
    if (status != BITX_OK)
        return status;
    bitx_worker *worker = &ctx->workers[0];
    plan->section = section;
    tables_job job = {ctx, plan, &sample, section, objects, 0, 0, BITX_OK, ctx->beside};
    const bool chosen = plan->ncandidates != 1;
    ctx->beside = NULL;
    bitx_ctx_run(ctx, make_tables, &job, job.beside ? 2 : 1);
    if (job.status != BITX_OK)
        return job.status;
    *nbytes = job.nbytes;
    if (chosen) {
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
    plan->header.tables_nbytes = plan->ncandidates ? job.n : 0;
    status = bitx_tables_open(plan->header.dtype, section, plan->header.tables_nbytes, objects,
                              plan->tables);
    if (status != BITX_OK || !compared || plan->ncandidates != 1 || *nbytes)
        return status;
    need = bitx_encode_need(plan, sample.span.nbytes);
    need.spare = sample.span.nbytes;
    status = bitx_ctx_grow(ctx, &need, false);
    return status == BITX_OK ? estimate(worker, plan, plan->candidates[0], &sample, nbytes)
                             : status;
}

void bitx_plan_set_found(bitx_plan *plan, const bitx_found *found)
{
    bitx_header *h = &plan->header;
    plan->found = *found;
    h->prediction = found->prediction;
    h->base_nbytes = found->prediction.predictor == BITX_PREDICTOR_NONE ? 0 : found->base_nbytes;
    h->predictor_nbytes = found->section_nbytes;
}

/* A prediction must promise to save more than what an estimate is off by. */
bitx_status bitx_plan_predict(bitx_ctx *ctx, bitx_plan *plan, const bitx_params *p,
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
        bitx_plan_set_found(plan, &found);
        status = bitx_plan_list(plan, p->codec, plan->header.base_nbytes != 0);
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
            finder.adapted = bitx_prediction_factors(&best.prediction) != 0;
        } else {
            bitx_found_free(ctx, &found);
        }
    }
    if (status == BITX_OK && chosen != last) {
        *plan = start;
        bitx_plan_set_found(plan, &best);
        status = bitx_plan_list(plan, p->codec, plan->header.base_nbytes != 0);
        if (status == BITX_OK)
            status = plan_from_sample(ctx, plan, &sample, bases, section, objects, false, &nbytes);
    }
    bitx_buffer_trim(&ctx->allocator, &ctx->fit, 1 << 20); /* fits are rare, and take much */
    if (status == BITX_OK)
        bitx_plan_set_found(plan, &best);
    else
        bitx_found_free(ctx, &best);
    return status;
}
