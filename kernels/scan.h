/* Runs of equal elements: where a buffer first differs from itself one element later. Private to
   kernels/. */
#ifndef BITX_SCAN_H
#define BITX_SCAN_H

#define BITX_EQUAL_RUN(isa, bits)                                                                  \
    size_t bitx_equal_run_u##bits##_##isa(const uint8_t *src, size_t nelem)                        \
    {                                                                                              \
        enum { WIDTH = bits / 8 };                                                                 \
        if (nelem == 0)                                                                            \
            return 0;                                                                              \
        return bitx_first_difference_##isa(src, src + WIDTH, WIDTH * (nelem - 1)) / WIDTH + 1;     \
    }

#define BITX_EQUAL_RUNS(isa)                                                                       \
    BITX_EQUAL_RUN(isa, 8)                                                                         \
    BITX_EQUAL_RUN(isa, 16)                                                                        \
    BITX_EQUAL_RUN(isa, 32)

#endif
