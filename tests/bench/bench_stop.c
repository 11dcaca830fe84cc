/* Early stopping on recorded learning curves: what each rule saves and what it costs.
 *   bench_stop [TABLE.csv [SAMPLER [TRIALS]]]    (tests/tables/keyword-curves.csv, random, all candidates)
 * Twenty orders of the same trainings for each rule, window 8, means: epochs saved against the same trials without the
 * rule (epochs that candidates share counted once in both) and against trainings that neither stop nor share;
 * hypervolume lost; of what was stopped the share that beat all that was known then at no more size and latency
 * (of all, and by the audit), and that would be worth having in the end. The oracle is the bound of all rules. */
#include <stdio.h>
#include <stdlib.h>

#include "search/replay.h"

enum { N_SEEDS = 20, WINDOW = 8 };

typedef struct {
    const replay_table *t;
    const char *method;
    int aim, n_trials;
    arena *a;
} setting;

typedef struct {
    double saved, saved_alone, loss, cpu;
    int stopped, falsely, audited, audited_falsely, lost;
} score;

static void die(const err *e)
{
    fprintf(stderr, "bench_stop: %s\n", e->msg);
    exit(1);
}

static void add(const setting *x, const replay_result *r, score *s)
{
    err e = {0};
    double volume, whole;
    int *point = ARENA_NEW(x->a, int, r->n + 1);
    for (int i = 0; i < r->n; i++) point[i] = r->trial[i].point;
    if (replay_volume(x->t, point, r->n, x->a, &whole, &e)) die(&e);
    if (replay_volume(x->t, point, replay_finished(r, r->n, point), x->a, &volume, &e)) die(&e);
    double alone = (double)r->n * x->t->n_epochs;
    s->saved += 100 * (1 - (double)r->n_epochs / (double)r->n_epochs_unstopped) / N_SEEDS;
    s->saved_alone += 100 * (1 - (double)r->n_epochs / alone) / N_SEEDS;
    s->loss += 100 * (1 - volume / whole) / N_SEEDS;
    s->cpu += r->busy_seconds / N_SEEDS;
    s->stopped += r->n_stopped;
    s->falsely += r->n_stopped_falsely;
    s->audited += r->n_audited;
    s->audited_falsely += r->n_audited_falsely;
    s->lost += r->n_lost;
}

static double percent(int part, int whole)
{
    return whole > 0 ? 100.0 * part / whole : 0;
}

/* The most that any rule could save: it knows how each training ends, and stops at the first rung all that
 * cannot change the answer. */
static const replay_table *foreseen;

static status foresee(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                      stop_answer *out, err *e)
{
    double value[PROBLEM_MAX_METRICS];
    (void)scratch, (void)e;
    replay_observe(foreseen, c->what.point, c->what.seed_index, self->o.seed, value);
    out->stops = !stop_was_false(self, h, &c->what, value);
    return OK;
}

static const stop_row oracle = {"oracle", "", foresee};

static void show(const setting *x, const stop_row *stop, double factor)
{
    score s = {0};
    int rung[STOP_MAX_RUNGS], n_rungs = stop_rungs(x->t->n_epochs, factor, 2, rung);
    for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
        replay_options o = {.sampler = sampler_find(x->method),
                            .options = {.seed = seed, .aim = x->aim},
                            .window = WINDOW,
                            .n_workers = WINDOW,
                            .n_trials = x->n_trials,
                            .stop = stop,
                            .stop_chance = 0.05,
                            .audit = 0.05,
                            .n_rungs = n_rungs,
                            .rung = rung};
        arena_mark_t mark = arena_mark(x->a);
        replay_result r;
        err e = {0};
        if (replay_run(x->t, &o, x->a, &r, &e)) die(&e);
        add(x, &r, &s);
        arena_release(x->a, mark);
    }
    printf("%-9s %6.2f  %6.1f %% %6.1f %%  %7.2f %%   %5.1f %%  %5.1f %% (%3d of %3d) %6.1f %% "
           "%9.0f s\n",
           stop ? stop->name : "none", factor, s.saved, s.saved_alone, s.loss,
           percent(s.falsely, s.stopped), percent(s.audited_falsely, s.audited), s.audited_falsely,
           s.audited, percent(s.lost, s.stopped), s.cpu);
}

static void show_rules(const setting *x)
{
    static const double factors[] = {3, 1.5, 1.25, 1.1};
    printf(
        "\naim: %s\n"
        "rule      rungs/    epochs saved  hypervolume            false stops        worth having\n"
        "          factor   shared   alone        lost       all      by the audit    in the end   "
        "CPU time\n",
        x->aim == AIM_FRONT ? "front" : "versions");
    show(x, NULL, 3);
    for (const stop_row *row = stop_rows(); row->name; row++)
        for (int i = 0; i < 4; i++) show(x, row, factors[i]);
    show(x, &oracle, 1.25);
}

int main(int n, char **arg)
{
    arena a;
    err e = {0};
    replay_table t;
    const char *path = n > 1 ? arg[1] : "tests/tables/keyword-curves.csv";
    arena_init(&a, 0);
    if (replay_table_read(path, &a, &t, &e)) die(&e);
    setting x = {.t = &t,
                 .method = n > 2 ? arg[2] : "random",
                 .aim = AIM_FRONT,
                 .n_trials = n > 3 ? atoi(arg[3]) : t.p.n_points,
                 .a = &a};
    foreseen = &t;
    if (!sampler_find(x.method)) {
        fprintf(stderr, "bench_stop: there is no sampler '%s'\n", x.method);
        return 2;
    }
    printf("%s: %d candidates of %d epochs, %d seed%s; %s, %d trials\n", path, t.p.n_points,
           t.n_epochs, t.p.n_seeds, t.p.n_seeds == 1 ? "" : "s", x.method, x.n_trials);
    show_rules(&x);
    x.aim = AIM_VERSIONS;
    replay_table_aim(&t, x.aim);
    if (t.p.n_versions > 0) show_rules(&x);
    arena_free(&a);
    return 0;
}
