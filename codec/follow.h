/* The hashes of a block and of its base, taken behind its codec, while both are in the caches.
   Internal to codec/. */
#ifndef CODEC_FOLLOW_H
#define CODEC_FOLLOW_H

#include "block.h"
#include "hash.h"

typedef struct bitx_follower {
    bitx_progress progress; /* for bitx_work; first, so that it is found again */
    const uint8_t *block, *base;
    size_t base_nbytes;
    bitx_hash_stream *base_stream; /* NULL: nobody asks */
    size_t done;
    bitx_hash_stream stream; /* from the first advance on */
} bitx_follower;

/* base, base_nbytes: what the block adds to base_stream, if that is not NULL. */
void bitx_follow(bitx_follower *f, const uint8_t *block, bitx_hash_stream *base_stream,
                 const uint8_t *base, size_t base_nbytes);

/* Adds what is left; the XXH3-64 of the block's nbytes. */
uint64_t bitx_follow_end(bitx_follower *f, size_t nbytes);

#endif
