#include "report/output_tables.h"

#include "engine/base/node.h"
#include "engine/base/quantity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- versions --- */

typedef struct {
    int n;
    const char **name, **unit;
} metric_list;

static void list_metric(metric_list *l, const char *name, const char *unit)
{
    for (int i = 0; i < l->n; i++)
        if (strcmp(l->name[i], name) == 0) return;
    l->name[l->n] = name;
    l->unit[l->n++] = unit;
}

/* Of all limits, each once. */
static status list_limited(job *j, metric_list *out, err *e)
{
    size_t most = 1;
    for (int i = 0; i < j->picks.n; i++) most += (size_t)j->picks.pick[i].n_limits;
    *out =
        (metric_list){0, ARENA_NEW(j->a, const char *, most), ARENA_NEW(j->a, const char *, most)};
    if (!out->name || !out->unit) return FAIL(e, ERR_MEM, "no memory for a table");
    for (int i = 0; i < j->picks.n; i++)
        for (int k = 0; k < j->picks.pick[i].n_limits; k++)
            list_metric(out, j->picks.pick[i].limit[k].metric, j->picks.pick[i].limit[k].unit);
    return OK;
}

static const pick_limit *limit_on(const pick *p, const char *metric)
{
    for (int i = 0; i < p->n_limits; i++)
        if (strcmp(p->limit[i].metric, metric) == 0) return &p->limit[i];
    return NULL;
}

/* "met", or what is not. */
static const char *verdict_of(job *j, const pick *p)
{
    char text[300] = "";
    if (p->met) return "met";
    if (p->kind == PICK_NONE) return "no finished trial";
    for (int i = 0; i < p->n_limits; i++) {
        size_t used = strlen(text);
        if (!p->limit[i].holds)
            snprintf(text + used, sizeof text - used, "%s %s", used ? "," : "", p->limit[i].metric);
    }
    if (!text[0] && p->kind == PICK_CLOSEST) return "not met on validation";
    return text[0] ? arena_printf(j->a, "not met:%s", text) : "not met with confidence";
}

/* Enough digits to see on which side of the bound it is. */
static const char *figure_text(job *j, double v, const char *unit)
{
    char text[40];
    if (strcmp(unit, "B") == 0)
        snprintf(text, sizeof text, "%.0f", v);
    else
        snprintf(text, sizeof text, "%.4g", v);
    return arena_string(j->a, text);
}

static status put_version(job *j, const pick *p, const metric_list *m, table *t, err *e)
{
    cell *c = table_row(t);
    if (!c) return FAIL(e, ERR_MEM, "no memory for a table");
    *c++ = cell_text(p->version);
    *c++ = p->trial ? cell_number((double)p->trial) : (cell){.kind = CELL_NONE};
    for (int i = 0; i < m->n; i++, c += 2) {
        const pick_limit *l = limit_on(p, m->name[i]);
        if (!l) continue;
        if (!isnan(l->reported))
            c[0] = cell_shown(l->reported, figure_text(j, l->reported, l->unit));
        c[1] = cell_text(l->text);
    }
    *c = cell_text(verdict_of(j, p));
    return c->text ? OK : FAIL(e, ERR_MEM, "no memory for a table");
}

status versions_table(job *j, table *out, err *e)
{
    metric_list m;
    TRY(list_limited(j, &m, e));
    TRY(table_init(out, j->a, 3 + 2 * m.n, e));
    table_column(out, 0, "version", NULL);
    table_column(out, 1, "trial", NULL);
    for (int i = 0; i < m.n; i++) {
        table_column(out, 2 + 2 * i, m.name[i], m.unit[i]);
        table_column(out, 3 + 2 * i, arena_printf(j->a, "%s limit", m.name[i]), NULL);
    }
    table_column(out, 2 + 2 * m.n, "verdict", NULL);
    for (int i = 0; i < j->picks.n; i++) TRY(put_version(j, &j->picks.pick[i], &m, out, e));
    return OK;
}

