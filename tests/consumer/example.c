#include <bitx.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NBYTES = 1 << 20 }; /* of a BF16 tensor */
static unsigned char base[NBYTES], tuned[NBYTES], back[NBYTES];

int main(void)
{
    for (size_t i = 0; i < NBYTES; i++) {
        base[i] = (unsigned char)rand();
        tuned[i] = base[i] ^ (i % 2 == 0 && rand() % 4 == 0); /* low mantissa bits differ */
    }
    bitx_params params = BITX_PARAMS_INIT;
    params.dtype = BITX_BF16;
    bitx_ctx *ctx = NULL;
    size_t bound = 0, nbytes = 0, restored = 0;
    bitx_status status = bitx_encode_bound(&params, NBYTES, NBYTES, &bound);
    unsigned char *frame = malloc(bound);
    if (status == BITX_OK)
        status = bitx_ctx_new(NULL, NULL, &ctx);
    if (status == BITX_OK)
        status = bitx_encode(ctx, &params, frame, bound, &nbytes, tuned, NBYTES, base, NBYTES);
    if (status == BITX_OK)
        status = bitx_decode(ctx, back, NBYTES, &restored, frame, nbytes, base, NBYTES);
    printf("%s: %d bytes -> %zu\n", bitx_status_name(status), NBYTES, nbytes);
    free(frame);
    bitx_ctx_free(ctx);
    return status != BITX_OK || memcmp(tuned, back, NBYTES) != 0;
}
