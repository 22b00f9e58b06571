#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "table.h"
#include "text.h"

static void print_json(const zipllm_stat_result *r)
{
    json_begin("stat");
    json_uint("models", r->models);
    json_uint("files", r->files);
    json_uint("tensors", r->tensors);
    json_uint("tensors_unique", r->tensors_unique);
    json_uint("tensors_delta", r->tensors_delta);
    json_uint("logical_bytes", r->logical_bytes);
    json_uint("disk_bytes", r->disk_bytes);
    json_uint("pack_bytes", r->pack_bytes);
    json_uint("index_bytes", r->index_bytes);
    json_uint("manifest_bytes", r->manifest_bytes);
    json_uint("tmp_bytes", r->tmp_bytes);
    json_uint("packs", r->packs);
    json_uint("dead_bytes", r->dead_bytes);
    json_number("reduction", r->reduction);
    json_end();
}

static void count_row(table *t, const char *what, uint64_t n, const char *more)
{
    char number[TEXT_NUMBER_MAX];
    const char *cells[] = {what, number, more};

    text_count(number, n);
    table_row(t, cells);
}

static void bytes_row(table *t, const char *what, uint64_t nbytes, const char *more)
{
    char number[TEXT_NUMBER_MAX];
    const char *cells[] = {what, number, more};

    text_bytes(number, nbytes);
    table_row(t, cells);
}

static void print_table(const zipllm_stat_result *r)
{
    table *t = table_new("lrl", NULL);
    char reduction[TEXT_NUMBER_MAX], more[3 * TEXT_NUMBER_MAX];
    const char *cells[] = {"reduction", reduction, "1 - on disk / bytes of the models"};

    count_row(t, "models", r->models, NULL);
    count_row(t, "files", r->files, NULL);
    (void)snprintf(more, sizeof more, "%" PRIu64 " different, %" PRIu64 " of these as deltas",
                   r->tensors_unique, r->tensors_delta);
    count_row(t, "tensors", r->tensors, more);
    bytes_row(t, "bytes of the models", r->logical_bytes, NULL);
    bytes_row(t, "on disk", r->disk_bytes, NULL);
    text_percent(reduction, r->reduction);
    table_row(t, cells);
    (void)snprintf(more, sizeof more, "%" PRIu64 " file%s", r->packs, r->packs == 1 ? "" : "s");
    bytes_row(t, "packs", r->pack_bytes, more);
    bytes_row(t, "manifests", r->manifest_bytes, NULL);
    bytes_row(t, "index", r->index_bytes, NULL);
    bytes_row(t, "temporary", r->tmp_bytes, r->tmp_bytes > 0 ? "zipllm gc removes it" : NULL);
    bytes_row(t, "unused in packs", r->dead_bytes, r->dead_bytes > 0 ? "zipllm gc frees it" : NULL);
    table_print(t, stdout);
}

static zipllm_status run_stat(options *o)
{
    zipllm_stat_result result;
    zipllm_status status;
    zipllm_error error;
    session s;

    status = session_open(&s, "stat", o, ZIPLLM_SHARED);
    if (status == ZIPLLM_OK) {
        status = zipllm_stat(s.store, &result, &error);
        if (status != ZIPLLM_OK)
            (void)session_fail(&s, "stat", status, &error);
        else if (o->common.json)
            print_json(&result);
        else if (!o->common.quiet)
            print_table(&result);
    }
    session_close(&s);
    return status;
}

const command COMMAND_STAT = {
    .name = "stat",
    .synopsis = "",
    .summary = "show what the store holds and what it saves",
    .help =
        "Shows how many models, files and tensors the store holds, their bytes, and the bytes on\n"
        "disk: the sum of the sizes of all files of the store.\n"
        "\n--json: {\"type\":\"stat\", models, files, tensors, tensors_unique, tensors_delta,\n"
        "logical_bytes, disk_bytes, pack_bytes, index_bytes, manifest_bytes, tmp_bytes, packs,\n"
        "dead_bytes, reduction}\n",
    .run = run_stat,
};
