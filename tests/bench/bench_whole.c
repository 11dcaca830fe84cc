/* What a search costs until it knows the front: the whole machinery against the plain grid, on recorded trainings.
 *   bench_whole [TABLE.csv]                          (tests/tables/keyword-curves.csv)
 * CPU seconds until what was trained to its end holds 99 % of the hypervolume of all candidates together (aimed at
 * versions: of what lies within the loosest of their limits). The plain grid trains every candidate to its end,
 * in the order of the space or in twenty random ones, and shares nothing. Against it twenty seeds of each way to search, with
 * the CPU time of its sampler and its stop rule, for each recorded seed of the table. "never": searches that missed
 * a hundredth of the front for good, for the rule stopped what it takes; they count as the whole grid's time.
 * Last column: the mean until every version has a network that keeps all its limits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "search/replay.h"
#include "tests/support/curve_table.h"

enum { N_SEEDS = 20, WINDOW = 4, MOST_TABLES = 16 };

typedef struct {
    const char *name, *sampler, *stop;
    bool is_plain; /* nothing is shared */
    bool in_order; /* of the space: once */
} way;

static const way ways[] = {{"plain grid", "random", NULL, true, true},
                           {"plain grid, shuffled", "random", NULL, true, false},
                           {"random, shared", "random", NULL, false, false},
                           {"random, dominance", "random", "dominance", false, false},
                           {"greybox, shared", "greybox", NULL, false, false},
                           {"greybox, dominance", "greybox", "dominance", false, false}};
enum { N_WAYS = sizeof ways / sizeof *ways };

typedef struct {
    int n, n_never;
    double of[MOST_TABLES * N_SEEDS]; /* CPU seconds of each search */
    double until_met;                 /* mean until all versions are met */
} times;

static void die(const err *e)
{
    fprintf(stderr, "bench_whole: %s\n", e->msg);
    exit(1);
}

static double volume_of(const replay_table *t, const int *point, int n, arena *a)
{
    double volume;
    err e = {0};
    if (replay_volume(t, point, n, a, &volume, &e)) die(&e);
    return volume;
}

static double whole_grid(const replay_table *t)
{
    double sum = 0;
    for (int i = 0; i < t->p.n_points; i++) sum += (double)t->p.seconds[i];
    return sum;
}

/* CPU seconds when the points trained to their end first hold 99 %; -1: never. spent[i] is what the first i + 1 trials
 * took; what is stopped does not count. */
static double when_known(const replay_table *t, const replay_result *r, const double *spent,
                         arena *a)
{
    const double wanted = 0.99 * volume_of(t, NULL, t->p.n_points, a);
    int *point = ARENA_NEW(a, int, r->n + 1);
    for (int low = 0, high = r->n;;) { /* the volume never falls */
        int middle = (low + high) / 2;
        bool is_known = volume_of(t, point, replay_finished(r, middle, point), a) >= wanted;
        if (low == high) return is_known ? spent[low - 1] : -1;
        if (is_known)
            high = middle;
        else
            low = middle + 1;
    }
}

/* CPU seconds until every version is met; that of all trials when one never is. */
static double when_met(const replay_table *t, const replay_result *r, const double *spent)
{
    int last = 1;
    for (int v = 0; v < t->p.n_versions; v++) {
        int first = replay_first_met(t, r, v);
        last = first == 0 ? r->n : first > last ? first : last;
    }
    return spent[last - 1];
}

static replay_result search(const replay_table *t, const way *w, int aim, uint64_t seed, arena *a)
{
    int rung[STOP_MAX_RUNGS];
    replay_options o = {.sampler = sampler_find(w->sampler),
                        .options = {.seed = seed, .aim = aim},
                        .window = WINDOW,
                        .n_workers = WINDOW,
                        .n_trials = t->p.n_points,
                        .stop = w->stop ? stop_find(w->stop) : NULL,
                        .stop_chance = 0.05,
                        .audit = 0.05,
                        .n_rungs = stop_rungs(t->n_epochs, 1.5, STOP_FEWEST_EPOCHS, rung),
                        .rung = rung};
    replay_result r;
    err e = {0};
    if (replay_run(t, &o, a, &r, &e)) die(&e);
    for (int i = 0; w->in_order && i < r.n; i++) r.trial[i].point = i;
    return r;
}

