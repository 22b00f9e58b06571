/* See follow.h. */
#include "follow.h"

static void add_base(bitx_follower *f, size_t end)
{
    end = end < f->base_nbytes ? end : f->base_nbytes;
    if (f->base_stream && f->done < end)
        bitx_hash_add(f->base_stream, f->base + f->done, end - f->done);
}

static void advance(bitx_progress *progress, size_t end)
{
    bitx_follower *f = (void *)progress;
    if (end <= f->done) /* of another codec that tries the block */
        return;
    if (f->done == 0)
        bitx_hash_begin(&f->stream);
    add_base(f, end);
    bitx_hash_add(&f->stream, f->block + f->done, end - f->done);
    f->done = end;
}

void bitx_follow(bitx_follower *f, const uint8_t *block, bitx_hash_stream *base_stream,
                 const uint8_t *base, size_t base_nbytes)
{
    f->progress.advance = advance;
    f->block = block;
    f->base = base;
    f->base_nbytes = base_nbytes;
    f->base_stream = base_stream;
    f->done = 0;
}

uint64_t bitx_follow_end(bitx_follower *f, size_t nbytes)
{
    add_base(f, f->base_nbytes);
    if (f->done == 0)
        return bitx_hash64(f->block, nbytes);
    if (f->done < nbytes)
        bitx_hash_add(&f->stream, f->block + f->done, nbytes - f->done);
    return bitx_hash64_end(&f->stream);
}
