/* Sketches, predictions and the search among many models. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assign.h"
#include "family_sim.h"

static const uint64_t sizes[] = {0,     1,      1023,   1024,    1025,     4096,    8191,
                                 65536, 131072, 139264, 1000001, 33554432, 1u << 31};

Test(sketch, limits)
{
    size_t i;
    int dtype;

    for (dtype = 0; dtype < BITX_DTYPE_COUNT; dtype++)
        for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            zipllm_sketch_plan plan = zipllm_sketch_plan_of((bitx_dtype)dtype, sizes[i]);
            uint64_t last = 0;
            uint32_t s;
            cr_assert(zipllm_sketch_nbytes(&plan) <= ZIPLLM_SKETCH_MAX);
            cr_assert_eq(plan.nsamples == 0, sizes[i] < ZIPLLM_SKETCH_TENSOR_MIN);
            cr_assert(plan.nsamples == 0 || plan.nsamples >= 64);
            for (s = 0; s < plan.nsamples; s++) {
                uint64_t at = zipllm_sketch_position(&plan, s);
                cr_assert(at < plan.nelem && (s == 0 || at > last));
                last = at;
            }
        }
}

Test(sketch, pieces_do_not_matter)
{
    enum { NBYTES = 300001 };
    uint8_t *bytes = malloc(NBYTES);
    sim_rng rng = {1};
    size_t i;

    for (i = 0; i < NBYTES; i++)
        bytes[i] = (uint8_t)sim_next(&rng);
    for (i = 1; i < 100000; i = 3 * i + 1) {
        zipllm_sketch_plan plan = zipllm_sketch_plan_of(BITX_F32, NBYTES);
        uint8_t sketch[ZIPLLM_SKETCH_MAX];
        zipllm_sketcher sketcher;
        size_t at;
        uint32_t s;
        memset(sketch, 0, sizeof sketch);
        zipllm_sketcher_init(&sketcher, &plan, sketch);
        for (at = 0; at < NBYTES; at += i)
            zipllm_sketcher_update(&sketcher, bytes + at, NBYTES - at < i ? NBYTES - at : i);
        cr_assert_eq(sketcher.next, plan.nsamples);
        for (s = 0; s < plan.nsamples; s++)
            cr_assert_eq(memcmp(sketch + 4 * s, bytes + 4 * zipllm_sketch_position(&plan, s), 4),
                         0);
    }
    free(bytes);
}

/* A tensor with more rows has samples in common with the smaller one, at equal positions, and
   enough of them. */
Test(sketch, sizes_that_differ)
{
    static const uint64_t nelem[] = {65536, 69632, 1 << 20, 5 << 20, 33 << 20, 1u << 30};
    size_t i;
    size_t j;

    for (i = 0; i < sizeof nelem / sizeof nelem[0]; i++)
        for (j = 0; j < sizeof nelem / sizeof nelem[0]; j++) {
            zipllm_sketch_plan a = zipllm_sketch_plan_of(BITX_BF16, 2 * nelem[i]);
            zipllm_sketch_plan b = zipllm_sketch_plan_of(BITX_BF16, 2 * nelem[j]);
            zipllm_sketch_matcher matcher = {&a, &b, 0, 0};
            uint64_t common = nelem[i] < nelem[j] ? nelem[i] : nelem[j];
            unsigned cell = a.cell_log2 > b.cell_log2 ? a.cell_log2 : b.cell_log2;
            zipllm_sketch_pair pair;
            uint64_t n = 0;
            while (zipllm_sketch_match(&matcher, &pair)) {
                cr_assert(pair.a < a.nsamples && pair.b < b.nsamples);
                cr_assert_eq(zipllm_sketch_position(&a, pair.a),
                             zipllm_sketch_position(&b, pair.b));
                n++;
            }
            cr_assert(n >= common >> cell, "%zu %zu", i, j);
        }
}

/* A sketch of a made-up base and of its fine-tune. */
static void make_pair(uint64_t nelem, double width, double change, uint16_t *base, uint16_t *tuned)
{
    zipllm_sketch_plan plan = zipllm_sketch_plan_of(BITX_BF16, 2 * nelem);
    sim_rng rng = {7};
    uint32_t i;

    for (i = 0; i < plan.nsamples; i++) {
        base[i] = sim_bf16(width * sim_normal(&rng));
        tuned[i] = sim_bf16(sim_from_bf16(base[i]) + change * sim_normal(&rng));
    }
}

/* Entropy of the difference given the base's exponent, bits per weight of normal weights of width
   0.02; computed from 64 Mi elements. */
