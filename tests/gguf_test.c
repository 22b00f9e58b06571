/* The GGUF header parser: vectors made from the specification, each refusal with its reason. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "gguf.h"
#include "vectors_util.h"

static zipllm_parse_status parse(vector_file *v, zipllm_gguf *gguf, zipllm_parse_error *error)
{
    bitx_source source = {vector_read, v};

    return zipllm_gguf_parse(&source, v->nbytes, gguf, error);
}

typedef struct expected {
    const char *name, *type;
    uint64_t offset, nbytes; /* offset from the data section */
    uint64_t dims[4];
    bitx_dtype dtype;
} expected;

static void check_file(const char *file, const expected *want, size_t n)
{
    vector_file v = vector_load(GGUF_DIR, file);
    bitx_source source = {vector_read, &v};
    zipllm_parse_error error;
    zipllm_gguf gguf;
    size_t i;
    unsigned d;

    cr_assert_eq(parse(&v, &gguf, &error), ZIPLLM_PARSE_OK, "%s: %s", file, error.message);
    cr_assert_eq(gguf.ntensors, n);
    cr_assert_eq(gguf.header_nbytes % gguf.alignment, 0);
    for (i = 0; i < n; i++) {
        const zipllm_gguf_tensor *t = &gguf.tensors[i];
        char name[ZIPLLM_GGUF_NAME_MAX + 1];
        cr_assert(zipllm_gguf_name(&source, t, name));
        cr_assert_str_eq(name, want[i].name);
        cr_assert_str_eq(zipllm_gguf_type_at(t->type)->name, want[i].type);
        cr_assert_eq(zipllm_gguf_type_at(t->type)->dtype, want[i].dtype);
        cr_assert_eq(t->begin, gguf.header_nbytes + want[i].offset);
        cr_assert_eq(t->end - t->begin, want[i].nbytes, "%s", name);
        for (d = 0; d < t->rank; d++)
            cr_assert_eq(t->dims[d], want[i].dims[d]);
    }
    zipllm_gguf_free(&gguf);
    free(v.bytes);
}

Test(gguf, tensors)
{
    static const expected llama[] = {
        {"token_embd.weight", "F16", 0, 256, {16, 8}, BITX_F16},
        {"blk.0.attn_norm.weight", "F32", 256, 64, {16}, BITX_F32},
        {"blk.0.attn_q.weight", "Q8_0", 320, 136, {64, 2}, BITX_Q8_0},
        {"blk.0.ffn_up.weight", "Q4_K", 480, 144, {256, 1}, BITX_Q4_K},
        {"output.weight", "BF16", 640, 128, {16, 4}, BITX_BF16},
    };
    static const expected aligned[] = {{"a", "F32", 0, 12, {3}, BITX_F32},
                                       {"b", "F32", 64, 16, {2, 2, 1, 1}, BITX_F32}};
    static const expected hole[] = {{"a", "F32", 0, 32, {8}, BITX_F32},
                                    {"b", "F32", 96, 32, {8}, BITX_F32}};
    static const expected scalar[] = {{"s", "F32", 0, 4, {0}, BITX_F32},
                                      {"e", "F32", 32, 0, {0}, BITX_F32}};

    check_file("good_v3", llama, 5);
    check_file("good_v2", llama, 5);
    check_file("good_align64", aligned, 2);
    check_file("good_hole", hole, 2);
    check_file("good_scalar", scalar, 2);
    check_file("good_empty", NULL, 0);
}

