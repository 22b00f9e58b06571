/* Helpers of the codec's tests: tensors, guarded buffers, allocators, executors, header surgery. */
#ifndef TESTS_CODEC_UTIL_H
#define TESTS_CODEC_UTIL_H

#include <stdbool.h>

#include "bitx.h"

/* ---- tensors and their bases ------------------------------------------------------------------
 */

typedef enum cu_kind {
    CU_NEAR,    /* each element a few steps from the base's, as after a fine-tune */
    CU_SPARSE,  /* one element in fifty is */
    CU_SAME,    /* equal to the base */
    CU_RANDOM,  /* unrelated bytes: NaNs, infinities, everything */
    CU_ZERO,    /* all zero, the base random */
    CU_REPEAT,  /* text-like: zstd's case */
    CU_TUNED,   /* steps that follow the exponent, and differ from row to row */
    CU_RECORDS, /* scales and bytes of two peaked nibbles, as quantised weights have them */
    CU_KINDS
} cu_kind;

typedef struct cu_rng {
    uint64_t state;
} cu_rng;

uint64_t cu_random(cu_rng *rng);

/* n bytes of a tensor and of a base, the same for equal arguments on every machine. */
void cu_fill(cu_kind kind, bitx_dtype dtype, uint64_t seed, uint8_t *src, uint8_t *base, size_t n);

/* The bytes of FOLDER/NAME.KIND; aborts if it is not there or has more than cap. */
size_t cu_read_file(const char *folder, const char *name, const char *kind, uint8_t *dst,
                    size_t cap);

/* ---- memory that faults beyond its ends ---------------------------------------------------------
 */

typedef struct cu_guard {
    uint8_t *map;
    size_t map_nbytes;
    size_t page, capacity;
} cu_guard;

/* Room for `capacity` bytes between two inaccessible pages. */
void cu_guard_make(cu_guard *guard, size_t capacity);
void cu_guard_free(cu_guard *guard);
uint8_t *cu_guard_low(const cu_guard *guard);                 /* just behind the first guard page */
uint8_t *cu_guard_high(const cu_guard *guard, size_t nbytes); /* nbytes that end at the second */

/* ---- allocators ---------------------------------------------------------------------------------
 */

/* Counts, and fails the allocation number fail_at (0: never), and all after it if `all`. */
typedef struct cu_counter {
    size_t ncalls, nlive, fail_at, largest;
    bool all;
} cu_counter;

bitx_allocator cu_counting(cu_counter *counter);

/* ---- executors
 * ------------------------------------------------------------------------------------ */

/* Threads that take indices from a shared counter. */
bitx_executor cu_threads(unsigned *nworkers);
/* The calling thread, last index first, workers in turn. */
bitx_executor cu_backwards(unsigned *nworkers);

/* ---- headers
 * ---------------------------------------------------------------------------------------- */

/* Size of the header by FORMAT.md, read independently of the library; 0 if it does not fit in n. */
size_t cu_header_nbytes(const uint8_t *frame, size_t n);
/* Offset of the block table in such a header. */
size_t cu_rows_offset(const uint8_t *frame, size_t n);
/* Recomputes the checksum of the header; false if there is none. */
bool cu_reseal(uint8_t *frame, size_t n);
/* Makes base the one that a frame with a valid header asks for, and reseals it. */
void cu_rebase(uint8_t *frame, size_t n, const uint8_t *base, size_t base_n);
/* The same of the matrices of an adapter, which the frame must need. */
void cu_readapt(uint8_t *frame, size_t n, const uint8_t *a, size_t a_n, const uint8_t *b,
                size_t b_n);
uint64_t cu_hash64(const void *data, size_t n);
void cu_hash128(uint8_t hash[16], const void *data, size_t n);

/* Writes a varint at p and returns the byte after it. */
uint8_t *cu_varint(uint8_t *p, uint64_t v);

/* bitx_codec ids that this build can encode with, AUTO first. */
bool cu_codec_exists(bitx_codec codec);

#endif
