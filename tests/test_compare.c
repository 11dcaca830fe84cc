#include "store/compare.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <string.h>

#include "support/fake_results.h"

static store *s;
static arena scratch;
static store_space space;
static answer said;

static void set_up(void)
{
    space = fake_space(1);
    s = fake_open();
}

static void tear_down(void)
{
    store_close(s);
    arena_free(&scratch);
    fake_remove();
}

TestSuite(compare, .init = set_up, .fini = tear_down);

static void compare(const int64_t *trial, int n)
{
    err e = {0};
    said = (answer){.a = &scratch};
    cr_assert(eq(int, compare_trials(s, &space, trial, n, &said, &e), OK), "%s", e.msg);
}

static const table *part(const char *name)
{
    for (int i = 0; i < said.n; i++)
        if (!said.item[i]->text && said.item[i]->for_programs &&
            strcmp(said.item[i]->name, name) == 0)
            return &said.item[i]->t;
    cr_assert(false, "no part %s", name);
    return NULL;
}

/* The cell of a row of `rows`: what is told of `name` in `trial`. */
static const cell *told(const char *kind, const char *name, int64_t trial, int column)
{
    const table *t = part("rows");
    for (int i = 0; i < t->n_rows; i++) {
        const cell *r = t->cells + i * t->n_columns;
        if (strcmp(r[0].text, kind) == 0 && strcmp(r[1].text, name) == 0 &&
            r[3].number == (double)trial)
            return &r[column];
    }
    cr_assert(false, "no row %s", name);
    return NULL;
}

enum { VALUE = 4, DIFFERS, BEST };

/* Version a: T_mae < 0.5, RH_mae < 1.8, size < 2000: rooms of 10 % (T_mae) and -20 % (size). */
Test(compare, rows_say_what_differs_and_who_is_best)
{
    int64_t pair[] = {fake_trial(s, 1, &(fake_figures){0.45, 1.0, 1500, 0, 0}),
                      fake_trial(s, 3, &(fake_figures){0.40, 1.0, 2400, 0, 0})};
    compare(pair, 2);
    cr_expect(eq(dbl, told("knob", "alpha", pair[0], VALUE)->number, 0.1));
    cr_expect(eq(dbl, told("knob", "alpha", pair[1], DIFFERS)->number, 1));
    cr_expect(strcmp(told("knob", "storage", pair[1], VALUE)->text, "float16") == 0);
    cr_expect(eq(dbl, told("knob", "storage", pair[0], DIFFERS)->number, 0));
    cr_expect(eq(dbl, told("figure", "T_mae", pair[0], BEST)->number, 0));
    cr_expect(eq(dbl, told("figure", "T_mae", pair[1], BEST)->number, 1));
    cr_expect(eq(dbl, told("figure", "RH_mae", pair[1], BEST)->number, 0), "equal");
    cr_expect(eq(dbl, told("figure", "n_params", pair[0], BEST)->number, 0), "no direction");
    cr_expect(epsilon_eq(dbl, told("version", "a", pair[0], VALUE)->number, 0.1, 1e-12));
    cr_expect(epsilon_eq(dbl, told("version", "a", pair[1], VALUE)->number, -0.2, 1e-12));
    cr_expect(eq(dbl, told("version", "a", pair[0], BEST)->number, 1));
}

Test(compare, a_missing_figure_is_never_best)
{
    int64_t pair[] = {fake_trial(s, 1, &(fake_figures){(double)NAN, 1.0, 1500, 0, 0}),
                      fake_trial(s, 3, &(fake_figures){0.40, 1.0, 2400, 0, 0})};
    compare(pair, 2);
    cr_expect(eq(dbl, told("figure", "T_mae", pair[0], BEST)->number, 0));
    cr_expect(eq(dbl, told("figure", "T_mae", pair[1], BEST)->number, 1));
    cr_expect(eq(int, part("dominance")->n_rows, 0), "an objective is missing");
}

static const char *relation(int row)
{
    const table *t = part("dominance");
    return t->cells[row * t->n_columns + 2].text;
}

/* Objectives: T_mae, RH_mae, size, all to be small. */
Test(compare, dominance_is_told_for_every_pair)
{
    int64_t four[] = {fake_trial(s, 1, &(fake_figures){0.4, 1.0, 1500, 0, 0}),
                      fake_trial(s, 2, &(fake_figures){0.5, 1.0, 1500, 0, 0}),
                      fake_trial(s, 3, &(fake_figures){0.3, 1.0, 1600, 0, 0}),
                      fake_trial(s, 4, &(fake_figures){0.4, 1.0, 1500, 0, 0})};
    static const char *const want[] = {"dominates", "neither",   "equal",
                                       "neither",   "dominated", "neither"};
    compare(four, 4);
    cr_assert(eq(int, part("dominance")->n_rows, 6));
    for (int i = 0; i < 6; i++) cr_expect(strcmp(relation(i), want[i]) == 0, "pair %d", i);
    const cell *second = part("dominance")->cells + 5;
    cr_expect(strcmp(second[3].text, "size") == 0 && strcmp(second[4].text, "T_mae") == 0);
}

/* Other - first over seeds 1, 2, 3: -0.1, 0, -0.2: mean -0.1, deviation 0.1, t(0.975, 2) = 4.302653. Seed 4 has no
 * partner. */
Test(compare, configurations_are_paired_by_seed)
{
    const double first[] = {0.5, 0.6, 0.7, 9}, other[] = {0.4, 0.6, 0.5};
    int64_t a = 0, b = 0;
    for (int i = 0; i < 4; i++) {
        a = fake_add(s, 1, (uint64_t)i + 1);
        fake_finish(s, a, 1, (uint64_t)i + 1, &(fake_figures){first[i], 1, 100, 0, 0});
    }
    for (int i = 0; i < 3; i++) {
        b = fake_add(s, 2, (uint64_t)i + 1);
        fake_finish(s, b, 2, (uint64_t)i + 1, &(fake_figures){other[i], 1, 100, 0, 0});
    }
    compare((int64_t[]){a, b}, 2);
    const table *t = part("seeds");
    cr_assert(eq(int, t->n_rows, 4), "T_mae, RH_mae and their test twins; size is exact");
    const cell *r = t->cells;
    const double half = 4.3026527 * 0.1 / sqrt(3);
    cr_expect(strcmp(r[0].text, "T_mae") == 0 && r[3].number == 3);
    cr_expect(epsilon_eq(dbl, r[4].number, -0.1, 1e-12));
    cr_expect(epsilon_eq(dbl, r[5].number, -0.1 - half, 1e-7));
    cr_expect(epsilon_eq(dbl, r[6].number, -0.1 + half, 1e-7));
}

Test(compare, one_common_seed_pairs_nothing)
{
    int64_t pair[] = {fake_trial(s, 1, &(fake_figures){0.45, 1.0, 1500, 0, 0}),
                      fake_trial(s, 3, &(fake_figures){0.40, 1.0, 2400, 0, 0})};
    compare(pair, 2);
    cr_expect(eq(int, part("seeds")->n_rows, 0));
}
