#include "engine/base/pareto.h"
#include "engine/base/rng.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum { N_MAX = 400, M_MAX = 6 };

static arena scratch;

/* Points on a coarse grid (many ties and repeats) or anywhere in the unit cube. */
static void draw_points(rng *r, double *p, int n, int m, bool coarse)
{
    for (int i = 0; i < n * m; i++) p[i] = coarse ? (double)rng_below(r, 4) : rng_double(r);
}

/* The definition, word for word. */
static void naive_front(const double *p, int n, int m, unsigned char *on_front)
{
    for (int i = 0; i < n; i++) {
        on_front[i] = 1;
        for (int k = 0; k < m; k++) on_front[i] &= !isnan(p[i * m + k]);
        for (int j = 0; j < n; j++)
            if (pareto_dominates(p + j * m, p + i * m, m)) on_front[i] = 0;
    }
}

Test(pareto, front_equals_the_definition_in_any_number_of_objectives)
{
    static double p[N_MAX * M_MAX];
    unsigned char got[N_MAX], want[N_MAX];
    for (uint64_t seed = 0; seed < 300; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 1);
        int m = 1 + (int)rng_below(&r, 5), n = (int)rng_below(&r, seed % 10 ? 40 : N_MAX);
        draw_points(&r, p, n, m, seed % 2);
        if (seed % 3 == 0 && n > 2) {
            p[rng_below(&r, (uint64_t)(n * m))] = NAN;
            p[rng_below(&r, (uint64_t)(n * m))] = INFINITY;
            p[rng_below(&r, (uint64_t)(n * m))] = -INFINITY;
        }
        naive_front(p, n, m, want);
        cr_assert_eq(pareto_front(p, n, m, got, &scratch, NULL), OK);
        cr_assert_arr_eq(got, want, (size_t)n, "seed %llu, m %d, n %d", (unsigned long long)seed, m,
                         n);
    }
    cr_expect_eq(scratch.used, 0);
    arena_free(&scratch);
}

Test(pareto, an_infinite_third_objective_is_dominated_only_by_a_better_point)
{
    const double p[] = {0, 1, INFINITY, 1, 0, INFINITY, 1, 1, INFINITY, 0, 1, INFINITY};
    unsigned char on_front[4];
    pareto_front(p, 4, 3, on_front, &scratch, NULL);
    const unsigned char want[] = {1, 1, 0, 1};
    cr_expect_arr_eq(on_front, want, 4);
    arena_free(&scratch);
}

/* Volume of the union of boxes by inclusion and exclusion over all subsets. */
static double naive_volume(const double *p, int n, int m, const double *reference)
{
    double sum = 0;
    for (unsigned set = 1; set < 1u << n; set++) {
        double v = 1;
        for (int k = 0; k < m; k++) {
            double corner = -DBL_MAX;
            for (int i = 0; i < n; i++)
                if (set >> i & 1) corner = fmax(corner, p[i * m + k]);
            v *= fmax(0, reference[k] - corner);
        }
        sum += __builtin_popcount(set) % 2 ? v : -v;
    }
    return sum;
}

Test(pareto, hypervolume_equals_inclusion_and_exclusion)
{
    double p[10 * M_MAX], reference[M_MAX], got;
    for (uint64_t seed = 0; seed < 240; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 2);
        int m = 1 + (int)rng_below(&r, M_MAX), n = (int)rng_below(&r, 11);
        draw_points(&r, p, n, m, seed % 2);
        for (int k = 0; k < m; k++) reference[k] = seed % 2 ? 3 : 0.6 + 0.5 * rng_double(&r);
        double want = naive_volume(p, n, m, reference);
        cr_assert_eq(pareto_hypervolume(p, n, m, reference, &got, &scratch, NULL), OK);
        cr_assert_float_eq(got, want, 1e-10 * (1 + want),
                           "seed %llu, m %d, n %d: %.17g, want %.17g", (unsigned long long)seed, m,
                           n, got, want);
    }
    cr_expect_eq(scratch.used, 0);
    arena_free(&scratch);
}

