/* Little-endian integers and varints in byte strings. */
#ifndef CODEC_BYTES_H
#define CODEC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Hosts are little-endian (bitx/kernels.h), so a copy is a load. */
static inline uint32_t load_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline void store_u32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v));
}

static inline void store_u64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof(v));
}

/* LEB128: seven bits a byte, lowest first, the top bit set on all but the last. */
enum { VARINT_MAX_NBYTES = 9 }; /* values below 2^63 */

static inline size_t varint_nbytes(uint64_t v)
{
    size_t n = 1;
    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

static inline uint8_t *store_varint(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

typedef enum varint_result { VARINT_OK, VARINT_SHORT, VARINT_BAD } varint_result;

/* Reads a varint at *pos of n bytes and moves *pos behind it. BAD: not the shortest form, or above
   `max`. SHORT: the bytes end inside it. */
static inline varint_result load_varint(const uint8_t *p, size_t n, size_t *pos, uint64_t max,
                                        uint64_t *value)
{
    uint64_t v = 0;
    for (size_t i = 0; i < VARINT_MAX_NBYTES; i++) {
        if (*pos + i >= n)
            return VARINT_SHORT;
        uint8_t byte = p[*pos + i];
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if ((byte == 0 && i > 0) || v > max)
            return VARINT_BAD;
        *pos += i + 1;
        *value = v;
        return VARINT_OK;
    }
    return VARINT_BAD;
}

#endif
