#include "search/replay.h"

#include <math.h>

#include "engine/base/clock.h"
#include "search/racing.h"

/* The busy workers, as a heap: the one that is free first, of equals the one with the earlier trial, on top. */
typedef struct {
    int number; /* of the trial */
    double until;
} hand;

/* How a trial will end; a trial's end depends on what is known when it begins and on its own curve only. */
typedef struct {
    tried_state state;
    int n_epochs;
    double value[PROBLEM_MAX_METRICS];
    double truth[PROBLEM_MAX_METRICS]; /* what the whole training says */
    float *curve;
} ending;

typedef struct {
    const replay_table *t;
    const replay_options *o;
    replay_result *out;
    arena *a;
    guide *g;
    stop_rule rule;
    hand *heap;
    int n_busy;
    int *paid; /* n_points x n_seeds: epochs of shared prefixes that are trained */
    double
        *said; /* n_trials x n_metrics: what whole trainings say, for n_lost; NULL without a rule */
    float *curve;  /* n_trials x n_epochs */
    double *value; /* n_trials x n_metrics: what is told */
    double now;
    bool at_end;
} replay;

/* --- workers --- */

static bool is_before(const hand *a, const hand *b)
{
    return a->until < b->until || (a->until == b->until && a->number < b->number);
}

static void push(replay *r, hand h)
{
    int i = r->n_busy++;
    for (; i > 0 && is_before(&h, &r->heap[(i - 1) / 2]); i = (i - 1) / 2)
        r->heap[i] = r->heap[(i - 1) / 2];
    r->heap[i] = h;
}

static hand pop(replay *r)
{
    hand top = r->heap[0], last = r->heap[--r->n_busy];
    int i = 0;
    for (int child = 1; child < r->n_busy; child = 2 * i + 1) {
        if (child + 1 < r->n_busy && is_before(&r->heap[child + 1], &r->heap[child])) child++;
        if (!is_before(&r->heap[child], &last)) break;
        r->heap[i] = r->heap[child];
        i = child;
    }
    r->heap[i] = last;
    return top;
}

/* --- trials --- */

static void count_verdict(replay *r, const history *h, const suggestion *s,
                          const stop_answer *answer, const double *truth)
{
    if (!answer->stops && !answer->audited) return;
    bool is_false = stop_was_false(&r->rule, h, s, truth);
    if (answer->stops) {
        r->out->n_stopped++;
        r->out->n_stopped_falsely += is_false;
    } else {
        r->out->n_audited++;
        r->out->n_audited_falsely += is_false;
    }
}

/* Asks the rule at each rung until it stops the trial, or would. */
static status meet_rungs(replay *r, int number, const suggestion *s, ending *x, err *e)
{
    const int first = r->t->first_rung ? r->t->first_rung[s->point] : 0;
    history h = guide_history(r->g, number);
    for (int i = r->rule.judges_at_start ? -1 : 0; i < r->o->n_rungs; i++) {
        stop_answer answer;
        const int rung = i < 0 ? 0 : r->o->rung[i];
        if ((rung > 0 && rung < first) || rung >= r->t->n_epochs) continue;
        stop_case c = {number, *s, rung, x->curve};
        r->out->n_asked++;
        TRY(stop_ask(&r->rule, &h, &c, r->a, &answer, e));
        count_verdict(r, &h, s, &answer, x->truth);
        if (answer.audited) return OK;
        if (!answer.stops) continue;
        x->state = TRIED_STOPPED;
        x->n_epochs = rung;
        for (int m = 0; m < r->t->p.n_metrics; m++) x->value[m] = answer.value[m];
        return OK;
    }
    return OK;
}

static status foresee_end(replay *r, int number, const suggestion *s, ending *x, err *e)
{
    const replay_table *t = r->t;
    *x = (ending){.state = TRIED_DONE, .n_epochs = t->n_epochs};
    replay_observe(t, s->point, s->seed_index, r->o->options.seed, x->truth);
    for (int m = 0; m < t->p.n_metrics; m++) x->value[m] = x->truth[m];
    if (!r->curve) return OK;
    const int watched = problem_watched(&t->p);
    x->curve = &r->curve[(size_t)number * (size_t)t->n_epochs];
    replay_curve(t, s->point, s->seed_index, r->o->options.seed,
                 watched < 0 ? 0 : x->truth[watched], x->curve);
    double began = clock_wall();
    TRY(meet_rungs(r, number, s, x, e));
    r->out->stop_seconds += clock_wall() - began;
    return OK;
}

