/* XXH3 by ISA: the same values, other vectors. Internal to codec/. */
#ifndef CODEC_HASH_ROWS_H
#define CODEC_HASH_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hash.h"

uint64_t bitx_hash64_avx2(const void *data, size_t nbytes);
void bitx_hash128_avx2(uint8_t hash[16], const void *data, size_t nbytes);
uint64_t bitx_hash64_avx512(const void *data, size_t nbytes);
void bitx_hash128_avx512(uint8_t hash[16], const void *data, size_t nbytes);
void bitx_hash_begin_avx2(bitx_hash_stream *s);
void bitx_hash_add_avx2(bitx_hash_stream *s, const void *data, size_t nbytes);
uint64_t bitx_hash64_end_avx2(const bitx_hash_stream *s);
void bitx_hash128_end_avx2(bitx_hash_stream *s, uint8_t hash[16]);
void bitx_hash_begin_avx512(bitx_hash_stream *s);
void bitx_hash_add_avx512(bitx_hash_stream *s, const void *data, size_t nbytes);
uint64_t bitx_hash64_end_avx512(const bitx_hash_stream *s);
void bitx_hash128_end_avx512(bitx_hash_stream *s, uint8_t hash[16]);

#endif
