#include "store/chronicle.h"

#include "store/handle.h"
#include "store/schema.h"

status store_runs(struct store *s, arena *a, table *out, err *e)
{
    return store_sql(
        s,
        "SELECT r.id AS run, s.name AS space, r.started_at, r.ended_at, r.ending, r.version,"
        " r.compiler, r.cpu, r.kernels, r.blas, r.system, r.workers, r.confidence"
        " FROM runs r JOIN spaces s ON s.id = r.space_id ORDER BY r.id",
        a, out, e);
}

/* Train stages of closed trials that no later stage of the same chain continues. */
#define LAST_OF_TRAININGS                                                                     \
    " FROM space_trials b JOIN trials t ON t.id = b.trial_id"                                 \
    " JOIN trial_stages c ON c.trial_id = t.id JOIN stages g ON g.id = c.stage_id"            \
    " WHERE b.space_id = " DB_LAST_SPACE " AND t.state NOT IN ('ready', 'running')"           \
    " AND g.kind = 'train' AND g.state = 'done' AND NOT EXISTS (SELECT 1 FROM trial_stages d" \
    "  JOIN stages h ON h.id = d.stage_id WHERE d.trial_id = c.trial_id"                      \
    "  AND d.position = c.position + 1 AND h.kind = 'train' AND h.state = 'done'"             \
    "  AND json_valid(h.params) AND json_extract(h.params, '$.from_epoch') > 0)"

status store_trial_curves(struct store *s, arena *a, table *out, err *e)
{
    return store_sql(
        s, "SELECT t.id AS trial, g.id AS stage" LAST_OF_TRAININGS " ORDER BY t.id, c.position", a,
        out, e);
}

#define PRUNE(end)                                                                      \
    " CASE WHEN json_valid(params) AND json_extract(params, '$.prune.unit') = 'epochs'" \
    " THEN json_extract(params, '$.prune." end "') END AS prune_" end ","

status store_all_curves(struct store *s, arena *a, table *out, err *e)
{
    return store_sql(s,
                     "SELECT id AS stage," PRUNE("begin")
                         PRUNE("end") " detail FROM stages WHERE detail"
                                      " IS NOT NULL AND id IN (SELECT g.id" LAST_OF_TRAININGS
                                      ") ORDER BY id",
                     a, out, e);
}

status store_columns(struct store *s, arena *a, table *out, err *e)
{
    schema_columns c;
    TRY(schema_list_columns(&s->d, a, &c, e));
    TRY(table_init(out, a, 3, e));
    table_column(out, 0, "name", NULL);
    table_column(out, 1, "kind", NULL);
    table_column(out, 2, "source", NULL);
    for (int i = 0; i < c.n; i++) {
        cell *row = table_row(out);
        const char *kind = arena_copy(a, &c.kind[i], 1);
        if (!row || !kind) return FAIL(e, ERR_MEM, "no memory for the columns");
        row[0] = cell_text(c.name[i]);
        row[1] = cell_text(kind);
        row[2] = cell_text(c.source[i]);
    }
    return OK;
}

status store_hold(struct store *s, err *e)
{
    return db_run(&s->d, "BEGIN", e);
}

void store_let_go(struct store *s)
{
    db_rollback(&s->d);
}

status store_change_mark(struct store *s, int64_t *out, err *e)
{
    query q = db_query(&s->d, "PRAGMA data_version", e);
    if (query_row(&q)) *out = query_column_int(&q, 0);
    return query_end(&q);
}
