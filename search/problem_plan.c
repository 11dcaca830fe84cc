#include "search/problem_plan.h"

#include <math.h>
#include <string.h>

#include "engine/base/rng.h"
#include "search/plan_parts.h"

/* A problem while its lists are filled. */
typedef struct {
    const plan *p;
    const space *s;
    arena *a;
    problem *out;
    int64_t *candidate;
    int *level;
    float *seconds;
    problem_metric *metric;
    float *known[PROBLEM_MAX_METRICS];
    bool is_missing[PROBLEM_MAX_METRICS], is_floor[PROBLEM_MAX_METRICS]; /* of some point */
} maker;

/* --- knobs --- */

static status make_knob(const axis *x, arena *a, problem_knob *out, err *e)
{
    double *number = ARENA_NEW(a, double, x->n);
    if (!number) return FAIL(e, ERR_MEM, "out of memory");
    bool is_ordered = true;
    for (int i = 0; i < x->n; i++) {
        is_ordered &= x->values[i].kind == VALUE_NUMBER;
        number[i] = x->values[i].number;
    }
    *out = (problem_knob){x->name, x->n, is_ordered ? number : NULL};
    return OK;
}

static status make_knobs(maker *m, err *e)
{
    problem_knob *list = ARENA_NEW(m->a, problem_knob, m->s->n_axes + 1);
    if (!list) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < m->s->n_axes; i++) TRY(make_knob(&m->s->axis[i], m->a, &list[i], e));
    m->out->knob = list;
    m->out->n_knobs = m->s->n_axes;
    return OK;
}

/* --- metrics and versions --- */

static int find_metric(const maker *m, const char *name)
{
    for (int i = 0; i < m->out->n_metrics; i++)
        if (strcmp(m->metric[i].name, name) == 0) return i;
    return -1;
}

static status add_metric(maker *m, const char *name, bool maximize, err *e)
{
    const metric_row *row = stage_metric_find(name);
    if (m->out->n_metrics == PROBLEM_MAX_METRICS)
        return FAIL(e, ERR_INPUT, "%s: objectives and limits name more than %d metrics", m->s->path,
                    PROBLEM_MAX_METRICS);
    m->metric[m->out->n_metrics++] =
        (problem_metric){.name = name,
                         .maximize = maximize,
                         .positive = row && row->direction != BETTER_HIGHER,
                         .most = maximize ? problem_most(name) : 0};
    return OK;
}

static status make_metrics(maker *m, err *e)
{
    const space *s = m->s;
    m->metric = ARENA_NEW(m->a, problem_metric, PROBLEM_MAX_METRICS);
    if (!m->metric) return FAIL(e, ERR_MEM, "out of memory");
    m->out->metric = m->metric;
    for (int i = 0; i < s->n_objectives; i++)
        TRY(add_metric(m, s->objective[i].metric, s->objective[i].maximize, e));
    m->out->n_objectives = s->n_objectives;
    for (int v = 0; v < s->n_versions; v++)
        for (int i = 0; i < s->version[v].n_limits; i++) {
            const char *name = s->version[v].limit[i].metric;
            const metric_row *row = stage_metric_find(name);
            if (find_metric(m, name) < 0)
                TRY(add_metric(m, name, row && row->direction == BETTER_HIGHER, e));
        }
    return OK;
}

static status make_versions(maker *m, err *e)
{
    const space *s = m->s;
    problem_version *version = ARENA_NEW(m->a, problem_version, s->n_versions + 1);
    if (!version) return FAIL(e, ERR_MEM, "out of memory");
    for (int v = 0; v < s->n_versions; v++) {
        const store_version *from = &s->version[v];
        problem_limit *limit = ARENA_NEW(m->a, problem_limit, from->n_limits + 1);
        if (!limit) return FAIL(e, ERR_MEM, "out of memory");
        for (int i = 0; i < from->n_limits; i++) {
            const limit_op op = from->limit[i].op;
            limit[i] = (problem_limit){find_metric(m, from->limit[i].metric),
                                       op == LIMIT_LT || op == LIMIT_LE,
                                       op == LIMIT_LT || op == LIMIT_GT, from->limit[i].bound};
        }
        version[v] = (problem_version){from->name, from->n_limits, limit};
    }
    m->out->version = version;
    m->out->n_versions = s->n_versions;
    return OK;
}

/* --- points --- */

