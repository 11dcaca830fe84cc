#include "store/importance.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <string.h>

#include "store/store.h"
#include "support/fake_results.h"

enum { WIDTH, KIND };
static knob_level widths[] = {{true, 8, "8"}, {true, 16, "16"}, {true, 32, "32"}},
                  kinds[] = {{false, 0, "a"}, {false, 0, "b"}};
static studied_knob knobs[] = {{"width", 3, widths}, {"kind", 2, kinds}};
/* Widths 8, 16, 32 with kind a, then with kind b. */
static int levels[] = {0, 0, 1, 0, 2, 0, 0, 1, 1, 1, 2, 1};
static bool on_front[6] = {true};

static ablation study(int n, double *figure)
{
    return (ablation){n, 2, knobs, levels, figure, on_front};
}

static knob_step *steps_of(const ablation *d, bool front_only, arena *a, int *n)
{
    knob_step *s;
    arena_init(a, 0);
    cr_assert(eq(int, importance_steps(d, front_only, a, &s, n, NULL), OK));
    return s;
}

/* Widths give 0, 1, 3; kind b gives 2 more, but 4 more at width 32: b - a is 2, 2, 4, whose mean is 8/3, whose standard
 * error sqrt(4/3/3), and t(0.975, 2) = 4.302653. */
Test(importance, steps_are_mean_differences_of_pairs)
{
    double figure[] = {0, 1, 3, 2, 3, 7};
    ablation d = study(6, figure);
    arena a;
    int n;
    knob_step *s = steps_of(&d, false, &a, &n);
    cr_assert(eq(int, n, 3));
    cr_expect(s[0].knob == WIDTH && s[0].from == 0 && s[0].to == 1 && s[0].n == 2);
    cr_expect(epsilon_eq(dbl, s[0].difference, 1, 1e-12));
    cr_expect(epsilon_eq(dbl, s[0].low, 1, 1e-12));
    cr_expect(s[1].from == 1 && s[1].to == 2 && s[1].n == 2);
    cr_expect(epsilon_eq(dbl, s[1].difference, 3, 1e-12)); /* 2 and 4; t(0.975, 1) = 12.7062 */
    cr_expect(epsilon_eq(dbl, s[1].low, 3 - 12.7062047, 1e-6));
    cr_expect(s[2].knob == KIND && s[2].from == 0 && s[2].to == 1 && s[2].n == 3);
    cr_expect(epsilon_eq(dbl, s[2].difference, 8.0 / 3, 1e-12));
    cr_expect(epsilon_eq(dbl, s[2].high, 8.0 / 3 + 4.3026527 * sqrt(4.0 / 9), 1e-6));
    arena_free(&a);
}

/* Only width 8 with kind a is on the front. */
Test(importance, along_the_front_one_of_a_pair_is_on_it)
{
    double figure[] = {0, 1, 3, 2, 3, 7};
    ablation d = study(6, figure);
    arena a;
    int n;
    knob_step *s = steps_of(&d, true, &a, &n);
    cr_assert(eq(int, n, 2));
    cr_expect(s[0].knob == WIDTH && s[0].to == 1 && s[0].n == 1 && isnan(s[0].low));
    cr_expect(s[1].knob == KIND && s[1].n == 1 && s[1].difference == 2);
    arena_free(&a);
}

static double shares_of(const ablation *d, double share[2])
{
    double explained;
    arena a;
    arena_init(&a, 0);
    cr_assert(eq(int, importance_shares(d, share, &explained, &a, NULL), OK));
    arena_free(&a);
    return explained;
}

/* Terms 0, 1, 3 (squares 2 x 42/9) and 0, 2 (squares 6). */
Test(importance, shares_of_a_full_grid_are_its_main_effects)
{
    double figure[] = {0, 1, 3, 2, 3, 5}, share[2];
    ablation d = study(6, figure);
    cr_expect(epsilon_eq(dbl, shares_of(&d, share), 1, 1e-12));
    cr_expect(epsilon_eq(dbl, share[WIDTH], 28.0 / 46, 1e-12));
    cr_expect(epsilon_eq(dbl, share[KIND], 18.0 / 46, 1e-12));
}

/* Without (32, b) the margins mislead: the terms are still 0, 1, 3 and 0, 2; their squares over the five are 6 and 4.8,
 * those of the figures 6.8. */
Test(importance, least_squares_sees_through_an_unbalanced_study)
{
    double figure[] = {0, 1, 3, 2, 3}, share[2];
    ablation d = study(5, figure);
    cr_expect(epsilon_eq(dbl, shares_of(&d, share), 1, 1e-9));
    cr_expect(epsilon_eq(dbl, share[WIDTH], 6 / 6.8, 1e-8));
    cr_expect(epsilon_eq(dbl, share[KIND], 4.8 / 6.8, 1e-8));
}

Test(importance, interplay_is_nobodys_share)
{
    double figure[] = {1, 0, 1, 0, 1, 0}, share[2];
    ablation d = study(6, figure);
    figure[2] = figure[5] = 0.5;
    cr_expect(epsilon_eq(dbl, shares_of(&d, share), 0, 1e-12));
    cr_expect(epsilon_eq(dbl, share[KIND], 0, 1e-12));
    double constant[] = {4, 4, 4, 4, 4, 4};
    d.figure = constant;
    cr_expect(eq(dbl, shares_of(&d, share), 0));
}

/* alpha is a tenth of the candidate's index, storage float32 for even ones: they never differ alone. Two seeds of
 * candidate 1 count as one configuration with their mean. */
Test(importance, reads_configurations_with_seeds_averaged)
{
    store *s;
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    err e = {0};
    arena a;
    ablation d;
    arena_init(&a, 0);
    cr_assert(eq(int, store_open(fake_path(), STORE_WRITE, &s, NULL), OK));
    cr_assert(eq(int, store_start_run(s, &space, &run, &id, NULL), OK));
    fake_trial(s, 1, &(fake_figures){0.4, 1, 1000, 0, 0});
    fake_trial(s, 3, &(fake_figures){0.2, 1, 1000, 0, 0});
    fake_finish(s, fake_add(s, 1, 2), 1, 2, &(fake_figures){0.6, 1, 1000, 0, 0});
    cr_assert(eq(int, importance_read(s, "T_mae", &a, &d, &e), OK), "%s", e.msg);
    cr_assert(d.n == 2 && d.n_knobs == 2);
    cr_expect(epsilon_eq(dbl, d.figure[0], 0.5, 1e-12));
    cr_expect(d.knob[0].n_levels == 2 && d.knob[1].n_levels == 1);
    cr_expect(strcmp(d.knob[0].level[1].text, "0.3") == 0);
    cr_expect(d.level[0] == 0 && d.level[2] == 1);
    table t;
    double explained;
    cr_assert(eq(int, importance_table(&d, false, &a, &t, &explained, &e), OK));
    cr_expect(eq(int, t.n_rows, 2));
    cr_expect(epsilon_eq(dbl, explained, 1, 1e-9));
    cr_expect(eq(int, importance_read(s, "speed", &a, &d, &e), ERR_INPUT));
    cr_expect(strstr(e.msg, "'speed'") && strstr(e.msg, "RH_mae"), "%s", e.msg);
    arena_free(&a);
    store_close(s);
    fake_remove();
}
