/* XXH3, compiled into this library alone. */
#ifndef CODEC_HASH_H
#define CODEC_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t bitx_hash64(const void *data, size_t nbytes);
/* Canonical form: big-endian, as `xxhsum -H2` prints it. */
void bitx_hash128(uint8_t hash[16], const void *data, size_t nbytes);

#endif
