/* How trials end: done, failed, or stopped early; and how they go on. */
#include "search/scheduler_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "search/curve.h"

course *run_course(const run *r, int number)
{
    return (course *)(void *)r->courses.data + number;
}

int run_stages_until(const chain *c, int rung)
{
    return rung < c->n_rungs ? c->rung[rung].stage + 1 : c->n;
}

/* --- closing trials --- */

const char *run_put_reason(char *text, size_t n, const char *kind, const hash *key, const char *why)
{
    snprintf(text, n, "%s stage %.8s: %s", kind, key->text, why);
    return text;
}

status run_plan_trial(run *r, int number, chain *c, err *e)
{
    const graph_trial *t = graph_get_trial(r->g, number);
    return r->o->make_chain(r->o->make_chain_user, &(suggestion){t->candidate, -1, t->seed_index},
                            &r->memory, c, e);
}

/* The learning curve that a stage of the chain has recorded; none before the first stage. */
static status read_curve(run *r, const chain *c, int stage, float **curve, int *n, err *e)
{
    bool found;
    store_outcome o;
    *n = 0;
    *curve = NULL;
    if (stage < 0) return OK;
    TRY(store_stage_outcome(r->o->results, &c->stage[stage].request.key, &r->memory, &found, &o,
                            e));
    return found && o.detail ? curve_read(o.detail, &r->memory, curve, n, e) : OK;
}

static status check_audit(run *r, int number, const double *value, err *e)
{
    const course *k = run_course(r, number);
    if (!k->is_audited) return OK;
    const history h = guide_history(r->guide, number);
    return store_trial_audited(r->o->results, graph_get_trial(r->g, number)->id, &k->said,
                               stop_was_false(r->o->rule, &h, &k->what, value), e);
}

/* What became of a finished trial, for the sampler and the rule. Its figures come from the store, whoever
 * measured them. */
static status read_end(run *r, int number, double *value, tried *end, err *e)
{
    chain c;
    float *curve;
    const graph_trial *t = graph_get_trial(r->g, number);
    TRY(store_trial_figures(r->o->results, t->id, r->o->p->n_metrics, r->metric, value, e));
    *end = (tried){.state = TRIED_DONE, .value = value};
    if (!r->o->rule) return OK;
    TRY(check_audit(r, number, value, e));
    TRY(run_plan_trial(r, number, &c, e));
    if (c.n_epochs == 0) return OK;
    TRY(read_curve(r, &c, c.training, &curve, &end->n_epochs, e));
    end->curve = curve;
    return OK;
}

status run_tell_guide(run *r, int number, err *e)
{
    double value[PROBLEM_MAX_METRICS];
    tried end = {.state = TRIED_FAILED};
    arena_mark_t mark = arena_mark(&r->memory);
    status s = OK;
    if (graph_get_trial(r->g, number)->state == TRIAL_DONE) s = read_end(r, number, value, &end, e);
    if (s == OK) s = guide_tell(r->guide, number, &end, e);
    arena_release(&r->memory, mark);
    return s;
}

/* The reason of an earlier failure that a trial runs into: the one that it would have had, had it come
 * before that failure. */
static status recall_reason(run *r, int64_t row, char text[REASON_BYTES], reason *why, err *e)
{
    bool found;
    store_failure f;
    *why = (reason){STATE_FAILED, "parent",
                    "a stage that it shares with another trial failed in an earlier run"};
    TRY(store_trial_failure(r->o->results, row, &r->memory, &found, &f, e));
    if (found)
        *why =
            (reason){f.state, f.code, run_put_reason(text, REASON_BYTES, f.kind, &f.key, f.text)};
    return OK;
}

/* `why` is NULL for a failure that came before the trial. */
static status write_failure(run *r, int64_t row, const reason *why, err *e)
{
    char text[REASON_BYTES];
    reason earlier;
    if (!why) TRY(recall_reason(r, row, text, &earlier, e));
    if (!why) why = &earlier;
    TRY(store_trial_failed(r->o->results, row, why->state, why->code, why->text, e));
    run_tell(r,
             (sched_event){
                 .kind = SCHED_TRIAL_FAILED, .trial = row, .code = why->code, .text = why->text});
    return OK;
}

static status close_trial(run *r, int number, const reason *why, err *e)
{
    const graph_trial *t = graph_get_trial(r->g, number);
    arena_mark_t mark = arena_mark(&r->memory);
    status s;
    if (t->state == TRIAL_DONE) {
        s = store_trial_done(r->o->results, t->id, e);
        if (s == OK) run_tell(r, (sched_event){.kind = SCHED_TRIAL_DONE, .trial = t->id});
    } else {
        s = write_failure(r, t->id, why, e);
    }
    arena_release(&r->memory, mark);
    TRY(s);
    return r->guide ? run_tell_guide(r, number, e) : OK;
}

