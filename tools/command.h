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

extern const command COMMAND_INIT;
extern const command COMMAND_ADD;
extern const command COMMAND_GET;
extern const command COMMAND_LS;
extern const command COMMAND_SHOW;
extern const command COMMAND_STAT;
extern const command COMMAND_VERIFY;
extern const command COMMAND_RM;
extern const command COMMAND_GC;
extern const command COMMAND_REPAIR;
extern const command COMMAND_TREE;
extern const command COMMAND_DISTANCE;
extern const command COMMAND_REBASE;
extern const command COMMAND_INSPECT;
extern const command COMMAND_CAT;
extern const command COMMAND_ENCODE;
extern const command COMMAND_DECODE;

#endif
