/* What one study gives to another. */
#include <stdio.h>

#include "store/handle.h"

static status count(db *d, const char *sql, const hash *key, int *n, err *e)
{
    query q = db_query(d, sql, e);
    if (key) query_text(&q, ":key", key->text);
    *n = query_row(&q) ? (int)query_column_int(&q, 0) : 0;
    return query_end(&q);
}

status store_finished_trials(store *s, arena *a, int *n, const store_finished **out, err *e)
{
    int most;
    *n = 0;
    TRY(count(&s->d, "SELECT count(*) FROM trials WHERE state = 'done'", NULL, &most, e));
    store_finished *list = ARENA_NEW(a, store_finished, most + 1);
    if (!list) return FAIL(e, ERR_MEM, "no memory for %d trials", most);
    query q =
        db_query(&s->d, "SELECT config_hash, seed FROM trials WHERE state = 'done' ORDER BY id", e);
    for (; *n < most && query_row(&q); ++*n) {
        snprintf(list[*n].config_hash.text, sizeof list[*n].config_hash.text, "%s",
                 query_column_text(&q, 0));
        list[*n].seed = (uint64_t)query_column_int(&q, 1);
    }
    *out = list;
    return query_end(&q);
}

static status read_metrics(db *d, const hash *key, arena *a, store_outcome *out, err *e)
{
    int most;
    TRY(count(d,
              "SELECT count(*) FROM stage_metrics m JOIN stages g ON g.id = m.stage_id"
              " WHERE g.key = :key",
              key, &most, e));
    store_metric *metric = ARENA_NEW(a, store_metric, most + 1);
    if (!metric) return FAIL(e, ERR_MEM, "no memory for metrics");
    query q = db_query(d,
                       "SELECT m.metric, m.value FROM stage_metrics m"
                       " JOIN stages g ON g.id = m.stage_id WHERE g.key = :key ORDER BY 1",
                       e);
    query_text(&q, ":key", key->text);
    for (; out->n_metrics < most && query_row(&q); out->n_metrics++)
        metric[out->n_metrics] =
            (store_metric){arena_string(a, query_column_text(&q, 0)), query_column_real(&q, 1)};
    out->metric = metric;
    return query_end(&q);
}

status store_stage_outcome(store *s, const hash *key, arena *a, bool *found, store_outcome *out,
                           err *e)
{
    query q = db_query(&s->d,
                       "SELECT artifact_bytes, artifact_hash, cpu_seconds, wall_seconds,"
                       " tries, detail IS NOT NULL, detail FROM stages"
                       " WHERE key = :key AND state = 'done'",
                       e);
    query_text(&q, ":key", key->text);
    *found = query_row(&q);
    if (*found)
        *out = (store_outcome){
            .artifact_bytes = (uint64_t)query_column_int(&q, 0),
            .artifact_hash = arena_string(a, query_column_text(&q, 1)),
            .cpu_seconds = query_column_real(&q, 2),
            .wall_seconds = query_column_real(&q, 3),
            .tries = (int)query_column_int(&q, 4),
            .detail = query_column_int(&q, 5) ? arena_string(a, query_column_text(&q, 6)) : NULL};
    TRY(query_end(&q));
    return *found ? read_metrics(&s->d, key, a, out, e) : OK;
}

const char *store_artifacts(store *s, arena *a)
{
    const char *folder = NULL;
    query q = db_query(&s->d, "SELECT artifacts FROM runs ORDER BY id DESC LIMIT 1", NULL);
    if (query_row(&q) && *query_column_text(&q, 0))
        folder = arena_string(a, query_column_text(&q, 0));
    query_end(&q);
    return folder ? folder : store_usual_artifacts(a, s->d.path);
}
