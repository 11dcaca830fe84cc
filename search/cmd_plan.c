#include "search/cmd_plan.h"

#include "engine/base/log.h"
#include "engine/base/quantity.h"
#include "engine/base/table.h"
#include "search/space_args.h"
#include "search/stop.h"

#include <string.h>
#include <math.h>
#include <unistd.h>

/* Option values; filled by opt_parse before `run`. */
static space_args args;
static int workers, list;
static const char *format_word = "table";

typedef struct {
    const space *s;
    const plan *p;
    plan_summary sum;
    double wall_seconds;
    arena *a;
} view;

static void print_line(const char *what, int64_t n, const char *why)
{
    printf("  %-14s %10lld  %s\n", what, (long long)n, why);
}

static void print_excluded(const view *v)
{
    const char *because, *why, *place;
    int64_t n;
    for (int i = 0; i < space_n_rules(v->s); i++) {
        int line;
        const char *text = space_rule(v->s, i, &because, &line);
        why = arena_printf(v->a, "by line %d: %s%s%s%s", line, text, because ? " (" : "",
                           because ? because : "", because ? ")" : "");
        print_line("excluded", plan_excluded(v->p, i), why ? why : "");
    }
    for (int i = 0; (why = plan_own_reason(v->p, i, &place, &n)) != NULL; i++)
        if (n > 0) print_line("excluded", n, why);
}

/* One line for each limit of a version that some candidate cannot meet. */
static void put_hopeless(const space *s, const plan *p, int indent, FILE *f)
{
    const store_space *t = space_for_store(s);
    for (int i = 0; i < t->n_versions; i++)
        for (int k = 0; k < t->version[i].n_limits; k++) {
            int64_t n = plan_over_limit(p, i, k);
            if (n > 0)
                fprintf(f, "%*s%lld cannot meet %s: %s %s\n", indent, "", (long long)n,
                        t->version[i].name, t->version[i].limit[k].metric,
                        t->version[i].limit[k].text);
        }
}

void cmd_plan_warn_hopeless(const space *s, const plan *p)
{
    log_warn("%s: no candidate can meet the limits of any version; nothing is left to try:",
             space_for_store(s)->path);
    put_hopeless(s, p, 2, stderr);
}

static const char *aim_text(const space *s, arena *a)
{
    const int aim = space_get_search(s).aim;
    if (aim < 0) return aim == AIM_FRONT ? "the front" : "every version";
    const char *text = arena_printf(a, "version %s", space_for_store(s)->version[aim].name);
    return text ? text : "a version";
}

/* Where the rule that ends trainings early has a say. */
static void print_stop(const space_search *search)
{
    const stop_row *rule = search->stop ? stop_find(search->stop) : NULL;
    const int n = search->n_rungs;
    if (!rule || (n == 0 && !rule->judges_at_start)) return;
    printf("  %-14s %10s  trainings may be stopped", "early stop", search->stop);
    if (rule->judges_at_start) printf(" before they begin%s", n > 0 ? ", or" : "");
    if (n > 0) printf(" after %d", search->rung[0]);
    if (n > 1) printf(" to %d", search->rung[n - 1]);
    if (n > 0) printf(" of %d epochs", search->n_epochs);
    printf("\n");
}

/* What a method other than the grid will do with the candidates. */
static void print_search(const view *v)
{
    const space_search search = space_get_search(v->s);
    const space_budget budget = space_get_budget(v->s);
    const bool is_grid = strcmp(search.method, "grid") == 0;
    int64_t most = is_grid ? v->sum.trials : v->sum.count[CAND_OK];
    if (is_grid && !search.until_met && !search.stop) return;
    if (budget.max_trials > 0 && budget.max_trials < most) most = budget.max_trials;
    printf("  %-14s %10lld  at most, by %s, for %s%s%s\n", "search", (long long)most, search.method,
           aim_text(v->s, v->a),
           budget.max_epochs > 0 || budget.max_seconds > 0 ? ", if time and epochs allow" : "",
           search.until_met ? ", until it is met" : "");
    print_stop(&search);
}

