#include "report/strategy_mixes.h"

#include "report/contrast.h"

#include <math.h>
#include <string.h>

enum { MOST_MIXES = 4 };

/* Configurations: their figures averaged over seeds. */
typedef struct {
    const studied_trial *first;
    double figure[STRATEGY_MOST_METRICS];
} config;

static int list_configs(const strategy_study *s, config *out)
{
    int n = 0;
    for (int i = 0, end; i < s->n; i = end) {
        out[n].first = &s->row[i];
        for (end = i; end < s->n && strategy_study_first(s, end) == i; end++) {
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
        if (best < 0 || (judged && contrast_turn(&t->metric[0], c[i].figure[0]) <
                                       contrast_turn(&t->metric[0], c[best].figure[0])))
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
        double cost = contrast_turn(&t->metric[m], c->figure[m]) -
                      contrast_turn(&t->metric[m], t->reference_figure[m]);
        if (!(cost <= allowed_cost(&t->metric[m], t->reference_figure[m], budget))) return false;
    }
    return true;
}

/* By one metric, ties by memory, then by the order of configurations. */
static const config *find_mix(const strategies *t, const config *c, int n, int metric, int budget)
{
    int memory = strategy_metric_of(t, ROLE_MEMORY);
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
    int memory = strategy_metric_of(t, ROLE_MEMORY), latency = strategy_metric_of(t, ROLE_LATENCY);
    const config *small = memory >= 0 ? find_mix(t, c, t->n_configs, memory, budget) : NULL;
    const config *fast = latency >= 0 ? find_mix(t, c, t->n_configs, latency, budget) : NULL;
    if (small) add_mix(t, small, words, small == fast ? "smallest and fastest" : "smallest", a);
    if (fast && fast != small) add_mix(t, fast, words, "fastest", a);
}

status strategy_mixes_list(const strategy_study *s, strategies *t, err *e)
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
