#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

zipllm_status session_usage(const char *verb, const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "zipllm %s: ", verb);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, "; see zipllm %s --help\n", verb);
    return ZIPLLM_USAGE;
}

zipllm_status session_fail(session *s, const char *verb, zipllm_status status,
                           const zipllm_error *error)
{
    if (s != NULL)
        progress_clear(&s->progress);
    (void)fflush(stdout);
    (void)fprintf(stderr, "zipllm %s: %s\n", verb, error->message);
    return status;
}

void session_start(session *s, const char *verb, const options *o)
{
    unsigned threads = o->common.threads;

    memset(s, 0, sizeof *s);
    s->verb = verb;
    s->common = &o->common;
    progress_init(&s->progress, !o->common.quiet);
    s->library = (zipllm_options)ZIPLLM_OPTIONS_INIT;
    s->library.memory_nbytes = o->common.memory_nbytes;
    s->library.effort = o->common.effort;
    s->library.progress = progress_update;
    s->library.user = &s->progress;
    if (threads == 0)
        threads = pool_usable_cpus();
    /* More than the budget serves only if they are asked for, which is then refused. */
    if (o->common.threads == 0 && threads > zipllm_workers_for(o->common.memory_nbytes))
        threads = zipllm_workers_for(o->common.memory_nbytes);
    if (threads > 1)
        s->threads = pool_new(threads);
    if (s->threads == NULL)
        return;
    s->executor = pool_executor(s->threads);
    s->library.executor = &s->executor;
}

const char *session_store(const session *s, const options *o)
{
    const char *path = o->common.store != NULL ? o->common.store : getenv("ZIPLLM_STORE");

    if (path != NULL && path[0] != '\0')
        return path;
    (void)session_usage(s->verb, "which store? give -C DIR or set ZIPLLM_STORE");
    return NULL;
}

zipllm_status session_open(session *s, const char *verb, const options *o, zipllm_mode mode)
{
    zipllm_status status;
    zipllm_error error;
    const char *path;

    session_start(s, verb, o);
    path = session_store(s, o);
    if (path == NULL)
        return ZIPLLM_USAGE;
    status = zipllm_open(path, mode, &s->library, &s->store, &error);
    if (status != ZIPLLM_OK)
        (void)session_fail(s, verb, status, &error);
    return status;
}

void session_close(session *s)
{
    progress_clear(&s->progress);
    zipllm_close(s->store);
    pool_free(s->threads);
}

void tally_add(tally *t, zipllm_status status)
{
    if (status == ZIPLLM_OK) {
        t->done++;
        return;
    }
    t->failed++;
    t->last = status;
}

zipllm_status tally_status(const tally *t)
{
    if (t->failed == 0)
        return ZIPLLM_OK;
    return t->done > 0 ? ZIPLLM_PARTIAL : t->last;
}

char *session_label(const char *name, const char *revision)
{
    size_t nbytes = strlen(name) + strlen(revision) + 2;
    char *label = text_allocate(nbytes), *escaped;

    (void)snprintf(label, nbytes, revision[0] != '\0' ? "%s@%s" : "%s%s", name, revision);
    escaped = text_escape(label);
    free(label);
    return escaped;
}