static void print_candidates(const view *v)
{
    const plan_summary *t = &v->sum;
    int n_seeds = space_n_seeds(v->s);
    printf("%s: %lld candidate%s", space_for_store(v->s)->name, (long long)t->candidates,
           t->candidates == 1 ? "" : "s");
    for (int i = 0; i < space_n_axes(v->s); i++)
        printf("%s%s %d", i ? " x " : " = ", space_axis_name(v->s, i), space_axis_values(v->s, i));
    printf("\n");
    print_excluded(v);
    print_line("duplicates", t->count[CAND_DUPLICATE], "build the same files as another candidate");
    const bool is_one = space_get_search(v->s).aim >= 0;
    print_line("over a limit", t->count[CAND_OVER_LIMIT],
               arena_printf(v->a, "in %s, whatever training does",
                            is_one ? aim_text(v->s, v->a) : "every version"));
    put_hopeless(v->s, v->p, 29, stdout);
    print_line("to try", t->count[CAND_OK],
               arena_printf(v->a, "x %d seed%s = %lld trials", n_seeds, n_seeds == 1 ? "" : "s",
                            (long long)t->trials));
    print_search(v);
}

static void print_stages(const view *v)
{
    const plan_summary *t = &v->sum;
    printf("\n  %-14s %10s  %10s\n", "stages", "alone", "shared");
    for (int k = 0; k < N_STAGE_KINDS; k++) {
        if (k >= STAGE_LATENCY && t->unshared[k] == 0) continue;
        printf("  %-14s %10lld  %10lld\n", stage_kind_name((stage_kind)k),
               (long long)t->unshared[k], (long long)t->stages[k]);
    }
    double saved = t->epochs_unshared > 0 ? 100 * (1 - t->epochs / t->epochs_unshared) : 0;
    printf("  %-14s %10.0f  %10.0f  %.0f %% saved\n", "epochs", t->epochs_unshared, t->epochs,
           saved);
}

static void print_prediction(const view *v)
{
    char cpu[40], wall[40], disk[40];
    quantity_format(v->sum.cpu_seconds, "s", cpu, sizeof cpu);
    quantity_format(v->wall_seconds, "s", wall, sizeof wall);
    quantity_format(v->sum.disk_bytes, "B", disk, sizeof disk);
    printf("\n  predicted: %s of CPU time, %s with %d worker%s, %s of artifacts\n", cpu, wall,
           workers, workers == 1 ? "" : "s", disk);
}

/* The summary for programs: one row. */
static status summary_table(const view *v, table *t, err *e)
{
    const plan_summary *u = &v->sum;
    const struct {
        const char *name;
        double value;
    } cells[] = {
        {"candidates", (double)u->candidates},
        {"excluded", (double)u->count[CAND_EXCLUDED]},
        {"duplicates", (double)u->count[CAND_DUPLICATE]},
        {"over_limit", (double)u->count[CAND_OVER_LIMIT]},
        {"trials", (double)u->trials},
        {"data_stages", (double)u->stages[STAGE_DATA]},
        {"train_stages", (double)u->stages[STAGE_TRAIN]},
        {"export_stages", (double)u->stages[STAGE_EXPORT]},
        {"score_stages", (double)u->stages[STAGE_SCORE]},
        {"latency_stages", (double)u->stages[STAGE_LATENCY]},
        {"device_stages", (double)u->stages[STAGE_DEVICE]},
        {"epochs_unshared", u->epochs_unshared},
        {"epochs", u->epochs},
        {"cpu_seconds", u->cpu_seconds},
        {"wall_seconds", v->wall_seconds},
        {"disk_bytes", u->disk_bytes},
    };
    enum { N = sizeof cells / sizeof *cells };
    TRY(table_init(t, v->a, N, e));
    for (int i = 0; i < N; i++) table_column(t, i, cells[i].name, "");
    cell *row = table_row(t);
    if (!row) return FAIL(e, ERR_MEM, "out of memory for a table");
    for (int i = 0; i < N; i++) row[i] = cell_number(cells[i].value);
    return OK;
}

static status list_row(const view *v, int64_t candidate, table *t, err *e)
{
    int n = space_n_axes(v->s);
    stage_forecast f;
    store_knob *knobs = ARENA_NEW(v->a, store_knob, n);
    cell *row = table_row(t);
    if (!row || !knobs) return FAIL(e, ERR_MEM, "out of memory for a table");
    TRY(plan_knobs(v->p, candidate, v->a, knobs, e));
    row[0] = cell_number((double)candidate);
    for (int i = 0; i < n; i++)
        row[1 + i] = knobs[i].is_number ? cell_number(knobs[i].number) : cell_text(knobs[i].text);
    TRY(plan_forecast(v->p, candidate, &f, e));
    row[n + 1] = cell_number(f.n_params);
    row[n + 2] = cell_number(f.macs);
    row[n + 3] = cell_number(f.flat_bytes);
    row[n + 4] = cell_number(f.arena_bytes);
    if (t->n_columns == n + 5) return OK;
    row[n + 5] = cell_number(f.modelled_inference_ms);
    row[n + 6] = cell_number(f.modelled_total_ms);
    return OK;
}