Test(gguf, refusals_give_the_reason)
{
    static const struct {
        const char *file, *reason;
    } cases[] = {
        {"bad_version", "version 1 is not known"},
        {"bad_big_endian", "version 50331648 is not known"},
        {"bad_cut_header", "are left"},
        {"bad_cut_data", "a tensor ends beyond the file"},
        {"bad_count", "1099511627776 tensors"},
        {"bad_type", "tensor type 4 is not known"},
        {"bad_type_large", "tensor type 1000 is not known"},
        {"bad_rank", "5 dimensions"},
        {"bad_product", "a shape's product overflows"},
        {"bad_size", "a tensor's size overflows"},
        {"bad_end", "a tensor ends beyond the file"},
        {"bad_row", "not a whole number of blocks"},
        {"bad_overlap", "overlaps another one"},
        {"bad_duplicate", "two tensors have one name"},
        {"bad_alignment", "alignment 24 is not a power of two"},
        {"bad_alignment_zero", "alignment 0 is not a power of two"},
        {"bad_alignment_type", "not a 32-bit number"},
        {"bad_unaligned", "offset is not aligned"},
        {"bad_value", "metadata of unknown type 13"},
        {"bad_array", "2305843009213693952 elements of 8 bytes"},
        {"bad_strings", "are left"},
        {"bad_nesting", "nested too deep"},
        {"bad_key", "9223372036854775808 elements of 1 bytes"},
        {"bad_name_utf8", "not UTF-8"},
        {"bad_name_nul", "not UTF-8"},
        {"bad_name_long", "name is too long"},
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vector_file v = vector_load(GGUF_DIR, cases[i].file);
        zipllm_parse_error error;
        zipllm_gguf gguf;
        cr_assert_eq(parse(&v, &gguf, &error), ZIPLLM_PARSE_REFUSED, "%s", cases[i].file);
        cr_assert(strstr(error.message, cases[i].reason) != NULL, "%s: %s", cases[i].file,
                  error.message);
        cr_assert_null(gguf.tensors);
        free(v.bytes);
    }
}

Test(gguf, other_kinds_of_file)
{
    static const char *const files[] = {"other_magic", "other_short", "other_nothing"};
    size_t i;

    for (i = 0; i < sizeof files / sizeof files[0]; i++) {
        vector_file v = vector_load(GGUF_DIR, files[i]);
        zipllm_parse_error error;
        zipllm_gguf gguf;
        cr_assert_eq(parse(&v, &gguf, &error), ZIPLLM_PARSE_OTHER, "%s", files[i]);
        free(v.bytes);
    }
}

/* A source that fails is told as such, wherever it fails. */
Test(gguf, source_failures)
{
    vector_file v = vector_load(GGUF_DIR, "good_v3");
    bitx_source source = {vector_read, &v};
    uint64_t file_nbytes = v.nbytes;
    zipllm_parse_error error;
    zipllm_gguf gguf;

    for (v.nbytes = 0; v.nbytes < 100; v.nbytes++) {
        cr_assert_eq(zipllm_gguf_parse(&source, file_nbytes, &gguf, &error), ZIPLLM_PARSE_READ);
        cr_assert_null(gguf.tensors);
    }
    free(v.bytes);
}

/* Every truncation and every flipped bit of a good file: a status, and no tensor outside. */
Test(gguf, every_bit)
{
    vector_file v = vector_load(GGUF_DIR, "good_v3");
    bitx_source source = {vector_read, &v};
    zipllm_parse_error error;
    zipllm_gguf gguf;
    size_t i;
    size_t t;

    for (i = 0; i < 8 * v.nbytes; i++) {
        v.bytes[i / 8] = (unsigned char)(v.bytes[i / 8] ^ 1u << i % 8);
        if (zipllm_gguf_parse(&source, v.nbytes, &gguf, &error) == ZIPLLM_PARSE_OK)
            for (t = 0; t < gguf.ntensors; t++)
                cr_assert(gguf.tensors[t].end <= v.nbytes &&
                          gguf.tensors[t].begin >= gguf.header_nbytes);
        zipllm_gguf_free(&gguf);
        v.bytes[i / 8] = (unsigned char)(v.bytes[i / 8] ^ 1u << i % 8);
    }
    for (i = 0; i < v.nbytes; i++) {
        cr_assert_neq(zipllm_gguf_parse(&source, i, &gguf, &error), ZIPLLM_PARSE_OK);
        zipllm_gguf_free(&gguf);
    }
    free(v.bytes);
}
