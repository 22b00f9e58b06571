/*
 * bench/set.h: a working set, the streams that a kernel and its roofline run over. A set larger
 * than a batch should touch (DRAM) is cut into slices which successive calls walk in turn, so that
 * no line is met again before all others were.
 */
#ifndef BENCH_SET_H
#define BENCH_SET_H

#include "bench/buffers.h"

enum { BENCH_STREAMS_MAX = 80 };

typedef struct bench_set {
    unsigned nread, nwrite;           /* reads come first in the arrays */
    size_t nbytes[BENCH_STREAMS_MAX]; /* of one slice, of each stream: what a call moves */
    size_t stride[BENCH_STREAMS_MAX]; /* from slice to slice where that is more; 0: nbytes */
    unsigned planes, nplanes; /* these streams, of equal size, are one stride apart; 0: none */
    uint8_t *base[BENCH_STREAMS_MAX];
    size_t offset[BENCH_STREAMS_MAX]; /* of base in the arena, for the record */
    size_t nslices, next;             /* next: the slice of the next call */
    bench_arena arena;
} bench_set;

/* Places all streams: set->offset[]. The bytes that they need. */
size_t bench_set_layout(bench_set *set);
/* set->base[], once the arena is there. */
void bench_set_attach(bench_set *set);
/* set->nread, nwrite, nbytes, nslices are given. Maps and touches; 0, or -1 with errno. */
int bench_set_map(bench_set *set, bench_pages pages);
void bench_set_unmap(bench_set *set);

/* Bytes from one slice of a stream to the next. */
size_t bench_set_stride(const bench_set *set, unsigned stream);
/* Stream i of a slice. */
uint8_t *bench_set_at(const bench_set *set, unsigned stream, size_t slice);
/* The slice of the next call; moves on. */
size_t bench_set_next(bench_set *set);
/* Bytes read and written in one slice. */
size_t bench_set_traffic(const bench_set *set);

#endif
