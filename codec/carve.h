/* Scratch memory in pieces. Internal to codec/. */
#ifndef CODEC_CARVE_H
#define CODEC_CARVE_H

#include <stddef.h>
#include <stdint.h>

/* Sizes up to a multiple of 64, so that every piece is aligned like the scratch. */
static inline size_t carved(size_t nbytes)
{
    return (nbytes + 63) & ~(size_t)63;
}

static inline uint8_t *carve(uint8_t **at, size_t nbytes)
{
    uint8_t *p = *at;
    *at += carved(nbytes);
    return p;
}

#endif
