#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "text.h"

enum { DRY_RUN };
static const option_spec SPECS[] = {
    {"dry-run", '\0', NULL, "change nothing, tell what would be freed"},
    {NULL, '\0', NULL, NULL},
};

static void print_json(const zipllm_gc_result *r, bool dry_run)
{
    json_begin("gc");
    json_bool("dry_run", dry_run);
    json_uint("freed_bytes", r->freed_bytes);
    json_uint("packs_removed", r->packs_removed);
    json_uint("packs_rewritten", r->packs_rewritten);
    json_uint("packs_written", r->packs_written);
    json_uint("tensors_removed", r->tensors_removed);
    json_uint("files_removed", r->files_removed);
    json_end();
}

static void print_text(const zipllm_gc_result *r, bool dry_run)
{
    char freed[TEXT_NUMBER_MAX];

    text_bytes(freed, r->freed_bytes);
    (void)printf("%s %s: %" PRIu64 " tensors, %" PRIu64 " packs removed, %" PRIu64
                 " rewritten, %" PRIu64 " leftover files\n",
                 dry_run ? "would free" : "freed", freed, r->tensors_removed, r->packs_removed,
                 r->packs_rewritten, r->files_removed);
}

static zipllm_status run_gc(options *o)
{
    bool dry_run = o->values[DRY_RUN] != NULL;
    zipllm_gc_result result;
    zipllm_status status;
    zipllm_error error;
    session s;

    status = session_open(&s, "gc", o, ZIPLLM_EXCLUSIVE);
    s.progress.label = "store";
    if (status == ZIPLLM_OK) {
        status = zipllm_gc(s.store, dry_run, &result, &error);
        progress_clear(&s.progress);
        if (status != ZIPLLM_OK)
            (void)session_fail(&s, "gc", status, &error);
        else if (o->common.json)
            print_json(&result, dry_run);
        else if (!o->common.quiet)
            print_text(&result, dry_run);
    }
    session_close(&s);
    return status;
}

const command COMMAND_GC = {
    .name = "gc",
    .synopsis = "",
    .summary = "give back the space of what no model needs",
    .help =
        "Removes tensors that no model needs, and what interrupted commands left behind. No other\n"
        "command may use the store meanwhile: else it ends at once with status 5.\n"
        "\n--json: {\"type\":\"gc\", dry_run, freed_bytes, packs_removed, packs_rewritten,\n"
        "packs_written, tensors_removed, files_removed}\n",
    .specs = SPECS,
    .run = run_gc,
};
