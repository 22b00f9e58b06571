/*
 * The references of kernel_specs_*.c: each says what kernels.h says, a bit or a byte at a time, and
 * shares no code with any kernel. Here is what they share, and the list of them all.
 */
#include "kernel_specs.h"

#include <string.h>

/* Noise, constants, and few bits, since a kernel that drops a bit often passes on one of these. */
void kc_fill(kc_rng *rng, uint8_t *p, size_t n)
{
    unsigned kind = kc_below(rng, 8);
    if (kind == 0)
        memset(p, 0, n);
    else if (kind == 1)
        memset(p, 0xff, n);
    else
        kc_random_bytes(rng, p, n);
    if (kind == 2)
        for (size_t i = 0; i < n; i++)
            p[i] = kc_below(rng, 20) ? 0 : (uint8_t)(1u << kc_below(rng, 8));
}

void kc_add_in(kc_case *c, kc_rng *rng, size_t nbytes)
{
    c->in_nbytes[c->nin] = nbytes;
    kc_fill(rng, c->in[c->nin++], nbytes);
}

void kc_add_out(kc_case *c, size_t nbytes)
{
    c->out_nbytes[c->nout++] = nbytes;
}

/* in[1] near in[0]: the same but for a few bytes. */
void kc_make_near(kc_case *c, kc_rng *rng)
{
    if (kc_below(rng, 4) != 0)
        return;
    memcpy(c->in[1], c->in[0], c->in_nbytes[1]);
    for (size_t i = 0; i < c->in_nbytes[1]; i++)
        if (kc_below(rng, 50) == 0)
            c->in[1][i] = (uint8_t)kc_random(rng);
}

int kc_bit(const uint8_t *p, size_t index)
{
    return p[index / 8] >> (index % 8) & 1;
}

void kc_set_bit(uint8_t *p, size_t index, int value)
{
    p[index / 8] = (uint8_t)((p[index / 8] & ~(1u << index % 8)) | (unsigned)value << index % 8);
}

unsigned kc_element(const uint8_t *list, size_t index, size_t width)
{
    return width == 1 ? list[index] : list[2 * index] | (unsigned)list[2 * index + 1] << 8;
}

void kc_set_element(uint8_t *list, size_t index, size_t width, unsigned value)
{
    for (size_t k = 0; k < width; k++)
        list[index * width + k] = (uint8_t)(value >> 8 * k);
}

static const kc_spec *const lists[] = {kc_specs_words,  kc_specs_lists,  kc_specs_delta,
                                       kc_specs_tables, kc_specs_planes, kc_specs_floats};

const kc_spec *kc_spec_at(size_t index)
{
    for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++)
        for (const kc_spec *s = lists[k]; s->op; s++)
            if (index-- == 0)
                return s;
    return NULL;
}

const kc_spec *kc_spec_find(const char *op)
{
    for (size_t i = 0; kc_spec_at(i); i++)
        if (strcmp(kc_spec_at(i)->op, op) == 0)
            return kc_spec_at(i);
    return NULL;
}
