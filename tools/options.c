#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "zipllm.h"

enum { THREADS_MAX = 1024 };

const option_spec COMMON_SPECS[] = {
    {"store", 'C', "DIR", "the store (default: $ZIPLLM_STORE)"},
    {"threads", 'T', "N", "worker threads (default: the CPUs that may be used)"},
    {"memory", '\0', "SIZE", "bound for buffers, 64M or more (default: by the cgroup)"},
    {"effort", '\0', "HOW",
     "fast, default or max: time for choosing, and for finding merged LoRAs"},
    {"json", '\0', NULL, "print JSON lines"},
    {"quiet", 'q', NULL, "print errors only"},
    {"verbose", 'v', NULL, "print more"},
    {"help", 'h', NULL, "explain the command"},
    {NULL, '\0', NULL, NULL},
};
/* Places in the table above. */
enum { STORE, THREADS, MEMORY, EFFORT, JSON, QUIET, VERBOSE, HELP };

/* ---- the nearest name -------------------------------------------------------------------------
 */

/* Damerau's distance restricted to neighbours, of texts up to NEAR_MAX letters. */
enum { NEAR_MAX = 31 };

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, const char *b)
{
    unsigned d[NEAR_MAX + 1][NEAR_MAX + 1];
    size_t na = strlen(a), nb = strlen(b), i, k;

    if (na > NEAR_MAX || nb > NEAR_MAX)
        return NEAR_MAX;
    for (i = 0; i <= na; i++)
        d[i][0] = (unsigned)i;
    for (k = 0; k <= nb; k++)
        d[0][k] = (unsigned)k;
    for (i = 1; i <= na; i++) {
        for (k = 1; k <= nb; k++) {
            d[i][k] = smaller(smaller(d[i - 1][k], d[i][k - 1]) + 1,
                              d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                d[i][k] = smaller(d[i][k], d[i - 2][k - 2] + 1);
        }
    }
    return d[na][nb];
}

const char *options_nearest(const char *wrong, const char *const *names, size_t n)
{
    const char *nearest = NULL;
    unsigned best = smaller(3, (unsigned)strlen(wrong) / 2 + 1);
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned d = distance(wrong, names[i]);
        /* a beginning counts as near: --verb for --verbose */
        if (strlen(wrong) >= 3 && strncmp(wrong, names[i], strlen(wrong)) == 0)
            d = smaller(d, 1);
        if (d < best || (d == best && nearest == NULL && d < 3)) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}

/* ---- values -----------------------------------------------------------------------------------
 */

bool options_uint(const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    char *end;
    unsigned long long parsed;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    parsed = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || parsed < low || parsed > high)
        return false;
    *value = parsed;
    return true;
}

bool options_size(const char *text, uint64_t *nbytes)
{
    static const char units[] = "KMGT";
    char *end;
    double value;
    const char *unit;

    if (text[0] < '0' || text[0] > '9')
        return false;
    value = strtod(text, &end);
    if (*end != '\0' && *end != 'B') {
        unit = strchr(units, *end & ~0x20);
        if (unit == NULL)
            return false;
        value = ldexp(value, 10 * (int)(unit - units + 1));
        end++;
        if (*end == 'i')
            end++;
    }
    if (*end == 'B')
        end++;
    if (*end != '\0' || !(value < 1e18))
        return false;
    *nbytes = (uint64_t)value;
    return true;
}

/* ---- parsing ----------------------------------------------------------------------------------
 */

/* What is being parsed: for the verb's own table may be absent. */
typedef struct parse_state {
    const char *verb; /* for messages: "zipllm" or "zipllm add" comes first */
    const option_spec *own;
    options *all; /* NULL before the verb */
    common_options *common;
} parse_state;

static bool complain(const parse_state *s, const char *format, const char *what, const char *more)
{
    char *shown = text_escape(what);

    (void)fprintf(stderr,
                  s->verb != NULL ? "zipllm %s: " : "zipllm%s: ", s->verb != NULL ? s->verb : "");
    (void)fprintf(stderr, format, shown, more);
    (void)fputc('\n', stderr);
    free(shown);
    return false;
}

static size_t count_specs(const option_spec *specs)
{
    size_t n = 0;

    while (specs != NULL && specs[n].name != NULL)
        n++;
    return n;
}

static bool unknown_option(const parse_state *s, const char *given, const char *bare)
{
    const char *names[2 * OPTIONS_MAX], *nearest;
    size_t own = count_specs(s->own), common = count_specs(COMMON_SPECS), n = 0, i;
    char help[96];

    for (i = 0; i < own; i++)
        names[n++] = s->own[i].name;
    for (i = 0; i < common; i++)
        names[n++] = COMMON_SPECS[i].name;
    nearest = options_nearest(bare, names, n);
    if (nearest != NULL)
        (void)snprintf(help, sizeof help, "; did you mean --%s?", nearest);
    else
        (void)snprintf(help, sizeof help, "; see zipllm %s%s--help", s->verb != NULL ? s->verb : "",
                       s->verb != NULL ? " " : "");
    return complain(s, "unknown option %s%s", given, help);
}

