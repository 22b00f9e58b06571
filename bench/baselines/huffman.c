/* Huffman coding of bytes. Codes are stored bit-reversed, so that streams are read from bit 0 up.
 */
#include "huffman.h"

#include <stdlib.h>
#include <string.h>

#include "bench/codec.h"

enum { SYMBOLS = 256, TABLE = 1 << HUFFMAN_MAX_BITS, STREAMS = 4 };

static int by_count(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Two-queue Huffman over leaves sorted by count; depth of each leaf. */
static void tree_depths(const uint64_t *sorted, size_t n, uint8_t *depth)
{
    uint64_t weight[2 * SYMBOLS];
    uint16_t parent[2 * SYMBOLS];
    uint8_t level[2 * SYMBOLS];
    size_t leaf = 0, node = n, made = n;
    for (size_t i = 0; i < n; i++)
        weight[i] = sorted[i] >> 8;
    while (made < 2 * n - 1) {
        size_t pick[2];
        for (int k = 0; k < 2; k++)
            pick[k] = leaf < n && (node >= made || weight[leaf] <= weight[node]) ? leaf++ : node++;
        weight[made] = weight[pick[0]] + weight[pick[1]];
        parent[pick[0]] = parent[pick[1]] = (uint16_t)made++;
    }
    level[made - 1] = 0;
    for (size_t i = made - 1; i-- > 0;)
        level[i] = (uint8_t)(level[parent[i]] + 1);
    memcpy(depth, level, n);
}

/* Clamps to the limit, then lengthens the rarest codes until Kraft's sum fits, and gives what is
   left to the most frequent. Leaves are sorted by rising count. */
static void limit_depths(uint8_t *depth, size_t n)
{
    uint32_t kraft = 0;
    for (size_t i = 0; i < n; i++) {
        if (depth[i] > HUFFMAN_MAX_BITS)
            depth[i] = HUFFMAN_MAX_BITS;
        kraft += TABLE >> depth[i];
    }
    for (size_t i = 0; kraft > TABLE; i = i + 1 < n ? i + 1 : 0)
        if (depth[i] < HUFFMAN_MAX_BITS)
            kraft -= TABLE >> ++depth[i];
    for (size_t i = n; i-- > 0;)
        while (depth[i] > 1 && kraft + (uint32_t)(TABLE >> depth[i]) <= TABLE)
            kraft += TABLE >> depth[i]--;
}

uint64_t huffman_lengths(const uint32_t counts[256], uint8_t lengths[256])
{
    uint64_t sorted[SYMBOLS], bits = 0;
    uint8_t depth[SYMBOLS];
    size_t n = 0;
    memset(lengths, 0, SYMBOLS);
    for (unsigned s = 0; s < SYMBOLS; s++)
        if (counts[s])
            sorted[n++] = (uint64_t)counts[s] << 8 | s;
    if (n == 0)
        return 0;
    qsort(sorted, n, sizeof(*sorted), by_count);
    depth[0] = 1;
    if (n > 1) {
        tree_depths(sorted, n, depth);
        limit_depths(depth, n);
    }
    for (size_t i = 0; i < n; i++) {
        lengths[sorted[i] & 0xff] = depth[i];
        bits += (sorted[i] >> 8) * depth[i];
    }
    return bits;
}

/* Canonical codes, bit-reversed; -1 if the lengths are no prefix code. */
static int canonical_codes(const uint8_t *lengths, uint16_t *codes)
{
    uint32_t next = 0;
    for (unsigned len = 1; len <= HUFFMAN_MAX_BITS; len++) {
        for (unsigned s = 0; s < SYMBOLS; s++) {
            if (lengths[s] != len)
                continue;
            if (next >= 1U << len)
                return -1;
            unsigned reversed = 0;
            for (unsigned b = 0; b < len; b++)
                reversed |= (next >> b & 1) << (len - 1 - b);
            codes[s] = (uint16_t)reversed;
            next++;
        }
        next <<= 1;
    }
    return 0;
}

static size_t stream_begin(size_t n, unsigned stream)
{
    return n * stream / STREAMS;
}

static uint8_t *encode_stream(uint8_t *dst, const uint8_t *src, size_t n, const uint32_t *code)
{
    uint64_t acc = 0;
    unsigned fill = 0; /* at most 7 bits wait, so five codes fit beside them */
    size_t i = 0;
    for (; i + 5 <= n; i += 5) {
        for (size_t k = 0; k < 5; k++) {
            uint32_t c = code[src[i + k]];
            acc |= (uint64_t)(c >> 4) << fill;
            fill += c & 15;
        }
        bench_store64(dst, acc);
        dst += fill >> 3;
        acc >>= fill & ~7U;
        fill &= 7;
    }
    for (; i < n; i++) {
        uint32_t c = code[src[i]];
        acc |= (uint64_t)(c >> 4) << fill;
        fill += c & 15;
    }
    bench_store64(dst, acc);
    return dst + (fill + 7) / 8;
}

size_t huffman_encode(uint8_t *dst, size_t cap, const uint8_t *src, size_t n,
                      const uint8_t lengths[256])
{
    uint16_t codes[SYMBOLS] = {0};
    uint32_t packed[SYMBOLS];
    size_t worst = HUFFMAN_TABLE_NBYTES + 12 + (n * HUFFMAN_MAX_BITS + 7) / 8 + HUFFMAN_SLACK;
    if (cap < worst || canonical_codes(lengths, codes) != 0)
        return 0;
    for (unsigned s = 0; s < SYMBOLS; s++)
        packed[s] = (uint32_t)codes[s] << 4 | lengths[s];
    for (unsigned s = 0; s < SYMBOLS; s += 2)
        dst[s / 2] = (uint8_t)(lengths[s] | lengths[s + 1] << 4);
    uint8_t *sizes = dst + HUFFMAN_TABLE_NBYTES, *at = sizes + 12;
    for (unsigned k = 0; k < STREAMS; k++) {
        size_t begin = stream_begin(n, k);
        uint8_t *end = encode_stream(at, src + begin, stream_begin(n, k + 1) - begin, packed);
        if (k < 3)
            bench_store32(sizes + 4 * k, (uint32_t)(end - at));
        at = end;
    }
    return (size_t)(at - dst);
}

static int decode_table(const uint8_t *src, uint16_t *table)
{
    uint8_t lengths[SYMBOLS];
    uint16_t codes[SYMBOLS];
    for (unsigned s = 0; s < SYMBOLS; s += 2) {
        lengths[s] = src[s / 2] & 15;
        lengths[s + 1] = src[s / 2] >> 4;
        if (lengths[s] > HUFFMAN_MAX_BITS || lengths[s + 1] > HUFFMAN_MAX_BITS)
            return -1;
    }
    if (canonical_codes(lengths, codes) != 0)
        return -1;
    memset(table, 0, TABLE * sizeof(*table));
    for (unsigned s = 0; s < SYMBOLS; s++)
        for (unsigned c = codes[s]; lengths[s] && c < TABLE; c += 1U << lengths[s])
            table[c] = (uint16_t)(s << 4 | lengths[s]);
    return 0;
}

typedef struct bit_reader {
    const uint8_t *p;
    uint64_t bits; /* position in bits from p */
    uint64_t nbits;
} bit_reader;

static inline unsigned decode_one(uint64_t *window, bit_reader *r, const uint16_t *table)
{
    unsigned e = table[*window & (TABLE - 1)];
    *window >>= e & 15;
    r->bits += e & 15;
    return e >> 4;
}

static inline uint64_t peek(const bit_reader *r)
{
    return bench_load64(r->p + (r->bits >> 3)) >> (r->bits & 7);
}

/* The streams side by side while all have five symbols left. */
static void decode_rounds(uint8_t *const *out, size_t nrounds, bit_reader *r, const uint16_t *table)
{
    for (size_t i = 0; i < nrounds; i++) {
        uint64_t w[STREAMS];
        for (int k = 0; k < STREAMS; k++) {
            /* A damaged stream runs past its end; it stays inside the buffer then. */
            if (r[k].bits > r[k].nbits)
                r[k].bits = r[k].nbits;
            w[k] = peek(&r[k]);
        }
        for (int j = 0; j < 5; j++)
            for (int k = 0; k < STREAMS; k++)
                out[k][5 * i + (size_t)j] = (uint8_t)decode_one(&w[k], &r[k], table);
    }
}

int huffman_decode(uint8_t *dst, size_t n, const uint8_t *src, size_t nsrc)
{
    uint16_t table[TABLE];
    bit_reader r[STREAMS];
    uint8_t *out[STREAMS];
    if (nsrc < HUFFMAN_TABLE_NBYTES + 12 || decode_table(src, table) != 0)
        return -1;
    const uint8_t *at = src + HUFFMAN_TABLE_NBYTES + 12;
    size_t rest = nsrc - HUFFMAN_TABLE_NBYTES - 12;
    for (unsigned k = 0; k < STREAMS; k++) {
        size_t size = k < 3 ? bench_load32(src + HUFFMAN_TABLE_NBYTES + 4 * k) : rest;
        if (size > rest)
            return -1;
        r[k] = (bit_reader){at, 0, 8 * (uint64_t)size};
        at += size;
        rest -= size;
        out[k] = dst + stream_begin(n, k);
    }
    size_t nrounds = n / STREAMS / 5;
    decode_rounds(out, nrounds, r, table);
    for (unsigned k = 0; k < STREAMS; k++) {
        uint8_t *end = dst + stream_begin(n, k + 1);
        for (uint8_t *o = out[k] + 5 * nrounds; o < end; o++) {
            if (r[k].bits >= r[k].nbits)
                return -1;
            uint64_t w = peek(&r[k]);
            *o = (uint8_t)decode_one(&w, &r[k], table);
        }
        if (r[k].bits > r[k].nbits)
            return -1;
    }
    return 0;
}
