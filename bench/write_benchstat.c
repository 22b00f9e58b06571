/*
 * Results in Go's benchmark format (https://go.dev/design/14313-benchmark-format), a line for each
 * sample, so that benchstat can test differences. Shares of the roofline and of memcpy are left
 * out: they are medians of ratios, and repeated on each line they would pass for samples.
 */
#include <string.h>

#include "bench/machine.h"
#include "bench/names.h"
#include "bench/results.h"

/* A field has no space. */
static void field(FILE *f, const char *s)
{
    for (; *s; s++)
        fputc((unsigned char)*s <= ' ' ? '_' : *s, f);
}

static void name_field(FILE *f, const bench_result *r)
{
    bench_name name;
    fputs("Benchmark", f);
    if (bench_name_split(r->name, &name) != 0) {
        fputc('/', f);
        field(f, r->name);
    } else {
        fputc(name.kind[0] >= 'a' && name.kind[0] <= 'z' ? name.kind[0] - 32 : name.kind[0], f);
        field(f, name.kind + 1);
        for (size_t i = 0; i < name.n; i++) {
            if (strcmp(name.parts[i].key, "threads") == 0)
                continue; /* Go's place for it is the end */
            fputc('/', f);
            if (strcmp(name.parts[i].key, "part") != 0)
                fprintf(f, "%s=", name.parts[i].key);
            field(f, name.parts[i].value);
        }
    }
    fprintf(f, "-%u", r->threads);
}

static void line(FILE *f, const bench_result *r, double ns)
{
    name_field(f, r);
    fprintf(f, " %llu %.9g ns/op", (unsigned long long)(r->iterations ? r->iterations : 1), ns);
    if (r->bytes_per_second > 0 && ns > 0)
        fprintf(f, " %.6g MB/s", r->bytes_per_second * r->cpu.median / ns / 1e6);
    for (size_t i = 0; i < r->ncounters; i++)
        if (strcmp(r->counters[i].key, "bitx_ratio") == 0)
            fprintf(f, " %.9g coded/original", r->counters[i].value);
    fputc('\n', f);
}

void bench_write_benchstat(FILE *f, const bench_results *r)
{
    bench_machine m;
    bench_machine_read(&m);
    fprintf(f, "goos: linux\ngoarch: %s\npkg: bitx-bench\ncpu: %s\n", m.arch, m.cpu_model);
    /* Lines that no parser reads: as "revision: X" they would keep two revisions in tables apart.
     */
    fprintf(f, "# revision %s\n# compiler %s\n", m.revision, m.compiler);
    fputs("Unit coded/original better=lower assume=exact\n", f);
    for (size_t i = 0; i < r->n; i++) {
        const bench_result *x = &r->at[i];
        for (size_t k = 0; x->samples && k < x->cpu.n; k++)
            line(f, x, x->samples[k]);
        if (!x->samples)
            line(f, x, x->cpu.median);
    }
}
