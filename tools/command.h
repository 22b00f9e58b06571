/* One verb of the command line. */
#ifndef ZIPLLM_TOOLS_COMMAND_H
#define ZIPLLM_TOOLS_COMMAND_H

#include "options.h"
#include "zipllm.h"

typedef struct command {
    const char *name;
    const char *synopsis;     /* what follows the name */
    const char *summary;      /* one line, for `zipllm --help` */
    const char *help;         /* paragraphs after the synopsis; ends in a newline */
    const option_spec *specs; /* its own options, or NULL */
    size_t least, most;       /* operands */
    zipllm_status (*run)(options *o);
} command;

extern const command COMMAND_ADD, COMMAND_CAT, COMMAND_DISTANCE, COMMAND_GC, COMMAND_GET,
    COMMAND_INIT, COMMAND_INSPECT, COMMAND_LS, COMMAND_REBASE, COMMAND_RM, COMMAND_SHOW,
    COMMAND_STAT, COMMAND_TREE, COMMAND_VERIFY;

#endif
