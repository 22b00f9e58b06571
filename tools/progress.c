#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"
#include "text.h"

static const double REDRAW_SECONDS = 0.1;
static const double HEARTBEAT_SECONDS = 10;

double progress_clock(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_init(progress *p, bool shown)
{
    const char *term = getenv("TERM");

    memset(p, 0, sizeof *p);
    p->shown = shown;
    p->terminal = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    p->label = "";
}

void progress_clear(progress *p)
{
    if (p->drawn)
        (void)fputs("\r\033[K", stderr);
    p->drawn = false;
}

static void new_phase(progress *p, const zipllm_progress *now, double time)
{
    (void)snprintf(p->phase, sizeof p->phase, "%s", now->phase);
    p->phase_start = time;
    p->last = time;
    p->last_done = now->done;
    p->rate = 0;
}

/* Half of the smoothed rate comes from the last three seconds or so. */
static void measure(progress *p, const zipllm_progress *now, double time)
{
    double seconds = time - p->last;
    double weight = seconds / (seconds + 3);

    if (seconds <= 0 || now->done < p->last_done)
        return;
    if (p->rate <= 0)
        p->rate = (double)now->done / (time - p->phase_start);
    else
        p->rate += weight * ((double)(now->done - p->last_done) / seconds - p->rate);
}

static void compose(char *line, size_t cap, const progress *p, const zipllm_progress *now)
{
    char done[TEXT_NUMBER_MAX], total[TEXT_NUMBER_MAX], rate[TEXT_NUMBER_MAX];
    char left[TEXT_NUMBER_MAX];

    text_bytes(done, now->done);
    text_bytes(total, now->total);
    text_rate(rate, (uint64_t)p->rate, 1);
    if (now->total == 0 || now->total < now->done) {
        (void)snprintf(line, cap, "%s %s  %s  %s", p->label, now->phase, done, rate);
        return;
    }
    if (p->rate > 0)
        text_seconds(left, (double)(now->total - now->done) / p->rate);
    else
        (void)snprintf(left, sizeof left, "?");
    (void)snprintf(line, cap, "%s %s %3.0f%%  %s of %s  %s  ETA %s", p->label, now->phase,
                   100 * (double)now->done / (double)now->total, done, total, rate, left);
}

/* Cuts an escaped line to so many columns. */
static void cut(char *line, size_t columns)
{
    for (; *line != '\0'; line++) {
        if (((unsigned char)*line & 0xC0) == 0x80)
            continue;
        if (columns-- == 0) {
            *line = '\0';
            return;
        }
    }
}

static void draw(progress *p, const zipllm_progress *now)
{
    char line[1024];
    struct winsize size;
    char *file = text_escape(now->file != NULL ? now->file : "");
    size_t columns = 79, used;

    compose(line, sizeof line, p, now);
    used = strlen(line);
    if (file[0] != '\0')
        (void)snprintf(line + used, sizeof line - used, "  %s", file);
    free(file);
    if (p->terminal) {
        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
            columns = size.ws_col - 1u;
        cut(line, columns);
        (void)fprintf(stderr, "\r%s\033[K", line);
        p->drawn = true;
    } else {
        (void)fprintf(stderr, "%s\n", line);
    }
    (void)fflush(stderr);
}

bool progress_update(void *user, const zipllm_progress *now)
{
    progress *p = user;
    double time, interval;

    if (signals_interrupted())
        return false;
    if (!p->shown)
        return true;
    time = progress_clock();
    if (strcmp(p->phase, now->phase) != 0 || now->done < p->last_done) {
        new_phase(p, now, time);
        return true;
    }
    interval = p->terminal ? REDRAW_SECONDS : HEARTBEAT_SECONDS;
    if (time - p->last < interval)
        return true;
    measure(p, now, time);
    draw(p, now);
    p->last = time;
    p->last_done = now->done;
    return true;
}
