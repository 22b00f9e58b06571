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

/*
 * Lists most of whose symbols are one, `common`: where it is a child of the root, whose plane is
 * coded and says so of most, the list is that plane and a list of the others. Returns 0 if the code
 * is of another kind, else the number of the root's fixed code, with CODE_INVERT if the common
 * symbol's bits are ones; *right: it is the right child.
 */
unsigned bitx_tree_common(const bitx_code *code, unsigned common, bool *right);

/*
 * Of such a list: *plane, in the arena, gets ones for the others, which go to list[]; returns how
 * many. list, other: as above.
 */
size_t bitx_tree_decode_others(bit_reader *r, const bitx_code *code, unsigned common, uint8_t *list,
                               uint8_t *other, size_t n, bitx_arena *arena, const uint8_t **plane);

/* The inverse: the plane (destroyed) of n bits, the ranks of the others (destroyed); other: as many
   bytes of room. For codes of this kind only. */
void bitx_tree_encode_others(bit_writer *w, const bitx_code *code, uint8_t *plane, size_t n,
                             uint8_t *list, uint8_t *other, size_t nothers, bitx_arena arena);

#endif
