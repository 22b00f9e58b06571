#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "table.h"
#include "text.h"

enum { DTYPES_MAX = 32 };

/* The sum of the rows of one dtype: bits of different dtypes mean different things. */
typedef struct by_dtype {
    char dtype[16];
    unsigned bits;
    uint64_t nelem;
    uint64_t at[ZIPLLM_DISTANCE_BITS];
} by_dtype;

typedef struct shown {
    bool json;
    table *t;
    by_dtype dtypes[DTYPES_MAX];
    size_t ndtypes;
} shown;

static double share(uint64_t part, uint64_t whole)
{
    return whole != 0 ? (double)part / (double)whole : 0;
}

static void add_bits(shown *s, const zipllm_distance_row *row)
{
    size_t i = 0;
    unsigned b;

    while (i < s->ndtypes && strncmp(s->dtypes[i].dtype, row->dtype, 15) != 0)
        i++;
    if (i == DTYPES_MAX)
        return;
    if (i == s->ndtypes) {
        s->ndtypes++;
        s->dtypes[i] = (by_dtype){.bits = row->bits};
        (void)snprintf(s->dtypes[i].dtype, sizeof s->dtypes[i].dtype, "%.15s", row->dtype);
    }
    s->dtypes[i].nelem += row->nelem;
    for (b = 0; b < row->bits && b < ZIPLLM_DISTANCE_BITS; b++)
        s->dtypes[i].at[b] += row->at[b];
}

static void json_bits(const uint64_t *at, unsigned bits, uint64_t nelem)
{
    unsigned b;

    json_array("bits");
    for (b = 0; b < bits; b++) {
        json_item();
        json_uint("bit", b);
        json_number("share", share(at[b], nelem));
    }
    json_array_end();
}

static void json_row(const zipllm_distance_row *row)
{
    json_begin("tensor");
    json_string("name", row->tensor);
    json_string("dtype", row->dtype);
    json_uint("bytes", row->nbytes);
    json_uint("elements", row->nelem);
    json_number("bit_distance", share(row->differing, row->nelem));
    json_number("unchanged", share(row->unchanged, row->nelem));
    json_number("zstd", row->zstd);
    json_number("alone", row->alone);
    json_number("bitx", row->bitx);
    json_number("delta", row->delta);
    json_number("best", row->best);
    json_bits(row->at, row->bits, row->nelem);
    json_end();
}

static void on_row(void *user, const zipllm_distance_row *row)
{
    shown *s = user;
    char *name, *dtype;
    char nbytes[TEXT_NUMBER_MAX], distance[TEXT_NUMBER_MAX], same[TEXT_NUMBER_MAX];
    char zstd[TEXT_NUMBER_MAX], alone[TEXT_NUMBER_MAX], bitx[TEXT_NUMBER_MAX];
    char delta[TEXT_NUMBER_MAX], best[TEXT_NUMBER_MAX];

    add_bits(s, row);
    if (s->json)
        json_row(row);
    if (s->json || s->t == NULL)
        return;
    name = text_escape(row->tensor);
    dtype = text_escape(row->dtype);
    text_bytes(nbytes, row->nbytes);
    (void)snprintf(distance, sizeof distance, "%.2f", share(row->differing, row->nelem));
    text_percent(same, share(row->unchanged, row->nelem));
    text_percent(zstd, row->zstd);
    text_percent(alone, row->alone);
    text_percent(bitx, row->bitx);
    text_percent(delta, row->delta);
    text_percent(best, row->best);
    table_row(s->t, (const char *[]){name, dtype, nbytes, distance, same, zstd, alone, bitx, delta,
                                     best});
    free(name);
    free(dtype);
}

static void print_bits(const by_dtype *d)
{
    unsigned b;

    (void)printf("\n%s, share of elements that differ, bit by bit (the highest first):\n ",
                 d->dtype);
    for (b = d->bits; b-- > 0;) {
        (void)printf(" %2u:%5.1f%%", b, 100 * share(d->at[b], d->nelem));
        if (b % 8 == 0)
            (void)printf("\n%s", b != 0 ? " " : "");
    }
}

