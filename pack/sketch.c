#include "sketch.h"

#include <string.h>

/* Cells of 2^10 elements from 64 Ki elements on, larger ones where the sketch would pass its limit,
   smaller ones where 64 samples would not come together. */
enum { CELL_LOG2 = 10, SAMPLES_MIN_LOG2 = 6 };

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static unsigned log2_floor(uint64_t x)
{
    return 63u - (unsigned)__builtin_clzll(x);
}

/* The element chosen in a cell: in cells up to 2^CELL_LOG2 any, in larger ones the choice of one of
   the two halves. */
static uint64_t choose(uint64_t cell, unsigned cell_log2)
{
    unsigned level;

    for (level = cell_log2; level > CELL_LOG2; level--)
        cell = 2 * cell + (mix(cell * 64 + level) & 1);
    if (cell_log2 > CELL_LOG2)
        cell_log2 = CELL_LOG2;
    return (cell << cell_log2) + (mix(cell * 64 + cell_log2) >> 32) % (UINT64_C(1) << cell_log2);
}

zipllm_sketch_plan zipllm_sketch_plan_of(bitx_dtype dtype, uint64_t nbytes)
{
    unsigned bits = bitx_dtype_bits(dtype);
    zipllm_sketch_plan plan = {.width = (uint8_t)(bits < 8 ? 1 : bits / 8)};
    uint64_t limit = ZIPLLM_SKETCH_MAX / plan.width;
    uint64_t whole;
    unsigned cell_log2;

    plan.nelem = nbytes / plan.width;
    if (nbytes < ZIPLLM_SKETCH_TENSOR_MIN)
        return plan;
    cell_log2 = log2_floor(plan.nelem);
    cell_log2 = cell_log2 > SAMPLES_MIN_LOG2 ? cell_log2 - SAMPLES_MIN_LOG2 : 0;
    if (cell_log2 > CELL_LOG2)
        cell_log2 = CELL_LOG2;
    while (plan.nelem >> cell_log2 >= limit)
        cell_log2++;
    whole = plan.nelem >> cell_log2; /* the last cell may be cut, and its choice be missing */
    plan.cell_log2 = (uint8_t)cell_log2;
    plan.nsamples = (uint32_t)(whole + (choose(whole, cell_log2) < plan.nelem));
    return plan;
}

uint64_t zipllm_sketch_position(const zipllm_sketch_plan *plan, uint32_t i)
{
    return choose(i, plan->cell_log2);
}

static void seek_next(zipllm_sketcher *s)
{
    s->position = s->next < s->plan.nsamples
                      ? zipllm_sketch_position(&s->plan, s->next) * s->plan.width
                      : UINT64_MAX;
}

void zipllm_sketcher_init(zipllm_sketcher *sketcher, const zipllm_sketch_plan *plan,
                          uint8_t *sketch)
{
    *sketcher = (zipllm_sketcher){.plan = *plan, .sketch = sketch};
    seek_next(sketcher);
}

void zipllm_sketcher_update(zipllm_sketcher *s, const void *bytes, size_t nbytes)
{
    const uint8_t *in = bytes;
    uint64_t end = s->offset + nbytes;
    size_t width = s->plan.width;

    while (s->position < end) {
        uint64_t stop = s->position + width;
        uint64_t from = s->position > s->offset ? s->position : s->offset;
        uint64_t to = stop < end ? stop : end;
        if (from < to) /* an element may lie in two pieces */
            memcpy(s->sketch + s->next * width + (from - s->position), in + (from - s->offset),
                   (size_t)(to - from));
        if (stop > end)
            break;
        s->next++;
        seek_next(s);
    }
    s->offset = end;
}

/* Sample i of plan a, as a sample of plan b; false: it is not one. b's cells are not smaller. */
static bool coarser(const zipllm_sketch_plan *a, uint32_t i, const zipllm_sketch_plan *b,
                    uint32_t *j)
{
    unsigned shift = (unsigned)(b->cell_log2 - a->cell_log2);

    *j = i >> shift;
    return *j < b->nsamples && zipllm_sketch_position(b, *j) == zipllm_sketch_position(a, i);
}

bool zipllm_sketch_match(zipllm_sketch_matcher *m, zipllm_sketch_pair *pair)
{
    bool swapped = m->b->cell_log2 < m->a->cell_log2;
    const zipllm_sketch_plan *fine = swapped ? m->b : m->a;
    const zipllm_sketch_plan *coarse = swapped ? m->a : m->b;
    uint32_t *next = swapped ? &m->next_b : &m->next_a;

    if (m->a->width != m->b->width)
        return false;
    while (*next < fine->nsamples) {
        uint32_t i = (*next)++;
        uint32_t j = i;
        if (fine->cell_log2 == coarse->cell_log2 ? i >= coarse->nsamples
                                                 : !coarser(fine, i, coarse, &j))
            continue;
        *pair = swapped ? (zipllm_sketch_pair){j, i} : (zipllm_sketch_pair){i, j};
        return true;
    }
    return false;
}
