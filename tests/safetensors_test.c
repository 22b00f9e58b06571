/* The header parser against the verdicts of the reference parser, and at every limit. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"

enum { NAMES_MAX = 4096 };

typedef struct memory_file {
    const unsigned char *bytes;
    uint64_t nbytes; /* that exist; a read beyond fails */
    uint64_t nread;
} memory_file;

static int read_memory(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    memory_file *file = user;

    if (offset > file->nbytes || nbytes > file->nbytes - offset)
        return -1;
    memcpy(dst, file->bytes + offset, nbytes);
    file->nread += nbytes;
    return 0;
}

static zipllm_st_status parse_memory(const void *bytes, uint64_t nbytes, uint64_t file_nbytes,
                                     zipllm_st *st, zipllm_st_error *error)
{
    memory_file file = {bytes, nbytes, 0};
    bitx_source source = {read_memory, &file};

    return zipllm_st_parse(&source, file_nbytes, 0, st, error);
}

/* A file of this header and `data_nbytes` bytes of data, none of which exist. */
static zipllm_st_status parse_text(const char *text, size_t text_nbytes, uint64_t data_nbytes,
                                   zipllm_st *st, zipllm_st_error *error)
{
    unsigned char *file = malloc(8 + text_nbytes);
    zipllm_st_status status;
    size_t i;

    cr_assert(file != NULL);
    for (i = 0; i < 8; i++)
        file[i] = (unsigned char)((uint64_t)text_nbytes >> (8 * i));
    memcpy(file + 8, text, text_nbytes);
    status = parse_memory(file, 8 + text_nbytes, 8 + text_nbytes + data_nbytes, st, error);
    free(file);
    return status;
}

/* ---- the corpus -------------------------------------------------------------------------------
 */

typedef struct vector {
    unsigned char *bytes;
    size_t nbytes;
} vector;

