/* Printing comparisons. */
#include "bench/compare_print.h"

#include <string.h>

#include "bench/figures.h"

static const char *word_of(const bench_compare *c, const bench_compare_case *k)
{
    int accepted = k->outcome == BENCH_AB_SLOWER && bench_part_of(c->o->accept, k->name);
    return accepted ? "accepted" : bench_ab_name(k->outcome);
}

static void print_case(const bench_compare *c, const bench_compare_case *k, FILE *out)
{
    if (k->why) {
        fprintf(out, "%-12s  %-46s  %s\n", "n/a", k->name, k->why);
        return;
    }
    fprintf(out, "%-12s  %-46s  %+6.1f%%  [%+6.1f%%, %+6.1f%%]  %3zu rounds x %zu, pass %u\n",
            word_of(c, k), k->name, 100 * k->r.change, 100 * k->r.low, 100 * k->r.high,
            k->r.nrounds, k->r.nruns, k->npasses);
}

void bench_compare_print(const bench_compare *c, FILE *out)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].why != bench_compare_late) /* hundreds of lines that say the same */
            print_case(c, &c->at[i], out);
}

void bench_compare_print_sum(const bench_compare *c, FILE *out)
{
    bench_compare_sum s;
    bench_compare_count(c, &s);
    fprintf(out,
            "%zu cases: %zu same, %zu slower, %zu faster, %zu inconclusive, %zu not measured "
            "(%zu of them new, or not on this machine)\n",
            c->n, s.count[BENCH_AB_SAME], s.count[BENCH_AB_SLOWER], s.count[BENCH_AB_FASTER],
            s.count[BENCH_AB_INCONCLUSIVE], s.holes + s.absent, s.absent);
    if (s.hurried)
        fprintf(out,
                "to keep the budget %zu cases had fewer than %d rounds: their intervals are "
                "wider\n",
                s.hurried, BENCH_AB_ROUNDS);
    if (s.late)
        fprintf(out, "n/a           %zu cases: %s\n", s.late, bench_compare_late);
    if (s.accepted)
        fprintf(out, "of the slower cases %zu are accepted\n", s.accepted);
    if (s.wrong)
        fprintf(out, "the new library is WRONG in %zu cases\n", s.wrong);
}

static void markdown_rows(const bench_compare *c, FILE *out, int same)
{
    fprintf(out, "| verdict | case | change | 95%% interval | rounds |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < c->n; i++) {
        const bench_compare_case *k = &c->at[i];
        if ((!k->why && k->outcome == BENCH_AB_SAME) != same || k->why == bench_compare_late)
            continue;
        if (k->why)
            fprintf(out, "| n/a | `%s` | %s | | |\n", k->name, k->why);
        else
            fprintf(out, "| %s%s%s | `%s` | %+.1f%% | %+.1f%% to %+.1f%% | %zu x %zu |\n",
                    k->outcome == BENCH_AB_SLOWER ? "**" : "", word_of(c, k),
                    k->outcome == BENCH_AB_SLOWER ? "**" : "", k->name, 100 * k->r.change,
                    100 * k->r.low, 100 * k->r.high, k->r.nrounds, k->r.nruns);
    }
}

void bench_compare_markdown(const bench_compare *c, FILE *out)
{
    bench_compare_sum s;
    bench_compare_count(c, &s);
    fprintf(out, "### Speed: `%s` against `%s`\n\n", c->head->path, c->base->path);
    bench_compare_print_sum(c, out);
    fputc('\n', out);
    if (s.count[BENCH_AB_SAME] < c->n)
        markdown_rows(c, out, 0);
    fprintf(out, "\n<details><summary>%zu cases that did not change</summary>\n\n",
            s.count[BENCH_AB_SAME]);
    markdown_rows(c, out, 1);
    fprintf(out, "\n</details>\n\n");
}

void bench_compare_results(const bench_compare *c, bench_results *r)
{
    for (size_t i = 0; i < c->n; i++) {
        const bench_compare_case *k = &c->at[i];
        if (k->why)
            continue;
        bench_result *x = bench_results_add(r, "gate/%s", k->name);
        x->real_ns = x->cpu.median = x->cpu.low = x->cpu.high = x->cpu.min = k->ns;
        x->cpu.n = 4 * k->r.nrounds;
        x->label = bench_ab_name(k->outcome);
        bench_counter(x, "bitx_change", k->r.change);
        bench_counter(x, "bitx_change_low", k->r.low);
        bench_counter(x, "bitx_change_high", k->r.high);
        bench_counter(x, "bitx_rounds", (double)k->r.nrounds);
        bench_counter(x, "bitx_passes", k->npasses);
    }
}

int bench_compare_exit(const bench_compare *c)
{
    bench_compare_sum s;
    bench_compare_count(c, &s);
    if (s.count[BENCH_AB_SLOWER] > s.accepted || s.wrong)
        return 1;
    return s.holes || s.count[BENCH_AB_INCONCLUSIVE] ||
                   s.count[BENCH_AB_SAME] + s.count[BENCH_AB_FASTER] + s.accepted == 0
               ? 4
               : 0;
}
