/* Wavelet trees: partition and merge. */
#include "tree.h"

#include "bitx/kernels.h"

size_t bitx_tree_arena_nbytes(size_t n)
{
    /* A plane for every depth on the way down, and below the last of them a tree of its own,
       with two lists, a plane and again a tree, each of an eighth. */
    return (SYMBOL_BITS_MAX + 1) * (n / 8 + 16 + TREE_SLACK) + n + 8192;
}

static uint8_t *take(bitx_arena *arena, size_t nbytes)
{
    uint8_t *p = arena->bytes;
    if (nbytes > arena->nbytes)
        return NULL;
    arena->bytes += nbytes;
    arena->nbytes -= nbytes;
    return p;
}

static unsigned plane_of(const bitx_code *code, unsigned d, unsigned child)
{
    unsigned inner = code->inner[d] + child;
    return inner < CODE_PLANES_MAX ? code->planes[inner] : 0;
}

/* Ones and zeros exchanged where asked for; the bits that fill the last byte are zero. */
static void invert_plane(unsigned plane, uint8_t *bytes, size_t n)
{
    size_t nbytes = (n + 7) / 8;
    if (plane & CODE_INVERT)
        for (size_t i = 0; i < nbytes; i++)
            bytes[i] = (uint8_t)~bytes[i];
    if (n % 8)
        bytes[nbytes - 1] &= (uint8_t)((1u << n % 8) - 1);
}

/* ---- encoding ------------------------------------------------------------------------------ */

static void encode_plane(bit_writer *w, unsigned plane, uint8_t *bytes, size_t n, bitx_arena arena)
{
    size_t nbytes = (n + 7) / 8;
    uint8_t rank[256];
    bitx_code code;
    bitx_code_fixed(&code, plane & 63u);
    for (unsigned i = 0; i < 256; i++)
        rank[code.symbol[i]] = (uint8_t)i;
    invert_plane(plane, bytes, n);
    bitx_map_u8(bytes, bytes, rank, nbytes);
    uint8_t *other = take(&arena, nbytes);
    if (other)
        bitx_tree_encode(w, &code, bytes, other, nbytes, arena);
    else
        w->full = true;
}

/* Of a decision: the ranks of its children, if they are leaves, and from which on the right has
   them. */
typedef struct decision {
    unsigned pivot;
    bool low_leaf, high_leaf;
} decision;

static decision decision_of(const bitx_code *code, unsigned d, unsigned child)
{
    unsigned low = 2 * child, leaves = code->count[d + 1];
    return (decision){code_first_rank(code, d + 1, low + 1), low < leaves, low + 1 < leaves};
}

/* The plane of list x, and its halves: a leaf has no list. Of one half only, it is in y. */
static size_t split_list(const decision *at, uint8_t *plane, size_t bit, uint8_t *x, uint8_t *y,
                         size_t n)
{
    if (at->high_leaf) /* and low too: leaves are leftmost */
        return bitx_partition_const_u8(plane, bit, x, n, at->pivot);
    if (at->low_leaf)
        return bitx_partition_lowconst_u8(y, plane, bit, x, n, at->pivot - 1);
    return bitx_partition_u8(x, y, plane, bit, x, n, at->pivot);
}

/* x: the list, in place; y: as many bytes of room. */
static void encode_node(bit_writer *w, const bitx_code *code, unsigned d, unsigned j, uint8_t *x,
                        uint8_t *y, size_t n, bitx_arena arena)
{
    unsigned child = j - code->count[d];
    if (n == 0 || j < code->count[d] || w->full)
        return;
    unsigned plane = plane_of(code, d, child);
    const decision at = decision_of(code, d, child);
    size_t nhigh = 0;
    if (plane) {
        bitx_arena rest = arena;
        uint8_t *bytes = take(&rest, n / 8 + 8);
        w->full |= !bytes;
        if (w->full)
            return;
        nhigh = split_list(&at, bytes, 0, x, y, n);
        encode_plane(w, plane, bytes, n, rest);
    } else {
        size_t pos = bits_lend(w, n);
        if (pos == SIZE_MAX)
            return;
        nhigh = split_list(&at, w->dst, pos, x, y, n);
        bits_return(w, pos, n);
    }
    /* The lists fill one end of x and of y each, so each has the other's free end for room. */
    size_t nlow = n - nhigh;
    if (!at.low_leaf)
        encode_node(w, code, d + 1, 2 * child, x, y + nhigh, nlow, arena);
    if (!at.high_leaf)
        encode_node(w, code, d + 1, 2 * child + 1, y, x + nlow, nhigh, arena);
}

void bitx_tree_encode(bit_writer *w, const bitx_code *code, uint8_t *list, uint8_t *other, size_t n,
                      bitx_arena arena)
{
    if (n && code->nsymbols > 1)
        encode_node(w, code, 0, 0, list, other, n, arena);
}

/* ---- decoding ------------------------------------------------------------------------------ */

/* A string of bits that may begin inside a byte. */
typedef struct bit_plane {
    const uint8_t *bytes;
    size_t pos;
} bit_plane;

/* What all nodes of a tree have in common. plain: the number of the first decision from which on
   none is coded. */
typedef struct tree_reader {
    bit_reader *r;
    const bitx_code *code;
    unsigned plain;
} tree_reader;

