#include "store/pick_measure.h"

#include <string.h>

static const store_metric_info *find_metric(const store_space *space, const char *name)
{
    for (int i = 0; i < space->n_metrics; i++)
        if (strcmp(space->metric[i].name, name) == 0) return &space->metric[i];
    return NULL;
}

static void add(pick_measure *m, const char *metric, bool maximize)
{
    for (int k = 0; k < m->n; k++)
        if (strcmp(m->metric[k], metric) == 0) return;
    m->metric[m->n] = metric;
    m->maximize[m->n++] = maximize;
}

/* Whether trials have it. Those of one space run the same kinds of stages, so the last finished one tells. */
static status is_reported(store *s, const char *metric, bool *out, err *e)
{
    query q =
        db_query(&s->d,
                 "SELECT 1 FROM trial_metrics WHERE metric = :metric AND value IS NOT NULL AND"
                 " trial_id = (SELECT b.trial_id FROM space_trials b JOIN trials t ON t.id ="
                 " b.trial_id AND t.state = 'done' WHERE b.space_id = " DB_LAST_SPACE
                 " ORDER BY b.trial_id DESC LIMIT 1)",
                 e);
    query_text(&q, ":metric", metric);
    *out = query_row(&q);
    return query_end(&q);
}

static bool is_time(const store_space *space, const char *metric)
{
    const store_metric_info *m = find_metric(space, metric);
    return m && strcmp(m->unit, "ms") == 0;
}

static status find_fastest(store *s, const store_space *space, const store_version *v,
                           pick_measure *m, err *e)
{
    static const char *const usual[] = {
        "total_ms",     "device_total_ms",     "modelled_total_ms",
        "inference_ms", "device_inference_ms", "modelled_inference_ms",
        "macs"};
    for (int i = 0; i < v->n_limits && !m->n; i++)
        if (is_time(space, v->limit[i].metric)) add(m, v->limit[i].metric, false);
    for (int i = 0; i < space->n_objectives && !m->n; i++)
        if (is_time(space, space->objective[i].metric)) add(m, space->objective[i].metric, false);
    for (size_t i = 0; i < sizeof usual / sizeof *usual && !m->n; i++) {
        bool reported;
        TRY(is_reported(s, usual[i], &reported, e));
        if (reported) add(m, usual[i], false);
    }
    return OK;
}

/* A figure that is measured on examples: it has a test twin. What is neither an error nor a share in % has no
 * product. */
static void add_error(const store_space *space, const char *metric, arena *a, pick_measure *m)
{
    const store_metric_info *info = find_metric(space, metric);
    const char *twin = arena_printf(a, "%s_test", metric);
    if (!info || !twin || !find_metric(space, twin)) return;
    if (info->better == STORE_LOWER) add(m, metric, false);
    if (info->better == STORE_HIGHER && strcmp(info->unit, "%") == 0) add(m, metric, true);
}

static void find_accuracy(const store_space *space, const store_version *v, arena *a,
                          pick_measure *m)
{
    for (int i = 0; i < v->n_limits; i++) add_error(space, v->limit[i].metric, a, m);
    for (int i = 0; i < space->n_objectives && !m->n; i++)
        add_error(space, space->objective[i].metric, a, m);
}

status pick_measure_find(store *s, const store_space *space, const store_version *v, pick_rule rule,
                         arena *a, pick_measure *out, err *e)
{
    size_t most = (size_t)v->n_limits + (size_t)space->n_objectives + 1;
    *out = (pick_measure){.rule = rule,
                          .metric = ARENA_NEW(a, const char *, most),
                          .maximize = ARENA_NEW(a, bool, most)};
    if (!out->metric || !out->maximize) return FAIL(e, ERR_MEM, "no memory for a rule");
    if (rule == PICK_MARGIN) return OK;
    if (rule == PICK_SMALLEST) add(out, "size", false);
    if (rule == PICK_FASTEST) TRY(find_fastest(s, space, v, out, e));
    if (rule == PICK_ACCURATE) find_accuracy(space, v, a, out);
    for (int i = 0; rule == PICK_KNEE && i < space->n_objectives; i++)
        add(out, space->objective[i].metric, space->objective[i].maximize);
    if (out->n) return OK;
    return FAIL(e, ERR_INPUT, "rule %s: %s", pick_rule_names[rule],
                rule == PICK_FASTEST ? "the study has no latency and no multiply-adds"
                : rule == PICK_KNEE  ? "the space has no objectives"
                                    : "neither limits nor objectives name an error or an accuracy");
}

const char *pick_measure_text(const pick_measure *m, arena *a)
{
    if (m->rule == PICK_MARGIN) return "most room under the tightest limit";
    const char *list = "";
    for (int k = 0; list && k < m->n; k++)
        list = arena_printf(a, "%s%s%s", list,
                            k == 0         ? ""
                            : k + 1 < m->n ? ", "
                                           : " and ",
                            m->metric[k]);
    if (!list) return NULL;
    if (m->rule == PICK_KNEE) return arena_printf(a, "knee of the front of %s", list);
    if (m->n > 1) return arena_printf(a, "least product of %s", list);
    return arena_printf(a, "%s %s", m->maximize[0] ? "highest" : "least", list);
}
