#include "store/why.h"
#include "store/knob_sheet.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <string.h>

#include "support/fake_results.h"

static const store_limit limits[] = {{"T_mae", LIMIT_LT, 0.5, "< 0.5 °C"},
                                     {"RH_mae", LIMIT_LT, 1.8, "< 1.8 %"},
                                     {"size", LIMIT_LT, 2000, "< 2 kB"}};
static const int64_t trials[] = {11, 12, 13, 14};
/* Over by 5.6 % in RH_mae; by 10 % in T_mae; by 25 % in size; by 20 % in T_mae and 11 % in RH_mae. */
static const double values[] = {0.45, 1.9, 1500, 0.55, 1.7, 1500, 0.45, 1.7, 2500, 0.6, 2.0, 1000};
static const double sizes[] = {1500, 1500, 2500, 1000};

static why found(const why_field *f, arena *a)
{
    why w;
    cr_assert(eq(int, why_find(f, a, &w, NULL), OK));
    return w;
}

Test(why, each_limit_tells_what_it_costs_and_how_far_it_would_have_to_move)
{
    arena a = {0};
    why w = found(&(why_field){4, 3, trials, values, sizes, limits}, &a);
    const int keep[] = {2, 2, 3}, row[] = {1, 0, 2}, alone[] = {0, 1, 3};
    const double best[] = {0.55, 1.9, 2500}, needed[] = {0.1, 0.1 / 1.8, 0.25};
    cr_expect(eq(int, w.n_feasible, 0));
    cr_expect(eq(int, w.n_conflicts, 0), "each pair is kept by one trial");
    for (int i = 0; i < 3; i++) {
        cr_expect(eq(int, w.limit[i].n_keep, keep[i]));
        cr_expect(eq(int, w.limit[i].n_without, 1));
        cr_expect(eq(int, w.limit[i].best_row, row[i]));
        cr_expect(eq(int, w.limit[i].best_alone_row, alone[i]));
        cr_expect(eq(dbl, w.limit[i].best, best[i]));
        cr_expect(epsilon_eq(dbl, w.limit[i].needed, needed[i], 1e-12));
    }
    const int order[] = {0, 1, 3, 2};
    for (int i = 0; i < 4; i++) cr_expect(eq(int, w.order[i], order[i]));
    cr_expect(epsilon_eq(dbl, w.worst[3], 0.2, 1e-12));
    arena_free(&a);
}

Test(why, limits_that_no_trial_keeps_together_are_named)
{
    arena a = {0};
    why w = found(&(why_field){2, 3, trials, values, sizes, limits}, &a);
    cr_assert(eq(int, w.n_conflicts, 1));
    cr_expect(w.conflict[0].i == 0 && w.conflict[0].j == 1);
    cr_expect(w.limit[2].best_row == -1 && isnan(w.limit[2].best) && isnan(w.limit[2].needed),
              "moving size helps nothing: nobody keeps the others");
    cr_expect(eq(int, w.limit[2].n_without, 0));
    arena_free(&a);
}

Test(why, where_trials_are_feasible_limits_need_not_move)
{
    static const double fine[] = {0.45, 1.7, 1500, 0.4, 1.7, 2100};
    static const double bytes[] = {1500, 2100};
    arena a = {0};
    why w = found(&(why_field){2, 3, trials, fine, bytes, limits}, &a);
    cr_expect(eq(int, w.n_feasible, 1));
    cr_expect(eq(int, w.limit[2].n_without, 2));
    cr_expect(eq(dbl, w.limit[2].best, 1500));
    cr_expect(epsilon_eq(dbl, w.limit[2].needed, -0.25, 1e-12));
    cr_expect(eq(dbl, w.limit[0].best, 0.45), "the other trial breaks another limit");
    arena_free(&a);
}

Test(why, ties_of_the_closest_go_to_the_smaller_file)
{
    static const double same[] = {0.55, 1.0, 1900, 0.55, 1.0, 1800, 0.55, 1.0, 1800};
    static const double bytes[] = {1900, 1800, 1800};
    arena a = {0};
    why w = found(&(why_field){3, 3, trials, same, bytes, limits}, &a);
    cr_expect(w.order[0] == 1 && w.order[1] == 2 && w.order[2] == 0);
    arena_free(&a);
}

Test(why, nothing_is_found_in_nothing)
{
    arena a = {0};
    why w = found(&(why_field){0, 3, trials, values, sizes, limits}, &a);
    cr_expect(w.n_feasible == 0 && w.n_conflicts == 0);
    cr_expect(w.limit[0].best_row == -1 && w.limit[0].best_alone_row == -1);
    arena_free(&a);
}

/* Of ten, four have it; three are drawn: (6 * 6 + 4 * 1) / 120. */
Test(why, the_tail_is_the_hypergeometric_one)
{
    cr_expect(epsilon_eq(dbl, why_tail(10, 4, 3, 2), 1.0 / 3, 1e-12));
    cr_expect(epsilon_eq(dbl, why_tail(10, 4, 3, 3), 4.0 / 120, 1e-12));
    cr_expect(epsilon_eq(dbl, why_tail(10, 4, 3, 0), 1, 1e-12));
    cr_expect(epsilon_eq(dbl, why_tail(10, 10, 3, 3), 1, 1e-12));
    cr_expect(epsilon_eq(dbl, why_tail(10, 4, 3, 4), 0, 1e-12));
    cr_expect(epsilon_eq(dbl, why_tail(10, 9, 3, 1), 1, 1e-12), "two of three must have it");
}

