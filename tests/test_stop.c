#include "search/stop.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "engine/base/rng.h"

enum { N_EPOCHS = 27, N_PAST = 40, N_POINTS = N_PAST + 3, MIDDLE = N_PAST, SMALL, LARGE };
enum { ACCURACY, SIZE };

/* Accuracy is trained and has nothing to do with size, which is exact: point i has 1000 + 10 i bytes,
 * the candidates in question are of a middle size,
 * smaller than all and larger than all. One version wants more than 90 %. */
typedef struct {
    float size[N_POINTS];
    int level[N_POINTS];
    problem_metric metric[2];
    problem_limit limit[1];
    problem_version version[1];
    problem p;
    tried of[N_PAST];
    double value[N_PAST][2];
    float curve[N_PAST][N_EPOCHS];
    int rung[STOP_MAX_RUNGS];
    stop_options o;
    arena a;
} scene;

/* Every curve ends `gain` above its ninth epoch, give or take half a point. */
static void put_curve(float *curve, double at_nine, double gain, uint64_t i)
{
    for (int k = 0; k < N_EPOCHS; k++) {
        rng r = rng_stream(i, RNG_TEST, (uint64_t)k);
        double grown = gain * (1 - pow((k + 1) / 9.0, -1)) / (1 - 1 / 3.0);
        curve[k] = (float)(at_nine + grown + 0.3 * (double)rng_normal(&r));
    }
}

static void set_scene(scene *s, int aim)
{
    *s = (scene){.metric = {{.name = "accuracy", .maximize = true},
                            {.name = "size", .exact = true, .positive = true}},
                 .limit = {{ACCURACY, false, true, 90}},
                 .version = {{.name = "a", .n_limits = 1}},
                 .o = {.aim = aim, .seed = 1, .chance = 0.05, .n_epochs = N_EPOCHS}};
    for (int i = 0; i < N_POINTS; i++) s->size[i] = 1000 + 10 * (float)i;
    s->size[MIDDLE] = 1205;
    s->size[SMALL] = 500;
    s->size[LARGE] = 5000;
    s->metric[SIZE].known = s->size;
    s->version[0].limit = s->limit;
    s->p = (problem){.n_points = N_POINTS,
                     .level = s->level,
                     .n_metrics = 2,
                     .n_objectives = 2,
                     .metric = s->metric,
                     .n_versions = 1,
                     .version = s->version,
                     .n_seeds = 1};
    s->o.rung = s->rung;
    s->o.n_rungs = stop_rungs(N_EPOCHS, 3, 2, s->rung);
    for (int i = 0; i < N_PAST; i++) {
        put_curve(s->curve[i], 60 + 0.5 * (i * 17 % N_PAST), 5, (uint64_t)i);
        s->value[i][ACCURACY] = (double)s->curve[i][N_EPOCHS - 1];
        s->value[i][SIZE] = (double)s->size[i];
        s->of[i] = (tried){.what = {i, i, 0},
                           .state = TRIED_DONE,
                           .value = s->value[i],
                           .curve = s->curve[i],
                           .n_epochs = N_EPOCHS};
    }
    arena_init(&s->a, 0);
}

static stop_answer ask(scene *s, const char *rule, int point, int number, int n_known,
                       const float *curve, int n_epochs)
{
    stop_answer answer;
    err e = {0};
    history h = {number, n_known, s->of};
    stop_case c = {number, {point, point, 0}, n_epochs, curve};
    stop_rule r;
    cr_assert(eq(int, stop_open(stop_find(rule), &s->p, &s->o, &s->a, &r, &e), OK), "%s", e.msg);
    cr_assert(eq(int, stop_ask(&r, &h, &c, &s->a, &answer, &e), OK), "%s", e.msg);
    return answer;
}

static stop_answer ask_at_nine(scene *s, const char *rule, int point, double at_nine)
{
    float curve[N_EPOCHS];
    put_curve(curve, at_nine, 5, 1000);
    return ask(s, rule, point, N_PAST, N_PAST, curve, 9);
}

