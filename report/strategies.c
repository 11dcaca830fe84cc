#include "report/strategies.h"

#include "engine/base/chance.h"
#include "report/contrast.h"
#include "report/strategy_mixes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STRATEGIES = 60 };

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
    return out->n_metrics
               ? OK
               : FAIL(e, ERR_INPUT, "no finished trial has a figure to judge strategies by");
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
static int largest_level(const strategy_study *s, int knob, int memory)
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

static status choose_references(strategy_study *s, int memory, err *e)
{
    s->reference = ARENA_NEW(s->a, int, s->n_knobs + 1);
    if (!s->reference) return FAIL(e, ERR_MEM, "no memory for strategies");
    for (int k = 0; k < s->n_knobs; k++) {
        int l = neutral_level(&s->knob[k]);
        s->reference[k] = l >= 0 ? l : memory >= 0 ? largest_level(s, k, memory) : 0;
    }
    strategy_study_sort(s);
    return OK;
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

static status measure(const strategy_study *s, strategy *t, err *e)
{
    const knob_change c = {t->knob_index, t->from_level, t->to_level};
    for (int m = 0; m < s->n_metrics; m++) {
        TRY(contrast_measure(s, &c, 1, m, &t->effect[m], e));
        t->saves |= s->metric[m].role != ROLE_QUALITY &&
                    strategy_saving(t->effect[m].mean) >= STRATEGY_LEAST_SAVING;
    }
    return OK;
}

static status list_strategies(const strategy_study *s, strategies *out, err *e)
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
        for (int m = 0; m < s->n_metrics; m++)
            contrast_join(&out->strategy[i].effect[m], out->n_intervals);
    return OK;
}

/* --- two together --- */

static status list_pairs(const strategy_study *s, strategies *out, err *e)
{
    out->pair = ARENA_NEW(s->a, strategy_pair, (size_t)out->n * (size_t)out->n + 1);
    if (!out->pair) return FAIL(e, ERR_MEM, "no memory for strategies");
    for (int i = 0; i < out->n; i++)
        for (int k = i + 1; k < out->n; k++) {
            const strategy *a = &out->strategy[i], *b = &out->strategy[k];
            if (a->knob_index == b->knob_index || !a->saves || !b->saves) continue;
            const knob_change c[] = {{a->knob_index, a->from_level, a->to_level},
                                     {b->knob_index, b->from_level, b->to_level}};
            strategy_pair *p = &out->pair[out->n_pairs];
            int most = 0;
            *p = (strategy_pair){.one = i, .other = k};
            for (int m = 0; m < s->n_metrics; m++) {
                TRY(contrast_measure(s, c, 2, m, &p->effect[m], e));
                most = p->effect[m].n > most ? p->effect[m].n : most;
            }
            out->n_pairs += most > 0;
        }
    for (int i = 0; i < out->n_pairs; i++)
        for (int m = 0; m < s->n_metrics; m++)
            out->n_pair_intervals += out->pair[i].effect[m].n >= 2;
    for (int i = 0; i < out->n_pairs; i++)
        for (int m = 0; m < s->n_metrics; m++)
            contrast_join(&out->pair[i].effect[m], out->n_pair_intervals);
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
static void answer(const strategy_study *s, strategies *out, int metric, double level)
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

static status answer_all(const strategy_study *s, strategies *out, err *e)
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

/* --- all of it --- */

int strategy_metric_of(const strategies *s, strategy_role role)
{
    for (int m = 0; m < s->n_metrics; m++)
        if (s->metric[m].role == role) return m;
    return -1;
}

double strategy_saving(double log_ratio)
{
    return 1 - exp(log_ratio);
}

static int count_seeds(const strategy_study *s)
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
    strategy_study s = {.n_knobs = axes.n_knobs,
                        .n_metrics = out->n_metrics,
                        .knob = axes.knob,
                        .metric = out->metric,
                        .a = j->a};
    TRY(strategy_study_read(j, &s, e));
    TRY(choose_references(&s, strategy_metric_of(out, ROLE_MEMORY), e));
    out->n_trials = s.n;
    out->n_seeds = count_seeds(&s);
    TRY(list_strategies(&s, out, e));
    TRY(list_pairs(&s, out, e));
    TRY(answer_all(&s, out, e));
    return strategy_mixes_list(&s, out, e);
}
