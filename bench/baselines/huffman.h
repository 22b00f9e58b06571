/* Length-limited Huffman coding of bytes in four interleaved streams. */
#ifndef BENCH_HUFFMAN_H
#define BENCH_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

enum { HUFFMAN_MAX_BITS = 11, HUFFMAN_TABLE_NBYTES = 128, HUFFMAN_SLACK = 64 };

/* Code lengths of at most HUFFMAN_MAX_BITS for a histogram; 0 for absent symbols. The coded size in
   bits. A lone symbol gets one bit. */
uint64_t huffman_lengths(const uint32_t counts[256], uint8_t lengths[256]);

/*
 * Writes the lengths (four bits each), the sizes of three streams and the four streams. The number
 * of bytes written, or 0 if they do not fit cap (which must leave HUFFMAN_SLACK bytes of room).
 */
size_t huffman_encode(uint8_t *dst, size_t cap, const uint8_t *src, size_t n,
                      const uint8_t lengths[256]);

/* 0, or -1 on malformed input. Reads up to 8 bytes beyond nsrc. */
int huffman_decode(uint8_t *dst, size_t n, const uint8_t *src, size_t nsrc);

#endif
