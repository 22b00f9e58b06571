#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "session.h"
#include "signals.h"

enum { TENSOR, RANGE };
static const option_spec SPECS[] = {
    {"tensor", '\0', "NAME", "the bytes of this tensor alone"},
    {"range", '\0', "A-B", "bytes A up to, but not, B of it; A- for all from A on"},
    {NULL, '\0', NULL, NULL},
};

/* "A-B" or "A-". */
static bool parse_range(const char *text, uint64_t *begin, uint64_t *end)
{
    const char *dash = strchr(text, '-');
    char first[24];

    if (dash == NULL || (size_t)(dash - text) >= sizeof first)
        return false;
    memcpy(first, text, (size_t)(dash - text));
    first[dash - text] = '\0';
    if (!options_uint(first, 0, UINT64_MAX - 1, begin))
        return false;
    return dash[1] == '\0' || options_uint(dash + 1, *begin, UINT64_MAX - 1, end);
}

typedef struct output {
    int os_errno; /* of the write that failed */
} output;

static bool write_all(void *user, const void *bytes, size_t nbytes)
{
    output *out = user;
    const char *p = bytes;

    while (nbytes > 0) {
        ssize_t n = write(STDOUT_FILENO, p, nbytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            out->os_errno = errno;
            return false;
        }
        p += n;
        nbytes -= (size_t)n;
    }
    return true;
}

static zipllm_status cat(session *s, const options *o, zipllm_cat_options *what, output *out)
{
    zipllm_status status;
    zipllm_error error;
    uint64_t nbytes;

    what->name = o->operands[0];
    what->file = o->operands[1];
    what->tensor = o->values[TENSOR];
    what->write = write_all;
    what->user = out;
    status = zipllm_cat(s->store, what, &nbytes, &error);
    if (out->os_errno != 0) {
        progress_clear(&s->progress);
        if (out->os_errno != EPIPE)
            (void)fprintf(stderr, "zipllm cat: cannot write the output: %s\n",
                          strerror(out->os_errno));
        return status;
    }
    return status == ZIPLLM_OK ? status : session_fail(s, "cat", status, &error);
}

static zipllm_status run_cat(options *o)
{
    zipllm_cat_options what = ZIPLLM_CAT_OPTIONS_INIT;
    output out = {0};
    zipllm_status status;
    session s;

    if (o->values[RANGE] != NULL && !parse_range(o->values[RANGE], &what.begin, &what.end))
        return session_usage("cat", "--range: expected A-B or A-, with A not above B");
    status = session_open(&s, "cat", o, ZIPLLM_SHARED);
    /* The bytes may go to the terminal that the progress would be drawn on. */
    s.progress.shown = s.progress.shown && !isatty(STDOUT_FILENO);
    if (status == ZIPLLM_OK)
        status = cat(&s, o, &what, &out);
    session_close(&s);
    if (out.os_errno == EPIPE)
        signals_die_of_pipe();
    return status;
}

const command COMMAND_CAT = {
    .name = "cat",
    .synopsis = "NAME[@REV] FILE",
    .summary = "write a stored file, tensor or range to the output",
    .help =
        "Writes the bytes of one file of a model, of one of its tensors, or a range of either, to\n"
        "standard output. Only the blocks that hold the range are decoded; each is checked before\n"
        "its bytes are written. --json changes nothing.\n",
    .specs = SPECS,
    .least = 2,
    .most = 2,
    .run = run_cat,
};
