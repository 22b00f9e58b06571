/* XXH3, compiled into this library alone. */
#ifndef CODEC_HASH_H
#define CODEC_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t bitx_hash64(const void *data, size_t nbytes);
/* Canonical form: big-endian, as `xxhsum -H2` prints it. */
void bitx_hash128(uint8_t hash[16], const void *data, size_t nbytes);

/* The same of bytes that come in pieces: one stream, ended either way. */
typedef struct bitx_hash_stream {
    _Alignas(64) unsigned char state[640];
} bitx_hash_stream;

void bitx_hash_begin(bitx_hash_stream *s);
void bitx_hash_add(bitx_hash_stream *s, const void *data, size_t nbytes);
uint64_t bitx_hash64_end(const bitx_hash_stream *s);
void bitx_hash128_end(bitx_hash_stream *s, uint8_t hash[16]);

#endif
