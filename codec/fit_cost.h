/* What differences from a prediction would cost, for fits. Internal to codec/. */
#ifndef CODEC_FIT_COST_H
#define CODEC_FIT_COST_H

#include "predict.h"

/*
 * Some rows of the change between a tensor and its base. A step is the distance of two neighbouring
 * numbers of the format at the tensor's element.
 */
typedef struct bitx_cost_sample {
    size_t nrows, columns;
    const uint32_t *row;     /* which rows they are, of those that factors are for */
    const float *change;     /* nrows * columns */
    const float *inverse;    /* 1 / step; 0: no number */
    const uint8_t *exponent; /* below COST_EXPONENTS, of the element */
    float *predicted;        /* nrows * columns, of the change */
} bitx_cost_sample;

enum { COST_EXPONENTS = 16 };

/* Bits of all differences between change and prediction: entropy given the exponent, raw bits. */
double bitx_cost_bits(const bitx_cost_sample *sample);

#endif
