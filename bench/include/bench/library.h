/*
 * bench/library.h: builds of libbitx, and libraries that export our operations, loaded beside each
 * other. None sees another's symbols (RTLD_LOCAL), and this program exports none.
 */
#ifndef BENCH_LIBRARY_H
#define BENCH_LIBRARY_H

#include "bitx/codec.h"
#include "dispatch/ops.h"

typedef struct bench_library {
    const char *path;
    void *handle;
    /* dispatch/ops.h; NULL where the library is not a libbitx: then it exports bitx_OP_ISA(), or
       bitx_OP() for every ISA */
    const bitx_op *(*op_at)(size_t index);
    bitx_fn (*op_find)(const char *op, const char *isa, bitx_sig *sig);
    const char *(*op_cell)(const char *op, bitx_isa isa);
    const char *(*op_signature)(const char *op); /* NULL in older builds */
    bitx_isa (*isa_active)(void);
    /* bitx/codec.h: all of them, or ctx_new is NULL */
    bitx_status (*ctx_new)(const bitx_allocator *, const bitx_executor *, bitx_ctx **);
    void (*ctx_free)(bitx_ctx *);
    bitx_status (*encode_bound)(const bitx_params *, size_t, size_t, size_t *);
    bitx_status (*encode)(bitx_ctx *, const bitx_params *, void *, size_t, size_t *, const void *,
                          size_t, const void *, size_t);
    bitx_status (*decode)(bitx_ctx *, void *, size_t, size_t *, const void *, size_t, const void *,
                          size_t);
} bench_library;

/* 0, or -1 after printing what is wrong with the file. */
int bench_library_open(bench_library *l, const char *path);
/*
 * Loads a copy of the same file at other addresses; the old one stays where it is. Short loops run
 * at up to twice the speed by where they lie (seen on Zen 5: two copies of one scalar loop, 103%
 * apart), so what is slower in one place only is not slower. 0, or -1: *l is as it was.
 */
int bench_library_again(bench_library *l);
/* This program's own build. */
void bench_library_own(bench_library *l);
void bench_library_close(bench_library *l);

/* The implementation, or NULL with the reason: absent, or another signature than this program's. */
bitx_fn bench_library_op(const bench_library *l, const bitx_op *op, bitx_isa isa, const char **why);

#endif
