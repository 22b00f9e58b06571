/*
 * Bit planes from byte planes, a chunk of elements in L1 at a time. What a row adds is how it
 * transposes the bits of a chunk of bytes. Private to kernels/.
 */
#ifndef BITX_BITPLANES_H
#define BITX_BITPLANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nontemporal.h"

enum { BITPLANES_CHUNK = 512 }; /* elements */

typedef struct bitplanes_row {
    /* A chunk of bytes to eight planes of an eighth of it each, and back. */
    void (*split_chunk)(uint8_t *planes, size_t stride, const uint8_t *src, int past_caches);
    void (*merge_chunk)(uint8_t *dst, const uint8_t *planes, size_t stride, int past_caches);
    /* Elements to byte planes and back. b is NULL, or what they are XORed with. */
    void (*split_bytes)(uint8_t *planes, size_t stride, const uint8_t *a, const uint8_t *b,
                        size_t nelem);
    void (*merge_bytes)(uint8_t *dst, const uint8_t *planes, size_t stride, const uint8_t *b,
                        size_t nelem);
    /* A chunk of elements of 16 bits by one way, b as above; NULL: by way of byte planes. */
    void (*split_words)(uint8_t *planes, size_t stride, const uint8_t *a, const uint8_t *b,
                        int past_caches);
    void (*merge_words)(uint8_t *dst, const uint8_t *planes, size_t stride, const uint8_t *b,
                        int past_caches);
    /* The planes of elements of at most so many bytes are fetched ahead. */
    size_t fetch_width;
    /* Whether its chunks can go past the caches, a line with each store. */
    int past_caches;
} bitplanes_row;

/* The planes' lines of two chunks on: so many streams are more than a CPU fetches by itself. */
static inline __attribute__((always_inline)) void bitplanes_fetch(const uint8_t *planes,
                                                                  size_t stride, size_t nplanes)
{
    for (size_t p = 0; p < nplanes; p++)
        __builtin_prefetch(planes + p * stride + 2 * (BITPLANES_CHUNK / 8), 1);
}

/* n elements, at most a chunk. A shorter one is filled up with zeros, and only the bytes that hold
   its bits are copied out. */
static inline __attribute__((always_inline)) void
bitplanes_split_some(const bitplanes_row *row, uint8_t *planes, size_t stride, const uint8_t *a,
                     const uint8_t *b, size_t n, size_t width, int past_caches)
{
    enum { CHUNK = BITPLANES_CHUNK };
    uint8_t bytes[4 * CHUNK], bits[CHUNK];
    if (n == CHUNK && width == 2 && row->split_words) {
        row->split_words(planes, stride, a, b, past_caches);
        return;
    }
    if (n == CHUNK && width == 1 && !b) {
        row->split_chunk(planes, stride, a, past_caches);
        return;
    }
    row->split_bytes(bytes, CHUNK, a, b, n);
    for (size_t k = 0; k < width; k++) {
        uint8_t *to = planes + 8 * k * stride;
        if (n == CHUNK) {
            row->split_chunk(to, stride, bytes + k * CHUNK, past_caches);
            continue;
        }
        memset(bytes + k * CHUNK + n, 0, CHUNK - n);
        row->split_chunk(bits, CHUNK / 8, bytes + k * CHUNK, 0);
        for (size_t p = 0; p < 8; p++)
            memcpy(to + p * stride, bits + p * (CHUNK / 8), (n + 7) / 8);
    }
}

static inline __attribute__((always_inline)) void
bitplanes_merge_some(const bitplanes_row *row, uint8_t *dst, const uint8_t *planes, size_t stride,
                     const uint8_t *b, size_t n, size_t width, int past_caches)
{
    enum { CHUNK = BITPLANES_CHUNK };
    uint8_t bytes[4 * CHUNK], bits[CHUNK];
    if (n == CHUNK && width == 2 && row->merge_words) {
        row->merge_words(dst, planes, stride, b, past_caches);
        return;
    }
    if (n == CHUNK && width == 1 && !b) {
        row->merge_chunk(dst, planes, stride, past_caches);
        return;
    }
    for (size_t k = 0; k < width; k++) {
        const uint8_t *from = planes + 8 * k * stride;
        if (n == CHUNK) {
            row->merge_chunk(bytes + k * CHUNK, from, stride, 0);
            continue;
        }
        memset(bits, 0, CHUNK);
        for (size_t p = 0; p < 8; p++)
            memcpy(bits + p * (CHUNK / 8), from + p * stride, (n + 7) / 8);
        row->merge_chunk(bytes + k * CHUNK, bits, CHUNK / 8, 0);
    }
    row->merge_bytes(dst, bytes, CHUNK, b, n);
}

