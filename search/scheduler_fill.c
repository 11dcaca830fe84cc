/* How trials come into graph and store, and what earlier runs left of their stages. */
#include "search/scheduler_parts.h"

#include <string.h>
#include <sys/stat.h>

#include "engine/base/file.h"

/* --- filling the graph --- */

/* Parents stand before their children, so what a child waits for is known here. */
static status recall_failure(run *r, const hash *key, int number, err *e)
{
    bool is_hopeless;
    TRY(store_stage_is_hopeless(r->o->results, key, &is_hopeless, e));
    if (is_hopeless) {
        graph_set_known(r->g, number, BUILD_FAILED);
        return OK;
    }
    r->now.stages_again++;
    return store_stage_reset(r->o->results, key, e);
}

static status take_over(run *r, const stage_request *rq, int number, err *e)
{
    const sched_options *o = r->o;
    bool taken;
    TRY(warm_take(o->earlier, o->results, o->run_id, o->artifacts, rq->kind, &rq->key, &r->memory,
                  &taken, e));
    if (!taken) return OK;
    graph_set_known(r->g, number, BUILD_DONE);
    r->now.stages_reused++;
    return OK;
}

/* A new stage gets its row; what an earlier run made of it is read back. */
static status record_stage(run *r, const stage_request *rq, int number, err *e)
{
    store_stage row = {.kind = stage_kind_name(rq->kind),
                       .params = rq->params,
                       .version = stage_version(rq->kind),
                       .key = rq->key,
                       .n_parents = rq->n_parents,
                       .parent = rq->parent};
    TRY(store_add_stage(r->o->results, &row, e));
    bool found;
    store_state state;
    uint64_t bytes;
    hash content;
    int tries;
    TRY(store_stage_state(r->o->results, &rq->key, &found, &state, &bytes, &content, &tries, e));
    if (state == STATE_DONE) {
        graph_set_known(r->g, number, BUILD_DONE);
        r->now.stages_reused++;
    } else if (state == STATE_FAILED || state == STATE_TIMEOUT) {
        return recall_failure(r, &rq->key, number, e);
    } else if (r->o->earlier) {
        return take_over(r, rq, number, e);
    }
    return OK;
}

/* A trial that failed is open again when all of its stages are. */
static bool is_open_again(const run *r, const int *stages, int n)
{
    for (int i = 0; i < n; i++)
        if (graph_get_stage(r->g, stages[i]).state == BUILD_FAILED) return false;
    return true;
}

/* Where a rule is asked first. */
static int first_rung(const stop_rule *rule, const chain *c)
{
    const bool has_start = c->n_rungs > 0 && c->rung[0].epochs == 0;
    return has_start && !rule->judges_at_start ? 1 : 0;
}

static status begin_course(run *r, const suggestion *s, const chain *c, graph_trial *t, int *n,
                           err *e)
{
    course k = {.what = *s, .rung = c->n_rungs};
    if (t->state == TRIAL_OPEN && s->seed_index == 0) k.rung = first_rung(r->o->rule, c);
    t->pauses = k.rung < c->n_rungs;
    *n = run_stages_until(c, k.rung);
    buf_put(&r->courses, &k, sizeof k);
    return buf_check(&r->courses, e);
}

static status record_trial(run *r, const suggestion *s, const chain *c, const int *stages, err *e)
{
    int n = c->n;
    graph_trial t = {.candidate = s->candidate, .seed_index = s->seed_index, .state = TRIAL_OPEN};
    TRY(store_add_trial(r->o->results, &c->row, &t.id, e));
    bool found;
    int64_t id;
    store_state state;
    TRY(store_trial_state(r->o->results, &c->row.config_hash, c->row.seed, &found, &id, &state, e));
    if (state == STATE_DONE) t.state = TRIAL_DONE;
    if (state == STATE_FAILED || state == STATE_TIMEOUT) {
        t.state = is_open_again(r, stages, c->n) ? TRIAL_OPEN : TRIAL_FAILED;
        if (t.state == TRIAL_OPEN) TRY(store_trial_reset(r->o->results, t.id, e));
    }
    if (r->guide) buf_put(&r->rows, &t.id, sizeof t.id);
    TRY(buf_check(&r->rows, e));
    if (r->o->rule) TRY(begin_course(r, s, c, &t, &n, e));
    return graph_add_trial(r->g, &t, stages, n, e);
}

static status add_suggestion(run *r, const suggestion *s, err *e)
{
    chain c;
    int stages[CHAIN_MAX];
    TRY(r->o->make_chain(r->o->make_chain_user, s, &r->memory, &c, e));
    for (int i = 0; i < c.n; i++) {
        bool is_new;
        TRY(graph_add_stage(r->g, &c.stage[i].request, c.stage[i].predicted_seconds,
                            graph_n_trials(r->g), i, &stages[i], &is_new, e));
        if (!is_new) continue;
        r->epochs += c.stage[i].epochs;
        TRY(record_stage(r, &c.stage[i].request, stages[i], e));
    }
    TRY(run_want(r, &c, stages, e));
    return record_trial(r, s, &c, stages, e);
}

