/*
 * Lists that are read eight elements at a time, as a plane asks for them, and never past their end:
 * what remains of one below 64 elements is copied to a pad and read there. Private to kernels/.
 */
#ifndef BITX_LISTS_H
#define BITX_LISTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct padded_list {
    const uint8_t *next;
    size_t left; /* bytes; SIZE_MAX for the pad */
    uint8_t pad[64 * 2 + 32];
} padded_list;

static inline void list_begin(padded_list *l, const uint8_t *p, size_t nbytes)
{
    l->next = p;
    l->left = nbytes;
}

/* Before a step that takes at most `step` bytes and reads up to 16 more at once. */
static inline void list_keep_readable(padded_list *l, size_t step)
{
    if (l->left >= step + 16)
        return;
    uint8_t rest[64 * 2 + 16];
    memcpy(rest, l->next, l->left);
    memset(l->pad, 0, sizeof(l->pad));
    memcpy(l->pad, rest, l->left);
    l->next = l->pad;
    l->left = SIZE_MAX;
}

/* After a step that moved on to p. */
static inline void list_move(padded_list *l, const uint8_t *p)
{
    if (l->left != SIZE_MAX)
        l->left -= (size_t)(p - l->next);
    l->next = p;
}

#endif
