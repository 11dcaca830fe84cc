#include "search/cmd_replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/quantity.h"
#include "engine/base/table.h"
#include "search/replay.h"

/* Option values; filled by opt_parse before `run`. */
static struct {
    const char *method, *stop, *aim, *format, *write_table;
    int workers, trials, seeds, window, times, steps;
    double chance, audit, factor;
    bool summary;
} given = {.method = "random",
           .stop = "none",
           .aim = "front",
           .format = "table",
           .workers = 8,
           .trials = 300,
           .seeds = 1,
           .window = 0,
           .times = 1,
           .steps = 10,
           .chance = 0.05,
           .audit = 0.05,
           .factor = 1.5};

enum { MOST_STEPS = 100 };

/* Means over the seeds, or sums where it says so. */
typedef struct {
    double trials, finished, ratio, cpu_seconds, wall_seconds;
} step;

typedef struct {
    replay_table t;
    replay_options o;
    int rung[STOP_MAX_RUNGS];
    double best; /* hypervolume of all points */
    int n_steps;
    step at[MOST_STEPS];
    double trials, epochs, epochs_unstopped, epochs_alone, volume_lost;
    int n_asked, n_stopped, n_stopped_falsely, n_audited, n_audited_falsely, n_lost; /* sums */
    double busy_seconds, end_seconds, ask_seconds, stop_seconds, real_seconds;
    arena *a;
} trial_run;

/* --- what is asked for --- */

static status parse_aim(const replay_table *t, int *aim, err *e)
{
    *aim = AIM_FRONT;
    if (strcmp(given.aim, "front") == 0) return OK;
    *aim = AIM_VERSIONS;
    if (strcmp(given.aim, "versions") == 0 && t->p.n_versions > 0) return OK;
    for (*aim = 0; *aim < t->p.n_versions; ++*aim)
        if (strcmp(given.aim, t->p.version[*aim].name) == 0) return OK;
    return FAIL(e, ERR_INPUT, "--aim %s: it is front%s of the table", given.aim,
                t->p.n_versions > 0 ? ", versions, or the name of a version"
                                    : "; there are no versions");
}

/* The names of a table of samplers or of rules, for a message. */
static const char *sampler_names(arena *a)
{
    const char *names = "";
    for (const sampler_row *row = sampler_rows(); row->name; row++)
        names = arena_printf(a, "%s%s%s", names, *names ? ", " : "", row->name);
    return names;
}

static const char *stop_names(arena *a)
{
    const char *names = "none";
    for (const stop_row *row = stop_rows(); row->name; row++)
        names = arena_printf(a, "%s, %s", names, row->name);
    return names;
}

static status take_options(trial_run *x, err *e)
{
    replay_options *o = &x->o;
    o->sampler = sampler_find(given.method);
    o->stop = stop_find(given.stop);
    if (!o->sampler)
        return FAIL(e, ERR_INPUT, "--method %s: it is one of %s", given.method,
                    sampler_names(x->a));
    if (!o->stop && strcmp(given.stop, "none") != 0)
        return FAIL(e, ERR_INPUT, "--stop %s: it is one of %s", given.stop, stop_names(x->a));
    TRY(parse_aim(&x->t, &o->options.aim, e));
    o->n_workers = given.workers;
    o->window = given.window > 0 ? given.window : given.workers;
    o->n_trials =
        given.trials > 0 && given.trials < x->t.p.n_points ? given.trials : x->t.p.n_points;
    o->stop_chance = given.chance;
    o->audit = given.audit;
    o->rung = x->rung;
    o->n_rungs = x->t.n_epochs > 0
                     ? stop_rungs(x->t.n_epochs, given.factor, STOP_FEWEST_EPOCHS, x->rung)
                     : 0;
    return OK;
}

/* --- running --- */

