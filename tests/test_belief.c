#include "search/belief.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "tests/support/grid_problem.h"

enum { ACCURACY, SIZE, MOST = 40 };

/* Accuracy falls by one point from number to number and by three from word to word; size is exact. */
typedef struct {
    grid_problem g;
    float size[GRID_POINTS];
    double value[MOST][2];
    tried of[MOST];
    history h;
    belief *b;
    int watched[GRID_POINTS];
    arena a;
} scene;

static double truth(int point)
{
    return 95 - point % GRID_NUMBERS - 3 * (point / GRID_NUMBERS);
}

static void set_scene(scene *s)
{
    *s = (scene){0};
    grid_problem_make(&s->g);
    for (int i = 0; i < GRID_POINTS; i++) {
        s->size[i] = (float)(1000 + 100 * i);
        s->watched[i] = i;
    }
    s->g.metric[ACCURACY] = (problem_metric){.name = "accuracy", .maximize = true};
    s->g.metric[SIZE] =
        (problem_metric){.name = "size", .exact = true, .positive = true, .known = s->size};
    s->g.p.n_metrics = s->g.p.n_objectives = 2;
    s->h.of = s->of;
    arena_init(&s->a, 0);
}

static void open_belief(scene *s)
{
    err e = {0};
    const int metric = ACCURACY;
    cr_assert(eq(int, belief_open(&s->g.p, &metric, 1, &s->a, &s->b, &e), OK), "%s", e.msg);
}

static void say(scene *s, int point, tried_state state, double accuracy)
{
    int n = s->h.n++;
    s->value[n][ACCURACY] = accuracy;
    s->value[n][SIZE] = (double)s->size[point];
    s->of[n] =
        (tried){{point, point, 0}, state, state == TRIED_PENDING ? NULL : s->value[n], NULL, 0};
    if (state != TRIED_PENDING) s->h.n_known = s->h.n;
}

/* Points 0, 2, 4 ... truly. */
static void say_every_other(scene *s)
{
    for (int i = 0; i < GRID_POINTS; i += 2) say(s, i, TRIED_DONE, truth(i));
}

static bool update(scene *s, bool *anew)
{
    err e = {0};
    bool ready;
    cr_assert(eq(int, belief_update(s->b, &s->h, &ready, anew, &e), OK), "%s", e.msg);
    if (*anew) cr_assert(eq(int, belief_watch(s->b, s->watched, GRID_POINTS, &e), OK));
    if (ready) belief_refresh(s->b);
    return ready;
}

Test(belief, is_ready_with_four_figures_and_fits_anew_as_the_history_grows)
{
    scene s;
    bool anew;
    set_scene(&s);
    open_belief(&s);
    say(&s, 0, TRIED_FAILED, 0);
    for (int i = 0; i < 3; i++) say(&s, 2 * i, TRIED_DONE, truth(2 * i));
    cr_expect(not(update(&s, &anew)), "a failure is no figure");
    say(&s, 7, TRIED_DONE, truth(7));
    cr_expect(update(&s, &anew));
    cr_expect(anew);
    cr_expect(update(&s, &anew));
    cr_expect(not(anew));
    for (int i = 0; i < 8; i++) {
        err e = {0};
        int point = (3 * i + 1) % GRID_POINTS;
        cr_assert(eq(int, belief_add(s.b, s.h.n, point, &e), OK));
        say(&s, point, TRIED_DONE, truth(point));
        cr_expect(update(&s, &anew));
        cr_expect(eq(int, anew, i == 7), "after %d more", i + 1);
    }
    arena_free(&s.a);
}

Test(belief, is_near_what_was_seen_and_between_it_elsewhere)
{
    scene s;
    bool anew;
    set_scene(&s);
    open_belief(&s);
    say_every_other(&s);
    cr_assert(update(&s, &anew));
    for (int i = 0; i < GRID_POINTS; i++) {
        figure f = belief_of(s.b, ACCURACY, i);
        cr_expect(epsilon_eq(dbl, f.mean, truth(i), i % 2 ? 2 : 1), "point %d", i);
        cr_expect(gt(dbl, f.deviation, 0));
    }
    double seen = belief_of(s.b, ACCURACY, 6).deviation,
           unseen = belief_of(s.b, ACCURACY, 7).deviation;
    cr_expect(lt(dbl, seen, unseen));
    cr_expect(eq(int, belief_n_rows(s.b), 6));
    cr_expect(epsilon_eq(dbl, belief_row_mean(s.b, ACCURACY, 2), truth(4), 1));
    arena_free(&s.a);
}

/* What is exact is believed as it is; its limits are kept for certain or not at all. */
Test(belief, exact_figures_are_certain)
{
    scene s;
    bool anew;
    set_scene(&s);
    open_belief(&s);
    say_every_other(&s);
    cr_assert(update(&s, &anew));
    const problem_limit below = {SIZE, true, true, 1300};
    for (int i = 0; i < GRID_POINTS; i++) {
        figure f = belief_of(s.b, SIZE, i);
        cr_expect(eq(dbl, f.mean, 1000 + 100 * i));
        cr_expect(eq(dbl, f.deviation, 0));
        cr_expect(eq(dbl, belief_keeps(s.b, &below, i), i < 3));
    }
    cr_expect(eq(dbl, belief_row_keeps(s.b, &below, 1), 1));
    cr_expect(eq(dbl, belief_row_keeps(s.b, &below, 2), 0));
    cr_expect(eq(dbl, belief_spread(s.b, SIZE), 0));
    arena_free(&s.a);
}

