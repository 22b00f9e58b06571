/*
 * pickle.h: which storages a PyTorch pickle names, and as what, without unpickling it.
 *
 * The stream is walked with a model of the pickle machine's stack that knows texts, whole numbers,
 * storage classes, storages and tensors, and takes every other object for "something". Nothing is
 * imported, called or built. An opcode outside the list ends the walk; what was seen before counts.
 */
#ifndef ZIPLLM_PICKLE_H
#define ZIPLLM_PICKLE_H

#include "cursor.h"

enum { ZIPLLM_PICKLE_DEPTH_MAX = 1 << 18 /* values on the stack, and in the memo */ };

/* A text within the file. */
typedef struct zipllm_pickle_text {
    uint64_t offset;
    uint32_t nbytes;
} zipllm_pickle_text;

typedef struct zipllm_pickle_visitor {
    /* A storage: ("storage", class, key, location, nelem). Returns a number for it, or -1 if there
       is none of that key. Called again each time that the pickle names it. */
    int64_t (*storage)(void *user, const zipllm_pickle_text *key, bitx_dtype dtype, uint64_t nelem);
    /* A tensor in that storage stands in a dictionary under this key. */
    void (*tensor)(void *user, int64_t storage, const zipllm_pickle_text *name);
    void *user;
} zipllm_pickle_visitor;

/*
 * Walks bytes [begin, end) of the source. ZIPLLM_PARSE_OK: to the end. ZIPLLM_PARSE_REFUSED: as far
 * as error->offset. Memory: 32 bytes per value that the stream put on the stack or in the memo.
 */
BITX_WARN_UNUSED zipllm_parse_status zipllm_pickle_scan(const bitx_source *source, uint64_t begin,
                                                        uint64_t end,
                                                        const zipllm_pickle_visitor *visitor,
                                                        zipllm_parse_error *error);

#endif