Test(why, the_closest_are_a_tenth_within_bounds)
{
    cr_expect(why_n_close(3) == 3 && why_n_close(40) == 5 && why_n_close(120) == 12);
    cr_expect(why_n_close(10000) == 20 && why_n_close(0) == 0);
}

/* --- steps --- */

/* Widths 8, 16 with kinds a, b; the first configuration was trained twice. Means of T: 2 and 1 with a, 4 and 2 with b. */
static setting cells[] = {{NUMBER, 8, 0},  {WORD, 0, 0}, {NUMBER, 8, 0}, {WORD, 0, 0},
                          {NUMBER, 16, 0}, {WORD, 0, 0}, {NUMBER, 8, 0}, {WORD, 0, 1},
                          {NUMBER, 16, 0}, {WORD, 0, 1}};
static const double twofold[] = {1, 100, 3, 100, 1, 200, 4, 100, 2, 200};
static const int64_t five[] = {1, 2, 3, 4, 5};

static int steps_from(int row, int n_trials, why_step **out, arena *a)
{
    static const char *knobs[] = {"width", "kind"}, *words[] = {"a", "b"};
    static const store_limit two[] = {{"T_mae", LIMIT_LT, 0.5, ""}, {"size", LIMIT_LT, 1, ""}};
    static const store_space space = {.n_knobs = 2, .knob = knobs};
    const knob_sheet h = {.a = a,
                          .space = &space,
                          .n = n_trials,
                          .trial = five,
                          .at = cells,
                          .n_words = 2,
                          .word = words};
    const why_field f = {n_trials, 2, five, twofold, sizes, two};
    int n;
    cr_assert(eq(int, why_find_steps(&f, &h, row, out, &n, NULL), OK));
    return n;
}

/* 8 -> 16: -1 with a, -2 with b: mean -1.5, standard error 0.5, t(0.975, 1) = 12.7062047. */
Test(why, steps_away_from_a_trial_are_means_of_pairs)
{
    arena a = {0};
    why_step *s;
    const double half = 12.7062047 * 0.5;
    cr_assert(eq(int, steps_from(0, 5, &s, &a), 2));
    cr_expect(strcmp(s[0].knob, "width") == 0 && strcmp(s[0].from, "8") == 0 &&
              strcmp(s[0].to, "16") == 0);
    cr_expect(eq(int, s[0].n, 2));
    cr_expect(epsilon_eq(dbl, s[0].change[0], -1.5, 1e-12));
    cr_expect(epsilon_eq(dbl, s[0].high[0], -1.5 + half, 1e-6));
    cr_expect(epsilon_eq(dbl, s[0].change[1], 100, 1e-12), "the other figure beside it");
    cr_expect(epsilon_eq(dbl, s[1].change[0], 1.5, 1e-12), "a to b");
    cr_expect(s[0].tried == 3 && s[1].tried == 4);
    cr_expect(strcmp(s[1].to, "b") == 0);
    arena_free(&a);
}

Test(why, steps_back_have_the_opposite_sign)
{
    arena a = {0};
    why_step *s;
    const double half = 12.7062047 * 0.5;
    cr_assert(eq(int, steps_from(4, 5, &s, &a), 2));
    cr_expect(strcmp(s[0].from, "16") == 0 && strcmp(s[0].to, "8") == 0);
    cr_expect(epsilon_eq(dbl, s[0].change[0], 1.5, 1e-12));
    cr_expect(epsilon_eq(dbl, s[0].low[0], 1.5 - half, 1e-6));
    cr_expect(epsilon_eq(dbl, s[1].change[0], -1.5, 1e-12), "b to a");
    cr_expect(s[0].tried == 4 && s[1].tried == 3);
    arena_free(&a);
}

/* Width 16 with kind b is missing; width 16 was tried with kind a. */
Test(why, steps_say_whether_they_were_tried)
{
    arena a = {0};
    why_step *s;
    cr_assert(eq(int, steps_from(3, 4, &s, &a), 2));
    cr_expect(strcmp(s[0].to, "16") == 0 && s[0].tried == 0);
    cr_expect(strcmp(s[1].to, "a") == 0 && s[1].tried == 1, "the first of two seeds");
    arena_free(&a);
}

