/* Working sets. */
#include "bench/set.h"

int bench_set_map(bench_set *set, bench_pages pages)
{
    size_t total[BENCH_STREAMS_MAX] = {0};
    unsigned n = set->nread + set->nwrite;
    for (unsigned i = 0; i < n; i++)
        total[i] = bench_set_stride(set, i) * set->nslices;
    size_t nbytes = bench_layout(total, n, set->offset);
    if (bench_arena_map(&set->arena, nbytes, pages) != 0)
        return -1;
    bench_arena_touch(&set->arena);
    for (unsigned i = 0; i < n; i++)
        set->base[i] = set->arena.base + set->offset[i];
    set->next = 0;
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
