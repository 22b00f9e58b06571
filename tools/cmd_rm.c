#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "json.h"
#include "session.h"
#include "signals.h"
#include "text.h"

static zipllm_status remove_one(session *s, const options *o, const char *name)
{
    zipllm_error error;
    zipllm_status status = zipllm_rm(s->store, name, &error);
    char *shown;

    if (status != ZIPLLM_OK)
        return session_fail(s, "rm", status, &error);
    if (o->common.json) {
        json_begin("rm");
        json_string("name", name);
        json_end();
    } else if (!o->common.quiet) {
        shown = text_escape(name);
        (void)printf("%s: removed\n", shown);
        free(shown);
    }
    return ZIPLLM_OK;
}

static zipllm_status run_rm(options *o)
{
    tally all = {0, 0, ZIPLLM_OK};
    session s;
    zipllm_status status = session_open(&s, "rm", o, ZIPLLM_SHARED);
    size_t i;

    if (status == ZIPLLM_OK) {
        for (i = 0; i < o->noperands && !signals_interrupted(); i++)
            tally_add(&all, remove_one(&s, o, o->operands[i]));
        status = tally_status(&all);
    }
    session_close(&s);
    return status;
}

const command COMMAND_RM = {
    .name = "rm",
    .synopsis = "NAME[@REV]...",
    .summary = "remove models",
    .help = "Removes models. What other models share with them stays; `zipllm gc` gives the space\n"
            "back. NAME alone must have one revision only.\n"
            "\n--json: a line {\"type\":\"rm\", name} for each model removed\n",
    .least = 1,
    .most = SIZE_MAX,
    .run = run_rm,
};