Test(stop, places_rungs_by_a_factor_and_not_below_the_least)
{
    int rung[STOP_MAX_RUNGS];
    cr_assert(eq(int, stop_rungs(27, 3, 1, rung), 3));
    cr_expect(eq(int, rung[0], 1));
    cr_expect(eq(int, rung[1], 3));
    cr_expect(eq(int, rung[2], 9));
    cr_assert(eq(int, stop_rungs(30, 3, 4, rung), 2));
    cr_expect(eq(int, rung[0], 4));
    cr_expect(eq(int, rung[1], 10));
    cr_expect(eq(int, stop_rungs(1, 3, 1, rung), 0));
    cr_expect(lt(int, rung[stop_rungs(10, 1.05, 1, rung) - 1], 10), "the end is no rung");
    int n = stop_rungs(2000, 1.05, 1, rung);
    for (int i = 0; i < n; i++) {
        cr_expect(rung[i] >= 1 && rung[i] < 2000);
        if (i > 0) cr_expect(lt(int, rung[i - 1], rung[i]));
    }
}

/* Of a cubic ramp a quarter of the sparsity is reached after 9.1 % of the way. */
Test(stop, waits_until_pruning_bites)
{
    cr_expect(eq(int, stop_bites_at(5, 20, 3), 7));
    cr_expect(eq(int, stop_bites_at(0, 8, 1), 2));
    cr_expect(eq(int, stop_bites_at(5, 5, 3), 5));
}

Test(stop, dominance_ends_what_will_hardly_beat_something_smaller)
{
    scene s;
    set_scene(&s, AIM_FRONT);
    stop_answer bad = ask_at_nine(&s, "dominance", MIDDLE, 60),
                close = ask_at_nine(&s, "dominance", MIDDLE, 79),
                small = ask_at_nine(&s, "dominance", SMALL, 40);
    cr_expect(bad.stops);
    cr_expect(lt(dbl, bad.chance, 0.001));
    cr_expect(not(close.stops), "chance %g", close.chance);
    cr_expect(not(small.stops));
    cr_expect(eq(dbl, small.chance, 1), "nothing is smaller");
    arena_free(&s.a);
}

Test(stop, dominance_extrapolates_what_is_trained_and_keeps_what_is_exact)
{
    scene s;
    set_scene(&s, AIM_FRONT);
    stop_answer answer = ask_at_nine(&s, "dominance", MIDDLE, 68);
    cr_expect(epsilon_eq(dbl, answer.value[ACCURACY], 73, 1));
    cr_expect(eq(dbl, answer.value[SIZE], 1205));
    arena_free(&s.a);
}

Test(stop, dominance_aimed_at_versions_ends_what_will_hardly_keep_their_limits)
{
    scene s;
    set_scene(&s, AIM_VERSIONS);
    cr_expect(ask_at_nine(&s, "dominance", SMALL, 75).stops, "it will reach 80 %% of 90");
    cr_expect(not(ask_at_nine(&s, "dominance", SMALL, 86).stops));
    s.limit[0] = (problem_limit){SIZE, true, true, 400};
    cr_expect(ask_at_nine(&s, "dominance", SMALL, 86).stops, "it is too large whatever it learns");
    arena_free(&s.a);
}

/* An error to be minimised, on a curve that is a loss of another scale; and two of them. */
Test(stop, dominance_minimises_errors_and_takes_several)
{
    scene s;
    set_scene(&s, AIM_FRONT);
    double errors[N_PAST][3];
    problem_metric metric[3] = {{.name = "mae", .positive = true},
                                {.name = "size", .exact = true, .positive = true, .known = s.size},
                                {.name = "mae2", .positive = true}};
    s.p.metric = metric;
    for (int i = 0; i < N_PAST; i++) {
        double loss = 1 + 0.05 * (i * 17 % N_PAST);
        put_curve(s.curve[i], loss, 0, (uint64_t)i);
        for (int k = 0; k < N_EPOCHS; k++) s.curve[i][k] = (float)(loss * (1 + 1.0 / (k + 1)));
        errors[i][0] = 0.3 * loss;
        errors[i][1] = (double)s.size[i];
        errors[i][2] = 5 - loss;
        s.of[i].value = errors[i];
    }
    float bad[9], good[9];
    for (int k = 0; k < 9; k++) {
        bad[k] = (float)(2.9 * (1 + 1.0 / (k + 1)));
        good[k] = (float)(0.8 * (1 + 1.0 / (k + 1)));
    }
    cr_expect(ask(&s, "dominance", LARGE, N_PAST, N_PAST, bad, 9).stops);
    cr_expect(not(ask(&s, "dominance", LARGE, N_PAST, N_PAST, good, 9).stops));
    s.p.n_metrics = s.p.n_objectives = 3;
    cr_expect(not(ask(&s, "dominance", LARGE, N_PAST, N_PAST, bad, 9).stops),
              "what is bad in the one error is the best in the other");
    arena_free(&s.a);
}

