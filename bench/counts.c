/* Counting every operation of a row. */
#include "bench/counts.h"

#include <stdio.h>
#include <string.h>

#include "bench/args.h"
#include "bench/count_call.h"
#include "bench/emulated.h"
#include "bench/isolated.h"
#include "bench/steps.h"

/* A scalar call of the larger size is 50,000 steps, and tells nothing that the smaller does not. */
static const size_t sizes[] = {BENCH_COUNT_TAIL, BENCH_COUNT_WHOLE, BENCH_COUNT_LONG};

static size_t size_count(const bitx_op *op, bitx_isa isa)
{
    return isa == BITX_ISA_SCALAR ? 1 : strcmp(op->name, "groups_merge_u8") == 0 ? 3 : 2;
}

/* What a library that is not ours does to the streams must not be done here. */
static const char *check(void *arg)
{
    bench_count_ready copy = *(bench_count_ready *)arg;
    return bench_count_setup(&copy);
}

static const char *count_steps(const bench_library *l, const bench_count_options *o,
                               const bitx_op *op, size_t nelem, uint64_t *value)
{
    bench_count_ready r;
    const char *why;
    memset(&r, 0, sizeof(r));
    r.op = op;
    r.isa = bitx_isa_name(o->isa);
    r.fn = bench_library_op(l, op, o->isa, &why);
    r.nelem = nelem;
    r.seed = o->seed;
    if (!r.fn)
        return why;
    why = l->handle ? bench_isolated(check, &r) : NULL;
    if (!why)
        why = bench_count_setup(&r);
    if (why)
        return why;
    why = bench_count_steps(r.fn, bench_count_run, &r, value);
    bench_set_unmap(&r.set);
    return why;
}

static const char *count(const bench_library *l, const bench_count_options *o, const bitx_op *op,
                         size_t nelem, uint64_t *value)
{
    if (o->tool == BENCH_COUNT_STEPS)
        return count_steps(l, o, op, nelem, value);
    return o->tool == BENCH_COUNT_CALLGRIND
               ? bench_count_callgrind(o->program, op->name, bitx_isa_name(o->isa), nelem, value)
               : bench_count_qemu(o->program, op->name, nelem, value);
}

/* A row whose cell is a narrower one's function is counted there. */
static int is_own_cell(const bench_library *l, const bitx_op *op, bitx_isa isa)
{
    const char *cell = l->op_find ? l->op_cell(op->name, isa) : bitx_op_cell(op->name, isa);
    return !cell || strcmp(cell, bitx_isa_name(isa)) == 0;
}

static const char *tool_name(bench_count_tool tool)
{
    static const char *const names[BENCH_COUNT_TOOLS] = {"single steps", "callgrind", "qemu"};
    return names[tool];
}

const char *bench_counts_measure(const bench_library *l, const bench_count_options *o,
                                 bench_figures *out)
{
    const char *isa = bitx_isa_name(o->isa), *why = NULL;
    char name[BENCH_NAME_MAX], build[BENCH_KEY_MAX / 2];
    snprintf(build, sizeof(build), "%s", bench_build_name());
    if (o->tool == BENCH_COUNT_QEMU)
        why = bench_qemu_build_name(o->program, build, sizeof(build));
    else if (!bitx_isa_usable(o->isa))
        why = bitx_isa_absent_reason(o->isa);
    out->what = "instruction counts";
    snprintf(out->key, sizeof(out->key), "%s; %s; %s", build, isa, tool_name(o->tool));
    for (size_t i = 0; !why && bitx_op_at(i); i++) {
        const bitx_op *op = bitx_op_at(i);
        if (!bench_in_list(o->ops, op->name) ||
            (o->tool != BENCH_COUNT_QEMU && !is_own_cell(l, op, o->isa)))
            continue;
        for (size_t k = 0; k < size_count(op, o->isa); k++) {
            snprintf(name, sizeof(name), "%s/%s/%zu", op->name, isa, sizes[k]);
            if (o->only && !strstr(name, o->only))
                continue;
            uint64_t value = 0;
            const char *failed = count(l, o, op, sizes[k], &value);
            if (failed == bench_count_no_cell)
                continue;
            bench_figure *x = bench_figures_add(out, name);
            x->value = value;
            x->wrong = failed && strncmp(failed, "WRONG", 5) == 0;
            snprintf(x->why, sizeof(x->why), "%s", failed ? failed : "");
        }
    }
    return why;
}
