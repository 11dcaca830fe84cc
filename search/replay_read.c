/* Tables from CSV files. One line is one training; lines of a candidate stand together:
 *
 *     # objective accuracy maximize trained
 *     # objective size minimize exact
 *     # metric modelled_inference_ms minimize exact
 *     # version a: accuracy > 90, size < 25000
 *     candidate,seed,knob.alpha,accuracy,size,modelled_inference_ms,seconds,first_rung,prefix,prefix_epochs,epoch.1,...
 *
 * Notes name the metrics (objectives first) and the versions. Bounds are in the columns' units. knob.X are the
 * axes, empty where one does not matter; epoch.1 .. epoch.N the curve of the first trained metric, all of it or
 * none; seconds the CPU time of the training. `prefix` is any number that candidates which share their first
 * `prefix_epochs` epochs have in common; `first_rung` see replay_table.h. What is not needed may be left out: first_rung,
 * prefix and prefix_epochs, the curve, seconds (1). */
#include "search/replay_table.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/base/pareto.h"
#include "search/sheet.h"

enum {
    MOST_SEEDS = 64,
    MOST_VERSIONS = 32,
    MOST_LIMITS = 16,
    MOST_KNOBS = 64,
    MOST_BYTES = 1 << 30
};

typedef struct {
    const sheet *s;
    arena *a;
    replay_table *t;
    problem_metric *metric;
    int metric_column[PROBLEM_MAX_METRICS];
    problem_version *version;
    int n_knobs, knob_column[MOST_KNOBS];
    problem_knob *knob;
    int candidate_column, seed_column, first_epoch_column;
    int *point_of; /* rows */
    int *row_of;   /* n_points x n_seeds */
    int n_seeds;
    double seed[MOST_SEEDS];
} reading;

#define TAKE(r, type, n, to)                                                      \
    do {                                                                          \
        (to) = ARENA_NEW((r)->a, type, (n));                                      \
        if (!(to)) return FAIL(e, ERR_MEM, "out of memory for %s", (r)->s->file); \
    } while (0)

/* --- notes --- */

static int find_metric(const reading *r, const char *name)
{
    for (int i = 0; i < r->t->p.n_metrics; i++)
        if (strcmp(r->metric[i].name, name) == 0) return i;
    return -1;
}

static status note_metric(reading *r, const char *note, err *e)
{
    char role[16], name[64], direction[16], known[16], rest;
    problem *p = &r->t->p;
    if (sscanf(note, "%15s %63s %15s %15s %c", role, name, direction, known, &rest) != 4 ||
        (strcmp(direction, "maximize") != 0 && strcmp(direction, "minimize") != 0) ||
        (strcmp(known, "exact") != 0 && strcmp(known, "trained") != 0))
        return FAIL(e, ERR_INPUT,
                    "%s: '# %s' should be '# %s NAME maximize|minimize exact|trained'", r->s->file,
                    note, role);
    if (p->n_metrics == PROBLEM_MAX_METRICS)
        return FAIL(e, ERR_INPUT, "%s: more than %d metrics", r->s->file, PROBLEM_MAX_METRICS);
    bool is_objective = strcmp(role, "objective") == 0;
    if (is_objective && p->n_objectives < p->n_metrics)
        return FAIL(e, ERR_INPUT, "%s: objective %s stands behind other metrics", r->s->file, name);
    if (find_metric(r, name) >= 0 || sheet_column(r->s, name) < 0)
        return FAIL(e, ERR_INPUT, "%s: %s %s", r->s->file, name,
                    find_metric(r, name) >= 0 ? "is named twice" : "has no column");
    r->metric_column[p->n_metrics] = sheet_column(r->s, name);
    r->metric[p->n_metrics++] = (problem_metric){.name = arena_string(r->a, name),
                                                 .maximize = strcmp(direction, "maximize") == 0,
                                                 .exact = strcmp(known, "exact") == 0};
    p->n_objectives += is_objective;
    return OK;
}

