/* Samplers against each other on the invented keyword space: hypervolume ratio by true figures after 50, 100,
 * 200 and 300 trainings (mean of ten seeds), and trainings until the first candidate that truly meets versions a, b, c
 * (median of ten seeds, of forty when the search is aimed at the version). Beside them Optuna's on the same table, where
 * it is installed: NSGA-II, and multivariate TPE for 150 trainings, three seeds each.
 *   bench_samplers [FIRST_SEED] [SAMPLER ...]      a window of 1 and of 10; optuna is the name of Optuna's */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "search/replay.h"

enum { N_SEEDS = 10, N_AIMED = 40, N_OPTUNA = 3, N_TRIALS = 300, N_TPE = 150, N_STEPS = 4 };
static const int steps[N_STEPS] = {50, 100, 200, 300};

typedef struct {
    int first_seed, n_seeds;
    double ratio[N_STEPS], last_square, ask_seconds;
    int first_met[3][N_AIMED];
} score;

static void die(const err *e)
{
    fprintf(stderr, "bench_samplers: %s\n", e->msg);
    exit(1);
}

static void add_volumes(const replay_table *t, const replay_result *r, double best, score *s,
                        arena *a)
{
    err e = {0};
    int point[N_TRIALS];
    for (int i = 0; i < r->n; i++) point[i] = r->trial[i].point;
    for (int i = 0; i < N_STEPS; i++) {
        double volume;
        if (replay_volume(t, point, steps[i] < r->n ? steps[i] : r->n, a, &volume, &e)) die(&e);
        s->ratio[i] += volume / best / s->n_seeds;
        if (i + 1 == N_STEPS) s->last_square += volume / best * volume / best / s->n_seeds;
    }
}

