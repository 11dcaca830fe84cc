/* One loop: give what is ready to who is free, commit, wait for news. All writes that the news of
 * one wait cause are one transaction, committed after the next jobs are given, so that workers do
 * not wait for the disk; an artifact is in its place before its row says so, since the worker put
 * it there before it spoke. */
#include "search/scheduler.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "search/crew.h"
#include "search/graph.h"

enum { FILL_GROUP = 2000, MOST_UNSTARTED = 3 };
static const double tick_seconds = 1;

typedef struct {
    const sched_options *o;
    graph *g;
    crew *workers;
    arena memory; /* scratch: empty between steps */
    int signals;  /* a byte comes here for each SIGINT and SIGTERM */
    int n_signals;
    int n_unstarted; /* workers lost before their first word, in a row */
    bool in_group;   /* a transaction is open */
    bool out_of_time;
    bool cut_short; /* interrupted before all trials were in the store */
    guide *guide;   /* NULL: all trials are there before the first stage runs */
    bool exhausted; /* nothing more will be suggested */
    buf rows;       /* int64_t: of each suggestion of the guide */
    const char *metric[PROBLEM_MAX_METRICS]; /* names of the problem's */
    double epochs;                           /* of all trials, shared ones once */
    double began, last_tick;
    double predicted_done, measured_done; /* seconds of the stages built by this run */
    sched_figures now;
} run;

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
        int closed = r->now.trials_done + r->now.trials_failed;
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

static status record_trial(run *r, const suggestion *s, const chain *c, const int *stages, err *e)
{
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
    return graph_add_trial(r->g, &t, stages, c->n, e);
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
    char each[16];
    ssize_t n;
    while ((n = read(r->signals, each, sizeof each)) > 0) r->n_signals += (int)n;
}

static bool is_within_budget(const run *r)
{
    const sched_options *o = r->o;
    return (o->max_trials == 0 || graph_n_trials(r->g) < o->max_trials) &&
           (o->max_epochs == 0 || r->epochs < o->max_epochs);
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

/* What became of a trial, for the sampler. Its figures come from the store, whoever measured them. */
static status tell_guide(run *r, int number, err *e)
{
    const graph_trial *t = graph_get_trial(r->g, number);
    double value[PROBLEM_MAX_METRICS];
    tried end = {.state = TRIED_FAILED};
    if (t->state == TRIAL_DONE) {
        TRY(store_trial_figures(r->o->results, t->id, r->o->p->n_metrics, r->metric, value, e));
        end = (tried){.state = TRIED_DONE, .value = value};
    }
    return guide_tell(r->guide, number, &end, e);
}

static status close_trial(run *r, int number, const reason *why, err *e)
{
    const graph_trial *t = graph_get_trial(r->g, number);
    bool is_done = t->state == TRIAL_DONE;
    if (is_done)
        TRY(store_trial_done(r->o->results, t->id, e));
    else
        TRY(store_trial_failed(r->o->results, t->id, why->state, why->code, why->text, e));
    tell(r, (sched_event){.kind = is_done ? SCHED_TRIAL_DONE : SCHED_TRIAL_FAILED,
                          .trial = t->id,
                          .code = is_done ? "" : why->code,
                          .text = is_done ? "" : why->text});
    return r->guide ? tell_guide(r, number, e) : OK;
}

/* Writes the rows of all trials that the graph closed and of the stages that cannot be built any
 * more because of another. */
static status close_what_is_decided(run *r, const reason *why, err *e)
{
    TRY(open_group(r, e));
    for (int i; (i = graph_take_spoiled(r->g)) >= 0;) {
        hash key = graph_key(r->g, i);
        store_outcome none = {.run_id = r->o->run_id};
        TRY(store_stage_failed(r->o->results, &key, STATE_FAILED, "parent", why->text, &none, e));
        r->now.stages_failed++;
    }
    for (int i; (i = graph_take_closed(r->g)) >= 0;) TRY(close_trial(r, i, why, e));
    return OK;
}

static int n_to_start(const run *r)
{
    return graph_count(r->g, BUILD_WAITING) + graph_count(r->g, BUILD_READY);
}

static status settle(run *r, err *e)
{
    static const reason earlier = {
        STATE_FAILED, "parent",
        "a stage that it shares with another trial failed in an earlier run"};
    TRY(graph_settle(r->g, inspect, r, e));
    r->now.stages = n_to_start(r);
    TRY(close_what_is_decided(r, &earlier, e));
    r->now.stages_failed = 0;
    return close_group(r, e);
}

/* --- asking for trials while stages run --- */

static const char *put_reason(char *text, size_t n, const char *kind, const hash *key,
                              const char *why)
{
    snprintf(text, n, "%s stage %.8s: %s", kind, key->text, why);
    return text;
}

/* What a new trial brings into the graph may be decided already: a stage that it shares has failed. Its
 * reason is then the one that it would have had, had it come before that failure. */
static status settle_new_trial(run *r, int number, err *e)
{
    char text[sizeof((err *)0)->msg + 80];
    reason why = {STATE_FAILED, "parent", ""};
    bool found;
    store_failure f;
    const int before = n_to_start(r), failed = r->now.stages_failed;
    const int64_t row = graph_get_trial(r->g, number)->id;
    TRY(graph_settle(r->g, inspect, r, e));
    r->now.stages += n_to_start(r) - before;
    TRY(store_trial_failure(r->o->results, row, &r->memory, &found, &f, e));
    if (found)
        why = (reason){f.state, f.code, put_reason(text, sizeof text, f.kind, &f.key, f.text)};
    TRY(close_what_is_decided(r, &why, e));
    r->now.stages_failed = failed;
    return OK;
}

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
    arena_mark_t mark = arena_mark(&r->memory);
    status settled = settle_new_trial(r, number, e);
    arena_release(&r->memory, mark);
    TRY(settled);
    return was_open ? OK : tell_guide(r, number, e);
}

