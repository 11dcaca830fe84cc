#include "store/trainings.h"

#include "store/handle.h"

status store_trainings(struct store *s, arena *a, table *out, err *e)
{
    return store_sql(
        s,
        "SELECT t.id AS trial, b.candidate AS candidate, t.seed AS seed, g.id AS stage,"
        " g.params AS params, coalesce(g.detail, '{}') AS detail,"
        " coalesce(g.cpu_seconds, 0) AS cpu_seconds"
        " FROM space_trials b JOIN trials t ON t.id = b.trial_id"
        " JOIN trial_stages c ON c.trial_id = t.id JOIN stages g ON g.id = c.stage_id"
        " WHERE b.space_id = " DB_LAST_SPACE " AND t.state = 'done' AND g.kind = 'train'"
        " ORDER BY b.candidate, t.seed, c.position",
        a, out, e);
}

status store_trained_metrics(struct store *s, arena *a, table *out, err *e)
{
    return store_sql(s,
                     "SELECT DISTINCT m.metric AS metric FROM stage_metrics m"
                     " JOIN stages g ON g.id = m.stage_id WHERE g.kind IN ('train', 'score')"
                     " ORDER BY metric",
                     a, out, e);
}
