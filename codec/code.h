/*
 * Codes for symbols that are bytes: canonical prefix codes, each decision of which may be coded
 * once more. Internal to codec/.
 *
 * Symbols sorted by code length, then by value, have ranks, and lower ranks have lower codes. Seen
 * as a tree, the nodes of one depth from left to right are leaves first: node j of depth d is the
 * leaf of rank rank[d] + j if j < count[d], else its children are nodes 2 (j - count[d]) and that +
 * 1 of depth d + 1. So the counts are the tree, and a decision is a comparison of ranks.
 */
#ifndef CODEC_CODE_H
#define CODEC_CODE_H

#include "bits.h"
#include "bitx/codec.h"

enum {
    CODE_BITS_MAX = 20,   /* of the fixed codes */
    SYMBOL_BITS_MAX = 15, /* of codes in models */
    CODE_PLANES_MAX = 48, /* decisions that may be coded: the first of these, by depth */
    CODE_INVERT = 0x80    /* in planes[]: ones and zeros exchanged */
};

typedef struct bitx_code {
    uint16_t nsymbols;
    uint16_t count[CODE_BITS_MAX + 1]; /* leaves of each depth */
    uint16_t rank[CODE_BITS_MAX + 1];  /* of the first of them */
    uint16_t inner[CODE_BITS_MAX + 1]; /* inner nodes of all lesser depths */
    uint8_t planes[CODE_PLANES_MAX];   /* by inner node: 0 plain, or number of a fixed code */
    uint8_t symbol[256];               /* by rank */
} bitx_code;

/* From lengths (0xff: no such symbol); false if they are no complete code of up to `most` bits. */
bool bitx_code_from_lengths(bitx_code *code, const uint8_t lengths[256], unsigned most);

/* Code k of plane_codes.h, 1 to 40. */
void bitx_code_fixed(bitx_code *code, unsigned k);

/* Lengths of a best code of at most SYMBOL_BITS_MAX bits; 0xff for counts of 0. */
void bitx_code_lengths(const uint32_t counts[256], uint8_t lengths[256]);

/*
 * Chooses the decisions that are worth being coded: those of lists that are not short that become
 * smaller by a part that depends on the effort. A list of 500 bits takes as long as a plain one of
 * 50000. Returns the size of all decisions for symbols of these counts, in 1/16 bit.
 */
uint64_t bitx_code_choose_planes(bitx_code *code, const uint32_t counts[256], bitx_effort effort);

/* Symbols are below `limit`, and 255 too if `extra`. */
void bitx_code_write(bit_writer *w, const bitx_code *code, unsigned limit, bool extra);
void bitx_code_read(bit_reader *r, bitx_code *code, unsigned limit, bool extra);

/* The rank of the leftmost leaf at or below node j of depth d. */
static inline unsigned code_first_rank(const bitx_code *code, unsigned d, unsigned j)
{
    while (j >= code->count[d]) {
        j = 2 * (j - code->count[d]);
        d++;
    }
    return code->rank[d] + j;
}

/* log2 in units of 2^-16; v is not 0. */
uint32_t bitx_log2(uint64_t v);
/* The same to 8 bits of v, for counts. */
extern const uint32_t bitx_log2_table[257]; /* log2(1 + i / 256) */
static inline uint32_t code_log2(uint32_t v)
{
    unsigned n = 31 - (unsigned)__builtin_clz(v);
    return (n << 16) + bitx_log2_table[(n <= 8 ? v << (8 - n) : v >> (n - 8)) & 255];
}

/* Entropy of n counts in 1/16 bit. */
uint64_t bitx_entropy(const uint32_t *counts, size_t n);

/*
 * Counts of a list's bytes. Of long lists an eighth is counted, in short runs, which are brought to
 * `room` first: counting all takes a third as long as all else of an encoder and saves 0.1% of the
 * bytes. Where one byte is most of the list, a quarter is counted. Returns how many elements were.
 */
enum { COUNT_RUN = 512 };
/* In how many runs, n / that many apart; 0: all elements. `more`: where one symbol is nearly all.
 */
size_t bitx_count_runs(size_t n, bool more);
bool bitx_count_more(const uint32_t counts[256], size_t counted, size_t n);
size_t bitx_count_list(const uint8_t *list, size_t n, uint8_t *room, uint32_t counts[256]);

#endif