/* True when the first candidate that will be tried is modelled on a device. */
static bool is_modelled(const view *v)
{
    stage_forecast f;
    for (int64_t i = 0; i < v->sum.candidates; i++)
        if (plan_state(v->p, i) == CAND_OK)
            return plan_forecast(v->p, i, &f, NULL) == OK && !isnan(f.modelled_inference_ms);
    return false;
}

/* The first `list` candidates that will be tried, with what is known of them. */
static status list_table(const view *v, table *t, err *e)
{
    static const char *const known[][2] = {{"n_params", ""},
                                           {"macs", ""},
                                           {"size_flat", "B"},
                                           {"arena", "B"},
                                           {"modelled_inference_ms", "ms"},
                                           {"modelled_total_ms", "ms"}};
    int n = space_n_axes(v->s), listed = 0, n_known = is_modelled(v) ? 6 : 4;
    TRY(table_init(t, v->a, n + 1 + n_known, e));
    table_column(t, 0, "candidate", "");
    for (int i = 0; i < n; i++) table_column(t, 1 + i, space_axis_name(v->s, i), "");
    for (int i = 0; i < n_known; i++) table_column(t, n + 1 + i, known[i][0], known[i][1]);
    for (int64_t i = 0; i < v->sum.candidates && listed < list; i++) {
        if (plan_state(v->p, i) != CAND_OK) continue;
        TRY(list_row(v, i, t, e));
        listed++;
    }
    return OK;
}

static status print(const view *v, err *e)
{
    table_format format;
    table t;
    TRY(table_format_parse(format_word, &format, e));
    if (format == FORMAT_TABLE) {
        print_candidates(v);
        print_stages(v);
        print_prediction(v);
        if (list) printf("\n");
    }
    if (list)
        TRY(list_table(v, &t, e));
    else if (format != FORMAT_TABLE)
        TRY(summary_table(v, &t, e));
    else
        return OK;
    return table_print(&t, format, stdout, e);
}

/* Workers share the CPU time, but no chain is faster than its stages one after the other. */
static double wall_seconds(const plan_summary *t)
{
    double even = t->cpu_seconds / workers;
    return even > t->longest_seconds ? even : t->longest_seconds;
}

status cmd_plan_show(const space *s, const plan *p, int n_workers, arena *a, err *e)
{
    view v = {.s = s, .p = p, .a = a};
    workers = n_workers;
    TRY(plan_summarize(p, &v.sum, e));
    v.wall_seconds = wall_seconds(&v.sum);
    return print(&v, e);
}

static status show_plan(const char *path, arena *a, err *e)
{
    space *s;
    plan *p;
    TRY(space_args_read(&args, path, a, &s, e));
    TRY(plan_make(s, a, &p, e));
    return cmd_plan_show(s, p, workers ? workers : (int)sysconf(_SC_NPROCESSORS_ONLN), a, e);
}

static status run(int n, char **argv, int *code, err *e)
{
    (void)n, (void)code;
    arena a;
    arena_init(&a, 0);
    status s = show_plan(argv[0], &a, e);
    arena_free(&a);
    return s;
}

static const opt options[] = {
    SPACE_OPTIONS(args),
    {"workers", 'j', OPT_INT, "N", "predict the time with so many workers; 0: one for each core", 0,
     4096, &workers},
    {"list", 0, OPT_INT, "N",
     "list the first N candidates that will be tried, with what is known "
     "of them before training",
     0, 1e9, &list},
    {"format", 0, OPT_STRING, "FORMAT", "table, csv or json", 0, 0, &format_word},
    {0},
};

static const opt_spec spec = {
    .name = "plan",
    .args = "SPACE.yaml",
    .summary = "say what running a search space would take",
    .details =
        "Counts the candidates, those that rules exclude, that repeat others or that cannot meet\n"
        "a limit, and the stages to build before and after sharing; predicts time and disk.\n"
        "Nothing is trained.",
    .examples = "  paretune plan spaces/demo.yaml\n"
                "  paretune plan spaces/demo.yaml --list 20 --format csv",
    .args_min = 1,
    .args_max = 1,
    .options = options,
};

const command cmd_plan = {&spec, run, false};
