#include "search/cmd_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/base/log.h"
#include "engine/base/quantity.h"
#include "engine/base/tflite_args.h"
#include "search/cmd_plan.h"
#include "search/crew.h"
#include "search/problem_plan.h"
#include "search/progress.h"
#include "search/racing.h"
#include "search/scheduler.h"
#include "search/schema.h"
#include "search/space.h"
#include "search/space_args.h"
#include "search/until.h"
#include "store/store.h"

enum { EXIT_NO_PICK_OR_FAILURES = 3, EXIT_INTERRUPTED = 130 };

/* What the options say; the table below points here. */
static struct {
    space_args space;
    tflite_args tflite;
    const char *db, *artifacts, *max_time, *method, *aim, *warm_start;
    int workers, max_trials; /* max_trials: -1 when the space decides */
    double confidence;       /* -1 when the space decides */
    bool dry_run, json, quiet, verbose;
} given = {.max_trials = -1, .confidence = -1};

static const opt options[] = {
    {"db", 0, OPT_STRING, "FILE", "results database; standard: SPACE.db in the current folder", 0,
     0, &given.db},
    SPACE_OPTIONS(given.space),
    TFLITE_OPTIONS(given.tflite),
    {"workers", 'j', OPT_INT, "N", "worker processes; 0 means one for each core", 0, CREW_MAX,
     &given.workers},
    {"artifacts", 0, OPT_STRING, "DIR",
     "folder of datasets, checkpoints and models; standard: beside the "
     "database, NAME.artifacts",
     0, 0, &given.artifacts},
    {"dry-run", 'n', OPT_FLAG, NULL, "print the plan and run nothing", 0, 0, &given.dry_run},
    {"max-trials", 0, OPT_INT, "N",
     "so many trials at the most, 0 for no limit; overrides the space", 0, 1e9, &given.max_trials},
    {"max-time", 0, OPT_STRING, "TIME",
     "start nothing new after this time, as in '90 min' or '8 h', 0 for no limit; overrides the "
     "space",
     0, 0, &given.max_time},
    {"confidence", 0, OPT_DOUBLE, "C",
     "a pick passes only when it keeps its limits with this confidence, as in 0.95; 0: its figures "
     "decide; overrides the space",
     0, 0.9999, &given.confidence},
    {"method", 0, OPT_STRING, "METHOD",
     "how to search: grid, greybox, motpe, random, nsga2, aging; stands for --set "
     "search.method=METHOD",
     0, 0, &given.method},
    {"aim", 0, OPT_STRING, "AIM",
     "what to search for: front, versions or the name of a version; stands for --set "
     "search.aim=AIM",
     0, 0, &given.aim},
    {"warm-start", 0, OPT_STRING, "OLD.db",
     "start from another study: what it built and this space needs is taken over, and a method "
     "that "
     "learns begins with its trials",
     0, 0, &given.warm_start},
    {"json", 0, OPT_FLAG, NULL, "events and results as JSON, one object a line, on standard output",
     0, 0, &given.json},
    {"quiet", 'q', OPT_FLAG, NULL, "no progress, only the results", 0, 0, &given.quiet},
    {"verbose", 'v', OPT_FLAG, NULL, "a line for every stage", 0, 0, &given.verbose},
    {0},
};

