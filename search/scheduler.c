/* One loop: give what is ready to who is free, commit, wait for news. All writes that the news of
 * one wait cause are one transaction, committed after the next jobs are given, so that workers do
 * not wait for the disk; an artifact is in its place before its row says so, since the worker put
 * it there before it spoke. */
#include "search/scheduler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/buf.h"
#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "search/crew.h"
#include "search/curve.h"
#include "search/graph.h"
#include "search/wakeup.h"

enum { FILL_GROUP = 2000, MOST_UNSTARTED = 3 };
static const double tick_seconds = 1;

typedef struct {
    const sched_options *o;
    graph *g;
    crew *workers;
    arena memory; /* scratch: empty between steps */
    wakeup signals;
    int n_signals;
    int n_unstarted; /* workers lost before their first word, in a row */
    bool in_group;   /* a transaction is open */
    bool out_of_time;
    bool cut_short; /* interrupted before all trials were in the store */
    guide *guide;   /* NULL: all trials are there before the first stage runs */
    bool exhausted; /* nothing more will be suggested */
    buf rows;       /* int64_t: of each suggestion of the guide */
    buf courses;    /* course: of each suggestion, with a stop rule */
    buf paused;     /* int: trials that the rule is to be asked about */
    const char *metric[PROBLEM_MAX_METRICS]; /* names of the problem's */
    double epochs;                           /* of all trials, shared ones once */
    double began, last_tick;
    double predicted_done, measured_done; /* seconds of the stages built by this run */
    sched_figures now;
} run;

/* How far a trial has come that a stop rule has a say in. */
typedef struct {
    suggestion what;
    int rung;        /* that it is built to; behind the last: to its end */
    bool is_audited; /* finished although the rule would have stopped it */
    store_stop said; /* by the rule, then */
    double
        saved; /* epochs that nobody had been going to train but this trial, when it was stopped */
} course;

static course *course_of(const run *r, int number)
{
    return (course *)(void *)r->courses.data + number;
}

/* --- telling the watcher --- */

/* What a search that learns may come to, as far as it can be told. */
static int64_t most_trials(const run *r)
{
    int64_t n = graph_n_trials(r->g);
    if (!r->guide || r->exhausted) return n;
    int64_t most = r->o->p->n_points;
    if (r->o->max_trials > 0 && r->o->max_trials < most) most = r->o->max_trials;
    return most > n ? most : n;
}

/* Predicted seconds of what is left, scaled by how wrong predictions were so far; without
 * predictions, stages left times their mean. Of trials that nobody knows yet, their number times the mean
 * of those that are closed. */
static double guess_eta(const run *r)
{
    double left = graph_seconds_left(r->g), n_workers = r->o->n_workers;
    if (r->guide && !r->exhausted) {
        int closed = r->now.trials_done + r->now.trials_stopped + r->now.trials_failed;
        return closed && r->measured_done > 0
                   ? (double)(most_trials(r) - closed) * r->measured_done / closed / n_workers
                   : (double)NAN;
    }
    int n_left = r->now.stages - r->now.stages_done - r->now.stages_failed;
    if (n_left <= 0) return 0;
    if (left > 0 && r->predicted_done > 0)
        return left * r->measured_done / r->predicted_done / n_workers;
    if (left > 0) return left / n_workers;
    if (r->now.stages_done > 0) return n_left * r->measured_done / r->now.stages_done / n_workers;
    return (double)NAN;
}

static void bring_up_to_date(run *r)
{
    r->now.trials = graph_n_trials(r->g);
    r->now.trials_done = graph_count_trials(r->g, TRIAL_DONE);
    r->now.trials_stopped = graph_count_trials(r->g, TRIAL_STOPPED);
    r->now.trials_failed = graph_count_trials(r->g, TRIAL_FAILED);
    r->now.most_trials = most_trials(r);
    r->now.running = graph_count(r->g, BUILD_RUNNING);
    r->now.elapsed_seconds = clock_wall() - r->began;
    r->now.eta_seconds = guess_eta(r);
}

static void tell(run *r, sched_event ev)
{
    if (!r->o->watch) return;
    bring_up_to_date(r);
    ev.now = &r->now;
    if (!ev.stage) ev.stage = "";
    if (!ev.code) ev.code = "";
    if (!ev.text) ev.text = "";
    r->o->watch(r->o->watch_user, &ev);
}

