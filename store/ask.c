#include "store/ask.h"
#include "engine/base/diag.h"
#include "store/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

status ask_run(ask_show *show, int n, char **argv, int *code, err *e)
{
    arena a;
    store *s;
    TRY(store_open(argv[0], STORE_READ, &s, e));
    arena_init(&a, 0);
    status st = store_hold(s, e); /* let go by store_close */
    if (st == OK) st = show(s, n, argv, &a, code, e);
    arena_free(&a);
    store_close(s);
    return st;
}

/* --- names --- */

const store_metric_info *ask_find_metric(const store_space *space, const char *name)
{
    for (int i = 0; i < space->n_metrics; i++)
        if (strcmp(space->metric[i].name, name) == 0) return &space->metric[i];
    return NULL;
}

const char *ask_unit(const store_space *space, const char *metric)
{
    const store_metric_info *m = ask_find_metric(space, metric);
    return m ? m->unit : "";
}

status ask_metric(const store_space *space, const char *name, const char *what, arena *a,
                  const store_metric_info **out, err *e)
{
    *out = ask_find_metric(space, name);
    if (*out) return OK;
    const char **names = ARENA_NEW(a, const char *, space->n_metrics + 1);
    if (!names) return FAIL(e, ERR_MEM, "no memory for names");
    for (int i = 0; i < space->n_metrics; i++) names[i] = space->metric[i].name;
    const char *meant = diag_did_you_mean(name, names, (size_t)space->n_metrics);
    if (meant)
        return FAIL(e, ERR_INPUT, "%s: this study has no metric '%.60s'; did you mean '%s'?", what,
                    name, meant);
    return FAIL(e, ERR_INPUT,
                "%s: this study has no metric '%.60s'; 'paretune sql DB \"select name from "
                "metrics\"' lists them",
                what, name);
}

/* "a, b and c" are the versions. */
static const char *list_versions(const store_space *space, arena *a)
{
    const char *text = "";
    for (int i = 0; text && i < space->n_versions; i++)
        text = arena_printf(a, "%s%s%s", text, i ? ", " : "", space->version[i].name);
    return text ? text : "";
}

status ask_version(const store_space *space, const char *name, arena *a, const store_version **out,
                   err *e)
{
    for (int i = 0; i < space->n_versions; i++)
        if (strcmp(space->version[i].name, name) == 0) {
            *out = &space->version[i];
            return OK;
        }
    const char **names = ARENA_NEW(a, const char *, space->n_versions + 1);
    if (!names) return FAIL(e, ERR_MEM, "no memory for names");
    for (int i = 0; i < space->n_versions; i++) names[i] = space->version[i].name;
    const char *meant = diag_did_you_mean(name, names, (size_t)space->n_versions);
    if (meant)
        return FAIL(e, ERR_INPUT, "the space has no version '%.60s'; did you mean '%s'?", name,
                    meant);
    if (space->n_versions == 0)
        return FAIL(e, ERR_INPUT, "the space has no versions; say --limit 'METRIC < VALUE'");
    return FAIL(e, ERR_INPUT, "the space has no version '%.60s'; it has %s", name,
                list_versions(space, a));
}

/* --- limits --- */

static bool is_upper(limit_op op)
{
    return op == LIMIT_LT || op == LIMIT_LE;
}

/* "size < 20 kB": the metric's name ends where a space or the operator begins. */
static status parse_limit(const store_space *space, const char *text, arena *a, store_limit *out,
                          err *e)
{
    const char *start = text + strspn(text, " "), *rest = start + strcspn(start, " <>=");
    const store_metric_info *m;
    const char *name = arena_copy(a, start, (size_t)(rest - start));
    if (!name) return FAIL(e, ERR_MEM, "no memory for a limit");
    if (!*name || !strpbrk(rest, "<>"))
        return FAIL(e, ERR_INPUT, "--limit '%.80s': write it as in 'size < 20 kB'", text);
    TRY(ask_metric(space, name, "--limit", a, &m, e));
    rest += strspn(rest, " ");
    *out = (store_limit){.metric = m->name, .text = rest};
    if (limit_parse(rest, m->unit, &out->op, &out->bound, e) == OK) return OK;
    return err_wrap(e, "--limit '%.80s'", text);
}

static void put_limit(store_limit *limit, int *n, const store_limit *given)
{
    int kept = 0;
    for (int i = 0; i < *n; i++)
        if (strcmp(limit[i].metric, given->metric) != 0 ||
            is_upper(limit[i].op) != is_upper(given->op))
            limit[kept++] = limit[i];
    limit[kept] = *given;
    *n = kept + 1;
}

