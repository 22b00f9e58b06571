#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "table.h"
#include "text.h"

/* Box-drawing characters, as UTF-8. */
#define BRANCH "\xe2\x94\x9c\xe2\x94\x80 "
#define BRANCH_LAST "\xe2\x94\x94\xe2\x94\x80 "
#define TRUNK "\xe2\x94\x82  "

typedef struct node {
    char *model, *base, *named, *made;
    uint64_t logical, stored, delta, lowrank;
    unsigned rank;
    bool shown;
} node;

typedef struct forest {
    node *nodes; /* by name */
    size_t n, cap;
    table *t;
} forest;

/* What a family takes, from its root down. */
typedef struct total {
    uint64_t models, logical, stored;
} total;

static void on_row(void *user, const zipllm_tree_row *row)
{
    forest *f = user;

    if (f->n == f->cap) {
        f->cap = f->cap == 0 ? 64 : 2 * f->cap;
        f->nodes = text_reallocate(f->nodes, f->cap * sizeof *f->nodes);
    }
    f->nodes[f->n++] = (node){text_copy(row->model),
                              row->base != NULL ? text_copy(row->base) : NULL,
                              row->named != NULL ? text_copy(row->named) : NULL,
                              text_escape(row->made),
                              row->logical_bytes,
                              row->stored_bytes,
                              row->delta_bytes,
                              row->lowrank_bytes,
                              row->rank,
                              false};
}

static bool is_child(const node *child, const node *parent)
{
    return !child->shown && child != parent && child->base != NULL &&
           strcmp(child->base, parent->model) == 0;
}

static void show_cells(forest *f, const char *drawn, uint64_t logical, uint64_t stored,
                       const char *what)
{
    char bytes[TEXT_NUMBER_MAX], on_disk[TEXT_NUMBER_MAX], saved[TEXT_NUMBER_MAX];
    char percent[TEXT_NUMBER_MAX];
    const char *cells[] = {drawn, bytes, on_disk, saved, percent, what};

    text_bytes(bytes, logical);
    text_bytes(on_disk, stored);
    text_bytes(saved, logical > stored ? logical - stored : 0);
    text_percent(percent, logical > 0 ? 1 - (double)stored / (double)logical : 0);
    table_row(f->t, cells);
}

/* The node's line and those below it. before: what is drawn left of the branches to its children.
   Each node is drawn once, so that bases that name each other cannot go on for ever. */
static void draw(forest *f, node *at, const char *drawn_before, const char *branch, total *sum)
{
    char *name = text_escape(at->model), *line, *below;
    size_t nbytes = strlen(drawn_before) + strlen(branch) + strlen(name) + 1;
    const char *what = at->named != NULL && at->base != NULL && strcmp(at->named, at->base) != 0
                           ? "coded against another than add found"
                           : "";
    node *last = NULL;
    size_t i;

    if (at->made[0] != '\0')
        what = at->made;
    at->shown = true;
    line = text_allocate(nbytes);
    (void)snprintf(line, nbytes, "%s%s%s", drawn_before, branch, name);
    show_cells(f, line, at->logical, at->stored, what);
    free(line);
    free(name);
    sum->models++;
    sum->logical += at->logical;
    sum->stored += at->stored;

    nbytes = strlen(drawn_before) + sizeof TRUNK;
    below = text_allocate(nbytes);
    (void)snprintf(below, nbytes, "%s%s", drawn_before,
                   branch[0] == '\0'                  ? ""
                   : strcmp(branch, BRANCH_LAST) == 0 ? "   "
                                                      : TRUNK);
    for (i = 0; i < f->n; i++)
        if (is_child(&f->nodes[i], at))
            last = &f->nodes[i];
    for (i = 0; i < f->n && last != NULL; i++)
        if (is_child(&f->nodes[i], at))
            draw(f, &f->nodes[i], below, &f->nodes[i] == last ? BRANCH_LAST : BRANCH, sum);
    free(below);
}

