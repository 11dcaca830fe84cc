#include "search/replay.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

enum { N_TRIALS = 300 };

static replay_table invent(arena *a)
{
    replay_table t;
    err e = {0};
    arena_init(a, 0);
    cr_assert(eq(int, replay_table_invent(a, &t, &e), OK), "%s", e.msg);
    return t;
}

static replay_result play(const replay_table *t, const char *name, int aim, uint64_t seed,
                          int window, int workers, arena *a)
{
    replay_result r;
    err e = {0};
    replay_options o = {.sampler = sampler_find(name),
                        .options = {seed, aim},
                        .window = window,
                        .n_workers = workers,
                        .n_trials = N_TRIALS};
    cr_assert(eq(int, replay_run(t, &o, a, &r, &e), OK), "%s", e.msg);
    return r;
}

Test(replay, invents_the_space_that_its_header_describes)
{
    arena a;
    replay_table t = invent(&a);
    static const double percent[] = {0.69, 0.93, 0.04};
    cr_expect(eq(int, t.p.n_points, 115200));
    for (int v = 0; v < 3; v++) {
        const problem_version *version = &t.p.version[v];
        int met = 0;
        for (int i = 0; i < t.p.n_points; i++) {
            bool keeps = true;
            for (int k = 0; k < version->n_limits; k++)
                keeps = keeps && problem_keeps(
                                     &version->limit[k],
                                     (double)t.truth[i * t.p.n_metrics + version->limit[k].metric]);
            met += keeps;
            if (keeps) cr_assert(problem_may_meet(&t.p, v, i));
        }
        cr_expect(epsilon_eq(dbl, 100.0 * met / t.p.n_points, percent[v], 0.005), "%s",
                  version->name);
    }
    arena_free(&a);
}

Test(replay, observes_the_same_noise_for_the_same_training_and_other_noise_for_others)
{
    arena a;
    replay_table t = invent(&a);
    double sum = 0, squares = 0, first[PROBLEM_MAX_METRICS], again[PROBLEM_MAX_METRICS];
    replay_observe(&t, 5, 0, 1, first);
    replay_observe(&t, 5, 0, 1, again);
    cr_expect(eq(dbl, first[0], again[0]));
    for (int i = 0; i < 4000; i++) {
        double value[PROBLEM_MAX_METRICS];
        replay_observe(&t, i, i % 16, 1, value);
        double noise = value[0] - (double)t.truth[i * t.p.n_metrics];
        sum += noise;
        squares += noise * noise;
        cr_assert(eq(dbl, value[1], (double)t.truth[i * t.p.n_metrics + 1]), "sizes have no noise");
    }
    cr_expect(epsilon_eq(dbl, sum / 4000, 0, 0.04));
    cr_expect(epsilon_eq(dbl, squares / 4000, 0.36, 0.04));
    arena_free(&a);
}

/* The same table whatever the number of workers, each point once. */
Test(replay, makes_the_same_trials_with_1_4_and_32_workers)
{
    arena a;
    replay_table t = invent(&a);
    for (const sampler_row *row = sampler_rows(); row->name; row++) {
        replay_result one = play(&t, row->name, AIM_FRONT, 3, 32, 1, &a);
        replay_result four = play(&t, row->name, AIM_FRONT, 3, 32, 4, &a);
        replay_result many = play(&t, row->name, AIM_FRONT, 3, 32, 32, &a);
        unsigned char *seen = ARENA_NEW(&a, unsigned char, t.p.n_points);
        cr_assert(eq(int, one.n, N_TRIALS), "%s", row->name);
        for (int i = 0; i < N_TRIALS; i++) {
            cr_assert(eq(int, one.trial[i].point, four.trial[i].point), "%s %d", row->name, i);
            cr_assert(eq(int, one.trial[i].point, many.trial[i].point), "%s %d", row->name, i);
            cr_assert(not(seen[one.trial[i].point]++), "%s suggests a point twice", row->name);
        }
        cr_expect(eq(dbl, one.end_seconds, N_TRIALS));
        cr_expect(lt(dbl, many.end_seconds, four.end_seconds));
    }
    arena_free(&a);
}

