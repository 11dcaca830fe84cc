#include "report/strategies_words.h"

#include "engine/base/quantity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- numbers --- */

static bool is_share(const strategy_metric *m)
{
    return strcmp(m->unit, "%") == 0;
}

const char *strategy_unit(const strategy_metric *m)
{
    if (m->role != ROLE_QUALITY) return "%";
    return is_share(m) ? "points" : m->unit;
}

void strategy_reported(const strategy_metric *m, double mean, double low, double high,
                       double out[3])
{
    const double raw[] = {mean, low, high};
    bool turn = m->role != ROLE_QUALITY || m->higher;
    for (int i = 0; i < 3; i++) {
        double v = m->role != ROLE_QUALITY ? -100 * strategy_saving(raw[i]) : raw[i];
        out[i == 0 ? 0 : turn ? 3 - i : i] = turn ? -v : v;
    }
}

/* Two digits behind the first that is not 0, but no more than two behind the point: "-0.57", "12.1", "74". */
static void put_number(buf *b, double v, bool sign)
{
    double size = fabs(v);
    int digits = size >= 20 ? 0 : size >= 2 ? 1 : size >= 0.05 ? 2 : size >= 0.005 ? 3 : 5;
    char text[40];
    snprintf(text, sizeof text, sign ? "%+.*f" : "%.*f", digits, v);
    if (strspn(text, "+-0.") == strlen(text)) snprintf(text, sizeof text, "0");
    buf_text(b, text);
}

static void put_interval(buf *b, const double v[3], bool sign)
{
    buf_text(b, " [");
    put_number(b, v[1], sign);
    buf_text(b, ", ");
    put_number(b, v[2], sign);
    buf_char(b, ']');
}

void strategy_put_cell(buf *b, const strategy_metric *m, const strategy_effect *f)
{
    double v[3];
    if (f->n == 0) return;
    strategy_reported(m, f->mean, f->joint_low, f->joint_high, v);
    put_number(b, v[0], m->role == ROLE_QUALITY);
    if (f->n >= 2) put_interval(b, v, m->role == ROLE_QUALITY);
}

void strategy_put_effect(buf *b, const strategy_metric *m, const strategy_effect *f)
{
    double v[3];
    strategy_reported(m, f->mean, f->joint_low, f->joint_high, v);
    put_number(b, v[0], m->role == ROLE_QUALITY);
    if (strategy_unit(m)[0]) buf_printf(b, " %s", strategy_unit(m));
    if (f->n >= 2) put_interval(b, v, m->role == ROLE_QUALITY);
}

static void put_figure(buf *b, const strategy_metric *m, double v)
{
    char text[48];
    quantity_format(v, m->unit, text, sizeof text);
    buf_printf(b, "%s %s", m->name, text);
}

/* --- answers --- */

static const char *thing_of(const strategy_metric *m)
{
    if (m->role == ROLE_MEMORY) return "memory";
    if (m->role == ROLE_LATENCY) return strcmp(m->unit, "ms") == 0 ? "latency" : "multiply-adds";
    return m->name;
}

static const char *excess_of(const strategy_metric *m)
{
    if (m->role == ROLE_MEMORY) return "large a file";
    return strcmp(m->unit, "ms") == 0 ? "long a latency" : "many multiply-adds";
}

/* "costs least accuracy", "saves most memory"; `base`: "cost", "save". */
static void put_verb(buf *b, const strategy_metric *m, bool base)
{
    bool quality = m->role == ROLE_QUALITY;
    buf_printf(b, "%s%s %s", quality ? "cost" : "save", base ? "" : "s",
               quality ? "least" : "most");
    buf_printf(b, " %s", thing_of(m));
}

/* The names of strategies beside the best one that are told from it, or are not. */
static void put_rivals(buf *b, const strategies *s, const strategy_answer *a, bool told)
{
    int n = told ? a->n_told : a->n_rivals - a->n_told, at = 0;
    for (int i = 0; i < s->n; i++) {
        if (i == a->best || !s->strategy[i].saves || a->is_told[i] != told) continue;
        buf_printf(b, "%s%s", at == 0 ? "" : at == n - 1 ? " and " : ", ", s->strategy[i].name);
        at++;
    }
}