/* --- hyper-parameters --- */

typedef struct {
    int n, cap;
    const char **path;
    const char ***value; /* [n][n_columns]; NULL: the trial has no such setting */
    int n_columns;
} settings;

static int find_setting(const settings *s, const char *path)
{
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->path[i], path) == 0) return i;
    return -1;
}

static status add_setting(settings *s, job *j, const char *path, int *index, err *e)
{
    if (s->n == s->cap)
        return FAIL(e, ERR_INPUT, "a configuration has more than %d settings", s->cap);
    s->path[s->n] = path;
    s->value[s->n] = ARENA_NEW(j->a, const char *, s->n_columns);
    if (!path || !s->value[s->n]) return FAIL(e, ERR_MEM, "no memory for a table");
    *index = s->n++;
    return OK;
}

static const char *scalar_text(job *j, const node *n)
{
    buf b = {0};
    if (n->kind == NODE_STRING || n->kind == NODE_NUMBER || n->kind == NODE_BOOL) return n->text;
    node_put_json(&b, n);
    const char *text = b.data ? arena_string(j->a, b.data) : "";
    buf_free(&b);
    return text;
}

/* Of no use to a reader: hashes of contents. */
static bool is_hash(const node *n)
{
    return n->kind == NODE_STRING && strlen(n->text) == 32 &&
           strspn(n->text, "0123456789abcdef") == 32;
}

static status collect(settings *s, job *j, const char *prefix, const node *map, int column, err *e)
{
    for (int i = 0; i < map->n; i++) {
        const char *key = map->key[i]->text;
        const char *path = prefix[0] ? arena_printf(j->a, "%s.%s", prefix, key) : key;
        if (!path) return FAIL(e, ERR_MEM, "no memory for a table");
        if (map->item[i]->kind == NODE_MAP) {
            TRY(collect(s, j, path, map->item[i], column, e));
            continue;
        }
        if (is_hash(map->item[i]) || map->item[i]->kind == NODE_NULL) continue;
        int at = find_setting(s, path);
        if (at < 0) TRY(add_setting(s, j, path, &at, e));
        s->value[at][column] = scalar_text(j, map->item[i]);
    }
    return OK;
}

static status read_settings(job *j, int n, const job_choice *choice, settings *s, err *e)
{
    enum { MOST = 400 };
    *s = (settings){.cap = MOST,
                    .path = ARENA_NEW(j->a, const char *, MOST),
                    .value = ARENA_NEW(j->a, const char **, MOST),
                    .n_columns = n};
    if (!s->path || !s->value) return FAIL(e, ERR_MEM, "no memory for a table");
    for (int i = 0; i < n; i++) {
        const char *json;
        node *tree;
        TRY(store_trial_config(j->s, choice[i].trial, j->a, &json, e));
        TRY(node_read_json(j->a, json, strlen(json), &tree, e));
        TRY(collect(s, j, "", tree, i, e));
    }
    return OK;
}

/* A knob is called by the last part of its path, or by more of it. */
static bool is_knob_of(const char *knob, const char *path)
{
    size_t n = strlen(knob), m = strlen(path);
    return n <= m && strcmp(path + m - n, knob) == 0 && (n == m || path[m - n - 1] == '.');
}

/* The values tried on the axis that sets it; "" for what was given. */
static const char *searched_text(job *j, const ablation *d, const char *path)
{
    for (int k = 0; d && k < d->n_knobs; k++) {
        if (!is_knob_of(d->knob[k].name, path)) continue;
        buf b = {0};
        for (int l = 0; l < d->knob[k].n_levels; l++)
            buf_printf(&b, "%s%s", l ? ", " : "", d->knob[k].level[l].text);
        const char *text = b.data ? arena_string(j->a, b.data) : "";
        buf_free(&b);
        return text;
    }
    return "";
}

