/* Sums over pairs. */
#include "bench/totals.h"

#include <string.h>

#include "bench/ideal.h"
#include "bench/table.h"

static size_t index_of(const bench_totals *t, const char *name)
{
    size_t i = 0;
    while (i < t->ncodecs && strcmp(t->codecs[i]->name, name) != 0)
        i++;
    return i;
}

static const bench_codec_result *named(const bench_codec_result *results, size_t n,
                                       const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!results[i].failure && strcmp(results[i].codec->name, name) == 0)
            return &results[i];
    return NULL;
}

/* Coded bytes of tensor i by the best of the three published delta coders; 0 if one is missing. */
static double best_of_three(const bench_codec_result *results, size_t n, size_t tensor)
{
    static const char *const rivals[] = {"tensorx", "paper-bitx", "fm-delta"};
    double best = 0;
    for (size_t k = 0; k < 3; k++) {
        const bench_codec_result *r = named(results, n, rivals[k]);
        if (!r)
            return 0;
        double coded = (double)r->tensor_nbytes[tensor];
        best = best == 0 || coded < best ? coded : best;
    }
    return best;
}

static void add_tensor(bench_totals *t, size_t codec, const bench_family *f, size_t tensor,
                       double coded, double best)
{
    const bench_tensor *x = &f->at[tensor];
    t->coded[x->dtype][codec] += coded;
    if (best <= 0)
        return;
    double excess = coded - best;
    t->regret[codec] += excess > 0 ? excess : 0;
    /* By how much it is above what issue-sized tables allow: 64 bytes and a thousandth. */
    double over = excess - 0.001 * best,
           worst = t->worst[codec].excess - 0.001 * t->worst[codec].best;
    if (*t->worst[codec].tensor && over <= worst)
        return;
    snprintf(t->worst[codec].tensor, sizeof(t->worst[codec].tensor), "%.60s: %.90s", f->label,
             x->name);
    t->worst[codec].nbytes = (double)x->nbytes;
    t->worst[codec].coded = coded;
    t->worst[codec].best = best;
    t->worst[codec].excess = excess;
}

static int one_dtype(const bench_family *f)
{
    for (size_t i = 1; i < f->n; i++)
        if (f->at[i].dtype != f->at[0].dtype)
            return 0;
    return f->paired_nbytes == f->nbytes;
}

static void add_result(bench_totals *t, const bench_family *f, const bench_codec_result *results,
                       size_t n, const bench_codec_result *r)
{
    size_t codec = index_of(t, r->codec->name);
    if (codec == t->ncodecs) {
        if (codec == BENCH_TOTALS_CODECS)
            return;
        t->codecs[t->ncodecs++] = r->codec;
    }
    int whole = (r->codec->flags & BENCH_CODEC_WHOLE) != 0;
    if (r->failure || (whole && !one_dtype(f))) {
        t->incomplete[codec] = 1;
        return;
    }
    if (whole) {
        t->coded[f->at[0].dtype][codec] += (double)r->total;
        return;
    }
    for (size_t i = 0; i < f->n; i++)
        if (f->at[i].base)
            add_tensor(t, codec, f, i, (double)r->tensor_nbytes[i], best_of_three(results, n, i));
}

void bench_totals_add(bench_totals *t, const bench_family *f, const bench_codec_result *results,
                      size_t n)
{
    for (int d = 0; d < BITX_DTYPE_COUNT; d++) {
        bench_ideal ideal;
        bench_ideal_measure(f, (bitx_dtype)d, &ideal);
        t->nbytes[d] += ideal.nbytes;
        t->nelem[d] += ideal.nelem;
        t->fmdelta_ideal[d] += ideal.fmdelta_nbytes;
        t->exponent_ideal[d] += ideal.exponent_nbytes;
    }
    for (size_t i = 0; i < n; i++)
        add_result(t, f, results, n, &results[i]);
}

static void ratio_cell(bench_table *table, double a, double b)
{
    if (a > 0 && b > 0)
        bench_cell(table, "%.4f", a / b);
    else
        bench_cell(table, "n/a");
}

static void print_dtype(const bench_totals *t, int d, FILE *out)
{
    char title[256];
    snprintf(
        title, sizeof(title),
        "%s, %.1f MB in tensors with a base: compressed/original, and against rivals (below 1: "
        "smaller)",
        bitx_dtype_name((bitx_dtype)d), t->nbytes[d] / 1e6);
    bench_table *table = bench_table_new(title, "<coder|bytes|ratio|bits/weight|/ tensorx|"
                                                "/ paper-bitx|/ fm-delta|/ fm-delta ideal");
    double rival[3] = {0, 0, 0};
    static const char *const rivals[] = {"tensorx", "paper-bitx", "fm-delta"};
    for (size_t k = 0; k < 3; k++)
        if (index_of(t, rivals[k]) < t->ncodecs && !t->incomplete[index_of(t, rivals[k])])
            rival[k] = t->coded[d][index_of(t, rivals[k])];
    for (size_t i = 0; i < t->ncodecs + 2; i++) {
        double coded = i < t->ncodecs    ? t->coded[d][i]
                       : i == t->ncodecs ? t->fmdelta_ideal[d]
                                         : t->exponent_ideal[d];
        bench_cell(table, "%s",
                   i < t->ncodecs    ? t->codecs[i]->name
                   : i == t->ncodecs ? "(fm-delta, ideal)"
                                     : "(given the exponent, ideal)");
        if ((i < t->ncodecs && t->incomplete[i]) || coded <= 0) {
            bench_row_end(table, "n/a");
            continue;
        }
        bench_cell(table, "%.0f", coded);
        bench_cell(table, "%.4f", coded / t->nbytes[d]);
        bench_cell(table, "%.3f", 8 * coded / t->nelem[d]);
        for (size_t k = 0; k < 3; k++)
            ratio_cell(table, coded, rival[k]);
        ratio_cell(table, coded, t->fmdelta_ideal[d]);
    }
    bench_table_print(table, out);
    bench_table_free(table);
}

static void print_worst(const bench_totals *t, FILE *out)
{
    bench_table *table =
        bench_table_new("against the best of tensorx, paper-bitx and fm-delta, tensor by tensor",
                        "<coder|regret, bytes|worst: bytes above|of|%|<tensor");
    for (size_t i = 0; i < t->ncodecs; i++) {
        if (strncmp(t->codecs[i]->name, "bitx:", 5) != 0 || !*t->worst[i].tensor)
            continue;
        bench_cell(table, "%s", t->codecs[i]->name);
        bench_cell(table, "%.0f", t->regret[i]);
        bench_cell(table, "%.0f", t->worst[i].excess);
        bench_cell(table, "%.0f", t->worst[i].best);
        bench_cell(table, "%.2f", 100 * t->worst[i].excess / t->worst[i].best);
        bench_cell(table, "%s", t->worst[i].tensor);
    }
    bench_table_print(table, out);
    bench_table_free(table);
}

void bench_totals_print(const bench_totals *t, FILE *out)
{
    for (int d = 0; d < BITX_DTYPE_COUNT; d++)
        if (t->nbytes[d] > 0)
            print_dtype(t, d, out);
    print_worst(t, out);
}
