#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "json.h"
#include "model_view.h"
#include "session.h"
#include "table.h"
#include "text.h"

static void json_row(void *user, const zipllm_model *m)
{
    (void)user;
    json_begin("model");
    model_json(m);
    json_end();
}

static void name_row(void *user, const zipllm_model *m)
{
    char *label = session_label(m->name, m->revision);

    (void)user;
    (void)printf("%s\n", label);
    free(label);
}

static void table_model(void *user, const zipllm_model *m)
{
    char files[TEXT_NUMBER_MAX], tensors[TEXT_NUMBER_MAX], bytes[TEXT_NUMBER_MAX];
    char stored[TEXT_NUMBER_MAX], added[TEXT_NUMBER_MAX];
    char *label = session_label(m->name, m->revision);
    char *base = text_escape(m->base != NULL ? m->base : "-");
    const char *cells[] = {label, files, tensors, bytes, stored, added, base};

    text_count(files, m->files);
    text_count(tensors, m->tensors);
    text_bytes(bytes, m->logical_bytes);
    text_bytes(stored, m->stored_bytes);
    text_date(added, m->added);
    table_row(user, cells);
    free(label);
    free(base);
}

static zipllm_status run_ls(options *o)
{
    static const char *const headings[] = {"model",  "files", "tensors", "bytes",
                                           "stored", "added", "base"};
    table *t = table_new("lrrrrll", headings);
    bool plain = !o->common.json && !o->common.quiet;
    zipllm_status status;
    zipllm_error error;
    session s;

    status = session_open(&s, "ls", o, ZIPLLM_SHARED);
    if (status == ZIPLLM_OK) {
        status = zipllm_ls(s.store,
                           o->common.json ? json_row
                           : plain        ? table_model
                                          : name_row,
                           t, &error);
        if (status != ZIPLLM_OK)
            (void)session_fail(&s, "ls", status, &error);
    }
    if (status == ZIPLLM_OK && plain && !table_empty(t))
        table_print(t, stdout);
    else
        table_free(t);
    session_close(&s);
    return status;
}

const command COMMAND_LS = {
    .name = "ls",
    .synopsis = "",
    .summary = "list the models",
    .help = "Lists the models by name. `stored` is what came into the store with a model: what it\n"
            "shares with an earlier one counts there. -q prints the names alone.\n"
            "\n--json: one line per model, {\"type\":\"model\", name, revision, base (or null), "
            "found,\n"
            "added (seconds since 1970), files, tensors, logical_bytes, stored_bytes}\n",
    .run = run_ls,
};
