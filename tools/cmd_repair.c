#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "damage.h"
#include "json.h"
#include "session.h"
#include "text.h"

enum { DRY_RUN };
static const option_spec SPECS[] = {
    {"dry-run", '\0', NULL, "change nothing, tell what would differ"},
    {NULL, '\0', NULL, NULL},
};

static void on_note(void *user, const char *path, const char *text)
{
    session *s = user;
    char *shown;

    progress_clear(&s->progress);
    if (s->common->json) {
        json_begin("note");
        json_string("path", path);
        json_string("text", text);
        json_end();
    } else if (!s->common->quiet) {
        shown = text_escape(path);
        (void)printf("note: %s: %s\n", shown, text);
        free(shown);
    }
}

static void json_result(const zipllm_repair_result *r, bool dry_run)
{
    json_begin("repair");
    json_bool("dry_run", dry_run);
    json_uint("models", r->models);
    json_uint("tensors", r->tensors);
    json_uint("packs", r->packs);
    json_uint("damages", r->damages);
    json_uint("packs_damaged", r->packs_damaged);
    json_uint("manifests_damaged", r->manifests_damaged);
    json_uint("models_damaged", r->models_damaged);
    json_uint("manifests_superseded", r->manifests_superseded);
    json_uint("models_removed", r->models_removed);
    json_bool("compared", r->compared);
    json_uint("models_added", r->models_added);
    json_uint("models_dropped", r->models_dropped);
    json_uint("tensors_added", r->tensors_added);
    json_uint("tensors_dropped", r->tensors_dropped);
    json_uint("packs_added", r->packs_added);
    json_uint("packs_dropped", r->packs_dropped);
    json_end();
}

static void print_result(const zipllm_repair_result *r, bool dry_run)
{
    (void)printf("%s: %" PRIu64 " models, %" PRIu64 " tensors in %" PRIu64 " packs",
                 dry_run ? "the index would have" : "the index is new", r->models, r->tensors,
                 r->packs);
    if (!r->compared)
        (void)printf("; the one that %s there cannot be read\n", dry_run ? "is" : "was");
    else
        (void)printf("; against the one that %s there: models +%" PRIu64 " -%" PRIu64
                     ", tensors +%" PRIu64 " -%" PRIu64 ", packs +%" PRIu64 " -%" PRIu64 "\n",
                     dry_run ? "is" : "was", r->models_added, r->models_dropped, r->tensors_added,
                     r->tensors_dropped, r->packs_added, r->packs_dropped);
    if (r->damages != 0)
        (void)printf("%" PRIu64 " damaged packs, %" PRIu64 " damaged manifests, %" PRIu64
                     " models damaged\n",
                     r->packs_damaged, r->manifests_damaged, r->models_damaged);
}

static zipllm_status run_repair(options *o)
{
    zipllm_repair_options repair = ZIPLLM_REPAIR_OPTIONS_INIT;
    zipllm_repair_result result;
    zipllm_status status = ZIPLLM_USAGE;
    zipllm_error error;
    session s;
    const char *path;

    session_start(&s, "repair", o);
    s.progress.label = "store";
    repair.dry_run = o->values[DRY_RUN] != NULL;
    repair.damage = damage_tell;
    repair.note = on_note;
    repair.user = &s;
    path = session_store(&s, o);
    if (path != NULL) {
        status = zipllm_repair(path, &repair, &s.library, &result, &error);
        progress_clear(&s.progress);
        if (status == ZIPLLM_OK || status == ZIPLLM_DAMAGED) {
            if (o->common.json)
                json_result(&result, repair.dry_run);
            else if (!o->common.quiet)
                print_result(&result, repair.dry_run);
        }
        if (status != ZIPLLM_OK)
            (void)session_fail(&s, "repair", status, &error);
    }
    session_close(&s);
    return status;
}

const command COMMAND_REPAIR = {
    .name = "repair",
    .synopsis = "",
    .summary = "make the index anew from packs and manifests",
    .help =
        "Makes index.sqlite from what it repeats: packs and manifests, all of which is checked "
        "and\n"
        "decoded. It may be missing, damaged or another store's. A model that was removed stays\n"
        "removed. Damage is told and left out, the command then ends with status 4: models that "
        "lack\n"
        "tensors stay, and until they are added again or removed gc and rebase do nothing. A "
        "damaged\n"
        "manifest is not in the new index, so that gc removes it with what only it needs. No "
        "other\n"
        "command can use the store meanwhile.\n"
        "\n--json: a line {\"type\":\"damage\", model, file, tensor, path, offset, reason} for "
        "each\n"
        "damage and {\"type\":\"note\", path, text} for what else was left out, then\n"
        "{\"type\":\"repair\", dry_run, models, tensors, packs, damages, packs_damaged,\n"
        "manifests_damaged, models_damaged, manifests_superseded, models_removed, compared,\n"
        "models_added, models_dropped, tensors_added, tensors_dropped, packs_added, "
        "packs_dropped};\n"
        "the last six against the index that was there, if compared is true\n",
    .specs = SPECS,
    .run = run_repair,
};