Test(predict, normal_families)
{
    static const struct {
        double change, bits;
    } cases[] = {{1e-5, 0.499}, {5e-5, 1.968}, {2e-4, 3.860}, {1e-3, 6.219}, {4e-3, 8.314}};
    zipllm_predictor *predictor = zipllm_predictor_new();
    uint16_t base[ZIPLLM_SKETCH_MAX / 2];
    uint16_t tuned[ZIPLLM_SKETCH_MAX / 2];
    size_t i;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        zipllm_sketch_view a = {BITX_BF16, 1 << 24, (const uint8_t *)tuned};
        zipllm_sketch_view b = {BITX_BF16, 1 << 24, (const uint8_t *)base};
        zipllm_prediction p;
        make_pair(1 << 23, 0.02, cases[i].change, base, tuned);
        zipllm_predict(predictor, &a, &b, &p);
        cr_assert(fabs(p.delta_bits - cases[i].bits) < 0.12 + 0.04 * cases[i].bits, "%g: %.3f",
                  cases[i].change, p.delta_bits);
        cr_assert(fabs(p.whole_bits - 10.5) < 0.2, "%.3f", p.whole_bits);
        cr_assert(p.delta_nbytes < p.whole_nbytes);
    }
    zipllm_predictor_free(predictor);
}

Test(predict, equal_unrelated_and_absent)
{
    zipllm_predictor *predictor = zipllm_predictor_new();
    uint16_t base[ZIPLLM_SKETCH_MAX / 2];
    uint16_t other[ZIPLLM_SKETCH_MAX / 2];
    zipllm_sketch_view a = {BITX_BF16, 1 << 21, (const uint8_t *)base};
    zipllm_sketch_view b = {BITX_BF16, 1 << 21, (const uint8_t *)other};
    zipllm_prediction p;

    make_pair(1 << 20, 0.02, 0.02, base, other);
    zipllm_predict(predictor, &a, &a, &p);
    cr_assert_eq(p.delta_bits, 0);
    cr_assert_eq(p.distance_bits, 0);
    cr_assert_eq(p.unchanged, 1);

    make_pair(1 << 20, 1e-9, 0.02, base, other); /* base and tuned have nothing in common */
    zipllm_predict(predictor, &b, &a, &p);
    cr_assert(p.delta_bits > 0.97 * p.whole_bits, "%.3f of %.3f", p.delta_bits, p.whole_bits);

    b.dtype = BITX_F16;
    zipllm_predict(predictor, &b, &a, &p);
    cr_assert_eq(p.nsamples, 0);
    cr_assert_eq(p.delta_nbytes, p.whole_nbytes);
    zipllm_predictor_free(predictor);
}

/* Any bits as any dtype: finite numbers, never more than the tensor itself and its frame. */
Test(predict, any_bits)
{
    zipllm_predictor *predictor = zipllm_predictor_new();
    uint8_t x[ZIPLLM_SKETCH_MAX];
    uint8_t y[ZIPLLM_SKETCH_MAX];
    sim_rng rng = {3};
    int dtype;
    int round;
    size_t i;

    for (round = 0; round < 3; round++)
        for (dtype = 0; dtype < BITX_DTYPE_COUNT; dtype++) {
            zipllm_sketch_view a = {(bitx_dtype)dtype, 99999, x};
            zipllm_sketch_view b = {(bitx_dtype)dtype, 77777, y};
            zipllm_prediction p;
            for (i = 0; i < sizeof x; i++) {
                x[i] = round == 0 ? (uint8_t)sim_next(&rng) : round == 1 ? 0xff : 0;
                y[i] = round == 2 ? (uint8_t)sim_next(&rng) : x[i];
            }
            zipllm_predict(predictor, &a, &b, &p);
            cr_assert(p.nsamples > 0);
            cr_assert(p.delta_bits >= 0 && p.delta_bits <= 64, "%d: %g", dtype, p.delta_bits);
            cr_assert(p.delta_nbytes < 99999 + 200 && p.whole_nbytes < 99999 + 200);
        }
    zipllm_predictor_free(predictor);
}

Test(neighbors, recall)
{
    sim_hub hub = sim_hub_new(200, 5, 100, 2026);
    zipllm_predictor *predictor = zipllm_predictor_new();
    sim_recall r = sim_recall_of(&hub, predictor);

    cr_assert_eq(r.queries, 1000);
    cr_assert_eq(r.loners, 100);
    cr_assert(r.right_nearest >= 990, "%zu", r.right_nearest);
    cr_assert(r.right_family >= 990, "%zu", r.right_family);
    cr_assert(r.loners_alone >= 99, "%zu", r.loners_alone);
    zipllm_predictor_free(predictor);
    sim_hub_free(&hub);
}

