/* Strings of bits in bytes, lowest bit first. Internal to codec/. */
#ifndef CODEC_BITS_H
#define CODEC_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* n of 64 low bits, n at most 64. */
static inline uint64_t bits_low(uint64_t v, unsigned n)
{
    return n < 64 ? v & (((uint64_t)1 << n) - 1) : v;
}

/* Position of the highest set bit; v is not 0. */
static inline unsigned bits_log2(uint64_t v)
{
    return 63 - (unsigned)__builtin_clzll(v);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Never writes beyond cap: `full` is set instead, and stays set. */
typedef struct bit_writer {
    uint8_t *dst;
    size_t cap, nbytes; /* nbytes: whole bytes written */
    uint64_t word;
    unsigned fill; /* bits in word, below 64 */
    bool full;
} bit_writer;

static inline void bits_put(bit_writer *w, uint64_t v, unsigned n)
{
    v = bits_low(v, n);
    w->word |= v << w->fill;
    if (w->fill + n < 64) {
        w->fill += n;
        return;
    }
    if (w->cap - w->nbytes >= 8) {
        memcpy(w->dst + w->nbytes, &w->word, 8);
        w->nbytes += 8;
    } else {
        w->full = true;
    }
    w->word = w->fill ? v >> (64 - w->fill) : 0;
    w->fill = w->fill + n - 64;
}

/* Ends at a byte, zero bits in between. */
static inline void bits_flush(bit_writer *w)
{
    size_t n = (w->fill + 7) / 8;
    if (w->cap - w->nbytes >= n) {
        memcpy(w->dst + w->nbytes, &w->word, n);
        w->nbytes += n;
    } else {
        w->full = true;
    }
    w->word = 0;
    w->fill = 0;
}

/* Behind bits_flush() only. */
static inline void bits_put_bytes(bit_writer *w, const uint8_t *bytes, size_t n)
{
    if (w->full || n > w->cap - w->nbytes) {
        w->full = true;
        return;
    }
    memcpy(w->dst + w->nbytes, bytes, n);
    w->nbytes += n;
}

/*
 * Room for n bits that somebody else writes, at the bit number returned of dst: between the two
 * calls, all bits before it are in memory. SIZE_MAX if there is no room.
 */
static inline size_t bits_lend(bit_writer *w, size_t n)
{
    size_t pos = 8 * w->nbytes + w->fill;
    if (w->full || pos > 8 * w->cap || n > 8 * w->cap - pos) {
        w->full = true;
        return SIZE_MAX;
    }
    memcpy(w->dst + w->nbytes, &w->word, (w->fill + 7) / 8);
    return pos;
}

static inline void bits_return(bit_writer *w, size_t pos, size_t n)
{
    w->nbytes = (pos + n) / 8;
    w->fill = (pos + n) % 8;
    w->word = w->fill ? w->dst[w->nbytes] & ((1u << w->fill) - 1) : 0;
}

/* Exponential Golomb: as many ones as v + 1 has bits below its highest, a zero, those bits. */
static inline void bits_put_number(bit_writer *w, uint64_t v)
{
    unsigned n = bits_log2(v + 1);
    bits_put(w, (uint64_t)-1, n);
    bits_put(w, 0, 1);
    bits_put(w, v + 1, n);
}

static inline void bits_put_signed(bit_writer *w, int64_t v)
{
    bits_put_number(w, v < 0 ? 2 * (uint64_t)(-v) - 1 : 2 * (uint64_t)v);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* 64 bits from bit `pos` on; bits beyond the bytes are zero. */
static inline uint64_t bits_peek(const uint8_t *src, size_t nbytes, size_t pos)
{
    size_t byte = pos / 8;
    unsigned shift = pos % 8;
    uint64_t v = 0;
    if (byte + 9 <= nbytes) {
        memcpy(&v, src + byte, 8);
        return v >> shift | (uint64_t)src[byte + 8] << 1 << (63 - shift);
    }
    if (byte >= nbytes)
        return 0;
    size_t n = nbytes - byte; /* 1 to 8 */
    memcpy(&v, src + byte, n);
    return v >> shift;
}

typedef struct bit_reader {
    const uint8_t *src;
    size_t nbytes, pos; /* pos in bits */
    bool bad;           /* read beyond the end, or a number out of its range */
} bit_reader;

static inline uint64_t bits_get(bit_reader *r, unsigned n)
{
    if (n > 8 * r->nbytes - r->pos) {
        r->bad = true;
        return 0;
    }
    uint64_t v = bits_low(bits_peek(r->src, r->nbytes, r->pos), n);
    r->pos += n;
    return v;
}

/* Ones up to a zero, which is passed over; of `most` ones (below 64), no zero follows. */
static inline unsigned bits_get_ones(bit_reader *r, unsigned most)
{
    uint64_t v = bits_peek(r->src, r->nbytes, r->pos);
    unsigned n = (unsigned)__builtin_ctzll(~bits_low(v, most));
    bits_get(r, n < most ? n + 1 : n);
    return r->bad ? 0 : n;
}

static inline uint64_t bits_get_number(bit_reader *r, uint64_t max)
{
    unsigned n = bits_get_ones(r, 48);
    uint64_t v = ((uint64_t)1 << n) - 1 + bits_get(r, n);
    if (v > max)
        r->bad = true;
    return r->bad ? 0 : v;
}

static inline int64_t bits_get_signed(bit_reader *r, uint64_t max)
{
    uint64_t v = bits_get_number(r, 2 * max);
    return v & 1 ? -(int64_t)(v / 2) - 1 : (int64_t)(v / 2);
}

/* Moves to the next byte; the bits skipped must be zero. */
static inline void bits_align(bit_reader *r)
{
    if (bits_get(r, (8 - r->pos % 8) % 8) != 0)
        r->bad = true;
}

#endif
