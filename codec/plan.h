/* How an encoder makes a model of differences. Internal to codec/. */
#ifndef CODEC_PLAN_H
#define CODEC_PLAN_H

#include "words.h"

enum { CLASS_NONE = 0xff };

/* The elements to be modelled: nelem with base, or base zeros from nbased on. */
typedef struct bitx_words {
    bitx_layout layout;
    const uint8_t *src, *base;
    size_t nelem, nbased;
} bitx_words;

/* What is known of every element: work memory of encoders. */
typedef struct bitx_diffs {
    uint8_t *differences; /* nelem units, signed */
    uint8_t *classes;     /* nelem; CLASS_NONE: in a chunk that is that of the base */
    uint8_t *scales;      /* one for every chunk, if the model has them */
    uint32_t *counts;     /* PLAN_COUNTS */
} bitx_diffs;

enum { PLAN_BUCKETS = 2 * 16 * 60, PLAN_COUNTS = CLASSES_MAX * PLAN_BUCKETS };

/* Low bits that are zero in every element, at most all but two. */
unsigned bitx_words_zero_bits(const bitx_words *words);

/* Differences and classes under a model; diffs->scales must be set before, if it has any. */
void bitx_words_diff(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs);

/* Chooses the scales of all chunks for a model that has them, then as bitx_words_diff(). */
void bitx_words_scale(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs);

/* Chooses everything. sampled: `words` are only some of those that the model is for, so it gets a
   code for every symbol. */
void bitx_model_plan(const bitx_words *words, bitx_effort effort, bool sampled,
                     const bitx_diffs *diffs, bitx_model *model);

#endif
