#include "search/draw.h"
#include "search/sobol.h"

#include "engine/base/rng.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

Test(sobol, puts_one_of_each_aligned_stretch_into_each_part_of_a_dimension)
{
    for (int d = 0; d < SOBOL_DIMENSIONS; d++)
        for (uint32_t from = 0; from < 512; from += 128) {
            int count[128] = {0};
            for (uint32_t n = from; n < from + 128; n++) count[(int)(sobol(7, n, d) * 128)]++;
            for (int i = 0; i < 128; i++)
                cr_assert(eq(int, count[i], 1), "dimension %d from %u part %d", d, from, i);
        }
}

Test(sobol, spreads_its_first_two_dimensions_over_every_shape_of_box)
{
    for (int rows = 1; rows <= 64; rows *= 2) {
        int count[64] = {0}, columns = 64 / rows;
        for (uint32_t n = 0; n < 64; n++)
            count[(int)(sobol(3, n, 0) * rows) * columns + (int)(sobol(3, n, 1) * columns)]++;
        for (int i = 0; i < 64; i++) cr_assert(eq(int, count[i], 1), "%d rows, box %d", rows, i);
    }
}

Test(sobol, differs_with_the_seed_and_goes_on_behind_its_tables)
{
    cr_expect(ne(dbl, sobol(1, 5, 3), sobol(2, 5, 3)));
    cr_expect(ne(dbl, sobol(1, 5, SOBOL_DIMENSIONS), sobol(1, 6, SOBOL_DIMENSIONS)));
    cr_expect(lt(dbl, sobol(1, 5, SOBOL_DIMENSIONS + 4), 1.0));
}

/* A space of 4 x 5 x 3 combinations of which about half are points; in some the second knob does not
 * matter. */
enum { KNOBS = 3 };
static const problem_knob knobs[KNOBS] = {{"a", 4, NULL}, {"b", 5, NULL}, {"c", 3, NULL}};

static problem half_a_space(arena *a, uint64_t seed)
{
    problem p = {.n_knobs = KNOBS, .knob = knobs};
    int *level = ARENA_NEW(a, int, 60 * KNOBS);
    int64_t *candidate = ARENA_NEW(a, int64_t, 60);
    rng r = rng_stream(seed, RNG_TEST, 0);
    cr_assert(level != NULL && candidate != NULL);
    for (int i = 0; i < 60; i++) {
        int at[KNOBS] = {i / 15, i / 3 % 5, i % 3};
        bool without_b = at[0] == 2;
        if ((without_b && at[1] > 0) || rng_below(&r, 2)) continue;
        if (without_b) at[1] = -1;
        for (int k = 0; k < KNOBS; k++) level[p.n_points * KNOBS + k] = at[k];
        candidate[p.n_points++] = i;
    }
    p.level = level;
    p.candidate = candidate;
    return p;
}

/* Knob by knob, among the points that are left: those at the nearest level. */
static int nearest_slowly(const problem *p, const int *wanted)
{
    bool left[60];
    for (int i = 0; i < p->n_points; i++) left[i] = true;
    for (int k = 0; k < KNOBS; k++) {
        int best = 1000, chosen = 0;
        for (int i = 0; i < p->n_points; i++) {
            int digit = p->level[i * KNOBS + k] < 0 ? 0 : p->level[i * KNOBS + k];
            if (!left[i] || abs(digit - wanted[k]) > best) continue;
            if (abs(digit - wanted[k]) < best || digit > chosen) chosen = digit;
            best = abs(digit - wanted[k]);
        }
        for (int i = 0; i < p->n_points; i++) {
            int digit = p->level[i * KNOBS + k] < 0 ? 0 : p->level[i * KNOBS + k];
            left[i] = left[i] && digit == chosen;
        }
    }
    for (int i = 0; i < p->n_points; i++)
        if (left[i]) return i;
    return -1;
}

Test(points, finds_the_nearest_point_that_exists)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        arena a;
        arena_init(&a, 0);
        problem p = half_a_space(&a, seed);
        for (int i = 0; i < 60; i++) {
            int wanted[KNOBS] = {i / 15, i / 3 % 5, i % 3};
            cr_assert(eq(int, points_nearest(&p, wanted), nearest_slowly(&p, wanted)));
        }
        for (int i = 0; i < p.n_points; i++)
            cr_assert(eq(int, points_nearest(&p, &p.level[i * KNOBS]), i),
                      "a point is its own nearest");
        arena_free(&a);
    }
}

Test(points, reaches_every_point_by_some_quantiles)
{
    arena a;
    arena_init(&a, 0);
    problem p = half_a_space(&a, 1);
    bool seen[60] = {false};
    for (uint32_t n = 0; n < 4096; n++) {
        double u[KNOBS] = {sobol(1, n, 0), sobol(1, n, 1), sobol(1, n, 2)};
        seen[points_at(&p, u)] = true;
    }
    for (int i = 0; i < p.n_points; i++) cr_expect(seen[i], "point %d", i);
    arena_free(&a);
}

Test(draw, gives_every_point_once_and_then_none)
{
    arena a;
    draw d;
    err e = {0};
    arena_init(&a, 0);
    problem p = half_a_space(&a, 2);
    bool seen[60] = {false};
    cr_assert(eq(int, draw_open(&p, 1, &a, &d, &e), OK));
    for (int i = 0; i < p.n_points; i++) {
        int point = i % 2 ? draw_next(&d) : draw_near(&d, &p.level[0]);
        cr_assert(point >= 0 && !seen[point], "point %d the second time", point);
        seen[point] = true;
    }
    cr_expect(eq(int, draw_next(&d), -1));
    cr_expect(eq(int, draw_near(&d, &p.level[0]), -1));
    arena_free(&a);
}