static status note_limit(reading *r, const char *text, size_t n, problem_limit *l, err *e)
{
    char *copy = arena_copy(r->a, text, n), *end = copy, name[64], op[3] = "";
    int at = 0;
    if (!copy) return FAIL(e, ERR_MEM, "out of memory for %s", r->s->file);
    if (sscanf(copy, "%63s %2[<>=] %n", name, op, &at) == 2) l->bound = strtod(copy + at, &end);
    while (end != copy && isspace((unsigned char)*end)) end++;
    if (end == copy || end == copy + at || *end || op[0] == '=' || (op[1] && op[1] != '='))
        return FAIL(e, ERR_INPUT, "%s: '%s' should be a limit such as 'size < 25000'", r->s->file,
                    copy);
    l->metric = find_metric(r, name);
    l->is_upper = op[0] == '<';
    l->is_strict = op[1] == '\0';
    if (l->metric >= 0) return OK;
    return FAIL(e, ERR_INPUT, "%s: no note says what the metric '%s' is", r->s->file, name);
}

static status note_version(reading *r, const char *note, err *e)
{
    char name[64];
    int n_name = 0;
    problem *p = &r->t->p;
    problem_limit *limit;
    if (sscanf(note, "version %63[^: ]:%n", name, &n_name) != 1 || n_name == 0)
        return FAIL(e, ERR_INPUT, "%s: '# %s' should be '# version NAME: LIMIT, LIMIT'", r->s->file,
                    note);
    if (p->n_versions == MOST_VERSIONS)
        return FAIL(e, ERR_INPUT, "%s: more than %d versions", r->s->file, MOST_VERSIONS);
    TAKE(r, problem_limit, MOST_LIMITS, limit);
    problem_version *v = &r->version[p->n_versions++];
    *v = (problem_version){.name = arena_string(r->a, name), .limit = limit};
    for (const char *at = note + n_name; *at; at += *at == ',') {
        size_t n = strcspn(at, ",");
        if (v->n_limits == MOST_LIMITS)
            return FAIL(e, ERR_INPUT, "%s: version %s has too many limits", r->s->file, name);
        TRY(note_limit(r, at, n, &limit[v->n_limits++], e));
        at += n;
    }
    return OK;
}

static status read_notes(reading *r, err *e)
{
    TAKE(r, problem_metric, PROBLEM_MAX_METRICS, r->metric);
    TAKE(r, problem_version, MOST_VERSIONS, r->version);
    r->t->p.metric = r->metric;
    r->t->p.version = r->version;
    for (int i = 0; i < r->s->n_notes; i++)
        if (strncmp(r->s->note[i], "objective ", 10) == 0 ||
            strncmp(r->s->note[i], "metric ", 7) == 0)
            TRY(note_metric(r, r->s->note[i], e));
    for (int i = 0; i < r->s->n_notes; i++)
        if (strncmp(r->s->note[i], "version ", 8) == 0) TRY(note_version(r, r->s->note[i], e));
    if (r->t->p.n_objectives == 0)
        return FAIL(e, ERR_INPUT,
                    "%s: no objective; a line '# objective NAME maximize|minimize "
                    "exact|trained' is needed for each",
                    r->s->file);
    return OK;
}

/* --- columns and rows --- */

static status find_columns(reading *r, err *e)
{
    const sheet *s = r->s;
    r->candidate_column = sheet_column(s, "candidate");
    r->seed_column = sheet_column(s, "seed");
    r->first_epoch_column = sheet_column(s, "epoch.1");
    if (r->candidate_column < 0)
        return FAIL(e, ERR_INPUT, "%s: there is no column 'candidate'", s->file);
    for (int i = 0; i < s->n_columns; i++) {
        if (strncmp(s->name[i], "knob.", 5) != 0) continue;
        if (r->n_knobs == MOST_KNOBS)
            return FAIL(e, ERR_INPUT, "%s: more than %d knobs", s->file, MOST_KNOBS);
        r->knob_column[r->n_knobs++] = i;
    }
    for (int i = r->first_epoch_column; i >= 0 && i < s->n_columns; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "epoch.%d", r->t->n_epochs + 1);
        if (strcmp(s->name[i], name) != 0) break;
        r->t->n_epochs++;
    }
    return s->n_rows > 0 ? OK : FAIL(e, ERR_INPUT, "%s: there are no trainings in it", s->file);
}

static status number_or(const reading *r, int row, int column, double otherwise, double *out,
                        err *e)
{
    *out = otherwise;
    return column < 0 ? OK : sheet_number(r->s, row, column, out, e);
}

static int seed_number(reading *r, double seed)
{
    for (int i = 0; i < r->n_seeds; i++)
        if (r->seed[i] == seed) return i;
    if (r->n_seeds == MOST_SEEDS) return -1;
    r->seed[r->n_seeds] = seed;
    return r->n_seeds++;
}

