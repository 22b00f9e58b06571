/* A coder whose package was absent when this was built, or is absent now. */
#ifndef BENCH_MISSING_H
#define BENCH_MISSING_H

#include "baselines.h"

#define BENCH_MISSING_CODEC(symbol, shown, what, why)                                              \
    static const char *missing_##symbol(void)                                                      \
    {                                                                                              \
        return why;                                                                                \
    }                                                                                              \
    const bench_codec bench_codec_##symbol = {                                                     \
        shown, what, 0, bench_version_own, missing_##symbol, NULL, NULL, NULL, NULL, NULL}

#endif
