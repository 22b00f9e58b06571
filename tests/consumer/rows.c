/* kernels/ alone, without the dispatcher: implementations by their full names. */
#define BITX_KERNEL_ROWS
#include <bitx/kernels.h>

#include <string.h>

int main(void)
{
    uint8_t a[1000], b[1000], planes[2][1000], back[1000];
    for (int i = 0; i < 1000; i++) {
        a[i] = (uint8_t)(i * 7);
        b[i] = (uint8_t)(i / 3);
    }
    bitx_xor_split_bf16_scalar(planes[0], planes[1], a, b, 500);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
        bitx_xor_merge_bf16_avx2(back, planes[0], planes[1], b, 500);
    else
#endif
        bitx_xor_merge_bf16_scalar(back, planes[0], planes[1], b, 500);
    return memcmp(a, back, 1000) != 0;
}
