/*
 * How the low-rank kernels go over a matrix: a range of elements is cut into strips of rows and
 * tiles of 16 columns, since v is kept in such tiles: whatever the width of the matrix, they are
 * read in the order in which they lie. A strip of several rows reads each tile once: as many as the
 * ISA has registers for, else four, else one.
 */
#ifndef BITX_LOWRANK_H
#define BITX_LOWRANK_H

#include <string.h>

#define BITX_KERNEL_ROWS
#include "bitx/kernels.h"

enum { LOWRANK_TILE = 16, LOWRANK_ROWS = 4, LOWRANK_ROWS_MAX = 8 };
typedef enum lowrank_kind { LOWRANK_BF16, LOWRANK_F16, LOWRANK_F32 } lowrank_kind;

/* A tile of `rows` rows (1, 4 or 8), `stride` bytes apart, of 16 elements each. */
typedef struct lowrank_tile {
    uint8_t *dst;
    const uint8_t *base;
    const uint8_t *u; /* of the first row */
    const uint8_t *v; /* of the tile */
    size_t stride;
    unsigned rank;
    unsigned shift;
} lowrank_tile;

#define LOWRANK_WIDTH(kind) ((kind) == LOWRANK_F32 ? (size_t)4 : (size_t)2)

/*
 * strip_<kind>: columns [column, column + ncolumns) of `rows` rows. tile(t, rows, kind) does one
 * whole tile; the parts of tiles at the ends of a strip go through a buffer.
 */
#define LOWRANK_STRIP(attribute, name, tile, most, kind)                                           \
    attribute void name(const lowrank_tile *at, size_t column, size_t ncolumns, size_t rows)       \
    {                                                                                              \
        const size_t width = LOWRANK_WIDTH(kind);                                                  \
        const size_t end = column + ncolumns, tile_nbytes = (size_t)at->rank * 2 * LOWRANK_TILE;   \
        for (size_t j = column; j < end;) {                                                        \
            const size_t from = j % LOWRANK_TILE;                                                  \
            const size_t n = end - j < LOWRANK_TILE - from ? end - j : LOWRANK_TILE - from;        \
            lowrank_tile t = *at;                                                                  \
            t.dst += (j - column) * width;                                                         \
            t.base += (j - column) * width;                                                        \
            t.v += j / LOWRANK_TILE * tile_nbytes;                                                 \
            if (n == LOWRANK_TILE) {                                                               \
                if (rows == (most))                                                                \
                    tile(&t, most, kind);                                                          \
                else if (rows == LOWRANK_ROWS)                                                     \
                    tile(&t, LOWRANK_ROWS, kind);                                                  \
                else                                                                               \
                    tile(&t, 1, kind);                                                             \
            } else {                                                                               \
                for (size_t r = 0; r < rows; r++) {                                                \
                    uint8_t part[4 * LOWRANK_TILE] = {0};                                          \
                    lowrank_tile one = t;                                                          \
                    memcpy(part + from * width, t.base + r * t.stride, n * width);                 \
                    one.dst = part;                                                                \
                    one.base = part;                                                               \
                    one.u += r * t.rank * 2;                                                       \
                    tile(&one, 1, kind);                                                           \
                    memcpy(t.dst + r * t.stride, part + from * width, n * width);                  \
                }                                                                                  \
            }                                                                                      \
            j += n;                                                                                \
        }                                                                                          \
    }

typedef void lowrank_strip(const lowrank_tile *at, size_t column, size_t ncolumns, size_t rows);

/* The strips of elements [first, first + nelem) of the matrix. */
static inline void lowrank_walk(uint8_t *dst, const uint8_t *base, const uint8_t *u,
                                const uint8_t *v, size_t nelem, const bitx_lowrank_params *params,
                                size_t width, size_t most, lowrank_strip *strip)
{
    const size_t columns = params->columns;
    size_t row = params->first / columns, column = params->first % columns;
    lowrank_tile at = {dst, base, NULL, v, columns * width, params->rank, params->shift};
    while (nelem) {
        const size_t whole = column == 0 ? nelem / columns : 0;
        const size_t rows = whole >= most ? most : whole >= LOWRANK_ROWS ? LOWRANK_ROWS : 1;
        const size_t n = nelem < columns - column ? nelem : columns - column;
        at.u = u + row * params->rank * 2;
        strip(&at, column, n, rows);
        const size_t done = rows == 1 ? n : rows * columns;
        at.dst += done * width;
        at.base += done * width;
        nelem -= done;
        row += rows;
        column = 0;
    }
}

#define LOWRANK_FUNCTION(attribute, name, isa, most, kind)                                         \
    attribute void bitx_##name##_##isa(uint8_t *dst, const uint8_t *base, const uint8_t *u,        \
                                       const uint8_t *v, size_t nelem,                             \
                                       const bitx_lowrank_params *params)                          \
    {                                                                                              \
        float_modes modes = float_modes_set();                                                     \
        lowrank_walk(dst, base, u, v, nelem, params, LOWRANK_WIDTH(kind), most,                    \
                     strip_##name##_##isa);                                                        \
        float_modes_restore(modes);                                                                \
    }

/* most: rows of a strip, 4 or 8. */
#define LOWRANK_FUNCTIONS(attribute, isa, tile, most)                                              \
    LOWRANK_STRIP(attribute static, strip_lowrank_add_bf16_##isa, tile, most, LOWRANK_BF16)        \
    LOWRANK_STRIP(attribute static, strip_lowrank_add_f16_##isa, tile, most, LOWRANK_F16)          \
    LOWRANK_STRIP(attribute static, strip_lowrank_add_f32_##isa, tile, most, LOWRANK_F32)          \
    LOWRANK_FUNCTION(attribute, lowrank_add_bf16, isa, most, LOWRANK_BF16)                         \
    LOWRANK_FUNCTION(attribute, lowrank_add_f16, isa, most, LOWRANK_F16)                           \
    LOWRANK_FUNCTION(attribute, lowrank_add_f32, isa, most, LOWRANK_F32)

#endif
