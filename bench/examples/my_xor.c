/*
 * A kernel of one's own against ours, without building anything else of bitx:
 *
 *     cc -O3 -march=native -shared -fPIC my_xor.c -o my_xor.so
 *     bitx-bench ab build/lib/libbitx.so ./my_xor.so --ops xor_bytes
 *
 * The library exports operations by our names and signatures (kernels/include/bitx/kernels.h):
 * bitx_xor_bytes() here, which stands against each ISA of ours in turn; bitx_xor_bytes_avx2() would
 * stand against avx2 alone. Before it is timed its output is compared with the scalar reference, in
 * a process of its own.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void bitx_xor_bytes(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n);

void bitx_xor_bytes(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n)
{
    size_t i = 0;
    for (; i + sizeof(uint64_t) <= n; i += sizeof(uint64_t)) {
        uint64_t x, y;
        memcpy(&x, a + i, sizeof(x));
        memcpy(&y, b + i, sizeof(y));
        x ^= y;
        memcpy(dst + i, &x, sizeof(x));
    }
    for (; i < n; i++)
        dst[i] = (uint8_t)(a[i] ^ b[i]);
}
