/* Exact figures, and what they should be. */
#include "bench/figures.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bench_figure *bench_figures_add(bench_figures *f, const char *name)
{
    if (f->n == f->capacity) {
        f->capacity = f->capacity ? 2 * f->capacity : 64;
        f->at = realloc(f->at, f->capacity * sizeof(*f->at));
        if (!f->at)
            abort();
    }
    bench_figure *x = &f->at[f->n++];
    memset(x, 0, sizeof(*x));
    snprintf(x->name, sizeof(x->name), "%s", name);
    return x;
}

void bench_figures_free(bench_figures *f)
{
    free(f->at);
    f->at = NULL;
    f->n = f->capacity = 0;
}

static bench_figure *find(const bench_figures *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->at[i].name, name) == 0)
            return &f->at[i];
    return NULL;
}

static void forget(bench_figures *f)
{
    f->key_known = 0;
    for (size_t i = 0; i < f->n; i++)
        f->at[i].known = 0;
}

/* ---- files ------------------------------------------------------------------------------------
 */

/* "[key]" or "NAME NUMBER" or a comment; 0, or -1 for anything else. */
static int take_line(bench_figures *f, char *line, int *inside)
{
    char name[BENCH_NAME_MAX];
    uint64_t value;
    int end = 0;
    line[strcspn(line, "\r\n")] = '\0';
    if (*line == '\0' || *line == '#')
        return 0;
    size_t length = strlen(line);
    if (*line == '[' && line[length - 1] == ']') {
        line[length - 1] = '\0';
        *inside = strcmp(line + 1, f->key) == 0;
        f->key_known |= *inside;
        return 0;
    }
    if (sscanf(line, "%159s %" SCNu64 "%n", name, &value, &end) != 2 || line[end] != '\0')
        return -1;
    bench_figure *x = *inside ? find(f, name) : NULL;
    if (x) {
        x->expected = value;
        x->known = 1;
    }
    return 0;
}

/* Each ISA asks the same file: one line. */
static void complain(const char *path, unsigned line, const char *what)
{
    static char told[512];
    if (strncmp(told, path, sizeof(told) - 1) == 0)
        return;
    snprintf(told, sizeof(told), "%s", path);
    if (line)
        fprintf(stderr, "bitx-bench: %s:%u: %s\n", path, line, what);
    else
        fprintf(stderr, "bitx-bench: %s: %s\n", path, what);
}

int bench_figures_expect(bench_figures *f, const char *path)
{
    char line[1024];
    int inside = 0;
    FILE *file = fopen(path, "r");
    forget(f);
    if (!file) {
        complain(path, 0, strerror(errno));
        return -1;
    }
    for (unsigned number = 1; fgets(line, sizeof(line), file); number++)
        if (take_line(f, line, &inside) != 0) {
            complain(path, number, "neither '[KEY]' nor 'NAME NUMBER'");
            fclose(file);
            forget(f);
            return -1;
        }
    fclose(file);
    return 0;
}

void bench_figures_expect_of(bench_figures *f, const bench_figures *other)
{
    f->key_known = 1;
    for (size_t i = 0; i < f->n; i++) {
        const bench_figure *x = find(other, f->at[i].name);
        f->at[i].known = x && !*x->why;
        f->at[i].expected = f->at[i].known ? x->value : 0;
    }
}

/* All lines but those of the section. A file that is not there is empty. */
static void copy_others(const bench_figures *f, const char *path, FILE *out)
{
    char line[1024], head[BENCH_KEY_MAX + 4];
    FILE *in = fopen(path, "r");
    int inside = 0, sections = 0;
    snprintf(head, sizeof(head), "[%s]", f->key);
    while (in && fgets(line, sizeof(line), in)) {
        if (*line == '[') {
            sections = 1;
            inside = strncmp(line, head, strlen(head)) == 0;
        }
        if (sections && !inside)
            fputs(line, out);
    }
    if (in)
        fclose(in);
}

int bench_figures_record(const bench_figures *f, const char *path, const char *head)
{
    char fresh[4096];
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *out = fopen(fresh, "w");
    if (!out) {
        fprintf(stderr, "bitx-bench: %s: %s\n", fresh, strerror(errno));
        return -1;
    }
    fprintf(out, "%s", head);
    copy_others(f, path, out);
    fprintf(out, "[%s]\n", f->key);
    for (size_t i = 0; i < f->n; i++)
        if (!*f->at[i].why)
            fprintf(out, "%s %" PRIu64 "\n", f->at[i].name, f->at[i].value);
    int failed = ferror(out) != 0;
    failed = fclose(out) != 0 || failed || rename(fresh, path) != 0;
    if (failed)
        fprintf(stderr, "bitx-bench: %s: %s\n", path, strerror(errno));
    return failed ? -1 : 0;
}

/* ---- verdicts ---------------------------------------------------------------------------------
 */

bench_change bench_figure_change(const bench_figure *x, double tolerance)
{
    double value = (double)x->value, expected = (double)x->expected;
    if (*x->why)
        return BENCH_CHANGE_MISSING;
    if (!x->known)
        return BENCH_CHANGE_NEW;
    if (tolerance < 0 && value >= (1 + tolerance) * expected)
        return BENCH_CHANGE_NONE;
    if (tolerance < 0)
        return x->spared ? BENCH_CHANGE_MORE : BENCH_CHANGE_ALARM;
    if (x->value == x->expected)
        return BENCH_CHANGE_NONE;
    if (x->value < x->expected)
        return BENCH_CHANGE_LESS;
    return value > (1 + tolerance) * expected ? BENCH_CHANGE_ALARM : BENCH_CHANGE_MORE;
}

