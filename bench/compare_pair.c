/* Setting up a case twice, for the old library and for the new one. */
#include "bench/compare_pair.h"

#include <stdlib.h>
#include <string.h>

#include "bench/isolated.h"

enum {
    SLACK_NBYTES = 256,
    DRAM_MOST_NBYTES = 400 << 20 /* four slices; eight times a huge L3 would take minutes */
};

/* ---- kernels ----------------------------------------------------------------------------------
 */

static bench_kernel_params kernel_params(const bench_compare *c, const bench_compare_case *k,
                                         bitx_fn fn, bench_ws ws)
{
    bench_kernel_params p;
    bitx_sig sig;
    memset(&p, 0, sizeof(p));
    p.op = k->op;
    p.isa = bitx_isa_name(k->isa);
    p.fn = fn;
    p.reference = bitx_op_find(k->op->name, "scalar", &sig);
    p.set_nbytes = bench_ws_nbytes(&c->caches, ws);
    if (ws == BENCH_WS_DRAM && p.set_nbytes > DRAM_MOST_NBYTES)
        p.set_nbytes = DRAM_MOST_NBYTES;
    p.seed = c->o->seed;
    return p;
}

static const char *check_kernel(void *arg)
{
    bench_set set;
    size_t nelem;
    return bench_kernel_setup(arg, &set, &nelem);
}

static void open_kernel(bench_pair *p, const bench_compare *c, const bench_compare_case *k)
{
    for (int i = 0; i < 2 && !p->why; i++) {
        const char *why;
        bitx_fn fn = bench_library_op(i ? c->head : c->base, k->op, k->isa, &why);
        bench_kernel_params small = kernel_params(c, k, fn, BENCH_WS_L1);
        p->is_head = i;
        p->loops[i] = (bench_kernel_loop){k->op, bench_driver_for(k->op->sig), fn, &p->set, 0, 0};
        p->why = fn ? bench_isolated(check_kernel, &small) : why;
    }
    for (int i = 0; i < 2 && !p->why; i++) {
        bench_kernel_params all = kernel_params(c, k, p->loops[i].fn, k->ws);
        p->is_head = i;
        if (p->set_op == k->op && p->set_nbytes == all.set_nbytes) {
            p->why = bench_kernel_check(&all, &p->set, p->set_nelem);
            continue;
        }
        bench_set_unmap(&p->set);
        p->set_op = NULL;
        p->why = bench_kernel_setup(&all, &p->set, &p->set_nelem);
        p->set_op = p->why ? NULL : k->op;
        p->set_nbytes = all.set_nbytes;
    }
    for (int i = 0; i < 2; i++) {
        p->loops[i].nelem = p->set_nelem;
        p->cases[i] = (bench_case){bench_kernel_run, &p->loops[i], 1};
    }
}

/* ---- codecs -----------------------------------------------------------------------------------
 */

static int encode_tensor(bench_frames *f, size_t i)
{
    const bench_tensor *t = &f->family->at[i];
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = t->dtype;
    params.codec = f->codec;
    return f->library->encode(f->ctx, &params, f->frames + f->at[i], f->at[i + 1] - f->at[i],
                              &f->nbytes[i], t->data, t->nbytes, t->base, t->base_nbytes);
}

/* A frame that names no base refuses one; which those are the encoder decides (auto). */
static int decode_tensor(bench_frames *f, size_t i, uint8_t *out)
{
    const bench_tensor *t = &f->family->at[i];
    const uint8_t *frame = f->frames + f->at[i];
    size_t n;
    int status = f->library->decode(f->ctx, out, t->nbytes, &n, frame, f->nbytes[i],
                                    f->alone[i] ? NULL : t->base, f->alone[i] ? 0 : t->base_nbytes);
    if (status != BITX_OK && !f->alone[i] && t->base) {
        f->alone[i] = 1;
        status = f->library->decode(f->ctx, out, t->nbytes, &n, frame, f->nbytes[i], NULL, 0);
    }
    return status == BITX_OK && n == t->nbytes ? 0 : -1;
}

