#include "model_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "scan.h"

zipllm_status zipllm_model_name_parse(const char *text, zipllm_model_name *out, zipllm_error *error)
{
    out->name = out->revision = NULL;
    if (text == NULL)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0, "no model given");
    char *name = strdup(text);
    if (name == NULL)
        return zipllm_fail_memory(error, strlen(text));
    char *at = strrchr(name, '@');
    if (at != NULL)
        *at++ = '\0';
    if (!zipllm_path_is_safe(name, strlen(name)) ||
        (at != NULL && !zipllm_path_is_safe(at, strlen(at))) || strchr(name, '@') != NULL) {
        free(name);
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0,
                           "'%s' cannot be the name of a model: ORG/NAME or ORG/NAME@REV", text);
    }
    out->name = name;
    out->revision = at;
    return ZIPLLM_OK;
}

char *zipllm_model_name_join(const char *name, const char *revision)
{
    const size_t nbytes = strlen(name) + strlen(revision) + 2;
    char *text = malloc(nbytes);
    if (text != NULL)
        (void)snprintf(text, nbytes, "%s%s%s", name, *revision != '\0' ? "@" : "", revision);
    return text;
}

zipllm_status zipllm_model_find(zipllm_store *store, const char *text, zipllm_model_row *row,
                                uint64_t *count, zipllm_error *error)
{
    zipllm_model_name parsed;
    memset(row, 0, sizeof *row);
    zipllm_status status = zipllm_model_name_parse(text, &parsed, error);
    if (status != ZIPLLM_OK)
        return status;
    status = zipllm_index_model(store->index, parsed.name, parsed.revision, row, count, error);
    if (status == ZIPLLM_OK && row->id == 0)
        status = zipllm_fail(error, ZIPLLM_ERROR, store->dir.path, ZIPLLM_NO_OFFSET, 0,
                             "no model '%s' in the store", text);
    free(parsed.name);
    return status;
}

zipllm_status zipllm_model_try(zipllm_store *store, const char *text, zipllm_model_row *row,
                               zipllm_error *error)
{
    zipllm_model_name parsed;
    memset(row, 0, sizeof *row);
    if (zipllm_model_name_parse(text, &parsed, NULL) != ZIPLLM_OK)
        return ZIPLLM_OK;
    const zipllm_status status =
        zipllm_index_model(store->index, parsed.name, parsed.revision, row, NULL, error);
    free(parsed.name);
    return status;
}
