/* Safetensors headers: one JSON object of {name: {dtype, shape, data_offsets}}. */
#include "bench/safetensors.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

typedef struct cursor {
    const char *p, *end;
    const char *why;
} cursor;

static int fail(cursor *c, const char *why)
{
    if (!c->why)
        c->why = why;
    return -1;
}

static void skip_space(cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r'))
        c->p++;
}

static int accept(cursor *c, char wanted)
{
    skip_space(c);
    if (c->p >= c->end || *c->p != wanted)
        return 0;
    c->p++;
    return 1;
}

static int expect(cursor *c, char wanted)
{
    return accept(c, wanted) ? 0 : fail(c, "malformed JSON in the header");
}

/* A string as it stands, escapes unresolved (names are compared with names, so that is enough). */
static int parse_string(cursor *c, const char **text, size_t *n)
{
    if (expect(c, '"') != 0)
        return -1;
    *text = c->p;
    while (c->p < c->end && *c->p != '"')
        c->p += *c->p == '\\' && c->p + 1 < c->end ? 2 : 1;
    if (c->p >= c->end)
        return fail(c, "unfinished string in the header");
    *n = (size_t)(c->p++ - *text);
    return 0;
}

static int parse_u64(cursor *c, uint64_t *out)
{
    skip_space(c);
    const char *start = c->p;
    uint64_t v = 0;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9') {
        unsigned digit = (unsigned)(*c->p++ - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return fail(c, "number too large in the header");
        v = v * 10 + digit;
    }
    *out = v;
    return c->p > start ? 0 : fail(c, "a number was expected in the header");
}

static int skip_value(cursor *c, int depth)
{
    const char *text;
    size_t n;
    skip_space(c);
    if (c->p >= c->end || depth > MAX_DEPTH)
        return fail(c, "malformed JSON in the header");
    if (*c->p == '"')
        return parse_string(c, &text, &n);
    char close = *c->p == '{' ? '}' : *c->p == '[' ? ']' : 0;
    if (!close) {
        const char *start = c->p;
        while (c->p < c->end && !strchr(",]} \n\t\r", *c->p))
            c->p++;
        return c->p > start ? 0 : fail(c, "malformed JSON in the header");
    }
    c->p++;
    if (accept(c, close))
        return 0;
    do {
        if (close == '}' && (parse_string(c, &text, &n) != 0 || expect(c, ':') != 0))
            return -1;
        if (skip_value(c, depth + 1) != 0)
            return -1;
    } while (accept(c, ','));
    return expect(c, close);
}

static int parse_numbers(cursor *c, uint64_t *out, size_t max, size_t *n)
{
    *n = 0;
    if (expect(c, '[') != 0)
        return -1;
    if (accept(c, ']'))
        return 0;
    do {
        if (*n == max)
            return fail(c, "too many dimensions");
        if (parse_u64(c, &out[(*n)++]) != 0)
            return -1;
    } while (accept(c, ','));
    return expect(c, ']');
}

static int parse_dtype(cursor *c, bench_st_tensor *t)
{
    const char *text;
    size_t n;
    if (parse_string(c, &text, &n) != 0)
        return -1;
    if (n >= sizeof(t->dtype))
        return fail(c, "dtype name too long");
    memcpy(t->dtype, text, n);
    t->dtype[n] = '\0';
    return 0;
}

static int key_is(const char *key, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(key, word, n) == 0;
}

static int parse_tensor(cursor *c, bench_st_tensor *t, uint64_t data_begin, uint64_t file_nbytes)
{
    const char *key;
    uint64_t offsets[2] = {1, 0};
    size_t n, noffsets = 0;
    if (expect(c, '{') != 0)
        return -1;
    do {
        int status;
        if (parse_string(c, &key, &n) != 0 || expect(c, ':') != 0)
            return -1;
        if (key_is(key, n, "dtype"))
            status = parse_dtype(c, t);
        else if (key_is(key, n, "shape"))
            status = parse_numbers(c, t->shape, BENCH_DIMENSIONS_MAX, &t->ndim);
        else if (key_is(key, n, "data_offsets"))
            status = parse_numbers(c, offsets, 2, &noffsets);
        else
            status = skip_value(c, 0);
        if (status != 0)
            return -1;
    } while (accept(c, ','));
    if (expect(c, '}') != 0)
        return -1;
    if (noffsets != 2 || offsets[0] > offsets[1] || offsets[1] > file_nbytes - data_begin)
        return fail(c, "data_offsets outside the file");
    t->begin = data_begin + offsets[0];
    t->end = data_begin + offsets[1];
    return 0;
}

static bench_st_tensor *append(bench_st_file *f, size_t *capacity)
{
    if (f->n == *capacity) {
        size_t more = *capacity ? 2 * *capacity : 64;
        bench_st_tensor *at = realloc(f->at, more * sizeof(*at));
        if (!at)
            return NULL;
        f->at = at;
        *capacity = more;
    }
    memset(&f->at[f->n], 0, sizeof(*f->at));
    return &f->at[f->n++];
}

static int parse_header(cursor *c, bench_st_file *f, uint64_t data_begin, uint64_t file_nbytes)
{
    size_t capacity = 0, n;
    const char *name;
    if (expect(c, '{') != 0)
        return -1;
    if (accept(c, '}'))
        return 0;
    do {
        if (parse_string(c, &name, &n) != 0 || expect(c, ':') != 0)
            return -1;
        if (key_is(name, n, "__metadata__")) {
            if (skip_value(c, 0) != 0)
                return -1;
            continue;
        }
        bench_st_tensor *t = append(f, &capacity);
        if (!t || !(t->name = strndup(name, n)))
            return fail(c, "out of memory");
        if (parse_tensor(c, t, data_begin, file_nbytes) != 0)
            return -1;
    } while (accept(c, ','));
    return expect(c, '}');
}

int bench_st_probe(const uint8_t *head, size_t nhead, uint64_t file_nbytes)
{
    uint64_t n;
    if (nhead < 9)
        return 0;
    memcpy(&n, head, sizeof(n));
    return n >= 2 && n <= file_nbytes - 8 && n <= 100000000 && head[8] == '{';
}

int bench_st_parse(bench_st_file *f, const char *text, size_t n, uint64_t file_nbytes,
                   const char **why)
{
    cursor c = {text, text + n, NULL};
    memset(f, 0, sizeof(*f));
    if (file_nbytes < 8 + n)
        (void)fail(&c, "header longer than the file");
    else
        (void)parse_header(&c, f, 8 + n, file_nbytes);
    *why = c.why;
    if (c.why)
        bench_st_free(f);
    return c.why ? -1 : 0;
}

void bench_st_free(bench_st_file *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->at[i].name);
    free(f->at);
    memset(f, 0, sizeof(*f));
}
