#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "add_summary.h"
#include "command.h"
#include "json.h"
#include "session.h"
#include "signals.h"
#include "table.h"
#include "text.h"

enum { BASE, NAME, FOLLOW };
static const option_spec SPECS[] = {
    {"base", '\0', "NAME", "code against this model of the store; none: against no model"},
    {"name", '\0', "NAME", "store as ORG/NAME or ORG/NAME@REV (default: the directory's name)"},
    {"follow", '\0', NULL, "follow symbolic links that leave the directory"},
    {NULL, '\0', NULL, NULL},
};

/* One model being added. */
typedef struct addition {
    session *s;
    add_summary summary;
    table *parts; /* with -v and no --json */
    double start;
} addition;

/* ---- each part, with -v -----------------------------------------------------------------------
 */

static void json_part(const zipllm_add_row *row)
{
    json_begin("part");
    json_string("file", row->file);
    json_string("kind", zipllm_kind_name(row->kind));
    json_string("tensor", row->kind == ZIPLLM_TENSOR ? row->tensor : NULL);
    json_string("dtype", row->dtype);
    json_uint("bytes", row->nbytes);
    json_uint("stored_bytes", row->stored_nbytes);
    json_string("how", zipllm_how_name(row->how));
    json_string("base", row->base);
    json_string("found", zipllm_found_name(row->found));
    json_string("reason", row->reason);
    json_end();
}

static void table_part(table *parts, const zipllm_add_row *row)
{
    char nbytes[TEXT_NUMBER_MAX], stored[TEXT_NUMBER_MAX];
    char *file = text_escape(row->file), *dtype = text_escape(row->dtype);
    char *tensor = text_escape(row->kind == ZIPLLM_TENSOR ? row->tensor : "");
    char *reason = text_escape(row->reason);
    const char *cells[] = {file,   tensor[0] != '\0' ? tensor : zipllm_kind_name(row->kind),
                           dtype,  nbytes,
                           stored, zipllm_how_name(row->how),
                           reason};

    text_bytes(nbytes, row->nbytes);
    text_bytes(stored, row->stored_nbytes);
    table_row(parts, cells);
    free(file);
    free(dtype);
    free(tensor);
    free(reason);
}

static void on_row(void *user, const zipllm_add_row *row)
{
    addition *a = user;

    add_summary_row(&a->summary, row);
    if (!a->s->common->verbose || a->s->common->quiet)
        return;
    if (a->s->common->json)
        json_part(row);
    else
        table_part(a->parts, row);
}

/* ---- the summary ------------------------------------------------------------------------------
 */

static void json_result(const addition *a, const zipllm_add_result *r, double seconds)
{
    size_t i;

    json_begin("model");
    json_string("name", r->name);
    json_string("revision", r->revision);
    json_string("base", r->base);
    json_string("found", zipllm_found_name(r->found));
    json_string("named_base", r->named_base);
    json_string("overruled_base", r->overruled_base);
    json_string("nearest", r->nearest);
    json_bool("already_stored", r->already_stored);
    json_uint("files", r->files);
    json_uint("tensors", r->tensors);
    json_uint("tensors_deduplicated", r->tensors_deduplicated);
    json_uint("tensors_delta", r->tensors_delta);
    json_uint("tensors_whole", r->tensors_whole);
    json_uint("tensors_promoted", r->tensors_promoted);
    json_uint("rebase_models", r->rebase_models);
    json_uint("logical_bytes", r->logical_bytes);
    json_uint("stored_bytes", r->stored_bytes);
    json_number("seconds", seconds);
    json_array("groups");
    for (i = 0; i < a->summary.ngroups; i++) {
        const add_group *g = &a->summary.groups[i];
        json_item();
        json_string("kind", zipllm_kind_name(g->kind));
        json_string("how", zipllm_how_name(g->how));
        json_string("base", g->base);
        json_string("found", zipllm_found_name(g->found));
        json_string("reason", g->reason);
        json_uint("parts", g->parts);
        json_uint("bytes", g->nbytes);
        json_uint("stored_bytes", g->stored_nbytes);
    }
    json_array_end();
    json_array("notes");
    for (i = 0; i < a->summary.nnotes; i++) {
        json_item();
        json_string("file", a->summary.notes[i].file);
        json_string("note", a->summary.notes[i].note);
    }
    json_array_end();
    json_end();
}

