/* kernels/ and dispatch/: plain names, the fastest row that this CPU has. Also as C++. */
#include <bitx/kernels.h>

#include <string.h>

int main(void)
{
    static uint8_t a[5000], b[5000], planes[10000], back[5000];
    for (int i = 0; i < 5000; i++) {
        a[i] = i * i >> 3 & 255;
        b[i] = i * 13 & 255;
    }
    bitx_xor_split_bits_u16(planes, 400, a, b, 2500);
    bitx_xor_merge_bits_u16(back, planes, 400, b, 2500);
    return bitx_selftest() != NULL || memcmp(a, back, 5000) != 0;
}
