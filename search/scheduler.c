/* One loop: give what is ready to who is free, commit, wait for news. All writes that the news of
 * one wait cause are one transaction, committed after the next jobs are given, so that workers do
 * not wait for the disk; an artifact is in its place before its row says so, since the worker put
 * it there before it spoke. */
#include "search/scheduler_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/buf.h"
#include "engine/base/clock.h"
#include "engine/base/file.h"

enum { MOST_UNSTARTED = 3 };
static const double tick_seconds = 1;

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

void run_tell(run *r, sched_event ev)
{
    if (!r->o->watch) return;
    bring_up_to_date(r);
    ev.now = &r->now;
    if (!ev.stage) ev.stage = "";
    if (!ev.code) ev.code = "";
    if (!ev.text) ev.text = "";
    r->o->watch(r->o->watch_user, &ev);
}

sched_event run_about_stage(const run *r, sched_event_kind kind, int stage)
{
    graph_stage s = graph_get_stage(r->g, stage);
    return (sched_event){.kind = kind,
                         .stage = stage_kind_name(s.kind),
                         .key = graph_key(r->g, stage),
                         .trial = graph_get_trial(r->g, s.trial)->id};
}

/* --- the store --- */

status run_open_group(run *r, err *e)
{
    if (r->in_group) return OK;
    TRY(store_begin(r->o->results, e));
    r->in_group = true;
    return OK;
}

status run_close_group(run *r, err *e)
{
    if (!r->in_group) return OK;
    r->in_group = false;
    return store_commit(r->o->results, e);
}

/* Signals that came in are counted; they are never waited for. */
void run_count_signals(run *r)
{
    r->n_signals += wakeup_count(&r->signals);
}

/* --- giving jobs --- */

static status give_stage(run *r, int stage, int slot, err *e)
{
    graph_stage s = graph_get_stage(r->g, stage);
    chain c;
    TRY(run_plan_trial(r, s.trial, &c, e));
    stage_request *rq = &c.stage[s.position].request;
    hash key = graph_key(r->g, stage);
    if (s.position >= c.n || strcmp(rq->key.text, key.text) != 0)
        return FAIL(e, ERR_STATE, "candidate %lld was planned differently the second time",
                    (long long)graph_get_trial(r->g, s.trial)->candidate);
    rq->folder = r->o->artifacts;
    TRY(run_open_group(r, e));
    TRY(store_stage_running(r->o->results, &key, e));
    TRY(crew_give(r->workers, slot, (uint64_t)stage, rq, e));
    run_tell(r, run_about_stage(r, SCHED_STAGE_STARTED, stage));
    return OK;
}

static bool is_stopping(const run *r)
{
    return r->n_signals > 0 || r->out_of_time;
}

static void look_at_clock_and_signals(run *r)
{
    bool was_stopping = is_stopping(r);
    run_count_signals(r);
    double now = clock_wall();
    if (r->o->max_seconds > 0 && now - r->began > r->o->max_seconds) r->out_of_time = true;
    if (is_stopping(r) && !was_stopping)
        run_tell(
            r, (sched_event){.kind = SCHED_DRAINING,
                             .code = r->n_signals ? "interrupted" : "time",
                             .text = r->n_signals ? "interrupted" : "the time budget is used up"});
    if (now - r->last_tick < tick_seconds) return;
    r->last_tick = now;
    run_tell(r, (sched_event){.kind = SCHED_TICK});
}