static void share(char dst[TEXT_NUMBER_MAX], uint64_t part, uint64_t whole)
{
    dst[0] = '\0';
    if (whole > 0 && part / whole >= 10)
        (void)snprintf(dst, TEXT_NUMBER_MAX, "%" PRIu64 "x", part / whole); /* tiny files */
    else if (whole > 0)
        text_percent(dst, (double)part / (double)whole);
}

static char *explain(const add_group *g)
{
    char *text, *base;
    size_t nbytes;

    if (g->how != ZIPLLM_DELTA || g->base == NULL)
        return text_escape(g->reason != NULL ? g->reason : "");
    base = text_escape(g->base);
    nbytes = strlen(base) + 64;
    text = text_allocate(nbytes);
    (void)snprintf(text, nbytes, "against %s (%s)", base, add_found_text(g->found));
    free(base);
    return text;
}

static void group_row(table *t, const add_group *g)
{
    char parts[TEXT_NUMBER_MAX], nbytes[TEXT_NUMBER_MAX], stored[TEXT_NUMBER_MAX];
    char percent[TEXT_NUMBER_MAX];
    char *why = explain(g);
    const char *cells[] = {
        zipllm_kind_name(g->kind), zipllm_how_name(g->how), parts, nbytes, stored, percent, why};

    text_count(parts, g->parts);
    text_bytes(nbytes, g->nbytes);
    text_bytes(stored, g->stored_nbytes);
    share(percent, g->stored_nbytes, g->nbytes);
    table_row(t, cells);
    free(why);
}

static void total_row(table *t, const addition *a, const zipllm_add_result *r, double seconds)
{
    char parts[TEXT_NUMBER_MAX], nbytes[TEXT_NUMBER_MAX], stored[TEXT_NUMBER_MAX];
    char percent[TEXT_NUMBER_MAX], took[TEXT_NUMBER_MAX], rate[TEXT_NUMBER_MAX];
    char why[3 * TEXT_NUMBER_MAX];
    const char *cells[] = {"all", "", parts, nbytes, stored, percent, why};
    uint64_t n = 0;
    size_t i;

    for (i = 0; i < a->summary.ngroups; i++)
        n += a->summary.groups[i].parts;
    text_count(parts, n);
    text_bytes(nbytes, r->logical_bytes);
    text_bytes(stored, r->stored_bytes);
    share(percent, r->stored_bytes, r->logical_bytes);
    text_seconds(took, seconds);
    text_rate(rate, r->logical_bytes, seconds);
    (void)snprintf(why, sizeof why, "in %s, %s", took, rate);
    table_row(t, cells);
}

static void print_base(const zipllm_add_result *r)
{
    char *base;

    if (r->base != NULL) {
        base = text_escape(r->base);
        (void)printf(", base %s (%s)\n", base, add_found_text(r->found));
    } else if (r->named_base != NULL) {
        base = text_escape(r->named_base);
        (void)printf(", no base: it names %s, which is not in the store\n", base);
    } else {
        base = NULL;
        (void)printf(", no base\n");
    }
    free(base);
}

static void print_notes(const add_summary *s)
{
    size_t i;

    for (i = 0; i < s->nnotes; i++) {
        char *file = text_escape(s->notes[i].file), *note = text_escape(s->notes[i].note);
        (void)printf("  note: %s: %s\n", file, note);
        free(file);
        free(note);
    }
}

/* The card, config or --base says one thing, and the bits another. */
static void print_disagreement(const zipllm_add_result *r)
{
    char *named, *nearest;

    if (r->overruled_base == NULL || r->nearest == NULL)
        return;
    named = text_escape(r->overruled_base);
    nearest = text_escape(r->nearest);
    (void)printf(
        "  note: by its bits it is nearer to %s (about %.0f%%) than to %s (about %.0f%%)%s\n",
        nearest, 100 * r->nearest_share, named, 100 * r->named_share,
        r->found == ZIPLLM_FOUND_OPTION ? ", which --base names" : ", which it names");
    free(named);
    free(nearest);
}

/* What this model means for others. */
static void print_hints(const zipllm_add_result *r)
{
    if (r->tensors_promoted != 0)
        (void)printf("  note: %" PRIu64
                     " tensor%s of other models %s now stored without a base, to be "
                     "one; `zipllm gc` removes the old form\n",
                     r->tensors_promoted, r->tensors_promoted == 1 ? "" : "s",
                     r->tensors_promoted == 1 ? "is" : "are");
    if (r->rebase_models != 0)
        (void)printf("  note: %" PRIu64 " model%s would shrink under `zipllm rebase`\n",
                     r->rebase_models, r->rebase_models == 1 ? "" : "s");
}

