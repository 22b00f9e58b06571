/* Interruption: the first SIGINT, SIGTERM or SIGHUP asks the library to stop and tidy up. */
#ifndef ZIPLLM_TOOLS_SIGNALS_H
#define ZIPLLM_TOOLS_SIGNALS_H

#include <stdbool.h>

void signals_install(void);
bool signals_interrupted(void);
/* Ends the process as the signal would have, if there was one; else returns. */
void signals_reraise(void);
/* Ends the process as SIGPIPE would have: whoever read our output has left. */
void signals_die_of_pipe(void);

#endif