static vector load(const char *name)
{
    char path[512];
    vector v = {NULL, 0};
    FILE *f;
    long nbytes;

    snprintf(path, sizeof path, "%s/%s", HOSTILE_DIR, name);
    f = fopen(path, "rb");
    cr_assert(f != NULL, "%s", path);
    cr_assert(fseek(f, 0, SEEK_END) == 0);
    nbytes = ftell(f);
    rewind(f);
    v.bytes = malloc((size_t)nbytes + 1);
    v.nbytes = fread(v.bytes, 1, (size_t)nbytes, f);
    cr_assert(v.nbytes == (size_t)nbytes);
    fclose(f);
    return v;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* `OK 2 "a","b"`: what the reference's driver printed, names in alphabetical order, NUL as \0. */
static void summary(const zipllm_st *st, const bitx_source *source, char *dst, size_t cap)
{
    char *names[8];
    size_t i, used, nbytes, k;

    cr_assert(st->nentries <= 8);
    for (i = 0; i < st->nentries; i++) {
        char raw[64], *out = malloc(200);
        cr_assert(zipllm_st_name(st, source, &st->entries[i], raw, sizeof raw, &nbytes));
        cr_assert(nbytes <= sizeof raw);
        for (used = 0, k = 0; k < nbytes; k++)
            used += (size_t)sprintf(out + used, raw[k] == '\0' ? "\\0" : "%c", raw[k]);
        out[used] = '\0';
        names[i] = out;
    }
    qsort(names, st->nentries, sizeof names[0], compare_strings);
    used = (size_t)snprintf(dst, cap, "OK %zu ", st->nentries);
    for (i = 0; i < st->nentries; i++) {
        used += (size_t)snprintf(dst + used, cap - used, "%s\"%s\"", i ? "," : "", names[i]);
        free(names[i]);
    }
}

/* The reference's words, `ERR Variant(Error("message`, against our status and message. */
static void check_words(const char *file, const char *words, const zipllm_st_error *error)
{
    const char *variant = zipllm_st_status_name(error->status);
    const char *quoted = strstr(words, "Error(\"");
    char message[200];
    size_t used = 0;

    cr_assert(strncmp(words, "ERR ", 4) == 0);
    cr_expect(strncmp(words + 4, variant, strlen(variant)) == 0, "%s: %s, not %s", file, variant,
              words + 4);
    if (quoted == NULL)
        return;
    for (quoted += 7; *quoted != '\0' && strncmp(quoted, "\", line", 7) != 0; quoted++) {
        quoted += quoted[0] == '\\' && quoted[1] == '\\';
        message[used++] = *quoted;
    }
    while (used > 0 && message[used - 1] == '\n')
        used--;
    /* The corpus cuts the words: a piece of `", line` may be left. */
    message[used] = '\0';
    if (strstr(message, "\", li") != NULL)
        *strstr(message, "\", li") = '\0';
    cr_expect(strstr(error->message, message) != NULL, "%s: \"%s\" is not in \"%s\"", file, message,
              error->message);
}

static void check_verdict(const char *file, const char *verdict, const char *words, uint64_t offset)
{
    vector v = load(file);
    memory_file memory = {v.bytes, v.nbytes, 0};
    bitx_source source = {read_memory, &memory};
    zipllm_st_error error;
    zipllm_st st;
    zipllm_st_status status = zipllm_st_parse(&source, v.nbytes, 0, &st, &error);
    char found[300];

    if (strcmp(verdict, "accept") == 0) {
        cr_expect_eq(status, ZIPLLM_ST_OK, "%s: %s", file, error.message);
        summary(&st, &source, found, sizeof found);
        cr_expect_str_eq(found, words, "%s", file);
    } else {
        cr_expect_str_eq(verdict, "refuse");
        cr_expect_neq(status, ZIPLLM_ST_OK, "%s", file);
        cr_expect_eq(status, error.status);
        check_words(file, words, &error);
        cr_expect_eq(error.offset, offset, "%s: offset %" PRIu64 ", not %" PRIu64, file,
                     error.offset, offset);
    }
    zipllm_st_free(&st);
    free(v.bytes);
}

/* Our own record of the byte that is at fault: "name offset" lines; accepted files have none. */
static uint64_t recorded_offset(const char *file)
{
    char line[256], name[200];
    uint64_t offset = UINT64_MAX, at;
    FILE *f = fopen(HOSTILE_DIR "/OFFSETS.tsv", "r");

    cr_assert(f != NULL);
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "%199s %" SCNu64, name, &at) == 2 && strcmp(name, file) == 0)
            offset = at;
    fclose(f);
    return offset;
}

Test(safetensors, corpus)
{
    FILE *f = fopen(HOSTILE_DIR "/VERDICTS.tsv", "r");
    char line[1024];
    unsigned n = 0;

    cr_assert(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        char *verdict, *words;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        verdict = strchr(line, '\t');
        cr_assert(verdict != NULL);
        *verdict++ = '\0';
        words = strchr(verdict, '\t');
        cr_assert(words != NULL);
        *words++ = '\0';
        check_verdict(line, verdict, words, recorded_offset(line));
        n++;
    }
    fclose(f);
    cr_assert_geq(n, 47);
}

/* Every prefix of every file of the corpus: refused, unless it is the whole file. */
Test(safetensors, truncated)
{
    static const char *const files[] = {"00_good", "05_dup_metadata", "23_unsorted",
                                        "24_shape_zero_wrap", "38_nul_in_name"};
    size_t i, n;

    for (i = 0; i < sizeof files / sizeof files[0]; i++) {
        vector v = load(files[i]);
        for (n = 0; n < v.nbytes; n++) {
            unsigned char *copy = malloc(n + 1); /* its own size, for the sanitizer */
            zipllm_st_error error;
            zipllm_st st;
            memcpy(copy, v.bytes, n);
            cr_expect_neq(parse_memory(copy, n, n, &st, &error), ZIPLLM_ST_OK, "%s, %zu bytes",
                          files[i], n);
            cr_expect_leq(error.offset, n);
            free(copy);
        }
        free(v.bytes);
    }
}

