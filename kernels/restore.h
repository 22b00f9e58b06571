/* What the files of delta_restore share. Private to kernels/. */
#ifndef BITX_RESTORE_H
#define BITX_RESTORE_H

#include "bitx/kernels.h"

enum { RESTORE_SAME = 255, RESTORE_DIRECT = 32, RESTORE_TOP_SCALE = 14, RESTORE_SAME_SCALE = 15 };

/*
 * Of a symbol below 60: the least multiple of 2^shift that it stands for, and how many bits its
 * raw bits have above those of the shift. Those of RESTORE_SAME, by its low six bits, are 0.
 */
extern const uint8_t bitx_restore_low[64];  /* of the multiple, modulo 2^16 */
extern const uint8_t bitx_restore_high[64]; /* its high byte */
extern const uint8_t bitx_restore_extra[64];

/* Elements from one on whose chunks have one scale. */
typedef struct bitx_delta_run {
    size_t nelem;
    unsigned class_low;
    int same;
} bitx_delta_run;

static inline bitx_delta_run bitx_delta_run_at(const bitx_delta_lists *lists,
                                               const bitx_delta_params *params, size_t from,
                                               size_t nelem)
{
    if (!lists->scales)
        return (bitx_delta_run){nelem - from, params->class_low, 0};
    const size_t chunk = from >> lists->chunk_log2;
    const unsigned scale = lists->scales[chunk];
    size_t end = chunk + 1;
    while (end << lists->chunk_log2 < nelem && lists->scales[end] == scale)
        end++;
    end = end << lists->chunk_log2 < nelem ? end << lists->chunk_log2 : nelem;
    return (bitx_delta_run){end - from, params->class_low - (RESTORE_TOP_SCALE - scale),
                            scale == RESTORE_SAME_SCALE};
}

#endif
