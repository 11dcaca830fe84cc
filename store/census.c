#include "store/census.h"

#include <stdio.h>

#include "store/handle.h"

#define COUNT_STATES                                                     \
    " sum(state = 'done') AS done, sum(state = 'running') AS running,"   \
    " sum(state = 'ready') AS ready, sum(state = 'stopped') AS stopped," \
    " sum(state = 'failed') AS failed,"                                  \
    " sum(state = 'timeout') AS timeout, count(*) AS total"

status store_census(struct store *s, arena *a, table *out, err *e)
{
    return store_sql(
        s,
        "WITH mine AS (SELECT trial_id FROM space_trials WHERE space_id = " DB_LAST_SPACE "),"
        " used AS (SELECT DISTINCT stage_id FROM trial_stages WHERE trial_id IN mine)"
        " SELECT 'trials' AS what," COUNT_STATES ", NULL AS cpu_seconds, NULL AS artifact_bytes"
        " FROM trials WHERE id IN mine"
        " UNION ALL"
        " SELECT what, done, running, ready, stopped, failed, timeout, total, cpu_seconds, "
        "artifact_bytes"
        " FROM (SELECT kind || ' stages' AS what," COUNT_STATES ","
        "  round(sum(cpu_seconds), 2) AS cpu_seconds, sum(artifact_bytes) AS artifact_bytes,"
        "  min(id) AS first"
        "  FROM stages WHERE id IN used GROUP BY kind ORDER BY first)",
        a, out, e);
}

/* A stage that failed because of another has the code "parent" and is left to that one. */
status store_failures(struct store *s, int limit, arena *a, table *out, err *e)
{
    const char *sql = arena_printf(
        a,
        "SELECT g.kind AS stage, g.error_code AS code, g.error_text AS reason,"
        " count(DISTINCT g.id) AS stages, count(DISTINCT c.trial_id) AS trials,"
        " min(c.trial_id) AS first_trial"
        " FROM stages g JOIN trial_stages c ON c.stage_id = g.id"
        " JOIN space_trials b ON b.trial_id = c.trial_id AND b.space_id = " DB_LAST_SPACE
        " WHERE g.state IN ('failed', 'timeout') AND g.error_code <> 'parent'"
        " GROUP BY g.kind, g.error_code, g.error_text"
        " ORDER BY trials DESC, first_trial LIMIT %d",
        limit);
    return sql ? store_sql(s, sql, a, out, e) : FAIL(e, ERR_MEM, "out of memory");
}

status store_last_run(struct store *s, arena *a, store_run_note *out, err *e)
{
    table t;
    *out = (store_run_note){.started = "", .ended = "", .ending = ""};
    TRY(store_sql(s,
                  "SELECT id, workers, started_at, coalesce(ended_at, ''), coalesce(ending, '')"
                  " FROM runs ORDER BY id DESC LIMIT 1",
                  a, &t, e));
    if (t.n_rows == 0) return FAIL(e, ERR_INPUT, "%s: nothing was run yet", s->d.path);
    out->id = (long long)t.cells[0].number;
    out->workers = (int)t.cells[1].number;
    out->started = t.cells[2].text;
    out->ended = t.cells[3].text;
    out->ending = t.cells[4].text;
    return OK;
}

bool store_has_writer(struct store *s)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s-lock", s->d.path);
    return n > 0 && (size_t)n < sizeof path && lock_names_living(path);
}

status store_count_stops(struct store *s, store_stop_counts *out, err *e)
{
    query q = db_query(
        &s->d,
        "SELECT count(*) FILTER (WHERE state = 'stopped'),"
        " count(*) FILTER (WHERE state = 'stopped' AND stopped_at = 0),"
        " count(audit), coalesce(sum(audit), 0) FROM trials WHERE id IN (SELECT trial_id FROM"
        " space_trials WHERE space_id = " DB_LAST_SPACE ")",
        e);
    *out = (store_stop_counts){0};
    if (query_row(&q))
        *out = (store_stop_counts){(int)query_column_int(&q, 0), (int)query_column_int(&q, 1),
                                   (int)query_column_int(&q, 2), (int)query_column_int(&q, 3)};
    return query_end(&q);
}
