/* The writer's side of trials: their rows, chains, knobs and figures. */
#include "store/handle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static status put_knobs(store *s, int64_t id, const store_trial *t, err *e)
{
    for (int i = 0; i < t->n_knobs; i++) {
        const store_knob *k = &t->knob[i];
        query q = db_query(&s->d,
                           "INSERT OR REPLACE INTO trial_knobs (trial_id, knob, value)"
                           " VALUES (:trial, :knob, :value)",
                           e);
        query_int(&q, ":trial", id);
        query_text(&q, ":knob", k->name);
        if (k->is_number)
            query_real(&q, ":value", k->number);
        else
            query_text(&q, ":value", k->text);
        TRY(query_run(&q));
    }
    return OK;
}

static status put_chain(store *s, int64_t id, const store_trial *t, err *e)
{
    for (int i = 0; i < t->n_stages; i++) {
        query q = db_query(&s->d,
                           "INSERT INTO trial_stages (trial_id, position, stage_id)"
                           " SELECT :trial, :position, id FROM stages WHERE key = :key",
                           e);
        query_int(&q, ":trial", id);
        query_int(&q, ":position", i);
        query_text(&q, ":key", t->stage[i].text);
        TRY(query_run_must_change(&q, "stage %s is not in the store", t->stage[i].text));
    }
    for (int i = 0; i < t->n_known; i++) {
        TRY(store_note_metric(s, t->known_name[i], e));
        query q = db_query(&s->d,
                           "INSERT OR REPLACE INTO trial_metrics (trial_id, metric, value)"
                           " VALUES (:trial, :metric, :value)",
                           e);
        query_int(&q, ":trial", id);
        query_text(&q, ":metric", t->known_name[i]);
        query_real(&q, ":value", t->known_value[i]);
        TRY(query_run(&q));
    }
    return OK;
}

static status new_trial(store *s, const store_trial *t, int64_t *id, err *e)
{
    query q = db_query(&s->d,
                       "INSERT INTO trials (config_hash, config, seed, run_id)"
                       " VALUES (:hash, :config, :seed, :run) RETURNING id",
                       e);
    query_text(&q, ":hash", t->config_hash.text);
    query_text(&q, ":config", t->config);
    query_int(&q, ":seed", (int64_t)t->seed);
    query_int(&q, ":run", s->run_id);
    if (query_row(&q)) *id = query_column_int(&q, 0);
    TRY(query_end(&q));
    return put_chain(s, *id, t, e);
}

static status same_chain(store *s, int64_t id, const store_trial *t, bool *same, err *e)
{
    query q = db_query(&s->d,
                       "SELECT g.key FROM trial_stages c JOIN stages g ON g.id = c.stage_id"
                       " WHERE c.trial_id = :trial ORDER BY c.position",
                       e);
    query_int(&q, ":trial", id);
    int n = 0;
    *same = true;
    for (; query_row(&q); n++)
        *same &= n < t->n_stages && strcmp(query_column_text(&q, 0), t->stage[n].text) == 0;
    *same &= n == t->n_stages;
    return query_end(&q);
}

static status reopen_trial(store *s, int64_t id, const store_trial *t, err *e)
{
    static const char *const statements[] = {
        "DELETE FROM trial_stages WHERE trial_id = :trial",
        "DELETE FROM trial_metrics WHERE trial_id = :trial",
        ("UPDATE trials SET state = 'ready', on_front = 0, ended_at = NULL, error_code = NULL,"
         " error_text = NULL, stopped_at = NULL, stop_chance = NULL, audit = NULL"
         " WHERE id = :trial"),
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        query q = db_query(&s->d, statements[i], e);
        query_int(&q, ":trial", id);
        TRY(query_run(&q));
    }
    s->front.stale = true;
    return put_chain(s, id, t, e);
}

/* Notes that the trial belongs to this run's space. */
static status join_space(store *s, int64_t id, const store_trial *t, bool known, err *e)
{
    query q = db_query(&s->d,
                       "INSERT INTO space_trials (space_id, trial_id, candidate)"
                       " VALUES (:space, :trial, :candidate) ON CONFLICT DO NOTHING",
                       e);
    query_int(&q, ":space", s->space_id);
    query_int(&q, ":trial", id);
    query_int(&q, ":candidate", t->candidate);
    TRY(query_run(&q));
    if (sqlite3_changes(s->d.handle) == 0) return OK;
    if (known) s->front.stale = true; /* it may be a finished one */
    return put_knobs(s, id, t, e);
}

