#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "text.h"

static zipllm_status run_init(options *o)
{
    const char *path = o->operands[0];
    zipllm_error error;
    zipllm_status status = zipllm_init(path, &error);
    char *shown;

    if (status != ZIPLLM_OK)
        return session_fail(NULL, "init", status, &error);
    if (o->common.json) {
        json_begin("init");
        json_string("store", path);
        json_end();
    } else if (!o->common.quiet) {
        shown = text_escape(path);
        (void)printf("empty store in %s\n", shown);
        free(shown);
    }
    return ZIPLLM_OK;
}

const command COMMAND_INIT = {
    .name = "init",
    .synopsis = "DIR",
    .summary = "make an empty store",
    .help = "Makes an empty store in DIR, which must not exist yet or be empty.\n"
            "\n--json: {\"type\":\"init\", store}\n",
    .least = 1,
    .most = 1,
    .run = run_init,
};
