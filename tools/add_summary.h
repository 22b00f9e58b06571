/* What became of the parts of a model, counted by kind and fate. */
#ifndef ZIPLLM_TOOLS_ADD_SUMMARY_H
#define ZIPLLM_TOOLS_ADD_SUMMARY_H

#include "zipllm.h"

typedef struct add_group {
    zipllm_kind kind;
    zipllm_how how;
    zipllm_found found;
    char *base;   /* NULL: none */
    char *reason; /* NULL: several */
    uint64_t parts, nbytes, stored_nbytes;
} add_group;

typedef struct add_note {
    char *file, *note;
} add_note;

typedef struct add_summary {
    add_group *groups;
    size_t ngroups;
    add_note *notes;
    size_t nnotes;
} add_summary;

void add_summary_row(add_summary *s, const zipllm_add_row *row);
/* In the order in which the table shows them. */
void add_summary_sort(add_summary *s);
void add_summary_free(add_summary *s);

/* "model card", "config.json", "--base": how a base was found, for people. */
const char *add_found_text(zipllm_found found);

#endif