/* At the mean a limit is kept with one half, a deviation on with 0.8413 and 0.1587. Above the median the models see figures
 * as they are. */
Test(belief, chances_are_those_of_a_normal_distribution)
{
    scene s;
    bool anew;
    set_scene(&s);
    open_belief(&s);
    say_every_other(&s);
    cr_assert(update(&s, &anew));
    figure f = belief_of(s.b, ACCURACY, 0);
    problem_limit least = {ACCURACY, false, true, f.mean};
    cr_expect(epsilon_eq(dbl, belief_keeps(s.b, &least, 0), 0.5, 1e-6));
    least.bound = f.mean + f.deviation;
    cr_expect(epsilon_eq(dbl, belief_keeps(s.b, &least, 0), 0.1587, 1e-4));
    least.is_upper = true;
    cr_expect(epsilon_eq(dbl, belief_keeps(s.b, &least, 0), 0.8413, 1e-4));
    arena_free(&s.a);
}

/* A pending suggestion leaves the means where they are and takes from the deviations; its result then moves the means. */
Test(belief, a_suggestion_counts_as_expected_until_its_result_is_known)
{
    scene s;
    bool anew;
    err e = {0};
    set_scene(&s);
    open_belief(&s);
    say_every_other(&s);
    cr_assert(update(&s, &anew));
    figure before = belief_of(s.b, ACCURACY, 1);
    cr_assert(eq(int, belief_add(s.b, s.h.n, 1, &e), OK));
    say(&s, 1, TRIED_PENDING, 0);
    cr_assert(update(&s, &anew));
    figure pending = belief_of(s.b, ACCURACY, 1);
    cr_expect(epsilon_eq(dbl, pending.mean, before.mean, 1e-3));
    cr_expect(lt(dbl, pending.deviation, 0.95 * before.deviation));
    cr_expect(eq(int, belief_n_rows(s.b), 7));
    cr_expect(eq(int, belief_n_learned(s.b), 6));
    s.of[6].state = TRIED_DONE;
    s.of[6].value = s.value[6];
    s.value[6][ACCURACY] = before.mean + 4;
    s.h.n_known = 7;
    cr_assert(update(&s, &anew));
    cr_expect(gt(dbl, belief_of(s.b, ACCURACY, 1).mean, before.mean + 1));
    cr_expect(epsilon_eq(dbl, belief_of(s.b, ACCURACY, 1).deviation, pending.deviation, 1e-4));
    cr_expect(eq(int, belief_n_learned(s.b), 7));
    arena_free(&s.a);
}

/* Point 1 failed: it is believed worse than if nothing were known of it. */
Test(belief, a_failure_counts_as_the_worst_seen)
{
    figure f[2];
    for (int fails = 0; fails < 2; fails++) {
        scene s;
        bool anew;
        set_scene(&s);
        open_belief(&s);
        say_every_other(&s);
        if (fails) say(&s, 1, TRIED_FAILED, 0);
        cr_assert(update(&s, &anew));
        f[fails] = belief_of(s.b, ACCURACY, 1);
        arena_free(&s.a);
    }
    cr_expect(lt(dbl, f[1].mean, f[0].mean - 1), "%g after %g", f[1].mean, f[0].mean);
}

/* What was stopped early counts with the figure it was estimated to reach, without one not at all. */
Test(belief, what_was_stopped_counts_by_its_estimate)
{
    scene s;
    bool anew;
    set_scene(&s);
    open_belief(&s);
    say_every_other(&s);
    say(&s, 1, TRIED_STOPPED, truth(1));
    say(&s, 3, TRIED_STOPPED, (double)NAN);
    cr_assert(update(&s, &anew));
    cr_expect(eq(int, belief_n_rows(s.b), 7));
    cr_expect(epsilon_eq(dbl, belief_row_mean(s.b, ACCURACY, 6), truth(1), 1));
    arena_free(&s.a);
}

/* Packed sizes are 1.5 times a first guess that varies a thousandfold; seen at half of the points it is believed of all. */
Test(belief, positive_figures_are_believed_by_their_ratio_to_the_first_guess)
{
    scene s;
    bool anew;
    set_scene(&s);
    for (int i = 0; i < GRID_POINTS; i++) s.size[i] = (float)(100 * pow(2, (7 * i) % GRID_POINTS));
    s.g.metric[SIZE].exact = false;
    err e = {0};
    const int metric = SIZE;
    cr_assert(eq(int, belief_open(&s.g.p, &metric, 1, &s.a, &s.b, &e), OK));
    for (int i = 0; i < GRID_POINTS; i += 2) {
        say(&s, i, TRIED_DONE, truth(i));
        s.value[i / 2][SIZE] *= i % 4 ? 1.5 : 1.51;
    }
    cr_assert(update(&s, &anew));
    for (int i = 0; i < GRID_POINTS; i++)
        cr_expect(epsilon_eq(dbl, belief_of(s.b, SIZE, i).mean / (double)s.size[i], 1.505, 0.02),
                  "point %d", i);
    float guess[GRID_POINTS];
    cr_assert(eq(int, belief_guess(s.b, SIZE, s.watched, GRID_POINTS, guess, &e), OK));
    for (int i = 0; i < GRID_POINTS; i++)
        cr_expect(epsilon_eq(dbl, (double)(guess[i] / s.size[i]), 1.505, 0.02), "point %d", i);
    arena_free(&s.a);
}