/* A space of 48 points, asked for 300 times. */
Test(replay, ends_when_a_space_is_exhausted)
{
    arena a;
    replay_table t = invent(&a);
    t.p.n_points = 48;
    for (const sampler_row *row = sampler_rows(); row->name; row++) {
        replay_result r = play(&t, row->name, AIM_VERSIONS, 1, 4, 3, &a);
        cr_expect(eq(int, r.n, 48), "%s", row->name);
    }
    arena_free(&a);
}

static double mean_ratio(const replay_table *t, const char *name, int n_trials, int n_seeds,
                         arena *a)
{
    double best, sum = 0;
    cr_assert(eq(int, replay_volume(t, NULL, t->p.n_points, a, &best, NULL), OK));
    for (uint64_t seed = 0; seed < (uint64_t)n_seeds; seed++) {
        replay_options o = {.sampler = sampler_find(name),
                            .options = {seed, AIM_FRONT},
                            .window = 10,
                            .n_workers = 10,
                            .n_trials = n_trials};
        replay_result r;
        cr_assert(eq(int, replay_run(t, &o, a, &r, NULL), OK));
        int *point = ARENA_NEW(a, int, r.n);
        double volume;
        for (int i = 0; i < r.n; i++) point[i] = r.trial[i].point;
        cr_assert(eq(int, replay_volume(t, point, r.n, a, &volume, NULL), OK));
        sum += volume / best / n_seeds;
    }
    return sum;
}

/* After 300 trainings, in batches of ten, it hardly does. */
Test(replay, shows_that_evolution_beats_chance_in_the_long_run)
{
    arena a;
    replay_table t = invent(&a);
    double chance = mean_ratio(&t, "random", 1000, 8, &a);
    cr_expect(gt(dbl, mean_ratio(&t, "nsga2", 1000, 8, &a), chance));
    cr_expect(gt(dbl, mean_ratio(&t, "aging", 1000, 8, &a), chance));
    arena_free(&a);
}

/* Bounds that chance (0.90) and evolution (0.91) stay below by far. */
Test(replay, shows_that_models_beat_evolution)
{
    arena a;
    replay_table t = invent(&a);
    cr_expect(gt(dbl, mean_ratio(&t, "motpe", N_TRIALS, 4, &a), 0.93));
    cr_expect(gt(dbl, mean_ratio(&t, "greybox", N_TRIALS, 2, &a), 0.955));
    arena_free(&a);
}

static double mean_first_met(const replay_table *t, const char *name, int version, int n_seeds,
                             arena *a)
{
    double sum = 0;
    for (uint64_t seed = 0; seed < (uint64_t)n_seeds; seed++) {
        replay_options o = {.sampler = sampler_find(name),
                            .options = {seed, version},
                            .window = 1,
                            .n_workers = 1,
                            .n_trials = 80};
        replay_result r;
        cr_assert(eq(int, replay_run(t, &o, a, &r, NULL), OK));
        int first = replay_first_met(t, &r, version);
        sum += first > 0 ? first : o.n_trials;
    }
    return sum / n_seeds;
}

/* The hardest version, which four points in ten thousand meet: chance needs 2,500 trainings on average. */
Test(replay, shows_that_greybox_finds_what_is_rare)
{
    arena a;
    replay_table t = invent(&a);
    cr_expect(lt(dbl, mean_first_met(&t, "greybox", 2, 8, &a), 35));
    arena_free(&a);
}

static bool may_meet_one(const replay_table *t, int point)
{
    for (int v = 0; v < t->p.n_versions; v++)
        if (problem_may_meet(&t->p, v, point)) return true;
    return false;
}

Test(replay, shows_that_greybox_trains_nothing_that_is_too_large_or_slow_for_every_version)
{
    arena a;
    replay_table t = invent(&a);
    replay_result r = play(&t, "greybox", AIM_VERSIONS, 5, 4, 4, &a);
    for (int i = 0; i < r.n; i++) cr_assert(may_meet_one(&t, r.trial[i].point), "trial %d", i);
    for (int v = 0; v < 3; v++) cr_expect(gt(int, replay_first_met(&t, &r, v), 0), "%d", v);
    arena_free(&a);
}