static status add_steps(trial_run *x, const replay_result *r, err *e)
{
    int *point = ARENA_NEW(x->a, int, r->n + 1);
    if (!point) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < x->n_steps; i++) {
        int n = (int)((int64_t)r->n * (i + 1) / x->n_steps);
        double volume, wall = 0;
        int n_done = replay_finished(r, n, point);
        TRY(replay_volume(&x->t, point, n_done, x->a, &volume, e));
        for (int k = 0; k < n; k++) wall = fmax(wall, r->seconds[k]);
        step *s = &x->at[i];
        s->trials += (double)n / given.seeds;
        s->finished += (double)n_done / given.seeds;
        s->ratio += volume / x->best / given.seeds;
        s->cpu_seconds += (n > 0 ? r->cpu_seconds[n - 1] : 0) / given.seeds;
        s->wall_seconds += wall / given.seeds;
    }
    for (int i = 0; i < r->n; i++) point[i] = r->trial[i].point;
    double unstopped, finished;
    TRY(replay_volume(&x->t, point, r->n, x->a, &unstopped, e));
    TRY(replay_volume(&x->t, point, replay_finished(r, r->n, point), x->a, &finished, e));
    if (unstopped > 0) x->volume_lost += (1 - finished / unstopped) / given.seeds;
    return OK;
}

static void add_sums(trial_run *x, const replay_result *r)
{
    x->trials += (double)r->n / given.seeds;
    x->epochs += (double)r->n_epochs / given.seeds;
    x->epochs_unstopped += (double)r->n_epochs_unstopped / given.seeds;
    x->epochs_alone += (double)r->n * x->t.n_epochs / given.seeds;
    x->busy_seconds += r->busy_seconds / given.seeds;
    x->end_seconds += r->end_seconds / given.seeds;
    x->ask_seconds += r->ask_seconds;
    x->stop_seconds += r->stop_seconds;
    x->n_asked += r->n_asked;
    x->n_stopped += r->n_stopped;
    x->n_stopped_falsely += r->n_stopped_falsely;
    x->n_audited += r->n_audited;
    x->n_audited_falsely += r->n_audited_falsely;
    x->n_lost += r->n_lost;
}

static status run_seeds(trial_run *x, err *e)
{
    TRY(replay_volume(&x->t, NULL, x->t.p.n_points, x->a, &x->best, e));
    if (!(x->best > 0))
        return FAIL(e, ERR_INPUT, "no candidate of the table is within the limits aimed at");
    x->n_steps = given.steps < x->o.n_trials ? given.steps : x->o.n_trials;
    for (int seed = 0; seed < given.seeds; seed++) {
        arena_mark_t mark = arena_mark(x->a);
        replay_result r;
        x->o.options.seed = (uint64_t)seed;
        double began = clock_wall();
        TRY(replay_run(&x->t, &x->o, x->a, &r, e));
        x->real_seconds += clock_wall() - began;
        TRY(add_steps(x, &r, e));
        add_sums(x, &r);
        arena_release(x->a, mark);
    }
    return OK;
}

/* --- printing --- */

static status course_table(const trial_run *x, table *t, err *e)
{
    static const char *const column[][2] = {{"trials", ""},
                                            {"finished", ""},
                                            {"hypervolume", "%"},
                                            {"cpu_seconds", "s"},
                                            {"wall_seconds", "s"}};
    enum { N = sizeof column / sizeof *column };
    TRY(table_init(t, x->a, N, e));
    for (int i = 0; i < N; i++) table_column(t, i, column[i][0], column[i][1]);
    for (int i = 0; i < x->n_steps; i++) {
        const step *s = &x->at[i];
        const double value[N] = {s->trials, s->finished, 100 * s->ratio, s->cpu_seconds,
                                 s->wall_seconds};
        cell *row = table_row(t);
        if (!row) return FAIL(e, ERR_MEM, "out of memory for a table");
        for (int k = 0; k < N; k++) row[k] = cell_number(value[k]);
    }
    return OK;
}

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : (double)NAN;
}

