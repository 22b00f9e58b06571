/* make-family: a family of models with random weights, the same bytes on every machine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "family.h"
#include "model_files.h"

static const char usage[] =
    "usage: make-family [OPTION...] DIR\n"
    "Makes DIR/PREFIX-{base,chat,code,math}: a base and three fine-tunes of it.\n"
    "\n"
    "  --size BYTES     of each model's weights, at least; K, M, G: powers of 1024   (64M)\n"
    "  --dtype TYPE     bf16, f16 or f32                                             (bf16)\n"
    "  --sigma X        standard deviation of the weights, at most 0.25              (0.02)\n"
    "  --delta X        standard deviation of a fine-tune's differences              (2e-4)\n"
    "  --changed SHARE  of a fine-tune's weights that differ, above 0 and up to 1    (1)\n"
    "  --prefix NAME    of the models' names                                         (demo)\n"
    "  --seed N         another family                                               (0)\n"
    "  --only SUFFIX    make that model alone\n"
    "  --list           print the models' names and make nothing\n";

static int bad(const char *option, const char *value)
{
    fprintf(stderr, "make-family: %s %s: not a value that this option takes\n", option, value);
    return -1;
}

static int parse_size(const char *text, uint64_t *nbytes)
{
    char *end;
    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);
    const char *const units = "KMG";
    const char *const unit = *end == '\0' ? NULL : strchr(units, *end);
    const unsigned shift = unit == NULL ? 0 : 10 * (unsigned)(unit - units + 1);
    if (errno != 0 || *text < '0' || *text > '9' || (*end != '\0' && (unit == NULL || end[1])))
        return bad("--size", text);
    if (n == 0 || n > (UINT64_C(1) << 40) >> shift)
        return bad("--size", text);
    *nbytes = (uint64_t)n << shift;
    return 0;
}

/*
 * A decimal fraction such as 0.02 or 2e-4, in units of 2^-32, rounded; read without floating point,
 * so that it is the same everywhere. At most 9 digits.
 */
static int parse_q32(const char *option, const char *text, uint64_t max, uint32_t *value)
{
    uint64_t digits = 0, scale = 1;
    unsigned ndigits = 0;
    const char *p = text;
    for (int fraction = 0; (*p >= '0' && *p <= '9') || (*p == '.' && !fraction); p++) {
        if (*p == '.') {
            fraction = 1;
            continue;
        }
        digits = digits * 10 + (uint64_t)(*p - '0');
        scale *= fraction ? 10 : 1;
        if (++ndigits > 9)
            return bad(option, text);
    }
    if (ndigits == 0)
        return bad(option, text);
    if (p[0] == 'e' && p[1] == '-' && p[2] >= '0' && p[2] <= '9' && p[3] == '\0') {
        for (int n = p[2] - '0'; n > 0; n--)
            scale *= 10;
    } else if (*p != '\0') {
        return bad(option, text);
    }
    const uint64_t q32 = ((digits << 32) + scale / 2) / scale;
    if (q32 == 0 || q32 > max)
        return bad(option, text);
    *value = q32 > UINT32_MAX ? UINT32_MAX : (uint32_t)q32;
    return 0;
}

static int parse_type(const char *text, weight_type *type)
{
    static const char *const names[WEIGHT_TYPE_COUNT] = {"bf16", "f16", "f32"};
    for (unsigned i = 0; i < WEIGHT_TYPE_COUNT; i++) {
        if (strcmp(text, names[i]) == 0) {
            *type = (weight_type)i;
            return 0;
        }
    }
    return bad("--dtype", text);
}

static int parse_seed(const char *text, uint64_t *key)
{
    if (*text == '\0' || strlen(text) > 19 || text[strspn(text, "0123456789")] != '\0')
        return bad("--seed", text);
    *key = strtoull(text, NULL, 10);
    return 0;
}

/* Names become directories and JSON and YAML strings: keep them plain. */
static int parse_prefix(const char *text, const char **prefix)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (*text == '\0' || strlen(text) > 64 || text[strspn(text, plain)] != '\0')
        return bad("--prefix", text);
    *prefix = text;
    return 0;
}

typedef struct options {
    family family;
    uint64_t size;
    const char *only;
    const char *dir;
    int list;
} options;

static int parse_option(options *o, const char *name, const char *value)
{
    const uint64_t quarter = UINT64_C(1) << 30;
    if (strcmp(name, "--size") == 0)
        return parse_size(value, &o->size);
    if (strcmp(name, "--dtype") == 0)
        return parse_type(value, &o->family.type);
    if (strcmp(name, "--sigma") == 0)
        return parse_q32(name, value, quarter, &o->family.sigma_q32);
    if (strcmp(name, "--delta") == 0)
        return parse_q32(name, value, quarter, &o->family.delta_q32);
    if (strcmp(name, "--changed") == 0)
        return parse_q32(name, value, UINT64_C(1) << 32, &o->family.changed_q32);
    if (strcmp(name, "--seed") == 0)
        return parse_seed(value, &o->family.key);
    if (strcmp(name, "--prefix") == 0)
        return parse_prefix(value, &o->family.prefix);
    if (strcmp(name, "--only") == 0) {
        o->only = value;
        return 0;
    }
    fprintf(stderr, "make-family: there is no option %s\n%s", name, usage);
    return -1;
}

static int parse(int argc, char **argv, options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            o->list = 1;
        } else if (argv[i][0] != '-' && o->dir == NULL) {
            o->dir = argv[i];
        } else if (i + 1 < argc && argv[i][0] == '-') {
            if (parse_option(o, argv[i], argv[i + 1]) != 0)
                return -1;
            i++;
        } else {
            fprintf(stderr, "make-family: %s: not understood\n%s", argv[i], usage);
            return -1;
        }
    }
    if (o->dir == NULL && !o->list) {
        fputs(usage, stderr);
        return -1;
    }
    return 0;
}

/* Each model in a process of its own: they have nothing in common but the recipe. */
static int write_all(const options *o, const model *models, size_t count)
{
    unsigned running = 0;
    int failed = 0;
    for (size_t i = 0; i < count && !failed; i++) {
        if (o->only != NULL && strcmp(o->only, models[i].suffix) != 0)
            continue;
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0)
            _exit(model_write(&o->family, &models[i], o->dir) == 0 ? 0 : 1);
        if (child < 0) {
            fprintf(stderr, "make-family: fork: %s\n", strerror(errno));
            failed = 1;
        } else {
            running++;
        }
    }
    for (; running > 0; running--) {
        int status;
        if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
            failed = 1;
    }
    return failed ? -1 : 0;
}

static int known(const char *suffix, const model *models, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(suffix, models[i].suffix) == 0)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    options o = {.family = {.prefix = "demo",
                            .type = WEIGHT_BF16,
                            .sigma_q32 = 85899346, /* 0.02 */
                            .delta_q32 = 858993,   /* 2e-4 */
                            .changed_q32 = UINT32_MAX},
                 .size = UINT64_C(64) << 20};
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    if (parse(argc, argv, &o) != 0)
        return 2;
    size_t count;
    const model *const models = family_models(&count);
    if (o.only != NULL && !known(o.only, models, count)) {
        bad("--only", o.only);
        return 2;
    }
    if (o.list) {
        for (size_t i = 0; i < count; i++)
            printf("%s-%s\n", o.family.prefix, models[i].suffix);
        return 0;
    }
    o.family.arch = architecture_of_size(o.size, o.family.type);
    if (mkdir(o.dir, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "make-family: %s: %s\n", o.dir, strerror(errno));
        return 1;
    }
    return write_all(&o, models, count) == 0 ? 0 : 1;
}
