#include "tests/support/verdict_trials.h"

#include <math.h>

#include "engine/base/rng.h"

/* --- a sampler: any point that may meet the version, each so many times --- */

typedef struct {
    sampler base;
    const problem *p;
    sampler_options o;
    int n_seeds, n_drawn;
    unsigned char *taken;
} lottery;

static status next_of_lottery(sampler *self, const history *h, suggestion *out, bool *end, err *e)
{
    lottery *l = (lottery *)(void *)self;
    (void)e;
    *end = false;
    if (h->n % l->n_seeds > 0) {
        *out = h->of[h->n - 1].what;
        out->seed_index++;
        return OK;
    }
    for (;;) {
        rng r = rng_stream(l->o.seed, RNG_SAMPLE, (uint64_t)l->n_drawn++);
        int point = (int)rng_below(&r, (uint64_t)l->p->n_points);
        if (l->taken[point] || !problem_may_meet(l->p, l->o.aim, point)) continue;
        l->taken[point] = 1;
        *out = (suggestion){l->p->candidate[point], point, 0};
        return OK;
    }
}

static status open_lottery(const problem *p, const sampler_options *o, int n_seeds, arena *a,
                           sampler **out, err *e)
{
    lottery *l = ARENA_NEW(a, lottery, 1);
    if (!l) return FAIL(e, ERR_MEM, "out of memory");
    *l = (lottery){.base = {next_of_lottery}, .p = p, .o = *o, .n_seeds = n_seeds};
    l->taken = ARENA_NEW(a, unsigned char, p->n_points);
    *out = &l->base;
    return l->taken ? OK : FAIL(e, ERR_MEM, "out of memory");
}

static status open_once(const problem *p, const sampler_options *o, arena *a, sampler **out, err *e)
{
    return open_lottery(p, o, 1, a, out, e);
}

static status open_four_times(const problem *p, const sampler_options *o, arena *a, sampler **out,
                              err *e)
{
    return open_lottery(p, o, 4, a, out, e);
}

/* --- what a study claims, and the truth --- */

static bool keeps_all(const replay_table *t, int version, const double *value)
{
    const problem_version *v = &t->p.version[version];
    for (int i = 0; i < v->n_limits; i++)
        if (!problem_keeps(&v->limit[i], value[v->limit[i].metric])) return false;
    return true;
}

static bool is_true(const replay_table *t, int version, int point)
{
    double value[PROBLEM_MAX_METRICS];
    for (int k = 0; k < t->p.n_metrics; k++)
        value[k] = (double)t->truth[(size_t)point * (size_t)t->p.n_metrics + (size_t)k];
    return keeps_all(t, version, value);
}

/* Of first trainings that keep all limits the one with the most room: what a study without verdicts would hand in. */
static int naive_pick(const verdict_trials *w, const replay_result *r, const tried *of)
{
    const problem_version *v = &w->table->p.version[w->version];
    double most = (double)-INFINITY;
    int chosen = -1;
    for (int i = 0; i < r->n; i++) {
        double least = (double)INFINITY;
        if (of[i].what.seed_index > 0 || !keeps_all(w->table, w->version, of[i].value)) continue;
        for (int k = 0; k < v->n_limits; k++) {
            const problem_limit *l = &v->limit[k];
            double room = (of[i].value[l->metric] - l->bound) / l->bound;
            least = fmin(least, l->is_upper ? -room : room);
        }
        if (least > most) chosen = of[i].what.point;
        most = fmax(most, least);
    }
    return chosen;
}

static status judge_study(verdict_trials *w, const replay_result *r, uint64_t study, arena *a,
                          err *e)
{
    const problem *p = &w->table->p;
    tried *of = ARENA_NEW(a, tried, r->n);
    double *value = ARENA_NEW(a, double, r->n * p->n_metrics);
    tally t;
    claim c;
    if (!of || !value) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < r->n; i++) {
        of[i] = (tried){r->trial[i], TRIED_DONE, &value[i * p->n_metrics], NULL, 0};
        replay_observe(w->table, of[i].what.point, of[i].what.seed_index, study,
                       &value[i * p->n_metrics]);
    }
    history h = {.n = r->n, .n_known = r->n, .of = of};
    TRY(tally_open(&t, p, a, e));
    TRY(tally_see(&t, &h, e));
    TRY(claim_version(&t, w->version, a, &c, e));
    int naive = naive_pick(w, r, of);
    w->n_points += naive >= 0;
    w->n_points_true += naive >= 0 && is_true(w->table, w->version, naive);
    if (c.point < 0 || c.chance < w->confidence) return OK;
    w->n_claims++;
    w->n_claims_true += is_true(w->table, w->version, c.point);
    return OK;
}

status verdict_trials_run(verdict_trials *w, int from, int n, arena *a, err *e)
{
    const sampler_row once = {"lottery", "", open_once}, four = {"lottery", "", open_four_times};
    status s = OK;
    for (int i = from; s == OK && i < from + n; i++) {
        arena_mark_t mark = arena_mark(a);
        replay_options o = {.sampler = w->evenly ? &four : &once,
                            .options = {.seed = (uint64_t)i, .aim = w->version},
                            .window = 4,
                            .n_workers = 4,
                            .n_trials = w->n_trials,
                            .max_seeds = w->evenly ? 1 : w->max_seeds,
                            .confidence = w->confidence};
        replay_result r;
        s = replay_run(w->table, &o, a, &r, e);
        if (s == OK) s = judge_study(w, &r, (uint64_t)i, a, e);
        arena_release(a, mark);
    }
    return s;
}
