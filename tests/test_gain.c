#include "search/gain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <string.h>

#include "engine/base/pareto.h"
#include "engine/base/rng.h"

enum { MOST = 30, N_QUANTILES = 1500 };

static double quantile(double u)
{
    double low = -7, high = 7;
    for (int i = 0; i < 50; i++) {
        double z = (low + high) / 2;
        if (0.5 * erfc(-z / sqrt(2)) < u)
            low = z;
        else
            high = z;
    }
    return low;
}

/* The definition: hypervolume with the point less that without, averaged over quantiles of its figure. */
static double naive(double *points, int n, int m, const double *reference, double mean,
                    double deviation, arena *a)
{
    double base, with, sum = 0;
    cr_assert(eq(int, pareto_hypervolume(points, n, m, reference, &base, a, NULL), OK));
    for (int i = 0; i < N_QUANTILES; i++) {
        points[n * m + m - 1] = mean + deviation * quantile((i + 0.5) / N_QUANTILES);
        cr_assert(eq(int, pareto_hypervolume(points, n + 1, m, reference, &with, a, NULL), OK));
        sum += (with - base) / N_QUANTILES;
    }
    return sum;
}

/* On a grid of tenths, where ties and dominated members are many. */
static void compare(int m, double tolerance)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        double points[(MOST + 1) * 4], reference[4] = {0.95, 0.95, 0.95, 0.95};
        rng r = rng_stream(seed, RNG_TEST, (uint64_t)m);
        const int n = (int)rng_below(&r, MOST);
        arena a;
        gain_front f;
        err e = {0};
        arena_init(&a, 0);
        for (int i = 0; i < (n + 1) * m; i++) points[i] = floor(10 * rng_double(&r)) / 10;
        for (int k = 0; k < m; k++) points[n * m + k] /= 2;
        double mean = rng_double(&r), exact[4];
        memcpy(exact, points + n * m, sizeof exact);
        cr_assert(eq(int, gain_open(points, n, m, reference, &a, &f, &e), OK), "%s", e.msg);
        double got = gain_expected(&f, exact, mean, 0.2),
               want = naive(points, n, m, reference, mean, 0.2, &a);
        cr_expect(epsilon_eq(dbl, got, want, tolerance), "seed %d: %g, not %g", (int)seed, got,
                  want);
        arena_free(&a);
    }
}

Test(gain, is_the_mean_growth_of_hypervolume_in_one_objective)
{
    compare(1, 2e-5);
}
Test(gain, is_the_mean_growth_of_hypervolume_in_two_objectives)
{
    compare(2, 2e-5);
}
Test(gain, is_the_mean_growth_of_hypervolume_in_three_objectives)
{
    compare(3, 2e-5);
}
Test(gain, is_nearly_the_mean_growth_of_hypervolume_in_four_objectives)
{
    compare(4, 8e-3);
}

Test(gain, is_nothing_beyond_the_reference_and_the_growth_itself_without_doubt)
{
    const double front[] = {0.5, 0.5, 0.5}, reference[] = {1, 1, 1}, beyond[] = {1.5, 1.5},
                 inside[] = {0.25, 0.5};
    arena a;
    gain_front f;
    arena_init(&a, 0);
    cr_assert(eq(int, gain_open(front, 1, 3, reference, &a, &f, NULL), OK));
    cr_expect(eq(dbl, gain_expected(&f, beyond, 0.1, 0.5), 0));
    cr_expect(epsilon_eq(dbl, gain_expected(&f, inside, 0.5, 0), 0.25 * 0.5 * 0.5, 1e-12));
    cr_expect(eq(dbl, gain_expected(&f, inside, 1.5, 0), 0));
    arena_free(&a);
}
