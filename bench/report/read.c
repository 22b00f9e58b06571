/* Reads bitx-bench's JSON back, strictly: what cannot be used is told, and the rest goes on. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/report.h"

enum { MAX_FILE_NBYTES = 256 << 20, MAX_ENTRIES = 10000 };

static void *grown(void *at, size_t n, size_t size)
{
    at = realloc(at, (n + 1) * size);
    if (!at)
        abort();
    return at;
}

static int refuse(report *r, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int refuse(report *r, const char *path, const char *format, ...)
{
    r->refused = grown(r->refused, r->nrefused, sizeof(*r->refused));
    struct report_refusal *x = &r->refused[r->nrefused++];
    va_list args;
    va_start(args, format);
    vsnprintf(x->reason, sizeof(x->reason), format, args);
    va_end(args);
    for (char *p = x->reason; *p; p++)
        *p = (unsigned char)*p < ' ' ? ' ' : *p;
    x->path = strdup(path);
    if (!x->path)
        abort();
    fprintf(stderr, "bitx-bench report: %s: %s\n", path, x->reason);
    return -1;
}

double report_number(const report_entry *e, const char *key)
{
    const json_t *x = json_object_get(e->json, key);
    return json_is_number(x) ? json_number_value(x) : NAN;
}

const char *report_part(const report_entry *e, const char *key)
{
    return bench_name_part(&e->name, key);
}

int report_is(const report_entry *e, const char *kind)
{
    return strcmp(e->name.kind, kind) == 0;
}

const report_entry *report_find(const report_run *run, const char *run_name)
{
    for (size_t i = 0; i < run->n; i++)
        if (strcmp(run->at[i].run_name, run_name) == 0)
            return &run->at[i];
    return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

const char *report_context(const report_run *run, const char *key)
{
    return text_of(run->context, key);
}

size_t report_word(report_words *w, const char *word)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->at[i], word) == 0)
            return i;
    w->at = grown(w->at, w->n, sizeof(*w->at));
    w->at[w->n] = word;
    return w->n++;
}

void report_collect(const report *r, const char *kind, const char *key, report_words *w)
{
    memset(w, 0, sizeof(*w));
    for (size_t i = 0; i < r->nruns; i++)
        for (size_t j = 0; j < r->runs[i].n; j++)
            if (report_is(&r->runs[i].at[j], kind))
                report_word(w, report_part(&r->runs[i].at[j], key));
}

/* The medians alone: the samples before them are for other tools. */
static int is_median(const json_t *b)
{
    return strcmp(text_of(b, "run_type"), "aggregate") == 0 &&
           strcmp(text_of(b, "aggregate_name"), "median") == 0;
}

/* NULL, or what is wrong with it. */
static const char *read_entry(const json_t *b, report_entry *e)
{
    memset(e, 0, sizeof(*e));
    e->json = b;
    e->run_name = json_string_value(json_object_get(b, "run_name"));
    if (!e->run_name || !*e->run_name)
        return "no run_name";
    if (bench_name_split(e->run_name, &e->name) != 0)
        return "a run_name that is too long";
    e->ns = report_number(e, "cpu_time");
    if (!(e->ns >= 1e-3 && e->ns < 1e16))
        return "no cpu_time from 1e-3 to 1e16 ns";
    if (strcmp(text_of(b, "time_unit"), "ns") != 0)
        return "a time_unit other than ns";
    e->low = report_number(e, "bitx_cpu_low");
    e->high = report_number(e, "bitx_cpu_high");
    if (!(e->low > 0 && e->low <= e->ns && e->high >= e->ns && e->high < 1e18))
        e->low = e->high = NAN;
    e->rate = report_number(e, "bytes_per_second");
    if (!(e->rate >= 1 && e->rate < 1e16))
        e->rate = NAN;
    e->label = text_of(b, "label");
    double threads = report_number(e, "threads");
    e->threads = threads >= 1 && threads <= 1e6 ? (unsigned)threads : 1;
    return NULL;
}

static report_run *run_of(report *r, const char *title, const char *key)
{
    for (size_t i = 0; i < r->nruns; i++)
        if (strcmp(r->runs[i].title, title ? title : "") == 0 &&
            (title || strcmp(r->runs[i].key, key) == 0))
            return &r->runs[i];
    r->runs = grown(r->runs, r->nruns, sizeof(*r->runs));
    report_run *run = &r->runs[r->nruns++];
    memset(run, 0, sizeof(*run));
    snprintf(run->title, sizeof(run->title), "%s", title ? title : "");
    snprintf(run->key, sizeof(run->key), "%s", key);
    return run;
}

