/* XXH3 of buffers. Inlined from xxhash.h, so that no symbol of it is ours to export. */
#include "hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t bitx_hash64(const void *data, size_t nbytes)
{
    return XXH3_64bits(data, nbytes);
}

void bitx_hash128(uint8_t hash[16], const void *data, size_t nbytes)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, nbytes));
    memcpy(hash, canonical.digest, 16);
}