status ask_limits(const store_space *space, const store_version *from, const opt_list *given,
                  arena *a, store_version *out, err *e)
{
    int n = from ? from->n_limits : 0;
    store_limit *limit = ARENA_NEW(a, store_limit, n + given->n + 1);
    if (!limit) return FAIL(e, ERR_MEM, "no memory for limits");
    for (int i = 0; i < n; i++) limit[i] = from->limit[i];
    for (int i = 0; i < given->n; i++) {
        store_limit l;
        TRY(parse_limit(space, given->item[i], a, &l, e));
        put_limit(limit, &n, &l);
    }
    *out = (store_version){.name = from ? from->name : "given",
                           .title = from ? from->title : "",
                           .n_limits = n,
                           .limit = limit};
    return OK;
}

/* --- trials --- */

status ask_filter(store *s, const char *filter, arena *a, int64_t **trial, int *n, err *e)
{
    table t;
    *trial = NULL;
    *n = 0;
    if (!filter) return OK;
    TRY(store_trials(s, &(store_query){.filter = filter, .columns = "trial"}, a, &t, e));
    *trial = ARENA_NEW(a, int64_t, t.n_rows + 1);
    if (!*trial) return FAIL(e, ERR_MEM, "no memory for %d trials", t.n_rows);
    for (int i = 0; i < t.n_rows; i++) (*trial)[i] = (int64_t)t.cells[i].number;
    *n = t.n_rows;
    return OK;
}

status ask_trial(store *s, const char *text, int64_t *out, err *e)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < 1)
        return FAIL(e, ERR_INPUT,
                    "'%.60s' is not the number of a trial; 'paretune query' lists them", text);
    *out = v;
    query q = db_query(&s->d,
                       "SELECT 1 FROM space_trials WHERE trial_id = :trial AND space_id ="
                       " " DB_LAST_SPACE,
                       e);
    query_int(&q, ":trial", v);
    bool found = query_row(&q);
    TRY(query_end(&q));
    if (found) return OK;
    return FAIL(e, ERR_INPUT,
                "%s: there is no trial %lld in the space of the last run; 'paretune query --state "
                "all' lists them",
                s->d.path, v);
}

/* --- objectives --- */

static status parse_objective(const store_space *space, const char *word, arena *a,
                              store_objective *out, err *e)
{
    const char *colon = strchr(word, ':');
    const store_metric_info *m;
    const char *name = arena_copy(a, word, colon ? (size_t)(colon - word) : strlen(word));
    if (!name) return FAIL(e, ERR_MEM, "no memory for objectives");
    TRY(ask_metric(space, name, "--objectives", a, &m, e));
    *out = (store_objective){m->name, m->better == STORE_HIGHER};
    for (int i = 0; i < space->n_objectives; i++)
        if (strcmp(space->objective[i].metric, name) == 0) *out = space->objective[i];
    if (!colon && m->better == STORE_NEITHER)
        return FAIL(e, ERR_INPUT, "--objectives: which way is %s better? Say %s:min or %s:max",
                    name, name, name);
    if (!colon) return OK;
    out->maximize = strcmp(colon, ":max") == 0;
    return out->maximize || strcmp(colon, ":min") == 0
               ? OK
               : FAIL(e, ERR_INPUT, "--objectives: '%.60s' should end in :min or :max", word);
}

status ask_objectives(const store_space *space, const char *list, arena *a,
                      const store_objective **out, int *n, err *e)
{
    *n = space->n_objectives;
    *out = space->objective;
    if (!list)
        return *n ? OK
                  : FAIL(e, ERR_INPUT, "the space has no objectives; say --objectives A,B,...");
    store_objective *o = ARENA_NEW(a, store_objective, strlen(list) + 1);
    if (!o) return FAIL(e, ERR_MEM, "no memory for objectives");
    *n = 0;
    for (const char *p = list; *p;) {
        p += strspn(p, ", ");
        size_t length = strcspn(p, ", ");
        const char *word = arena_copy(a, p, length);
        if (!word) return FAIL(e, ERR_MEM, "no memory for objectives");
        if (length) TRY(parse_objective(space, word, a, &o[(*n)++], e));
        p += length;
    }
    *out = o;
    return *n ? OK : FAIL(e, ERR_INPUT, "--objectives: the list is empty");
}
