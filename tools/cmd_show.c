#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "add_summary.h"
#include "command.h"
#include "json.h"
#include "model_view.h"
#include "session.h"
#include "table.h"
#include "text.h"

static void hex(char dst[65], const uint8_t sha256[32])
{
    size_t i;

    for (i = 0; i < 32; i++)
        (void)sprintf(dst + 2 * i, "%02x", sha256[i]);
}

/* ---- tables -----------------------------------------------------------------------------------
 */

typedef struct view {
    table *files, *parts;
} view;

static void table_file(void *user, const zipllm_file *f)
{
    view *v = user;
    char nbytes[TEXT_NUMBER_MAX], tensors[TEXT_NUMBER_MAX], sha[65];
    char *path = text_escape(f->path);
    const char *cells[] = {path, nbytes, tensors, sha};

    text_bytes(nbytes, f->nbytes);
    text_count(tensors, f->tensors);
    hex(sha, f->sha256);
    if (f->directory) {
        nbytes[0] = tensors[0] = '\0';
        (void)snprintf(sha, sizeof sha, "empty directory");
    }
    if (f->blob)
        tensors[0] = '\0';
    table_row(v->files, cells);
    free(path);
}

static void table_part(void *user, const zipllm_tensor *t)
{
    view *v = user;
    char nbytes[TEXT_NUMBER_MAX], stored[TEXT_NUMBER_MAX], shared[TEXT_NUMBER_MAX];
    char *file = text_escape(t->file), *name = text_escape(t->name);
    char *dtype = text_escape(t->dtype), *shape = text_escape(t->shape);
    char *made = text_escape(t->made);
    const char *cells[] = {file,
                           t->kind == ZIPLLM_TENSOR ? name : zipllm_kind_name(t->kind),
                           dtype,
                           shape,
                           nbytes,
                           stored,
                           t->delta ? made : "whole",
                           shared};

    text_bytes(nbytes, t->nbytes);
    text_bytes(stored, t->stored_nbytes);
    text_count(shared, t->shared);
    table_row(v->parts, cells);
    free(file);
    free(name);
    free(dtype);
    free(shape);
    free(made);
}

static void print_model(const zipllm_model *m)
{
    char bytes[TEXT_NUMBER_MAX], stored[TEXT_NUMBER_MAX], added[TEXT_NUMBER_MAX];
    char *label = session_label(m->name, m->revision);
    char *base = text_escape(m->base != NULL ? m->base : "none");

    text_bytes(bytes, m->logical_bytes);
    text_bytes(stored, m->stored_bytes);
    text_date(added, m->added);
    (void)printf("%s\n  base     %s", label, base);
    if (m->base != NULL)
        (void)printf(" (%s)", add_found_text(m->found));
    (void)printf("\n  added    %s\n  bytes    %s in %" PRIu64 " file%s, %" PRIu64
                 " tensor%s\n  stored   %s\n\n",
                 added, bytes, m->files, m->files == 1 ? "" : "s", m->tensors,
                 m->tensors == 1 ? "" : "s", stored);
    free(label);
    free(base);
}

static zipllm_status show_tables(session *s, const options *o)
{
    static const char *const file_headings[] = {"file", "bytes", "tensors", "sha256"};
    static const char *const part_headings[] = {"file",  "part",   "dtype", "shape",
                                                "bytes", "stored", "how",   "shared"};
    view v = {table_new("lrrl", file_headings), table_new("llllrrlr", part_headings)};
    zipllm_show_options show = ZIPLLM_SHOW_OPTIONS_INIT;
    zipllm_status status;
    zipllm_model model;
    zipllm_error error;

    show.name = o->operands[0];
    show.file = table_file;
    show.tensor = o->common.verbose ? table_part : NULL;
    show.user = &v;
    status = zipllm_show(s->store, &show, &model, &error);
    if (status != ZIPLLM_OK) {
        table_free(v.files);
        table_free(v.parts);
        return session_fail(s, "show", status, &error);
    }
    print_model(&model);
    table_print(v.files, stdout);
    if (o->common.verbose) {
        (void)putchar('\n');
        table_print(v.parts, stdout);
    } else {
        table_free(v.parts);
    }
    return ZIPLLM_OK;
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

/* The model's facts come when all files were told, and are printed first: two passes. */
static void json_file(void *user, const zipllm_file *f)
{
    char sha[65];

    (void)user;
    hex(sha, f->sha256);
    json_item();
    json_string("path", f->path);
    json_uint("bytes", f->nbytes);
    json_string("sha256", f->directory ? NULL : sha);
    json_uint("tensors", f->tensors);
    json_bool("directory", f->directory);
    json_bool("blob", f->blob);
}

static void json_part(void *user, const zipllm_tensor *t)
{
    (void)user;
    json_begin("part");
    json_string("file", t->file);
    json_string("kind", zipllm_kind_name(t->kind));
    json_string("tensor", t->kind == ZIPLLM_TENSOR ? t->name : NULL);
    json_string("dtype", t->dtype);
    json_string("shape", t->kind == ZIPLLM_TENSOR ? t->shape : NULL);
    json_uint("bytes", t->nbytes);
    json_uint("stored_bytes", t->stored_nbytes);
    json_uint("shared", t->shared);
    json_bool("delta", t->delta);
    json_string("made", t->made);
    json_string("pack", t->pack);
    json_uint("offset", t->offset);
    json_end();
}

static zipllm_status show_json(session *s, const options *o)
{
    zipllm_show_options show = ZIPLLM_SHOW_OPTIONS_INIT;
    zipllm_status status;
    zipllm_model model;
    zipllm_error error;

    show.name = o->operands[0];
    status = zipllm_show(s->store, &show, &model, &error);
    if (status != ZIPLLM_OK)
        return session_fail(s, "show", status, &error);
    json_begin("model");
    model_json(&model);
    json_array("file_list");
    show.file = json_file;
    status = zipllm_show(s->store, &show, &model, &error);
    json_array_end();
    json_end();
    if (status == ZIPLLM_OK && o->common.verbose) {
        show.file = NULL;
        show.tensor = json_part;
        status = zipllm_show(s->store, &show, &model, &error);
    }
    return status == ZIPLLM_OK ? status : session_fail(s, "show", status, &error);
}

static zipllm_status run_show(options *o)
{
    session s;
    zipllm_status status = session_open(&s, "show", o, ZIPLLM_SHARED);

    if (status == ZIPLLM_OK)
        status = o->common.json ? show_json(&s, o) : show_tables(&s, o);
    session_close(&s);
    return status;
}

const command COMMAND_SHOW = {
    .name = "show",
    .synopsis = "NAME[@REV]",
    .summary = "show the files of a model, with -v its tensors",
    .help =
        "Shows where a model came from, its files with their SHA-256, and with -v every part:\n"
        "how large it is in the store, and how many parts of all models share it.\n"
        "\n--json: {\"type\":\"model\", name, revision, base (or null), found, added, files,\n"
        "tensors, logical_bytes, stored_bytes, file_list: [{path, bytes, sha256, tensors,\n"
        "directory, blob}]}; with -v then a line {\"type\":\"part\", file, kind, tensor, dtype,\n"
        "shape, bytes, stored_bytes, shared, delta, made, pack, offset} for each part\n",
    .least = 1,
    .most = 1,
    .run = run_show,
};