static status add_trial(store *s, const store_trial *t, int64_t *id, err *e)
{
    bool found, same;
    store_state state;
    if (!s->run_id) return FAIL(e, ERR_STATE, "a trial needs a run: call store_start_run first");
    TRY(store_trial_state(s, &t->config_hash, t->seed, &found, id, &state, e));
    if (!found) {
        TRY(new_trial(s, t, id, e));
    } else {
        TRY(same_chain(s, *id, t, &same, e));
        if (!same) TRY(reopen_trial(s, *id, t, e));
    }
    return join_space(s, *id, t, found, e);
}

status store_add_trial(store *s, const store_trial *trial, int64_t *trial_id, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, add_trial(s, trial, trial_id, e), e);
}

static status trial_running(store *s, int64_t id, err *e)
{
    query q = db_query(&s->d, "UPDATE trials SET state = 'running' WHERE id = :trial", e);
    query_int(&q, ":trial", id);
    return query_run_must_change(&q, "there is no trial %lld", (long long)id);
}

status store_trial_running(store *s, int64_t trial_id, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, trial_running(s, trial_id, e), e);
}

static status copy_metrics(store *s, int64_t id, err *e)
{
    query q = db_query(&s->d,
                       "INSERT INTO trial_metrics (trial_id, metric, value)"
                       " SELECT c.trial_id, m.metric, m.value FROM trial_stages c"
                       " JOIN stage_metrics m ON m.stage_id = c.stage_id"
                       " WHERE c.trial_id = :trial ORDER BY c.position"
                       " ON CONFLICT (trial_id, metric) DO UPDATE SET value = excluded.value",
                       e);
    query_int(&q, ":trial", id);
    return query_run(&q);
}

static status trial_done(store *s, int64_t id, err *e)
{
    query q = db_query(&s->d,
                       "UPDATE trials SET state = 'done', run_id = :run, ended_at = " STORE_NOW ","
                       " error_code = NULL, error_text = NULL WHERE id = :trial AND NOT EXISTS"
                       " (SELECT 1 FROM trial_stages c JOIN stages g ON g.id = c.stage_id"
                       "  WHERE c.trial_id = :trial AND g.state <> 'done')",
                       e);
    query_int(&q, ":run", s->run_id);
    query_int(&q, ":trial", id);
    TRY(query_run(&q));
    if (sqlite3_changes(s->d.handle) == 0)
        return FAIL(e, ERR_STATE, "trial %lld is unknown, or a stage of it is not done",
                    (long long)id);
    TRY(copy_metrics(s, id, e));
    return front_add(&s->front, &s->d, id, e);
}

status store_trial_done(store *s, int64_t trial_id, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, trial_done(s, trial_id, e), e);
}

static status trial_stopped(store *s, int64_t id, const store_stop *stop, err *e)
{
    query shorten =
        db_query(&s->d, "DELETE FROM trial_stages WHERE trial_id = :trial AND position >= :n", e);
    query_int(&shorten, ":trial", id);
    query_int(&shorten, ":n", stop->n_stages);
    TRY(query_run(&shorten));
    query q = db_query(&s->d,
                       "UPDATE trials SET state = 'stopped', run_id = :run, ended_at = " STORE_NOW
                       ", on_front = 0, stopped_at = :epochs, stop_chance = :chance"
                       " WHERE id = :trial",
                       e);
    query_int(&q, ":run", s->run_id);
    query_int(&q, ":epochs", stop->epochs);
    query_real(&q, ":chance", stop->chance);
    query_int(&q, ":trial", id);
    TRY(query_run_must_change(&q, "there is no trial %lld", (long long)id));
    return copy_metrics(s, id, e);
}

status store_trial_stopped(store *s, int64_t trial_id, const store_stop *stop, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, trial_stopped(s, trial_id, stop, e), e);
}

