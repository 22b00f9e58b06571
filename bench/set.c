/* Working sets. */
#include "bench/set.h"

enum { LINE_NBYTES = 64, PAGE_NBYTES = 4096 };

/* From plane to plane: whole pages, and a step so that they start evenly spread over one. */
static size_t plane_stride(const bench_set *set)
{
    size_t each = bench_set_stride(set, set->planes) * set->nslices;
    size_t step = PAGE_NBYTES / set->nplanes / LINE_NBYTES * LINE_NBYTES;
    return (each + PAGE_NBYTES - 1) / PAGE_NBYTES * PAGE_NBYTES + (step ? step : LINE_NBYTES);
}

/* Planes are laid out as one item, and the others each for itself. */
size_t bench_set_layout(bench_set *set)
{
    size_t nbytes[BENCH_STREAMS_MAX] = {0}, offset[BENCH_STREAMS_MAX];
    unsigned first[BENCH_STREAMS_MAX] = {0}, nitems = 0, n = set->nread + set->nwrite;
    for (unsigned i = 0; i < n; nitems++) {
        int group = set->nplanes > 0 && i == set->planes;
        first[nitems] = i;
        nbytes[nitems] =
            group ? plane_stride(set) * set->nplanes : bench_set_stride(set, i) * set->nslices;
        i += group ? set->nplanes : 1;
    }
    size_t total = bench_layout(nbytes, nitems, offset);
    for (unsigned k = 0; k < nitems; k++) {
        unsigned i = first[k];
        set->offset[i] = offset[k];
        for (unsigned p = 1; set->nplanes > 0 && i == set->planes && p < set->nplanes; p++)
            set->offset[i + p] = offset[k] + p * plane_stride(set);
    }
    return total;
}

void bench_set_attach(bench_set *set)
{
    for (unsigned i = 0; i < set->nread + set->nwrite; i++)
        set->base[i] = set->arena.base + set->offset[i];
    set->next = 0;
}

int bench_set_map(bench_set *set, bench_pages pages)
{
    if (bench_arena_map(&set->arena, bench_set_layout(set), pages) != 0)
        return -1;
    bench_arena_touch(&set->arena);
    bench_set_attach(set);
    return 0;
}

void bench_set_unmap(bench_set *set)
{
    bench_arena_unmap(&set->arena);
}

size_t bench_set_stride(const bench_set *set, unsigned stream)
{
    size_t stride = set->stride[stream], nbytes = set->nbytes[stream];
    return stride > nbytes ? stride : nbytes;
}

uint8_t *bench_set_at(const bench_set *set, unsigned stream, size_t slice)
{
    return set->base[stream] + slice * bench_set_stride(set, stream);
}

size_t bench_set_next(bench_set *set)
{
    size_t slice = set->next;
    set->next = slice + 1 < set->nslices ? slice + 1 : 0;
    return slice;
}

size_t bench_set_traffic(const bench_set *set)
{
    size_t sum = 0;
    for (unsigned i = 0; i < set->nread + set->nwrite; i++)
        sum += set->nbytes[i];
    return sum;
}
