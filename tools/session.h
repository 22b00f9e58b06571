/* What a verb works with: the opened store, its threads, the progress line; and how errors are
   told. */
#ifndef ZIPLLM_TOOLS_SESSION_H
#define ZIPLLM_TOOLS_SESSION_H

#include "options.h"
#include "pool.h"
#include "progress.h"
#include "zipllm.h"

typedef struct session {
    const char *verb;
    const common_options *common;
    zipllm_store *store;
    pool *threads;
    bitx_executor executor;
    zipllm_options library; /* threads, memory and progress as the library takes them */
    progress progress;
} session;

/* Threads and progress, without a store. */
void session_start(session *s, const char *verb, const options *o);
/* The store's path by -C or $ZIPLLM_STORE; NULL after saying that there is none. */
const char *session_store(const session *s, const options *o);
/* Both, and opens -C or $ZIPLLM_STORE; any status but ZIPLLM_OK was told. */
zipllm_status session_open(session *s, const char *verb, const options *o, zipllm_mode mode);
void session_close(session *s);

/* "zipllm VERB: MESSAGE" on stderr. Returns status. s may be NULL. */
zipllm_status session_fail(session *s, const char *verb, zipllm_status status,
                           const zipllm_error *error);
/* The same for a fault of the command line. */
__attribute__((format(printf, 2, 3))) zipllm_status session_usage(const char *verb,
                                                                  const char *format, ...);

/* One status for several things done one by one: all well, all failed with the last one's status,
   or ZIPLLM_PARTIAL. */
typedef struct tally {
    size_t done, failed;
    zipllm_status last;
} tally;
void tally_add(tally *t, zipllm_status status);
zipllm_status tally_status(const tally *t);

/* NAME or NAME@REV, escaped, malloced. */
char *session_label(const char *name, const char *revision);

#endif
