/* XXH3 for identity and damage, SHA-256 for the hub's name of a file. */
#ifndef ZIPLLM_HASH_H
#define ZIPLLM_HASH_H

#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index.h" /* ZIPLLM_HASH_NBYTES */

/* Canonical (big-endian) form. */
static inline void zipllm_hash_store(uint8_t dst[ZIPLLM_HASH_NBYTES], XXH128_hash_t hash)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    for (int i = 0; i < ZIPLLM_HASH_NBYTES; i++)
        dst[i] = canonical.digest[i];
}

#endif