/* Which rows are the trainings of which point. */
static status group_rows(reading *r, int64_t *candidate, int *all, err *e)
{
    problem *p = &r->t->p;
    for (int i = 0; i < r->s->n_rows; i++) {
        double number, seed;
        TRY(sheet_number(r->s, i, r->candidate_column, &number, e));
        TRY(number_or(r, i, r->seed_column, 0, &seed, e));
        if (!(number >= 0 && number < 9e15) || number != floor(number))
            return FAIL(e, ERR_INPUT, "%s:%d: %g is not the number of a candidate", r->s->file,
                        r->s->line[i], number);
        bool is_new = p->n_points == 0 || candidate[p->n_points - 1] != (int64_t)number;
        if (is_new && p->n_points > 0 && candidate[p->n_points - 1] > (int64_t)number)
            return FAIL(e, ERR_INPUT, "%s:%d: candidates are not in ascending order", r->s->file,
                        r->s->line[i]);
        if (is_new) candidate[p->n_points++] = (int64_t)number;
        int at = seed_number(r, seed), *slot = &all[(p->n_points - 1) * MOST_SEEDS + at];
        if (at < 0 || *slot)
            return FAIL(e, ERR_INPUT, "%s:%d: %s", r->s->file, r->s->line[i],
                        at < 0 ? "too many seeds" : "a training is there twice");
        *slot = i + 1;
        r->point_of[i] = p->n_points - 1;
    }
    return OK;
}

/* Seeds that every point was trained with are kept; the others count in the means only. */
static status keep_whole_seeds(reading *r, const int *all, err *e)
{
    problem *p = &r->t->p;
    TAKE(r, int, (int64_t)p->n_points * r->n_seeds, r->row_of);
    int kept[MOST_SEEDS] = {0};
    for (int s = 0; s < r->n_seeds; s++) {
        int n = 0;
        while (n < p->n_points && all[n * MOST_SEEDS + s]) n++;
        if (n == p->n_points) kept[p->n_seeds++] = s;
    }
    for (int i = 0; i < p->n_points; i++)
        for (int s = 0; s < p->n_seeds; s++)
            r->row_of[i * p->n_seeds + s] = all[i * MOST_SEEDS + kept[s]] - 1;
    if (p->n_seeds > 0) return OK;
    return FAIL(e, ERR_INPUT, "%s: there is no seed that every candidate was trained with",
                r->s->file);
}

static status read_rows(reading *r, err *e)
{
    int64_t *candidate;
    int *all;
    TAKE(r, int64_t, r->s->n_rows, candidate);
    TAKE(r, int, r->s->n_rows, r->point_of);
    TAKE(r, int, (int64_t)r->s->n_rows *MOST_SEEDS, all);
    TRY(group_rows(r, candidate, all, e));
    r->t->p.candidate = candidate;
    return keep_whole_seeds(r, all, e);
}

/* --- knobs --- */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The level of each point's text among the distinct ones in order of appearance; their texts in `word`. */
static int enumerate(const reading *r, int knob, int *level, const char **word)
{
    int n = 0;
    for (int i = 0; i < r->t->p.n_points; i++) {
        int row = r->row_of[i * r->t->p.n_seeds], k = 0;
        const char *text = r->s->cell[row * r->s->n_columns + r->knob_column[knob]];
        while (k < n && strcmp(word[k], text) != 0) k++;
        if (k == n && *text) word[n++] = text;
        level[i * r->n_knobs + knob] = *text ? k : -1;
    }
    return n;
}

/* When all words are numbers, levels become their ascending order. */
static status sort_numbers(reading *r, int knob, int *level, const char **word, int n, err *e)
{
    double *number, *sorted;
    TAKE(r, double, n + 1, number);
    TAKE(r, double, n + 1, sorted);
    for (int i = 0; i < n; i++) {
        char *end;
        sorted[i] = number[i] = strtod(word[i], &end);
        if (*end || !isfinite(number[i])) return OK;
    }
    qsort(sorted, (size_t)n, sizeof *sorted, compare_numbers);
    for (int i = 0; i < r->t->p.n_points; i++) {
        int *l = &level[i * r->n_knobs + knob], k = 0;
        while (*l >= 0 && sorted[k] < number[*l]) k++;
        if (*l >= 0) *l = k;
    }
    r->knob[knob].number = sorted;
    return OK;
}

