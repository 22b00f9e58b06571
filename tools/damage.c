#include "damage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "session.h"
#include "text.h"

static void json_damage(const zipllm_damage *d)
{
    json_begin("damage");
    json_string("model", d->model);
    json_string("file", d->file);
    json_string("tensor", d->tensor);
    json_string("path", d->path);
    if (d->offset == ZIPLLM_NO_OFFSET)
        json_string("offset", NULL);
    else
        json_uint("offset", d->offset);
    json_string("reason", d->reason);
    json_end();
}

/* "DAMAGED model M, file F, tensor T: PATH, offset N: REASON" */
static void print_damage(const zipllm_damage *d)
{
    const char *const parts[] = {d->model, d->file, d->tensor};
    static const char *const words[] = {"model", "file", "tensor"};
    const char *separator = " ";
    char *path = text_escape(d->path), *reason = text_escape(d->reason);
    size_t i;

    (void)printf("damaged:");
    for (i = 0; i < 3; i++) {
        char *shown;
        if (parts[i] == NULL || parts[i][0] == '\0')
            continue;
        shown = text_escape(parts[i]);
        (void)printf("%s%s %s", separator, words[i], shown);
        separator = ", ";
        free(shown);
    }
    (void)printf("%s%s", separator, path);
    if (d->offset != ZIPLLM_NO_OFFSET)
        (void)printf(", offset %" PRIu64, d->offset);
    (void)printf(": %s\n", reason);
    free(path);
    free(reason);
}

void damage_tell(void *user, const zipllm_damage *d)
{
    session *s = user;

    progress_clear(&s->progress);
    if (s->common->json)
        json_damage(d);
    else
        print_damage(d);
    (void)fflush(stdout);
}