static bool set_common(const parse_state *s, size_t place, const char *value)
{
    common_options *common = s->common;
    uint64_t number;

    switch (place) {
    case STORE:
        common->store = value;
        return true;
    case THREADS:
        if (!options_uint(value, 1, THREADS_MAX, &number))
            return complain(s, "-T %s: expected a number from 1 to 1024%s", value, "");
        common->threads = (unsigned)number;
        return true;
    case MEMORY:
        if (!options_size(value, &number))
            return complain(s, "--memory %s: expected a size such as 256M or 2G%s", value, "");
        if (number < ZIPLLM_MEMORY_MIN)
            return complain(s, "--memory %s: at least 64M is needed%s", value, "");
        common->memory_nbytes = number;
        return true;
    case EFFORT:
        if (strcmp(value, "fast") != 0 && strcmp(value, "default") != 0 &&
            strcmp(value, "max") != 0)
            return complain(s, "--effort %s: expected fast, default or max%s", value, "");
        common->effort = value[0] == 'f'   ? BITX_EFFORT_FAST
                         : value[0] == 'm' ? BITX_EFFORT_MAX
                                           : BITX_EFFORT_DEFAULT;
        return true;
    case JSON:
        common->json = true;
        return true;
    case QUIET:
        common->quiet = true;
        return true;
    case VERBOSE:
        common->verbose = true;
        return true;
    default:
        common->help = true;
        return true;
    }
}

/* Finds an option by name or letter in either table. */
static const option_spec *find(const option_spec *specs, const char *name, size_t nbytes,
                               char letter)
{
    for (; specs != NULL && specs->name != NULL; specs++) {
        if (name != NULL && strlen(specs->name) == nbytes && memcmp(specs->name, name, nbytes) == 0)
            return specs;
        if (name == NULL && specs->letter == letter)
            return specs;
    }
    return NULL;
}

static bool set(const parse_state *s, const option_spec *spec, const char *value)
{
    size_t ncommon = count_specs(COMMON_SPECS);

    if (spec >= COMMON_SPECS && spec < COMMON_SPECS + ncommon)
        return set_common(s, (size_t)(spec - COMMON_SPECS), value);
    s->all->values[spec - s->own] = value != NULL ? value : "";
    if (spec->value == NULL || strstr(spec->value, "...") == NULL)
        return true;
    if (s->all->nlist == LIST_MAX)
        return complain(s, "--%s %s: it was given too often", spec->name, value);
    s->all->list[s->all->nlist++] = value;
    return true;
}

static const option_spec *find_any(const parse_state *s, const char *name, size_t nbytes,
                                   char letter)
{
    const option_spec *spec = find(s->own, name, nbytes, letter);

    return spec != NULL ? spec : find(COMMON_SPECS, name, nbytes, letter);
}

/* --name, --name=VALUE or --name VALUE; *used counts the arguments. */
static bool long_option(const parse_state *s, int left, char **argv, int *used)
{
    const char *name = argv[0] + 2, *equals = strchr(name, '=');
    size_t nbytes = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const option_spec *spec = find_any(s, name, nbytes, '\0');
    char bare[64];

    *used = 1;
    if (spec == NULL) {
        (void)snprintf(bare, sizeof bare, "%.*s", (int)(nbytes < 63 ? nbytes : 63), name);
        return unknown_option(s, argv[0], bare);
    }
    if (spec->value == NULL) {
        if (equals != NULL)
            return complain(s, "--%s takes no value%s", spec->name, "");
        return set(s, spec, NULL);
    }
    if (equals != NULL)
        return set(s, spec, equals + 1);
    if (left < 2)
        return complain(s, "--%s needs a value: %s", spec->name, spec->value);
    *used = 2;
    return set(s, spec, argv[1]);
}

/* -qv, -T4 or -T 4. */
static bool short_options(const parse_state *s, int left, char **argv, int *used)
{
    const char *p = argv[0] + 1;
    char letter[3] = "- ";

    *used = 1;
    for (; *p != '\0'; p++) {
        const option_spec *spec = find_any(s, NULL, 0, *p);
        letter[1] = *p;
        if (spec == NULL)
            return unknown_option(s, strlen(argv[0]) == 2 ? argv[0] : letter, letter + 1);
        if (spec->value == NULL) {
            if (!set(s, spec, NULL))
                return false;
            continue;
        }
        if (p[1] != '\0')
            return set(s, spec, p + 1);
        if (left < 2)
            return complain(s, "%s needs a value: %s", letter, spec->value);
        *used = 2;
        return set(s, spec, argv[1]);
    }
    return true;
}

static bool one_option(const parse_state *s, int left, char **argv, int *used)
{
    return argv[0][1] == '-' ? long_option(s, left, argv, used)
                             : short_options(s, left, argv, used);
}

static bool is_option(const char *argument)
{
    return argument[0] == '-' && argument[1] != '\0';
}

int options_before_verb(common_options *common, int argc, char **argv)
{
    /* --version stands alone, and is looked for by main(). */
    const parse_state s = {NULL, NULL, NULL, common};
    int i = 1, used;

    while (i < argc && is_option(argv[i])) {
        if (!one_option(&s, argc - i, argv + i, &used))
            return -1;
        i += used;
    }
    return i;
}

bool options_parse(options *o, const option_spec *specs, int argc, char **argv)
{
    const parse_state s = {argv[0], specs, o, &o->common};
    bool ended = false;
    int i = 1, used;

    o->operands = text_allocate((size_t)argc * sizeof *o->operands);
    while (i < argc) {
        if (!ended && strcmp(argv[i], "--") == 0) {
            ended = true;
            i++;
        } else if (!ended && is_option(argv[i])) {
            if (!one_option(&s, argc - i, argv + i, &used))
                return false;
            i += used;
        } else {
            o->operands[o->noperands++] = argv[i++];
        }
    }
    return true;
}

void options_help(const option_spec *specs)
{
    for (; specs != NULL && specs->name != NULL; specs++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%c%c%s--%s%s%s", specs->letter ? '-' : ' ',
                       specs->letter ? specs->letter : ' ', specs->letter ? ", " : "  ",
                       specs->name, specs->value != NULL ? " " : "",
                       specs->value != NULL ? specs->value : "");
        (void)printf("  %-22s %s\n", left, specs->help);
    }
}
