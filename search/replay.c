#include "search/replay.h"

#include "engine/base/clock.h"
#include "search/racing.h"

/* A simulated worker: free, or busy with a trial until a time. */
typedef struct {
    int number; /* of the trial; -1: free */
    double until;
} hand;

typedef struct {
    const replay_table *t;
    const replay_options *o;
    replay_result *out;
    guide *g;
    hand *hand;
    double now;
    bool at_end;
} replay;

static status start_trials(replay *r, err *e)
{
    for (int i = 0; i < r->o->n_workers && !r->at_end; i++) {
        if (r->hand[i].number >= 0) continue;
        if (r->out->n == r->o->n_trials || !guide_may_ask(r->g)) return OK;
        suggestion s;
        int number;
        double began = clock_wall();
        TRY(guide_ask(r->g, &s, &number, &r->at_end, e));
        r->out->ask_seconds += clock_wall() - began;
        if (r->at_end) return OK;
        double seconds = (double)r->t->p.seconds[s.point];
        r->hand[i] = (hand){number, r->now + seconds};
        r->out->busy_seconds += seconds;
        r->out->trial[r->out->n++] = s;
    }
    return OK;
}

/* Of the busy hands the one that is free first, of equals the one with the earlier trial; -1: none. */
static int first_free(const replay *r)
{
    int first = -1;
    for (int i = 0; i < r->o->n_workers; i++) {
        const hand *h = &r->hand[i];
        if (h->number < 0) continue;
        if (first < 0 || h->until < r->hand[first].until ||
            (h->until == r->hand[first].until && h->number < r->hand[first].number))
            first = i;
    }
    return first;
}

static status end_trial(replay *r, int i, err *e)
{
    double value[PROBLEM_MAX_METRICS];
    hand *h = &r->hand[i];
    const suggestion *s = &r->out->trial[h->number];
    replay_observe(r->t, s->point, s->seed_index, r->o->options.seed, value);
    r->now = h->until;
    r->out->seconds[h->number] = r->now;
    tried end = {.state = TRIED_DONE, .value = value};
    TRY(guide_tell(r->g, h->number, &end, e));
    h->number = -1;
    return OK;
}

static status simulate(replay *r, err *e)
{
    for (;;) {
        TRY(start_trials(r, e));
        int i = first_free(r);
        if (i < 0) break;
        TRY(end_trial(r, i, e));
    }
    r->out->end_seconds = r->now;
    return OK;
}

status replay_run(const replay_table *t, const replay_options *o, arena *a, replay_result *out,
                  err *e)
{
    sampler *source;
    replay r = {.t = t, .o = o, .out = out, .hand = ARENA_NEW(a, hand, o->n_workers)};
    *out = (replay_result){.trial = ARENA_NEW(a, suggestion, o->n_trials + 1),
                           .seconds = ARENA_NEW(a, double, o->n_trials + 1)};
    if (!r.hand || !out->trial || !out->seconds) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < o->n_workers; i++) r.hand[i].number = -1;
    TRY(o->sampler->open(&t->p, &o->options, a, &source, e));
    racing_options again = {o->options.aim, o->max_seeds, o->confidence};
    TRY(sampler_race(&t->p, source, &again, a, &source, e));
    TRY(guide_open(&t->p, source, o->window, &r.g, e));
    status s = simulate(&r, e);
    guide_free(r.g);
    return s;
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
        if (kept == v->n_limits) return i + 1;
    }
    return 0;
}
