#include "predict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- floats -----------------------------------------------------------------------------------
 */

/* exponent_bits 0: not a float. */
typedef struct layout {
    unsigned bits, exponent_bits, mantissa_bits;
} layout;

static layout layout_of(bitx_dtype dtype)
{
    switch (dtype) {
    case BITX_BF16:
        return (layout){16, 8, 7};
    case BITX_F16:
        return (layout){16, 5, 10};
    case BITX_F32:
    case BITX_C64: /* two of them; sampled together, looked at as the first */
        return (layout){32, 8, 23};
    case BITX_F64:
        return (layout){64, 11, 52};
    default:
        return (layout){0, 0, 0};
    }
}

/* Sizes that are known are loads and no calls. */
static inline uint64_t load(const uint8_t *p, size_t width)
{
    uint64_t x = 0;

    switch (width) {
    case 2:
        memcpy(&x, p, 2);
        break;
    case 4:
        memcpy(&x, p, 4);
        break;
    default:
        memcpy(&x, p, width);
    }
    return x;
}

/* 2^k. A ldexp() for each sample was a third of a prediction. */
static inline double power_of_two(int k)
{
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double x;

    if (k < -1022 || k > 1023)
        return ldexp(1, k);
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Within 0.09, for positive normal numbers; the fit only begins there. */
static inline double log2_about(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return (double)bits * 0x1p-52 - 1023;
}

/* Set bits of 64. The compiler's own is a call where the CPU need not have popcnt. */
static inline unsigned count_bits(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)((x * 0x0101010101010101u) >> 56);
}

/* A float as a number, its exponent field (1 for denormals, as they have the same steps). NaN and
   infinity are taken for numbers beyond the largest: no other case is needed for them. */
static double number_of(uint64_t x, const layout *l, int *exponent)
{
    uint64_t sign = UINT64_C(1) << (l->bits - 1);
    uint64_t implicit = UINT64_C(1) << l->mantissa_bits;
    uint64_t mantissa = x & (implicit - 1);
    int field = (int)((x & (sign - 1)) >> l->mantissa_bits);
    double magnitude = (double)(field > 0 ? mantissa | implicit : mantissa);

    *exponent = field > 0 ? field : 1;
    magnitude *= power_of_two(*exponent - (1 << (l->exponent_bits - 1)));
    return (x & sign) != 0 ? -magnitude : magnitude;
}

/* ---- bins of differences ------------------------------------------------------------------------
 */

/* |d| < 4 is a bin of its own, above that each octave has two; bits that a bin leaves open are
   raw. The coder's tokens, by and large. */
enum { BINS = 128 };

static unsigned bin_of(uint64_t d)
{
    unsigned k;

    if (d < 4)
        return (unsigned)d;
    k = 63u - (unsigned)__builtin_clzll(d);
    return 2 * k + (unsigned)(d >> (k - 1) & 1);
}

static double bin_start(unsigned bin)
{
    return bin < 4 ? bin : ldexp(2 + (bin & 1), (int)(bin / 2) - 1);
}

static double bin_raw_bits(unsigned bin)
{
    return bin < 4 ? 0 : bin / 2 - 1;
}

/* ---- the cost of a bin, when the change is this many steps wide ---------------------------------
 */

/* Scale of the change in steps of the element: quarter octaves from 2^-8 to 2^56. */
enum { SHAPES = 2, RATIO_MIN = -32, RATIO_MAX = 223, RATIOS = RATIO_MAX - RATIO_MIN + 1 };

struct zipllm_predictor {
    float cost[SHAPES][RATIOS][BINS]; /* bits, raw bits and the sign of a nonzero included */
    float zero[SHAPES][RATIOS];       /* probability of no change */
};

/* P(|x| < limit) for scale 1 (standard deviation). */
static double mass_below(unsigned shape, double limit)
{
    return shape == 0 ? erf(limit * M_SQRT1_2) : 1 - exp(-limit * M_SQRT2);
}

static double mass_above(unsigned shape, double limit)
{
    return shape == 0 ? erfc(limit * M_SQRT1_2) : exp(-limit * M_SQRT2);
}

static double bin_mass(unsigned shape, double scale, unsigned bin)
{
    double low = (bin_start(bin) - 0.5) / scale;
    double high = (bin_start(bin + 1) - 0.5) / scale;

    if (bin == 0)
        return mass_below(shape, high);
    /* Tails by their complements: the difference of two numbers near 1 would be noise. */
    return mass_above(shape, low) - mass_above(shape, high);
}