static const opt_spec spec = {
    .name = "run",
    .args = "SPACE.yaml",
    .summary = "search a space and fill its results database",
    .details =
        "Builds the stages of every candidate that are missing in the database, in worker\n"
        "processes, and ends with a table: for each version its limits, the pick and its margins, "
        "or\n"
        "the closest miss and the limit that binds. Run it again to go on after an interruption, "
        "a\n"
        "crash or a change of the space: what is built is not built again.\n"
        "\n"
        "The pick of a version is, of the trials that keep all its limits on validation figures, "
        "the\n"
        "one with the most room under its tightest limit, as a part of the bound; ties go to the\n"
        "smaller file. Test figures decide whether the version is met.\n"
        "\n"
        "With --confidence they must not only look good: what several seeds of a configuration "
        "say, the\n"
        "finite number of test clips and the luck of the best-looking of many candidates are "
        "weighed,\n"
        "and the version is met when the chance that the limits are truly kept is at least that.\n"
        "\n"
        "Ctrl-C lets running stages finish; a second one stops at once. Exit status: 0 done, 2 a\n"
        "mistake in the space or the options, 3 finished, but a version has no pick or candidates\n"
        "failed, 130 interrupted.",
    .examples = "  paretune run spaces/demo.yaml\n"
                "  paretune run spaces/demo.yaml --workers 8 --max-time '2 h'\n"
                "  paretune run spaces/demo.yaml --set train.epochs=5 --db quick.db",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

/* One invocation: what was read and what is open. */
typedef struct {
    arena memory;
    space *space;
    plan *plan;
    store *results;
    const char *space_path, *db, *artifacts;
    space_budget budget;
    space_search search;
    problem problem; /* of a sampler that learns */
    grid_sampler grid;
    stop_rule rule;
    until until;
    warm_start warm;
    stage_provenance made_by;
    progress shown;
    int64_t run_id;
    int n_workers;
} job;

/* --- before anything runs --- */

static bool ends_with(const char *text, size_t n, const char *end)
{
    size_t k = strlen(end);
    return n > k && memcmp(text + n - k, end, k) == 0;
}

/* `name` without the ending, and another one in its place. */
static const char *with_ending(arena *a, const char *name, const char *old, const char *new_ending)
{
    size_t n = strlen(name);
    if (ends_with(name, n, old)) n -= strlen(old);
    return arena_printf(a, "%.*s%s", (int)n, name, new_ending);
}

static status choose_files(job *j, const char *space_path, err *e)
{
    const char *name = file_name(space_path);
    const char *yaml = ends_with(name, strlen(name), ".yml") ? ".yml" : ".yaml";
    j->db = given.db ? given.db : with_ending(&j->memory, name, yaml, ".db");
    if (!j->db) return FAIL(e, ERR_MEM, "out of memory");
    j->artifacts = given.artifacts ? given.artifacts : store_usual_artifacts(&j->memory, j->db);
    return j->artifacts ? OK : FAIL(e, ERR_MEM, "out of memory");
}

static status read_max_time(const char *text, double *seconds, err *e)
{
    const setting_row *row = schema_row(SET_MAX_TIME);
    TRY(quantity_parse(text, row->unit, seconds, e));
    if (*seconds >= row->min && *seconds <= row->max) return OK;
    return FAIL(e, ERR_INPUT, "'%s' is not from %g to %g s", text, row->min, row->max);
}

static status read_budget(job *j, err *e)
{
    j->budget = space_get_budget(j->space);
    if (given.max_trials >= 0) j->budget.max_trials = given.max_trials;
    if (given.confidence >= 0) j->budget.confidence = given.confidence;
    if (given.max_time && read_max_time(given.max_time, &j->budget.max_seconds, e) != OK)
        return err_wrap(e, "--max-time");
    return OK;
}

static int count_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > CREW_MAX ? CREW_MAX : (int)n;
}

static status add_set(const char *set, err *e)
{
    opt_list *sets = &given.space.sets;
    if (!set) return FAIL(e, ERR_MEM, "out of memory");
    if (sets->n == OPT_LIST_MAX) return FAIL(e, ERR_INPUT, "--set stands too often");
    sets->item[sets->n++] = set;
    return OK;
}

/* --tflite-lib as the settings it stands for; the path as workers in any folder will find it. */
static status use_tflite(job *j, err *e)
{
    TRY(tflite_args_check(&given.tflite, e));
    if (!given.tflite.library) return OK;
    char *whole = realpath(given.tflite.library, NULL);
    if (!whole)
        return FAIL(e, ERR_INPUT, "--tflite-lib %s: there is no such file", given.tflite.library);
    const char *library = arena_printf(&j->memory, "latency.library='%s'", whole);
    free(whole);
    TRY(add_set(library, e));
    return add_set(
        given.tflite.xnnpack ? "latency.runtime=tflite-xnnpack" : "latency.runtime=tflite", e);
}

