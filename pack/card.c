#include "card.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <yaml.h>

#include "io.h"
#include "scan.h"

/* ---- hints ------------------------------------------------------------------------------------
 */

static void warn(zipllm_hints *hints, const char *file, const char *what, size_t line)
{
    char at[32] = "", *p;

    if (line > 0)
        (void)snprintf(at, sizeof at, " (line %zu)", line);
    (void)snprintf(hints->warning, sizeof hints->warning, "%s: %s%s: no base model is read from it",
                   file, what, at);
    for (p = hints->warning; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7F)
            *p = '?';
}

static bool known(const zipllm_hints *hints, const char *name, size_t nbytes, zipllm_found found)
{
    size_t i;

    for (i = 0; i < hints->nhints; i++)
        if (hints->hints[i].found == found && strlen(hints->hints[i].name) == nbytes &&
            memcmp(hints->hints[i].name, name, nbytes) == 0)
            return true;
    return false;
}

static void add_hint(zipllm_hints *hints, const char *name, size_t nbytes, zipllm_found found)
{
    static const char hub[] = "https://huggingface.co/";
    char *copy;

    if (nbytes >= sizeof hub && memcmp(name, hub, sizeof hub - 1) == 0) {
        name += sizeof hub - 1;
        nbytes -= sizeof hub - 1;
    }
    while (nbytes > 0 && name[nbytes - 1] == '/')
        nbytes--;
    if (nbytes == 0 || nbytes > ZIPLLM_HINT_NBYTES_MAX || memchr(name, '\0', nbytes) != NULL ||
        hints->nhints == ZIPLLM_HINTS_MAX || known(hints, name, nbytes, found))
        return;
    copy = strndup(name, nbytes);
    if (copy == NULL)
        return;
    hints->hints[hints->nhints++] = (zipllm_hint){copy, found};
}

void zipllm_hints_free(zipllm_hints *hints)
{
    while (hints->nhints > 0)
        free(hints->hints[--hints->nhints].name);
}

/* ---- the model card ---------------------------------------------------------------------------
 */

/* The text between the first line `---` and the next one. False when there is no front matter. */
static bool front_matter(const char *bytes, size_t nbytes, const char **start, size_t *length)
{
    const char *p = bytes, *end = bytes + nbytes, *line;
    static const char bom[] = "\xEF\xBB\xBF";

    if (nbytes >= 3 && memcmp(p, bom, 3) == 0)
        p += 3;
    if (end - p < 4 || memcmp(p, "---", 3) != 0 || (p[3] != '\n' && p[3] != '\r'))
        return false;
    p = memchr(p, '\n', (size_t)(end - p));
    if (p == NULL)
        return false;
    for (*start = ++p; p < end; p = line + 1) {
        line = memchr(p, '\n', (size_t)(end - p));
        if (line == NULL)
            line = end;
        if (line - p >= 3 && memcmp(p, "---", 3) == 0 &&
            (line - p == 3 || (line - p == 4 && p[3] == '\r'))) {
            *length = (size_t)(p - *start);
            return true;
        }
        if (line == end)
            break;
    }
    return false;
}

/* libyaml takes quadratic time in the depth of nesting: a megabyte of `[` would take a minute. */
enum { CARD_DEPTH_MAX = 64 };

/* Where in the front matter the reader is. Depth 1 is the top mapping. */
typedef struct card_state {
    zipllm_hints *hints;
    unsigned depth;
    bool is_value; /* the next node at depth 1 is a value */
    bool wanted;   /* ... of base_model */
    bool in_list;  /* inside its sequence, which is depth 2 */
} card_state;

/* `base_model: null`, `base_model: ~`. */
static bool is_null(const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;

    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (strcasecmp(value, "null") == 0 || strcmp(value, "~") == 0);
}

static void on_scalar(card_state *s, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t nbytes = event->data.scalar.length;

    if (s->depth == 1 && !s->is_value) {
        s->wanted = nbytes == 10 && memcmp(value, "base_model", 10) == 0;
        s->is_value = true;
        return;
    }
    if (is_null(event))
        nbytes = 0;
    if ((s->depth == 1 && s->wanted) || (s->depth == 2 && s->in_list))
        add_hint(s->hints, value, nbytes, ZIPLLM_FOUND_CARD);
    if (s->depth == 1)
        s->is_value = false;
}

static void on_end(card_state *s)
{
    s->depth--;
    if (s->depth != 1)
        return;
    s->in_list = false;
    s->is_value = !s->is_value; /* a collection can be a key too, though nobody writes one */
}

