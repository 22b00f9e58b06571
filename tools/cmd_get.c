#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "text.h"

enum { OUTPUT, FILE_ONLY, SHA256, FORCE };
static const option_spec SPECS[] = {
    {"output", 'o', "DIR", "where to write (default: the last part of NAME)"},
    {"file", '\0', "FILE", "write this file of the model only"},
    {"sha256", '\0', NULL, "check the SHA-256 of each file besides the checksum of each block"},
    {"force", '\0', NULL, "DIR may hold files; those of equal name are replaced"},
    {NULL, '\0', NULL, NULL},
};

/* "org/name@rev" -> "name", malloced. */
static char *default_target(const char *name)
{
    const char *slash = strrchr(name, '/');
    char *target = text_copy(slash != NULL ? slash + 1 : name);
    char *at = strrchr(target, '@');

    if (at != NULL)
        *at = '\0';
    return target;
}

static void print_result(const char *name, const char *target, const zipllm_get_result *r,
                         double seconds)
{
    char nbytes[TEXT_NUMBER_MAX], took[TEXT_NUMBER_MAX], rate[TEXT_NUMBER_MAX];
    char *shown_name = text_escape(name), *shown_target = text_escape(target);

    text_bytes(nbytes, r->bytes);
    text_seconds(took, seconds);
    text_rate(rate, r->bytes, seconds);
    (void)printf("%s: %" PRIu64 " file%s, %s, to %s in %s, %s\n", shown_name, r->files,
                 r->files == 1 ? "" : "s", nbytes, shown_target, took, rate);
    free(shown_name);
    free(shown_target);
}

static zipllm_status get_one(session *s, const options *o, const char *target)
{
    zipllm_get_options get = ZIPLLM_GET_OPTIONS_INIT;
    double start = progress_clock();
    zipllm_get_result result;
    zipllm_status status;
    zipllm_error error;

    get.name = o->operands[0];
    get.target = target;
    get.file = o->values[FILE_ONLY];
    get.sha256 = o->values[SHA256] != NULL;
    get.force = o->values[FORCE] != NULL;
    status = zipllm_get(s->store, &get, &result, &error);
    progress_clear(&s->progress);
    if (status != ZIPLLM_OK)
        return session_fail(s, "get", status, &error);
    if (o->common.json) {
        json_begin("get");
        json_string("name", get.name);
        json_string("target", target);
        json_uint("files", result.files);
        json_uint("bytes", result.bytes);
        json_number("seconds", progress_clock() - start);
        json_end();
    } else if (!o->common.quiet) {
        print_result(get.name, target, &result, progress_clock() - start);
    }
    return ZIPLLM_OK;
}

static zipllm_status run_get(options *o)
{
    char *target =
        o->values[OUTPUT] != NULL ? text_copy(o->values[OUTPUT]) : default_target(o->operands[0]);
    char *label = text_escape(o->operands[0]);
    session s;
    zipllm_status status;

    if (target[0] == '\0') {
        status = session_usage("get", "where to? give -o DIR");
    } else {
        status = session_open(&s, "get", o, ZIPLLM_SHARED);
        s.progress.label = label;
        if (status == ZIPLLM_OK)
            status = get_one(&s, o, target);
        session_close(&s);
    }
    free(label);
    free(target);
    return status;
}

const command COMMAND_GET = {
    .name = "get",
    .synopsis = "NAME[@REV]",
    .summary = "write a model out again",
    .help = "Writes the files of a model beneath DIR. Every block is checked against its checksum\n"
            "while it is written, and a file gets its name only when all of it was right; damage\n"
            "ends with status 4 and names the tensor, the file and the model.\n"
            "NAME alone is the revision that was added last.\n"
            "\n--json: {\"type\":\"get\", name, target, files, bytes, seconds}\n",
    .specs = SPECS,
    .least = 1,
    .most = 1,
    .run = run_get,
};
