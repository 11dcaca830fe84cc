#include "store/trial_notes.h"

#include "store/handle.h"

status store_trial_config(struct store *s, int64_t trial, arena *a, const char **json, err *e)
{
    query q = db_query(&s->d, "SELECT config FROM trials WHERE id = :trial", e);
    query_int(&q, ":trial", trial);
    bool found = query_row(&q);
    if (found) *json = arena_string(a, query_column_text(&q, 0));
    TRY(query_end(&q));
    if (!found)
        return FAIL(e, ERR_INPUT, "%s: there is no trial %lld", s->d.path, (long long)trial);
    return *json ? OK : FAIL(e, ERR_MEM, "no memory for a configuration");
}

status store_trial_detail(struct store *s, int64_t trial, const char *kind, arena *a,
                          const char **json, err *e)
{
    query q = db_query(&s->d,
                       "SELECT g.detail FROM trial_stages c JOIN stages g ON g.id = c.stage_id"
                       " WHERE c.trial_id = :trial AND g.kind = :kind AND g.state = 'done'"
                       " ORDER BY c.position DESC LIMIT 1",
                       e);
    query_int(&q, ":trial", trial);
    query_text(&q, ":kind", kind);
    *json = "";
    if (query_row(&q)) *json = arena_string(a, query_column_text(&q, 0));
    TRY(query_end(&q));
    return *json ? OK : FAIL(e, ERR_MEM, "no memory for a note");
}

/* Nothing but numbers of our own making goes into the statement. */
static const char *list_numbers(const int64_t *number, int n, arena *a)
{
    const char *text = "0";
    for (int i = 0; i < n && text; i++)
        text = arena_printf(a, "%s, %lld", text, (long long)number[i]);
    return text;
}

status store_curves(struct store *s, int most, const int64_t *wanted, int n_wanted, arena *a,
                    table *out, err *e)
{
    const char *list = list_numbers(wanted, n_wanted, a);
    const char *sql = arena_printf(
        a,
        "WITH mine AS (SELECT t.id, t.state, count(*) OVER () AS n,"
        "  row_number() OVER (ORDER BY b.candidate, t.seed) - 1 AS place"
        "  FROM space_trials b JOIN trials t ON t.id = b.trial_id"
        "  WHERE b.space_id = " DB_LAST_SPACE " AND (t.state = 'done' OR t.state = 'stopped' AND"
        "   t.stopped_at > 0))"
        " SELECT m.id AS trial, m.state = 'stopped' AS stopped, g.params AS params,"
        "  coalesce(g.detail, '{}') AS detail, m.n AS n_trials"
        " FROM mine m JOIN trial_stages c ON c.trial_id = m.id JOIN stages g ON g.id = c.stage_id"
        " WHERE g.kind = 'train' AND g.state = 'done'"
        "  AND (m.place %% ((m.n + %d - 1) / %d) = 0 OR m.id IN (%s))"
        " ORDER BY m.place, c.position",
        most, most, list ? list : "");
    if (!list || !sql || most < 1) return FAIL(e, ERR_MEM, "no memory for learning curves");
    return store_sql(s, sql, a, out, e);
}

status store_spending(struct store *s, arena *a, table *out, err *e)
{
    return store_sql(
        s,
        "WITH mine AS (SELECT t.id, t.state, row_number() OVER (ORDER BY t.ended_at, t.id) AS place"
        "  FROM space_trials b JOIN trials t ON t.id = b.trial_id"
        "  WHERE b.space_id = " DB_LAST_SPACE " AND t.state NOT IN ('ready', 'running')),"
        " paid AS (SELECT min(m.place) AS place, g.cpu_seconds FROM mine m"
        "  JOIN trial_stages c ON c.trial_id = m.id JOIN stages g ON g.id = c.stage_id"
        "  GROUP BY g.id)"
        " SELECT max(trial) AS trial, max(done) AS done, coalesce(sum(cpu), 0) AS cpu_seconds"
        " FROM (SELECT place, id AS trial, state = 'done' AS done, 0 AS cpu FROM mine"
        "  UNION ALL SELECT place, NULL, NULL, cpu_seconds FROM paid)"
        " GROUP BY place ORDER BY place",
        a, out, e);
}

status store_trained_by(struct store *s, arena *a, table *out, err *e)
{
    return store_sql(s,
                     "SELECT t.id AS trial, (SELECT c.stage_id FROM trial_stages c JOIN stages g"
                     "  ON g.id = c.stage_id WHERE c.trial_id = t.id AND g.kind = 'train'"
                     "  ORDER BY c.position DESC LIMIT 1) AS stage"
                     " FROM space_trials b JOIN trials t ON t.id = b.trial_id"
                     " WHERE b.space_id = " DB_LAST_SPACE " AND t.state = 'done' ORDER BY t.id",
                     a, out, e);
}
