#include "add_summary.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* More different reasons than this are told as one group without a reason. */
enum { GROUPS_MAX = 24 };

const char *add_found_text(zipllm_found found)
{
    switch (found) {
    case ZIPLLM_FOUND_OPTION:
        return "--base";
    case ZIPLLM_FOUND_CARD:
        return "model card";
    case ZIPLLM_FOUND_CONFIG:
        return "config.json";
    default:
        return zipllm_found_name(found);
    }
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL || b == NULL) ? a == b : strcmp(a, b) == 0;
}

/* A duplicate may be of anything, and a delta needs no reason: these are one group each. */
static const char *reason_of(const zipllm_add_row *row)
{
    return row->how == ZIPLLM_WHOLE ? row->reason : NULL;
}

static add_group *find_group(add_summary *s, const zipllm_add_row *row, const char *reason)
{
    size_t i;

    for (i = 0; i < s->ngroups; i++) {
        add_group *g = &s->groups[i];
        if (g->kind == row->kind && g->how == row->how && g->found == row->found &&
            same_text(g->base, row->base) && same_text(g->reason, reason))
            return g;
    }
    return NULL;
}

static add_group *new_group(add_summary *s, const zipllm_add_row *row, const char *reason)
{
    add_group *g;

    s->groups = text_reallocate(s->groups, (s->ngroups + 1) * sizeof *s->groups);
    g = &s->groups[s->ngroups++];
    *g = (add_group){.kind = row->kind, .how = row->how, .found = row->found};
    g->base = row->base != NULL ? text_copy(row->base) : NULL;
    g->reason = reason != NULL ? text_copy(reason) : NULL;
    return g;
}

void add_summary_row(add_summary *s, const zipllm_add_row *row)
{
    const char *reason = reason_of(row);
    add_group *g = find_group(s, row, reason);

    if (g == NULL && s->ngroups >= GROUPS_MAX) {
        reason = NULL;
        g = find_group(s, row, NULL);
    }
    if (g == NULL)
        g = new_group(s, row, reason);
    g->parts++;
    g->nbytes += row->nbytes;
    g->stored_nbytes += row->stored_nbytes;
    if (row->note == NULL)
        return;
    s->notes = text_reallocate(s->notes, (s->nnotes + 1) * sizeof *s->notes);
    s->notes[s->nnotes++] = (add_note){text_copy(row->file), text_copy(row->note)};
}

static int by_kind_how_size(const void *a, const void *b)
{
    const add_group *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->how != y->how)
        return x->how < y->how ? -1 : 1;
    return (x->nbytes < y->nbytes) - (x->nbytes > y->nbytes);
}

void add_summary_sort(add_summary *s)
{
    if (s->ngroups > 1)
        qsort(s->groups, s->ngroups, sizeof *s->groups, by_kind_how_size);
}

void add_summary_free(add_summary *s)
{
    size_t i;

    for (i = 0; i < s->ngroups; i++) {
        free(s->groups[i].base);
        free(s->groups[i].reason);
    }
    for (i = 0; i < s->nnotes; i++) {
        free(s->notes[i].file);
        free(s->notes[i].note);
    }
    free(s->groups);
    free(s->notes);
    memset(s, 0, sizeof *s);
}