static bool is_within_budget(const run *r)
{
    const sched_options *o = r->o;
    return (o->max_trials == 0 || graph_n_trials(r->g) < o->max_trials) &&
           (o->max_epochs == 0 || r->epochs_wanted < o->max_epochs);
}

/* Takes a suggestion into graph and store, without deciding what is to be built. */
static status take_in(run *r, const suggestion *s, err *e)
{
    TRY(run_open_group(r, e));
    arena_mark_t mark = arena_mark(&r->memory);
    status added = add_suggestion(r, s, e);
    arena_release(&r->memory, mark);
    return added;
}

/* All trials at once, of a sampler that learns nothing. */
status run_fill(run *r, err *e)
{
    const history nothing = {0};
    bool end = false;
    while (!end && r->n_signals == 0 && is_within_budget(r)) {
        suggestion s;
        TRY(r->o->source->next(r->o->source, &nothing, &s, &end, e));
        if (end) break;
        TRY(take_in(r, &s, e));
        if (graph_n_trials(r->g) % RUN_GROUP) continue;
        TRY(run_close_group(r, e));
        run_count_signals(r);
        run_tell(r, (sched_event){.kind = SCHED_PLANNED});
    }
    r->cut_short = !end && r->n_signals > 0;
    return run_close_group(r, e);
}

/* --- taking over what is there --- */

static status check_artifact(const char *path, uint64_t bytes, const hash *content, bool *whole,
                             err *e)
{
    struct stat st;
    hash found;
    *whole = stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes;
    if (!*whole) return OK;
    TRY(hash_file(path, &found, e));
    *whole = strcmp(found.text, content->text) == 0;
    return OK;
}

static status inspect(void *user, int stage, bool *whole, err *e)
{
    run *r = user;
    hash key = graph_key(r->g, stage), content;
    bool found;
    store_state state;
    uint64_t bytes;
    int tries;
    TRY(store_stage_state(r->o->results, &key, &found, &state, &bytes, &content, &tries, e));
    arena_mark_t mark = arena_mark(&r->memory);
    const char *path =
        stage_path(&r->memory, r->o->artifacts, graph_get_stage(r->g, stage).kind, &key);
    status s =
        path ? check_artifact(path, bytes, &content, whole, e) : FAIL(e, ERR_MEM, "out of memory");
    if (s == OK && !*whole) {
        s = run_open_group(r, e);
        if (s == OK) s = store_stage_reset(r->o->results, &key, e);
        r->now.stages_reused--;
        sched_event ev = run_about_stage(r, SCHED_DAMAGED, stage);
        ev.text = path;
        run_tell(r, ev);
    }
    arena_release(&r->memory, mark);
    return s;
}

/* --- deciding what is built --- */

static int n_to_start(const run *r)
{
    return graph_count(r->g, BUILD_WAITING) + graph_count(r->g, BUILD_READY);
}

status run_settle(run *r, err *e)
{
    TRY(graph_settle(r->g, inspect, r, e));
    r->now.stages = n_to_start(r);
    TRY(run_close_what_is_decided(r, NULL, e));
    r->now.stages_failed = 0;
    return run_close_group(r, e);
}

/* The same for a trial that comes, or goes on, while stages run. */
status run_settle_more(run *r, err *e)
{
    const int before = n_to_start(r);
    TRY(graph_settle(r->g, inspect, r, e));
    r->now.stages += n_to_start(r) - before;
    return OK;
}

/* --- asking for trials while stages run --- */

static status is_found(const run *r, bool *enough, err *e)
{
    *enough = false;
    if (!r->o->is_enough) return OK;
    history h = guide_history(r->guide, guide_n_asked(r->guide));
    return r->o->is_enough(r->o->is_enough_user, &h, (const int64_t *)(void *)r->rows.data, enough,
                           e);
}

status run_ask_for_trial(run *r, err *e)
{
    suggestion s;
    int number;
    bool enough;
    TRY(is_found(r, &enough, e));
    TRY(run_forget_stopped(r, guide_history(r->guide, guide_n_asked(r->guide)).n_known, e));
    r->exhausted = enough || !is_within_budget(r);
    if (r->exhausted) return OK;
    TRY(guide_ask(r->guide, &s, &number, &r->exhausted, e));
    if (r->exhausted) return OK;
    TRY(take_in(r, &s, e));
    const trial_state taken = graph_get_trial(r->g, number)->state;
    const int failed = r->now.stages_failed;
    TRY(run_settle_more(r, e));
    TRY(run_close_what_is_decided(r, NULL, e));
    r->now.stages_failed = failed;
    const bool is_old = taken == TRIAL_DONE || taken == TRIAL_FAILED; /* of an earlier run */
    return is_old ? run_tell_guide(r, number, e) : OK;
}
