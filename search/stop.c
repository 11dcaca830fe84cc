#include "search/stop_kinds.h"

#include <math.h>
#include <string.h>

#include "engine/base/rng.h"

const stop_row *stop_rows(void)
{
    static const stop_row rows[] = {
        {"dominance",
         "stops what will hardly beat the best that is no larger and no slower, or a version's "
         "limit",
         stop_dominance, true},
        {"asha", "keeps the better third at each rung (asynchronous successive halving)", stop_asha,
         false},
        {"hyperband", "the same in brackets, some of which begin to choose later", stop_hyperband,
         false},
        {0},
    };
    return rows;
}

const stop_row *stop_find(const char *name)
{
    for (const stop_row *row = stop_rows(); row->name; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}

status stop_open(const stop_row *row, const problem *p, const stop_options *o, arena *a,
                 stop_rule *out, err *e)
{
    *out = (stop_rule){row->judge, row->judges_at_start, p, *o, NULL};
    return row->judges_at_start ? extrapolate_open(p, o->n_epochs, a, &out->model, e) : OK;
}

static bool is_in_audit(const stop_rule *r, int number)
{
    rng draw = rng_stream(r->o.seed, RNG_AUDIT, (uint64_t)number);
    return rng_double(&draw) < r->o.audit;
}

status stop_ask(const stop_rule *r, const history *h, const stop_case *c, arena *scratch,
                stop_answer *out, err *e)
{
    *out = (stop_answer){.chance = (double)NAN};
    for (int i = 0; i < r->p->n_metrics; i++) {
        const problem_metric *m = &r->p->metric[i];
        out->value[i] = m->exact ? (double)m->known[c->what.point] : (double)NAN;
    }
    if (c->what.seed_index > 0) return OK;
    arena_mark_t mark = arena_mark(scratch);
    status s = r->judge(r, h, c, scratch, out, e);
    arena_release(scratch, mark);
    out->audited = out->stops && is_in_audit(r, c->number);
    out->stops = out->stops && !out->audited;
    return s;
}

/* At least as good in every objective. */
static bool covers(const problem *p, const double *other, const double *value)
{
    for (int i = 0; i < p->n_objectives; i++) {
        const problem_metric *m = &p->metric[i];
        if (!(problem_minimised(m, other[i]) <= problem_minimised(m, value[i]))) return false;
    }
    return true;
}

static bool keeps_all(const problem_version *v, const double *value)
{
    for (int i = 0; i < v->n_limits; i++)
        if (!problem_keeps(&v->limit[i], value[v->limit[i].metric])) return false;
    return true;
}

static bool meets_aim(const stop_rule *r, const double *value)
{
    for (int v = 0; v < r->p->n_versions; v++)
        if ((r->o.aim == AIM_VERSIONS || r->o.aim == v) && keeps_all(&r->p->version[v], value))
            return true;
    return r->o.aim == AIM_FRONT;
}

bool stop_was_false(const stop_rule *r, const history *h, const suggestion *what,
                    const double *value)
{
    if (!meets_aim(r, value)) return false;
    for (int i = 0; i < h->n_known; i++) {
        const tried *t = &h->of[i];
        if (t->state == TRIED_DONE && t->value && t->what.point != what->point &&
            covers(r->p, t->value, value))
            return false;
    }
    return true;
}

int stop_rungs(int n_epochs, double factor, int least, int *rung)
{
    int n = 0, reversed[STOP_MAX_RUNGS];
    double at = n_epochs / factor;
    for (; n < STOP_MAX_RUNGS && ceil(at) >= fmax(least, 1) && at > 0.5; at /= factor) {
        int epochs = (int)ceil(at);
        if (epochs < n_epochs && (n == 0 || epochs < reversed[n - 1])) reversed[n++] = epochs;
    }
    for (int i = 0; i < n; i++) rung[i] = reversed[n - 1 - i];
    return n;
}

int stop_bites_at(double begin, double end, double power)
{
    return (int)ceil(begin + (1 - pow(0.75, 1 / power)) * (end - begin));
}