/* Options as the settings they stand for. */
static status use_settings(job *j, err *e)
{
    if (given.method) TRY(add_set(arena_printf(&j->memory, "search.method=%s", given.method), e));
    if (given.aim) TRY(add_set(arena_printf(&j->memory, "search.aim=%s", given.aim), e));
    return use_tflite(j, e);
}

static status read_space(job *j, const char *path, err *e)
{
    plan_summary planned;
    TRY(use_settings(j, e));
    TRY(space_args_read(&given.space, path, &j->memory, &j->space, e));
    TRY(plan_make(j->space, &j->memory, &j->plan, e));
    TRY(plan_summarize(j->plan, &planned, e));
    if (given.tflite.library && planned.trials > 0 && planned.unshared[STAGE_LATENCY] == 0)
        return FAIL(
            e, ERR_INPUT,
            "--tflite-lib: this space measures no latency; add --set latency.protocol=2024");
    if (planned.trials == 0) cmd_plan_warn_hopeless(j->space, j->plan);
    TRY(read_budget(j, e));
    j->space_path = path;
    j->n_workers = given.workers ? given.workers : count_cores();
    return choose_files(j, path, e);
}

/* --- the run --- */

/* The folder given, as commands in other folders will find it; NULL: the usual one, which moves with
 * the database. */
static status place_artifacts(job *j, const char **out, err *e)
{
    *out = NULL;
    if (!given.artifacts) return OK;
    TRY(file_make_folder(given.artifacts, e));
    char *whole = realpath(given.artifacts, NULL);
    if (whole) *out = arena_string(&j->memory, whole);
    free(whole);
    return *out ? OK : FAIL(e, ERR_IO, "%s: cannot tell where it is", given.artifacts);
}

static status open_results(job *j, err *e)
{
    const char *folder;
    TRY(store_open(j->db, STORE_WRITE, &j->results, e));
    stage_provenance *m = &j->made_by;
    stage_describe(m);
    TRY(place_artifacts(j, &folder, e));
    store_run run = {m->version, m->compiler,  m->cpu, m->kernels,          m->blas,
                     m->system,  j->n_workers, folder, j->budget.confidence};
    return store_start_run(j->results, space_for_store(j->space), &run, &j->run_id, e);
}

static status make_chain(void *user, const suggestion *s, arena *a, chain *out, err *e)
{
    return plan_chain(user, s->candidate, s->seed_index, a, out, e);
}

/* The problem that a sampler learns from. It may be a part of the space. */
static status pose_problem(job *j, err *e)
{
    const space_search search = space_get_search(j->space);
    plan_summary planned;
    TRY(plan_summarize(j->plan, &planned, e));
    TRY(problem_of_plan(j->plan, PROBLEM_MOST_POINTS, search.seed, &j->memory, &j->problem, e));
    if (j->problem.n_points < planned.count[CAND_OK])
        log_warn("%s: %lld candidates; %d of them, drawn evenly, are searched", j->space_path,
                 (long long)planned.count[CAND_OK], j->problem.n_points);
    if (j->n_workers > search.window)
        log_warn("search.window: %d keeps no more than so many of %d workers busy", search.window,
                 j->n_workers);
    return OK;
}

static status begin_with_old_trials(job *j, sampler **source, err *e)
{
    int n;
    TRY(warm_sampler(&j->warm, j->plan, &j->problem, *source, &j->memory, source, &n, e));
    if (!given.json && !given.quiet)
        log_say("run", "%d of %d finished trials of %s are in this space", n, j->warm.n_finished,
                given.warm_start);
    return OK;
}

