/* memcpy: the speed that nobody beats. */
#include <stdlib.h>
#include <string.h>

#include "bench/codec.h"
#include "baselines.h"

static void *copy_open(size_t max_nbytes, unsigned nthreads)
{
    (void)max_nbytes;
    (void)nthreads;
    return malloc(1);
}

static size_t copy_bound(size_t nbytes)
{
    return nbytes;
}

static int copy_encode(void *state, const bench_tensor *t, uint8_t *dst, size_t cap, size_t *ndst)
{
    (void)state;
    if (cap < t->nbytes)
        return -1;
    memcpy(dst, t->data, t->nbytes);
    *ndst = t->nbytes;
    return 0;
}

static int copy_decode(void *state, const bench_tensor *t, uint8_t *dst, const uint8_t *src,
                       size_t nsrc)
{
    (void)state;
    if (nsrc != t->nbytes)
        return -1;
    memcpy(dst, src, nsrc);
    return 0;
}

const bench_codec bench_codec_memcpy = {
    "memcpy",  "copies", 0,          bench_version_own, NULL,
    copy_open, free,     copy_bound, copy_encode,       copy_decode,
};
