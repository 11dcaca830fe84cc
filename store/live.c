#include "store/live.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "store/handle.h"

#define MINE "(SELECT trial_id FROM space_trials WHERE space_id = " DB_LAST_SPACE ")"
#define SECONDS(time) "CAST(strftime('%s', " time ") AS INTEGER)"

static const double window_seconds = 300;

/* Five columns from `first` on: done, running, ready, stopped, failed. */
#define COUNTS(state)                                 \
    " count(*) FILTER (WHERE " state " = 'done'),"    \
    " count(*) FILTER (WHERE " state " = 'running')," \
    " count(*) FILTER (WHERE " state " = 'ready'),"   \
    " count(*) FILTER (WHERE " state " = 'stopped')," \
    " count(*) FILTER (WHERE " state " IN ('failed', 'timeout'))"

static live_counts read_counts(const query *q, int first)
{
    return (live_counts){
        .done = (int)query_column_int(q, first),
        .running = (int)query_column_int(q, first + 1),
        .ready = (int)query_column_int(q, first + 2),
        .stopped = (int)query_column_int(q, first + 3),
        .failed = (int)query_column_int(q, first + 4),
    };
}

static status read_trials(store *s, store_live *out, err *e)
{
    query q = db_query(&s->d, "SELECT " COUNTS("state") " FROM trials WHERE id IN " MINE, e);
    if (query_row(&q)) out->trials = read_counts(&q, 0);
    return query_end(&q);
}

static status read_space(store *s, arena *a, store_live *out, err *e)
{
    query q = db_query(&s->d,
                       "SELECT name, coalesce(title, '') FROM spaces WHERE id = " DB_LAST_SPACE, e);
    if (query_row(&q)) {
        out->name = arena_string(a, query_column_text(&q, 0));
        out->title = arena_string(a, query_column_text(&q, 1));
    }
    return query_end(&q);
}

static status read_kinds(store *s, arena *a, store_live *out, err *e)
{
    query q = db_query(
        &s->d,
        "SELECT kind," COUNTS(
            "state") ","
                     " avg(wall_seconds) FILTER (WHERE state = 'done'), min(id) FROM stages"
                     " WHERE id IN (SELECT stage_id FROM trial_stages WHERE trial_id IN " MINE ")"
                     " GROUP BY kind ORDER BY 8",
        e);
    while (out->n_kinds < LIVE_MOST_KINDS && query_row(&q))
        out->kind[out->n_kinds++] = (live_kind){.name = arena_string(a, query_column_text(&q, 0)),
                                                .count = read_counts(&q, 1),
                                                .mean_seconds = query_column_real(&q, 6)};
    return query_end(&q);
}

static status read_running(store *s, arena *a, store_live *out, err *e)
{
    query q = db_query(&s->d,
                       "SELECT g.key, g.kind, min(c.trial_id), (SELECT group_concat(knob || '=' ||"
                       "  CASE typeof(value) WHEN 'text' THEN value ELSE format('%g', value) END,"
                       "  ' ') FROM trial_knobs WHERE trial_id = min(c.trial_id))"
                       " FROM stages g JOIN trial_stages c ON c.stage_id = g.id"
                       " WHERE g.state = 'running' GROUP BY g.id ORDER BY g.id",
                       e);
    for (; query_row(&q); out->n_running++) {
        if (out->n_running >= LIVE_MOST_RUNNING) continue;
        live_stage *r = &out->running[out->n_running];
        snprintf(r->key.text, sizeof r->key.text, "%s", query_column_text(&q, 0));
        r->kind = arena_string(a, query_column_text(&q, 1));
        r->trial = query_column_int(&q, 2);
        r->knobs = arena_string(a, query_column_text(&q, 3));
    }
    return query_end(&q);
}

/* Times are kept in whole seconds. */
static status read_speed(store *s, store_live *out, err *e)
{
    query q = db_query(
        &s->d,
        "SELECT " SECONDS("coalesce(ended_at, 'now')") " - " SECONDS(
            "started_at") ","
                          " (SELECT count(*) FROM trials WHERE run_id = runs.id AND ended_at IS NOT"
                          "  NULL AND (runs.ended_at IS NOT NULL OR"
                          "  " SECONDS("trials.ended_at") " > " SECONDS(
                              "'now'") " - :window))"
                                       " FROM runs ORDER BY id DESC LIMIT 1",
        e);
    double closed = 0;
    query_real(&q, ":window", window_seconds);
    if (query_row(&q)) {
        out->elapsed_seconds = query_column_real(&q, 0);
        closed = query_column_real(&q, 1);
    }
    TRY(query_end(&q));
    const bool is_over = out->run.ending[0] != '\0';
    const double over = is_over ? out->elapsed_seconds : fmin(out->elapsed_seconds, window_seconds);
    out->per_hour = over > 0 && closed > 0 ? 3600 * closed / over : (double)NAN;
    return OK;
}

/* What is left of each kind takes as long as what is done of it did, on all workers; stages that measure time have
 * the machine to themselves. */
static double guess_eta(const store_live *l)
{
    double left = 0;
    for (int i = 0; i < l->n_kinds; i++) {
        const live_kind *k = &l->kind[i];
        const bool alone = strcmp(k->name, "latency") == 0 || strcmp(k->name, "device") == 0;
        const int n = k->count.ready + k->count.running;
        if (n > 0) left += n * k->mean_seconds / (alone || l->run.workers < 1 ? 1 : l->run.workers);
    }
    const int open = l->trials.ready + l->trials.running;
    return open == 0 ? 0 : !isnan(left) ? left : 3600 * open / l->per_hour;
}

status store_read_live(struct store *s, arena *a, store_live *out, err *e)
{
    *out = (store_live){.name = "", .title = ""};
    TRY(store_last_run(s, a, &out->run, e));
    out->has_writer = store_has_writer(s);
    TRY(read_space(s, a, out, e));
    TRY(read_trials(s, out, e));
    TRY(read_kinds(s, a, out, e));
    TRY(read_running(s, a, out, e));
    TRY(read_speed(s, out, e));
    out->eta_seconds = guess_eta(out);
    for (int i = 0; i < out->n_kinds; i++)
        if (!out->kind[i].name) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < out->n_running && i < LIVE_MOST_RUNNING; i++)
        if (!out->running[i].kind || !out->running[i].knobs)
            return FAIL(e, ERR_MEM, "out of memory");
    return out->name && out->title ? OK : FAIL(e, ERR_MEM, "out of memory");
}