/* What is sure: at least 0.2 of a bound of 2, 0.3 of one of 3 from below. */
Test(why, a_step_gains_what_the_interval_makes_sure)
{
    const double change[] = {-0.5, 0.6}, low[] = {-0.8, 0.3}, high[] = {-0.2, 0.9};
    const double unknown[] = {(double)NAN, (double)NAN};
    const store_limit upper = {"x", LIMIT_LE, 2, ""}, lower = {"y", LIMIT_GT, 3, ""};
    const why_step s = {.n = 5, .change = change, .low = low, .high = high},
                   single = {.n = 1, .change = change, .low = unknown, .high = unknown};
    cr_expect(epsilon_eq(dbl, why_step_gain(&upper, &s, 0), 0.1, 1e-12));
    cr_expect(epsilon_eq(dbl, why_step_gain(&lower, &s, 1), 0.1, 1e-12));
    cr_expect(why_step_gain(&lower, &s, 0) < 0);
    cr_expect(isnan(why_step_gain(&upper, &single, 0)), "one pair is no evidence");
}

/* --- knobs, from a study: alpha is candidate / 10, storage float16 for odd candidates --- */

static store *s;
static arena scratch;
static const store_knob alphas[] = {{"alpha", true, 0.1, NULL},
                                    {"alpha", true, 0.2, NULL},
                                    {"alpha", true, 9, NULL}},
                        storages[] = {{"storage", false, 0, "float16"},
                                      {"storage", false, 0, "float32"},
                                      {"storage", false, 0, "int8"}};
static const store_axis axes[] = {{3, alphas}, {3, storages}};

static void set_up(void)
{
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    space.axis = axes;
    cr_assert(eq(int, store_open(fake_path(), STORE_WRITE, &s, NULL), OK));
    cr_assert(eq(int, store_start_run(s, &space, &run, &id, NULL), OK));
}

static void tear_down(void)
{
    store_close(s);
    arena_free(&scratch);
    fake_remove();
}

TestSuite(why_knobs, .init = set_up, .fini = tear_down);

static why_knobs read_knobs(const int64_t *close, int n_close, const int64_t *all, int n_all)
{
    store_space space;
    knob_sheet h;
    why_knobs k;
    cr_assert(eq(int, store_last_space(s, &scratch, &space, NULL), OK));
    cr_assert(eq(int, knob_sheet_read(s, &space, all, n_all, &scratch, &h, NULL), OK));
    cr_assert(eq(int, why_read_knobs(s, &h, close, n_close, &k, NULL), OK));
    return k;
}

static const why_value *value_of(const why_knobs *k, const char *knob, const char *value)
{
    for (int i = 0; i < k->n_values; i++)
        if (strcmp(k->value[i].knob, knob) == 0 && strcmp(k->value[i].value, value) == 0)
            return &k->value[i];
    return NULL;
}

/* Candidates 1 .. 20, of which the odd ones 1, 3 .. 11 are the closest: 6 of 6 have float16, 10 of 20 all. The chance is
 * C(10, 6) / C(20, 6) = 210 / 38760, and seven values are looked at. */
Test(why_knobs, values_are_counted_and_weighed)
{
    int64_t all[20], close[6];
    for (int i = 0; i < 20; i++) all[i] = fake_trial(s, i + 1, &(fake_figures){1, 1, 1, 0, 0});
    for (int i = 0; i < 6; i++) close[i] = all[2 * i];
    why_knobs k = read_knobs(close, 6, all, 20);
    const why_value *storage = value_of(&k, "storage", "float16");
    cr_expect(eq(int, k.n_values, 7));
    cr_assert(storage != NULL);
    cr_expect(storage->n_close == 6 && storage->n_all == 10);
    cr_expect(epsilon_eq(dbl, storage->chance, 210.0 / 38760, 1e-12));
    cr_expect(storage->is_telling, "7 * 0.0054 < 0.05");
    cr_expect(value_of(&k, "storage", "float32") == NULL);
    const why_value *least = value_of(&k, "alpha", "0.1");
    cr_assert(least != NULL);
    cr_expect(least->is_least && !least->is_most && !least->is_telling && least->n_all == 1);
    cr_expect(not(value_of(&k, "alpha", "0.3")->is_least));
}

Test(why_knobs, one_case_more_and_it_may_be_chance)
{
    int64_t all[20], close[5];
    for (int i = 0; i < 20; i++) all[i] = fake_trial(s, i + 1, &(fake_figures){1, 1, 1, 0, 0});
    for (int i = 0; i < 5; i++) close[i] = all[2 * i];
    why_knobs k = read_knobs(close, 5, all, 20); /* C(10, 5) / C(20, 5) = 0.0163, six values */
    cr_expect(not(value_of(&k, "storage", "float16")->is_telling));
}

Test(why_knobs, values_of_the_space_that_no_trial_has_are_listed)
{
    int64_t all[2];
    for (int i = 0; i < 2; i++) all[i] = fake_trial(s, 1 + 2 * i, &(fake_figures){1, 1, 1, 0, 0});
    fake_trial(s, 2, &(fake_figures){1, 1, 1, 0, 0}); /* not among those asked about */
    why_knobs k = read_knobs(all, 2, all, 2);
    cr_assert(eq(int, k.n_untried, 4));
    cr_expect(strcmp(k.untried[0].value, "0.2") == 0);
    cr_expect(strcmp(k.untried[1].value, "9") == 0);
    cr_expect(strcmp(k.untried[2].value, "float32") == 0);
    cr_expect(strcmp(k.untried[3].value, "int8") == 0);
}