/* Every bit of a good file flipped: a verdict, whichever, and no offset beyond the file. */
Test(safetensors, flipped)
{
    vector v = load("23_unsorted");
    size_t bit;

    for (bit = 0; bit < 8 * v.nbytes; bit++) {
        zipllm_st_error error;
        zipllm_st st;
        v.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        (void)!parse_memory(v.bytes, v.nbytes, v.nbytes, &st, &error);
        cr_expect_leq(error.offset, v.nbytes);
        zipllm_st_free(&st);
        v.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    free(v.bytes);
}

/* ---- beyond the corpus ------------------------------------------------------------------------
 */

typedef struct text_case {
    const char *text;
    uint64_t data_nbytes;
    zipllm_st_status status;
    size_t nentries; /* when it is accepted */
    const char *message;
} text_case;

#define T(dtype, shape, offsets)                                                                   \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define U8_1 T("U8", "[1]", "[0,1]")

static const text_case TEXTS[] = {
    /* names */
    {"{\"\":" U8_1 "}", 1, ZIPLLM_ST_OK, 1, NULL},
    {"{\"w\":" U8_1 ",\"\\u0077\":" U8_1 "}", 1, ZIPLLM_ST_OK, 1, NULL}, /* equal when decoded */
    {"{\"W\":" U8_1 ",\"w\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_OFFSET, 0, "`w`"},
    {"{\"\\u005f_metadata__\":{\"a\":\"b\"}}", 0, ZIPLLM_ST_OK, 0, NULL},
    {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, ZIPLLM_ST_OK, 0, NULL},
    {"{\"\\ud83d\\ude00\":" U8_1 "}", 1, ZIPLLM_ST_OK, 1, NULL},
    {"{\"\\ud83d\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "unexpected end of hex escape"},
    {"{\"\\ud83d\\n\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "unexpected end of hex escape"},
    {"{\"\\ud83d\\ud83d\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "lone leading surrogate"},
    {"{\"\\ude00\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "lone leading surrogate"},
    {"{\"\\x41\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid escape"},
    {"{\"\\u00g0\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid escape"},
    {"{\"\\u00", 0, ZIPLLM_ST_INVALID_JSON, 0, "EOF while parsing a string"},
    {"{\"\x7f\":" U8_1 "}", 1, ZIPLLM_ST_OK, 1, NULL},
    {"{\"\xc3\xa9\":" U8_1 "}", 1, ZIPLLM_ST_OK, 1, NULL},
    {"{\"\xc0\xaf\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_HEADER, 0, "UTF-8"},
    {"{\"\xed\xa0\x80\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_HEADER, 0, "UTF-8"},
    {"{\"\xf4\x90\x80\x80\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_HEADER, 0, "UTF-8"},
    {"{\"\xf0\x9f\x98\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_HEADER, 0, "UTF-8"},
    {"{]\xff", 0, ZIPLLM_ST_INVALID_HEADER, 0, "UTF-8"}, /* goes before the fault of syntax */
    /* the whole */
    {" \t\r\n{} \t\r\n", 0, ZIPLLM_ST_OK, 0, NULL},
    {"{}\f", 0, ZIPLLM_ST_INVALID_JSON, 0, "trailing characters"},
    {"{}{}", 0, ZIPLLM_ST_INVALID_JSON, 0, "trailing characters"},
    {"{", 0, ZIPLLM_ST_INVALID_JSON, 0, "EOF while parsing an object"},
    {"null", 0, ZIPLLM_ST_INVALID_JSON, 0, "invalid type: null"},
    {"nul", 0, ZIPLLM_ST_INVALID_JSON, 0, "EOF while parsing a value"},
    {"nulL", 0, ZIPLLM_ST_INVALID_JSON, 0, "expected ident"},
    {"\"x\"", 0, ZIPLLM_ST_INVALID_JSON, 0, "invalid type: string \"x\""},
    {"17", 0, ZIPLLM_ST_INVALID_JSON, 0, "invalid type: integer `17`"},
    {"+1", 0, ZIPLLM_ST_INVALID_JSON, 0, "expected value"},
    {"{\"a\" 1}", 0, ZIPLLM_ST_INVALID_JSON, 0, "expected `:`"},
    {"{\"a\"", 0, ZIPLLM_ST_INVALID_JSON, 0, "EOF while parsing an object"},
    {"{\"a\":", 0, ZIPLLM_ST_INVALID_JSON, 0, "EOF while parsing a value"},
    {"{\"a\":" U8_1 " \"b\":1}", 1, ZIPLLM_ST_INVALID_JSON, 0, "expected `,` or `}`"},
    {"{\"a\":" U8_1 ",", 1, ZIPLLM_ST_INVALID_JSON, 0, "EOF while parsing a value"},
    {"{,}", 0, ZIPLLM_ST_INVALID_JSON, 0, "key must be a string"},
    {"{\"__metadata__\":7}", 0, ZIPLLM_ST_INVALID_JSON, 0, "invalid type: integer `7`"},
    {"{\"__metadata__\":{\"a\":null}}", 0, ZIPLLM_ST_INVALID_JSON, 0, "invalid type: null"},
    {"{\"__metadata__\":{\"a\":{}}}", 0, ZIPLLM_ST_INVALID_JSON, 0, "invalid type: map"},
    /* the order in which faults are found */
    {"{\"a\":1,}", 0, ZIPLLM_ST_INVALID_JSON, 0, "trailing comma"},
    {"{\"a\":1,\"__metadata__\":1}", 0, ZIPLLM_ST_INVALID_JSON, 0, "integer `1`, expected a map"},
    {"{\"__metadata__\":null,\"__metadata__\"}", 0, ZIPLLM_ST_INVALID_JSON, 0,
     "duplicate field `__metadata__`"},
    {"{\"a\":1}x", 0, ZIPLLM_ST_INVALID_JSON, 0, "expected struct TensorInfo"},
    {"{\"a\":" T("X9", "[1]", "[0,1]") "}x", 1, ZIPLLM_ST_INVALID_JSON, 0, "unknown variant"},
    /* fields */
    {"{\"a\":{}}", 0, ZIPLLM_ST_INVALID_JSON, 0, "missing field `dtype`"},
    {"{\"a\":{\"dtype\":\"U8\"}}", 0, ZIPLLM_ST_INVALID_JSON, 0, "missing field `shape`"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}", 0, ZIPLLM_ST_INVALID_JSON, 0,
     "missing field `data_offsets`"},
    {"{\"a\":null}", 0, ZIPLLM_ST_INVALID_JSON, 0, "invalid type: null, expected struct"},
    {"{\"a\":{\"dtype\":7,\"shape\":[],\"data_offsets\":[0,1]}}", 1, ZIPLLM_ST_INVALID_JSON, 0,
     "invalid type: integer `7`, expected string or map"},
    {"{\"a\":{\"dtype\":{\"U8\":null},\"shape\":[],\"data_offsets\":[0,1]}}", 1, ZIPLLM_ST_OK, 1,
     NULL},
    {"{\"a\":{\"dtype\":{\"U8\":1},\"shape\":[],\"data_offsets\":[0,1]}}", 1,
     ZIPLLM_ST_INVALID_JSON, 0, "expected unit"},
    {"{\"a\":{\"dtype\":{},\"shape\":[],\"data_offsets\":[0,1]}}", 1, ZIPLLM_ST_INVALID_JSON, 0,
     "map with a single key"},
    {"{\"a\":{\"dtype\":{\"U8\":null,\"I8\":null},\"shape\":[],\"data_offsets\":[0,1]}}", 1,
     ZIPLLM_ST_INVALID_JSON, 0, "map with a single key"},
    {"{\"a\":[\"U8\",[1],[0,1]]}", 1, ZIPLLM_ST_OK, 1, NULL},
    {"{\"a\":[\"U8\",[1]]}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid length 2"},
    {"{\"a\":[\"U8\",[1],[0,1],0]}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid length 4"},
    {"{\"a\":" T("U8", "{}", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0,
     "invalid type: map, expected a sequence"},
    {"{\"a\":" T("U8", "[1]", "{}") "}", 1, ZIPLLM_ST_INVALID_JSON, 0,
     "invalid type: map, expected a tuple of size 2"},
    {"{\"a\":" T("U8", "[1]", "[]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid length 0"},
    {"{\"a\":" T("U8", "[\"1\"]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0,
     "invalid type: string \"1\", expected usize"},
    {"{\"a\":" T("U8", "[null]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid type: null"},
    {"{\"a\":" T("BYTES", "[1]", "[0,1]") "}", 1, ZIPLLM_ST_UNKNOWN_DTYPE, 1, "`BYTES`"},
    {"{\"a\":" T("", "[1]", "[0,1]") "}", 1, ZIPLLM_ST_UNKNOWN_DTYPE, 1, "unknown variant ``"},
    {"{\"a\":" T("F\\u0033\\u0032", "[1]", "[0,4]") "}", 4, ZIPLLM_ST_OK, 1, NULL},
    {"{\"a\":" T("X9", "[1]", "[1,2]") "}", 2, ZIPLLM_ST_INVALID_JSON, 0, "unknown variant `X9`"},
    {"{\"a\":" T("X9", "[1]", "[0,2]") "}", 3, ZIPLLM_ST_INVALID_JSON, 0, "unknown variant `X9`"},
    {"{\"a\":" T("X9", "[1.0]", "[0,2]") "}", 2, ZIPLLM_ST_INVALID_JSON, 0, "unknown variant `X9`"},
    /* numbers */
    {"{\"a\":" T("U8", "[01]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid number"},
    {"{\"a\":" T("U8", "[1.]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid number"},
    {"{\"a\":" T("U8", "[1e]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid number"},
    {"{\"a\":" T("U8", "[1e+]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid number"},
    {"{\"a\":" T("U8", "[-]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "invalid number"},
    {"{\"a\":" T("U8", "[.5]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "expected value"},
    {"{\"a\":" T("U8", "[0x1]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0, "expected `,` or `]`"},
    {"{\"a\":" T("U8", "[1e0]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0,
     "invalid type: floating point `1e0`, expected usize"},
    {"{\"a\":" T("U8", "[1E999]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0,
     "number out of range"},
    {"{\"a\":{\"x\":1e308,\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, ZIPLLM_ST_OK,
     1, NULL},
    {"{\"a\":{\"x\":1e309,\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1,
     ZIPLLM_ST_INVALID_JSON, 0, "number out of range"},
    /* the least exponent that takes 64 bits past the largest double, and the one below it */
    {"{\"a\":{\"x\":18446744073709551615e289,\"dtype\":\"U8\",\"shape\":[],"
     "\"data_offsets\":[0,1]}}",
     1, ZIPLLM_ST_INVALID_JSON, 0, "number out of range"},
    {"{\"a\":{\"x\":18446744073709551615e288,\"dtype\":\"U8\",\"shape\":[],"
     "\"data_offsets\":[0,1]}}",
     1, ZIPLLM_ST_OK, 1, NULL},
    {"{\"a\":{\"x\":0e999999999999,\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1,
     ZIPLLM_ST_OK, 1, NULL},
    {"{\"a\":{\"x\":1e-999999999999,\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1,
     ZIPLLM_ST_OK, 1, NULL},
    {"{\"a\":" T("U8", "[18446744073709551615]", "[0,18446744073709551615]") "}", 1,
     ZIPLLM_ST_OVERFLOW, 0, "`a`"},
    {"{\"a\":" T("U8", "[18446744073709551616]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0,
     "floating point `18446744073709551616`"},
    {"{\"a\":" T("U8", "[-9223372036854775808]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0,
     "invalid value: integer `-9223372036854775808`"},
    {"{\"a\":" T("U8", "[-9223372036854775809]", "[0,1]") "}", 1, ZIPLLM_ST_INVALID_JSON, 0,
     "invalid type: floating point"},
    /* offsets and sizes */
    {"{\"a\":" T("F32", "[2]", "[0,4]") "}", 4, ZIPLLM_ST_INVALID_INFO, 0, "`a`"},
    {"{\"a\":" U8_1 ",\"b\":" U8_1 "}", 1, ZIPLLM_ST_INVALID_OFFSET, 0, "`b`"},
    {"{\"a\":" T("U64", "[2305843009213693952]", "[0,0]") "}", 0, ZIPLLM_ST_OVERFLOW, 0, "`a`"},
    {"{\"a\":" T("U8", "[18446744073709551615,2,0]", "[0,0]") "}", 0, ZIPLLM_ST_OVERFLOW, 0, "`a`"},
    {"{\"a\":" T("F6_E2M3", "[4]", "[0,3]") "}", 3, ZIPLLM_ST_OK, 1, NULL},
    {"{\"a\":" T("F6_E3M2", "[3]", "[0,3]") "}", 3, ZIPLLM_ST_MISALIGNED, 0, "`a`"},
    {"{\"b\":" T("U8", "[0]", "[0,0]") ",\"a\":" T("U8", "[0]", "[0,0]") "}", 0, ZIPLLM_ST_OK, 2,
     NULL},
};

Test(safetensors, texts)
{
    size_t i;

    for (i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        const text_case *c = &TEXTS[i];
        zipllm_st_error error;
        zipllm_st st;
        zipllm_st_status status = parse_text(c->text, strlen(c->text), c->data_nbytes, &st, &error);
        cr_expect_eq(status, c->status, "%s: %s: %s", c->text, zipllm_st_status_name(status),
                     error.message);
        cr_expect_eq(st.nentries, c->nentries, "%s", c->text);
        if (c->message != NULL)
            cr_expect(strstr(error.message, c->message) != NULL, "%s: \"%s\" lacks \"%s\"", c->text,
                      error.message, c->message);
        zipllm_st_free(&st);
    }
}

/* A NUL byte is white space nowhere, and a string may not hold one. */
Test(safetensors, nul_bytes)
{
    zipllm_st_error error;
    zipllm_st st;

    cr_expect_eq(parse_text("{}\0", 3, 0, &st, &error), ZIPLLM_ST_INVALID_JSON);
    cr_expect_eq(parse_text("{\"\\\0\":0}", 8, 0, &st, &error), ZIPLLM_ST_INVALID_JSON);
    cr_expect(strstr(error.message, "invalid escape") != NULL);
    cr_expect_eq(parse_text("{\"\0\":0}", 7, 0, &st, &error), ZIPLLM_ST_INVALID_JSON);
    cr_expect(strstr(error.message, "control character") != NULL);
}

Test(safetensors, every_dtype)
{
    char text[256];
    int dtype;

    for (dtype = BITX_BYTES + 1; dtype <= BITX_U64; dtype++) {
        unsigned nbytes = bitx_dtype_bits((bitx_dtype)dtype); /* of 8 elements */
        zipllm_st_error error;
        zipllm_st st;
        snprintf(text, sizeof text,
                 "{\"w\":{\"dtype\":\"%s\",\"shape\":[2,4],\"data_offsets\":[0,%u]}}",
                 bitx_dtype_name((bitx_dtype)dtype), nbytes);
        cr_expect_eq(parse_text(text, strlen(text), nbytes, &st, &error), ZIPLLM_ST_OK, "%s: %s",
                     text, error.message);
        cr_assert_eq(st.nentries, 1);
        cr_expect_eq(st.entries[0].dtype, dtype);
        cr_expect_eq(st.entries[0].rank, 2);
        zipllm_st_free(&st);
    }
}

Test(safetensors, details_and_metadata)
{
    static const char text[] =
        "{\"__metadata__\":{\"k\":\"\\u00e9\"},\"n\\n\":{\"data_offsets\":[0,"
        "6],\"shape\":[2,3],\"dtype\":\"X\\u0039\"}}";
    unsigned char file[8 + sizeof text - 1 + 6] = {sizeof text - 1};
    memory_file memory = {file, sizeof file, 0};
    bitx_source source = {read_memory, &memory};
    zipllm_st_details details;
    zipllm_st_error error;
    zipllm_st st;
    char name[8];
    size_t nbytes;

    memcpy(file + 8, text, sizeof text - 1);
    cr_assert_eq(zipllm_st_parse(&source, sizeof file, 0, &st, &error), ZIPLLM_ST_UNKNOWN_DTYPE);
    cr_assert_eq(st.nentries, 1);
    cr_expect_eq(st.nunknown, 1);
    cr_expect_eq(st.entries[0].flags, ZIPLLM_ST_FLAG_UNKNOWN_DTYPE);
    cr_assert(zipllm_st_read_details(&st, &source, &st.entries[0], &details));
    cr_expect_eq(details.dims[0], 2);
    cr_expect_eq(details.dims[1], 3);
    cr_expect_str_eq(details.dtype, "X9");
    cr_assert(zipllm_st_name(&st, &source, &st.entries[0], name, sizeof name, &nbytes));
    cr_expect_eq(nbytes, 2);
    cr_expect_arr_eq(name, "n\n", 2);
    zipllm_st_free(&st);
}

/* ---- limits, at and one above -----------------------------------------------------------------
 */

/* A text of pieces: head, then `n` times a piece, then tail. */
static char *repeat(const char *head, const char *piece, size_t n, const char *tail, size_t *nbytes)
{
    size_t a = strlen(head), b = strlen(piece), c = strlen(tail), i;
    char *text = malloc(a + n * b + c);

    cr_assert(text != NULL);
    memcpy(text, head, a);
    for (i = 0; i < n; i++)
        memcpy(text + a + i * b, piece, b);
    memcpy(text + a + n * b, tail, c);
    *nbytes = a + n * b + c;
    return text;
}

Test(safetensors, limit_rank)
{
    size_t n, nbytes;

    for (n = ZIPLLM_ST_RANK_MAX; n <= ZIPLLM_ST_RANK_MAX + 1; n++) {
        char *text = repeat("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1],\"shape\":[1", ",1",
                            n - 1, "]}}", &nbytes);
        zipllm_st_error error;
        zipllm_st st;
        cr_expect_eq(parse_text(text, nbytes, 1, &st, &error),
                     n <= ZIPLLM_ST_RANK_MAX ? ZIPLLM_ST_OK : ZIPLLM_ST_LIMIT);
        zipllm_st_free(&st);
        free(text);
    }
}

Test(safetensors, limit_name)
{
    static const char *const pieces[] = {"n", "\\u006e"};
    size_t n, i, nbytes;

    for (i = 0; i < 2; i++) {
        for (n = ZIPLLM_ST_NAME_MAX; n <= ZIPLLM_ST_NAME_MAX + 1; n++) {
            char *text = repeat("{\"", pieces[i], n, "\":" U8_1 "}", &nbytes);
            zipllm_st_error error;
            zipllm_st st;
            cr_expect_eq(parse_text(text, nbytes, 1, &st, &error),
                         n <= ZIPLLM_ST_NAME_MAX ? ZIPLLM_ST_OK : ZIPLLM_ST_LIMIT);
            zipllm_st_free(&st);
            free(text);
        }
    }
}

/* serde_json: the header's object and the tensor's are the first two of 127. */
Test(safetensors, limit_depth)
{
    size_t n, nbytes, i;

    for (n = 125; n <= 126; n++) {
        char *text =
            repeat("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":", "[", n,
                   "", &nbytes);
        char *whole = malloc(nbytes + n + 2);
        zipllm_st_error error;
        zipllm_st st;
        memcpy(whole, text, nbytes);
        for (i = 0; i < n; i++)
            whole[nbytes + i] = ']';
        memcpy(whole + nbytes + n, "}}", 2);
        cr_expect_eq(parse_text(whole, nbytes + n + 2, 1, &st, &error),
                     n == 125 ? ZIPLLM_ST_OK : ZIPLLM_ST_INVALID_JSON, "%zu: %s", n, error.message);
        if (n == 126)
            cr_expect(strstr(error.message, "recursion limit exceeded") != NULL);
        zipllm_st_free(&st);
        free(text);
        free(whole);
    }
}

/* n tensors of one byte each, named by their number. */
static char *many(size_t n, size_t *nbytes)
{
    char *text = malloc(n * 96 + 3);
    size_t used = 1, i;

    cr_assert(text != NULL);
    text[0] = '{';
    for (i = 0; i < n; i++)
        used += (size_t)sprintf(text + used,
                                "%s\"t%zu\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%zu,"
                                "%zu]}",
                                i ? "," : "", i, i, i + 1);
    text[used++] = '}';
    *nbytes = used;
    return text;
}

Test(safetensors, limit_tensors)
{
    size_t n, nbytes;

    for (n = ZIPLLM_ST_TENSORS_MAX; n <= ZIPLLM_ST_TENSORS_MAX + 1; n++) {
        char *text = many(n, &nbytes);
        zipllm_st_error error;
        zipllm_st st;
        cr_expect_eq(parse_text(text, nbytes, n, &st, &error),
                     n <= ZIPLLM_ST_TENSORS_MAX ? ZIPLLM_ST_OK : ZIPLLM_ST_LIMIT);
        if (n <= ZIPLLM_ST_TENSORS_MAX)
            cr_expect_eq(st.nentries, n);
        zipllm_st_free(&st);
        free(text);
    }
}

/* A source that makes a header of white space up, so that 100 MB need not exist. */
static int read_blank_header(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    uint64_t n = *(uint64_t *)user;
    unsigned char *out = dst;
    size_t i;

    for (i = 0; i < nbytes; i++) {
        uint64_t at = offset + i;
        out[i] = at < 8 ? (unsigned char)(n >> (8 * at)) : at == 8 ? '{' : at == 9 ? '}' : ' ';
    }
    return 0;
}

Test(safetensors, limit_header)
{
    uint64_t n;

    for (n = ZIPLLM_ST_HEADER_MAX; n <= ZIPLLM_ST_HEADER_MAX + 1; n++) {
        bitx_source source = {read_blank_header, &n};
        zipllm_st_error error;
        zipllm_st st;
        cr_expect_eq(zipllm_st_parse(&source, 8 + n, 0, &st, &error),
                     n <= ZIPLLM_ST_HEADER_MAX ? ZIPLLM_ST_OK : ZIPLLM_ST_HEADER_TOO_LARGE);
    }
}

/* ---- the source -------------------------------------------------------------------------------
 */

/* A source that fails at its k-th call ends in ZIPLLM_ST_READ, for every k that is reached. */
typedef struct failing_file {
    memory_file file;
    unsigned left;
} failing_file;

static int read_failing(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    failing_file *f = user;

    if (f->left-- == 0)
        return -1;
    return read_memory(&f->file, offset, dst, nbytes);
}

Test(safetensors, source_fails)
{
    vector v = load("32_deep_unknown_field");
    unsigned k;

    for (k = 0; k < 14; k++) { /* the length, then 13 windows of UTF-8 */
        failing_file f = {{v.bytes, v.nbytes, 0}, k};
        bitx_source source = {read_failing, &f};
        zipllm_st_error error;
        zipllm_st st;
        cr_expect_eq(zipllm_st_parse(&source, v.nbytes, 0, &st, &error), ZIPLLM_ST_READ, "call %u",
                     k);
        cr_expect_eq(error.status, ZIPLLM_ST_READ);
    }
    free(v.bytes);
}

/* The header is read twice at most, whatever the number of tensors: O(header). */
Test(safetensors, reads_twice)
{
    size_t nbytes;
    char *text = many(100000, &nbytes);
    unsigned char *bytes = malloc(8 + nbytes);
    memory_file memory = {bytes, 8 + nbytes, 0};
    bitx_source source = {read_memory, &memory};
    zipllm_st_error error;
    zipllm_st st;
    size_t i;

    for (i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)nbytes >> (8 * i));
    memcpy(bytes + 8, text, nbytes);
    cr_assert_eq(zipllm_st_parse(&source, 8 + nbytes + 100000, 0, &st, &error), ZIPLLM_ST_OK);
    cr_expect_leq(memory.nread, 2 * nbytes + 8);
    zipllm_st_free(&st);
    free(bytes);
    free(text);
}