Test(stop, dominance_stops_nothing_while_little_has_finished)
{
    scene s;
    set_scene(&s, AIM_VERSIONS);
    float flat[9];
    for (int k = 0; k < 9; k++) flat[k] = (float)(50 - 20 / pow(k + 1, 2));
    cr_expect(not(ask(&s, "dominance", SMALL, 9, 7, flat, 9).stops), "one curve says nothing");
    cr_expect(ask(&s, "dominance", SMALL, N_PAST, N_PAST, flat, 9).stops);
    s.limit[0] = (problem_limit){SIZE, true, true, 400};
    cr_expect(ask(&s, "dominance", SMALL, 9, 7, flat, 9).stops, "this needs no curve");
    arena_free(&s.a);
}

/* What is missed to 100 %, and one point, is halved between the ninth epoch and the end, by a factor e^0.2 more or less:
 * from 90 to 95.5 %, give or take one point, while those at 60 vary by eight. So 98 % is three deviations
 * away, in points less than one. */
Test(stop, dominance_takes_accuracies_by_what_they_miss)
{
    scene s;
    set_scene(&s, AIM_VERSIONS);
    for (int i = 0; i < N_PAST; i++) {
        double missed = 41 - 0.75 * (i * 17 % N_PAST),
               last = 101 - missed * 0.5 * exp(i % 2 ? 0.2 : -0.2);
        for (int k = 0; k < N_EPOCHS; k++) s.curve[i][k] = (float)(k < 9 ? 101 - missed : last);
        s.value[i][ACCURACY] = last;
    }
    float curve[9];
    for (int k = 0; k < 9; k++) curve[k] = 90;
    s.metric[ACCURACY].most = 100;
    s.limit[0].bound = 98;
    stop_answer answer = ask(&s, "dominance", SMALL, N_PAST, N_PAST, curve, 9);
    cr_expect(answer.stops, "chance %g", answer.chance);
    cr_expect(epsilon_eq(dbl, answer.value[ACCURACY], 95.5, 0.4));
    s.limit[0].bound = 96.5;
    cr_expect(not(ask(&s, "dominance", SMALL, N_PAST, N_PAST, curve, 9).stops));
    s.limit[0].bound = 98;
    s.metric[ACCURACY].most = 0;
    cr_expect(not(ask(&s, "dominance", SMALL, N_PAST, N_PAST, curve, 9).stops), "in points");
    for (int k = 0; k < 9; k++) curve[k] = 100;
    s.metric[ACCURACY].most = 100;
    answer = ask(&s, "dominance", SMALL, N_PAST, N_PAST, curve, 9);
    cr_expect(le(dbl, answer.value[ACCURACY], 100));
    arena_free(&s.a);
}

/* Only the first n_known results count, and of a second seed nothing is stopped. */
Test(stop, knows_what_the_window_allows_and_spares_further_seeds)
{
    scene s;
    set_scene(&s, AIM_FRONT);
    float curve[N_EPOCHS];
    err e = {0};
    put_curve(curve, 40, 5, 1000);
    cr_expect(not(ask(&s, "dominance", LARGE, N_PAST, 0, curve, 9).stops));
    cr_expect(ask(&s, "dominance", LARGE, N_PAST, N_PAST, curve, 9).stops);
    stop_rule r;
    cr_assert(eq(int, stop_open(stop_find("dominance"), &s.p, &s.o, &s.a, &r, &e), OK));
    stop_case c = {N_PAST, {LARGE, LARGE, 1}, 9, curve};
    stop_answer answer;
    cr_assert(eq(int, stop_ask(&r, &(history){N_PAST, N_PAST, s.of}, &c, &s.a, &answer, &e), OK));
    cr_expect(not(answer.stops));
    arena_free(&s.a);
}

