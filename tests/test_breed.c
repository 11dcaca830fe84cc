#include "search/breed.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/grid_problem.h"

enum { MOST = 16 };

/* Two errors, the second limited by one version to 3, by another to 1, and the first by the latter to 2. */
typedef struct {
    grid_problem g;
    problem_limit limit[3];
    problem_version version[2];
    double value[MOST][2];
    tried of[MOST];
    history h;
    arena a;
} scene;

static void set_scene(scene *s, const double (*value)[2], int n)
{
    *s = (scene){.limit = {{1, true, true, 3}, {1, true, true, 1}, {0, true, false, 2}}};
    grid_problem_make(&s->g);
    s->version[0] = (problem_version){"wide", 1, s->limit};
    s->version[1] = (problem_version){"tight", 2, s->limit + 1};
    s->g.metric[0] = (problem_metric){.name = "first"};
    s->g.metric[1] = (problem_metric){.name = "second"};
    s->g.p.n_metrics = s->g.p.n_objectives = s->g.p.n_versions = 2;
    s->g.p.version = s->version;
    for (int i = 0; i < n; i++) {
        memcpy(s->value[i], value[i], sizeof s->value[i]);
        s->of[i] = (tried){.what = {i, i % GRID_POINTS, 0}, TRIED_DONE, s->value[i], NULL, 0};
    }
    s->h = (history){n, n, s->of};
    arena_init(&s->a, 0);
}

static int best(scene *s, int aim, int most, int *out)
{
    int n;
    err e = {0};
    cr_assert(eq(int, breed_best(&s->g.p, aim, &s->h, most, out, &n, &s->a, &e), OK), "%s", e.msg);
    return n;
}

static int cover(scene *s, int aim, int most, int *out, double *share)
{
    static const double reference[] = {5, 5};
    int n;
    err e = {0};
    cr_assert(
        eq(int, breed_cover(&s->g.p, aim, &s->h, most, reference, out, share, &n, &s->a, &e), OK),
        "%s", e.msg);
    return n;
}

static bool is_among(int number, const int *list, int n)
{
    while (n > 0 && list[n - 1] != number) n--;
    return n > 0;
}

/* Against (2, 4): of the wide version 4 - 3 = 1 above, of 3: 1/3; of the tight one 3 above 1. */
Test(breed, violation_is_the_excess_as_a_part_of_the_bound)
{
    const double value[1][2] = {{2, 4}};
    scene s;
    set_scene(&s, value, 1);
    const problem *p = &s.g.p;
    cr_expect(epsilon_eq(dbl, breed_violation(p, 0, value[0]), 1 / 3.0, 1e-6));
    cr_expect(epsilon_eq(dbl, breed_violation(p, 1, value[0]), 3, 1e-6), "2 <= 2 is kept");
    cr_expect(epsilon_eq(dbl, breed_violation(p, AIM_VERSIONS, value[0]), 1 / 3.0, 1e-6), "least");
    cr_expect(eq(dbl, breed_violation(p, AIM_FRONT, value[0]), 0));
    cr_expect(eq(dbl, breed_violation(p, 0, (double[]){9, 1}), 0));
    cr_expect(gt(dbl, breed_violation(p, 0, (double[]){9, 3}), 0),
              "3 < 3 is broken, if by nothing");
    cr_expect(isinf(breed_violation(p, 0, NULL)));
    cr_expect(isinf(breed_violation(p, 0, (double[]){1, (double)NAN})));
    arena_free(&s.a);
}

/* Fronts: {0, 1, 2}, {3}, {4}. On the first the ends are far from others, so 1 comes last of it. */
Test(breed, best_are_front_after_front_the_lonely_first)
{
    const double value[5][2] = {{1, 4}, {2, 2}, {4, 1}, {3, 3}, {4, 4}};
    scene s;
    int out[MOST];
    set_scene(&s, value, 5);
    cr_assert(eq(int, best(&s, AIM_FRONT, MOST, out), 5));
    static const int order[] = {0, 2, 1, 3, 4};
    for (int i = 0; i < 5; i++) cr_expect(eq(int, out[i], order[i]), "place %d", i);
    cr_expect(eq(int, best(&s, AIM_FRONT, 2, out), 2));
    arena_free(&s.a);
}

/* Only 3 and 0 keep "second < 3"; of the others the least excess comes first. What is pending or failed is no parent. */
Test(breed, best_keep_the_limits_before_they_break_them_little)
{
    const double value[6][2] = {{9, 2}, {1, 7}, {1, 4}, {8, 2.5}, {1, 1}, {0, 0}};
    scene s;
    int out[MOST];
    set_scene(&s, value, 6);
    s.of[4].state = TRIED_FAILED;
    s.h.n_known = 5;
    cr_assert(eq(int, best(&s, 0, MOST, out), 4));
    cr_expect(is_among(0, out, 2) && is_among(3, out, 2));
    cr_expect(eq(int, out[2], 2));
    cr_expect(eq(int, out[3], 1));
    arena_free(&s.a);
}

