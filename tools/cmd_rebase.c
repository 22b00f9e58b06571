#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "table.h"
#include "text.h"

enum { DRY_RUN };

static const option_spec SPECS[] = {
    {"dry-run", 'n', NULL, "only say what would be gained"},
    {NULL, '\0', NULL, NULL},
};

static void json_row(void *user, const zipllm_rebase_row *row)
{
    (void)user;
    json_begin("tensor");
    json_string("model", row->model);
    json_string("name", row->tensor);
    json_string("base", row->base);
    json_uint("before_bytes", row->before_nbytes);
    json_uint("after_bytes", row->after_nbytes);
    json_end();
}

static void table_one(void *user, const zipllm_rebase_row *row)
{
    char before[TEXT_NUMBER_MAX], after[TEXT_NUMBER_MAX];
    char *model = text_escape(row->model), *tensor = text_escape(row->tensor);
    char *base = row->base != NULL ? text_escape(row->base) : NULL;
    const char *cells[] = {model, tensor, before, after, base != NULL ? base : "by itself"};

    text_bytes(before, row->before_nbytes);
    text_bytes(after, row->after_nbytes);
    table_row(user, cells);
    free(model);
    free(tensor);
    free(base);
}

static void json_result(const zipllm_rebase_result *r, bool dry_run)
{
    json_begin("rebase");
    json_bool("dry_run", dry_run);
    json_uint("tensors", r->tensors);
    json_uint("changed", r->changed);
    json_uint("models", r->models);
    json_uint("saved_bytes", r->saved_bytes);
    json_uint("freed_bytes", r->freed_bytes);
    json_end();
}

static void print_result(const zipllm_rebase_result *r, bool dry_run)
{
    char saved[TEXT_NUMBER_MAX];

    text_bytes(saved, dry_run ? r->saved_bytes : r->freed_bytes);
    if (r->changed == 0)
        (void)printf("nothing to gain: %" PRIu64 " tensors stay as they are\n", r->tensors);
    else if (dry_run)
        (void)printf("about %s less: %" PRIu64 " tensors of %" PRIu64 " model%s (predicted)\n",
                     saved, r->changed, r->models, r->models == 1 ? "" : "s");
    else
        (void)printf("%s less on disk: %" PRIu64 " tensors of %" PRIu64 " model%s\n", saved,
                     r->changed, r->models, r->models == 1 ? "" : "s");
}

static zipllm_status run_rebase(options *o)
{
    static const char *const headings[] = {"model", "tensor", "before", "after", "base"};
    zipllm_rebase_options rebase = ZIPLLM_REBASE_OPTIONS_INIT;
    zipllm_rebase_result result;
    zipllm_status status;
    zipllm_error error;
    session s;
    table *t = table_new("llrrl", headings);
    const bool list = o->common.verbose && !o->common.json && !o->common.quiet;

    rebase.dry_run = o->values[DRY_RUN] != NULL;
    rebase.row = o->common.json ? json_row : list ? table_one : NULL;
    rebase.user = t;
    status = session_open(&s, "rebase", o, ZIPLLM_EXCLUSIVE);
    if (status == ZIPLLM_OK) {
        status = zipllm_rebase(s.store, &rebase, &result, &error);
        progress_clear(&s.progress);
        if (status != ZIPLLM_OK)
            (void)session_fail(&s, "rebase", status, &error);
        else if (o->common.json)
            json_result(&result, rebase.dry_run);
        else if (!o->common.quiet)
            print_result(&result, rebase.dry_run);
    }
    if (status == ZIPLLM_OK && list && !table_empty(t))
        table_print(t, stdout);
    else
        table_free(t);
    session_close(&s);
    return status;
}

const command COMMAND_REBASE = {
    .name = "rebase",
    .synopsis = "",
    .summary = "choose the bases of all tensors anew, as if models had come in the best order",
    .help =
        "Chooses which tensors are stored by themselves and against which of these every relative "
        "is\ncoded, codes what changes, compares it, and removes the old frames. The store never "
        "becomes\nlarger. No other command can use the store meanwhile. -v lists the tensors.\n"
        "\n--json: a line {\"type\":\"tensor\", model, name, base (or null), before_bytes, "
        "after_bytes}\nfor each tensor that is coded another way, then {\"type\":\"rebase\", "
        "dry_run, tensors,\nchanged, models, saved_bytes, freed_bytes}\n",
    .specs = SPECS,
    .least = 0,
    .most = 0,
    .run = run_rebase,
};
