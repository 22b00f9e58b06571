/* How an encoder makes a model of differences. Internal to codec/. */
#ifndef CODEC_PLAN_H
#define CODEC_PLAN_H

#include "bitx/kernels.h"
#include "words.h"

enum { CLASS_NONE = 0xff };

/* The elements to be modelled, and as many of the base. */
typedef struct bitx_words {
    bitx_layout layout;
    const uint8_t *src, *base;
    size_t nelem;
} bitx_words;

/* What is known of every element: work memory of encoders. */
typedef struct bitx_diffs {
    uint8_t *differences; /* nelem units, signed */
    uint8_t *classes;     /* nelem; CLASS_NONE: in a chunk that is that of the base */
    uint8_t *scales;      /* one for every chunk, if the model has them */
    uint8_t *symbols;     /* nelem */
    uint8_t *raw;         /* strings of raw bits, raw_stride bytes apart */
    size_t raw_stride;
    uint32_t *counts; /* PLAN_COUNTS */
} bitx_diffs;

/*
 * The symbols of each group, where they begin and how many they are. Of a group with a plane (an
 * encoder's), at[] has ncoded of the n only: those whose bit is 1; the others are `common`.
 */
typedef struct group_lists {
    uint8_t *at[CLASSES_MAX];
    size_t n[CLASSES_MAX];
    uint8_t *plane[CLASSES_MAX]; /* or NULL */
    size_t ncoded[CLASSES_MAX];
    uint8_t common[CLASSES_MAX];
} group_lists;

enum { PLAN_BUCKETS = 2 * 16 * 60, PLAN_COUNTS = CLASSES_MAX * PLAN_BUCKETS };

/* As kernels of 16-bit words want them. */
bitx_delta_params bitx_words_params(const bitx_model *model, unsigned same_classes);

/* Low bits that are zero in every element, at most all but two. */
unsigned bitx_words_zero_bits(const bitx_words *words);

/* Classes alone, of the base; diffs->scales must be set before, if the model has any. */
void bitx_words_classify(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs);

/* Differences and classes; the same of scales. */
void bitx_words_diff(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs);

/* Differences (of 16-bit words: not these), classes, symbols and raw bits at once, for a model
   without scales; the rest as below. */
void bitx_words_encode(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                       const bitx_diffs *diffs, size_t nbytes[RAW_STRINGS_MAX]);

/* Whether the functions below have a kernel for these words. */
bool bitx_words_lists(const bitx_words *words);

/* What bitx_words_encode() does, n words from `from` on after the other, without classes: symbols
   go to the ends of their groups' lists, with room for n + 64 behind each. */
typedef struct bitx_words_lister {
    bitx_delta_params params;
    bitx_raw_sink raw;
} bitx_words_lister;

bitx_words_lister bitx_words_list_begin(const bitx_model *model, unsigned same_classes,
                                        const bitx_diffs *diffs);
void bitx_words_list(bitx_words_lister *lister, const bitx_words *words, size_t from, size_t n,
                     const bitx_model *model, uint8_t *ends[CLASSES_MAX]);
void bitx_words_list_end(const bitx_words_lister *lister, size_t nbytes[RAW_STRINGS_MAX]);

/*
 * Symbols and raw bits of differences; nbytes: of each string. same_classes: bit c if differences
 * of 0 in class c have SYMBOL_SAME.
 */
void bitx_words_split(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                      const bitx_diffs *diffs, size_t nbytes[RAW_STRINGS_MAX]);

/*
 * Elements from the base, diffs' scales if the model has any, the symbols of all groups, and from r
 * the sizes of the strings of raw bits and the strings, which must end with it. What the lists' n
 * do not fit sets r->bad.
 */
void bitx_words_restore(bit_reader *r, const bitx_words *words, const bitx_model *model,
                        const bitx_diffs *diffs, const group_lists *lists, uint8_t *dst);

/* The strings of raw bits; those that a model has none of are empty. */
typedef struct raw_strings_read {
    const uint8_t *bytes[RAW_STRINGS_MAX];
    size_t nbytes[RAW_STRINGS_MAX], bit[RAW_STRINGS_MAX];
    unsigned n;
} raw_strings_read;

/* Sizes and strings, the last of which takes all that is left. */
void bitx_raw_open(bit_reader *r, unsigned width, raw_strings_read *raw);
/* Whether each string was read to the last byte, and is zero behind its last bit. */
bool bitx_raw_ends(const raw_strings_read *raw);

/* Chooses the scales of all chunks for a model that has them, then as bitx_words_diff(). */
void bitx_words_scale(const bitx_words *words, const bitx_model *model, const bitx_diffs *diffs);

/* Chooses everything. sampled: `words` are only some of those that the model is for, so it gets a
   code for every symbol. classes: at most so many, 1 to CLASSES_MAX. */
void bitx_model_plan(const bitx_words *words, bitx_effort effort, bool sampled, unsigned classes,
                     const bitx_diffs *diffs, bitx_model *model);

/* Chooses everything but codes and scales, from a sample; groups that have SYMBOL_SAME are in
   same_groups. uneven: scales are likely to pay. Returns about how many bytes the words will
   take. */
uint64_t bitx_model_sketch(const bitx_words *words, bitx_effort effort, unsigned classes,
                           const bitx_diffs *diffs, bitx_model *model, bool *uneven);

/*
 * Turns a sketched model, if that promises something, into one with scales: these, their code, all
 * differences and classes. The rest is up to bitx_model_sketch_scaled(), and returned then, as by
 * the other; *nbytes: of the scales. Returns false, the model as it was, if it promises nothing.
 */
bool bitx_scales_choose(const bitx_words *words, bitx_effort effort, bool sampled,
                        const bitx_diffs *diffs, bitx_model *model, uint64_t *nbytes);
uint64_t bitx_model_sketch_scaled(const bitx_words *words, bitx_effort effort,
                                  const bitx_diffs *diffs, bitx_model *model);

#endif