/* A long call's first chunk goes the plain way; the next begins within it, where lines do. */
static inline __attribute__((always_inline)) void
bitplanes_split(const bitplanes_row *row, uint8_t *planes, size_t stride, const uint8_t *a,
                const uint8_t *b, size_t nelem, size_t width)
{
    enum { CHUNK = BITPLANES_CHUNK };
    const int past_caches = row->past_caches && width * nelem >= BITX_NONTEMPORAL_MIN &&
                            nelem >= 2 * CHUNK && stride % 64 == 0;
    size_t i = 0;
    if (past_caches) {
        bitplanes_split_some(row, planes, stride, a, b, CHUNK, width, 0);
        i = 8 * to_next_line(planes);
    }
    for (; i < nelem; i += CHUNK) {
        size_t n = nelem - i < CHUNK ? nelem - i : CHUNK;
        const uint8_t *x = a + width * i, *y = b ? b + width * i : NULL;
        if (width <= row->fetch_width && !past_caches)
            bitplanes_fetch(planes + i / 8, stride, 8 * width);
        fetch_source(x, width * CHUNK, past_caches);
        fetch_source(y, width * CHUNK, past_caches);
        bitplanes_split_some(row, planes + i / 8, stride, x, y, n, width, past_caches);
    }
    if (past_caches)
        end_nontemporal();
}

/* Here the next chunk begins where a line and, of each plane, a byte do. What goes by way of byte
   planes is merged within the caches, and so is what is in place, where the line was read already.
 */
static inline __attribute__((always_inline)) void
bitplanes_merge(const bitplanes_row *row, uint8_t *dst, const uint8_t *planes, size_t stride,
                const uint8_t *b, size_t nelem, size_t width)
{
    enum { CHUNK = BITPLANES_CHUNK };
    const int past_caches = row->past_caches && width * nelem >= BITX_NONTEMPORAL_MIN &&
                            nelem >= 2 * CHUNK && (width == 2 ? dst != b : width == 1 && !b) &&
                            (uintptr_t)dst % (8 * width) == 0;
    size_t i = 0;
    if (past_caches) {
        bitplanes_merge_some(row, dst, planes, stride, b, CHUNK, width, 0);
        i = to_next_line(dst) / width;
    }
    for (; i < nelem; i += CHUNK) {
        size_t n = nelem - i < CHUNK ? nelem - i : CHUNK;
        const uint8_t *y = b ? b + width * i : NULL;
        if (past_caches)
            bitplanes_fetch(planes + i / 8, stride, 8 * width);
        fetch_source(y, width * CHUNK, past_caches);
        bitplanes_merge_some(row, dst + width * i, planes + i / 8, stride, y, n, width,
                             past_caches);
    }
    if (past_caches)
        end_nontemporal();
}

/* split_bytes and merge_bytes of words, and of bytes, which are their own byte plane. */
#define BITX_BITPLANES_BYTES(isa, bits)                                                            \
    static void split_bytes_u##bits##_##isa(uint8_t *planes, size_t stride, const uint8_t *a,      \
                                            const uint8_t *b, size_t nelem)                        \
    {                                                                                              \
        if (b)                                                                                     \
            bitx_xor_split_planes_u##bits##_##isa(planes, stride, a, b, nelem);                    \
        else                                                                                       \
            bitx_split_planes_u##bits##_##isa(planes, stride, a, nelem);                           \
    }                                                                                              \
    static void merge_bytes_u##bits##_##isa(uint8_t *dst, const uint8_t *planes, size_t stride,    \
                                            const uint8_t *b, size_t nelem)                        \
    {                                                                                              \
        if (b)                                                                                     \
            bitx_xor_merge_planes_u##bits##_##isa(dst, planes, stride, b, nelem);                  \
        else                                                                                       \
            bitx_merge_planes_u##bits##_##isa(dst, planes, stride, nelem);                         \
    }

#define BITX_BITPLANES_BYTES_U8(isa)                                                               \
    static void merge_bytes_u8_##isa(uint8_t *dst, const uint8_t *a, size_t stride,                \
                                     const uint8_t *b, size_t nelem)                               \
    {                                                                                              \
        (void)stride;                                                                              \
        if (b)                                                                                     \
            bitx_xor_bytes_##isa(dst, a, b, nelem);                                                \
        else                                                                                       \
            memcpy(dst, a, nelem);                                                                 \
    }                                                                                              \
    static void split_bytes_u8_##isa(uint8_t *dst, size_t stride, const uint8_t *a,                \
                                     const uint8_t *b, size_t nelem)                               \
    {                                                                                              \
        merge_bytes_u8_##isa(dst, a, stride, b, nelem);                                            \
    }