/* Share of the unit cube that some point dominates, from draws whose error is known. */
static double sampled_volume(const double *p, int n, int m, int draws)
{
    rng r = rng_stream(9, RNG_TEST, 3);
    int hits = 0;
    for (int d = 0; d < draws; d++) {
        double x[M_MAX];
        for (int k = 0; k < m; k++) x[k] = rng_double(&r);
        for (int i = 0; i < n; i++) {
            int k = 0;
            while (k < m && p[i * m + k] <= x[k]) k++;
            if (k == m) {
                hits++;
                break;
            }
        }
    }
    return (double)hits / draws;
}

Test(pareto, hypervolume_agrees_with_monte_carlo_on_larger_sets)
{
    enum { N = 60, DRAWS = 40000 };
    double p[N * 5], reference[5] = {1, 1, 1, 1, 1}, got;
    for (int m = 2; m <= 5; m++) {
        rng r = rng_stream((uint64_t)m, RNG_TEST, 4);
        draw_points(&r, p, N, m, false);
        pareto_hypervolume(p, N, m, reference, &got, &scratch, NULL);
        double sampled = sampled_volume(p, N, m, DRAWS);
        double sigma = sqrt(got * (1 - got) / DRAWS);
        cr_expect_lt(fabs(got - sampled), 4 * sigma, "m %d: %g, sampled %g", m, got, sampled);
    }
    arena_free(&scratch);
}

static void shuffle_rows(rng *r, double *p, int n, int m)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)rng_below(r, (uint64_t)i + 1);
        for (int k = 0; k < m; k++) {
            double t = p[i * m + k];
            p[i * m + k] = p[j * m + k];
            p[j * m + k] = t;
        }
    }
}

Test(pareto, order_repeats_and_dominated_points_change_no_bit_of_the_hypervolume)
{
    double p[40 * 5], reference[5] = {1, 1, 1, 1, 1}, first, again;
    for (uint64_t seed = 0; seed < 40; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 5);
        int m = 2 + (int)(seed % 4), n = 30;
        draw_points(&r, p, n, m, false);
        pareto_hypervolume(p, n, m, reference, &first, &scratch, NULL);
        for (int i = n; i < 40; i++)
            for (int k = 0; k < m; k++) p[i * m + k] = i % 2 ? p[k] : p[k] + 0.01 * rng_double(&r);
        shuffle_rows(&r, p, 40, m);
        pareto_hypervolume(p, 40, m, reference, &again, &scratch, NULL);
        cr_expect_eq(first, again, "seed %llu: %.17g, then %.17g", (unsigned long long)seed, first,
                     again);
    }
    arena_free(&scratch);
}

Test(pareto, points_beyond_the_reference_count_nothing)
{
    const double p[] = {0.5, 0.5, -4, 1, 2, -9, NAN, 0, -INFINITY, 0.1};
    const double reference[] = {1, 1};
    double v;
    cr_expect_eq(pareto_hypervolume(p, 5, 2, reference, &v, &scratch, NULL), OK);
    cr_expect_eq(v, 0.25);
    const double endless[] = {1, INFINITY};
    cr_expect_eq(pareto_hypervolume(p, 5, 2, endless, &v, &scratch, NULL), ERR_ARG);
    cr_expect_eq(pareto_hypervolume(p, 0, 2, reference, &v, &scratch, NULL), OK);
    cr_expect_eq(v, 0);
    arena_free(&scratch);
}

Test(pareto, no_memory_is_reported)
{
    static double p[N_MAX * 4];
    unsigned char on_front[N_MAX];
    double v, reference[4] = {1, 1, 1, 1};
    arena_init(&scratch, 64);
    for (int m = 1; m <= 4; m++) {
        cr_expect_eq(pareto_front(p, N_MAX, m, on_front, &scratch, NULL), ERR_MEM);
        cr_expect_eq(pareto_hypervolume(p, N_MAX, m, reference, &v, &scratch, NULL), ERR_MEM);
    }
    arena_free(&scratch);
}