/* What ends trainings early, if anything does. */
static status choose_rule(job *j, const space_search *search, sched_options *o, err *e)
{
    const stop_row *row = search->stop ? stop_find(search->stop) : NULL;
    const stop_options how = {.aim = search->aim,
                              .seed = search->seed,
                              .chance = search->stop_chance,
                              .audit = search->audit,
                              .n_epochs = search->n_epochs,
                              .n_rungs = search->n_rungs,
                              .rung = search->rung};
    if (!row) return OK;
    TRY(stop_open(row, &j->problem, &how, &j->memory, &j->rule, e));
    o->rule = &j->rule;
    return OK;
}

/* Where trials come from: the grid needs no problem unless results decide when it, or a training, ends. */
static status choose_sampler(job *j, sched_options *o, err *e)
{
    const space_search search = j->search = space_get_search(j->space);
    const sampler_options how = {search.seed, search.aim, search.min_gain};
    const sampler_row *row = sampler_find(search.method);
    sampler_grid(&j->grid, j->plan, space_size(j->space), space_n_seeds(j->space));
    o->source = &j->grid.base;
    if (!row && !search.until_met && !search.stop) return OK;
    TRY(pose_problem(j, e));
    if (row) {
        const racing_options again = {search.aim, j->budget.max_seeds,
                                      j->budget.confidence > 0 ? j->budget.confidence : 0.95};
        TRY(row->open(&j->problem, &how, &j->memory, &o->source, e));
        TRY(sampler_race(&j->problem, o->source, &again, &j->memory, &o->source, e));
    }
    if (row && given.warm_start) TRY(begin_with_old_trials(j, &o->source, e));
    o->p = &j->problem;
    o->window = search.window;
    TRY(choose_rule(j, &j->search, o, e));
    j->until = (until){.space = j->space, .results = j->results};
    if (search.until_met) o->is_enough = until_met;
    o->is_enough_user = &j->until;
    return OK;
}

static status schedule(job *j, sched_end *end, sched_figures *figures, err *e)
{
    sched_options o = {
        .results = j->results,
        .run_id = j->run_id,
        .make_chain = make_chain,
        .make_chain_user = j->plan,
        .artifacts = j->artifacts,
        .start = {launch_local, j->budget.worker_bytes},
        .version = j->made_by.version,
        .n_workers = j->n_workers,
        .retries = j->budget.retries,
        .max_trials = j->budget.max_trials,
        .max_epochs = j->budget.max_epochs,
        .stage_seconds = j->budget.stage_seconds,
        .max_seconds = j->budget.max_seconds,
        .watch = progress_watch,
        .watch_user = &j->shown,
    };
    if (given.warm_start) o.earlier = &j->warm;
    TRY(choose_sampler(j, &o, e));
    progress_open(&j->shown, progress_choose(given.json, given.quiet), j->results);
    status s = scheduler_run(&o, end, figures, e);
    progress_close(&j->shown);
    return s;
}

/* --- afterwards --- */

static const char *end_word(sched_end end)
{
    return end == SCHED_INTERRUPTED   ? "interrupted"
           : end == SCHED_OUT_OF_TIME ? "out of time"
                                      : "done";
}

/* What stopping early was good for, and whether it was right. */
static void say_stopped(const job *j, const sched_figures *f)
{
    store_stop_counts n;
    if (!j->rule.p || store_count_stops(j->results, &n, NULL) != OK) return;
    if (f->epochs > 0)
        log_say("run", "stopping early saved %.0f %% of the epochs (%.0f of %.0f)",
                100 * f->epochs_saved / f->epochs, f->epochs_saved, f->epochs);
    if (n.audited > 0)
        log_say("run",
                "of trainings that it would have stopped, %d %s finished to check: %d would have "
                "been worth it",
                n.audited, n.audited == 1 ? "was" : "were", n.wrong);
}

static void say_end(const job *j, sched_end end, const sched_figures *f)
{
    char took[32];
    quantity_duration(f->elapsed_seconds, took, sizeof took);
    log_say("run", "%s after %s: %d of %d trials done, %d stopped early, %d failed; results in %s",
            end_word(end), took, f->trials_done, f->trials, f->trials_stopped, f->trials_failed,
            j->db);
    say_stopped(j, f);
    if (end != SCHED_COMPLETE) log_say("run", "the same command goes on from here");
}

