#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "damage.h"
#include "json.h"
#include "session.h"
#include "text.h"

enum { QUICK, SAMPLE };
static const option_spec SPECS[] = {
    {"quick", '\0', NULL, "check the structure only: index, manifests, headers"},
    {"sample", '\0', "PERCENT", "decode this share of the blocks, chosen anew each time"},
    {NULL, '\0', NULL, NULL},
};

static void json_result(const zipllm_verify_result *r, double seconds)
{
    json_begin("verify");
    json_uint("models", r->models);
    json_uint("files", r->files);
    json_uint("tensors", r->tensors);
    json_uint("bytes", r->bytes);
    json_uint("damages", r->damages);
    json_uint("models_damaged", r->models_damaged);
    json_number("seconds", seconds);
    json_end();
}

static void print_result(const zipllm_verify_result *r, double seconds)
{
    char nbytes[TEXT_NUMBER_MAX], took[TEXT_NUMBER_MAX], rate[TEXT_NUMBER_MAX];

    text_bytes(nbytes, r->bytes);
    text_seconds(took, seconds);
    text_rate(rate, r->bytes, seconds);
    (void)printf("%" PRIu64 " model%s, %" PRIu64 " files, %" PRIu64
                 " tensors: %s decoded and checked in %s, %s: ",
                 r->models, r->models == 1 ? "" : "s", r->files, r->tensors, nbytes, took, rate);
    if (r->damages == 0)
        (void)printf("no damage\n");
    else
        (void)printf("%" PRIu64 " damage%s, %" PRIu64 " model%s damaged\n", r->damages,
                     r->damages == 1 ? "" : "s", r->models_damaged,
                     r->models_damaged == 1 ? "" : "s");
}

static zipllm_status verify(session *s, const options *o, double sample)
{
    zipllm_verify_options verify_options = ZIPLLM_VERIFY_OPTIONS_INIT;
    double start = progress_clock();
    zipllm_verify_result result;
    zipllm_status status;
    zipllm_error error;

    verify_options.names = o->operands;
    verify_options.nnames = o->noperands;
    verify_options.quick = o->values[QUICK] != NULL;
    verify_options.sample_percent = sample;
    verify_options.damage = damage_tell;
    verify_options.user = s;
    status = zipllm_verify(s->store, &verify_options, &result, &error);
    progress_clear(&s->progress);
    if (status != ZIPLLM_OK && status != ZIPLLM_DAMAGED)
        return session_fail(s, "verify", status, &error);
    if (o->common.json)
        json_result(&result, progress_clock() - start);
    else if (!o->common.quiet)
        print_result(&result, progress_clock() - start);
    if (status == ZIPLLM_DAMAGED)
        (void)session_fail(s, "verify", status, &error);
    return status;
}

static zipllm_status run_verify(options *o)
{
    double sample = 0;
    zipllm_status status;
    session s;
    char *end;

    if (o->values[SAMPLE] != NULL) {
        sample = strtod(o->values[SAMPLE], &end);
        if (end == o->values[SAMPLE] || (*end != '\0' && !(*end == '%' && end[1] == '\0')) ||
            !(sample > 0 && sample <= 100))
            return session_usage("verify", "--sample: expected a percentage above 0, up to 100");
        if (o->values[QUICK] != NULL)
            return session_usage("verify", "--quick and --sample exclude each other");
    }
    status = session_open(&s, "verify", o, ZIPLLM_SHARED);
    s.progress.label = "store";
    if (status == ZIPLLM_OK)
        status = verify(&s, o, sample);
    session_close(&s);
    return status;
}

const command COMMAND_VERIFY = {
    .name = "verify",
    .synopsis = "[NAME[@REV]...]",
    .summary = "check that every byte comes back",
    .help = "Decodes and checks the models named, or every byte of the store. Each damage is told "
            "with\n"
            "model, file, tensor and its place on disk; the command then ends with status 4.\n"
            "\n--json: a line {\"type\":\"damage\", model, file, tensor, path, offset, reason} for "
            "each\n"
            "damage, then {\"type\":\"verify\", models, files, tensors, bytes, damages, "
            "models_damaged,\n"
            "seconds}\n",
    .specs = SPECS,
    .most = SIZE_MAX,
    .run = run_verify,
};