int bench_part_of(const char *list, const char *name)
{
    char part[BENCH_NAME_MAX];
    for (const char *p = list; p && *p; p += strspn(p, ",")) {
        size_t n = strcspn(p, ",");
        snprintf(part, sizeof(part), "%.*s", (int)n, p);
        if (*part && strstr(name, part))
            return 1;
        p += n;
    }
    return 0;
}

static const char *word_of(bench_change change, double tolerance, int accepted)
{
    static const char *const words[BENCH_CHANGE_COUNT] = {"same", "fewer", "more",
                                                          "MORE", "new",   "n/a"};
    static const char *const floors[BENCH_CHANGE_COUNT] = {"above", "n/a", "below",
                                                           "BELOW", "new", "n/a"};
    if (change == BENCH_CHANGE_ALARM && accepted)
        return "accepted";
    return tolerance < 0 ? floors[change] : words[change];
}

static void print_one(const bench_figure *x, const char *what, const char *word, FILE *out)
{
    if (*x->why)
        fprintf(out, "%-12s  %-46s  %s\n", word, x->name, x->why);
    else if (!x->known)
        fprintf(out, "%-12s  %-46s  %" PRIu64 " %s\n", word, x->name, x->value, what);
    else
        fprintf(out, "%-12s  %-46s  %+6.2f%%  %" PRIu64 " %s, expected %" PRIu64 "\n", word,
                x->name, 100 * ((double)x->value / (double)x->expected - 1), x->value, what,
                x->expected);
}

void bench_figures_print(const bench_figures *f, double tolerance, const char *accept, int all,
                         FILE *out, bench_figures_sum *sum)
{
    memset(sum, 0, sizeof(*sum));
    for (size_t i = 0; i < f->n; i++) {
        const bench_figure *x = &f->at[i];
        bench_change change = bench_figure_change(x, tolerance);
        int accepted = bench_part_of(accept, x->name);
        sum->count[change]++;
        sum->accepted += change == BENCH_CHANGE_ALARM && accepted;
        sum->wrong += x->wrong != 0;
        int quiet = change == BENCH_CHANGE_NONE || (change == BENCH_CHANGE_NEW && !f->key_known);
        if (all || !quiet)
            print_one(x, f->what, word_of(change, tolerance, accepted), out);
    }
    fprintf(out, "%zu of %s [%s]: ", f->n, f->what, f->key);
    if (!f->key_known)
        fprintf(out, "no baseline for this key: n/a\n");
    else if (tolerance < 0)
        fprintf(out,
                "%zu above the floor, %zu below that of one yardstick alone, %zu below, %zu new, "
                "%zu not measured\n",
                sum->count[BENCH_CHANGE_NONE], sum->count[BENCH_CHANGE_MORE],
                sum->count[BENCH_CHANGE_ALARM], sum->count[BENCH_CHANGE_NEW],
                sum->count[BENCH_CHANGE_MISSING]);
    else
        fprintf(out,
                "%zu same, %zu fewer, %zu more, %zu more beyond the tolerance, %zu new, %zu not "
                "measured\n",
                sum->count[BENCH_CHANGE_NONE], sum->count[BENCH_CHANGE_LESS],
                sum->count[BENCH_CHANGE_MORE], sum->count[BENCH_CHANGE_ALARM],
                sum->count[BENCH_CHANGE_NEW], sum->count[BENCH_CHANGE_MISSING]);
}

void bench_figures_markdown(const bench_figures *f, double tolerance, const char *accept, FILE *out)
{
    size_t shown = 0;
    fprintf(out, "**%zu of %s** `%s`%s\n\n", f->n, f->what, f->key,
            f->key_known ? "" : ": no baseline for this key");
    for (size_t i = 0; i < f->n && f->key_known; i++) {
        const bench_figure *x = &f->at[i];
        bench_change change = bench_figure_change(x, tolerance);
        if (change == BENCH_CHANGE_NONE)
            continue;
        if (shown++ == 0)
            fprintf(out, "| verdict | case | measured | expected |\n|---|---|---|---|\n");
        fprintf(out, "| %s | `%s` | ", word_of(change, tolerance, bench_part_of(accept, x->name)),
                x->name);
        if (*x->why)
            fprintf(out, "%s | |\n", x->why);
        else if (x->known)
            fprintf(out, "%" PRIu64 " | %" PRIu64 " |\n", x->value, x->expected);
        else
            fprintf(out, "%" PRIu64 " | |\n", x->value);
    }
    fputs(shown ? "\n" : "", out);
}

void bench_figures_results(const bench_figures *f, const char *prefix, double tolerance,
                           bench_results *r)
{
    for (size_t i = 0; i < f->n; i++) {
        const bench_figure *x = &f->at[i];
        if (*x->why)
            continue;
        bench_result *out = bench_results_add(r, "%s/%s", prefix, x->name);
        out->label = word_of(bench_figure_change(x, tolerance), tolerance, 0);
        bench_counter(out, "bitx_value", (double)x->value);
        if (x->known)
            bench_counter(out, "bitx_expected", (double)x->expected);
    }
}