static int trials_for_gain(const replay_table *t, double min_gain, arena *a)
{
    replay_result r;
    err e = {0};
    replay_options o = {.sampler = sampler_find("greybox"),
                        .options = {.seed = 3, .aim = AIM_FRONT, .min_gain = min_gain},
                        .window = 4,
                        .n_workers = 4,
                        .n_trials = 150};
    cr_assert(eq(int, replay_run(t, &o, a, &r, &e), OK), "%s", e.msg);
    return r.n;
}

Test(replay, shows_that_greybox_ends_when_little_is_left_to_gain)
{
    arena a;
    replay_table t = invent(&a);
    int greedy = trials_for_gain(&t, 20, &a), patient = trials_for_gain(&t, 1, &a);
    cr_expect(eq(int, trials_for_gain(&t, 0, &a), 150));
    cr_expect(gt(int, greedy, 2 * (t.p.n_knobs + 1)), "not before the models have been asked");
    cr_expect(lt(int, greedy, patient));
    cr_expect(lt(int, patient, 150));
    arena_free(&a);
}

/* Trainings that fail or are stopped without an estimate are borne. */
Test(replay, shows_that_samplers_bear_trials_without_figures)
{
    arena a;
    replay_table t = invent(&a);
    for (const sampler_row *row = sampler_rows(); row->name; row++) {
        sampler *source;
        guide *g;
        err e = {0};
        sampler_options o = {.seed = 1, .aim = AIM_FRONT};
        cr_assert(eq(int, row->open(&t.p, &o, &a, &source, &e), OK));
        cr_assert(eq(int, guide_open(&t.p, source, 1, &g, &e), OK));
        for (int i = 0; i < 60; i++) {
            suggestion s;
            int number;
            bool end;
            double value[PROBLEM_MAX_METRICS];
            cr_assert(eq(int, guide_ask(g, &s, &number, &end, &e), OK), "%s: %s", row->name, e.msg);
            replay_observe(&t, s.point, 0, 1, value);
            if (i % 5 == 1) value[0] = (double)NAN;
            tried is = {.state = i % 5 == 1   ? TRIED_STOPPED
                                 : i % 5 == 2 ? TRIED_FAILED
                                              : TRIED_DONE,
                        .value = i % 5 == 2 ? NULL : value};
            cr_assert(eq(int, guide_tell(g, number, &is, &e), OK));
        }
        guide_free(g);
    }
    arena_free(&a);
}

static replay_result play_stopping(const replay_table *t, const char *stop, int workers, arena *a)
{
    static int rung[STOP_MAX_RUNGS];
    replay_result r;
    err e = {0};
    replay_options o = {.sampler = sampler_find("random"),
                        .options = {.seed = 2, .aim = AIM_FRONT},
                        .window = 32,
                        .n_workers = workers,
                        .n_trials = N_TRIALS,
                        .stop = stop_find(stop),
                        .stop_chance = 0.05,
                        .audit = 0.05,
                        .n_rungs = stop_rungs(t->n_epochs, 3, 2, rung),
                        .rung = rung};
    cr_assert(eq(int, replay_run(t, &o, a, &r, &e), OK), "%s", e.msg);
    return r;
}

Test(replay, stops_the_same_trials_with_1_4_and_32_workers)
{
    arena a;
    replay_table t = invent(&a);
    for (const stop_row *row = stop_rows(); row->name; row++) {
        replay_result one = play_stopping(&t, row->name, 1, &a);
        replay_result four = play_stopping(&t, row->name, 4, &a);
        replay_result many = play_stopping(&t, row->name, 32, &a);
        cr_expect(gt(int, one.n_stopped, N_TRIALS / 10), "%s stops %d", row->name, one.n_stopped);
        for (int i = 0; i < N_TRIALS; i++) {
            cr_assert(eq(int, one.epochs[i], four.epochs[i]), "%s %d", row->name, i);
            cr_assert(eq(int, one.epochs[i], many.epochs[i]), "%s %d", row->name, i);
            cr_assert(eq(int, one.is_stopped[i], one.epochs[i] < t.n_epochs));
        }
        cr_expect(eq(dbl, one.end_seconds, one.busy_seconds));
        cr_expect(epsilon_eq(dbl, one.busy_seconds, (double)one.n_epochs / t.n_epochs, 1e-6));
    }
    arena_free(&a);
}