static void run(const replay_table *t, const way *w, int aim, uint64_t seed, times *out, arena *a)
{
    arena_mark_t mark = arena_mark(a);
    replay_table alone = *t;
    if (w->is_plain) alone.prefix = NULL;
    replay_result r = search(&alone, w, aim, seed, a);
    double sum = 0, own = (r.ask_seconds + r.stop_seconds) / r.n;
    for (int i = 0; i < r.n; i++) {
        sum += (double)t->p.seconds[r.trial[i].point];
        r.cpu_seconds[i] = w->is_plain ? sum : r.cpu_seconds[i] + own * (i + 1);
    }
    double when = when_known(t, &r, r.cpu_seconds, a);
    out->until_met += when_met(t, &r, r.cpu_seconds);
    out->n_never += when < 0;
    out->of[out->n++] = when < 0 ? whole_grid(t) : when;
    arena_release(a, mark);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double mean(const times *s)
{
    double sum = 0;
    for (int i = 0; i < s->n; i++) sum += s->of[i] / s->n;
    return sum;
}

static void print(const char *name, times *s, double whole, double grid)
{
    qsort(s->of, (size_t)s->n, sizeof *s->of, compare);
    double median = (s->of[(s->n - 1) / 2] + s->of[s->n / 2]) / 2, worst = s->of[s->n - 1];
    printf("%-21s %7.0f %7.0f %7.0f  %3d of %3d  %6.1f %6.1f %6.1f  %6.1f %8.0f\n", name, mean(s),
           median, worst, s->n_never, s->n, whole / mean(s), whole / median, whole / worst,
           grid / mean(s), s->until_met / s->n);
}

static void show(const replay_table *study, int n_tables, int aim, arena *a)
{
    double whole = 0, grid = 0;
    for (int i = 0; i < n_tables; i++) whole += whole_grid(&study[i]) / n_tables;
    printf("\naim: %s; all candidates take %.0f s\n"
           "                      CPU s to 99 %% of the front            less than all candidates  "
           "than the  all met\n"
           "                         mean  median   worst    never     mean median  worst  grid's "
           "mean  CPU s\n",
           aim == AIM_FRONT ? "front" : "versions", whole);
    for (int w = 0; w < N_WAYS; w++) {
        times s = {0};
        for (int i = 0; i < n_tables; i++)
            for (uint64_t seed = 0; seed < (ways[w].in_order ? 1 : N_SEEDS); seed++)
                run(&study[i], &ways[w], aim, seed, &s, a);
        if (w == 0) grid = mean(&s);
        print(ways[w].name, &s, whole, grid);
    }
}

int main(int n, char **arg)
{
    arena a;
    err e = {0};
    replay_table study[MOST_TABLES];
    int n_tables = 0;
    bool is_there = true;
    const char *path = n > 1 ? arg[1] : "tests/tables/keyword-curves.csv";
    arena_init(&a, 0);
    while (n_tables < MOST_TABLES) {
        if (curve_table_read(path, n_tables, &a, &study[n_tables], &is_there, &e)) die(&e);
        if (!is_there) break;
        n_tables++;
    }
    printf("%s: %d recorded seed%s, of", path, n_tables, n_tables == 1 ? "" : "s");
    for (int i = 0; i < n_tables; i++) printf(" %d", study[i].p.n_points);
    printf(" candidates\n");
    show(study, n_tables, AIM_FRONT, &a);
    for (int i = 0; i < n_tables; i++) replay_table_aim(&study[i], AIM_VERSIONS);
    if (study[0].p.n_versions > 0) show(study, n_tables, AIM_VERSIONS, &a);
    arena_free(&a);
    return 0;
}