static bool has_base_here(const forest *f, const node *n)
{
    size_t i;

    for (i = 0; i < f->n && n->base != NULL; i++)
        if (strcmp(f->nodes[i].model, n->base) == 0)
            return true;
    return false;
}

static void draw_family(forest *f, node *root, total *all)
{
    total sum = {0, 0, 0};
    char line[64];

    draw(f, root, "", "", &sum);
    if (sum.models > 1) {
        (void)snprintf(line, sizeof line, "%" PRIu64 " models", sum.models);
        show_cells(f, line, sum.logical, sum.stored, "");
    }
    all->models += sum.models;
    all->logical += sum.logical;
    all->stored += sum.stored;
}

static void draw_all(forest *f)
{
    static const char *const headings[] = {"model", "bytes", "on disk", "saved", "share", ""};
    total all = {0, 0, 0};
    size_t i;

    f->t = table_new("lrrrrl", headings);
    for (i = 0; i < f->n; i++)
        if (!has_base_here(f, &f->nodes[i]))
            draw_family(f, &f->nodes[i], &all);
    for (i = 0; i < f->n; i++) /* bases that name each other */
        if (!f->nodes[i].shown)
            draw_family(f, &f->nodes[i], &all);
    show_cells(f, "all", all.logical, all.stored, "");
    table_print(f->t, stdout);
}

static void json_all(const forest *f)
{
    size_t i;

    for (i = 0; i < f->n; i++) {
        const node *n = &f->nodes[i];
        json_begin("model");
        json_string("name", n->model);
        json_string("base", n->base);
        json_string("named_base", n->named);
        json_uint("logical_bytes", n->logical);
        json_uint("stored_bytes", n->stored);
        json_uint("delta_bytes", n->delta);
        json_uint("lowrank_bytes", n->lowrank);
        json_uint("rank", n->rank);
        json_string("made", n->made);
        json_int("saved_bytes", (int64_t)n->logical - (int64_t)n->stored);
        json_end();
    }
}

static zipllm_status run_tree(options *o)
{
    forest f = {.nodes = NULL};
    zipllm_status status;
    zipllm_error error;
    session s;
    size_t i;

    status = session_open(&s, "tree", o, ZIPLLM_SHARED);
    if (status == ZIPLLM_OK) {
        status = zipllm_tree(s.store, on_row, &f, &error);
        if (status != ZIPLLM_OK)
            (void)session_fail(&s, "tree", status, &error);
        else if (o->common.json)
            json_all(&f);
        else if (!o->common.quiet && f.n > 0)
            draw_all(&f);
    }
    for (i = 0; i < f.n; i++) {
        free(f.nodes[i].model);
        free(f.nodes[i].base);
        free(f.nodes[i].named);
        free(f.nodes[i].made);
    }
    free(f.nodes);
    session_close(&s);
    return status;
}

const command COMMAND_TREE = {
    .name = "tree",
    .synopsis = "",
    .summary = "draw the families, and what each model takes and saves",
    .help =
        "Draws each model below the one that most of its tensors are coded against now. \"on "
        "disk\"\n"
        "counts the tensors that came with a model; one that several models share counts where it\n"
        "came first.\n"
        "\n--json: a line {\"type\":\"model\", name, base (or null), named_base (what add found, "
        "or\n"
        "null), logical_bytes, stored_bytes, delta_bytes (coded against another), lowrank_bytes\n"
        "(of these: as a change of low rank), rank (of most of these), made, saved_bytes} for "
        "each\n"
        "model. \"LoRA r=16 of X\", \"LoRA r=16 of X by Y\" (Y: an adapter in the store),\n"
        "\"0.5 A + 0.5 B\" and \"BF16 cast of X\" mark models of which little but that had to be\n"
        "stored.\n",
    .least = 0,
    .most = 0,
    .run = run_tree,
};
