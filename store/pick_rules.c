#include "store/pick_rules.h"
#include "engine/base/diag.h"
#include "engine/base/pareto.h"

#include <math.h>
#include <string.h>

static const double none = (double)NAN;

const char *const pick_rule_names[N_PICK_RULES] = {
    [PICK_MARGIN] = "margin",          [PICK_SMALLEST] = "smallest", [PICK_FASTEST] = "fastest",
    [PICK_ACCURATE] = "most-accurate", [PICK_KNEE] = "knee",
};

status pick_rule_parse(const char *word, pick_rule *out, err *e)
{
    for (int i = 0; i < N_PICK_RULES; i++)
        if (strcmp(word, pick_rule_names[i]) == 0) {
            *out = (pick_rule)i;
            return OK;
        }
    const char *meant = diag_did_you_mean(word, pick_rule_names, N_PICK_RULES);
    if (meant) return FAIL(e, ERR_INPUT, "there is no rule '%s'; did you mean '%s'?", word, meant);
    return FAIL(e, ERR_INPUT,
                "there is no rule '%s'; rules are margin, smallest, fastest, most-accurate and "
                "knee",
                word);
}

/* Errors multiply: the sum of their logarithms. */
static double product_of_errors(const pick_measure *m, const double *figure)
{
    double sum = 0;
    for (int k = 0; k < m->n; k++) sum += log(m->maximize[k] ? 100 - figure[k] : figure[k]);
    return sum;
}

static bool is_complete(const double *figure, int n)
{
    for (int k = 0; k < n; k++)
        if (isnan(figure[k])) return false;
    return true;
}

/* --- knee --- */

typedef struct {
    const pick_measure *m;
    int n;
    double *point; /* n x m->n, to be minimised; NaN for trials outside */
    unsigned char *on_front;
    double *best, *worst; /* on the front */
} bend;

static status find_front(bend *b, const double *figure, const bool *in, arena *a, err *e)
{
    const int m = b->m->n;
    b->point = ARENA_NEW(a, double, (size_t)b->n *(size_t)m + 1);
    b->on_front = ARENA_NEW(a, unsigned char, b->n + 1);
    b->best = ARENA_NEW(a, double, m + 1);
    b->worst = ARENA_NEW(a, double, m + 1);
    if (!b->point || !b->on_front || !b->best || !b->worst)
        return FAIL(e, ERR_MEM, "no memory for a knee");
    for (int i = 0; i < b->n; i++)
        for (int k = 0; k < m; k++) {
            double v = figure[i * m + k];
            b->point[i * m + k] = !in[i] ? none : b->m->maximize[k] ? -v : v;
        }
    return pareto_front(b->point, b->n, m, b->on_front, a, e);
}

static void find_ends(bend *b)
{
    const int m = b->m->n;
    for (int k = 0; k < m; k++) {
        b->best[k] = (double)INFINITY;
        b->worst[k] = (double)-INFINITY;
        for (int i = 0; i < b->n; i++) {
            if (!b->on_front[i]) continue;
            b->best[k] = fmin(b->best[k], b->point[i * m + k]);
            b->worst[k] = fmax(b->worst[k], b->point[i * m + k]);
        }
    }
}

/* An objective in which the whole front is equal tells nothing. */
static double scaled_sum(const bend *b, int i)
{
    double sum = 0;
    for (int k = 0; k < b->m->n; k++) {
        double range = b->worst[k] - b->best[k];
        if (range > 0) sum += (b->point[i * b->m->n + k] - b->best[k]) / range;
    }
    return sum;
}

static status knee(const pick_measure *m, const double *figure, const bool *in, int n,
                   double *merit, arena *a, err *e)
{
    bend b = {.m = m, .n = n};
    TRY(find_front(&b, figure, in, a, e));
    find_ends(&b);
    for (int i = 0; i < n; i++) merit[i] = b.on_front[i] ? scaled_sum(&b, i) : none;
    return OK;
}

status pick_merits(const pick_measure *m, const double *figure, const bool *in, int n,
                   double *merit, arena *scratch, err *e)
{
    if (m->rule == PICK_MARGIN || m->n < 1) return FAIL(e, ERR_ARG, "a rule without figures");
    if (m->rule == PICK_KNEE) return knee(m, figure, in, n, merit, scratch, e);
    for (int i = 0; i < n; i++) {
        const double *f = figure + (size_t)i * (size_t)m->n;
        if (!in[i] || !is_complete(f, m->n))
            merit[i] = none;
        else
            merit[i] = m->rule == PICK_ACCURATE ? product_of_errors(m, f) : f[0];
    }
    return OK;
}
