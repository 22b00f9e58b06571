/*
 * assign.h: which of a group of tensors are stored whole, and against which of these each of the
 * others is coded, for the fewest bytes in all.
 *
 * This is facility location (uncapacitated), where every client may be a facility. It is solved by
 * opening the one that helps most until none does, then by closing and swapping: the classic
 * heuristic (Kuehn and Hamburger 1963). Groups are small, and the costs are predictions anyway.
 */
#ifndef ZIPLLM_ASSIGN_H
#define ZIPLLM_ASSIGN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct zipllm_costs {
    size_t n;
    const double *whole; /* bytes of each, stored whole */
    const double *delta; /* [i * n + j]: of i against j; INFINITY where that is not possible */
    const bool *fixed;   /* these must stay whole */
} zipllm_costs;

enum { ZIPLLM_ASSIGN_WHOLE = -1, ZIPLLM_ASSIGN_MAX = 64 };

/* base[i]: index of the one that i is coded against, which is whole, or ZIPLLM_ASSIGN_WHOLE.
   Returns the bytes of all; INFINITY for more than ZIPLLM_ASSIGN_MAX. */
double zipllm_assign(const zipllm_costs *costs, int *base);

#endif