static status summary_table(const trial_run *x, table *t, err *e)
{
    const struct {
        const char *name;
        double value;
    } cells[] = {
        {"candidates", x->t.p.n_points},
        {"trials", x->trials},
        {"workers", x->o.n_workers},
        {"hypervolume", 100 * x->at[x->n_steps - 1].ratio},
        {"hypervolume_lost", 100 * x->volume_lost},
        {"epochs", x->epochs},
        {"epochs_unstopped", x->epochs_unstopped},
        {"epochs_alone", x->epochs_alone},
        {"stopped", (double)x->n_stopped / given.seeds},
        {"falsely", percent(x->n_stopped_falsely, x->n_stopped)},
        {"audited", (double)x->n_audited / given.seeds},
        {"audited_falsely", percent(x->n_audited_falsely, x->n_audited)},
        {"worth_having", percent(x->n_lost, x->n_stopped)},
        {"cpu_seconds", x->busy_seconds},
        {"wall_seconds", x->end_seconds},
        {"real_seconds", x->real_seconds},
        {"ask_seconds", x->ask_seconds},
        {"stop_seconds", x->stop_seconds},
    };
    enum { N = sizeof cells / sizeof *cells };
    TRY(table_init(t, x->a, N, e));
    for (int i = 0; i < N; i++) table_column(t, i, cells[i].name, "");
    cell *row = table_row(t);
    if (!row) return FAIL(e, ERR_MEM, "out of memory for a table");
    for (int i = 0; i < N; i++) row[i] = cell_number(cells[i].value);
    return OK;
}

static void print_stops(const trial_run *x)
{
    printf(
        "  epochs          %.0f of %.0f: %.1f %% saved (%.1f %% of trainings that share nothing)\n",
        x->epochs, x->epochs_unstopped,
        percent(x->epochs_unstopped - x->epochs, x->epochs_unstopped),
        percent(x->epochs_alone - x->epochs, x->epochs_alone));
    printf("  hypervolume     %.2f %% lost against the same trials trained to their end\n",
           100 * x->volume_lost);
    printf("  stopped         %d trainings, %.1f %% falsely: they would have beaten what was known "
           "then;\n"
           "                  %.1f %% would be worth having in the end\n",
           x->n_stopped, percent(x->n_stopped_falsely, x->n_stopped),
           percent(x->n_lost, x->n_stopped));
    printf("  audit           %d finished though the rule would have stopped them, %d of them "
           "falsely\n",
           x->n_audited, x->n_audited_falsely);
}

static void print_summary(const trial_run *x)
{
    char cpu[40], wall[40];
    quantity_format(x->busy_seconds, "s", cpu, sizeof cpu);
    quantity_format(x->end_seconds, "s", wall, sizeof wall);
    printf("\n");
    if (x->o.stop) print_stops(x);
    printf("  simulated       %s of CPU time, %s with %d workers and a window of %d\n", cpu, wall,
           x->o.n_workers, x->o.window);
    printf("  real            %.3g s for %d search%s, of these %.3g s in the sampler, %.3g s in "
           "the stop rule\n",
           x->real_seconds, given.seeds, given.seeds == 1 ? "" : "es", x->ask_seconds,
           x->stop_seconds);
}

static status print(const trial_run *x, err *e)
{
    table_format format;
    table t;
    TRY(table_format_parse(given.format, &format, e));
    bool is_text = format == FORMAT_TABLE;
    if (is_text)
        printf("%d candidates; %s, stop: %s, aim: %s; means over %d seed%s\n\n", x->t.p.n_points,
               given.method, given.stop, given.aim, given.seeds, given.seeds == 1 ? "" : "s");
    if (!is_text && given.summary)
        TRY(summary_table(x, &t, e));
    else
        TRY(course_table(x, &t, e));
    if (!is_text || !given.summary) TRY(table_print(&t, format, stdout, e));
    if (is_text) print_summary(x);
    return OK;
}

/* --- the command --- */

static status read(const char *path, arena *a, replay_table *t, err *e)
{
    if (strcmp(path, "invented") == 0) return replay_table_invent_large(given.times, a, t, e);
    return replay_table_read(path, a, t, e);
}