/* Within (5, 5) the points dominate 4.5, 9 and 4. (2, 2) is best alone; beside it (0.5, 4) adds 1.5 x 1 and (4, 1)
 * adds 1 x 1. Of the two that are left (2, 2) adds 3 x 3 - 3 x 1 = 6 to the other, which is the most. */
Test(breed, cover_takes_what_together_dominates_most)
{
    const double value[4][2] = {{0.5, 4}, {2, 2}, {4, 1}, {4.5, 4.5}};
    scene s;
    int out[MOST];
    double share[MOST];
    set_scene(&s, value, 4);
    cr_assert(eq(int, cover(&s, AIM_FRONT, 1, out, share), 1));
    cr_expect(eq(int, out[0], 1));
    cr_assert(eq(int, cover(&s, AIM_FRONT, 2, out, share), 2));
    cr_assert(is_among(0, out, 2) && is_among(1, out, 2));
    int of_small = out[0] == 0 ? 0 : 1;
    cr_expect(epsilon_eq(dbl, share[of_small], 1.5 / 6, 1e-12));
    cr_expect(epsilon_eq(dbl, share[1 - of_small], 1, 1e-12));
    arena_free(&s.a);
}

/* Of trials whose figures are whole 64ths, within (5, 5): a sum of columns, exact. */
static double volume_of(const scene *s, const int *list, int n)
{
    double volume = 0;
    for (double x = 0; x < 5; x += 1.0 / 64) {
        double least = 5;
        for (int i = 0; i < n; i++)
            if (s->value[list[i]][0] <= x) least = fmin(least, s->value[list[i]][1]);
        volume += (5 - least) / 64;
    }
    return volume;
}

/* The volume is submodular: a greedy choice has at least 1 - 1/e of the best (Nemhauser, Wolsey & Fisher 1978). */
Test(breed, cover_comes_near_the_best_choice)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        rng r = rng_stream(seed, 0, RNG_TEST);
        double value[8][2];
        for (int i = 0; i < 8; i++)
            for (int k = 0; k < 2; k++) value[i][k] = (double)rng_below(&r, 320) / 64;
        scene s;
        int out[MOST], other[3];
        double share[MOST], most = 0;
        set_scene(&s, value, 8);
        int n = cover(&s, AIM_FRONT, 3, out, share);
        cr_assert(eq(int, n, 3));
        for (other[0] = 0; other[0] < 8; other[0]++)
            for (other[1] = 0; other[1] < other[0]; other[1]++)
                for (other[2] = 0; other[2] < other[1]; other[2]++)
                    most = fmax(most, volume_of(&s, other, 3));
        double own = volume_of(&s, out, 3), greatest = 0;
        cr_expect(ge(dbl, own, (1 - exp(-1)) * most), "seed %d: %g of %g", (int)seed, own, most);
        for (int i = 0; i < n; i++) {
            int rest[2] = {out[(i + 1) % 3], out[(i + 2) % 3]};
            greatest = fmax(greatest, own - volume_of(&s, rest, 2));
        }
        for (int i = 0; i < n && greatest > 0; i++) {
            int rest[2] = {out[(i + 1) % 3], out[(i + 2) % 3]};
            cr_expect(epsilon_eq(dbl, share[i], (own - volume_of(&s, rest, 2)) / greatest, 1e-9),
                      "seed %d", (int)seed);
        }
        arena_free(&s.a);
    }
}

Test(breed, mutation_moves_numbers_by_a_step_or_two_and_words_to_any_other)
{
    scene s;
    set_scene(&s, NULL, 0);
    bool seen[GRID_NUMBERS] = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        rng r = rng_stream(seed, 0, RNG_TEST);
        int level[2] = {(int)rng_below(&r, GRID_WORDS), (int)rng_below(&r, GRID_NUMBERS)}, old[2];
        memcpy(old, level, sizeof old);
        breed_mutate(&s.g.p, 0, level, &r);
        breed_mutate(&s.g.p, 1, level, &r);
        cr_expect(ne(int, level[0], old[0]));
        cr_expect(level[0] >= 0 && level[0] < GRID_WORDS);
        cr_expect(ne(int, level[1], old[1]));
        cr_expect(level[1] >= 0 && level[1] < GRID_NUMBERS);
        cr_expect(le(int, abs(level[1] - old[1]), 2), "from %d to %d", old[1], level[1]);
        seen[level[1]] = true;
    }
    for (int i = 0; i < GRID_NUMBERS; i++) cr_expect(seen[i], "level %d", i);
    arena_free(&s.a);
}
