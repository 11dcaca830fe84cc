#include "search/encode.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

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

TestSuite(encode, .init = set_up, .fini = tear_down);

static gp_space encode(void)
{
    gp_space s;
    err e = {0};
    cr_assert(eq(int, encode_points(&g.p, &a, &s, &e), OK), "%s", e.msg);
    return s;
}

static double at(const gp_space *s, int dim, int point)
{
    return (double)s->x[dim * s->n_points + point];
}

static double distance(const gp_space *s, int p, int q)
{
    double sum = 0;
    for (int d = 0; d < s->n_dims; d++) sum += pow(at(s, d, p) - at(s, d, q), 2);
    return sqrt(sum);
}

Test(encode, words_are_one_apart_and_numbers_evenly_from_0_to_1)
{
    gp_space s = encode();
    cr_assert(eq(int, s.n_dims, 4), "three words and a number");
    cr_assert(eq(int, s.n_groups, 2));
    for (int d = 0; d < 4; d++) cr_expect(eq(int, s.group[d], d < 3 ? 0 : 1));
    for (int i = 0; i < GRID_NUMBERS; i++)
        cr_expect(epsilon_eq(dbl, at(&s, 3, grid_problem_point(1, i)), i / 3.0, 1e-6));
    for (int word = 1; word < GRID_WORDS; word++)
        cr_expect(epsilon_eq(dbl, distance(&s, 0, grid_problem_point(word, 0)), 1, 1e-6));
    cr_expect(epsilon_eq(dbl, distance(&s, 0, grid_problem_point(1, 3)), sqrt(2), 1e-6));
}

/* No word is half a unit from any; a number stands in the middle. */
Test(encode, what_does_not_matter_is_equally_far_from_all)
{
    const int point = grid_problem_point(2, 0);
    g.level[2 * point] = g.level[2 * point + 1] = -1;
    gp_space s = encode();
    cr_expect(epsilon_eq(dbl, at(&s, 3, point), 0.5, 1e-6));
    for (int word = 0; word < 2; word++) {
        int other = grid_problem_point(word, 1);
        cr_expect(epsilon_eq(dbl, pow(distance(&s, point, other), 2), 0.5 + 1.0 / 36, 1e-6));
    }
}

/* 10^0 .. 10^11 lie evenly by their logarithms. What is not positive or not known beforehand is no coordinate, and what
 * is the same everywhere tells nothing. */
Test(encode, exact_figures_are_coordinates_by_their_logarithms)
{
    float size[GRID_POINTS], same[GRID_POINTS], accuracy[GRID_POINTS];
    for (int i = 0; i < GRID_POINTS; i++) {
        size[i] = (float)pow(10, i);
        same[i] = 7;
        accuracy[i] = (float)i;
    }
    g.metric[0] = (problem_metric){.name = "accuracy", .maximize = true, .known = accuracy};
    g.metric[1] = (problem_metric){.name = "error", .positive = true};
    g.metric[2] = (problem_metric){.name = "size", .exact = true, .positive = true, .known = size};
    g.metric[3] = (problem_metric){.name = "time", .exact = true, .positive = true, .known = same};
    g.p.n_metrics = 4;
    gp_space s = encode();
    cr_assert(eq(int, s.n_dims, 6));
    cr_assert(eq(int, s.n_groups, 4));
    cr_expect(s.group[4] == 2 && s.group[5] == 3);
    for (int i = 0; i < GRID_POINTS; i++) {
        cr_expect(epsilon_eq(dbl, at(&s, 4, i), i / 11.0, 1e-5));
        cr_expect(eq(dbl, at(&s, 5, i), 0.5));
    }
}