static bool decode_plane(bit_reader *r, unsigned number, size_t n, bitx_arena *arena,
                         bit_plane *plane)
{
    size_t nbytes = (n + 7) / 8;
    uint8_t *bytes = take(arena, nbytes + TREE_SLACK);
    bitx_arena rest = *arena;
    uint8_t *other = take(&rest, nbytes + TREE_SLACK);
    if (!bytes || !other)
        return false;
    bitx_code code;
    bitx_code_fixed(&code, number & 63u);
    bitx_tree_decode(r, &code, bytes, other, nbytes, rest);
    if (r->bad)
        return false;
    invert_plane(number, bytes, n);
    *plane = (bit_plane){bytes, 0};
    return true;
}

/* All below a node of few elements, none of whose decisions is coded. */
static void decode_subtree(tree_reader *t, unsigned d, unsigned j, uint8_t *dst, size_t n)
{
    const bitx_tree_shape shape = {t->code->count, t->code->rank, t->code->symbol};
    bit_reader *r = t->r;
    size_t pos = bitx_subtree_u8(dst, n, &shape, d, j, r->src, r->nbytes, r->pos);
    r->bad |= pos == SIZE_MAX;
    r->pos = r->bad ? r->pos : pos;
}

/*
 * dst and other: n bytes each, of which up to TREE_SLACK behind may be overwritten: left children
 * come first, so that is nothing that is needed.
 */
static void decode_node(tree_reader *t, unsigned d, unsigned j, uint8_t *dst, uint8_t *other,
                        size_t n, bitx_arena arena)
{
    enum { FEW = 64 };
    const bitx_code *code = t->code;
    bit_reader *r = t->r;
    if (j < code->count[d] || n == 0 || r->bad)
        return;
    unsigned child = j - code->count[d];
    if (n <= FEW && code->inner[d] + child >= t->plain) {
        decode_subtree(t, d, j, dst, n);
        return;
    }
    unsigned number = plane_of(code, d, child);
    bit_plane plane = {r->src, r->pos};
    if (number) {
        if (!decode_plane(r, number, n, &arena, &plane)) {
            r->bad = true;
            return;
        }
    } else if (n > 8 * r->nbytes - r->pos) {
        r->bad = true;
        return;
    } else {
        r->pos += n;
    }
    size_t nhigh = (size_t)bitx_count_ones(plane.bytes, plane.pos, n), nlow = n - nhigh;
    unsigned low = 2 * child, high = low + 1;
    decode_node(t, d + 1, low, other, dst, nlow, arena);
    decode_node(t, d + 1, high, other + nlow, dst + nlow, nhigh, arena);
    if (r->bad)
        return;
    bool low_leaf = low < code->count[d + 1], high_leaf = high < code->count[d + 1];
    const uint8_t *leaf = code->symbol + code->rank[d + 1] + low;
    bitx_merge_lists_u8(dst, low_leaf ? NULL : other, low_leaf ? leaf[0] : 0,
                        high_leaf ? NULL : other + nlow, high_leaf ? leaf[1] : 0, plane.bytes,
                        plane.pos, n);
}

static unsigned first_plain(const bitx_code *code)
{
    unsigned n = CODE_PLANES_MAX;
    while (n > 0 && !code->planes[n - 1])
        n--;
    return n;
}

void bitx_tree_decode(bit_reader *r, const bitx_code *code, uint8_t *list, uint8_t *other, size_t n,
                      bitx_arena arena)
{
    tree_reader t = {r, code, first_plain(code)};
    if (n == 0)
        return;
    if (code->nsymbols == 0)
        r->bad = true;
    else if (code->nsymbols == 1)
        memset(list, code->symbol[0], n);
    else
        decode_node(&t, 0, 0, list, other, n, arena);
}

/* ---- lists of one symbol mostly ------------------------------------------------------------ */

unsigned bitx_tree_common(const bitx_code *code, unsigned common, bool *right)
{
    const unsigned number = code->planes[0];
    *right = code->count[1] > 1 && code->symbol[1] == common;
    if (code->nsymbols < 2 || code->count[1] == 0 || (!*right && code->symbol[0] != common))
        return 0;
    /* A decision is inverted where ones are more. */
    return *right == ((number & CODE_INVERT) != 0) ? number : 0;
}

size_t bitx_tree_decode_others(bit_reader *r, const bitx_code *code, unsigned common, uint8_t *list,
                               uint8_t *other, size_t n, bitx_arena *arena, const uint8_t **plane)
{
    bool right;
    tree_reader t = {r, code, first_plain(code)};
    const unsigned number = bitx_tree_common(code, common, &right) & ~(unsigned)CODE_INVERT;
    bit_plane bits;
    if (!decode_plane(r, number, n, arena, &bits)) {
        r->bad = true;
        return 0;
    }
    *plane = bits.bytes;
    const size_t nothers = (size_t)bitx_count_ones(bits.bytes, 0, n);
    if (right || code->count[1] > 1) /* both are leaves */
        memset(list, code->symbol[!right], nothers);
    else
        decode_node(&t, 1, 1, list, other, nothers, *arena);
    return nothers;
}

void bitx_tree_encode_others(bit_writer *w, const bitx_code *code, uint8_t *plane, size_t n,
                             uint8_t *list, uint8_t *other, size_t nothers, bitx_arena arena)
{
    /* Where the common symbol is the right child, the decision is inverted, and so is the plane. */
    encode_plane(w, code->planes[0] & ~(unsigned)CODE_INVERT, plane, n, arena);
    if (code->count[1] == 1)
        encode_node(w, code, 1, 1, list, other, nothers, arena);
}
