/*
 * Codecs by zstd, which take longer than all others together, are tried only where they may win. On
 * the bytes of floats, zstd is an entropy coder of single bytes, unless there are repeats: both are
 * seen in a few thousand bytes, at the cost of a tenth of a cycle for each element of a large
 * block.
 */
#include "screen.h"

#include <string.h>

#include "words.h"

enum {
    PIECES = 8,
    PIECE = 512,     /* units */
    WINDOW_LOG2 = 10 /* entries of the table of repeats */
};

typedef struct screen {
    uint32_t counts[8][256]; /* of each byte plane */
    uint16_t seen[1 << WINDOW_LOG2];
    uint32_t nunits, repeats;
} screen;

/* Repeats: whether six units, none of them zero, stood before somewhere with the same hash. window:
   ten bits of each. */
static void note_repeat(screen *s, uint64_t window)
{
    uint64_t hash = window * 0x9e3779b97f4a7c15u;
    uint16_t *at = &s->seen[hash >> (64 - WINDOW_LOG2)], tag = (uint16_t)(hash >> 32 | 1);
    s->repeats += *at == tag;
    *at = tag;
}

static void take_piece(screen *s, const bitx_span *span, const uint8_t *src, size_t from,
                       bool with_base)
{
    size_t unit = bitx_unit_nbytes(span->dtype);
    bool bf16 = span->dtype == BITX_BF16;
    uint64_t window = 0;
    unsigned run = 0;
    for (size_t i = from; i < from + PIECE; i++) {
        uint64_t v = word_load(src, i, (unsigned)unit);
        if (with_base && (i + 1) * unit <= span->base_nbytes)
            v ^= word_load(span->base, i, (unsigned)unit);
        window = window << 10 ^ v * 0xc2b2ae3d27d4eb4fu >> 54;
        run = v ? run + 1 : 0;
        if (run >= 7)
            note_repeat(s, window);
        if (bf16) /* exponent, and sign and mantissa, as codec bitx has them */
            v = (v & 0x7f) | (v >> 8 & 0x80) | (v >> 7 & 0xff) << 8;
        for (size_t k = 0; k < unit; k++)
            s->counts[k][v >> 8 * k & 0xff]++;
    }
    s->nunits += PIECE;
}

bool bitx_screen(const bitx_block_codec *codec, const bitx_span *span, const uint8_t *src,
                 size_t nbytes)
{
    size_t unit = bitx_unit_nbytes(span->dtype), nunits = span->nbytes / unit;
    if (nunits < (size_t)PIECES * PIECE)
        return true;
    screen s;
    memset(&s, 0, sizeof(s));
    bool planes = codec->id == BITX_CODEC_BITX;
    for (size_t i = 0; i < PIECES; i++)
        take_piece(&s, span, src, i * (nunits - PIECE) / (PIECES - 1), planes && span->base);
    if (s.repeats > s.nunits / 64)
        return true;
    if (!planes) /* one table for all bytes */
        for (size_t k = 1; k < unit; k++)
            for (unsigned v = 0; v < 256; v++)
                s.counts[0][v] += s.counts[k][v];
    uint64_t bits = 0;
    for (size_t k = 0; k < (planes ? unit : 1); k++)
        bits += bitx_entropy(s.counts[k], 256);
    /* In 1/16 bit. A sample of a plane of noise seems to have 4% less than it has; zstd adds 1%. */
    uint64_t estimate = bits / 128 * nunits / s.nunits;
    return estimate - estimate / 64 < nbytes;
}
