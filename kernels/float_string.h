/* What the files of float_split share: the folds by name, and strings of fields of one size. */
#ifndef BITX_FLOAT_STRING_H
#define BITX_FLOAT_STRING_H

#include <stdint.h>
#include <string.h>

/* bitx_float_params.fold */
enum { FLOAT_FOLD_NONE, FLOAT_FOLD_SIGN, FLOAT_FOLD_INTEGER };

typedef struct float_string {
    uint8_t *at;
    uint64_t pending;
    unsigned fill; /* bits pending, below 64 */
} float_string;

/* n <= 64 bits, zeros above them; 8 bytes of room at least. */
static inline void float_put(float_string *s, uint64_t bits, unsigned n)
{
    s->pending |= bits << s->fill;
    if (s->fill + n < 64) {
        s->fill += n;
        return;
    }
    memcpy(s->at, &s->pending, 8);
    s->at += 8;
    s->pending = s->fill ? bits >> (64 - s->fill) : 0;
    s->fill = s->fill + n - 64;
}

static inline void float_end(const float_string *s)
{
    memcpy(s->at, &s->pending, (s->fill + 7) / 8);
}

#endif