/* A stage that cannot be built any more because of another. */
static status write_spoiled(run *r, int stage, const reason *why, err *e)
{
    char text[REASON_BYTES];
    reason earlier;
    const hash key = graph_key(r->g, stage);
    const store_outcome none = {.run_id = r->o->run_id};
    const int trial = graph_get_stage(r->g, stage).trial;
    arena_mark_t mark = arena_mark(&r->memory);
    status s = why ? OK : recall_reason(r, graph_get_trial(r->g, trial)->id, text, &earlier, e);
    if (s == OK)
        s = store_stage_failed(r->o->results, &key, STATE_FAILED, "parent",
                               why ? why->text : earlier.text, &none, e);
    arena_release(&r->memory, mark);
    r->now.stages_failed++;
    return s;
}

/* What is spoiled; what has ended or paused. */
static status take_what_is_closed(run *r, const reason *why, err *e)
{
    for (int i; (i = graph_take_spoiled(r->g)) >= 0;) TRY(write_spoiled(r, i, why, e));
    for (int i; (i = graph_take_closed(r->g)) >= 0;) {
        const trial_state state = graph_get_trial(r->g, i)->state;
        if (state == TRIAL_PAUSED)
            buf_put(&r->paused, &i, sizeof i);
        else if (state != TRIAL_OPEN)
            TRY(close_trial(r, i, why, e));
    }
    return buf_check(&r->paused, e);
}

static status pass_rung(run *r, int number, err *e);

status run_close_what_is_decided(run *r, const reason *why, err *e)
{
    TRY(run_open_group(r, e));
    for (;; why = NULL) {
        int number;
        TRY(take_what_is_closed(r, why, e));
        if (r->paused.len == 0) return OK;
        r->paused.len -= sizeof number;
        memcpy(&number, r->paused.data + r->paused.len, sizeof number);
        if (graph_get_trial(r->g, number)->state != TRIAL_PAUSED) continue;
        arena_mark_t mark = arena_mark(&r->memory);
        status s = pass_rung(r, number, e);
        arena_release(&r->memory, mark);
        TRY(s);
    }
}

/* --- the stop rule --- */

static status stop_trial(run *r, int number, const chain *c, const stop_answer *answer,
                         const stop_case *at, err *e)
{
    const int64_t row = graph_get_trial(r->g, number)->id;
    const int n_stages = run_stages_until(c, run_course(r, number)->rung);
    const store_stop stop = {n_stages, at->n_epochs, answer->chance};
    const tried end = {.state = TRIED_STOPPED,
                       .value = answer->value,
                       .curve = at->curve,
                       .n_epochs = at->n_epochs};
    graph_stop(r->g, number);
    TRY(store_trial_stopped(r->o->results, row, &stop, e));
    run_tell(r, (sched_event){.kind = SCHED_TRIAL_STOPPED, .trial = row});
    return guide_tell(r->guide, number, &end, e);
}

static status go_on(run *r, int number, const chain *c, err *e)
{
    int stages[CHAIN_MAX];
    const int rung = run_course(r, number)->rung, n = run_stages_until(c, rung);
    for (int i = 0; i < n; i++) stages[i] = graph_find_stage(r->g, &c->stage[i].request.key);
    TRY(graph_go_on(r->g, number, stages, n, rung < c->n_rungs, e));
    return run_settle_more(r, e);
}

/* A training that ended itself before the rung is asked about no more. */
static status ask_rule(run *r, int number, const stop_case *at, int rung_epochs, stop_answer *out,
                       err *e)
{
    *out = (stop_answer){.chance = (double)NAN};
    if (at->n_epochs < rung_epochs) return OK;
    const history h = guide_history(r->guide, number);
    return stop_ask(r->o->rule, &h, at, &r->memory, out, e);
}

static status pass_rung(run *r, int number, err *e)
{
    chain c;
    stop_answer answer;
    float *curve;
    course *k = run_course(r, number);
    stop_case at = {.number = number, .what = k->what};
    TRY(run_plan_trial(r, number, &c, e));
    TRY(read_curve(r, &c, c.rung[k->rung].stage, &curve, &at.n_epochs, e));
    at.curve = curve;
    TRY(ask_rule(r, number, &at, c.rung[k->rung].epochs, &answer, e));
    if (answer.stops) return stop_trial(r, number, &c, &answer, &at, e);
    if (answer.audited) k->said = (store_stop){.epochs = at.n_epochs, .chance = answer.chance};
    k->is_audited = answer.audited;
    k->rung = answer.audited ? c.n_rungs : k->rung + 1;
    return go_on(r, number, &c, e);
}
