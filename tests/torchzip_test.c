/* PyTorch archives: what torch.save() wrote is located and named; damage has its reason. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "torchzip.h"
#include "vectors_util.h"

static zipllm_parse_status parse(vector_file *v, zipllm_torchzip *torch, zipllm_parse_error *error)
{
    bitx_source source = {vector_read, v};

    return zipllm_torchzip_parse(&source, v->nbytes, torch, error);
}

typedef struct expected {
    const char *name;
    bitx_dtype dtype;
    uint64_t nbytes;
} expected;

/* Storages in the order of the file, which is that of their keys as texts. */
static void check_file(const char *file, const expected *want, size_t n)
{
    vector_file v = vector_load(TORCH_DIR, file);
    bitx_source source = {vector_read, &v};
    zipllm_parse_error error;
    zipllm_torchzip torch;
    size_t i;

    cr_assert_eq(parse(&v, &torch, &error), ZIPLLM_PARSE_OK, "%s: %s", file, error.message);
    cr_assert_eq(torch.pickle.status, ZIPLLM_PARSE_OK, "%s: %s", file, torch.pickle.message);
    cr_assert_eq(torch.nstorages, n, "%s: %zu", file, torch.nstorages);
    for (i = 0; i < n; i++) {
        char name[ZIPLLM_TORCH_NAME_MAX + 1];
        cr_assert(zipllm_torchzip_name(&source, &torch.storages[i], name));
        cr_assert_str_eq(name, want[i].name, "%s: %s", file, name);
        cr_assert_eq(torch.storages[i].dtype, want[i].dtype, "%s: %s", file, name);
        cr_assert_eq(torch.storages[i].end - torch.storages[i].begin, want[i].nbytes);
    }
    zipllm_torchzip_free(&torch);
    free(v.bytes);
}

Test(torchzip, storages_of_torch_save)
{
    static const expected state[] = {
        {"embed.weight", BITX_BF16, 256}, {"layer.weight", BITX_F16, 128},
        {"layer.bias", BITX_F32, 32},     {"steps", BITX_I64, 8},
        {"mask", BITX_BOOL, 3},           {"empty", BITX_F32, 0},
    };
    static const expected parameter[] = {{"w", BITX_F32, 64}};
    static const expected view[] = {{"part", BITX_F32, 128}};
    static const expected module[] = {{"weight", BITX_F32, 48}, {"bias", BITX_F32, 12}};
    static const expected unnamed[] = {{"data/0", BITX_BYTES, 10}};

    check_file("good_state", state, 6);
    check_file("good_protocol4", state, 6);
    check_file("good_nested", state, 6);
    check_file("good_parameter", parameter, 1);
    check_file("good_view", view, 1);
    check_file("good_module", module, 2);
    check_file("good_streamed", unnamed, 1);
    check_file("good_zip64", unnamed, 1);
}

Test(torchzip, bytes_are_those_of_the_tensor)
{
    vector_file v = vector_load(TORCH_DIR, "good_view");
    zipllm_parse_error error;
    zipllm_torchzip torch;
    float f;
    size_t i;

    cr_assert_eq(parse(&v, &torch, &error), ZIPLLM_PARSE_OK);
    for (i = 0; i < 32; i++) { /* torch.arange(32.0) */
        memcpy(&f, v.bytes + torch.storages[0].begin + 4 * i, 4);
        cr_assert_eq(f, (float)i);
    }
    zipllm_torchzip_free(&torch);
    free(v.bytes);
}

Test(torchzip, packed_storages_are_left_out)
{
    vector_file v = vector_load(TORCH_DIR, "good_packed");
    zipllm_parse_error error;
    zipllm_torchzip torch;

    cr_assert_eq(parse(&v, &torch, &error), ZIPLLM_PARSE_OK);
    cr_assert_eq(torch.nstorages, 1);
    cr_assert_eq(torch.npacked, 1);
    cr_assert_eq(v.bytes[torch.storages[0].begin], 'y');
    zipllm_torchzip_free(&torch);
    free(v.bytes);
}