Test(neighbors, keys_and_ties)
{
    const zipllm_probe a[2] = {{5, 0x0123456789abcdefu}, {5, 0xfedcba9876543210u}};
    const zipllm_probe query[1] = {{5, 0x0123456789abcdeeu}};
    const zipllm_probe c[1] = {{6, 0x0123456789abcdefu}};
    size_t cap;

    for (cap = 0; cap <= 4; cap++) {
        zipllm_neighbors s;
        zipllm_neighbors_init(&s, query, 1, cap);
        cr_assert_eq(s.n, 0);
        zipllm_neighbors_offer(&s, 30, c, 1);
        zipllm_neighbors_offer(&s, 20, a, 2);
        zipllm_neighbors_offer(&s, 10, a, 2);
        cr_assert_eq(s.n, cap < 2 ? cap : 2);
        cr_assert(s.n < 1 || s.found[0].id == 20);
        cr_assert(s.n < 2 || s.found[1].id == 10);
        cr_assert(s.n < 1 || (s.found[0].score == ZIPLLM_PROBE_NEAR - 1 && s.found[0].hits == 1));
    }
}

/* Whatever the order of the query: each of its probes meets the one of its key. */
Test(neighbors, merge)
{
    enum { N = ZIPLLM_PROBES_MAX };
    zipllm_probe query[N];
    zipllm_probe model[N];
    zipllm_neighbors s;
    sim_rng rng = {21};
    size_t i;

    for (i = 0; i < N; i++) {
        query[i] = (zipllm_probe){(uint32_t)sim_next(&rng) % 1000, sim_next(&rng)};
        model[N - 1 - i] = query[i];
    }
    zipllm_probes_sort(model, N);
    zipllm_neighbors_init(&s, query, N, 1);
    zipllm_neighbors_offer(&s, 1, model + N / 2, N - N / 2);
    cr_assert(s.n == 1 && s.found[0].hits >= N - N / 2 && s.found[0].hits < N);
    zipllm_neighbors_init(&s, query, N, 1);
    zipllm_neighbors_offer(&s, 1, model, N);
    cr_assert_eq(s.found[0].hits, N);
    cr_assert_eq(s.found[0].score, N * ZIPLLM_PROBE_NEAR);
}

/* The cheapest assignment of all, by trying every set of bases. */
static double cheapest(const zipllm_costs *c)
{
    double best = INFINITY;
    unsigned set;

    for (set = 0; set < 1u << c->n; set++) {
        double sum = 0;
        size_t i;
        size_t j;
        for (i = 0; i < c->n; i++) {
            double least = c->whole[i];
            for (j = 0; j < c->n && (set >> i & 1) == 0 && !c->fixed[i]; j++)
                if ((set >> j & 1) != 0 && c->delta[i * c->n + j] < least)
                    least = c->delta[i * c->n + j];
            sum += least;
        }
        best = sum < best ? sum : best;
    }
    return best;
}

Test(assign, near_the_cheapest_and_legal)
{
    enum { N = 9, ROUNDS = 300 };
    double whole[N];
    double delta[N * N];
    bool fixed[N];
    int base[N];
    sim_rng rng = {11};
    double found = 0;
    double best = 0;
    int round;
    size_t i;

    for (round = 0; round < ROUNDS; round++) {
        zipllm_costs costs = {N, whole, delta, fixed};
        double sum = 0;
        double cost;
        for (i = 0; i < N; i++) {
            whole[i] = 50 + 50 * sim_uniform(&rng);
            fixed[i] = sim_uniform(&rng) < 0.1;
        }
        for (i = 0; i < N * N; i++)
            delta[i] = sim_uniform(&rng) < 0.3 ? INFINITY : 100 * sim_uniform(&rng);
        cost = zipllm_assign(&costs, base);
        for (i = 0; i < N; i++) {
            cr_assert(base[i] < 0 || (base[i] != (int)i && base[base[i]] < 0 && !fixed[i]));
            sum += base[i] < 0 ? whole[i] : delta[i * N + (size_t)base[i]];
        }
        cr_assert(fabs(sum - cost) < 1e-6 && isfinite(cost));
        found += cost;
        best += cheapest(&costs);
    }
    cr_assert(found >= best - 1e-6 && found < 1.01 * best, "%g, best %g", found, best);
}
