#include "store/retry.h"

#include <string.h>

#include "store/handle.h"

/* State of a trial, and whether a stage of its chain failed for what its parameters decide. */
static status look_at(store *s, int64_t trial, bool *hopeless, err *e)
{
    query q =
        db_query(&s->d,
                 "SELECT state, EXISTS (SELECT 1 FROM trial_stages c JOIN stages g"
                 "  ON g.id = c.stage_id WHERE c.trial_id = trials.id"
                 "  AND g.state = 'failed' AND g.error_code IN ('numeric', 'argument', 'input'))"
                 " FROM trials WHERE id = :trial",
                 e);
    char state[16] = "";
    query_int(&q, ":trial", trial);
    if (query_row(&q)) {
        size_t n = strlen(query_column_text(&q, 0));
        memcpy(state, query_column_text(&q, 0), n < sizeof state ? n : sizeof state - 1);
        *hopeless = query_column_int(&q, 1) != 0;
    }
    TRY(query_end(&q));
    if (!state[0])
        return FAIL(e, ERR_INPUT, "%s: there is no trial %lld", s->d.path, (long long)trial);
    if (strcmp(state, "failed") != 0 && strcmp(state, "timeout") != 0)
        return FAIL(e, ERR_INPUT, "trial %lld is %s: only failed ones can be tried again",
                    (long long)trial, state);
    return OK;
}

static status reset_chain(store *s, int64_t trial, int *n_stages, err *e)
{
    query q = db_query(&s->d,
                       "UPDATE stages SET state = 'ready', tries = 0, artifact_bytes = NULL,"
                       " artifact_hash = NULL, error_code = NULL, error_text = NULL"
                       " WHERE state IN ('failed', 'timeout') AND id IN"
                       " (SELECT stage_id FROM trial_stages WHERE trial_id = :trial)",
                       e);
    query_int(&q, ":trial", trial);
    TRY(query_run(&q));
    *n_stages += sqlite3_changes(s->d.handle);
    return OK;
}

/* Stages that failed because of a parent which is not failed any more, and in turn theirs. */
static status reset_descendants(store *s, int *n_stages, err *e)
{
    int n;
    do {
        query q = db_query(&s->d,
                           "UPDATE stages SET state = 'ready', tries = 0, error_code = NULL,"
                           " error_text = NULL WHERE state = 'failed' AND error_code = 'parent'"
                           " AND NOT EXISTS (SELECT 1 FROM stage_parents p JOIN stages g"
                           "  ON g.id = p.parent_id WHERE p.stage_id = stages.id"
                           "  AND g.state IN ('failed', 'timeout'))",
                           e);
        TRY(query_run(&q));
        n = sqlite3_changes(s->d.handle);
        *n_stages += n;
    } while (n > 0);
    return OK;
}

/* Trials that failed, of which nothing failed is left. */
static status open_trials(store *s, int *n, err *e)
{
    query q = db_query(&s->d,
                       "UPDATE trials SET state = 'ready', ended_at = NULL, error_code = NULL,"
                       " error_text = NULL WHERE state IN ('failed', 'timeout') AND NOT EXISTS"
                       " (SELECT 1 FROM trial_stages c JOIN stages g ON g.id = c.stage_id"
                       "  WHERE c.trial_id = trials.id AND g.state IN ('failed', 'timeout'))",
                       e);
    TRY(query_run(&q));
    *n = sqlite3_changes(s->d.handle);
    return OK;
}

static status note(store *s, int64_t trial, bool left, arena *a, table *what, err *e)
{
    bool found;
    store_failure f;
    TRY(store_trial_failure(s, trial, a, &found, &f, e));
    cell *c = table_row(what);
    if (!c) return FAIL(e, ERR_MEM, "out of memory");
    c[0] = cell_number((double)trial);
    if (found) {
        c[1] = cell_text(f.kind);
        c[2] = cell_text(f.code);
        c[3] = cell_text(f.text);
    }
    c[4] = cell_text(left ? "left" : "ready again");
    return OK;
}

static status retry_each(store *s, const int64_t *trial, int n, bool hopeless, arena *a,
                         table *what, store_retried *out, err *e)
{
    bool *left = ARENA_NEW(a, bool, n + 1);
    if (!left) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < n; i++) { /* all are looked at before any loses its reason */
        TRY(look_at(s, trial[i], &left[i], e));
        left[i] = left[i] && !hopeless;
        TRY(note(s, trial[i], left[i], a, what, e));
        out->left_failed += left[i];
    }
    for (int i = 0; i < n; i++)
        if (!left[i]) TRY(reset_chain(s, trial[i], &out->stages, e));
    TRY(reset_descendants(s, &out->stages, e));
    return open_trials(s, &out->trials, e);
}

status store_retry(struct store *s, const int64_t *trial, int n, bool hopeless, arena *a,
                   table *what, store_retried *out, err *e)
{
    static const char *const columns[] = {"trial", "stage", "code", "reason", "action"};
    *out = (store_retried){0};
    TRY(table_init(what, a, 5, e));
    for (int i = 0; i < 5; i++) table_column(what, i, columns[i], NULL);
    TRY(put_begin(s, e));
    return put_end(s, retry_each(s, trial, n, hopeless, a, what, out, e), e);
}