/* Epochs of the first `n` of a training that nobody has trained yet. */
static int unpaid(replay *r, int *paid, const suggestion *s, int n)
{
    if (!r->t->prefix) return n;
    int shared = r->t->prefix_epochs[s->point];
    int *done = &paid[r->t->prefix[s->point] * r->t->p.n_seeds + s->seed_index];
    int reused = n < *done ? n : *done;
    if (n > *done) *done = n < shared ? n : shared;
    return n - (reused < shared ? reused : shared);
}

static double take_time(replay *r, const suggestion *s, const ending *x)
{
    const replay_table *t = r->t;
    double whole = (double)t->p.seconds[s->point];
    if (t->n_epochs == 0) return whole;
    int n = unpaid(r, r->paid, s, x->n_epochs);
    r->out->n_epochs += n;
    return whole * n / t->n_epochs;
}

static void note(replay *r, int number, const suggestion *s, const ending *x, double seconds)
{
    replay_result *out = r->out;
    const size_t m = (size_t)r->t->p.n_metrics;
    out->trial[number] = *s;
    out->epochs[number] = x->n_epochs;
    out->is_stopped[number] = x->state == TRIED_STOPPED;
    out->busy_seconds += seconds;
    out->cpu_seconds[number] = out->busy_seconds;
    for (size_t i = 0; i < m; i++) {
        r->value[(size_t)number * m + i] = x->value[i];
        if (r->said) r->said[(size_t)number * m + i] = x->truth[i];
    }
    out->n = number + 1;
}

static status start_trials(replay *r, err *e)
{
    while (r->n_busy < r->o->n_workers && !r->at_end) {
        if (r->out->n == r->o->n_trials || !guide_may_ask(r->g)) return OK;
        suggestion s;
        int number;
        ending x;
        double began = clock_wall();
        TRY(guide_ask(r->g, &s, &number, &r->at_end, e));
        r->out->ask_seconds += clock_wall() - began;
        if (r->at_end) return OK;
        TRY(foresee_end(r, number, &s, &x, e));
        double seconds = take_time(r, &s, &x);
        note(r, number, &s, &x, seconds);
        push(r, (hand){number, r->now + seconds});
    }
    return OK;
}

static status end_trial(replay *r, err *e)
{
    const hand h = pop(r);
    const size_t n = (size_t)h.number;
    tried end = {.state = r->out->is_stopped[n] ? TRIED_STOPPED : TRIED_DONE,
                 .value = &r->value[n * (size_t)r->t->p.n_metrics]};
    if (r->curve) {
        end.curve = &r->curve[n * (size_t)r->t->n_epochs];
        end.n_epochs = r->out->epochs[n];
    }
    r->now = h.until;
    r->out->seconds[n] = r->now;
    return guide_tell(r->g, h.number, &end, e);
}

static status simulate(replay *r, err *e)
{
    for (;;) {
        TRY(start_trials(r, e));
        if (r->n_busy == 0) break;
        TRY(end_trial(r, e));
    }
    r->out->end_seconds = r->now;
    return OK;
}

/* --- afterwards --- */

/* Stopped trials that would be worth having beside all that finished. */
static status count_lost(replay *r, err *e)
{
    const size_t m = (size_t)r->t->p.n_metrics;
    replay_result *out = r->out;
    tried *all = ARENA_NEW(r->a, tried, out->n + 1);
    if (!all) return FAIL(e, ERR_MEM, "out of memory for a replay");
    for (int i = 0; i < out->n; i++)
        all[i] = (tried){.what = out->trial[i],
                         .state = out->is_stopped[i] ? TRIED_STOPPED : TRIED_DONE,
                         .value = &r->said[(size_t)i * m]};
    history h = {out->n, out->n, all};
    for (int i = 0; i < out->n; i++)
        if (out->is_stopped[i])
            out->n_lost += stop_was_false(&r->rule, &h, &out->trial[i], all[i].value);
    return OK;
}