/* Whether the i-th axis has any bearing on a candidate with these values. */
static status axis_matters(const space *s, const value *slots, int i, bool *matters, err *e)
{
    const slot_info *info = &s->slot[s->axis[i].slot];
    *matters = candidate_matters(s, slots, s->axis[i].slot);
    if (!*matters || !info->when) return OK;
    return candidate_test(s, info->when, info->when_node, slots, matters, e);
}

static void put_known(maker *m, int point, const value *slots, const stage_forecast *c)
{
    for (int i = 0; i < m->out->n_metrics; i++) {
        bool is_floor;
        double v = plan_known_figure(m->metric[i].name, slots, c, &is_floor);
        m->known[i][point] = (float)v;
        m->is_floor[i] |= is_floor;
        m->is_missing[i] |= isnan(v);
    }
}

static status put_point(maker *m, int64_t candidate, const digits *d, const value *slots, err *e)
{
    const int point = m->out->n_points++;
    build w;
    TRY(plan_lookup(m->p, slots, &w, e));
    m->candidate[point] = candidate;
    for (int i = 0; i < m->s->n_axes; i++) {
        bool matters;
        TRY(axis_matters(m->s, slots, i, &matters, e));
        m->level[(size_t)point * (size_t)m->s->n_axes + (size_t)i] = matters ? d->at[i] : -1;
    }
    double seconds = 0;
    for (int i = 0; i < w.n_parts; i++) seconds += w.part[i].seconds;
    m->seconds[point] = (float)seconds;
    put_known(m, point, slots, w.cost);
    return OK;
}

static status take_room(maker *m, int n_points, err *e)
{
    m->candidate = ARENA_NEW(m->a, int64_t, n_points + 1);
    m->level = ARENA_NEW(m->a, int, (size_t)n_points *(size_t)m->s->n_axes + 1);
    m->seconds = ARENA_NEW(m->a, float, n_points + 1);
    bool failed = !m->candidate || !m->level || !m->seconds;
    for (int i = 0; i < m->out->n_metrics; i++) {
        m->known[i] = ARENA_NEW(m->a, float, n_points + 1);
        failed |= !m->known[i];
    }
    return failed ? FAIL(e, ERR_MEM, "out of memory for a problem of %d points", n_points) : OK;
}

/* Each candidate is taken with the chance wanted / left, which makes every choice of so many equally
 * likely (Knuth, TAOCP 2, 3.4.2, algorithm S). */
static status make_points(maker *m, int64_t left, int64_t wanted, uint64_t seed, err *e)
{
    const space *s = m->s;
    value slots[N_SLOTS];
    rng r = rng_stream(seed, RNG_SAMPLE, UINT64_MAX);
    memcpy(slots, s->base, sizeof slots);
    digits d = candidate_digits(s, 0);
    for (int64_t i = 0; i < s->size && wanted > 0; i++, candidate_next(s, &d)) {
        if (plan_state(m->p, i) != CAND_OK) continue;
        const bool is_taken = wanted == left || (int64_t)rng_below(&r, (uint64_t)left) < wanted;
        left--;
        if (!is_taken) continue;
        wanted--;
        TRY(candidate_fill(s, &d, slots, e));
        TRY(put_point(m, i, &d, slots, e));
    }
    return OK;
}

/* What every point is known by, and what of some is unknown or a floor. */
static void finish(maker *m)
{
    for (int i = 0; i < m->out->n_metrics; i++) {
        if (!m->is_missing[i]) m->metric[i].known = m->known[i];
        m->metric[i].exact = !m->is_missing[i] && !m->is_floor[i];
    }
    m->out->candidate = m->candidate;
    m->out->level = m->level;
    m->out->seconds = m->seconds;
    m->out->n_seeds = m->s->n_seeds;
}

status problem_of_plan(const plan *p, int most, uint64_t seed, arena *a, problem *out, err *e)
{
    maker m = {.p = p, .s = p->s, .a = a, .out = out};
    const int64_t n = p->summary.count[CAND_OK], wanted = n < most ? n : most;
    *out = (problem){0};
    TRY(make_knobs(&m, e));
    TRY(make_metrics(&m, e));
    TRY(make_versions(&m, e));
    TRY(take_room(&m, (int)wanted, e));
    TRY(make_points(&m, n, wanted, seed, e));
    finish(&m);
    return OK;
}