Test(stop, audits_a_fixed_sample_by_number)
{
    scene s;
    set_scene(&s, AIM_FRONT);
    s.o.audit = 0.05;
    float curve[N_EPOCHS];
    int audited = 0;
    put_curve(curve, 40, 5, 1000);
    for (int number = N_PAST; number < N_PAST + 2000; number++) {
        stop_answer nine = ask(&s, "dominance", LARGE, number, N_PAST, curve, 9);
        stop_answer six = ask(&s, "dominance", LARGE, number, N_PAST, curve, 6);
        cr_assert(ne(int, nine.stops, nine.audited));
        cr_assert(eq(int, nine.audited, six.audited), "at every rung the same");
        audited += nine.audited;
    }
    cr_expect(le(int, 70, audited), "%d of 2000", audited);
    cr_expect(le(int, audited, 130), "%d of 2000", audited);
    arena_free(&s.a);
}

Test(stop, tells_a_false_stop_from_a_right_one)
{
    scene s;
    set_scene(&s, AIM_FRONT);
    stop_rule front, versions;
    err e = {0};
    cr_assert(eq(int, stop_open(stop_find("dominance"), &s.p, &s.o, &s.a, &front, &e), OK));
    s.o.aim = AIM_VERSIONS;
    cr_assert(eq(int, stop_open(stop_find("dominance"), &s.p, &s.o, &s.a, &versions, &e), OK));
    history h = {N_PAST, N_PAST, s.of}, nothing = {N_PAST, 0, s.of};
    suggestion what = {LARGE, LARGE, 0};
    double poor[2] = {70, 5000}, best[2] = {88, 5000}, enough[2] = {91, 5000};
    cr_expect(not(stop_was_false(&front, &h, &what, poor)));
    cr_expect(stop_was_false(&front, &nothing, &what, poor));
    cr_expect(stop_was_false(&front, &h, &what, best));
    cr_expect(not(stop_was_false(&versions, &h, &what, best)));
    cr_expect(stop_was_false(&versions, &h, &what, enough));
    arena_free(&s.a);
}

/* One objective: of 40 and the candidate the best 13 go on. */
Test(stop, asha_keeps_the_better_third)
{
    scene s;
    set_scene(&s, AIM_FRONT);
    s.p.n_objectives = 1;
    float curve[N_EPOCHS] = {0};
    int kept = 0;
    for (int i = 0; i < N_PAST; i++) {
        curve[8] = s.curve[i][8] + 0.001F;
        kept += !ask(&s, "asha", MIDDLE, N_PAST, N_PAST, curve, 9).stops;
    }
    cr_expect(eq(int, kept, 13));
    cr_expect(not(ask(&s, "asha", MIDDLE, N_PAST, 1, curve, 9).stops), "two are too few to choose");
    arena_free(&s.a);
}

/* Of two objectives the smallest is as good as the most accurate. */
Test(stop, asha_ranks_several_objectives_by_layers)
{
    scene s;
    set_scene(&s, AIM_FRONT);
    float curve[N_EPOCHS] = {0};
    curve[8] = 30;
    cr_expect(not(ask(&s, "asha", SMALL, N_PAST, N_PAST, curve, 9).stops));
    cr_expect(ask(&s, "asha", LARGE, N_PAST, N_PAST, curve, 9).stops);
    arena_free(&s.a);
}

/* Two rungs make three brackets with 9, 6 (3 * ceil(3/2)) and 3 candidates: in the first both rungs count, in the last none. */
Test(stop, hyperband_leaves_some_alone_at_early_rungs)
{
    scene s;
    set_scene(&s, AIM_FRONT);
    s.p.n_objectives = 1;
    cr_assert(eq(int, s.o.n_rungs, 2));
    float curve[N_EPOCHS] = {0};
    int early = 0, late = 0;
    for (int number = 1000; number < 2800; number++) {
        early += ask(&s, "hyperband", MIDDLE, number, N_PAST, curve, s.rung[0]).stops;
        late += ask(&s, "hyperband", MIDDLE, number, N_PAST, curve, s.rung[1]).stops;
    }
    cr_expect(epsilon_eq(dbl, early / 1800.0, 9 / 18.0, 0.03));
    cr_expect(epsilon_eq(dbl, late / 1800.0, 15 / 18.0, 0.03));
    arena_free(&s.a);
}
