/* Wavelet trees: partition and merge. */
#include "tree.h"

#include "plane_codes.h"

size_t bitx_tree_arena_nbytes(size_t n)
{
    /* A plane for every depth on the way down, and below the last of them a tree of its own,
       with two lists, a plane and again a tree, each of an eighth. */
    return (SYMBOL_BITS_MAX + 1) * (n / 8 + 16) + n + 4096;
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

/* Up to 64 decisions "rank >= pivot", and both lists. *low may be src: it never overtakes. */
static uint64_t partition64(const uint8_t *src, size_t n, unsigned pivot, uint8_t **low,
                            uint8_t **high)
{
    uint64_t bits = 0;
    uint8_t *l = *low, *h = *high;
    for (size_t i = 0; i < n; i++) {
        uint8_t x = src[i];
        size_t bit = x >= pivot;
        bits |= (uint64_t)bit << i;
        *l = x;
        *h = x;
        l += 1 - bit;
        h += bit;
    }
    *low = l;
    *high = h;
    return bits;
}

static void encode_plane(bit_writer *w, unsigned plane, uint8_t *bytes, size_t n, bitx_arena arena)
{
    size_t nbytes = (n + 7) / 8;
    uint8_t rank[256];
    bitx_code code;
    bitx_code_fixed(&code, plane & 63u);
    for (unsigned i = 0; i < 256; i++)
        rank[code.symbol[i]] = (uint8_t)i;
    invert_plane(plane, bytes, n);
    for (size_t i = 0; i < nbytes; i++)
        bytes[i] = rank[bytes[i]];
    uint8_t *other = take(&arena, nbytes);
    if (other)
        bitx_tree_encode(w, &code, bytes, other, nbytes, arena);
    else
        w->full = true;
}

/* x: the list, in place; y: as many bytes of room. */
static void encode_node(bit_writer *w, const bitx_code *code, unsigned d, unsigned j, uint8_t *x,
                        uint8_t *y, size_t n, bitx_arena arena)
{
    unsigned child = j - code->count[d];
    if (n == 0 || j < code->count[d])
        return;
    unsigned plane = plane_of(code, d, child);
    unsigned pivot = code_first_rank(code, d + 1, 2 * child + 1);
    bitx_arena rest = arena;
    uint8_t *bytes = plane ? take(&rest, n / 8 + 8) : NULL;
    uint8_t *low = x, *high = y;
    for (size_t i = 0; i < n; i += 64) {
        size_t m = n - i < 64 ? n - i : 64;
        uint64_t bits = partition64(x + i, m, pivot, &low, &high);
        if (bytes)
            memcpy(bytes + i / 8, &bits, (m + 7) / 8);
        else
            bits_put(w, bits, (unsigned)m);
    }
    if (bytes)
        encode_plane(w, plane, bytes, n, rest);
    /* The lists fill one end of x and of y each, so each has the other's free end for room. */
    size_t nlow = (size_t)(low - x), nhigh = n - nlow;
    encode_node(w, code, d + 1, 2 * child, x, y + nhigh, nlow, arena);
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
    size_t nbytes, pos;
} bit_plane;

static uint64_t plane_word(const bit_plane *p, size_t i, size_t n)
{
    return bits_low(bits_peek(p->bytes, p->nbytes, p->pos + i),
                    n - i < 64 ? (unsigned)(n - i) : 64);
}

static size_t count_ones(const bit_plane *p, size_t n)
{
    size_t ones = 0;
    for (size_t i = 0; i < n; i += 64)
        ones += (size_t)__builtin_popcountll(plane_word(p, i, n));
    return ones;
}

/* low and high advance by their steps: 0 for a list that is one symbol over and over. Both are read
   one symbol beyond their ends, since a branch that depends on the bit costs more than all else. */
static void merge(uint8_t *dst, const bit_plane *p, size_t n, const uint8_t *low, size_t low_step,
                  const uint8_t *high, size_t high_step)
{
    for (size_t i = 0; i < n; i += 64) {
        uint64_t bits = plane_word(p, i, n);
        size_t m = n - i < 64 ? n - i : 64;
        for (size_t k = 0; k < m; k++) {
            unsigned mask = 0 - (unsigned)(bits & 1);
            unsigned l = *low, h = *high;
            dst[i + k] = (uint8_t)(l ^ ((l ^ h) & mask));
            high += high_step & (0 - (size_t)(bits & 1));
            low += low_step & ((size_t)(bits & 1) - 1);
            bits >>= 1;
        }
    }
}

static bool decode_plane(bit_reader *r, unsigned number, size_t n, bitx_arena *arena,
                         bit_plane *plane)
{
    size_t nbytes = (n + 7) / 8;
    uint8_t *bytes = take(arena, nbytes);
    bitx_arena rest = *arena;
    uint8_t *other = take(&rest, nbytes + 1);
    if (!bytes || !other)
        return false;
    bitx_code code;
    bitx_code_fixed(&code, number & 63u);
    bitx_tree_decode(r, &code, bytes, other, nbytes, rest);
    if (r->bad)
        return false;
    invert_plane(number, bytes, n);
    *plane = (bit_plane){bytes, nbytes, 0};
    return true;
}

/* dst: n bytes, other: n and one. */
static void decode_node(bit_reader *r, const bitx_code *code, unsigned d, unsigned j, uint8_t *dst,
                        uint8_t *other, size_t n, bitx_arena arena)
{
    if (j < code->count[d] || n == 0 || r->bad)
        return;
    unsigned child = j - code->count[d];
    unsigned number = plane_of(code, d, child);
    bit_plane plane = {r->src, r->nbytes, r->pos};
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
    size_t nhigh = count_ones(&plane, n), nlow = n - nhigh;
    unsigned low = 2 * child, high = low + 1;
    decode_node(r, code, d + 1, low, other, dst, nlow, arena);
    decode_node(r, code, d + 1, high, other + nlow, dst + nlow, nhigh, arena);
    if (r->bad)
        return;
    bool low_leaf = low < code->count[d + 1], high_leaf = high < code->count[d + 1];
    const uint8_t *leaves = code->symbol + code->rank[d + 1];
    merge(dst, &plane, n, low_leaf ? leaves + low : other, !low_leaf,
          high_leaf ? leaves + high : other + nlow, !high_leaf);
}

void bitx_tree_decode(bit_reader *r, const bitx_code *code, uint8_t *list, uint8_t *other, size_t n,
                      bitx_arena arena)
{
    if (n == 0)
        return;
    if (code->nsymbols == 0)
        r->bad = true;
    else if (code->nsymbols == 1)
        memset(list, code->symbol[0], n);
    else
        decode_node(r, code, 0, 0, list, other, n, arena);
}