static void print_result(const addition *a, const zipllm_add_result *r, double seconds)
{
    static const char *const headings[] = {"part", "how", "count", "bytes", "on disk", "share", ""};
    char *label = session_label(r->name, r->revision);
    table *t;
    size_t i;

    (void)printf("%s", label);
    free(label);
    if (r->already_stored) {
        (void)printf(": already stored, nothing added\n");
        return;
    }
    (void)printf(": %" PRIu64 " file%s", r->files, r->files == 1 ? "" : "s");
    print_base(r);
    t = table_new("llrrrrl", headings);
    for (i = 0; i < a->summary.ngroups; i++)
        group_row(t, &a->summary.groups[i]);
    total_row(t, a, r, seconds);
    table_print(t, stdout);
    print_notes(&a->summary);
    print_disagreement(r);
    print_hints(r);
}

/* ---- the verb ---------------------------------------------------------------------------------
 */

static zipllm_status add_one(session *s, const options *o, const char *path)
{
    static const char *const headings[] = {"file", "part", "dtype", "bytes", "on disk", "how", ""};
    addition a = {.s = s, .start = progress_clock()};
    zipllm_add_options add = ZIPLLM_ADD_OPTIONS_INIT;
    zipllm_add_result result;
    zipllm_status status;
    zipllm_error error;
    char *label = text_escape(path);

    s->progress.label = label;
    a.parts = table_new("lllrrll", headings);
    add.name = o->values[NAME];
    add.base = o->values[BASE];
    add.follow = o->values[FOLLOW] != NULL;
    add.row = on_row;
    add.user = &a;
    status = zipllm_add(s->store, path, &add, &result, &error);
    progress_clear(&s->progress);
    if (status != ZIPLLM_OK) {
        (void)session_fail(s, "add", status, &error);
    } else if (s->common->json) {
        add_summary_sort(&a.summary);
        json_result(&a, &result, progress_clock() - a.start);
    } else if (!s->common->quiet) {
        add_summary_sort(&a.summary);
        print_result(&a, &result, progress_clock() - a.start);
    }
    if (status == ZIPLLM_OK && s->common->verbose && !s->common->json && !s->common->quiet)
        table_print(a.parts, stdout);
    else
        table_free(a.parts);
    (void)fflush(stdout);
    add_summary_free(&a.summary);
    s->progress.label = "";
    free(label);
    return status;
}

static zipllm_status run_add(options *o)
{
    tally all = {0, 0, ZIPLLM_OK};
    zipllm_status status;
    session s;
    size_t i;

    if (o->values[NAME] != NULL && o->noperands > 1)
        return session_usage("add", "--name names one model, and there are several paths");
    status = session_open(&s, "add", o, ZIPLLM_SHARED);
    if (status == ZIPLLM_OK) {
        for (i = 0; i < o->noperands && !signals_interrupted(); i++)
            tally_add(&all, add_one(&s, o, o->operands[i]));
        status = tally_status(&all);
    }
    session_close(&s);
    return status;
}

const command COMMAND_ADD = {
    .name = "add",
    .synopsis = "PATH...",
    .summary = "put models in the store",
    .help =
        "Adds each PATH, a model directory or one file, as a model. What the store has already is\n"
        "not stored again; tensors are coded against the base model where that is smaller, and "
        "what\n"
        "merges or casts other models against those; a merged LoRA of which the store has the\n"
        "adapter takes its factors from that. The base is --base, else of the models that the "
        "card\n"
        "(base_model) and config.json (_name_or_path) name and those whose tensors are near, the "
        "one\n"
        "with the fewest predicted bytes. When the command ends with status 0, all of it is "
        "safely\n"
        "on disk.\n"
        "\n"
        "The table counts parts: the tensors, headers and gaps of safetensors files, and other\n"
        "files as one blob each. -v lists every part.\n"
        "\n"
        "--json: one line per model, {\"type\":\"model\", name, revision, base, found, "
        "named_base,\n"
        "overruled_base and nearest (what was named, where the bits say another), already_stored,\n"
        "files, tensors, tensors_deduplicated, tensors_delta, tensors_whole, tensors_promoted (of\n"
        "other models, to be bases), rebase_models (that `zipllm rebase` would shrink),\n"
        "logical_bytes, stored_bytes, seconds, groups, notes}; with -v a line {\"type\":\"part\"}\n"
        "for each part before it.\n",
    .specs = SPECS,
    .least = 1,
    .most = SIZE_MAX,
    .run = run_add,
};
