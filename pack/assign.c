#include "assign.h"

#include <math.h>

/* What base[] costs. An element that is whole may still be nobody's base. */
static double total(const zipllm_costs *c, const int *base)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < c->n; i++)
        sum += base[i] < 0 ? c->whole[i] : c->delta[i * c->n + (size_t)base[i]];
    return sum;
}

/* open[]: those that may be bases. Everyone else takes the cheapest of them, or stays whole. base
   may be NULL. Returns the bytes of all. */
static double settle(const zipllm_costs *c, const bool *open, int *base)
{
    double sum = 0;
    size_t i;
    size_t j;

    for (i = 0; i < c->n; i++) {
        double best = c->whole[i];
        int at = ZIPLLM_ASSIGN_WHOLE;
        for (j = 0; j < c->n && !open[i] && !c->fixed[i]; j++)
            if (open[j] && c->delta[i * c->n + j] < best) {
                best = c->delta[i * c->n + j];
                at = (int)j;
            }
        sum += best;
        if (base != NULL)
            base[i] = at;
    }
    return sum;
}

/* The one change of open[] that saves most: open, close, or swap. False: none saves anything. */
static bool improve(const zipllm_costs *c, bool *open, double *cost)
{
    double best = *cost * (1 - 1e-9);
    size_t first = c->n;
    size_t second = c->n;
    size_t i;
    size_t j;

    for (i = 0; i < c->n; i++) {
        open[i] = !open[i];
        for (j = i; j < c->n; j++) {
            double now;
            if (j > i && open[j] == open[i])
                continue; /* not a swap */
            if (j > i)
                open[j] = !open[j];
            now = settle(c, open, NULL);
            if (j > i)
                open[j] = !open[j];
            if (now < best) {
                best = now;
                first = i;
                second = j;
            }
        }
        open[i] = !open[i];
    }
    if (first == c->n)
        return false;
    open[first] = !open[first];
    if (second != first)
        open[second] = !open[second];
    *cost = best;
    return true;
}

double zipllm_assign(const zipllm_costs *costs, int *base)
{
    bool open[ZIPLLM_ASSIGN_MAX] = {false};
    double cost;
    size_t round;

    if (costs->n > ZIPLLM_ASSIGN_MAX)
        return INFINITY;
    cost = settle(costs, open, base);
    for (round = 0; round < 2 * costs->n && improve(costs, open, &cost); round++)
        continue;
    (void)settle(costs, open, base);
    return total(costs, base);
}
