#include <bitx.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    const uint8_t base[4] = {1, 2, 3, 4}, tuned[4] = {1, 2, 3, 5};
    uint8_t exponent[2], signman[2], back[4];
    bitx_xor_split_bf16(exponent, signman, tuned, base, 2);
    bitx_xor_merge_bf16(back, exponent, signman, base, 2);
    if (memcmp(tuned, back, sizeof tuned) != 0)
        return 1;
    printf("%s: %d of 32 bits differ\n", bitx_dtype_name(BITX_BF16),
           (int)bitx_distance_bits(tuned, base, 4));
    return 0;
}