static status write_table(const char *study, err *e)
{
    buf csv = {0};
    status s = replay_table_of_study(study, &csv, e);
    if (s == OK) s = file_write(given.write_table, csv.data, csv.len, e);
    buf_free(&csv);
    return s;
}

static status replay_with(trial_run *x, const char *path, err *e)
{
    TRY(read(path, x->a, &x->t, e));
    TRY(take_options(x, e));
    replay_table_aim(&x->t, x->o.options.aim);
    TRY(run_seeds(x, e));
    return print(x, e);
}

static status run(int n, char **argv, int *code, err *e)
{
    (void)n, (void)code;
    if (given.write_table) return write_table(argv[0], e);
    arena a;
    arena_init(&a, 0);
    trial_run *x = ARENA_NEW(&a, trial_run, 1);
    if (x) x->a = &a;
    status s = x ? replay_with(x, argv[0], e) : FAIL(e, ERR_MEM, "out of memory");
    arena_free(&a);
    return s;
}

static const opt options[] = {
    {"method", 'm', OPT_STRING, "NAME", "sampler: which candidate comes next", 0, 0, &given.method},
    {"stop", 0, OPT_STRING, "RULE", "early stopping: none, dominance, asha or hyperband", 0, 0,
     &given.stop},
    {"aim", 0, OPT_STRING, "AIM", "front, versions, or the name of a version", 0, 0, &given.aim},
    {"trials", 'n', OPT_INT, "N", "trainings to begin; 0: as many as there are candidates", 0, 1e8,
     &given.trials},
    {"workers", 'j', OPT_INT, "N", "simulated workers", 1, 1e6, &given.workers},
    {"window", 0, OPT_INT, "N", "results that a suggestion may not know yet; 0: as many as workers",
     0, 1e6, &given.window},
    {"seeds", 0, OPT_INT, "N", "searches, of which the means are shown", 1, 1000, &given.seeds},
    {"stop-chance", 0, OPT_DOUBLE, "P", "dominance: stop below this chance", 0, 1, &given.chance},
    {"audit", 0, OPT_DOUBLE, "P", "share of would-be-stopped trainings that are finished anyway", 0,
     1, &given.audit},
    {"rung-factor", 0, OPT_DOUBLE, "X",
     "the stop rule is asked after 1/X, 1/X^2, ... of the epochs", 1.05, 100, &given.factor},
    {"steps", 0, OPT_INT, "N", "lines of the table", 1, MOST_STEPS, &given.steps},
    {"times", 0, OPT_INT, "N", "an invented table of N times 115,200 candidates", 1, 100,
     &given.times},
    {"summary", 0, OPT_FLAG, NULL, "only the figures of the whole search; in csv and json one row",
     0, 0, &given.summary},
    {"format", 'f', OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &given.format},
    {"write-table", 0, OPT_STRING, "FILE.csv",
     "write a study's finished trainings (figures and learning curves) as a table, and replay "
     "nothing",
     0, 0, &given.write_table},
    {0},
};

static const opt_spec spec = {
    .name = "replay",
    .args = "TABLE.csv|STUDY.db|invented",
    .summary = "try a way of searching on trainings that are known already",
    .details =
        "Runs a sampler and a stop rule in simulated time against a table of what every training\n"
        "says: the finished trials of a study, a CSV file made with --write-table, or a made-up\n"
        "keyword space of 115,200 candidates (invented). Shows how much of the best hypervolume "
        "is\n"
        "reached after how many trainings and how much time, what early stopping saves and how "
        "often\n"
        "it is wrong, and how long it would take with so many workers. Nothing is trained. Aimed "
        "at\n"
        "versions, the hypervolume is that within the loosest of their limits.",
    .examples = "  paretune replay kws.db --stop dominance --trials 0 --seeds 10\n"
                "  paretune replay invented --method nsga2 --workers 32\n"
                "  paretune replay invented --times 9 --workers 1000 --trials 1000000 --summary\n"
                "  paretune replay kws.db --write-table kws.csv",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

const command cmd_replay = {&spec, run, false};