/* --- giving jobs --- */

static status give_stage(run *r, int stage, int slot, err *e)
{
    graph_stage s = graph_get_stage(r->g, stage);
    const graph_trial *t = graph_get_trial(r->g, s.trial);
    chain c;
    TRY(r->o->make_chain(r->o->make_chain_user, &(suggestion){t->candidate, -1, t->seed_index},
                         &r->memory, &c, e));
    stage_request *rq = &c.stage[s.position].request;
    hash key = graph_key(r->g, stage);
    if (s.position >= c.n || strcmp(rq->key.text, key.text) != 0)
        return FAIL(e, ERR_STATE, "candidate %lld was planned differently the second time",
                    (long long)t->candidate);
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
    char text[sizeof((err *)0)->msg + 80];
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
        TRY(crew_poll(r->workers, seconds_to_wait(r), r->signals, hear, r, e));
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
    tell(r, (sched_event){.kind = SCHED_ENDED});
    return OK;
}

/* --- signals --- */

/* A handler takes no argument: the write end of the pipe that it wakes us by is this file's only state.
 * A handler and not signalfd, since threads of a library (OpenBLAS has some from the start) do not
 * block the signals that we block, and would die of them. */
static int wake_end = -1;

static void wake_up(int signal_number)
{
    int kept = errno;
    ssize_t n = write(wake_end, "", 1); /* when the pipe is full there are signals enough in it */
    (void)n, (void)signal_number;
    errno = kept;
}

typedef struct {
    struct sigaction interrupt, terminate, pipe;
} old_signals;

static bool open_wake_pipe(run *r)
{
    int fd[2];
    if (pipe(fd) != 0) return false;
    r->signals = fd[0];
    wake_end = fd[1];
    for (int i = 0; i < 2; i++)
        if (fcntl(fd[i], F_SETFL, O_NONBLOCK) != 0 || fcntl(fd[i], F_SETFD, FD_CLOEXEC) != 0)
            return false;
    return true;
}

static void close_wake_pipe(run *r)
{
    if (r->signals >= 0) close(r->signals);
    if (wake_end >= 0) close(wake_end);
    r->signals = wake_end = -1;
}

static status take_signals(run *r, old_signals *old, err *e)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction wake = {.sa_handler = wake_up, .sa_flags = SA_RESTART};
    if (!open_wake_pipe(r)) {
        close_wake_pipe(r);
        return FAIL(e, ERR_IO, "cannot watch signals: %s", strerror(errno));
    }
    sigaction(SIGPIPE, &ignore, &old->pipe);
    sigaction(SIGINT, &wake, &old->interrupt);
    sigaction(SIGTERM, &wake, &old->terminate);
    return OK;
}

static void give_signals_back(run *r, const old_signals *old)
{
    sigaction(SIGINT, &old->interrupt, NULL);
    sigaction(SIGTERM, &old->terminate, NULL);
    sigaction(SIGPIPE, &old->pipe, NULL);
    close_wake_pipe(r);
}

status scheduler_run(const sched_options *o, sched_end *end, sched_figures *figures, err *e)
{
    run r = {.o = o, .signals = -1, .began = clock_wall()};
    old_signals old;
    arena_init(&r.memory, 0);
    TRY(take_signals(&r, &old, e));
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
    arena_free(&r.memory);
    give_signals_back(&r, &old);
    return s;
}
