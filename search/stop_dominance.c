/* dominance: P(final figures are worth having), extrapolated (extrapolate.h) from what has finished and from the curve so
 * far. While too few have finished nothing is stopped.
 *
 * Front: the candidate is worth having unless some finished trial with no worse exact figures is at least as
 * good in all that is trained. Versions: besides, all trained limits of one of them must be kept. */
#include "search/stop_kinds.h"

#include <math.h>

enum { LEAST_FINISHED = 8 };

typedef struct {
    const stop_rule *rule;
    const history *h;
    const stop_case *c;
    bool is_known;                      /* enough has finished */
    outlook final[PROBLEM_MAX_METRICS]; /* of what is trained, when known */
} judgement;

static double chance_below(const judgement *g, int metric, double bar)
{
    return g->is_known ? outlook_below(&g->final[metric], bar) : 1;
}

static status foretell(judgement *g, arena *scratch, err *e)
{
    const stop_rule *r = g->rule;
    const stop_case *c = g->c;
    TRY(extrapolate_learn(r->model, g->h, e));
    g->is_known = extrapolate_n_finished(r->model) >= LEAST_FINISHED;
    for (int m = 0; g->is_known && m < r->p->n_metrics; m++)
        if (!r->p->metric[m].exact)
            TRY(extrapolate(r->model, m, c->what.point, c->curve, c->n_epochs, scratch,
                            &g->final[m], e));
    return OK;
}

/* --- what is worth having --- */

static bool is_no_worse_exactly(const problem *p, const tried *t, int point)
{
    for (int i = 0; i < p->n_objectives; i++) {
        const problem_metric *m = &p->metric[i];
        if (!m->exact) continue;
        if (problem_minimised(m, (double)m->known[t->what.point]) >
            problem_minimised(m, (double)m->known[point]))
            return false;
    }
    return true;
}

/* P(better than a finished trial in something that is trained), for the trial that leaves least. */
static double chance_of_front(const judgement *g)
{
    const problem *p = g->rule->p;
    double least = 1;
    for (int i = 0; i < g->h->n_known; i++) {
        const tried *t = &g->h->of[i];
        if (t->state != TRIED_DONE || !t->value || t->what.point == g->c->what.point ||
            !is_no_worse_exactly(p, t, g->c->what.point))
            continue;
        double covered = 1;
        for (int m = 0; m < p->n_objectives; m++)
            if (!p->metric[m].exact)
                covered *= 1 - chance_below(g, m, extrapolate_scaled(&p->metric[m], t->value[m]));
        least = fmin(least, 1 - covered);
    }
    return least;
}

static double chance_of_version(const judgement *g, int version)
{
    const problem *p = g->rule->p;
    const problem_version *v = &p->version[version];
    double chance = problem_may_meet(p, version, g->c->what.point);
    for (int i = 0; i < v->n_limits; i++) {
        const problem_limit *l = &v->limit[i];
        const problem_metric *m = &p->metric[l->metric];
        if (m->exact) continue;
        double below = chance_below(g, l->metric, extrapolate_scaled(m, l->bound));
        chance *= !g->is_known || l->is_upper == !m->maximize ? below : 1 - below;
    }
    return chance;
}

static double chance_of_versions(const judgement *g)
{
    const int aim = g->rule->o.aim;
    double most = 0;
    for (int v = 0; v < g->rule->p->n_versions; v++)
        if (aim == AIM_VERSIONS || aim == v) most = fmax(most, chance_of_version(g, v));
    return most;
}

status stop_dominance(const stop_rule *self, const history *h, const stop_case *c, arena *scratch,
                      stop_answer *out, err *e)
{
    const problem *p = self->p;
    judgement g = {.rule = self, .h = h, .c = c};
    TRY(foretell(&g, scratch, e));
    out->chance = chance_of_front(&g);
    if (self->o.aim != AIM_FRONT) out->chance = fmin(out->chance, chance_of_versions(&g));
    out->stops = out->chance < self->o.chance;
    for (int m = 0; g.is_known && c->n_epochs > 0 && m < p->n_metrics; m++)
        if (!p->metric[m].exact)
            out->value[m] = extrapolate_unscaled(&p->metric[m], g.final[m].mean);
    return OK;
}
