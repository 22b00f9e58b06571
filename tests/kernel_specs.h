/* What the references share: inputs, and elements and bits of streams. */
#ifndef TESTS_KERNEL_SPECS_H
#define TESTS_KERNEL_SPECS_H

#include "harness.h"

/* The lists; each ends with an empty one. */
extern const kc_spec kc_specs_words[], kc_specs_lists[], kc_specs_delta[], kc_specs_tables[],
    kc_specs_planes[], kc_specs_floats[];

/* Noise, constants or few bits. */
void kc_fill(kc_rng *rng, uint8_t *p, size_t n);

/* The next input, filled; the next output. */
void kc_add_in(kc_case *c, kc_rng *rng, size_t nbytes);
void kc_add_out(kc_case *c, size_t nbytes);

/* in[1] near in[0], in one case of four: the same but for a few bytes. */
void kc_make_near(kc_case *c, kc_rng *rng);

int kc_bit(const uint8_t *p, size_t index);
void kc_set_bit(uint8_t *p, size_t index, int value);

/* Elements of 1 or 2 bytes. */
unsigned kc_element(const uint8_t *list, size_t index, size_t width);
void kc_set_element(uint8_t *list, size_t index, size_t width, unsigned value);

#endif