static int compare(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static void print_median(int *first, int n)
{
    for (int i = 0; i < n; i++)
        if (first[i] == 0) first[i] = N_TRIALS + 1;
    qsort(first, (size_t)n, sizeof *first, compare);
    double median = (first[(n - 1) / 2] + first[n / 2]) / 2.0;
    if (median > N_TRIALS)
        printf("  %6s", ">300");
    else
        printf("  %6.1f", median);
}

/* aim AIM_FRONT: one search for all columns; else one search for that version. */
static void play(const replay_table *t, const sampler_row *row, int window, int aim, double best,
                 score *s, arena *a)
{
    for (int seed = 0; seed < s->n_seeds; seed++) {
        replay_options o = {.sampler = row,
                            .options = {.seed = (uint64_t)(s->first_seed + seed), .aim = aim},
                            .window = window,
                            .n_workers = window,
                            .n_trials = N_TRIALS};
        arena_mark_t mark = arena_mark(a);
        replay_result r;
        err e = {0};
        clock_t began = clock();
        if (replay_run(t, &o, a, &r, &e)) die(&e);
        s->ask_seconds += (double)(clock() - began) / CLOCKS_PER_SEC / r.n / s->n_seeds;
        for (int v = 0; v < 3; v++)
            if (aim == AIM_FRONT || aim == v) s->first_met[v][seed] = replay_first_met(t, &r, v);
        if (aim == AIM_FRONT) add_volumes(t, &r, best, s, a);
        arena_release(a, mark);
    }
}

static void print_front(const char *name, int window, score *s, int n_trials)
{
    printf("%-12s %2d ", name, window);
    for (int i = 0; i < N_STEPS; i++)
        if (steps[i] <= n_trials)
            printf("  %.3f", s->ratio[i]);
        else
            printf("  %5s", "-");
    double mean = s->ratio[N_STEPS - 1];
    printf(" +-%.3f", sqrt(fmax(0, s->last_square - mean * mean)));
    for (int v = 0; v < 3; v++) print_median(s->first_met[v], s->n_seeds);
}

static void show(const replay_table *t, const sampler_row *row, int window, int first_seed,
                 double best, arena *a)
{
    score front = {.first_seed = first_seed, .n_seeds = N_SEEDS},
          aimed = {.first_seed = first_seed, .n_seeds = N_AIMED};
    play(t, row, window, AIM_FRONT, best, &front, a);
    print_front(row->name, window, &front, N_TRIALS);
    for (int v = 0; v < 3; v++) {
        play(t, row, window, v, best, &aimed, a);
        print_median(aimed.first_met[v], N_AIMED);
    }
    printf("  %8.3f\n", 1000 * front.ask_seconds);
    fflush(stdout);
}

/* --- Optuna --- */

static bool has_optuna(void)
{
    return system("/usr/bin/python3 -c 'import optuna' 2>/dev/null") == 0;
}

/* The table as samplers_optuna.py reads it. */
static void write_table(const replay_table *t, FILE *f)
{
    const problem *p = &t->p;
    for (int k = 0; k < p->n_knobs; k++)
        fprintf(f, "%s:%s,", p->knob[k].number ? "number" : "word", p->knob[k].name);
    for (int m = 0; m < p->n_objectives; m++)
        fprintf(f, "%s:%s,", p->metric[m].maximize ? "max" : "min", p->metric[m].name);
    for (int m = 0; m < p->n_objectives; m++)
        fprintf(f, "noise:%s%s", p->metric[m].name, m + 1 < p->n_objectives ? "," : "\n");
    for (int i = 0; i < p->n_points; i++) {
        for (int k = 0; k < p->n_knobs; k++) fprintf(f, "%d,", p->level[i * p->n_knobs + k]);
        for (int m = 0; m < p->n_objectives; m++)
            fprintf(f, "%.9g,", (double)t->truth[i * p->n_metrics + m]);
        for (int m = 0; m < p->n_objectives; m++)
            fprintf(f, "%g%s", t->noise[m], m + 1 < p->n_objectives ? "," : "\n");
    }
}

static int ask_optuna(const char *path, const char *method, int seed, int n, suggestion *out)
{
    char command[300];
    int got = 0;
    snprintf(command, sizeof command, "/usr/bin/python3 tests/bench/samplers_optuna.py %s %s %d %d",
             path, method, seed, n);
    FILE *f = popen(command, "r");
    if (!f) return 0;
    while (got < n && fscanf(f, "%d", &out[got].point) == 1) got++;
    pclose(f);
    return got;
}

static void show_optuna(const replay_table *t, const char *path, const char *method, int n_trials,
                        double best, arena *a)
{
    score s = {.n_seeds = N_OPTUNA};
    char name[40];
    for (int seed = 0; seed < N_OPTUNA; seed++) {
        suggestion trial[N_TRIALS];
        bool is_stopped[N_TRIALS] = {false};
        replay_result r = {.trial = trial, .is_stopped = is_stopped};
        r.n = ask_optuna(path, method, seed, n_trials, trial);
        if (r.n < n_trials) {
            printf("optuna %s ended after %d trials\n", method, r.n);
            return;
        }
        for (int v = 0; v < 3; v++) s.first_met[v][seed] = replay_first_met(t, &r, v);
        add_volumes(t, &r, best, &s, a);
    }
    snprintf(name, sizeof name, "optuna %s", method);
    print_front(name, 1, &s, n_trials);
    printf("\n");
    fflush(stdout);
}

static void show_all_optuna(const replay_table *t, double best, arena *a)
{
    char path[] = "/tmp/paretune-table-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f || !has_optuna()) {
        printf("optuna: not installed (Debian: python3-optuna)\n");
    } else {
        write_table(t, f);
        fflush(f);
        show_optuna(t, path, "nsga2", N_TRIALS, best, a);
        show_optuna(t, path, "tpe", N_TPE, best, a);
    }
    if (f) fclose(f);
    unlink(path);
}

static bool is_wanted(int n, char **name, const char *which)
{
    for (int i = 1; i < n; i++)
        if (strcmp(name[i], which) == 0) return true;
    return n < 2;
}

int main(int n, char **name)
{
    const int first_seed = n > 1 ? atoi(name[1]) : 0;
    if (first_seed > 0) n--, name++;
    arena a;
    err e = {0};
    replay_table t;
    double best;
    arena_init(&a, 0);
    if (replay_table_invent(&a, &t, &e)) die(&e);
    if (replay_volume(&t, NULL, t.p.n_points, &a, &best, &e)) die(&e);
    printf("                 hypervolume ratio after trainings       trainings to a, b, c       "
           "aimed at a, b, c\n"
           "sampler  window     50     100    200    300                   median, front           "
           " median      ms a trial\n");
    for (const sampler_row *row = sampler_rows(); row->name; row++) {
        if (!is_wanted(n, name, row->name)) continue;
        show(&t, row, 1, first_seed, best, &a);
        show(&t, row, 10, first_seed, best, &a);
    }
    if (is_wanted(n, name, "optuna")) show_all_optuna(&t, best, &a);
    arena_free(&a);
    return 0;
}