static void fill_row(zipllm_predictor *p, unsigned shape, int ratio)
{
    double scale = exp2(ratio / 4.0);
    float *row = p->cost[shape][ratio - RATIO_MIN];
    unsigned bin;

    for (bin = 0; bin < BINS; bin++) {
        double mass = bin_mass(shape, scale, bin);
        /* A coder that adapts never pays more than this for a surprise. */
        mass = mass > 1e-5 ? mass : 1e-5;
        row[bin] = (float)(-log2(mass) + bin_raw_bits(bin) + (bin != 0));
    }
    p->zero[shape][ratio - RATIO_MIN] = (float)bin_mass(shape, scale, 0);
}

zipllm_predictor *zipllm_predictor_new(void)
{
    zipllm_predictor *p = malloc(sizeof *p);
    unsigned shape;
    int ratio;

    if (p == NULL)
        return NULL;
    for (shape = 0; shape < SHAPES; shape++)
        for (ratio = RATIO_MIN; ratio <= RATIO_MAX; ratio++)
            fill_row(p, shape, ratio);
    return p;
}

void zipllm_predictor_free(zipllm_predictor *predictor)
{
    free(predictor);
}

/* ---- the sample, counted ------------------------------------------------------------------------
 */

/* Differences of one (exponent, bin), and how many. The exponent is that of the fine-tune's
   element, whose steps its rounding follows, and the difference is counted in these steps. */
typedef struct cell {
    int16_t exponent;
    uint8_t bin;
    uint16_t count;
} cell;

/* Exponents further than this below the largest count as the last. */
enum { EXPONENTS = 64 };

typedef struct sample {
    uint16_t counts[EXPONENTS][BINS]; /* by exponents below the largest */
    cell cells[EXPONENTS * BINS];     /* the counts that are not zero */
    size_t ncells;
    uint32_t n, equal;
    uint64_t distance;  /* differing bits */
    unsigned low_zeros; /* low bits that are zero in every element of both */
    double log2_change; /* mean log2 of the changes that are not zero */
} sample;

typedef struct pair {
    uint64_t tensor, base;
} pair;

/* Of the samples in common, every so many-th: more than this made a choice among twelve models
   twice as slow, and no prediction better. */
enum { PAIRS_MAX = 1024 };

static size_t collect(const zipllm_sketch_view *tensor, const zipllm_sketch_view *base,
                      size_t width, pair *pairs, sample *s)
{
    zipllm_sketch_plan plan_t = zipllm_sketch_plan_of(tensor->dtype, tensor->nbytes);
    zipllm_sketch_plan plan_b = zipllm_sketch_plan_of(base->dtype, base->nbytes);
    zipllm_sketch_matcher matcher = {&plan_t, &plan_b, 0, 0};
    zipllm_sketch_pair at;
    uint32_t fewer = plan_t.nsamples < plan_b.nsamples ? plan_t.nsamples : plan_b.nsamples;
    uint32_t every = (fewer + PAIRS_MAX - 1) / PAIRS_MAX;
    uint32_t seen = 0;
    uint64_t any = 0;
    size_t n = 0;

    while (n < PAIRS_MAX && zipllm_sketch_match(&matcher, &at)) {
        if (seen++ % every != 0)
            continue;
        uint64_t x = load(tensor->samples + (size_t)at.a * plan_t.width, width);
        uint64_t y = load(base->samples + (size_t)at.b * plan_b.width, width);
        pairs[n++] = (pair){x, y};
        s->distance += count_bits(x ^ y);
        s->equal += x == y;
        any |= x | y;
    }
    s->n = (uint32_t)n;
    s->low_zeros = any == 0 ? 0 : (unsigned)__builtin_ctzll(any);
    return n;
}

/* |a - b| in steps of 2^step, to the nearest. */
static uint64_t steps_between(double a, double b, int step)
{
    double d = fabs(a - b) * power_of_two(-step) + 0.5;

    return d < 0x1p62 ? (uint64_t)d : UINT64_C(1) << 62;
}

/* Low bits that are zero everywhere (F32 that was made from BF16) are no steps. */
static void count_cells(sample *s, const pair *pairs, size_t n, const layout *l)
{
    unsigned zeros = s->low_zeros < l->mantissa_bits ? s->low_zeros : l->mantissa_bits;
    int offset = (int)zeros - (1 << (l->exponent_bits - 1));
    uint64_t magnitude_mask = (UINT64_C(1) << (l->bits - 1)) - 1;
    uint64_t largest = 0;
    int top;
    size_t i;
    int e;
    unsigned bin;

    for (i = 0; i < n; i++)
        if ((pairs[i].tensor & magnitude_mask) > largest)
            largest = pairs[i].tensor & magnitude_mask;
    top = (int)(largest >> l->mantissa_bits);
    for (i = 0; i < n; i++) {
        int exponent;
        int other;
        double x = number_of(pairs[i].tensor, l, &exponent);
        double y = number_of(pairs[i].base, l, &other);
        if (x != y)
            s->log2_change += log2_about(fabs(x - y));
        bin = bin_of(steps_between(x, y, exponent + offset));
        e = top - exponent;
        s->counts[e < 0 ? 0 : e < EXPONENTS ? e : EXPONENTS - 1][bin]++;
    }
    s->log2_change = s->log2_change / (n - s->equal) - offset;
    for (e = 0; e < EXPONENTS; e++)
        for (bin = 0; bin < BINS; bin++)
            if (s->counts[e][bin] != 0)
                s->cells[s->ncells++] = (cell){(int16_t)(top - e), (uint8_t)bin, s->counts[e][bin]};
}