static sched_event about_stage(const run *r, sched_event_kind kind, int stage)
{
    graph_stage s = graph_get_stage(r->g, stage);
    return (sched_event){.kind = kind,
                         .stage = stage_kind_name(s.kind),
                         .key = graph_key(r->g, stage),
                         .trial = graph_get_trial(r->g, s.trial)->id};
}

/* --- the store --- */

static status open_group(run *r, err *e)
{
    if (r->in_group) return OK;
    TRY(store_begin(r->o->results, e));
    r->in_group = true;
    return OK;
}

static status close_group(run *r, err *e)
{
    if (!r->in_group) return OK;
    r->in_group = false;
    return store_commit(r->o->results, e);
}

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

/* How many stages of a chain lead to a rung, or behind the last one to its end. */
static int stages_until(const chain *c, int rung)
{
    return rung < c->n_rungs ? c->rung[rung].stage + 1 : c->n;
}

static status begin_course(run *r, const suggestion *s, const chain *c, graph_trial *t, int *n,
                           err *e)
{
    course k = {.what = *s, .rung = c->n_rungs};
    t->pauses = t->state == TRIAL_OPEN && c->n_rungs > 0 && s->seed_index == 0;
    if (t->pauses) k.rung = 0;
    *n = stages_until(c, k.rung);
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
    return record_trial(r, s, &c, stages, e);
}

/* Signals that came in are counted; they are never waited for. */
static void count_signals(run *r)
{
    r->n_signals += wakeup_count(&r->signals);
}

/* Epochs of the trials so far, without what is known to have been saved when the next one is decided: the
 * same for any number of workers. */
static double count_epochs(const run *r)
{
    double n = r->epochs;
    if (!r->o->rule) return n;
    const int known = guide_history(r->guide, guide_n_asked(r->guide)).n_known;
    for (int i = 0; i < known; i++) n -= course_of(r, i)->saved;
    return n;
}

static bool is_within_budget(const run *r)
{
    const sched_options *o = r->o;
    return (o->max_trials == 0 || graph_n_trials(r->g) < o->max_trials) &&
           (o->max_epochs == 0 || count_epochs(r) < o->max_epochs);
}

/* Takes a suggestion into graph and store, without deciding what is to be built. */
static status take_in(run *r, const suggestion *s, err *e)
{
    TRY(open_group(r, e));
    arena_mark_t mark = arena_mark(&r->memory);
    status added = add_suggestion(r, s, e);
    arena_release(&r->memory, mark);
    return added;
}

/* All trials at once, of a sampler that learns nothing. */
static status fill(run *r, err *e)
{
    const history nothing = {0};
    bool end = false;
    while (!end && r->n_signals == 0 && is_within_budget(r)) {
        suggestion s;
        TRY(r->o->source->next(r->o->source, &nothing, &s, &end, e));
        if (end) break;
        TRY(take_in(r, &s, e));
        if (graph_n_trials(r->g) % FILL_GROUP) continue;
        TRY(close_group(r, e));
        count_signals(r);
        tell(r, (sched_event){.kind = SCHED_PLANNED});
    }
    r->cut_short = !end && r->n_signals > 0;
    return close_group(r, e);
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
        s = open_group(r, e);
        if (s == OK) s = store_stage_reset(r->o->results, &key, e);
        r->now.stages_reused--;
        sched_event ev = about_stage(r, SCHED_DAMAGED, stage);
        ev.text = path;
        tell(r, ev);
    }
    arena_release(&r->memory, mark);
    return s;
}

/* --- closing trials --- */

typedef struct {
    store_state state;
    const char *code, *text;
} reason;

enum { REASON_BYTES = sizeof((err *)0)->msg + 80 };

static const char *put_reason(char *text, size_t n, const char *kind, const hash *key,
                              const char *why)
{
    snprintf(text, n, "%s stage %.8s: %s", kind, key->text, why);
    return text;
}

static status plan_trial(run *r, int number, chain *c, err *e)
{
    const graph_trial *t = graph_get_trial(r->g, number);
    return r->o->make_chain(r->o->make_chain_user, &(suggestion){t->candidate, -1, t->seed_index},
                            &r->memory, c, e);
}