static void put_certainty(buf *b, const strategy_metric *m, const strategy_answer *a,
                          const strategy_effect *f)
{
    if (m->role == ROLE_QUALITY && f->mean == 0 && f->error <= 0)
        buf_text(b, ", no change in any of them");
    else if (!a->is_certain)
        buf_printf(b, ", which cannot be told from no %s",
                   m->role == ROLE_QUALITY ? "change" : "saving");
    else if (m->role == ROLE_QUALITY)
        buf_text(b, f->mean > 0 ? ", a sure loss" : ", a sure gain");
}

static void put_rest(buf *b, const strategies *s, const strategy_metric *m,
                     const strategy_answer *a)
{
    bool quality = m->role == ROLE_QUALITY;
    if (a->n_rivals == 0) {
        buf_text(b, "; no other strategy is there to compare with. ");
    } else if (a->n_told == a->n_rivals) {
        buf_printf(b, "; every other strategy %s. ", quality ? "costs more" : "saves less");
    } else if (a->n_told == 0) {
        buf_printf(
            b, ", but no other strategy can be told to %s, so this question has no answer yet. ",
            quality ? "cost more" : "save less");
    } else {
        buf_printf(b, ". Surely %s: ", quality ? "costlier" : "less");
        put_rivals(b, s, a, true);
        buf_text(b, "; not to be told from it: ");
        put_rivals(b, s, a, false);
        buf_text(b, ". ");
    }
}

static void put_answer(buf *b, const strategies *s, int metric)
{
    const strategy_metric *m = &s->metric[metric];
    const strategy_answer *a = &s->answer[metric];
    if (a->best < 0) {
        if (m->role == ROLE_QUALITY)
            buf_printf(b,
                       "Which strategy costs least %s cannot be said: none that saves anything was "
                       "compared twice. ",
                       thing_of(m));
        else
            buf_printf(b, "No strategy that was compared twice saves %s. ", thing_of(m));
        return;
    }
    const strategy_effect *f = &s->strategy[a->best].effect[metric];
    bool sure = a->n_told == a->n_rivals && a->n_rivals > 0;
    buf_printf(b, "%s%s ", sure ? "Surely " : "On average ", s->strategy[a->best].name);
    put_verb(b, m, false);
    buf_text(b, ": ");
    strategy_put_effect(b, m, f);
    buf_printf(b, " over %d comparisons", f->n);
    put_certainty(b, m, a, f);
    put_rest(b, s, m, a);
}

static int count_saving(const strategies *s)
{
    int n = 0;
    for (int i = 0; i < s->n; i++) n += s->strategy[i].saves;
    return n;
}

static void put_first(buf *b, const strategies *s)
{
    int n = count_saving(s);
    buf_printf(b,
               "Of %d strategies in %d configurations (%d trials), %d save%s memory or latency. ",
               s->n, s->n_configs, s->n_trials, n, n == 1 ? "s" : "");
    if (n == 0) {
        buf_text(b, "So there is nothing to choose between.");
        return;
    }
    if (s->n_intervals > 0)
        buf_printf(b,
                   "Brackets are 95 %% intervals that hold for all %d effects at once, and what is "
                   "called sure is so at that level. ",
                   s->n_intervals);
    for (int m = 0; m < s->n_metrics; m++) put_answer(b, s, m);
}

/* --- together --- */

/* Told from nothing, and worth telling. */
static bool is_told(const strategy_metric *m, const strategy_effect *f)
{
    if (m->role != ROLE_QUALITY && fabs(f->mean) < 2 * STRATEGY_LEAST_SAVING) return false;
    return f->n >= 2 && (f->joint_low > 0 || f->joint_high < 0);
}

static void put_together(buf *b, const strategies *s, const strategy_pair *p, int metric)
{
    const strategy_metric *m = &s->metric[metric];
    const strategy_effect *f = &p->effect[metric];
    const char *one = s->strategy[p->one].name, *other = s->strategy[p->other].name;
    if (m->role == ROLE_QUALITY) {
        double v[3];
        strategy_reported(m, f->mean, f->joint_low, f->joint_high, v);
        buf_printf(b, "Together %s and %s cost %s %s than each alone adds up to: ", one, other,
                   f->mean > 0 ? "more" : "less", m->name);
        put_number(b, v[0], true);
        buf_printf(b, " %s", strategy_unit(m));
        put_interval(b, v, true);
    } else {
        buf_printf(b,
                   "Together %s and %s leave %.2f times [%.2f, %.2f] as %s as their separate "
                   "savings promise",
                   one, other, exp(f->mean), exp(f->joint_low), exp(f->joint_high), excess_of(m));
    }
    buf_text(b, ". ");
}