/* As many as the guide gives now. Trials that are closed already bring the next ones at once. */
static status ask_for_trials(run *r, err *e)
{
    while (!r->exhausted && !is_stopping(r) && guide_may_ask(r->guide)) {
        TRY(run_ask_for_trial(r, e));
        if (graph_n_trials(r->g) % RUN_GROUP == 0) TRY(run_close_group(r, e));
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
    TRY(run_open_group(r, e));
    TRY(store_stage_done(r->o->results, &key, &outcome, e));
    TRY(graph_finish(r->g, stage, e));
    r->now.stages_done++;
    r->predicted_done += s.predicted_seconds;
    r->measured_done += ev->seconds;
    sched_event done = run_about_stage(r, SCHED_STAGE_DONE, stage);
    done.seconds = ev->seconds;
    run_tell(r, done);
    return run_close_what_is_decided(r, &(reason){0}, e);
}

static status fail_stage(run *r, const crew_event *ev, const reason *why, err *e)
{
    int stage = (int)ev->ticket;
    graph_stage s = graph_get_stage(r->g, stage);
    hash key = graph_key(r->g, stage);
    char text[REASON_BYTES];
    run_put_reason(text, sizeof text, stage_kind_name(s.kind), &key, why->text);
    store_outcome outcome = {
        .run_id = r->o->run_id, .wall_seconds = ev->seconds, .tries = s.tries + 1};
    TRY(run_open_group(r, e));
    TRY(store_stage_failed(r->o->results, &key, why->state, why->code, why->text, &outcome, e));
    TRY(graph_fail(r->g, stage, e));
    r->now.stages_failed++;
    sched_event failed = run_about_stage(r, SCHED_STAGE_FAILED, stage);
    failed.seconds = ev->seconds;
    failed.code = why->code;
    failed.text = why->text;
    run_tell(r, failed);
    return run_close_what_is_decided(r, &(reason){why->state, why->code, text}, e);
}

/* The worker is to blame, not yet the stage; and nobody while we are asked to stop, since whoever asks
 * (a batch system, a shutdown) often ends workers in the same breath. */
static status lose_try(run *r, const crew_event *ev, const reason *why, err *e)
{
    int stage = (int)ev->ticket;
    run_count_signals(r);
    if (r->n_signals > 0) return graph_retry(r->g, stage, false, e);
    if (graph_get_stage(r->g, stage).tries >= r->o->retries) return fail_stage(r, ev, why, e);
    TRY(graph_retry(r->g, stage, true, e));
    sched_event again = run_about_stage(r, SCHED_STAGE_RETRY, stage);
    again.seconds = ev->seconds;
    again.code = why->code;
    again.text = why->text;
    run_tell(r, again);
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
    sched_event p = run_about_stage(r, SCHED_STAGE_PROGRESS, (int)ev->ticket);
    p.done = ev->done;
    p.total = ev->total;
    p.figure = ev->figure;
    p.seconds = ev->seconds;
    run_tell(r, p);
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
        if (r->n_signals > 1) return run_close_group(r, e); /* crew_close kills who is busy */
        if (r->guide) TRY(ask_for_trials(r, e));
        TRY(give_what_is_ready(r, e));
        TRY(run_close_group(r, e));
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
        TRY(run_fill(r, e));
        return run_settle(r, e);
    }
    for (int i = 0; i < o->p->n_metrics; i++) r->metric[i] = o->p->metric[i].name;
    TRY(guide_open(o->p, o->source, o->window, &r->guide, e));
    TRY(ask_for_trials(r, e));
    return run_close_group(r, e);
}

static status coordinate(run *r, err *e)
{
    crew_options crew_o = {&r->o->start, r->o->n_workers, r->o->stage_seconds, r->o->version};
    TRY(file_make_folder(r->o->artifacts, e));
    stage_remove_leftovers(r->o->artifacts);
    TRY(graph_new(&r->g, e));
    TRY(crew_open(&crew_o, &r->workers, e));
    TRY(begin(r, e));
    run_tell(r, (sched_event){.kind = SCHED_STARTED});
    TRY(work(r, e));
    r->cut_short |= r->guide && !r->exhausted;
    TRY(run_sum_saved(r, e));
    run_tell(r, (sched_event){.kind = SCHED_ENDED});
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
        run_close_group(&r,
                        NULL); /* what was built is worth keeping; a group that failed is gone */
    }
    crew_close(r.workers);
    graph_free(r.g);
    guide_free(r.guide);
    buf_free(&r.rows);
    buf_free(&r.courses);
    buf_free(&r.paused);
    buf_free(&r.wanted);
    arena_free(&r.memory);
    wakeup_close(&r.signals);
    return s;
}
