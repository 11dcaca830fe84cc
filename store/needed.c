#include "store/needed.h"

#include <stdio.h>
#include <string.h>

#include "store/handle.h"

/* Chains of unfinished trials whole; of finished ones that are kept, what no training reads. The verdicts name the
 * picks of the last run's space. */
static const char question[] =
    "WITH open AS (SELECT id FROM trials WHERE state IN ('ready', 'running', 'failed', 'timeout')),"
    " kept AS (SELECT id FROM trials WHERE state NOT IN ('ready', 'running', 'failed', 'timeout')"
    "  AND (:all OR :front AND on_front = 1"
    "   OR :picks AND id IN (SELECT trial_id FROM verdicts)"
    "   OR id IN (SELECT value FROM json_each(:named)))),"
    " need AS (SELECT stage_id FROM trial_stages WHERE trial_id IN (SELECT id FROM open)"
    "  UNION SELECT c.stage_id FROM trial_stages c JOIN stages g ON g.id = c.stage_id"
    "  WHERE c.trial_id IN (SELECT id FROM kept) AND g.kind NOT IN ('data', 'train'))"
    " SELECT key, kind, id IN (SELECT stage_id FROM need) FROM stages WHERE state = 'done'"
    " ORDER BY key";

static status check_named(store *s, const store_keep *keep, err *e)
{
    for (int i = 0; i < keep->n; i++) {
        query q = db_query(&s->d, "SELECT 1 FROM trials WHERE id = :trial", e);
        query_int(&q, ":trial", keep->trial[i]);
        bool found = query_row(&q);
        TRY(query_end(&q));
        if (!found)
            return FAIL(e, ERR_INPUT, "%s: there is no trial %lld", s->d.path,
                        (long long)keep->trial[i]);
    }
    return OK;
}

static const char *as_json(const store_keep *keep, arena *a)
{
    const char *text = "[";
    for (int i = 0; text && i < keep->n; i++)
        text = arena_printf(a, "%s%s%lld", text, i ? "," : "", (long long)keep->trial[i]);
    return text ? arena_printf(a, "%s]", text) : NULL;
}

static status count_done(store *s, int *n, err *e)
{
    query q = db_query(&s->d, "SELECT count(*) FROM stages WHERE state = 'done'", e);
    *n = query_row(&q) ? (int)query_column_int(&q, 0) : 0;
    return query_end(&q);
}

status store_needed(struct store *s, const store_keep *keep, arena *a, int *n,
                    const store_artifact **out, err *e)
{
    int most;
    *n = 0;
    TRY(check_named(s, keep, e));
    TRY(count_done(s, &most, e));
    store_artifact *list = ARENA_NEW(a, store_artifact, most + 1);
    const char *named = as_json(keep, a);
    if (!list || !named) return FAIL(e, ERR_MEM, "no memory for %d stages", most);
    query q = db_query(&s->d, question, e);
    query_int(&q, ":all", keep->all);
    query_int(&q, ":front", keep->front);
    query_int(&q, ":picks", keep->picks);
    query_text(&q, ":named", named);
    for (; *n < most && query_row(&q); ++*n) {
        snprintf(list[*n].key.text, sizeof list[*n].key.text, "%s", query_column_text(&q, 0));
        list[*n].kind = arena_string(a, query_column_text(&q, 1));
        list[*n].needed = query_column_int(&q, 2) != 0;
        if (!list[*n].kind) break;
    }
    *out = list;
    TRY(query_end(&q));
    bool failed = *n < most && list[*n].key.text[0] && !list[*n].kind;
    return failed ? FAIL(e, ERR_MEM, "no memory for %d stages", most) : OK;
}

bool store_artifacts_are_shared(struct store *s)
{
    query q = db_query(&s->d, "SELECT 1 FROM runs WHERE coalesce(artifacts, '') <> ''", NULL);
    bool found = query_row(&q);
    query_end(&q);
    return found;
}