#define BITX_BITPLANES_WIDTH(attributes, isa, bits)                                                \
    attributes void bitx_split_bits_u##bits##_##isa(uint8_t *planes, size_t stride,                \
                                                    const uint8_t *src, size_t nelem)              \
    {                                                                                              \
        const bitplanes_row row = {split_chunk,                                                    \
                                   merge_chunk,                                                    \
                                   split_bytes_u##bits##_##isa,                                    \
                                   merge_bytes_u##bits##_##isa,                                    \
                                   BITPLANES_SPLIT_WORDS,                                          \
                                   BITPLANES_MERGE_WORDS,                                          \
                                   BITPLANES_FETCH_WIDTH,                                          \
                                   BITPLANES_PAST_CACHES};                                         \
        bitplanes_split(&row, planes, stride, src, NULL, nelem, bits / 8);                         \
    }                                                                                              \
    attributes void bitx_xor_split_bits_u##bits##_##isa(                                           \
        uint8_t *planes, size_t stride, const uint8_t *a, const uint8_t *b, size_t nelem)          \
    {                                                                                              \
        const bitplanes_row row = {split_chunk,                                                    \
                                   merge_chunk,                                                    \
                                   split_bytes_u##bits##_##isa,                                    \
                                   merge_bytes_u##bits##_##isa,                                    \
                                   BITPLANES_SPLIT_WORDS,                                          \
                                   BITPLANES_MERGE_WORDS,                                          \
                                   BITPLANES_FETCH_WIDTH,                                          \
                                   BITPLANES_PAST_CACHES};                                         \
        bitplanes_split(&row, planes, stride, a, b, nelem, bits / 8);                              \
    }                                                                                              \
    attributes void bitx_merge_bits_u##bits##_##isa(uint8_t *dst, const uint8_t *planes,           \
                                                    size_t stride, size_t nelem)                   \
    {                                                                                              \
        const bitplanes_row row = {split_chunk,                                                    \
                                   merge_chunk,                                                    \
                                   split_bytes_u##bits##_##isa,                                    \
                                   merge_bytes_u##bits##_##isa,                                    \
                                   BITPLANES_SPLIT_WORDS,                                          \
                                   BITPLANES_MERGE_WORDS,                                          \
                                   BITPLANES_FETCH_WIDTH,                                          \
                                   BITPLANES_PAST_CACHES};                                         \
        bitplanes_merge(&row, dst, planes, stride, NULL, nelem, bits / 8);                         \
    }                                                                                              \
    attributes void bitx_xor_merge_bits_u##bits##_##isa(                                           \
        uint8_t *dst, const uint8_t *planes, size_t stride, const uint8_t *b, size_t nelem)        \
    {                                                                                              \
        const bitplanes_row row = {split_chunk,                                                    \
                                   merge_chunk,                                                    \
                                   split_bytes_u##bits##_##isa,                                    \
                                   merge_bytes_u##bits##_##isa,                                    \
                                   BITPLANES_SPLIT_WORDS,                                          \
                                   BITPLANES_MERGE_WORDS,                                          \
                                   BITPLANES_FETCH_WIDTH,                                          \
                                   BITPLANES_PAST_CACHES};                                         \
        bitplanes_merge(&row, dst, planes, stride, b, nelem, bits / 8);                            \
    }

/* A file with split_chunk and merge_chunk says BITX_BITPLANES_FUNCTIONS(attributes, isa), after it
   defined BITPLANES_SPLIT_WORDS and BITPLANES_MERGE_WORDS as its functions or NULL, and the row's
   numbers. */
#define BITX_BITPLANES_FUNCTIONS(attributes, isa)                                                  \
    BITX_BITPLANES_BYTES_U8(isa)                                                                   \
    BITX_BITPLANES_BYTES(isa, 16)                                                                  \
    BITX_BITPLANES_BYTES(isa, 32)                                                                  \
    BITX_BITPLANES_WIDTH(attributes, isa, 8)                                                       \
    BITX_BITPLANES_WIDTH(attributes, isa, 16)                                                      \
    BITX_BITPLANES_WIDTH(attributes, isa, 32)

#endif
