/*
 * Strings of bits that begin at any bit of a byte, lowest bit first; 64 at a time. Private to
 * kernels/. Nothing here touches a byte that holds none of the bits it is asked for.
 */
#ifndef BITX_BITSTRING_H
#define BITX_BITSTRING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bits [bit, bit + 64). */
static inline uint64_t bits64_at(const uint8_t *p, size_t bit)
{
    unsigned shift = bit % 8;
    uint64_t v;
    memcpy(&v, p + bit / 8, 8);
    return shift ? v >> shift | (uint64_t)p[bit / 8 + 8] << (64 - shift) : v;
}

/* Bits [bit, bit + n), n from 1 to 63. */
static inline uint64_t bits_at(const uint8_t *p, size_t bit, size_t n)
{
    uint8_t bytes[16] = {0};
    memcpy(bytes, p + bit / 8, (bit % 8 + n + 7) / 8);
    return bits64_at(bytes, bit % 8) & (((uint64_t)1 << n) - 1);
}

/* Appends to a string: keeps the bits below the first, and zeroes those above the last. */
typedef struct bit_appender {
    uint8_t *next;
    uint64_t pending; /* `shift` bits */
    unsigned shift;   /* 0 to 7 */
} bit_appender;

static inline bit_appender append_at(uint8_t *p, size_t bit)
{
    bit_appender w = {p + bit / 8, 0, bit % 8};
    if (w.shift)
        w.pending = *w.next & ((1u << w.shift) - 1);
    return w;
}

static inline void append64(bit_appender *w, uint64_t bits)
{
    uint64_t v = w->pending | bits << w->shift;
    memcpy(w->next, &v, 8);
    w->next += 8;
    w->pending = w->shift ? bits >> (64 - w->shift) : 0;
}

/* The last n of 0 to 63 bits; those of `bits` above them are zero. */
static inline void append_last(bit_appender *w, uint64_t bits, size_t n)
{
    uint64_t v[2] = {w->pending | bits << w->shift, w->shift ? bits >> (64 - w->shift) : 0};
    memcpy(w->next, v, (w->shift + n + 7) / 8);
}

/* Appends fields of at most 56 bits, a qword stored for each: there must be room for it. */
typedef struct field_string {
    uint8_t *at;
    uint64_t pending, fill; /* fewer than 8 bits */
} field_string;

static inline field_string fields_at(uint8_t *p, size_t bit)
{
    field_string s = {p + bit / 8, 0, bit % 8};
    if (s.fill)
        s.pending = *s.at & ((1u << s.fill) - 1);
    return s;
}

/* bits: zeros above its n. */
static inline void fields_put(field_string *s, uint64_t bits, uint64_t n)
{
    s->pending |= bits << s->fill;
    memcpy(s->at, &s->pending, 8);
    s->fill += n;
    s->at += s->fill / 8;
    s->pending >>= s->fill & 56;
    s->fill &= 7;
}

/* Returns where the next bit would go, of the bytes that the string began in. */
static inline size_t fields_end(const field_string *s, const uint8_t *bytes)
{
    if (s->fill)
        *s->at = (uint8_t)s->pending;
    return 8 * (size_t)(s->at - bytes) + s->fill;
}

#endif
