/*
 * Lists of symbols as wavelet trees: every decision of a code is a plane of bits, one for each
 * symbol that reaches it, and the planes of a tree lie one after the other, a node before its left
 * subtree, that before the right one. Internal to codec/.
 *
 * Coding a level is a partition of a list into two, decoding it a merge, both of bytes by a mask.
 * A coded decision is its plane as bytes (the last filled with zero bits), as a tree of its own.
 */
#ifndef CODEC_TREE_H
#define CODEC_TREE_H

#include "code.h"

enum { TREE_SLACK = 64 };

/* Room for planes that are not plain, and for the lists of their own trees. */
typedef struct bitx_arena {
    uint8_t *bytes;
    size_t nbytes;
} bitx_arena;

/* Bytes of arena for lists of n symbols. */
size_t bitx_tree_arena_nbytes(size_t n);

/* list: ranks, not symbols; destroyed. other: n bytes. */
void bitx_tree_encode(bit_writer *w, const bitx_code *code, uint8_t *list, uint8_t *other, size_t n,
                      bitx_arena arena);

/* Symbols to list[0 .. n). other: n bytes. Of both, TREE_SLACK more may be written. Sets r->bad
   where the planes end too early, or for symbols where the code has none. */
void bitx_tree_decode(bit_reader *r, const bitx_code *code, uint8_t *list, uint8_t *other, size_t n,
                      bitx_arena arena);

#endif