static status count_unstopped(replay *r, err *e)
{
    const replay_table *t = r->t;
    int *paid = ARENA_NEW(r->a, int, (int64_t)t->p.n_points * t->p.n_seeds);
    if (!paid) return FAIL(e, ERR_MEM, "out of memory for a replay");
    for (int i = 0; i < r->out->n; i++)
        r->out->n_epochs_unstopped += unpaid(r, paid, &r->out->trial[i], t->n_epochs);
    return OK;
}

static status take_room(replay *r, err *e)
{
    const int64_t n = r->o->n_trials + 1, m = r->t->p.n_metrics;
    replay_result *out = r->out;
    *out = (replay_result){.trial = ARENA_NEW(r->a, suggestion, n),
                           .seconds = ARENA_NEW(r->a, double, n),
                           .epochs = ARENA_NEW(r->a, int, n),
                           .is_stopped = ARENA_NEW(r->a, bool, n),
                           .cpu_seconds = ARENA_NEW(r->a, double, n)};
    r->heap = ARENA_NEW(r->a, hand, r->o->n_workers + 1);
    r->value = ARENA_NEW(r->a, double, n *m);
    r->paid = ARENA_NEW(r->a, int, (int64_t)r->t->p.n_points * r->t->p.n_seeds);
    bool is_there = out->trial && out->seconds && out->epochs && out->is_stopped &&
                    out->cpu_seconds && r->heap && r->value && r->paid;
    if (is_there && r->o->stop) {
        r->curve = ARENA_NEW(r->a, float, n * r->t->n_epochs);
        r->said = ARENA_NEW(r->a, double, n *m);
        is_there = r->curve && r->said;
    }
    return is_there ? OK : FAIL(e, ERR_MEM, "out of memory for a replay");
}

status replay_run(const replay_table *t, const replay_options *o, arena *a, replay_result *out,
                  err *e)
{
    sampler *source;
    replay r = {.t = t, .o = o, .out = out, .a = a};
    if (o->stop && t->n_epochs == 0)
        return FAIL(e, ERR_INPUT, "the table has no learning curves: nothing can be stopped early");
    if (o->n_workers < 1 || o->n_trials < 0)
        return FAIL(e, ERR_ARG, "%d trials with %d workers", o->n_trials, o->n_workers);
    TRY(take_room(&r, e));
    if (o->stop)
        TRY(stop_open(o->stop, &t->p,
                      &(stop_options){.aim = o->options.aim,
                                      .seed = o->options.seed,
                                      .chance = o->stop_chance,
                                      .audit = o->audit,
                                      .n_epochs = t->n_epochs,
                                      .n_rungs = o->n_rungs,
                                      .rung = o->rung},
                      a, &r.rule, e));
    TRY(o->sampler->open(&t->p, &o->options, a, &source, e));
    racing_options again = {o->options.aim, o->max_seeds, o->confidence};
    TRY(sampler_race(&t->p, source, &again, a, &source, e));
    TRY(guide_open(&t->p, source, o->window, &r.g, e));
    status s = simulate(&r, e);
    guide_free(r.g);
    if (s != OK) return s;
    if (o->stop) TRY(count_lost(&r, e));
    return count_unstopped(&r, e);
}

int replay_first_met(const replay_table *t, const replay_result *r, int version)
{
    const problem_version *v = &t->p.version[version];
    for (int i = 0; i < r->n; i++) {
        const float *truth = &t->truth[(size_t)r->trial[i].point * (size_t)t->p.n_metrics];
        int kept = 0;
        while (kept < v->n_limits &&
               problem_keeps(&v->limit[kept], (double)truth[v->limit[kept].metric]))
            kept++;
        if (kept == v->n_limits && !r->is_stopped[i]) return i + 1;
    }
    return 0;
}

int replay_finished(const replay_result *r, int n, int *point)
{
    int n_done = 0;
    for (int i = 0; i < n && i < r->n; i++)
        if (!r->is_stopped[i]) point[n_done++] = r->trial[i].point;
    return n_done;
}