/* The learning curve that a stage of the chain has recorded. */
static status read_curve(run *r, const chain *c, int stage, float **curve, int *n, err *e)
{
    bool found;
    store_outcome o;
    TRY(store_stage_outcome(r->o->results, &c->stage[stage].request.key, &r->memory, &found, &o,
                            e));
    *n = 0;
    return found && o.detail ? curve_read(o.detail, &r->memory, curve, n, e) : OK;
}

static status check_audit(run *r, int number, const double *value, err *e)
{
    const course *k = course_of(r, number);
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
    TRY(plan_trial(r, number, &c, e));
    if (c.n_epochs == 0) return OK;
    TRY(read_curve(r, &c, c.training, &curve, &end->n_epochs, e));
    end->curve = curve;
    return OK;
}

static status tell_guide(run *r, int number, err *e)
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
        *why = (reason){f.state, f.code, put_reason(text, REASON_BYTES, f.kind, &f.key, f.text)};
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
    tell(r, (sched_event){
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
        if (s == OK) tell(r, (sched_event){.kind = SCHED_TRIAL_DONE, .trial = t->id});
    } else {
        s = write_failure(r, t->id, why, e);
    }
    arena_release(&r->memory, mark);
    TRY(s);
    return r->guide ? tell_guide(r, number, e) : OK;
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

/* Writes the rows of all that the graph closed, and decides what paused; the one may bring more of the other.
 * All that ended is closed before anything is decided, since a decision may find out that what it
 * rests on is damaged. */
static status close_what_is_decided(run *r, const reason *why, err *e)
{
    TRY(open_group(r, e));
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

static int n_to_start(const run *r)
{
    return graph_count(r->g, BUILD_WAITING) + graph_count(r->g, BUILD_READY);
}

static status settle(run *r, err *e)
{
    TRY(graph_settle(r->g, inspect, r, e));
    r->now.stages = n_to_start(r);
    TRY(close_what_is_decided(r, NULL, e));
    r->now.stages_failed = 0;
    return close_group(r, e);
}

/* The same for a trial that comes, or goes on, while stages run. */
static status settle_more(run *r, err *e)
{
    const int before = n_to_start(r);
    TRY(graph_settle(r->g, inspect, r, e));
    r->now.stages += n_to_start(r) - before;
    return OK;
}

/* --- the stop rule --- */

/* Epochs that a stopped trial was the first to ask for and that nobody needs. */
static double count_saved(const run *r, int number, const chain *c, int rung)
{
    double n = 0;
    for (int i = stages_until(c, rung); i < c->n; i++) {
        const int stage = graph_find_stage(r->g, &c->stage[i].request.key);
        const graph_stage s = graph_get_stage(r->g, stage);
        if (s.trial == number && s.state == BUILD_NOT_NEEDED) n += c->stage[i].epochs;
    }
    return n;
}

static status stop_trial(run *r, int number, const chain *c, const stop_answer *answer,
                         const stop_case *at, err *e)
{
    course *k = course_of(r, number);
    const int64_t row = graph_get_trial(r->g, number)->id;
    const store_stop stop = {stages_until(c, k->rung), at->n_epochs, answer->chance};
    const tried end = {.state = TRIED_STOPPED,
                       .value = answer->value,
                       .curve = at->curve,
                       .n_epochs = at->n_epochs};
    graph_stop(r->g, number);
    k->saved = count_saved(r, number, c, k->rung);
    TRY(store_trial_stopped(r->o->results, row, &stop, e));
    tell(r, (sched_event){.kind = SCHED_TRIAL_STOPPED, .trial = row});
    return guide_tell(r->guide, number, &end, e);
}

static status go_on(run *r, int number, const chain *c, err *e)
{
    int stages[CHAIN_MAX];
    const int rung = course_of(r, number)->rung, n = stages_until(c, rung);
    for (int i = 0; i < n; i++) stages[i] = graph_find_stage(r->g, &c->stage[i].request.key);
    TRY(graph_go_on(r->g, number, stages, n, rung < c->n_rungs, e));
    return settle_more(r, e);
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
    course *k = course_of(r, number);
    stop_case at = {.number = number, .what = k->what};
    TRY(plan_trial(r, number, &c, e));
    TRY(read_curve(r, &c, c.rung[k->rung].stage, &curve, &at.n_epochs, e));
    at.curve = curve;
    TRY(ask_rule(r, number, &at, c.rung[k->rung].epochs, &answer, e));
    if (answer.stops) return stop_trial(r, number, &c, &answer, &at, e);
    if (answer.audited) k->said = (store_stop){.epochs = at.n_epochs, .chance = answer.chance};
    k->is_audited = answer.audited;
    k->rung = answer.audited ? c.n_rungs : k->rung + 1;
    return go_on(r, number, &c, e);
}

/* What was saved in the end: others may have gone on where a trial was stopped. */
static status sum_saved(run *r, err *e)
{
    r->now.epochs = r->epochs;
    for (int i = 0; r->o->rule && i < graph_n_trials(r->g); i++) {
        chain c;
        if (graph_get_trial(r->g, i)->state != TRIAL_STOPPED) continue;
        arena_mark_t mark = arena_mark(&r->memory);
        status s = plan_trial(r, i, &c, e);
        if (s == OK) r->now.epochs_saved += count_saved(r, i, &c, course_of(r, i)->rung);
        arena_release(&r->memory, mark);
        TRY(s);
    }
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

static status ask_for_trial(run *r, err *e)
{
    suggestion s;
    int number;
    bool enough;
    TRY(is_found(r, &enough, e));
    r->exhausted = enough || !is_within_budget(r);
    if (r->exhausted) return OK;
    TRY(guide_ask(r->guide, &s, &number, &r->exhausted, e));
    if (r->exhausted) return OK;
    TRY(take_in(r, &s, e));
    const bool was_open = graph_get_trial(r->g, number)->state == TRIAL_OPEN;
    const int failed = r->now.stages_failed;
    TRY(settle_more(r, e));
    TRY(close_what_is_decided(r, NULL, e));
    r->now.stages_failed = failed;
    return was_open ? OK : tell_guide(r, number, e);
}

/* --- giving jobs --- */

static status give_stage(run *r, int stage, int slot, err *e)
{
    graph_stage s = graph_get_stage(r->g, stage);
    chain c;
    TRY(plan_trial(r, s.trial, &c, e));
    stage_request *rq = &c.stage[s.position].request;
    hash key = graph_key(r->g, stage);
    if (s.position >= c.n || strcmp(rq->key.text, key.text) != 0)
        return FAIL(e, ERR_STATE, "candidate %lld was planned differently the second time",
                    (long long)graph_get_trial(r->g, s.trial)->candidate);
    rq->folder = r->o->artifacts;
    TRY(open_group(r, e));
    TRY(store_stage_running(r->o->results, &key, e));
    TRY(crew_give(r->workers, slot, (uint64_t)stage, rq, e));
    tell(r, about_stage(r, SCHED_STAGE_STARTED, stage));
    return OK;
}

static bool is_stopping(const run *r)
{
    return r->n_signals > 0 || r->out_of_time;
}

static void look_at_clock_and_signals(run *r)
{
    bool was_stopping = is_stopping(r);
    count_signals(r);
    double now = clock_wall();
    if (r->o->max_seconds > 0 && now - r->began > r->o->max_seconds) r->out_of_time = true;
    if (is_stopping(r) && !was_stopping)
        tell(r, (sched_event){.kind = SCHED_DRAINING,
                              .code = r->n_signals ? "interrupted" : "time",
                              .text = r->n_signals ? "interrupted" : "the time budget is used up"});
    if (now - r->last_tick < tick_seconds) return;
    r->last_tick = now;
    tell(r, (sched_event){.kind = SCHED_TICK});
}

/* As many as the guide gives now. Trials that are closed already bring the next ones at once. */
static status ask_for_trials(run *r, err *e)
{
    while (!r->exhausted && !is_stopping(r) && guide_may_ask(r->guide)) {
        TRY(ask_for_trial(r, e));
        if (graph_n_trials(r->g) % FILL_GROUP == 0) TRY(close_group(r, e));
        look_at_clock_and_signals(r);
    }
    return OK;
}

static status give_what_is_ready(run *r, err *e)
{
    for (int slot; !is_stopping(r) && (slot = crew_free_slot(r->workers)) >= 0;) {
        int stage = graph_start(r->g);
        if (stage < 0) return OK;
        arena_mark_t mark = arena_mark(&r->memory);
        status s = give_stage(r, stage, slot, e);
        arena_release(&r->memory, mark);
        TRY(s);
    }
    return OK;
}

/* --- taking results --- */

static status take_result(run *r, const crew_event *ev, err *e)
{
    int stage = (int)ev->ticket;
    const stage_result *res = ev->result;
    graph_stage s = graph_get_stage(r->g, stage);
    hash key = graph_key(r->g, stage);
    store_metric metric[STAGE_MAX_METRICS];
    for (int i = 0; i < res->n_metrics; i++)
        metric[i] = (store_metric){res->metric[i].name, res->metric[i].value};
    store_outcome outcome = {.run_id = r->o->run_id,
                             .artifact_bytes = res->artifact_bytes,
                             .artifact_hash = res->artifact_hash.text,
                             .cpu_seconds = res->cpu_seconds,
                             .wall_seconds = res->wall_seconds,
                             .n_metrics = res->n_metrics,
                             .metric = metric,
                             .detail = res->detail.len ? res->detail.data : NULL,
                             .tries = s.tries + 1};
    TRY(open_group(r, e));
    TRY(store_stage_done(r->o->results, &key, &outcome, e));
    TRY(graph_finish(r->g, stage, e));
    r->now.stages_done++;
    r->predicted_done += s.predicted_seconds;
    r->measured_done += ev->seconds;
    sched_event done = about_stage(r, SCHED_STAGE_DONE, stage);
    done.seconds = ev->seconds;
    tell(r, done);
    return close_what_is_decided(r, &(reason){0}, e);
}

static status fail_stage(run *r, const crew_event *ev, const reason *why, err *e)
{
    int stage = (int)ev->ticket;
    graph_stage s = graph_get_stage(r->g, stage);
    hash key = graph_key(r->g, stage);
    char text[REASON_BYTES];
    put_reason(text, sizeof text, stage_kind_name(s.kind), &key, why->text);
    store_outcome outcome = {
        .run_id = r->o->run_id, .wall_seconds = ev->seconds, .tries = s.tries + 1};
    TRY(open_group(r, e));
    TRY(store_stage_failed(r->o->results, &key, why->state, why->code, why->text, &outcome, e));
    TRY(graph_fail(r->g, stage, e));
    r->now.stages_failed++;
    sched_event failed = about_stage(r, SCHED_STAGE_FAILED, stage);
    failed.seconds = ev->seconds;
    failed.code = why->code;
    failed.text = why->text;
    tell(r, failed);
    return close_what_is_decided(r, &(reason){why->state, why->code, text}, e);
}

/* The worker is to blame, not yet the stage; and nobody while we are asked to stop, since whoever asks
 * (a batch system, a shutdown) often ends workers in the same breath. */
static status lose_try(run *r, const crew_event *ev, const reason *why, err *e)
{
    int stage = (int)ev->ticket;
    count_signals(r);
    if (r->n_signals > 0) return graph_retry(r->g, stage, false, e);
    if (graph_get_stage(r->g, stage).tries >= r->o->retries) return fail_stage(r, ev, why, e);
    TRY(graph_retry(r->g, stage, true, e));
    sched_event again = about_stage(r, SCHED_STAGE_RETRY, stage);
    again.seconds = ev->seconds;
    again.code = why->code;
    again.text = why->text;
    tell(r, again);
    return OK;
}

/* Not even the worker is to blame: the command or the machine. */
static status lose_start(run *r, const crew_event *ev, err *e)
{
    if (++r->n_unstarted >= MOST_UNSTARTED)
        return FAIL(e, ERR_STATE, "%d workers in a row ended before their first word: %s",
                    r->n_unstarted, ev->text);
    return graph_retry(r->g, (int)ev->ticket, false, e);
}

static status take_failure(run *r, const crew_event *ev, err *e)
{
    reason why = {STATE_FAILED, err_word(ev->code), ev->text};
    if (ev->code != ERR_MEM) return fail_stage(r, ev, &why, e);
    crew_dismiss(r->workers, ev->slot); /* the next try deserves unfragmented memory */
    return lose_try(r, ev, &why, e);
}

static void pass_progress(run *r, const crew_event *ev)
{
    sched_event p = about_stage(r, SCHED_STAGE_PROGRESS, (int)ev->ticket);
    p.done = ev->done;
    p.total = ev->total;
    p.figure = ev->figure;
    p.seconds = ev->seconds;
    tell(r, p);
}

static status hear(void *user, const crew_event *ev, err *e)
{
    run *r = user;
    if (ev->kind != CREW_UNSTARTED) r->n_unstarted = 0;
    switch (ev->kind) {
    case CREW_PROGRESS:
        pass_progress(r, ev);
        return OK;
    case CREW_RESULT:
        return take_result(r, ev, e);
    case CREW_FAILURE:
        return take_failure(r, ev, e);
    case CREW_TIMEOUT:
        return lose_try(r, ev, &(reason){STATE_TIMEOUT, "timeout", ev->text}, e);
    case CREW_LOST:
        return lose_try(r, ev, &(reason){STATE_FAILED, "died", ev->text}, e);
    case CREW_UNSTARTED:
        return lose_start(r, ev, e);
    }
    return OK;
}

/* --- the loop --- */

static double seconds_to_wait(const run *r)
{
    if (r->o->max_seconds <= 0 || r->out_of_time) return tick_seconds;
    double left = r->began + r->o->max_seconds - clock_wall();
    return left < 0 ? 0 : left < tick_seconds ? left : tick_seconds;
}

static status work(run *r, err *e)
{
    for (;;) {
        look_at_clock_and_signals(r);
        if (r->n_signals > 1) return close_group(r, e); /* crew_close kills who is busy */
        if (r->guide) TRY(ask_for_trials(r, e));
        TRY(give_what_is_ready(r, e));
        TRY(close_group(r, e));
        if (crew_n_busy(r->workers) == 0) return OK;
        TRY(crew_poll(r->workers, seconds_to_wait(r), r->signals.fd, hear, r, e));
    }
}

static sched_end how_it_ended(const run *r)
{
    bool all_built = graph_count(r->g, BUILD_READY) + graph_count(r->g, BUILD_WAITING) +
                         graph_count(r->g, BUILD_RUNNING) ==
                     0;
    if (all_built && graph_count_trials(r->g, TRIAL_OPEN) == 0 && !r->cut_short)
        return SCHED_COMPLETE;
    return r->n_signals ? SCHED_INTERRUPTED : SCHED_OUT_OF_TIME;
}

/* What is there before the first stage runs. */
static status begin(run *r, err *e)
{
    const sched_options *o = r->o;
    if (!o->p) {
        TRY(fill(r, e));
        return settle(r, e);
    }
    for (int i = 0; i < o->p->n_metrics; i++) r->metric[i] = o->p->metric[i].name;
    TRY(guide_open(o->p, o->source, o->window, &r->guide, e));
    TRY(ask_for_trials(r, e));
    return close_group(r, e);
}

static status coordinate(run *r, err *e)
{
    crew_options crew_o = {&r->o->start, r->o->n_workers, r->o->stage_seconds, r->o->version};
    TRY(file_make_folder(r->o->artifacts, e));
    stage_remove_leftovers(r->o->artifacts);
    TRY(graph_new(&r->g, e));
    TRY(crew_open(&crew_o, &r->workers, e));
    TRY(begin(r, e));
    tell(r, (sched_event){.kind = SCHED_STARTED});
    TRY(work(r, e));
    r->cut_short |= r->guide && !r->exhausted;
    TRY(sum_saved(r, e));
    tell(r, (sched_event){.kind = SCHED_ENDED});
    return OK;
}

status scheduler_run(const sched_options *o, sched_end *end, sched_figures *figures, err *e)
{
    run r = {.o = o, .began = clock_wall()};
    arena_init(&r.memory, 0);
    TRY(wakeup_open(&r.signals, e));
    status s = coordinate(&r, e);
    if (s == OK) {
        *end = how_it_ended(&r);
        bring_up_to_date(&r);
        *figures = r.now;
    } else {
        close_group(&r, NULL); /* what was built is worth keeping; a group that failed is gone */
    }
    crew_close(r.workers);
    graph_free(r.g);
    guide_free(r.guide);
    buf_free(&r.rows);
    buf_free(&r.courses);
    buf_free(&r.paused);
    arena_free(&r.memory);
    wakeup_close(&r.signals);
    return s;
}