static void run_encode(void *arg, uint64_t reps)
{
    bench_frames *f = arg;
    for (uint64_t r = 0; r < reps; r++)
        for (size_t i = 0; i < f->family->n; i++)
            f->failed |= encode_tensor(f, i) != 0;
}

static void run_decode(void *arg, uint64_t reps)
{
    bench_frames *f = arg;
    for (uint64_t r = 0; r < reps; r++) {
        uint8_t *out = f->out;
        for (size_t i = 0; i < f->family->n; out += f->family->at[i++].nbytes)
            f->failed |= decode_tensor(f, i, out) != 0;
    }
}

static const char *check_frames(void *arg)
{
    bench_frames *f = arg;
    run_encode(f, 1);
    if (f->failed)
        return "WRONG: cannot encode";
    memset(f->out, 0xa5, f->family->nbytes);
    run_decode(f, 1);
    if (f->failed || memcmp(f->out, f->family->data.base, f->family->nbytes) != 0)
        return "WRONG: does not decode its own frames";
    return NULL;
}

static const char *frames_open(bench_frames *f)
{
    size_t total = 0, n = f->family->n;
    if (!f->library->ctx_new)
        return "no codecs in this library";
    f->at = calloc(n + 1, sizeof(*f->at));
    f->nbytes = calloc(n + 1, sizeof(*f->nbytes));
    f->alone = calloc(n + 1, sizeof(*f->alone));
    if (!f->at || !f->nbytes || !f->alone || f->library->ctx_new(NULL, NULL, &f->ctx) != BITX_OK)
        return "out of memory";
    for (size_t i = 0; i < n; i++) {
        bitx_params params = BITX_PARAMS_INIT;
        const bench_tensor *t = &f->family->at[i];
        size_t bound = 0;
        params.dtype = t->dtype;
        if (f->library->encode_bound(&params, t->nbytes, t->base_nbytes, &bound) != BITX_OK)
            return "no bound for this tensor";
        total += bound;
        f->at[i + 1] = total;
    }
    f->frames = calloc(1, total + SLACK_NBYTES);
    f->out = calloc(1, f->family->nbytes + SLACK_NBYTES);
    if (!f->frames || !f->out)
        return "out of memory";
    return NULL;
}

static void frames_free(bench_frames *f)
{
    if (f->ctx)
        f->library->ctx_free(f->ctx);
    free(f->frames);
    free(f->out);
    free(f->at);
    free(f->nbytes);
    free(f->alone);
    memset(f, 0, sizeof(*f));
}

static void open_codec(bench_pair *p, const bench_compare *c, const bench_compare_case *k)
{
    for (int i = 0; i < 2 && !p->why; i++) {
        bench_frames *f = &p->frames[i];
        f->library = i ? c->head : c->base;
        f->family = &c->o->families[k->family];
        f->codec = k->codec;
        p->is_head = i;
        p->why = frames_open(f);
        if (!p->why)
            p->why = bench_isolated(check_frames, f);
        if (!p->why)
            p->why = check_frames(f); /* here too: the decoder needs the frames */
        p->cases[i] = (bench_case){k->decode ? run_decode : run_encode, f, 1};
    }
}

void bench_pair_open(bench_pair *p, const bench_compare *c, const bench_compare_case *k)
{
    p->why = NULL;
    if (k->op)
        open_kernel(p, c, k);
    else
        open_codec(p, c, k);
}

const char *bench_pair_close(bench_pair *p, const bench_compare_case *k)
{
    const char *why = NULL;
    for (int i = 0; i < 2 && !k->op; i++) {
        if (p->frames[i].failed && !p->why) {
            p->is_head = i;
            why = "WRONG: fails while it is timed";
        }
        frames_free(&p->frames[i]);
    }
    return why;
}

void bench_pair_free(bench_pair *p)
{
    if (p->set_op)
        bench_set_unmap(&p->set);
    p->set_op = NULL;
}
