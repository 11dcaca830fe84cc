/* Early stopping on recorded learning curves: what each rule saves and what it costs.
 *   bench_stop [TABLE.csv [SAMPLER [TRIALS]]]    (tests/tables/keyword-curves.csv, random, all points)
 * Twenty orders of the same trainings for each rule, means: epochs saved against the same trials without the rule
 * (shared epochs once in both), hypervolume lost, stopped candidates that beat what was known when they were
 * stopped (all of them, and the audit's estimate), and those that would be on the front in the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/replay.h"

enum { N_SEEDS = 20, WINDOW = 8 };

typedef struct {
    double saved, loss, cpu;
    int n, stopped, falsely, audited, audited_falsely, lost;
} score;

static void die(const err *e)
{
    fprintf(stderr, "bench_stop: %s\n", e->msg);
    exit(1);
}

static void play(const replay_table *t, const char *method, const stop_row *stop, int aim,
                 double factor, int least, int n_trials, score *s, arena *a)
{
    int rung[STOP_MAX_RUNGS], n_rungs = stop_rungs(t->n_epochs, factor, least, rung);
    for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
        replay_options o = {.sampler = sampler_find(method),
                            .options = {.seed = seed, .aim = aim},
                            .window = WINDOW,
                            .n_workers = WINDOW,
                            .n_trials = n_trials,
                            .stop = stop,
                            .stop_chance = 0.05,
                            .audit = 0.05,
                            .n_rungs = n_rungs,
                            .rung = rung};
        arena_mark_t mark = arena_mark(a);
        replay_result r;
        err e = {0};
        double volume, whole;
        if (replay_run(t, &o, a, &r, &e)) die(&e);
        int *point = ARENA_NEW(a, int, r.n + 1);
        for (int i = 0; i < r.n; i++) point[i] = r.trial[i].point;
        if (replay_volume(t, point, r.n, a, &whole, &e)) die(&e);
        if (replay_volume(t, point, replay_finished(&r, r.n, point), a, &volume, &e)) die(&e);
        s->saved += 100 * (1 - (double)r.n_epochs / (double)r.n_epochs_unstopped) / N_SEEDS;
        s->loss += 100 * (1 - volume / whole) / N_SEEDS;
        s->cpu += r.busy_seconds / N_SEEDS;
        s->n += r.n;
        s->stopped += r.n_stopped;
        s->falsely += r.n_stopped_falsely;
        s->audited += r.n_audited;
        s->audited_falsely += r.n_audited_falsely;
        s->lost += r.n_lost;
        arena_release(a, mark);
    }
}

static double percent(int part, int whole)
{
    return whole > 0 ? 100.0 * part / whole : 0;
}

static void show(const replay_table *t, const char *method, const stop_row *stop, double factor,
                 int least, int n_trials, arena *a)
{
    score s = {0};
    play(t, method, stop, AIM_FRONT, factor, least, n_trials, &s, a);
    printf(
        "%-10s %6.2f %5d   %6.1f %%  %7.2f %%   %5.1f %%  %6.1f %% (%d of %d)  %6.1f %%  %8.1f s\n",
        stop ? stop->name : "none", factor, least, s.saved, s.loss, percent(s.falsely, s.stopped),
        percent(s.audited_falsely, s.audited), s.audited_falsely, s.audited,
        percent(s.lost, s.stopped), s.cpu);
}

int main(int n, char **arg)
{
    arena a;
    err e = {0};
    replay_table t;
    const char *path = n > 1 ? arg[1] : "tests/tables/keyword-curves.csv";
    const char *method = n > 2 ? arg[2] : "random";
    arena_init(&a, 0);
    if (replay_table_read(path, &a, &t, &e)) die(&e);
    int n_trials = n > 3 ? atoi(arg[3]) : t.p.n_points;
    printf("%s: %d candidates of %d epochs, %d seed%s; %s, %d trials\n\n", path, t.p.n_points,
           t.n_epochs, t.p.n_seeds, t.p.n_seeds == 1 ? "" : "s", method, n_trials);
    printf("rule       factor least  saved     volume lost  false   by the audit  on the front  "
           "CPU time\n");
    static const double factors[] = {3, 2, 1.5, 1.25};
    show(&t, method, NULL, 3, 1, n_trials, &a);
    for (const stop_row *row = stop_rows(); row->name; row++)
        for (int i = 0; i < 4; i++)
            for (int least = 1; least < 6; least += 2)
                show(&t, method, row, factors[i], least, n_trials, &a);
    arena_free(&a);
    return 0;
}