static status trial_audited(store *s, int64_t id, const store_stop *stop, bool was_wrong, err *e)
{
    query q = db_query(&s->d,
                       "UPDATE trials SET stopped_at = :epochs, stop_chance = :chance,"
                       " audit = :wrong WHERE id = :trial",
                       e);
    query_int(&q, ":epochs", stop->epochs);
    query_real(&q, ":chance", stop->chance);
    query_int(&q, ":wrong", was_wrong);
    query_int(&q, ":trial", id);
    return query_run_must_change(&q, "there is no trial %lld", (long long)id);
}

status store_trial_audited(store *s, int64_t trial_id, const store_stop *stop, bool was_wrong,
                           err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, trial_audited(s, trial_id, stop, was_wrong, e), e);
}

static status trial_failed(store *s, int64_t id, store_state state, const char *code,
                           const char *text, err *e)
{
    query q = db_query(&s->d,
                       "UPDATE trials SET state = :state, run_id = :run, ended_at = " STORE_NOW ","
                       " on_front = 0, error_code = :code, error_text = :text WHERE id = :trial",
                       e);
    query_text(&q, ":state", store_state_name(state));
    query_int(&q, ":run", s->run_id);
    query_text(&q, ":code", code);
    query_text(&q, ":text", text);
    query_int(&q, ":trial", id);
    s->front.stale |= front_has(&s->front, id);
    return query_run_must_change(&q, "there is no trial %lld", (long long)id);
}

status store_trial_failed(store *s, int64_t trial_id, store_state state, const char *code,
                          const char *text, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, trial_failed(s, trial_id, state, code, text, e), e);
}

static status reset_trial(store *s, int64_t id, err *e)
{
    query q = db_query(&s->d,
                       "UPDATE trials SET state = 'ready', ended_at = NULL, error_code = NULL,"
                       " error_text = NULL WHERE id = :trial",
                       e);
    query_int(&q, ":trial", id);
    return query_run_must_change(&q, "there is no trial %lld", (long long)id);
}

status store_trial_reset(store *s, int64_t trial_id, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, reset_trial(s, trial_id, e), e);
}

status store_trial_state(store *s, const hash *config_hash, uint64_t seed, bool *found,
                         int64_t *trial_id, store_state *state, err *e)
{
    query q = db_query(
        &s->d, "SELECT id, state FROM trials WHERE config_hash = :hash AND seed = :seed", e);
    query_text(&q, ":hash", config_hash->text);
    query_int(&q, ":seed", (int64_t)seed);
    *found = query_row(&q);
    if (*found) {
        *trial_id = query_column_int(&q, 0);
        *state = store_state_of(query_column_text(&q, 1));
    }
    return query_end(&q);
}

status store_trial_figures(store *s, int64_t trial_id, int n, const char *const *metric,
                           double *value, err *e)
{
    for (int i = 0; i < n; i++) {
        query q = db_query(
            &s->d, "SELECT value FROM trial_metrics WHERE trial_id = :trial AND metric = :metric",
            e);
        query_int(&q, ":trial", trial_id);
        query_text(&q, ":metric", metric[i]);
        value[i] = query_row(&q) ? query_column_real(&q, 0) : (double)NAN;
        TRY(query_end(&q));
    }
    return OK;
}

status store_trial_failure(store *s, int64_t trial_id, arena *a, bool *found, store_failure *out,
                           err *e)
{
    query q = db_query(&s->d,
                       "SELECT g.state, g.kind, g.key, g.error_code, g.error_text"
                       " FROM trial_stages c JOIN stages g ON g.id = c.stage_id"
                       " WHERE c.trial_id = :trial AND g.state IN ('failed', 'timeout')"
                       " AND g.error_code <> 'parent' ORDER BY c.position LIMIT 1",
                       e);
    query_int(&q, ":trial", trial_id);
    *found = query_row(&q);
    if (*found) {
        *out = (store_failure){.state = store_state_of(query_column_text(&q, 0)),
                               .kind = arena_string(a, query_column_text(&q, 1)),
                               .code = arena_string(a, query_column_text(&q, 3)),
                               .text = arena_string(a, query_column_text(&q, 4))};
        snprintf(out->key.text, sizeof out->key.text, "%s", query_column_text(&q, 2));
    }
    TRY(query_end(&q));
    bool failed = *found && (!out->kind || !out->code || !out->text);
    return failed ? FAIL(e, ERR_MEM, "no memory for the reason of a failure") : OK;
}