static status read_knobs(reading *r, err *e)
{
    problem *p = &r->t->p;
    int *level;
    const char **word;
    TAKE(r, int, (int64_t)p->n_points * r->n_knobs + 1, level);
    TAKE(r, const char *, p->n_points, word);
    TAKE(r, problem_knob, r->n_knobs + 1, r->knob);
    for (int i = 0; i < r->n_knobs; i++) {
        r->knob[i].name = r->s->name[r->knob_column[i]] + 5;
        r->knob[i].n_levels = enumerate(r, i, level, word);
        TRY(sort_numbers(r, i, level, word, r->knob[i].n_levels, e));
    }
    p->n_knobs = r->n_knobs;
    p->knob = r->knob;
    p->level = level;
    return OK;
}

/* --- figures --- */

/* The mean of a column over all rows of each point. */
static status mean_column(reading *r, int column, double otherwise, float *out, int stride, err *e)
{
    double *sum;
    int *n;
    TAKE(r, double, r->t->p.n_points, sum);
    TAKE(r, int, r->t->p.n_points, n);
    for (int i = 0; i < r->s->n_rows; i++) {
        double v;
        TRY(number_or(r, i, column, otherwise, &v, e));
        sum[r->point_of[i]] += v;
        n[r->point_of[i]]++;
    }
    for (int i = 0; i < r->t->p.n_points; i++)
        out[(size_t)i * (size_t)stride] = (float)(sum[i] / n[i]);
    return OK;
}

static status read_trainings(reading *r, float *recorded, float *curve, err *e)
{
    const replay_table *t = r->t;
    for (int i = 0; i < t->p.n_points * t->p.n_seeds; i++) {
        double v;
        for (int m = 0; m < t->p.n_metrics; m++) {
            TRY(sheet_number(r->s, r->row_of[i], r->metric_column[m], &v, e));
            recorded[i * t->p.n_metrics + m] = (float)v;
        }
        for (int k = 0; k < t->n_epochs; k++) {
            TRY(sheet_number(r->s, r->row_of[i], r->first_epoch_column + k, &v, e));
            curve[i * t->n_epochs + k] = (float)v;
        }
    }
    return OK;
}

/* What is exact is known by its mean: seeds differ in it, if at all, by bytes of packing. */
static status read_figures(reading *r, err *e)
{
    replay_table *t = r->t;
    const int m = t->p.n_metrics;
    const int64_t n = (int64_t)t->p.n_points * t->p.n_seeds;
    float *truth, *recorded, *curve, *seconds, *known;
    TAKE(r, float, (int64_t)t->p.n_points *m, truth);
    TAKE(r, float, n *m, recorded);
    TAKE(r, float, n * t->n_epochs + 1, curve);
    TAKE(r, float, t->p.n_points, seconds);
    for (int i = 0; i < m; i++) {
        TRY(mean_column(r, r->metric_column[i], 0, &truth[i], m, e));
        TAKE(r, float, t->p.n_points, known);
        bool is_positive = !r->metric[i].maximize;
        for (int k = 0; k < t->p.n_points; k++) {
            known[k] = truth[k * m + i];
            is_positive = is_positive && known[k] > 0;
        }
        r->metric[i].positive = is_positive;
        if (r->metric[i].exact) r->metric[i].known = known;
        if (r->metric[i].maximize) r->metric[i].most = problem_most(r->metric[i].name);
    }
    TRY(mean_column(r, sheet_column(r->s, "seconds"), 1, seconds, 1, e));
    TRY(read_trainings(r, recorded, curve, e));
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m; k++)
            if (r->metric[k].exact) recorded[i * m + k] = truth[i / t->p.n_seeds * m + k];
    t->p.seconds = seconds;
    t->truth = truth;
    t->recorded = recorded;
    t->curve = t->n_epochs > 0 ? curve : NULL;
    return OK;
}

/* A column of whole numbers, of each point's first training; NULL without the column. */
static status whole_column(reading *r, const char *name, double most, int **out, err *e)
{
    const int column = sheet_column(r->s, name);
    int *list;
    *out = NULL;
    if (column < 0) return OK;
    TAKE(r, int, r->t->p.n_points, list);
    for (int i = 0; i < r->t->p.n_points; i++) {
        double v;
        int row = r->row_of[i * r->t->p.n_seeds];
        TRY(sheet_number(r->s, row, column, &v, e));
        if (!(v >= 0 && v <= most) || v != floor(v))
            return FAIL(e, ERR_INPUT, "%s:%d: %s: %g is not a whole number from 0 to %.0f",
                        r->s->file, r->s->line[row], name, v, most);
        list[i] = (int)v;
    }
    *out = list;
    return OK;
}

