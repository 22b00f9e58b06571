/* encode and decode: one file, without a store. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "text.h"

enum { BASE, OUTPUT };
static const option_spec ENCODE_SPECS[] = {
    {"base", '\0', "FILE...", "code against this file, and others; decoding will need them again"},
    {"output", 'o', "FILE", "the coded file"},
    {NULL, '\0', NULL, NULL},
};
static const option_spec DECODE_SPECS[] = {
    {"base", '\0', "FILE...", "the file that it was coded against; several in their order"},
    {"output", 'o', "FILE", "the file that it was"},
    {NULL, '\0', NULL, NULL},
};

typedef zipllm_status (*coder)(const char *path, const char *const *bases, size_t nbases,
                               const char *out, const zipllm_options *options,
                               zipllm_encode_result *result, zipllm_error *error);

static void print_json(const session *s, const options *o, const zipllm_encode_result *r,
                       double seconds)
{
    json_begin(s->verb);
    json_string("file", o->operands[0]);
    json_string("base", o->nlist != 0 ? o->list[0] : NULL);
    json_uint("bases", o->nlist);
    json_string("output", o->values[OUTPUT]);
    json_uint("bytes", r->nbytes);
    json_uint("coded_bytes", r->coded_nbytes);
    json_number("seconds", seconds);
    json_end();
}

static void print_text(const session *s, const options *o, const zipllm_encode_result *r,
                       double seconds)
{
    char plain[TEXT_NUMBER_MAX], coded[TEXT_NUMBER_MAX], share[TEXT_NUMBER_MAX];
    char took[TEXT_NUMBER_MAX], rate[TEXT_NUMBER_MAX];
    char *file = text_escape(o->operands[0]);
    bool encoded = s->verb[0] == 'e';

    text_bytes(plain, r->nbytes);
    text_bytes(coded, r->coded_nbytes);
    text_percent(share, r->nbytes > 0 ? (double)r->coded_nbytes / (double)r->nbytes : 0);
    text_seconds(took, seconds);
    text_rate(rate, r->nbytes, seconds);
    if (encoded)
        (void)printf("%s: %s -> %s (%s), %" PRIu64 " of %" PRIu64
                     " tensors against the base, in %s, %s\n",
                     file, plain, coded, share, r->tensors_delta, r->tensors, took, rate);
    else
        (void)printf("%s: %s -> %s, in %s, %s\n", file, coded, plain, took, rate);
    free(file);
}

static zipllm_status run_coder(const options *o, const char *verb, coder code)
{
    double start = progress_clock();
    zipllm_encode_result result;
    zipllm_status status;
    zipllm_error error;
    session s;

    if (o->values[OUTPUT] == NULL)
        return session_usage(verb, "where to? give -o FILE");
    session_start(&s, verb, o);
    status =
        code(o->operands[0], o->list, o->nlist, o->values[OUTPUT], &s.library, &result, &error);
    progress_clear(&s.progress);
    if (status != ZIPLLM_OK)
        (void)session_fail(&s, verb, status, &error);
    else if (o->common.json)
        print_json(&s, o, &result, progress_clock() - start);
    else if (!o->common.quiet)
        print_text(&s, o, &result, progress_clock() - start);
    session_close(&s);
    return status;
}

static zipllm_status run_encode(options *o)
{
    return run_coder(o, "encode", zipllm_encode);
}

static zipllm_status run_decode(options *o)
{
    return run_coder(o, "decode", zipllm_decode);
}

const command COMMAND_ENCODE = {
    .name = "encode",
    .synopsis = "FILE -o CODED",
    .summary = "code one file, without a store",
    .help =
        "Codes one file. With --base, tensors are coded against those of equal name, dtype and "
        "row\n"
        "shape in that file: for sending a fine-tune to somebody who has the base. --base may be\n"
        "given up to eight times, for a merge of models, and may be a model of another float "
        "format.\n"
        "\n--json: {\"type\":\"encode\", file, base (the first, or null), bases (how many), "
        "output,\n"
        "bytes, coded_bytes, seconds}\n",
    .specs = ENCODE_SPECS,
    .least = 1,
    .most = 1,
    .run = run_encode,
};

const command COMMAND_DECODE = {
    .name = "decode",
    .synopsis = "CODED -o FILE",
    .summary = "the reverse of encode",
    .help = "Writes the file again that was coded. Every block and the SHA-256 of the whole are "
            "checked\n"
            "before FILE gets its name; damage ends with status 4.\n"
            "\n--json: {\"type\":\"decode\", file, base (the first, or null), bases (how many), "
            "output,\n"
            "bytes, coded_bytes, seconds}\n",
    .specs = DECODE_SPECS,
    .least = 1,
    .most = 1,
    .run = run_decode,
};
