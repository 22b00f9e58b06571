#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "table.h"
#include "text.h"

static void json_tensor(void *user, const zipllm_inspect_tensor *t)
{
    (void)user;
    json_begin("tensor");
    json_bytes("name", t->name, t->name_nbytes);
    json_string("dtype", t->dtype);
    json_string("shape", t->shape);
    json_uint("offset", t->offset);
    json_uint("bytes", t->nbytes);
    json_end();
}

static void table_tensor(void *user, const zipllm_inspect_tensor *t)
{
    char offset[TEXT_NUMBER_MAX], nbytes[TEXT_NUMBER_MAX];
    char *name = text_escape_bytes(t->name, t->name_nbytes), *dtype = text_escape(t->dtype);
    const char *cells[] = {name, dtype, t->shape, offset, nbytes};

    text_count(offset, t->offset);
    text_bytes(nbytes, t->nbytes);
    table_row(user, cells);
    free(name);
    free(dtype);
}

static void print_summary(const char *path, const zipllm_inspect_result *r)
{
    char file[TEXT_NUMBER_MAX], header[TEXT_NUMBER_MAX], data[TEXT_NUMBER_MAX];
    char *shown = text_escape(path);

    text_bytes(file, r->file_nbytes);
    text_bytes(header, r->header_nbytes);
    text_bytes(data, r->tensor_nbytes);
    (void)printf("%s: valid safetensors, %s: header %s, %" PRIu64 " tensor%s of %s\n", shown, file,
                 header, r->tensors, r->tensors == 1 ? "" : "s", data);
    free(shown);
}

static void json_result(const char *path, bool valid, const char *reason,
                        const zipllm_inspect_result *r)
{
    json_begin("inspect");
    json_string("file", path);
    json_bool("valid", valid);
    json_string("reason", reason);
    if (valid) {
        json_uint("file_bytes", r->file_nbytes);
        json_uint("header_bytes", r->header_nbytes);
        json_uint("tensors", r->tensors);
        json_uint("tensor_bytes", r->tensor_nbytes);
    }
    json_end();
}

static zipllm_status run_inspect(options *o)
{
    static const char *const headings[] = {"tensor", "dtype", "shape", "offset", "bytes"};
    const char *path = o->operands[0];
    table *t = table_new("lllrr", headings);
    bool plain = !o->common.json && !o->common.quiet;
    zipllm_inspect_result result;
    zipllm_status status;
    zipllm_error error;

    status = zipllm_inspect(path,
                            o->common.json ? json_tensor
                            : plain        ? table_tensor
                                           : NULL,
                            t, &result, &error);
    if (o->common.json)
        json_result(path, status == ZIPLLM_OK, status == ZIPLLM_OK ? NULL : error.message, &result);
    if (status != ZIPLLM_OK)
        (void)session_fail(NULL, "inspect", status, &error);
    else if (plain)
        print_summary(path, &result);
    if (status == ZIPLLM_OK && plain && !table_empty(t))
        table_print(t, stdout);
    else
        table_free(t);
    return status;
}

const command COMMAND_INSPECT = {
    .name = "inspect",
    .synopsis = "FILE",
    .summary = "show the tensors of a safetensors file, or why it is not one",
    .help =
        "Shows the tensors of a safetensors file; no store is needed. A file that the reference\n"
        "parser of safetensors refuses ends with status 1, the offset of the fault and the "
        "reason.\n"
        "(Such a file can be stored all the same.)\n"
        "\n--json: a line {\"type\":\"tensor\", name, dtype, shape, offset, bytes} for each "
        "tensor,\n"
        "then {\"type\":\"inspect\", file, valid, reason (or null), file_bytes, header_bytes,\n"
        "tensors, tensor_bytes}\n",
    .least = 1,
    .most = 1,
    .run = run_inspect,
};