static int compare_pairs(const void *a, const void *b)
{
    const int *x = a, *y = b;
    int by_number = (x[0] > y[0]) - (x[0] < y[0]);
    return by_number ? by_number : (x[1] > y[1]) - (x[1] < y[1]);
}

/* Numbers that some points have in common become the first of these points. */
static status name_groups(reading *r, int *prefix, err *e)
{
    const int n = r->t->p.n_points;
    int(*pair)[2] = arena_take(r->a, (size_t)n, sizeof *pair);
    if (!pair) return FAIL(e, ERR_MEM, "out of memory for %s", r->s->file);
    for (int i = 0; i < n; i++) pair[i][0] = prefix[i], pair[i][1] = i;
    qsort(pair, (size_t)n, sizeof *pair, compare_pairs);
    for (int i = 0, first = 0; i < n; i++) {
        if (pair[i][0] != pair[first][0]) first = i;
        prefix[pair[i][1]] = pair[first][1];
    }
    return OK;
}

static status read_rungs(reading *r, err *e)
{
    replay_table *t = r->t;
    int *first_rung, *prefix, *epochs;
    TRY(whole_column(r, "first_rung", t->n_epochs, &first_rung, e));
    TRY(whole_column(r, "prefix", 2147483647, &prefix, e));
    TRY(whole_column(r, "prefix_epochs", t->n_epochs, &epochs, e));
    t->first_rung = first_rung;
    t->prefix = prefix;
    t->prefix_epochs = epochs;
    if (prefix) TRY(name_groups(r, prefix, e));
    if (!prefix == !epochs) return OK;
    return FAIL(e, ERR_INPUT, "%s: 'prefix' and 'prefix_epochs' go together", r->s->file);
}

/* The hypervolume's reference: the worst figures of the true front and a tenth of its range beyond. */
static status set_reference(reading *r, err *e)
{
    replay_table *t = r->t;
    const int n = t->p.n_points, m = t->p.n_objectives;
    double *turned;
    unsigned char *on_front;
    TAKE(r, double, (int64_t)n *m, turned);
    TAKE(r, unsigned char, n, on_front);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m; k++)
            turned[i * m + k] =
                problem_minimised(&r->metric[k], (double)t->truth[i * t->p.n_metrics + k]);
    TRY(pareto_front(turned, n, m, on_front, r->a, e));
    for (int k = 0; k < m; k++) {
        double best = HUGE_VAL, worst = -HUGE_VAL;
        for (int i = 0; i < n; i++) {
            if (!on_front[i]) continue;
            best = fmin(best, turned[i * m + k]);
            worst = fmax(worst, turned[i * m + k]);
        }
        double beyond = worst + 0.1 * (worst > best ? worst - best : fabs(worst) + 1);
        t->reference[k] = r->metric[k].maximize ? -beyond : beyond;
    }
    return OK;
}

static status read_table(const sheet *s, arena *a, replay_table *out, err *e)
{
    *out = (replay_table){0};
    reading r = {.s = s, .a = a, .t = out};
    TRY(find_columns(&r, e));
    TRY(read_notes(&r, e));
    TRY(read_rows(&r, e));
    TRY(read_knobs(&r, e));
    TRY(read_figures(&r, e));
    TRY(read_rungs(&r, e));
    return set_reference(&r, e);
}

status replay_table_read(const char *path, arena *a, replay_table *out, err *e)
{
    static const char mark[] = "SQLite format 3";
    char *text;
    size_t n;
    sheet s;
    TRY(file_read(a, path, MOST_BYTES, &text, &n, e));
    if (n < sizeof mark || memcmp(text, mark, sizeof mark) != 0) {
        TRY(sheet_read(path, text, n, a, &s, e));
        return read_table(&s, a, out, e);
    }
    buf csv = {0};
    status st = replay_table_of_study(path, &csv, e);
    if (st == OK) st = sheet_read(path, csv.data, csv.len, a, &s, e);
    if (st == OK) st = read_table(&s, a, out, e);
    buf_free(&csv);
    return st;
}