/* The archive is right and the pickle strange: ranges stay, types are unknown. */
Test(torchzip, strange_pickles)
{
    static const struct {
        const char *file, *reason;
    } cases[] = {{"odd_opcode", "an opcode"},
                 {"odd_memo", "the memo has a hole"},
                 {"odd_stack", "no mark"},
                 {"odd_numbers", ""}};
    size_t i;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vector_file v = vector_load(TORCH_DIR, cases[i].file);
        zipllm_parse_error error;
        zipllm_torchzip torch;
        cr_assert_eq(parse(&v, &torch, &error), ZIPLLM_PARSE_OK, "%s", cases[i].file);
        cr_assert(strstr(torch.pickle.message, cases[i].reason) != NULL, "%s: %s", cases[i].file,
                  torch.pickle.message);
        cr_assert_eq(torch.nstorages, 1);
        cr_assert_eq(torch.storages[0].dtype, BITX_BYTES);
        cr_assert_eq(torch.storages[0].end - torch.storages[0].begin, 4);
        zipllm_torchzip_free(&torch);
        free(v.bytes);
    }
}

Test(torchzip, refusals_give_the_reason)
{
    static const struct {
        const char *file;
        zipllm_parse_status status;
        const char *reason;
    } cases[] = {
        {"bad_cut", ZIPLLM_PARSE_REFUSED, "no end record"},
        {"bad_directory", ZIPLLM_PARSE_REFUSED, "not an entry of the central directory"},
        {"bad_encrypted", ZIPLLM_PARSE_REFUSED, "an encrypted member"},
        {"bad_pieces", ZIPLLM_PARSE_REFUSED, "an archive in pieces"},
        {"bad_local", ZIPLLM_PARSE_REFUSED, "a local header unlike its entry"},
        {"bad_overlap", ZIPLLM_PARSE_REFUSED, "overlaps another one"},
        {"bad_size", ZIPLLM_PARSE_REFUSED, "runs into the central directory"},
        {"bad_entries", ZIPLLM_PARSE_REFUSED, ""},
        {"bad_zip64", ZIPLLM_PARSE_REFUSED, ""},
        {"bad_pickle_packed", ZIPLLM_PARSE_REFUSED, "data.pkl is compressed"},
        {"other_npz", ZIPLLM_PARSE_OTHER, "without data.pkl"},
        {"other_empty_zip", ZIPLLM_PARSE_OTHER, "without data.pkl"},
        {"other_legacy", ZIPLLM_PARSE_OTHER, "not a ZIP"},
        {"other_nothing", ZIPLLM_PARSE_OTHER, "not a ZIP"},
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vector_file v = vector_load(TORCH_DIR, cases[i].file);
        zipllm_parse_error error;
        zipllm_torchzip torch;
        cr_assert_eq(parse(&v, &torch, &error), cases[i].status, "%s: %s", cases[i].file,
                     error.message);
        cr_assert(strstr(error.message, cases[i].reason) != NULL, "%s: %s", cases[i].file,
                  error.message);
        cr_assert_null(torch.storages);
        free(v.bytes);
    }
}

/* Every truncation and every flipped bit: a status, and no storage outside of the file. */
Test(torchzip, every_bit)
{
    vector_file v = vector_load(TORCH_DIR, "good_state");
    bitx_source source = {vector_read, &v};
    zipllm_parse_error error;
    zipllm_torchzip torch;
    size_t i;
    size_t t;

    for (i = 0; i < 8 * v.nbytes; i++) {
        v.bytes[i / 8] = (unsigned char)(v.bytes[i / 8] ^ 1u << i % 8);
        if (zipllm_torchzip_parse(&source, v.nbytes, &torch, &error) == ZIPLLM_PARSE_OK)
            for (t = 0; t < torch.nstorages; t++)
                cr_assert(torch.storages[t].end <= v.nbytes &&
                          torch.storages[t].begin <= torch.storages[t].end);
        zipllm_torchzip_free(&torch);
        v.bytes[i / 8] = (unsigned char)(v.bytes[i / 8] ^ 1u << i % 8);
    }
    for (i = 0; i < v.nbytes; i++) {
        cr_assert_neq(zipllm_torchzip_parse(&source, i, &torch, &error), ZIPLLM_PARSE_OK);
        zipllm_torchzip_free(&torch);
    }
    free(v.bytes);
}