static void print_result(const shown *s, const char *a, const char *b,
                         const zipllm_distance_result *r)
{
    char nbytes[TEXT_NUMBER_MAX];
    char *first = text_escape(a), *second = text_escape(b);
    size_t i;

    text_bytes(nbytes, r->nbytes);
    (void)printf("%s given %s: %" PRIu64 " tensors of %s", first, second, r->tensors, nbytes);
    if (r->unmatched != 0)
        (void)printf(" (%" PRIu64 " have no partner)", r->unmatched);
    (void)printf(
        "\n  bit distance %.2f bits per element, %.1f%% of elements unchanged\n"
        "  expected on disk: %.1f%% (delta %.1f%%, the paper's bitx %.1f%%; without a base "
        "%.1f%%, zstd %.1f%%)\n",
        r->bit_distance, 100 * r->unchanged, 100 * r->best, 100 * r->delta, 100 * r->bitx,
        100 * r->alone, 100 * r->zstd);
    for (i = 0; i < s->ndtypes; i++)
        print_bits(&s->dtypes[i]);
    free(first);
    free(second);
}

static void json_result(const shown *s, const char *a, const char *b,
                        const zipllm_distance_result *r)
{
    size_t i;

    for (i = 0; i < s->ndtypes; i++) {
        json_begin("dtype");
        json_string("dtype", s->dtypes[i].dtype);
        json_uint("elements", s->dtypes[i].nelem);
        json_bits(s->dtypes[i].at, s->dtypes[i].bits, s->dtypes[i].nelem);
        json_end();
    }
    json_begin("distance");
    json_string("model", a);
    json_string("given", b);
    json_uint("tensors", r->tensors);
    json_uint("unmatched", r->unmatched);
    json_uint("bytes", r->nbytes);
    json_number("bit_distance", r->bit_distance);
    json_number("unchanged", r->unchanged);
    json_number("zstd", r->zstd);
    json_number("alone", r->alone);
    json_number("bitx", r->bitx);
    json_number("delta", r->delta);
    json_number("best", r->best);
    json_end();
}

static zipllm_status run_distance(options *o)
{
    static const char *const headings[] = {"tensor", "dtype",     "bytes", "bits",  "unchanged",
                                           "zstd",   "by itself", "bitx",  "delta", "best"};
    shown show = {.json = o->common.json};
    zipllm_distance_result result;
    zipllm_status status;
    zipllm_error error;
    session s;

    if (!o->common.json && !o->common.quiet)
        show.t = table_new("llrrrrrrrr", headings);
    status = session_open(&s, "distance", o, ZIPLLM_SHARED);
    if (status == ZIPLLM_OK) {
        status = zipllm_distance(s.store, o->operands[0], o->operands[1], on_row, &show, &result,
                                 &error);
        progress_clear(&s.progress);
        if (status != ZIPLLM_OK)
            (void)session_fail(&s, "distance", status, &error);
    }
    if (status == ZIPLLM_OK && o->common.json)
        json_result(&show, o->operands[0], o->operands[1], &result);
    if (status == ZIPLLM_OK && show.t != NULL && !table_empty(show.t)) {
        table_print(show.t, stdout);
        show.t = NULL;
        print_result(&show, o->operands[0], o->operands[1], &result);
    }
    if (show.t != NULL)
        table_free(show.t);
    session_close(&s);
    return status;
}

const command COMMAND_DISTANCE = {
    .name = "distance",
    .synopsis = "A B",
    .summary = "how far model A is from model B, bit by bit, and what each codec makes of it",
    .help =
        "Compares the tensors of two models of the store that have one name and dtype: bit "
        "distance\n(differing bits per element), share of elements unchanged, and what each codec "
        "would take of A's\nbytes: zstd and the best one without B, and given B the paper's codec "
        "(bitx), the delta codec,\nand the best of all for each block; of up to four blocks of "
        "each "
        "tensor. Then, for each dtype,\nhow often each bit differs.\n"
        "\n--json: a line {\"type\":\"tensor\", name, dtype, bytes, elements, bit_distance, "
        "unchanged,\nzstd, alone, bitx, delta, best, bits: [{bit, share}]} for each tensor, "
        "{\"type\":"
        "\"dtype\", dtype,\nelements, bits} for each dtype, then {\"type\":\"distance\", model, "
        "given, tensors, unmatched,\nbytes, bit_distance, unchanged, zstd, alone, bitx, delta, "
        "best}\n",
    .least = 2,
    .most = 2,
    .run = run_distance,
};
