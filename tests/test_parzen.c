#include "search/parzen.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "search/points.h"
#include "tests/support/grid_problem.h"

static grid_problem g;
static arena a;

static void set_up(void)
{
    grid_problem_make(&g);
    arena_init(&a, 0);
}

static void tear_down(void)
{
    arena_free(&a);
}

TestSuite(parzen, .init = set_up, .fini = tear_down);

static parzen about(const int *point, const double *weight, int n, double even)
{
    parzen z;
    err e = {0};
    cr_assert(eq(int, parzen_make(&g.p, point, weight, n, even, &a, &z, &e), OK), "%s", e.msg);
    return z;
}

/* One kernel about (0, 1). Its word has 2 parts of 4, another one 1 of 4; its number falls by exp(-d^2 / 2 s^2) with
 * s = 0.35 x 4 x 2^(-1/6). */
Test(parzen, one_kernel_is_a_product_over_the_knobs)
{
    const int point = grid_problem_point(0, 1);
    parzen z = about(&point, NULL, 1, 0);
    double s = 0.35 * 4 * pow(2, -1.0 / 6), near = exp(-0.5 / (s * s)), far = exp(-2 / (s * s));
    double all = 1 + 2 * near + far;
    cr_expect(epsilon_eq(dbl, parzen_density(&z, point), 0.5 / all, 1e-12));
    cr_expect(
        epsilon_eq(dbl, parzen_density(&z, grid_problem_point(0, 3)), 0.5 * far / all, 1e-12));
    cr_expect(
        epsilon_eq(dbl, parzen_density(&z, grid_problem_point(2, 0)), 0.25 * near / all, 1e-12));
}

/* With an even density of weight 1 beside kernels of 3 and 0: a quarter of 1/12, and three quarters of the first. */
Test(parzen, weights_mix_kernels_and_an_even_density)
{
    const int point[] = {grid_problem_point(0, 1), grid_problem_point(2, 3)};
    const double weight[] = {3, 0}, one[] = {1, 0};
    parzen z = about(point, weight, 2, 1), alone = about(point, one, 2, 0);
    for (int i = 0; i < GRID_POINTS; i++)
        cr_expect(epsilon_eq(dbl, parzen_density(&z, i),
                             0.75 * parzen_density(&alone, i) + 0.25 / GRID_POINTS, 1e-12));
}

Test(parzen, densities_of_all_points_sum_to_one)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        rng r = rng_stream(seed, 0, RNG_TEST);
        int n = 1 + (int)rng_below(&r, 9), point[9];
        double weight[9], sum = 0;
        for (int i = 0; i < n; i++) {
            point[i] = (int)rng_below(&r, GRID_POINTS);
            weight[i] = rng_double(&r) + 0.01;
        }
        parzen z = about(point, weight, n, rng_double(&r));
        for (int i = 0; i < GRID_POINTS; i++) sum += parzen_density(&z, i);
        cr_expect(epsilon_eq(dbl, sum, 1, 1e-12), "seed %d", (int)seed);
    }
}

/* Where the number does not matter to the kernel or to the point, it is one of four evenly; to both, it is no matter. */
Test(parzen, a_knob_that_does_not_matter_is_even)
{
    const int point = grid_problem_point(1, 2), other = grid_problem_point(1, 0);
    g.level[2 * point + 1] = -1;
    parzen z = about(&point, NULL, 1, 0);
    cr_expect(epsilon_eq(dbl, parzen_density(&z, other), 0.5 / 4, 1e-12));
    cr_expect(epsilon_eq(dbl, parzen_density(&z, point), 0.5, 1e-12));
}

/* 20,000 draws: each point as often as its density says, within five standard deviations. */
Test(parzen, draws_follow_the_density)
{
    enum { N = 20000 };
    const int point[] = {grid_problem_point(0, 0), grid_problem_point(2, 3)};
    const double weight[] = {1, 0.3};
    parzen z = about(point, weight, 2, 0.5);
    int count[GRID_POINTS] = {0}, level[2];
    rng r = rng_stream(1, 0, RNG_TEST);
    for (int i = 0; i < N; i++) {
        parzen_draw(&z, &r, level);
        count[grid_problem_point(level[0], level[1])]++;
    }
    for (int i = 0; i < GRID_POINTS; i++) {
        double d = parzen_density(&z, i);
        cr_expect(lt(dbl, fabs(count[i] - N * d), 5 * sqrt(N * d * (1 - d))), "point %d: %d of %g",
                  i, count[i], N * d);
    }
}
