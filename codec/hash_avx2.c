/* XXH3 with 256-bit vectors, which xxhash.h chooses when it is compiled. */
#include "hash_rows.h"

#if defined(__x86_64__)
#    include <immintrin.h>

#    if defined(__clang__)
#        pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#    else
#        pragma GCC push_options
#        pragma GCC target("avx2")
#    endif

#    define XXH_VECTOR 2 /* XXH_AVX2 */
#    define XXH_INLINE_ALL
#    include <xxhash.h>

uint64_t bitx_hash64_avx2(const void *data, size_t nbytes)
{
    return XXH3_64bits(data, nbytes);
}

void bitx_hash128_avx2(uint8_t hash[16], const void *data, size_t nbytes)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, nbytes));
    memcpy(hash, canonical.digest, 16);
}

void bitx_hash_begin_avx2(bitx_hash_stream *s)
{
    XXH3_128bits_reset((void *)s->state);
}

void bitx_hash_add_avx2(bitx_hash_stream *s, const void *data, size_t nbytes)
{
    XXH3_128bits_update((void *)s->state, data, nbytes);
}

uint64_t bitx_hash64_end_avx2(const bitx_hash_stream *s)
{
    return XXH3_64bits_digest((const void *)s->state);
}

void bitx_hash128_end_avx2(bitx_hash_stream *s, uint8_t hash[16])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest((const void *)s->state));
    memcpy(hash, canonical.digest, 16);
}

#    if defined(__clang__)
#        pragma clang attribute pop
#    else
#        pragma GCC pop_options
#    endif
#endif