/* The axes' values as the finished trials have them; NULL for a study without objectives. */
static status read_axes(job *j, ablation *room, const ablation **out, err *e)
{
    err quiet = {0};
    *out = NULL;
    if (j->space.n_objectives == 0) return OK;
    status s = importance_read(j->s, j->space.objective[0].metric, j->a, room, &quiet);
    if (s == OK) *out = room;
    return s == OK || s == ERR_INPUT ? OK : FAIL(e, s, "%s", quiet.msg);
}

/* "device.model: none" tells a reader nothing. */
static bool is_used(const settings *s, int row)
{
    for (int i = 0; i < s->n_columns; i++) {
        const char *text = s->value[row][i];
        if (text && text[0] && strcmp(text, "none") != 0) return true;
    }
    return false;
}

status hyperparameters_table(job *j, table *out, err *e)
{
    int n;
    job_choice *choice;
    settings s;
    ablation room;
    const ablation *axes;
    TRY(job_list_choices(j, &n, &choice, e));
    TRY(read_settings(j, n, choice, &s, e));
    TRY(read_axes(j, &room, &axes, e));
    TRY(table_init(out, j->a, n + 2, e));
    table_column(out, 0, "setting", NULL);
    for (int i = 0; i < n; i++) table_column(out, i + 1, choice[i].name, NULL);
    table_column(out, n + 1, "searched", NULL);
    for (int r = 0; r < s.n; r++) {
        if (!is_used(&s, r)) continue;
        cell *c = table_row(out);
        if (!c) return FAIL(e, ERR_MEM, "no memory for a table");
        c[0] = cell_text(s.path[r]);
        for (int i = 0; i < n; i++) c[i + 1] = cell_text(s.value[r][i]);
        c[n + 1] = cell_text(searched_text(j, axes, s.path[r]));
    }
    return OK;
}

/* --- all of them --- */

static status write_front(job *j, err *e)
{
    table t;
    TRY(store_trials(j->s,
                     &(store_query){.columns = "all", .front_only = true, .filter = j->filter},
                     j->a, &t, e));
    TRY(job_write_data(j, &t, "front", e));
    if (!j->latex && !j->markdown) return OK;
    TRY(store_trials(j->s, &(store_query){.front_only = true, .filter = j->filter}, j->a, &t, e));
    const char *caption =
        arena_printf(j->a, "%s: trials that no other beats under all objectives.", job_title(j));
    return caption ? job_write_paper(j, &t, "front", caption, e) : FAIL(e, ERR_MEM, "no memory");
}

static status write_versions(job *j, err *e)
{
    table t;
    const char *caption = arena_printf(
        j->a,
        "%s: the pick of each version, chosen on validation figures. Figures are those of the "
        "test part, or exact.",
        job_title(j));
    if (!caption) return FAIL(e, ERR_MEM, "no memory for a caption");
    if (j->picks.n > 0) {
        TRY(versions_table(j, &t, e));
        TRY(job_write_table(j, &t, "versions", caption, e));
    }
    TRY(hyperparameters_table(j, &t, e));
    if (t.n_rows == 0) return OK;
    caption = arena_printf(j->a, "%s: settings of the %s, and the values that were searched.",
                           job_title(j), j->picks.n ? "picks" : "best trials");
    return caption ? job_write_table(j, &t, "hyperparameters", caption, e)
                   : FAIL(e, ERR_MEM, "no memory for a caption");
}

status output_tables(job *j, err *e)
{
    table t;
    TRY(write_front(j, e));
    TRY(store_trials(j->s, &(store_query){.columns = "all", .state = "all", .filter = j->filter},
                     j->a, &t, e));
    TRY(job_write_data(j, &t, "trials", e));
    TRY(picks_table(&j->picks, false, j->a, &t, e));
    TRY(job_write_data(j, &t, "picks", e));
    return write_versions(j, e);
}
