/* What a search trains: the epochs of its trials, a stage that several share counted once, and those that stopping
 * early saves. A stage is wanted by the trials that have it in their chain, but for those that are known to have been
 * stopped before it; so what is counted when a trial is decided depends on its number alone. */
#include "search/scheduler_parts.h"

static int32_t *n_wanting(const run *r, int stage)
{
    return (int32_t *)(void *)r->wanted.data + stage;
}

status run_want(run *r, const chain *c, const int *stages, err *e)
{
    const size_t room = (size_t)graph_n_stages(r->g) * sizeof(int32_t);
    if (room > r->wanted.len) buf_zeros(&r->wanted, room - r->wanted.len);
    TRY(buf_check(&r->wanted, e));
    for (int i = 0; i < c->n; i++)
        if ((*n_wanting(r, stages[i]))++ == 0) r->epochs_wanted += c->stage[i].epochs;
    return OK;
}

static status forget_rest(run *r, int number, err *e)
{
    chain c;
    TRY(run_plan_trial(r, number, &c, e));
    for (int i = run_stages_until(&c, run_course(r, number)->rung); i < c.n; i++) {
        const int stage = graph_find_stage(r->g, &c.stage[i].request.key);
        if (--*n_wanting(r, stage) == 0) r->epochs_wanted -= c.stage[i].epochs;
    }
    return OK;
}

status run_forget_stopped(run *r, int n, err *e)
{
    for (; r->o->rule && r->n_ends_counted < n; r->n_ends_counted++) {
        if (graph_get_trial(r->g, r->n_ends_counted)->state != TRIAL_STOPPED) continue;
        arena_mark_t mark = arena_mark(&r->memory);
        status s = forget_rest(r, r->n_ends_counted, e);
        arena_release(&r->memory, mark);
        TRY(s);
    }
    return OK;
}

status run_sum_saved(run *r, err *e)
{
    TRY(run_forget_stopped(r, graph_n_trials(r->g), e));
    r->now.epochs = r->epochs;
    r->now.epochs_saved = r->epochs - r->epochs_wanted;
    return OK;
}