static void add_entries(report *r, report_run *run, const char *path, const json_t *benchmarks)
{
    size_t i, twice = 0;
    const char *first = "";
    const json_t *b;
    json_array_foreach(benchmarks, i, b)
    {
        report_entry e;
        if (!is_median(b))
            continue;
        if (run->n == MAX_ENTRIES) {
            refuse(r, path, "benchmarks[%zu] and what follows is left out: a run has at most %d", i,
                   MAX_ENTRIES);
            break;
        }
        const char *wrong = read_entry(b, &e);
        if (wrong) {
            refuse(r, path, "benchmarks[%zu] %.80s is left out: %s", i,
                   e.run_name ? e.run_name : "", wrong);
        } else if (report_find(run, e.run_name)) {
            if (!twice++)
                first = e.run_name;
        } else {
            run->at = grown(run->at, run->n, sizeof(*run->at));
            run->at[run->n++] = e;
        }
    }
    if (twice)
        refuse(r, path, "%zu result(s) that an earlier file of this run has too: left out: %.80s%s",
               twice, first, twice > 1 ? ", ..." : "");
    /* Parts point into the entry itself, which has moved. */
    for (size_t k = 0; k < run->n; k++)
        (void)bench_name_split(run->at[k].run_name, &run->at[k].name);
}

static json_t *load(report *r, const char *path)
{
    struct stat st;
    json_error_t error;
    FILE *f = fopen(path, "r");
    if (!f || fstat(fileno(f), &st) != 0) {
        refuse(r, path, "%s", strerror(errno));
        if (f)
            fclose(f);
        return NULL;
    }
    json_t *root = NULL;
    if (S_ISDIR(st.st_mode)) {
        refuse(r, path, "a directory");
    } else if (st.st_size > MAX_FILE_NBYTES) {
        refuse(r, path, "larger than 256 MiB");
    } else {
        root = json_loadf(f, 0, &error);
        if (!root)
            refuse(r, path, "not JSON: line %d: %s", error.line, error.text);
    }
    fclose(f);
    return root;
}

int report_read(report *r, const char *path, const char *title)
{
    char key[512];
    json_t *root = load(r, path);
    if (!root)
        return -1;
    const json_t *context = json_object_get(root, "context"),
                 *benchmarks = json_object_get(root, "benchmarks");
    int status = -1;
    if (!json_is_object(context) || !json_is_array(benchmarks))
        refuse(r, path, "not Google Benchmark's schema: no context and benchmarks");
    else if (strcmp(text_of(context, "executable"), "bitx-bench") != 0)
        refuse(r, path, "results of '%.100s', not of bitx-bench", text_of(context, "executable"));
    else
        status = 0;
    if (status != 0) {
        json_decref(root);
        return -1;
    }
    snprintf(key, sizeof(key), "%s|%s|%s", text_of(context, "bitx_cpu_model"),
             text_of(context, "host_name"), text_of(context, "bitx_revision"));
    report_run *run = run_of(r, title, key);
    if (!run->context)
        run->context = context;
    run->roots = grown(run->roots, run->nroots, sizeof(*run->roots));
    run->paths = grown(run->paths, run->nroots, sizeof(*run->paths));
    run->paths[run->nroots] = path;
    run->roots[run->nroots++] = root;
    add_entries(r, run, path, benchmarks);
    const json_t *x;
    size_t i;
    json_array_foreach(json_object_get(root, "bitx_bits"), i, x)
    {
        if (!report_bits_valid(x))
            refuse(r, path, "bitx_bits[%zu] is left out: not as METHODS.md says", i);
    }
    return 0;
}

static int shared(const report *r, const char *key)
{
    for (size_t i = 1; i < r->nruns; i++)
        if (strcmp(report_context(&r->runs[i], key), report_context(&r->runs[0], key)) != 0)
            return 0;
    return 1;
}

void report_name_runs(report *r)
{
    static const char *const keys[] = {"bitx_cpu_model", "host_name", "bitx_revision"};
    for (size_t i = 0; i < r->nruns; i++) {
        report_run *run = &r->runs[i];
        size_t n = 0;
        if (*run->title)
            continue;
        for (size_t k = 0; k < 3 && n < sizeof(run->title); k++) {
            const char *value = report_context(run, keys[k]);
            if (*value && (r->nruns == 1 ? k != 1 : !shared(r, keys[k])))
                n += (size_t)snprintf(run->title + n, sizeof(run->title) - n, "%s%s", n ? ", " : "",
                                      value);
        }
        if (!n)
            snprintf(run->title, sizeof(run->title), "run %zu", i + 1);
    }
}

void report_free(report *r)
{
    for (size_t i = 0; i < r->nruns; i++) {
        for (size_t j = 0; j < r->runs[i].nroots; j++)
            json_decref(r->runs[i].roots[j]);
        free(r->runs[i].roots);
        free(r->runs[i].paths);
        free(r->runs[i].at);
    }
    for (size_t i = 0; i < r->nrefused; i++)
        free(r->refused[i].path);
    free(r->refused);
    free(r->runs);
    memset(r, 0, sizeof(*r));
}
