/* The parts of a result's name. */
#include "bench/names.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *kind;
    const char *keys[4];
} kinds[] = {{"kernel", {"op", "isa", "set", NULL}},
             {"codec", {"coder", "data", "direction", NULL}},
             {"roofline", {"streams", "set", NULL, NULL}},
             {"numa", {"loop", "cpu", "mem", "pages"}},
             {"scale", {"op", "policy", NULL, NULL}}};

static const char *key_of(const char *kind, size_t index)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && index < 4; i++)
        if (strcmp(kinds[i].kind, kind) == 0 && kinds[i].keys[index])
            return kinds[i].keys[index];
    return "part";
}

int bench_name_split(const char *name, bench_name *out)
{
    static const char *const prefixes[] = {"threads:", "cpu", "mem"};
    memset(out, 0, sizeof(*out));
    if (strlen(name) >= sizeof(out->text))
        return -1;
    snprintf(out->text, sizeof(out->text), "%s", name);
    out->kind = out->text;
    for (char *slash = strchr(out->text, '/'); slash; slash = strchr(slash, '/')) {
        *slash++ = '\0';
        if (out->n == BENCH_NAME_PARTS)
            return -1;
        const char *key = key_of(out->kind, out->n);
        const char *value = slash;
        if (strncmp(value, prefixes[0], strlen(prefixes[0])) == 0)
            key = "threads";
        /* "cpu0" under the key cpu is 0. */
        for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
            if (strncmp(value, prefixes[i], strlen(prefixes[i])) == 0 &&
                strncmp(key, prefixes[i], strlen(key)) == 0)
                value += strlen(prefixes[i]);
        out->parts[out->n].key = key;
        out->parts[out->n++].value = value;
    }
    return 0;
}

const char *bench_name_part(const bench_name *name, const char *key)
{
    for (size_t i = 0; i < name->n; i++)
        if (strcmp(name->parts[i].key, key) == 0)
            return name->parts[i].value;
    return "";
}
