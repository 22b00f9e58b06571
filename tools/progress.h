/* How far a call is: a line that is redrawn on a terminal, a heartbeat line otherwise; on stderr.
 */
#ifndef ZIPLLM_TOOLS_PROGRESS_H
#define ZIPLLM_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "zipllm.h"

typedef struct progress {
    bool shown;
    bool terminal;
    bool drawn;        /* a line stands on the terminal */
    const char *label; /* what is worked on: the model; escaped */
    char phase[16];
    double phase_start, last; /* seconds of a monotonic clock */
    uint64_t last_done;
    double rate; /* bytes per second, smoothed */
} progress;

double progress_clock(void);

/* shown false: only interruption is looked at. */
void progress_init(progress *p, bool shown);
/* A zipllm_progress_fn; user is the progress. False after an interruption. */
bool progress_update(void *user, const zipllm_progress *now);
/* Takes the line off the terminal, before anything else is printed. */
void progress_clear(progress *p);

#endif
