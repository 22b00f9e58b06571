#include "shards.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"

static bool ends_in(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int by_path(const void *key, const void *item)
{
    return strcmp(key, ((const zipllm_scan_item *)item)->path);
}

/* Is the file that an index in `item` names there? Names are relative to the index. */
static bool is_there(const zipllm_scan *scan, const zipllm_scan_item *item, const char *name)
{
    char path[ZIPLLM_PATH_MAX + 1];
    const char *slash = strrchr(item->path, '/');
    const int folder = slash != NULL ? (int)(slash + 1 - item->path) : 0;
    const int length = snprintf(path, sizeof path, "%.*s%s", folder, item->path, name);
    return length > 0 && length < (int)sizeof path &&
           bsearch(path, scan->items, scan->nitems, sizeof *scan->items, by_path) != NULL;
}

static void tell(char *note, size_t cap, const char *name, size_t missing)
{
    if (missing == 1)
        (void)snprintf(note, cap, "names the shard %.100s, which is not there", name);
    else
        (void)snprintf(note, cap, "names %zu shards that are not there, such as %.100s", missing,
                       name);
}

/* Tensors of one shard mostly follow each other, so only changes are looked up. */
static void check_map(const zipllm_scan *scan, const zipllm_scan_item *item, json_t *map,
                      char *note, size_t cap)
{
    json_t *missing = json_object(); /* as a set */
    const char *tensor, *first = NULL, *last = "";
    json_t *value;
    json_object_foreach(map, tensor, value)
    {
        const char *name = json_string_value(value);
        if (name == NULL || strcmp(name, last) == 0)
            continue;
        last = name;
        if (is_there(scan, item, name) || json_object_set_new(missing, name, json_true()) != 0)
            continue;
        first = first != NULL ? first : name;
    }
    if (first != NULL)
        tell(note, cap, first, json_object_size(missing));
    json_decref(missing);
}

void zipllm_shards_note(const zipllm_scan *scan, const zipllm_scan_item *item, int fd,
                        uint64_t memory_nbytes, char *note, size_t cap)
{
    /* Of JSON in memory jansson makes some ten times as much. */
    if (!ends_in(item->path, ".safetensors.index.json") || item->nbytes > memory_nbytes / 16)
        return;
    char *text = malloc((size_t)item->nbytes + 1);
    const ssize_t got = text != NULL ? zipllm_pread(fd, text, (size_t)item->nbytes, 0) : -1;
    json_t *root = got > 0 ? json_loadb(text, (size_t)got, 0, NULL) : NULL;
    json_t *map = json_object_get(root, "weight_map");
    if (json_is_object(map))
        check_map(scan, item, map, note, cap);
    json_decref(root);
    free(text);
}
