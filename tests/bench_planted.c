/*
 * A libbitx with a fault, for the gate to find: everything is handed on to the library of
 * PLANT_LIBRARY, but for one operation.
 *     PLANT=OP/ISA     each call of that implementation takes a tenth longer, or, with
 *     PLANT_FAULT=F    'wrong': its last byte is wrong; 'crash'; 'absent': OP is in no row and no
 *                      list; 'signature': OP has another one
 *     PLANT_GROW=1     frames are one byte longer
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bitx/codec.h"
#include "dispatch/ops.h"

static void real(void *fn, const char *name)
{
    static void *handle;
    if (!handle)
        handle = dlopen(getenv("PLANT_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
    void *address = handle ? dlsym(handle, name) : NULL;
    if (!address) {
        fprintf(stderr, "planted: no %s in PLANT_LIBRARY\n", name);
        exit(2);
    }
    memcpy(fn, &address, sizeof(address));
}

static int fault_is(const char *fault)
{
    const char *asked = getenv("PLANT_FAULT");
    return asked && strcmp(asked, fault) == 0;
}

static int is_planted(const char *op, const char *isa)
{
    const char *plant = getenv("PLANT");
    size_t n = strlen(op);
    return plant && strncmp(plant, op, n) == 0 && plant[n] == '/' &&
           (!isa || strcmp(plant + n + 1, isa) == 0);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/*
 * Work done twice would be found in the caches the second time, and be less than its share. A call
 * that took long was interrupted, and is charged by the best of its size.
 */
static void take_a_tenth_longer(double start, size_t n)
{
    static size_t last_n;
    static double least;
    double end = now_ns(), took = end - start;
    if (n != last_n || took < least)
        least = took;
    last_n = n;
    end += 0.1 * (took < 1.5 * least ? took : least);
    while (now_ns() < end)
        continue;
}

/* Wrappers of the classes that a slowdown can be planted in. */
#define PLANTABLE(X)                                                                               \
    X(BINARY)                                                                                      \
    X(SPLIT2)                                                                                      \
    X(MERGE2)                                                                                      \
    X(SPLIT2_XOR)                                                                                  \
    X(MERGE2_XOR)                                                                                  \
    X(SPLIT_F32)                                                                                   \
    X(MERGE_F32) X(SPLIT_PLANES) X(XOR_SPLIT_PLANES) X(MERGE_PLANES) X(MAP) X(DELTA_SPLIT)

#define WRAPPER(sig, ret, retword, params, args)                                                   \
    static bitx_fn_##sig *real_##sig;                                                              \
    static ret planted_##sig params                                                                \
    {                                                                                              \
        double start = now_ns();                                                                   \
        real_##sig args;                                                                           \
        take_a_tenth_longer(start, n);                                                             \
    }
#define WRAPPER_OF(sig) BITX_APPLY(WRAPPER, sig, BITX_SIGNATURE_##sig)
PLANTABLE(WRAPPER_OF)

static void wrong_binary(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n)
{
    real_BINARY(dst, a, b, n);
    dst[n - 1] ^= 1;
}

static void crashing_binary(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n)
{
    (void)a;
    (void)b;
    memset(dst, 0, n);
    (void)raise(SIGSEGV);
}

static bitx_fn wrap(bitx_fn fn, bitx_sig sig)
{
    switch (sig) {
#define CASE(s)                                                                                    \
    case BITX_SIG_##s:                                                                             \
        real_##s = (bitx_fn_##s *)fn;                                                              \
        return (bitx_fn)planted_##s;
        PLANTABLE(CASE)
    default:
        fprintf(stderr, "planted: not in this class of operation\n");
        exit(2);
    }
}

bitx_fn bitx_op_find(const char *op, const char *isa, bitx_sig *sig)
{
    bitx_fn (*find)(const char *, const char *, bitx_sig *);
    real(&find, "bitx_op_find");
    if (is_planted(op, NULL) && fault_is("absent"))
        return NULL;
    bitx_fn fn = find(op, isa, sig);
    if (!fn || !is_planted(op, isa) || fault_is("signature"))
        return fn;
    bitx_fn slow = wrap(fn, *sig);
    if (fault_is("wrong"))
        return (bitx_fn)wrong_binary;
    return fault_is("crash") ? (bitx_fn)crashing_binary : slow;
}

const bitx_op *bitx_op_at(size_t index)
{
    static bitx_op changed;
    const bitx_op *(*at)(size_t);
    real(&at, "bitx_op_at");
    const bitx_op *op = at(index);
    if (op && fault_is("absent") && is_planted(op->name, NULL)) {
        changed = *op;
        changed.name = "another_name";
        return &changed;
    }
    return op;
}

const char *bitx_op_signature(const char *op)
{
    const char *(*signature)(const char *);
    real(&signature, "bitx_op_signature");
    return fault_is("signature") && is_planted(op, NULL) ? "void (void)" : signature(op);
}

const char *bitx_op_cell(const char *op, bitx_isa isa)
{
    const char *(*cell)(const char *, bitx_isa);
    real(&cell, "bitx_op_cell");
    return cell(op, isa);
}

bitx_isa bitx_isa_active(void)
{
    bitx_isa (*active)(void);
    real(&active, "bitx_isa_active");
    return active();
}

bitx_status bitx_ctx_new(const bitx_allocator *allocator, const bitx_executor *executor,
                         bitx_ctx **ctx)
{
    bitx_status (*fn)(const bitx_allocator *, const bitx_executor *, bitx_ctx **);
    real(&fn, "bitx_ctx_new");
    return fn(allocator, executor, ctx);
}

void bitx_ctx_free(bitx_ctx *ctx)
{
    void (*fn)(bitx_ctx *);
    real(&fn, "bitx_ctx_free");
    fn(ctx);
}

bitx_status bitx_encode_bound(const bitx_params *params, size_t nbytes, size_t base_nbytes,
                              size_t *bound)
{
    bitx_status (*fn)(const bitx_params *, size_t, size_t, size_t *);
    real(&fn, "bitx_encode_bound");
    return fn(params, nbytes, base_nbytes, bound);
}

bitx_status bitx_encode(bitx_ctx *ctx, const bitx_params *params, void *dst, size_t cap,
                        size_t *frame_nbytes, const void *src, size_t nbytes, const void *base,
                        size_t base_nbytes)
{
    bitx_status (*fn)(bitx_ctx *, const bitx_params *, void *, size_t, size_t *, const void *,
                      size_t, const void *, size_t);
    real(&fn, "bitx_encode");
    bitx_status status = fn(ctx, params, dst, cap, frame_nbytes, src, nbytes, base, base_nbytes);
    if (status == BITX_OK && getenv("PLANT_GROW"))
        ++*frame_nbytes;
    return status;
}

bitx_status bitx_decode(bitx_ctx *ctx, void *dst, size_t cap, size_t *nbytes, const void *frame,
                        size_t avail, const void *base, size_t base_nbytes)
{
    bitx_status (*fn)(bitx_ctx *, void *, size_t, size_t *, const void *, size_t, const void *,
                      size_t);
    real(&fn, "bitx_decode");
    return fn(ctx, dst, cap, nbytes, frame, avail - (getenv("PLANT_GROW") != NULL), base,
              base_nbytes);
}