/* ---- the fit ------------------------------------------------------------------------------------
 */

/* Row of the tables for a change of 2^(scale / 4), an element of this exponent. */
static size_t row_of(int scale, int exponent)
{
    int ratio = scale - 4 * exponent;

    if (ratio < RATIO_MIN)
        ratio = RATIO_MIN;
    return (size_t)((ratio > RATIO_MAX ? RATIO_MAX : ratio) - RATIO_MIN);
}

/* Bits of the whole sample when a share `still` of the elements was not touched at all. */
static double cost_of(const zipllm_predictor *p, const sample *s, unsigned shape, int scale,
                      double still)
{
    double moved = still > 0 ? -log2(1 - still) : 0;
    double sum = 0;
    size_t i;

    for (i = 0; i < s->ncells; i++) {
        const cell *c = &s->cells[i];
        size_t row = row_of(scale, c->exponent);
        double bits = p->cost[shape][row][c->bin] + moved;
        if (c->bin == 0 && still > 0)
            bits = -log2(still + (1 - still) * p->zero[shape][row]);
        sum += bits * c->count;
    }
    return sum;
}

/* The cheapest scale for one shape and share: by octaves, then by quarters around the best. */
static double best_scale(const zipllm_predictor *p, const sample *s, unsigned shape, double still,
                         int low, int high, int *at)
{
    double best = INFINITY;
    int scale;
    int middle;

    for (scale = low; scale <= high; scale += 4) {
        double cost = cost_of(p, s, shape, scale, still);
        if (cost < best) {
            best = cost;
            *at = scale;
        }
    }
    middle = *at;
    for (scale = middle - 3; scale <= middle + 3; scale++) {
        double cost = cost_of(p, s, shape, scale, still);
        if (cost < best) {
            best = cost;
            *at = scale;
        }
    }
    return best;
}

/* Bits per element of the fitted model. */
static double fit(const zipllm_predictor *p, const sample *s)
{
    static const double shares[] = {0.5, 0.75, 0.9, 0.97, 0.99, 0.997};
    /* Infinities and NaNs among the weights leave no scale to begin at. */
    int middle = isfinite(s->log2_change) ? (int)(4 * s->log2_change) : 0;
    double best = INFINITY;
    unsigned shape;
    size_t i;

    for (shape = 0; shape < SHAPES; shape++) {
        int scale = middle;
        double cost = best_scale(p, s, shape, 0, middle - 16, middle + 16, &scale);
        best = cost < best ? cost : best;
        for (i = 0; i < sizeof shares / sizeof shares[0]; i++) {
            int from = scale;
            if (s->equal < s->n * shares[i] / 2)
                break;
            cost = best_scale(p, s, shape, shares[i], from - 4, middle + 16, &scale);
            best = cost < best ? cost : best;
        }
    }
    return best / s->n;
}

/* ---- by itself --------------------------------------------------------------------------------
 */

/* Entropy of counts in bits, with the correction of Miller and Madow for small samples. */
static double entropy(const uint32_t *counts, size_t ncounts, double n)
{
    double sum = 0;
    size_t used = 0;
    size_t i;

    for (i = 0; i < ncounts; i++) {
        if (counts[i] == 0)
            continue;
        sum -= counts[i] * log2(counts[i] / n);
        used++;
    }
    return n > 0 && used > 0 ? sum / n + (double)(used - 1) / (2 * n * M_LN2) : 0;
}

static double whole_float(const zipllm_sketch_view *t, const zipllm_sketch_plan *plan,
                          const layout *l)
{
    uint32_t counts[1 << 12] = {0};
    uint64_t any = 0;
    uint64_t all = UINT64_MAX;
    uint64_t mantissa = (UINT64_C(1) << l->mantissa_bits) - 1;
    uint32_t i;

    for (i = 0; i < plan->nsamples; i++) {
        uint64_t x = load(t->samples + (size_t)i * plan->width, l->bits / 8);
        counts[x >> l->mantissa_bits]++;
        any |= x;
        all &= x;
    }
    return entropy(counts, (size_t)1 << (l->exponent_bits + 1), plan->nsamples) +
           __builtin_popcountll((any & ~all) & mantissa);
}

