#include "report/strategies.h"

#include "engine/base/chance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what is read --- */

enum { MOST_CELLS = 4, MOST_MIXES = 8, MOST_STRATEGIES = 60 };

typedef struct {
    int64_t trial, seed, training;
    int *level;     /* [n_knobs], what does not matter at its reference */
    double *figure; /* [n_metrics]: as reported */
} row;

typedef struct {
    int n, n_knobs, n_metrics;
    row *row; /* by levels, then by seed */
    const studied_knob *knob;
    int *reference; /* level of each knob */
    const strategy_metric *metric;
    arena *a;
} study;

static int compare_levels(const int *a, const int *b, int n)
{
    for (int k = 0; k < n; k++)
        if (a[k] != b[k]) return a[k] < b[k] ? -1 : 1;
    return 0;
}

/* qsort has no room for the number of knobs: it stands in front of the levels. */
static int compare_rows(const void *one, const void *two)
{
    const row *a = one, *b = two;
    int c = compare_levels(a->level, b->level, a->level[-1]);
    if (c) return c;
    return (a->seed > b->seed) - (a->seed < b->seed);
}

static const row *find_row(const study *s, const int *level, int64_t seed)
{
    int low = 0, high = s->n - 1;
    while (low <= high) {
        int middle = low + (high - low) / 2, c;
        const row *r = &s->row[middle];
        c = compare_levels(r->level, level, s->n_knobs);
        if (c == 0) c = (r->seed > seed) - (r->seed < seed);
        if (c == 0) return r;
        if (c < 0)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return NULL;
}

/* --- metrics --- */

static bool is_trained(const table *trained, const char *metric)
{
    for (int i = 0; i < trained->n_rows; i++)
        if (strcmp(trained->cells[i].text, metric) == 0) return true;
    return false;
}

static void add_metric(job *j, strategies *out, strategy_role role, const char *name)
{
    for (int i = 0; i < out->n_metrics; i++)
        if (strcmp(out->metric[i].name, name) == 0) return;
    if (out->n_metrics == STRATEGY_MOST_METRICS) return;
    cloud_axis like = job_axis(j, name);
    out->metric[out->n_metrics++] = (strategy_metric){role, name, like.unit, like.higher};
}

static bool is_time(const job *j, const char *metric)
{
    const store_metric_info *m = job_find_metric(j, metric);
    return m && strcmp(m->unit, "ms") == 0;
}

/* Objectives first, then what limits name. */
static const char *asked_metric(const job *j, int i)
{
    if (i < j->space.n_objectives) return j->space.objective[i].metric;
    i -= j->space.n_objectives;
    for (int v = 0; v < j->space.n_versions; v++) {
        if (i < j->space.version[v].n_limits) return j->space.version[v].limit[i].metric;
        i -= j->space.version[v].n_limits;
    }
    return NULL;
}

/* Whether a finished trial has it: a study knows more metrics than its trials report. */
static status has_values(job *j, const char *metric, bool *out, err *e)
{
    store_points p;
    *out = false;
    if (!job_find_metric(j, metric)) return OK;
    TRY(store_read_points(j->s, 1, &metric, j->a, &p, e));
    for (int i = 0; i < p.n; i++) *out |= isfinite(p.value[i]) != 0;
    return OK;
}

static status choose_metrics(job *j, strategies *out, err *e)
{
    static const char *const speed[] = {"total_ms", "inference_ms", "modelled_total_ms",
                                        "modelled_inference_ms", "macs"};
    table trained;
    const char *name, *time = NULL;
    TRY(store_trained_metrics(j->s, j->a, &trained, e));
    for (int i = 0; (name = asked_metric(j, i)); i++) {
        if (!time && is_time(j, name)) time = name;
        if (is_trained(&trained, name) && !job_is_test_figure(name) && !is_time(j, name) &&
            out->n_metrics < STRATEGY_MOST_METRICS - 2)
            add_metric(j, out, ROLE_QUALITY, name);
    }
    bool found;
    TRY(has_values(j, "size", &found, e));
    if (found) add_metric(j, out, ROLE_MEMORY, "size");
    for (size_t i = 0; !time && i < sizeof speed / sizeof *speed; i++) {
        TRY(has_values(j, speed[i], &found, e));
        if (found) time = speed[i];
    }
    if (time) add_metric(j, out, ROLE_LATENCY, time);
    return out->n_metrics ? OK
                          : FAIL(e, ERR_INPUT, "the study has no metric to judge strategies by");
}

/* --- rows --- */

static int find_level(const studied_knob *k, const cell *c)
{
    for (int i = 0; i < k->n_levels; i++) {
        const knob_level *l = &k->level[i];
        bool number = c->kind == CELL_NUMBER;
        if (number == l->is_number &&
            (number ? l->number == c->number : strcmp(l->text, c->text) == 0))
            return i;
    }
    return -1;
}

static status ask_rows(job *j, const study *s, table *out, err *e)
{
    buf columns = {0};
    buf_text(&columns, "trial, seed");
    for (int k = 0; k < s->n_knobs; k++) buf_printf(&columns, ", %s", s->knob[k].name);
    for (int m = 0; m < s->n_metrics; m++) buf_printf(&columns, ", %s", s->metric[m].name);
    status st = buf_check(&columns, e);
    store_query ask = {.columns = columns.data, .filter = j->filter};
    if (st == OK) st = store_trials(j->s, &ask, j->a, out, e);
    if (st == OK && out->n_columns != 2 + s->n_knobs + s->n_metrics)
        st = FAIL(e, ERR_STATE, "a knob has the name of a metric or of another column");
    buf_free(&columns);
    return st;
}

/* Both are in the order of trials; the filter may have left some out. */
static int64_t training_of(const table *by, int *at, int64_t trial)
{
    while (*at < by->n_rows && (int64_t)by->cells[*at * 2].number < trial) ++*at;
    if (*at == by->n_rows || (int64_t)by->cells[*at * 2].number != trial) return -trial;
    const cell *stage = &by->cells[*at * 2 + 1];
    return stage->kind == CELL_NUMBER ? (int64_t)stage->number : -trial;
}

static status fill_row(const study *s, const cell *c, row *out, err *e)
{
    int *level = ARENA_NEW(s->a, int, s->n_knobs + 1);
    out->figure = ARENA_NEW(s->a, double, s->n_metrics);
    if (!level || !out->figure) return FAIL(e, ERR_MEM, "no memory for strategies");
    level[0] = s->n_knobs;
    out->level = level + 1;
    out->trial = (int64_t)c[0].number;
    out->seed = (int64_t)c[1].number;
    for (int k = 0; k < s->n_knobs; k++) out->level[k] = find_level(&s->knob[k], &c[2 + k]);
    for (int m = 0; m < s->n_metrics; m++) {
        const cell *f = &c[2 + s->n_knobs + m];
        out->figure[m] = f->kind == CELL_NUMBER ? f->number : (double)NAN;
    }
    return OK;
}

static status read_rows(job *j, study *s, err *e)
{
    table t, by;
    int at = 0;
    TRY(ask_rows(j, s, &t, e));
    TRY(store_trained_by(j->s, j->a, &by, e));
    s->row = ARENA_NEW(s->a, row, t.n_rows + 1);
    if (!s->row) return FAIL(e, ERR_MEM, "no memory for strategies");
    for (int i = 0; i < t.n_rows; i++) {
        TRY(fill_row(s, &t.cells[(size_t)i * (size_t)t.n_columns], &s->row[i], e));
        s->row[i].training = training_of(&by, &at, s->row[i].trial);
    }
    s->n = t.n_rows;
    return OK;
}

/* --- references --- */

static const char *last_part(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* Knobs whose effect has a name, and the value at which they do nothing. */
typedef struct {
    const char *knob, *neutral;
    const char *before, *behind; /* the value stands between */
} familiar;

static const familiar *find_familiar(const char *knob, const char *neutral)
{
    static const familiar known[] = {
        {"final_sparsity", "0", "magnitude pruning to ", ""},
        {"pattern", "unstructured", "pruning pattern ", ""},
        {"channels", "0", "", " of the channels removed"},
        {"clusters", "0", "", " weight clusters"},
        {"storage", "float32", "quantization (", ")"},
        {"aware", "false", "quantization-aware training (", ")"},
        {"aware", "0", "quantization-aware training (", ")"},
        {"pack", "flat", "packing (", ")"},
        {"dropout", "0", "dropout of ", ""},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(last_part(knob), known[i].knob) == 0 && strcmp(neutral, known[i].neutral) == 0)
            return &known[i];
    return NULL;
}

static int neutral_level(const studied_knob *k)
{
    for (int l = 0; l < k->n_levels; l++)
        if (find_familiar(k->name, k->level[l].text)) return l;
    return -1;
}

/* The first of those that are within a thousandth of the largest. */
static int largest_level(const study *s, int knob, int memory)
{
    int best = 0;
    double most = (double)-INFINITY;
    for (int l = 0; l < s->knob[knob].n_levels; l++) {
        verdict_sample v = {0};
        for (int i = 0; i < s->n; i++)
            if (s->row[i].level[knob] == l && s->row[i].figure[memory] > 0)
                verdict_add(&v, log(s->row[i].figure[memory]));
        if (v.n == 0 || v.mean <= most + 0.001) continue;
        most = v.mean;
        best = l;
    }
    return best;
}

static int metric_of_role(const strategy_metric *m, int n, strategy_role role)
{
    for (int i = 0; i < n; i++)
        if (m[i].role == role) return i;
    return -1;
}

static status choose_references(study *s, err *e)
{
    int memory = metric_of_role(s->metric, s->n_metrics, ROLE_MEMORY);
    s->reference = ARENA_NEW(s->a, int, s->n_knobs + 1);
    if (!s->reference) return FAIL(e, ERR_MEM, "no memory for strategies");
    for (int k = 0; k < s->n_knobs; k++) {
        int l = neutral_level(&s->knob[k]);
        s->reference[k] = l >= 0 ? l : memory >= 0 ? largest_level(s, k, memory) : 0;
    }
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k < s->n_knobs; k++)
            if (s->row[i].level[k] < 0) s->row[i].level[k] = s->reference[k];
    qsort(s->row, (size_t)s->n, sizeof *s->row, compare_rows);
    return OK;
}

/* --- contrasts --- */

/* One value for each comparison; see the header. */
typedef struct {
    int64_t training[MOST_CELLS]; /* of the trials compared, unused ones 0 */
    int setting;                  /* first row with the levels of the trial at the references */
    double value;
} comparison;

typedef struct {
    int knob, from, to;
} change;

static int by_training(const void *one, const void *two)
{
    const comparison *a = one, *b = two;
    for (int i = 0; i < MOST_CELLS; i++)
        if (a->training[i] != b->training[i]) return a->training[i] < b->training[i] ? -1 : 1;
    return (a->setting > b->setting) - (a->setting < b->setting);
}

static int by_setting(const void *one, const void *two)
{
    const comparison *a = one, *b = two;
    if (a->setting != b->setting) return a->setting < b->setting ? -1 : 1;
    return by_training(one, two);
}

static bool same_trainings(const comparison *a, const comparison *b)
{
    return memcmp(a->training, b->training, sizeof a->training) == 0;
}

static bool same_setting(const comparison *a, const comparison *b)
{
    return a->setting == b->setting;
}

/* Averages runs of equal ones, of a sorted list, in place; the first of a run gives its name. */
static int average(comparison *c, int n, bool equal(const comparison *, const comparison *))
{
    int kept = 0;
    for (int i = 0, end; i < n; i = end) {
        double sum = 0;
        for (end = i; end < n && equal(&c[i], &c[end]); end++) sum += c[end].value;
        c[kept] = c[i];
        c[kept++].value = sum / (end - i);
    }
    return kept;
}

static double turned(const strategy_metric *m, double v)
{
    if (m->role != ROLE_QUALITY) return v > 0 ? log(v) : (double)NAN;
    return m->higher ? -v : v;
}

static int first_of_setting(const study *s, int i)
{
    while (i > 0 && compare_levels(s->row[i - 1].level, s->row[i].level, s->n_knobs) == 0) i--;
    return i;
}

/* The trials at all corners of one or two changes from row i; false when one is missing. The sign of a corner is that
 * of the number of references in it. */
static bool compare_corners(const study *s, int i, const change *c, int n_changes, int metric,
                            int *level, comparison *out)
{
    *out = (comparison){.setting = i};
    for (int corner = 0; corner < 1 << n_changes; corner++) {
        int sign = 1;
        memcpy(level, s->row[i].level, (size_t)s->n_knobs * sizeof *level);
        for (int k = 0; k < n_changes; k++) {
            bool on = corner >> k & 1;
            level[c[k].knob] = on ? c[k].to : c[k].from;
            sign = on ? sign : -sign;
        }
        const row *r = find_row(s, level, s->row[i].seed);
        if (!r) return false;
        out->training[corner] = r->training;
        out->value += sign * turned(&s->metric[metric], r->figure[metric]);
    }
    return isfinite(out->value) != 0;
}

static strategy_effect summarize(const comparison *c, int n, int n_pairs)
{
    const double none = (double)NAN;
    verdict_sample v = {0};
    for (int i = 0; i < n; i++) verdict_add(&v, c[i].value);
    if (fabs(v.mean) < 1e-12) v.mean = 0; /* rounding */
    strategy_effect f = {n_pairs, n, n ? v.mean : none, none, none, none, none, none};
    if (n < 2) return f;
    f.error = sqrt(v.squares / (n - 1) / n);
    double half = chance_t_quantile(0.975, n - 1) * f.error;
    f.low = f.mean - half;
    f.high = f.mean + half;
    return f;
}

static status contrast(const study *s, const change *c, int n_changes, int metric,
                       strategy_effect *out, err *e)
{
    arena_mark_t mark = arena_mark(s->a);
    comparison *list = ARENA_NEW(s->a, comparison, s->n + 1);
    int *level = ARENA_NEW(s->a, int, s->n_knobs + 1), n_pairs = 0;
    if (!list || !level) return FAIL(e, ERR_MEM, "no memory for strategies");
    for (int i = 0; i < s->n; i++) {
        bool at_reference = true;
        for (int k = 0; k < n_changes; k++) at_reference &= s->row[i].level[c[k].knob] == c[k].from;
        if (!at_reference) continue;
        if (!compare_corners(s, i, c, n_changes, metric, level, &list[n_pairs])) continue;
        list[n_pairs++].setting = first_of_setting(s, i);
    }
    qsort(list, (size_t)n_pairs, sizeof *list, by_training);
    int n = average(list, n_pairs, same_trainings);
    qsort(list, (size_t)n, sizeof *list, by_setting);
    bool one_setting = n > 0 && list[0].setting == list[n - 1].setting;
    if (!one_setting) n = average(list, n, same_setting);
    *out = summarize(list, n, n_pairs);
    arena_release(s->a, mark);
    return OK;
}

/* All intervals of a family, at a level that makes them hold together. */
static void join(strategy_effect *f, int n_intervals)
{
    if (f->n < 2) {
        f->joint_low = f->joint_high = (double)NAN;
        return;
    }
    double half = chance_t_quantile(1 - 0.025 / n_intervals, f->n - 1) * f->error;
    f->joint_low = f->mean - half;
    f->joint_high = f->mean + half;
}

/* --- strategies --- */

/* What people call it. */
static const char *name_of(arena *a, const char *knob, const char *from, const char *to)
{
    const char *last = last_part(knob);
    const familiar *f = find_familiar(knob, from);
    if (f && strcmp(to, "float16") == 0) return "float16 storage";
    if (f) return arena_printf(a, "%s%s%s", f->before, to, f->behind);
    if (strcmp(last, "architecture") != 0)
        return arena_printf(a, "%s %s for %s",
                            strcmp(last, "alpha") == 0 ? "width multiplier" : knob, to, from);
    bool separable = strncmp(to, "ds-", 3) == 0 && strncmp(from, "ds-", 3) != 0;
    return arena_printf(a, "%s for %s%s", to, from, separable ? " (depthwise separable)" : "");
}

static status measure(const study *s, strategy *t, err *e)
{
    const change c = {t->knob_index, t->from_level, t->to_level};
    for (int m = 0; m < s->n_metrics; m++) {
        TRY(contrast(s, &c, 1, m, &t->effect[m], e));
        t->saves |= s->metric[m].role != ROLE_QUALITY &&
                    strategy_saving(t->effect[m].mean) >= STRATEGY_LEAST_SAVING;
    }
    return OK;
}

static status list_strategies(const study *s, strategies *out, err *e)
{
    int most = 1;
    for (int k = 0; k < s->n_knobs; k++) most += s->knob[k].n_levels;
    if (most > MOST_STRATEGIES + s->n_knobs)
        return FAIL(e, ERR_INPUT,
                    "the knobs have %d values, which makes too many strategies (%d at the most): "
                    "choose trials with --filter, or a study of fewer values",
                    most - 1, MOST_STRATEGIES);
    out->strategy = ARENA_NEW(s->a, strategy, most);
    if (!out->strategy) return FAIL(e, ERR_MEM, "no memory for strategies");
    for (int k = 0; k < s->n_knobs; k++)
        for (int l = 0; l < s->knob[k].n_levels; l++) {
            if (l == s->reference[k]) continue;
            const char *from = s->knob[k].level[s->reference[k]].text,
                       *to = s->knob[k].level[l].text;
            strategy *t = &out->strategy[out->n];
            *t = (strategy){.name = name_of(s->a, s->knob[k].name, from, to),
                            .knob = s->knob[k].name,
                            .from = from,
                            .to = to,
                            .knob_index = k,
                            .from_level = s->reference[k],
                            .to_level = l};
            if (!t->name) return FAIL(e, ERR_MEM, "no memory for strategies");
            TRY(measure(s, t, e));
            out->n++;
        }
    for (int i = 0; i < out->n; i++)
        for (int m = 0; m < s->n_metrics; m++)
            out->n_intervals += out->strategy[i].effect[m].n >= 2;
    for (int i = 0; i < out->n; i++)
        for (int m = 0; m < s->n_metrics; m++) join(&out->strategy[i].effect[m], out->n_intervals);
    return OK;
}

/* --- two together --- */

static status list_pairs(const study *s, strategies *out, err *e)
{
    out->pair = ARENA_NEW(s->a, strategy_pair, (size_t)out->n * (size_t)out->n + 1);
    if (!out->pair) return FAIL(e, ERR_MEM, "no memory for strategies");
    for (int i = 0; i < out->n; i++)
        for (int k = i + 1; k < out->n; k++) {
            const strategy *a = &out->strategy[i], *b = &out->strategy[k];
            if (a->knob_index == b->knob_index || !a->saves || !b->saves) continue;
            const change c[] = {{a->knob_index, a->from_level, a->to_level},
                                {b->knob_index, b->from_level, b->to_level}};
            strategy_pair *p = &out->pair[out->n_pairs];
            int most = 0;
            *p = (strategy_pair){.one = i, .other = k};
            for (int m = 0; m < s->n_metrics; m++) {
                TRY(contrast(s, c, 2, m, &p->effect[m], e));
                most = p->effect[m].n > most ? p->effect[m].n : most;
            }
            out->n_pairs += most > 0;
        }
    for (int i = 0; i < out->n_pairs; i++)
        for (int m = 0; m < s->n_metrics; m++)
            out->n_pair_intervals += out->pair[i].effect[m].n >= 2;
    for (int i = 0; i < out->n_pairs; i++)
        for (int m = 0; m < s->n_metrics; m++) join(&out->pair[i].effect[m], out->n_pair_intervals);
    return OK;
}

/* --- answers --- */

/* Whether the first is surely less, at this level (Welch). Without any spread the means tell. */
static bool is_less(const strategy_effect *a, const strategy_effect *b, double level)
{
    if (a->n < 2 || b->n < 2 || !(a->mean < b->mean)) return false;
    double u = a->error * a->error, v = b->error * b->error;
    if (u + v <= 0) return true;
    double df = (u + v) * (u + v) / (u * u / (a->n - 1) + v * v / (b->n - 1));
    return (b->mean - a->mean) / sqrt(u + v) > chance_t_quantile(1 - level / 2, df);
}

static bool excludes_zero(const strategy_effect *f)
{
    return f->n >= 2 && (f->joint_low > 0 || f->joint_high < 0);
}

/* Least cost, or greatest saving: both are the smallest mean. A saving must be one. */
static void answer(const study *s, strategies *out, int metric, double level)
{
    strategy_answer *a = &out->answer[metric];
    a->best = -1;
    for (int i = 0; i < out->n; i++) {
        const strategy_effect *f = &out->strategy[i].effect[metric];
        if (!out->strategy[i].saves || f->n < 2) continue;
        if (s->metric[metric].role != ROLE_QUALITY &&
            strategy_saving(f->mean) < STRATEGY_LEAST_SAVING)
            continue;
        if (a->best < 0 || f->mean < out->strategy[a->best].effect[metric].mean) a->best = i;
    }
    if (a->best < 0) return;
    const strategy_effect *best = &out->strategy[a->best].effect[metric];
    a->is_certain = excludes_zero(best);
    for (int i = 0; i < out->n; i++) {
        if (i == a->best || !out->strategy[i].saves) continue;
        a->n_rivals++;
        a->is_told[i] = is_less(best, &out->strategy[i].effect[metric], level);
        a->n_told += a->is_told[i];
    }
}

static status answer_all(const study *s, strategies *out, err *e)
{
    int n = 0;
    for (int i = 0; i < out->n; i++) n += out->strategy[i].saves;
    double family = fmax(1, out->n_metrics * n * (n - 1) / 2.0);
    for (int m = 0; m < out->n_metrics; m++) {
        out->answer[m].is_told = ARENA_NEW(s->a, bool, out->n + 1);
        if (!out->answer[m].is_told) return FAIL(e, ERR_MEM, "no memory for strategies");
        answer(s, out, m, 0.05 / family);
    }
    return OK;
}

/* --- mixes --- */

/* Configurations: their figures averaged over seeds. */
typedef struct {
    const row *first;
    double figure[STRATEGY_MOST_METRICS];
} config;

static int list_configs(const study *s, config *out)
{
    int n = 0;
    for (int i = 0, end; i < s->n; i = end) {
        out[n].first = &s->row[i];
        for (end = i; end < s->n && first_of_setting(s, end) == i; end++) {
        }
        for (int m = 0; m < s->n_metrics; m++) {
            double sum = 0;
            for (int k = i; k < end; k++) sum += s->row[k].figure[m];
            out[n].figure[m] = sum / (end - i);
        }
        n++;
    }
    return n;
}

/* The knobs with a strategy that saves. */
static bool is_applied(const strategies *t, int strategy_index, const config *c)
{
    const strategy *p = &t->strategy[strategy_index];
    return p->saves && c->first->level[p->knob_index] == p->to_level;
}

static int count_applied(const strategies *t, const config *c)
{
    int n = 0;
    for (int i = 0; i < t->n; i++) n += is_applied(t, i, c);
    return n;
}

/* Of those with no strategy the best by the first metric of quality, else the first one. */
static int find_reference(const strategies *t, const config *c, int n)
{
    int best = -1;
    bool judged = t->metric[0].role == ROLE_QUALITY;
    for (int i = 0; i < n; i++) {
        if (count_applied(t, &c[i]) > 0) continue;
        if (best < 0 || (judged && turned(&t->metric[0], c[i].figure[0]) <
                                       turned(&t->metric[0], c[best].figure[0])))
            best = i;
    }
    return best;
}

static const char *mix_name(const strategies *t, const config *c, arena *a)
{
    const char *text = "";
    for (int i = 0; i < t->n && text; i++)
        if (is_applied(t, i, c))
            text = arena_printf(a, "%s%s%s", text, text[0] ? " + " : "", t->strategy[i].name);
    return text && !text[0] ? "no strategy" : text;
}

/* Points of a percentage, else a part of the reference's figure. */
static double allowed_cost(const strategy_metric *m, double reference, int budget)
{
    static const double points[] = {1, 3}, parts[] = {0.05, 0.15};
    bool share = strcmp(m->unit, "%") == 0 && m->higher;
    return share ? points[budget] : parts[budget] * fabs(reference);
}

static bool keeps_budget(const strategies *t, const config *c, int budget)
{
    for (int m = 0; m < t->n_metrics; m++) {
        if (t->metric[m].role != ROLE_QUALITY) continue;
        double cost =
            turned(&t->metric[m], c->figure[m]) - turned(&t->metric[m], t->reference_figure[m]);
        if (!(cost <= allowed_cost(&t->metric[m], t->reference_figure[m], budget))) return false;
    }
    return true;
}

/* By one metric, ties by memory, then by the order of configurations. */
static const config *find_mix(const strategies *t, const config *c, int n, int metric, int budget)
{
    int memory = metric_of_role(t->metric, t->n_metrics, ROLE_MEMORY);
    const config *best = NULL;
    for (int i = 0; i < n; i++) {
        if (!keeps_budget(t, &c[i], budget)) continue;
        double v = c[i].figure[metric], m = memory >= 0 ? c[i].figure[memory] : 0;
        if (!isfinite(v)) continue;
        if (!best || v < best->figure[metric] ||
            (v <= best->figure[metric] && memory >= 0 && m < best->figure[memory]))
            best = &c[i];
    }
    return best;
}

static void add_mix(strategies *t, const config *best, const char *budget, const char *aim,
                    arena *a)
{
    strategy_mix *mix = &t->mix[t->n_mixes++];
    *mix = (strategy_mix){.budget = budget,
                          .aim = aim,
                          .trial = best->first->trial,
                          .strategies = mix_name(t, best, a)};
    for (int m = 0; m < t->n_metrics; m++) {
        mix->figure[m] = best->figure[m];
        mix->saved[m] = 1 - best->figure[m] / t->reference_figure[m];
    }
}

static void add_mixes(strategies *t, const config *c, int budget, arena *a)
{
    static const char *const points[] = {"at most 1 point worse", "at most 3 points worse"};
    static const char *const parts[] = {"at most 5 % worse", "at most 15 % worse"};
    bool share = strcmp(t->metric[0].unit, "%") == 0 && t->metric[0].higher;
    const char *words = (share ? points : parts)[budget];
    int memory = metric_of_role(t->metric, t->n_metrics, ROLE_MEMORY),
        latency = metric_of_role(t->metric, t->n_metrics, ROLE_LATENCY);
    const config *small = memory >= 0 ? find_mix(t, c, t->n_configs, memory, budget) : NULL;
    const config *fast = latency >= 0 ? find_mix(t, c, t->n_configs, latency, budget) : NULL;
    if (small) add_mix(t, small, words, small == fast ? "smallest and fastest" : "smallest", a);
    if (fast && fast != small) add_mix(t, fast, words, "fastest", a);
}

static status list_mixes(const study *s, strategies *t, err *e)
{
    config *c = ARENA_NEW(s->a, config, s->n + 1);
    t->mix = ARENA_NEW(s->a, strategy_mix, MOST_MIXES);
    if (!c || !t->mix) return FAIL(e, ERR_MEM, "no memory for strategies");
    t->n_configs = list_configs(s, c);
    int reference = find_reference(t, c, t->n_configs);
    if (reference < 0) return OK;
    t->reference = c[reference].first->trial;
    memcpy(t->reference_figure, c[reference].figure, sizeof t->reference_figure);
    if (t->metric[0].role != ROLE_QUALITY) return OK;
    for (int budget = 0; budget < 2; budget++) add_mixes(t, c, budget, s->a);
    return OK;
}

/* --- all of it --- */

double strategy_saving(double log_ratio)
{
    return 1 - exp(log_ratio);
}

static int count_seeds(const study *s)
{
    int n = 0;
    for (int i = 0; i < s->n; i++) {
        bool seen = false;
        for (int k = 0; k < i && !seen; k++) seen = s->row[k].seed == s->row[i].seed;
        n += !seen;
        if (n == 2) break; /* one or several is what matters */
    }
    return n;
}

status strategies_read(job *j, strategies *out, err *e)
{
    ablation axes;
    *out = (strategies){0};
    TRY(choose_metrics(j, out, e));
    TRY(importance_read(j->s, out->metric[0].name, j->a, &axes, e));
    if (axes.n_knobs == 0) return FAIL(e, ERR_INPUT, "the study has no knob");
    study s = {.n_knobs = axes.n_knobs,
               .n_metrics = out->n_metrics,
               .knob = axes.knob,
               .metric = out->metric,
               .a = j->a};
    TRY(read_rows(j, &s, e));
    TRY(choose_references(&s, e));
    out->n_trials = s.n;
    out->n_seeds = count_seeds(&s);
    TRY(list_strategies(&s, out, e));
    TRY(list_pairs(&s, out, e));
    TRY(answer_all(&s, out, e));
    return list_mixes(&s, out, e);
}