/* A stop below 5 % is wrong at most as often. */
Test(replay, counts_few_false_stops_of_the_dominance_rule_and_many_of_halving)
{
    arena a;
    replay_table t = invent(&a);
    replay_result careful = play_stopping(&t, "dominance", 8, &a);
    replay_result hasty = play_stopping(&t, "asha", 8, &a);
    cr_expect(le(int, 20 * careful.n_stopped_falsely, careful.n_stopped));
    cr_expect(gt(int, 20 * hasty.n_stopped_falsely, hasty.n_stopped));
    cr_expect(gt(int, careful.n_audited, 0));
    cr_expect(lt(int, careful.n_lost, hasty.n_lost));
    arena_free(&a);
}

/* Pairs of points share their first ten epochs of 27: nothing is stopped, and each pair is trained 44 epochs. */
Test(replay, trains_shared_epochs_once)
{
    arena a;
    replay_table t = invent(&a);
    t.p.n_points = 200;
    int *prefix = ARENA_NEW(&a, int, 200), *epochs = ARENA_NEW(&a, int, 200);
    for (int i = 0; i < 200; i++) prefix[i] = i / 2 * 2, epochs[i] = 10;
    t.prefix = prefix;
    t.prefix_epochs = epochs;
    replay_result r = play(&t, "random", AIM_FRONT, 1, 8, 8, &a);
    cr_assert(eq(int, r.n, 200));
    cr_expect(eq(long, (long)r.n_epochs, 100 * 44));
    cr_expect(eq(long, (long)r.n_epochs_unstopped, 100 * 44));
    cr_expect(epsilon_eq(dbl, r.busy_seconds, 100 * 44 / 27.0, 1e-6));
    arena_free(&a);
}

/* Whatever the chance, nobody is stopped before pruning bites. */
Test(replay, asks_no_rule_before_the_first_rung_of_a_point)
{
    arena a;
    replay_table t = invent(&a);
    int *first = ARENA_NEW(&a, int, t.p.n_points);
    for (int i = 0; i < t.p.n_points; i++) first[i] = 5 + i % 4;
    t.first_rung = first;
    replay_result r = play_stopping(&t, "asha", 8, &a);
    int at_first = 0;
    for (int i = 0; i < r.n; i++) {
        cr_assert(le(int, first[r.trial[i].point], r.epochs[i]));
        at_first += r.epochs[i] == first[r.trial[i].point];
    }
    cr_expect(gt(int, at_first, 0));
    arena_free(&a);
}

Test(replay, refuses_to_stop_without_curves)
{
    arena a;
    replay_table t = invent(&a);
    replay_result r;
    err e = {0};
    t.n_epochs = 0;
    replay_options o = {.sampler = sampler_find("random"),
                        .window = 1,
                        .n_workers = 1,
                        .n_trials = 5,
                        .stop = stop_find("asha")};
    cr_expect(eq(int, replay_run(&t, &o, &a, &r, &e), ERR_INPUT));
    arena_free(&a);
}

Test(replay, invents_larger_spaces_by_a_further_knob)
{
    arena a;
    err e = {0};
    replay_table t, plain = invent(&a);
    cr_assert(eq(int, replay_table_invent_large(3, &a, &t, &e), OK), "%s", e.msg);
    cr_expect(eq(int, t.p.n_points, 3 * 115200));
    cr_expect(eq(int, t.p.n_knobs, plain.p.n_knobs + 1));
    for (int i = 0; i < 1000; i++) {
        cr_assert(eq(int, t.p.level[i * t.p.n_knobs + plain.p.n_knobs], i % 3));
        const int m = t.p.n_metrics;
        cr_assert(eq(flt, t.truth[i * m + 1], plain.truth[i / 3 * m + 1]), "sizes repeat");
    }
    cr_expect(eq(int, replay_table_invent_large(0, &a, &t, &e), ERR_ARG));
    arena_free(&a);
}