/* Bytes of integers and quantised blocks: by the planes that a coder would see. */
static double whole_bytes(const zipllm_sketch_view *t, const zipllm_sketch_plan *plan)
{
    double sum = 0;
    size_t plane;
    uint32_t i;

    for (plane = 0; plane < plan->width; plane++) {
        uint32_t counts[256] = {0};
        double bits;
        for (i = 0; i < plan->nsamples; i++)
            counts[t->samples[(size_t)i * plan->width + plane]]++;
        bits = entropy(counts, 256, plan->nsamples);
        sum += bits < 8 ? bits : 8;
    }
    return sum;
}

/* Frame header, tables and rows of the block table. */
static double overhead_bits(uint64_t nbytes)
{
    return 8.0 * (96 + 24.0 * (double)(nbytes >> 20));
}

static uint64_t in_bytes(double bits, uint64_t nbytes)
{
    double most = (double)nbytes + overhead_bits(nbytes) / 8;
    double all = (bits + overhead_bits(nbytes)) / 8;

    return (uint64_t)(all < most ? all : most);
}

void zipllm_predict_whole(const zipllm_sketch_view *tensor, zipllm_prediction *out)
{
    zipllm_sketch_plan plan = zipllm_sketch_plan_of(tensor->dtype, tensor->nbytes);
    layout l = layout_of(tensor->dtype);

    memset(out, 0, sizeof *out);
    out->whole_bits = plan.width * 8;
    if (plan.nsamples > 0 && l.bits != 0)
        out->whole_bits = whole_float(tensor, &plan, &l) * plan.width * 8 / l.bits;
    else if (plan.nsamples > 0)
        out->whole_bits = whole_bytes(tensor, &plan);
    if (out->whole_bits > plan.width * 8)
        out->whole_bits = plan.width * 8;
    out->delta_bits = out->whole_bits;
    out->whole_nbytes = in_bytes(out->whole_bits * (double)plan.nelem, tensor->nbytes);
    out->delta_nbytes = out->whole_nbytes;
}

/* ---- against a base -----------------------------------------------------------------------------
 */

static double delta_float(const zipllm_predictor *p, sample *s, const pair *pairs, const layout *l)
{
    if (s->equal == s->n)
        return 0;
    count_cells(s, pairs, s->n, l);
    return fit(p, s);
}

/* Of elements that are no floats: which changed, and then any other value. */
static double delta_bytes(const sample *s, unsigned bits)
{
    double changed = 1 - (double)s->equal / s->n;
    double which = changed > 0 && changed < 1
                       ? -changed * log2(changed) - (1 - changed) * log2(1 - changed)
                       : 0;

    return which + changed * bits;
}

static void predict(const zipllm_predictor *predictor, const zipllm_sketch_view *tensor,
                    const zipllm_sketch_view *base, sample *s, zipllm_prediction *out)
{
    layout l = layout_of(tensor->dtype);
    zipllm_sketch_plan plan = zipllm_sketch_plan_of(tensor->dtype, tensor->nbytes);
    uint64_t common = tensor->nbytes < base->nbytes ? tensor->nbytes : base->nbytes;
    pair *pairs = malloc(PAIRS_MAX * sizeof *pairs);
    double bits;

    if (pairs == NULL)
        return;
    if (collect(tensor, base, l.bits != 0 ? l.bits / 8 : plan.width, pairs, s) > 0) {
        double scale = l.bits != 0 ? plan.width * 8.0 / l.bits : 1; /* C64: two floats */
        bits = l.bits != 0 ? delta_float(predictor, s, pairs, &l) * scale
                           : delta_bytes(s, plan.width * 8u);
        out->nsamples = s->n;
        out->distance_bits = (double)s->distance / s->n * scale;
        out->unchanged = (double)s->equal / s->n;
        out->delta_bits = bits < out->whole_bits ? bits : out->whole_bits;
        out->common_nelem = common / plan.width;
        out->delta_nbytes = in_bytes(out->delta_bits * (double)out->common_nelem +
                                         out->whole_bits * (double)(plan.nelem - out->common_nelem),
                                     tensor->nbytes);
    }
    free(pairs);
}

void zipllm_predict(const zipllm_predictor *predictor, const zipllm_sketch_view *tensor,
                    const zipllm_sketch_view *base, zipllm_prediction *out)
{
    zipllm_predict_whole(tensor, out);
    zipllm_predict_delta(predictor, tensor, base, out);
}

void zipllm_predict_delta(const zipllm_predictor *predictor, const zipllm_sketch_view *tensor,
                          const zipllm_sketch_view *base, zipllm_prediction *out)
{
    sample *s;

    if (tensor->dtype != base->dtype)
        return;
    s = malloc(sizeof *s);
    if (s != NULL) {
        memset(s->counts, 0, sizeof s->counts);
        s->ncells = s->n = s->equal = 0;
        s->distance = 0;
        s->log2_change = 0;
        predict(predictor, tensor, base, s, out);
    }
    free(s);
}