/* Failures are told even to those who want no progress, in one line. */
static void warn_failures(const job *j, const sched_figures *f)
{
    const char *first = j->shown.first_failure;
    log_warn("%s: %d of %d trials failed%s%s; 'paretune status %s' tells more", j->db,
             f->trials_failed, f->trials, *first ? ", the first because of: " : "", first, j->db);
}

/* A loop around an exported LSTM gives wrong numbers when it is not reset. A glance at the file: one
 * that cannot be read is not told here. */
static void warn_of_state(job *j, const pick *p)
{
    char *bytes;
    size_t n;
    const char *path = p->model[0] ? file_join(&j->memory, j->artifacts, p->model) : NULL;
    if (!path || file_read(&j->memory, path, (size_t)256 << 20, &bytes, &n, NULL) != OK) return;
    if (stage_keeps_state(bytes, n, &j->memory))
        printf("%s: an LSTM, whose state TensorFlow Lite keeps between inferences: call "
               "reset_all_variables() before each\n",
               p->version);
}

static status print_picks(job *j, const picks *all, err *e)
{
    if (given.json) {
        for (int i = 0; i < all->n; i++) progress_put_pick_json(&all->pick[i]);
        return OK;
    }
    if (all->n == 0) return OK;
    TRY(picks_print(all, j->db, stdout, &j->memory, e));
    for (int i = 0; i < all->n; i++) warn_of_state(j, &all->pick[i]);
    return OK;
}

static bool all_have_picks(const picks *all)
{
    for (int i = 0; i < all->n; i++)
        if (all->pick[i].kind != PICK_CHOSEN || (all->asked > 0 && !all->pick[i].met)) return false;
    return true;
}

static status conclude(job *j, sched_end end, const sched_figures *f, int *code, err *e)
{
    picks all;
    TRY(store_end_run(j->results, j->run_id, end_word(end), e));
    TRY(picks_read(j->results, &j->memory, &all, e));
    if (!given.json) say_end(j, end, f);
    if (given.quiet && !given.json && f->trials_failed > 0) warn_failures(j, f);
    TRY(print_picks(j, &all, e));
    if (end == SCHED_INTERRUPTED)
        *code = EXIT_INTERRUPTED;
    else if (f->trials_failed > 0 || !all_have_picks(&all))
        *code = EXIT_NO_PICK_OR_FAILURES;
    return OK;
}

/* Mistakes in a table would fail every trial; oddities in its dates are said once. */
static status read_tables(job *j, err *e)
{
    buf notes = {0};
    status s = plan_check_data(j->plan, &j->memory, &notes, e);
    if (s == OK && notes.len > 0 && !given.json && !given.quiet)
        log_warn("%.*s", (int)notes.len - 1, notes.data);
    buf_free(&notes);
    return s;
}

static status run_all(job *j, int *code, err *e)
{
    sched_end end;
    sched_figures figures;
    TRY(read_tables(j, e));
    if (given.warm_start) TRY(warm_open(given.warm_start, j->db, &j->memory, &j->warm, e));
    TRY(open_results(j, e));
    status s = schedule(j, &end, &figures, e);
    if (s != OK) {
        store_end_run(j->results, j->run_id, "failed", NULL); /* as far as the store still can */
        return s;
    }
    return conclude(j, end, &figures, code, e);
}

static status run(int n, char **argv, int *code, err *e)
{
    (void)n;
    job j = {0};
    arena_init(&j.memory, 0);
    log_set_level(given.quiet ? LOG_QUIET : given.verbose ? LOG_VERBOSE : LOG_NORMAL);
    status s = read_space(&j, argv[0], e);
    if (s == OK && given.dry_run)
        s = cmd_plan_show(j.space, j.plan, j.n_workers, &j.memory, e);
    else if (s == OK)
        s = run_all(&j, code, e);
    warm_close(&j.warm);
    store_close(j.results);
    arena_free(&j.memory);
    return s;
}

const command cmd_run = {&spec, run, false};