/* The strongest two of a metric that are told, by size of the mean. */
static int put_strongest(buf *b, const strategies *s, int metric)
{
    enum { MOST = 2 };
    int told = 0, used[MOST] = {-1, -1};
    for (int k = 0; k < MOST; k++) {
        int best = -1;
        for (int i = 0; i < s->n_pairs; i++) {
            const strategy_effect *f = &s->pair[i].effect[metric];
            if (!is_told(&s->metric[metric], f) || i == used[0]) continue;
            if (best < 0 || fabs(f->mean) > fabs(s->pair[best].effect[metric].mean)) best = i;
        }
        if (best < 0) break;
        used[k] = best;
        put_together(b, s, &s->pair[best], metric);
    }
    for (int i = 0; i < s->n_pairs; i++)
        told += is_told(&s->metric[metric], &s->pair[i].effect[metric]);
    if (told > MOST)
        buf_printf(b, "(More such pairs of %s in the table: %d.) ", thing_of(&s->metric[metric]),
                   told - MOST);
    return told;
}

static void put_interplay(buf *b, const strategies *s)
{
    int told = 0;
    for (int m = 0; m < s->n_metrics; m++) told += put_strongest(b, s, m);
    if (s->n_pair_intervals == 0)
        buf_text(b, "No two strategies were tried together and apart often enough to say how they "
                    "combine. ");
    else if (told == 0)
        buf_text(b, "Of no two strategies can it be told that together they cost more, or save "
                    "less, than they do apart. ");
}

static void put_mix(buf *b, const strategies *s, const strategy_mix *x)
{
    buf_printf(b, "%s %s, %s (trial %lld; ", x->aim, x->budget, x->strategies, (long long)x->trial);
    for (int m = 0; m < s->n_metrics; m++) {
        if (m) buf_text(b, ", ");
        put_figure(b, &s->metric[m], x->figure[m]);
        if (s->metric[m].role != ROLE_QUALITY) buf_printf(b, ", %.0f %% saved", 100 * x->saved[m]);
    }
    buf_text(b, ")");
}

static void put_mixes(buf *b, const strategies *s)
{
    if (s->reference == 0)
        buf_text(b,
                 "No trial does without all of them, so combinations have nothing to be measured "
                 "against. ");
    if (s->n_mixes == 0) return;
    buf_printf(b,
               "Against the reference without any of them (trial %lld: ", (long long)s->reference);
    for (int m = 0; m < s->n_metrics; m++) {
        if (m) buf_text(b, ", ");
        put_figure(b, &s->metric[m], s->reference_figure[m]);
    }
    buf_text(b, "), the best of what was tried: ");
    for (int i = 0; i < s->n_mixes; i++) {
        if (i) buf_text(b, "; ");
        put_mix(b, s, &s->mix[i]);
    }
    buf_text(b, ". ");
}

static void put_limits(buf *b, const strategies *s)
{
    bool modelled = false;
    for (int m = 0; m < s->n_metrics; m++)
        modelled |= strncmp(s->metric[m].name, "modelled_", 9) == 0;
    buf_text(b, "What this does not show: effects are averages over the settings that were tried, "
                "and need not hold for any one of them or for values in between; ");
    if (s->n_seeds < 2)
        buf_text(b, "with one seed, the luck of a training is part of every comparison; ");
    if (s->n_mixes)
        buf_text(
            b, "the best-looking of many combinations has had luck, so its test figures are to be "
               "expected a little worse; ");
    if (modelled) buf_text(b, "latencies are modelled, not measured; ");
    buf_text(b,
             "trainings that share their first epochs share some luck, which the intervals do not "
             "know.");
}

status strategies_words(const strategies *s, buf *out, err *e)
{
    put_first(out, s);
    while (out->len && out->data[out->len - 1] == ' ') out->data[--out->len] = '\0';
    buf_text(out, "\n\n");
    if (count_saving(s) > 1) put_interplay(out, s);
    put_mixes(out, s);
    put_limits(out, s);
    buf_char(out, '\n');
    return buf_check(out, e);
}
