/* Early stopping on recorded learning curves: what each rule saves and what it costs.
 *   bench_stop [TABLE.csv]                       (tests/tables/keyword-curves.csv)
 * Twenty orders of the same trainings for each rule and each recorded seed, window 4, means: epochs saved against the same
 * trials without the rule (epochs that candidates share counted once in both) and against trainings that neither
 * stop nor share; hypervolume lost; of what was stopped the share that beat all that was known then at no more size
 * and latency (of all, and by the audit), and that would be worth having in the end. The oracle is the bound of all
 * rules. Orders are random, or greybox's, which begins with what is promising. The last table tells the seeds apart. */
#include <stdio.h>
#include <stdlib.h>

#include "search/replay.h"
#include "tests/support/curve_table.h"

enum { N_ORDERS = 20, WINDOW = 4, MOST_SEEDS = 16 };

typedef struct {
    int n;                 /* recorded seeds */
    const replay_table *t; /* one for each */
    const char *method;
    int aim;
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

static void add(const setting *x, const replay_table *t, const replay_result *r, score *s)
{
    err e = {0};
    double volume, whole;
    int *point = ARENA_NEW(x->a, int, r->n + 1);
    for (int i = 0; i < r->n; i++) point[i] = r->trial[i].point;
    if (replay_volume(t, point, r->n, x->a, &whole, &e)) die(&e);
    if (replay_volume(t, point, replay_finished(r, r->n, point), x->a, &volume, &e)) die(&e);
    double alone = (double)r->n * t->n_epochs;
    const double share = 100.0 / (x->n * N_ORDERS);
    s->saved += share * (1 - (double)r->n_epochs / (double)r->n_epochs_unstopped);
    s->saved_alone += share * (1 - (double)r->n_epochs / alone);
    s->loss += share * (1 - volume / whole);
    s->cpu += share / 100 * r->busy_seconds;
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

/* The most that any rule could save: it knows how each training ends, and does not begin what cannot change
 * the answer. */
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

static const stop_row oracle = {"oracle", "", foresee, true};

static void replay(const setting *x, int which, const stop_row *stop, int n_rungs, const int *rung,
                   score *s)
{
    const replay_table *t = foreseen = &x->t[which];
    for (uint64_t seed = 0; seed < N_ORDERS; seed++) {
        replay_options o = {.sampler = sampler_find(x->method),
                            .options = {.seed = seed, .aim = x->aim},
                            .window = WINDOW,
                            .n_workers = WINDOW,
                            .n_trials = t->p.n_points,
                            .stop = stop,
                            .stop_chance = 0.05,
                            .audit = 0.05,
                            .n_rungs = n_rungs,
                            .rung = rung};
        arena_mark_t mark = arena_mark(x->a);
        replay_result r;
        err e = {0};
        if (replay_run(t, &o, x->a, &r, &e)) die(&e);
        add(x, t, &r, s);
        arena_release(x->a, mark);
    }
}

static void show(const setting *x, const char *name, const stop_row *stop, double factor)
{
    score s = {0};
    int rung[STOP_MAX_RUNGS],
        n_rungs = stop_rungs(x->t->n_epochs, factor, STOP_FEWEST_EPOCHS, rung);
    for (int i = 0; i < x->n; i++) replay(x, i, stop, n_rungs, rung, &s);
    printf(
        "%-8s %-9s %6.2f  %6.1f %% %6.1f %%  %7.2f %%   %5.1f %%  %5.1f %% (%3d of %3d) %6.1f %% "
        "%9.0f s\n",
        x->method, name, factor, s.saved, s.saved_alone, s.loss, percent(s.falsely, s.stopped),
        percent(s.audited_falsely, s.audited), s.audited_falsely, s.audited,
        percent(s.lost, s.stopped), s.cpu);
}

static void print_head(int aim)
{
    printf(
        "\naim: %s\n"
        "order    rule      rungs/    epochs saved  hypervolume            false stops        "
        "worth "
        "having\n"
        "                   factor   shared   alone        lost       all      by the audit    in "
        "the end   CPU time\n",
        aim == AIM_FRONT ? "front" : "versions");
}

static const stop_row *dominance(void)
{
    return stop_find("dominance");
}

static void show_rules(setting x)
{
    static const double factors[] = {3, 1.5, 1.25, 1.1};
    print_head(x.aim);
    x.method = "random";
    show(&x, "none", NULL, 3);
    for (int i = 0; i < 4; i++) show(&x, "dominance", dominance(), factors[i]);
    for (const stop_row *row = stop_rows(); row->name; row++)
        if (row != dominance()) show(&x, row->name, row, 1.5);
    show(&x, "oracle", &oracle, 1.25);
    x.method = "greybox";
    for (int i = 1; i < 4; i++) show(&x, "dominance", dominance(), factors[i]);
    show(&x, "oracle", &oracle, 1.25);
}

static void show_seeds(const setting *all)
{
    static const char *const methods[] = {"random", "greybox"};
    for (int i = 0; i < all->n; i++)
        for (int k = 0; k < 2; k++) {
            setting x = {.n = 1, .t = &all->t[i], .method = methods[k], all->aim, all->a};
            char name[16];
            snprintf(name, sizeof name, "seed %d", i + 1);
            show(&x, name, dominance(), 1.5);
        }
}

int main(int n, char **arg)
{
    arena a;
    err e = {0};
    replay_table t[MOST_SEEDS];
    setting x = {.t = t, .aim = AIM_FRONT, .a = &a};
    const char *path = n > 1 ? arg[1] : "tests/tables/keyword-curves.csv";
    arena_init(&a, 0);
    for (bool is_there = true; x.n < MOST_SEEDS; x.n++) {
        if (curve_table_read(path, x.n, &a, &t[x.n], &is_there, &e)) die(&e);
        if (!is_there) break;
    }
    printf("%s: %d epochs, %d recorded seed%s, of", path, t[0].n_epochs, x.n, x.n == 1 ? "" : "s");
    for (int i = 0; i < x.n; i++) printf(" %d", t[i].p.n_points);
    printf(" candidates\n");
    show_rules(x);
    show_seeds(&x);
    x.aim = AIM_VERSIONS;
    for (int i = 0; i < x.n; i++) replay_table_aim(&t[i], x.aim);
    if (t[0].p.n_versions > 0) {
        show_rules(x);
        show_seeds(&x);
    }
    arena_free(&a);
    return 0;
}