/* False at the end of the document. */
static bool on_event(card_state *s, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        on_scalar(s, event);
        return true;
    case YAML_ALIAS_EVENT:
        if (s->depth == 1)
            s->is_value = !s->is_value;
        return true;
    case YAML_SEQUENCE_START_EVENT:
        if (s->depth == 1)
            s->in_list = s->is_value && s->wanted;
        s->depth++;
        return true;
    case YAML_MAPPING_START_EVENT:
        s->depth++;
        return true;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(s);
        return true;
    case YAML_DOCUMENT_END_EVENT:
    case YAML_STREAM_END_EVENT:
        return false;
    default:
        return true;
    }
}

static void read_front_matter(zipllm_hints *hints, const char *text, size_t nbytes)
{
    size_t before = hints->nhints;
    card_state state = {hints, 0, false, false, false};
    yaml_parser_t parser;
    yaml_event_t event;
    bool more = true;

    if (!yaml_parser_initialize(&parser)) {
        warn(hints, "README.md", "out of memory", 0);
        return;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, nbytes);
    while (more) {
        if (!yaml_parser_parse(&parser, &event)) {
            warn(hints, "README.md", parser.problem != NULL ? parser.problem : "malformed YAML",
                 parser.problem_mark.line + 2);
            while (hints->nhints > before)
                free(hints->hints[--hints->nhints].name);
            break;
        }
        more = on_event(&state, &event);
        yaml_event_delete(&event);
        if (state.depth > CARD_DEPTH_MAX) {
            warn(hints, "README.md", "nested too deeply", 0);
            more = false;
        }
    }
    yaml_parser_delete(&parser);
}

void zipllm_hints_from_card(zipllm_hints *hints, const char *bytes, size_t nbytes, bool truncated)
{
    const char *text;
    size_t length;

    if (front_matter(bytes, nbytes, &text, &length))
        read_front_matter(hints, text, length);
    else if (truncated && nbytes >= 4 && memcmp(bytes, "---", 3) == 0)
        warn(hints, "README.md", "front matter is longer than 1 MiB", 0);
}

/* ---- config.json ------------------------------------------------------------------------------
 */

void zipllm_hints_from_config(zipllm_hints *hints, const char *bytes, size_t nbytes)
{
    json_error_t error;
    json_t *config = json_loadb(bytes, nbytes, 0, &error);
    const json_t *name;

    if (config == NULL) {
        warn(hints, "config.json", error.text, error.line > 0 ? (size_t)error.line : 0);
        return;
    }
    name = json_object_get(config, "_name_or_path");
    if (json_is_string(name))
        add_hint(hints, json_string_value(name), json_string_length(name), ZIPLLM_FOUND_CONFIG);
    json_decref(config);
}

/* ---- files ------------------------------------------------------------------------------------
 */

/* The first `limit` bytes of a file of the model, malloced; NULL and maybe a warning. */
static char *load(zipllm_hints *hints, const zipllm_scan *scan, const char *path, size_t limit,
                  size_t *nbytes)
{
    const zipllm_scan_item *item = zipllm_scan_find(scan, path);
    size_t want;
    ssize_t got;
    char *bytes;
    int fd;

    if (item == NULL || item->directory)
        return NULL;
    if (zipllm_scan_open_file(scan, item, &fd, NULL) != ZIPLLM_OK) {
        warn(hints, path, "cannot open", 0);
        return NULL;
    }
    want = item->nbytes < limit ? (size_t)item->nbytes : limit;
    bytes = malloc(want + 1);
    got = bytes != NULL ? zipllm_pread(fd, bytes, want, 0) : -1;
    close(fd);
    if (got < 0) {
        warn(hints, path, "cannot read", 0);
        free(bytes);
        return NULL;
    }
    *nbytes = (size_t)got;
    return bytes;
}

void zipllm_hints_read(zipllm_hints *hints, const zipllm_scan *scan)
{
    const zipllm_scan_item *config = zipllm_scan_find(scan, "config.json");
    size_t nbytes = 0;
    char *bytes;

    memset(hints, 0, sizeof *hints);
    bytes = load(hints, scan, "README.md", ZIPLLM_CARD_NBYTES_MAX, &nbytes);
    if (bytes != NULL)
        zipllm_hints_from_card(hints, bytes, nbytes, nbytes == ZIPLLM_CARD_NBYTES_MAX);
    free(bytes);
    if (config != NULL && config->nbytes > ZIPLLM_CONFIG_NBYTES_MAX) {
        warn(hints, "config.json", "longer than 4 MiB", 0);
        return;
    }
    bytes = load(hints, scan, "config.json", ZIPLLM_CONFIG_NBYTES_MAX, &nbytes);
    if (bytes != NULL)
        zipllm_hints_from_config(hints, bytes, nbytes);
    free(bytes);
}
