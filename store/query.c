/* The readers' side of store.h. */
#include "engine/base/buf.h"
#include "engine/base/diag.h"
#include "store/filter.h"
#include "store/handle.h"
#include "store/schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- the space of the last run --- */

/* Rows of a query, counted first so that they fit an array. */
static status count_rows(db *d, const char *sql, int *n, err *e)
{
    query q = db_query(d, sql, e);
    *n = query_row(&q) ? (int)query_column_int(&q, 0) : 0;
    return query_end(&q);
}

static status read_head(db *d, arena *a, store_space *out, err *e)
{
    query q = db_query(
        d, "SELECT name, task, path, text, text_hash, title FROM spaces WHERE id = " DB_LAST_SPACE,
        e);
    bool found = query_row(&q);
    if (found) {
        out->name = arena_string(a, query_column_text(&q, 0));
        out->task = arena_string(a, query_column_text(&q, 1));
        out->path = arena_string(a, query_column_text(&q, 2));
        out->text = arena_string(a, query_column_text(&q, 3));
        snprintf(out->text_hash.text, sizeof out->text_hash.text, "%s", query_column_text(&q, 4));
        out->title = arena_string(a, query_column_text(&q, 5));
    }
    TRY(query_end(&q));
    return found ? OK : FAIL(e, ERR_INPUT, "%s: nothing was run yet", d->path);
}

static limit_op op_of(const char *text)
{
    for (int i = LIMIT_LT; i < LIMIT_GE; i++)
        if (strcmp(limit_op_text((limit_op)i), text) == 0) return (limit_op)i;
    return LIMIT_GE;
}

static status read_limits(db *d, int version, arena *a, store_version *out, err *e)
{
    int n;
    TRY(count_rows(d, "SELECT count(*) FROM limits WHERE space_id = " DB_LAST_SPACE, &n, e));
    store_limit *limit = ARENA_NEW(a, store_limit, (size_t)n + 1);
    if (!limit) return FAIL(e, ERR_MEM, "no memory for a space");
    query q = db_query(d,
                       "SELECT metric, op, bound, text FROM limits WHERE space_id = " DB_LAST_SPACE
                       " AND version = :version ORDER BY position",
                       e);
    query_int(&q, ":version", version);
    while (out->n_limits < n && query_row(&q))
        limit[out->n_limits++] = (store_limit){.metric = arena_string(a, query_column_text(&q, 0)),
                                               .op = op_of(query_column_text(&q, 1)),
                                               .bound = query_column_real(&q, 2),
                                               .text = arena_string(a, query_column_text(&q, 3))};
    out->limit = limit;
    return query_end(&q);
}

static status read_versions(db *d, arena *a, store_space *out, err *e)
{
    int n;
    TRY(count_rows(d, "SELECT count(*) FROM versions WHERE space_id = " DB_LAST_SPACE, &n, e));
    store_version *version = ARENA_NEW(a, store_version, (size_t)n + 1);
    if (!version) return FAIL(e, ERR_MEM, "no memory for a space");
    query q = db_query(
        d, "SELECT name, title FROM versions WHERE space_id = " DB_LAST_SPACE " ORDER BY position",
        e);
    while (out->n_versions < n && query_row(&q))
        version[out->n_versions++] =
            (store_version){.name = arena_string(a, query_column_text(&q, 0)),
                            .title = arena_string(a, query_column_text(&q, 1))};
    TRY(query_end(&q));
    for (int i = 0; i < out->n_versions; i++) TRY(read_limits(d, i, a, &version[i], e));
    out->version = version;
    return OK;
}

static status read_objectives(db *d, arena *a, store_space *out, err *e)
{
    int n;
    TRY(count_rows(d, "SELECT count(*) FROM objectives WHERE space_id = " DB_LAST_SPACE, &n, e));
    store_objective *objective = ARENA_NEW(a, store_objective, (size_t)n + 1);
    if (!objective) return FAIL(e, ERR_MEM, "no memory for a space");
    query q = db_query(d,
                       "SELECT metric, direction = 'maximize' FROM objectives"
                       " WHERE space_id = " DB_LAST_SPACE " ORDER BY position",
                       e);
    while (out->n_objectives < n && query_row(&q))
        objective[out->n_objectives++] =
            (store_objective){.metric = arena_string(a, query_column_text(&q, 0)),
                              .maximize = query_column_int(&q, 1) != 0};
    out->objective = objective;
    return query_end(&q);
}

static status read_axes(db *d, arena *a, store_space *out, err *e)
{
    int n;
    TRY(count_rows(d, "SELECT count(*) FROM knobs WHERE space_id = " DB_LAST_SPACE, &n, e));
    const char **knob = ARENA_NEW(a, const char *, (size_t)n + 1);
    if (!knob) return FAIL(e, ERR_MEM, "no memory for a space");
    query q = db_query(
        d, "SELECT name FROM knobs WHERE space_id = " DB_LAST_SPACE " ORDER BY position", e);
    while (out->n_knobs < n && query_row(&q))
        knob[out->n_knobs++] = arena_string(a, query_column_text(&q, 0));
    out->knob = knob;
    return query_end(&q);
}

static status read_metrics(db *d, arena *a, store_space *out, err *e)
{
    int n;
    TRY(count_rows(d, "SELECT count(*) FROM metrics", &n, e));
    store_metric_info *metric = ARENA_NEW(a, store_metric_info, (size_t)n + 1);
    if (!metric) return FAIL(e, ERR_MEM, "no memory for a space");
    query q =
        db_query(d,
                 "SELECT name, unit, help, CASE better WHEN 'lower' THEN 0 WHEN 'higher' THEN 1"
                 " ELSE 2 END FROM metrics ORDER BY id",
                 e);
    while (out->n_metrics < n && query_row(&q))
        metric[out->n_metrics++] =
            (store_metric_info){.name = arena_string(a, query_column_text(&q, 0)),
                                .unit = arena_string(a, query_column_text(&q, 1)),
                                .help = arena_string(a, query_column_text(&q, 2)),
                                .better = (store_better)query_column_int(&q, 3)};
    out->metric = metric;
    return query_end(&q);
}

status store_last_space(store *s, arena *a, store_space *out, err *e)
{
    *out = (store_space){0};
    TRY(read_head(&s->d, a, out, e));
    TRY(read_versions(&s->d, a, out, e));
    TRY(read_objectives(&s->d, a, out, e));
    TRY(read_axes(&s->d, a, out, e));
    return read_metrics(&s->d, a, out, e);
}

static status last_space_id(db *d, int64_t *id, err *e)
{
    query q = db_query(d, "SELECT coalesce(" DB_LAST_SPACE ", 0)", e);
    *id = query_row(&q) ? query_column_int(&q, 0) : 0;
    return query_end(&q);
}

status store_read_points(store *s, int n_metrics, const char *const *metric, arena *a,
                         store_points *out, err *e)
{
    int64_t space;
    TRY(last_space_id(&s->d, &space, e));
    return points_read(&s->d, space, n_metrics, metric, a, out, e);
}

/* --- results as tables --- */

/* Whole numbers beyond 2^53 are given as text: a double would change them. */
static cell integer_cell(int64_t v, arena *a)
{
    const int64_t exact = INT64_C(1) << 53;
    char *text = arena_printf(a, "%lld", (long long)v);
    return v >= -exact && v <= exact ? cell_shown((double)v, text) : cell_text(text);
}

static cell result_cell(sqlite3_stmt *stmt, int column, arena *a)
{
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        return integer_cell(sqlite3_column_int64(stmt, column), a);
    case SQLITE_FLOAT:
        return cell_number(sqlite3_column_double(stmt, column));
    case SQLITE_TEXT:
        return cell_text(arena_string(a, (const char *)sqlite3_column_text(stmt, column)));
    case SQLITE_BLOB:
        return cell_text(arena_printf(a, "(%d bytes)", sqlite3_column_bytes(stmt, column)));
    default:
        return (cell){.kind = CELL_NONE};
    }
}

/* Where rows go other than into the table. */
typedef struct {
    table_stream *stream; /* written there and not kept; NULL: kept */
    int most;             /* rows that may be kept; 0: any number */
} sink;

/* A kept row was added; a streamed one is written and the memory of its cells used again. */
static status pass_on(table *t, const sink *to, err *e)
{
    if (to->stream) return table_stream_row(to->stream, t, e);
    if (to->most == 0 || t->n_rows <= to->most) return OK;
    return FAIL(
        e, ERR_INPUT,
        "more than %d rows are too many for an aligned table; ask for --format csv or json, "
        "or for fewer",
        to->most);
}

/* Columns are named by the query; their units are the caller's to add. */
static status fill_table(query *q, arena *a, table *out, const sink *to)
{
    int n = sqlite3_column_count(q->stmt);
    if (n == 0) return FAIL(q->e, ERR_INPUT, "this statement gives no table");
    TRY(table_init(out, a, n, q->e));
    for (int i = 0; i < n; i++) {
        const char *name = arena_string(a, sqlite3_column_name(q->stmt, i));
        if (!name) return FAIL(q->e, ERR_MEM, "no memory for the result");
        table_column(out, i, name, NULL);
    }
    if (!table_row(out)) return FAIL(q->e, ERR_MEM, "no memory for the result");
    out->n_rows = 0; /* the room of one row, before the mark */
    arena_mark_t mark = arena_mark(a);
    while (query_row(q)) {
        cell *c = table_row(out);
        if (!c) return FAIL(q->e, ERR_MEM, "the result is too large for memory");
        for (int i = 0; i < n; i++) {
            c[i] = result_cell(q->stmt, i, a);
            if (c[i].kind == CELL_TEXT && !c[i].text)
                return FAIL(q->e, ERR_MEM, "the result is too large for memory");
        }
        TRY(pass_on(out, to, q->e));
        if (to->stream) arena_release(a, mark);
    }
    return OK;
}

/* A way to fill a table from a query, and what it is given. */
typedef status fill(store *s, const void *ask, const sink *to, arena *a, table *out, err *e);

/* Prints what `make` fills: CSV and JSON as it comes. */
static status print_filled(store *s, fill *make, const void *ask, table_format format, FILE *f,
                           err *e)
{
    arena a;
    table t;
    table_stream stream = {.format = format, .f = f};
    bool keep = format == FORMAT_TABLE;
    sink to = {keep ? NULL : &stream, keep ? STORE_MOST_ROWS : 0};
    arena_init(&a, 0);
    status st = make(s, ask, &to, &a, &t, e);
    if (st == OK) st = keep ? table_print(&t, format, f, e) : table_stream_end(&stream, &t, e);
    table_stream_free(&stream);
    arena_free(&a);
    return st;
}

/* --- paretune sql --- */

static bool pragma_is_harmless(const char *name, const char *value)
{
    static const char *const describing[] = {"table_info",      "table_xinfo", "table_list",
                                             "index_list",      "index_info",  "index_xinfo",
                                             "foreign_key_list"};
    static const char *const settings[] = {"user_version",  "application_id", "journal_mode",
                                           "page_count",    "page_size",      "encoding",
                                           "database_list", "compile_options"};
    for (size_t i = 0; i < sizeof describing / sizeof *describing; i++)
        if (sqlite3_stricmp(name, describing[i]) == 0) return true;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (sqlite3_stricmp(name, settings[i]) == 0) return !value;
    return false;
}

static int authorize(void *user, int action, const char *one, const char *two, const char *database,
                     const char *trigger)
{
    (void)user;
    (void)database;
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_PRAGMA:
        return pragma_is_harmless(one, two) ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static bool is_blank(const char *sql)
{
    while (*sql && strchr(" \t\r\n;", *sql)) sql++;
    return !*sql;
}

static const char refusal[] =
    "only statements that read are allowed: SELECT, WITH, VALUES, EXPLAIN and "
    "describing PRAGMAs";

static status prepare_checked(store *s, const char *sql, sqlite3_stmt **stmt, err *e)
{
    const char *rest = NULL;
    sqlite3_set_authorizer(s->d.handle, authorize, NULL);
    int code = sqlite3_prepare_v2(s->d.handle, sql, -1, stmt, &rest);
    sqlite3_set_authorizer(s->d.handle, NULL, NULL);
    if (code == SQLITE_AUTH) return FAIL(e, ERR_INPUT, "%s", refusal);
    if (code == SQLITE_ERROR) return FAIL(e, ERR_INPUT, "%s", sqlite3_errmsg(s->d.handle));
    if (code != SQLITE_OK) return DB_FAIL(&s->d, e);
    if (!*stmt) return FAIL(e, ERR_INPUT, "the statement is empty");
    if (!is_blank(rest)) return FAIL(e, ERR_INPUT, "one statement at a time: found a second one");
    if (!sqlite3_stmt_readonly(*stmt)) return FAIL(e, ERR_INPUT, "%s", refusal);
    return OK;
}

static status fill_sql(store *s, const void *sql, const sink *to, arena *a, table *out, err *e)
{
    sqlite3_stmt *stmt = NULL;
    status st = prepare_checked(s, sql, &stmt, e);
    query q = {.d = &s->d, .stmt = stmt, .s = st, .e = e};
    if (st == OK) st = fill_table(&q, a, out, to);
    status end = query_end(&q);
    return st != OK ? st : end;
}

status store_sql(store *s, const char *sql, arena *a, table *out, err *e)
{
    return fill_sql(s, sql, &(sink){0}, a, out, e);
}

status store_sql_print(store *s, const char *sql, table_format format, FILE *f, err *e)
{
    return print_filled(s, fill_sql, sql, format, f, e);
}

/* --- a trial's file --- */

const char *store_usual_artifacts(arena *a, const char *db_path)
{
    size_t n = strlen(db_path);
    if (n > 3 && strcmp(db_path + n - 3, ".db") == 0) n -= 3;
    return arena_printf(a, "%.*s.artifacts", (int)n, db_path);
}

status store_find_model(store *s, int64_t trial, arena *a, store_model *out, err *e)
{
    query q = db_query(&s->d,
                       "SELECT substr(g.key, 1, 2) || '/' || g.key || '.tflite', g.artifact_hash,"
                       " (SELECT artifacts FROM runs ORDER BY id DESC LIMIT 1), g.params"
                       " FROM trial_stages c JOIN stages g ON g.id = c.stage_id"
                       " WHERE c.trial_id = :trial AND g.kind = 'export' AND g.state = 'done'",
                       e);
    query_int(&q, ":trial", trial);
    *out = (store_model){0};
    bool found = query_row(&q);
    if (found) {
        const char *folder = query_column_text(&q, 2);
        out->file = arena_string(a, query_column_text(&q, 0));
        out->params = arena_string(a, query_column_text(&q, 3));
        snprintf(out->content.text, sizeof out->content.text, "%s", query_column_text(&q, 1));
        out->folder = folder[0] ? arena_string(a, folder) : store_usual_artifacts(a, s->d.path);
    }
    TRY(query_end(&q));
    if (!found)
        return FAIL(e, ERR_INPUT,
                    "%s: there is no trial %lld, or its export is not done; 'paretune query' lists "
                    "those that are",
                    s->d.path, (long long)trial);
    return out->file && out->folder && out->params ? OK
                                                   : FAIL(e, ERR_MEM, "no memory for a file name");
}

/* --- paretune query --- */

typedef struct {
    schema_columns c;
    bool *chosen; /* by column */
    int *order;   /* columns in the order shown */
    int n;
} selection;

static int column_index(const schema_columns *c, const char *name, size_t n)
{
    for (int i = 0; i < c->n; i++)
        if (strlen(c->name[i]) == n && memcmp(c->name[i], name, n) == 0) return i;
    return -1;
}

static status unknown_column(const schema_columns *c, const char *name, size_t n, const char *what,
                             arena *a, err *e)
{
    const char *word = arena_copy(a, name, n < 80 ? n : 80);
    if (!word) return FAIL(e, ERR_MEM, "no memory for a message");
    const char *meant = diag_did_you_mean(word, c->name, (size_t)c->n);
    return FAIL(e, ERR_INPUT, "%s: there is no column '%s'%s%s%s", what, word,
                meant ? "; did you mean '" : "; '--columns all' shows all names",
                meant ? meant : "", meant ? "'?" : "");
}

static void show(selection *sel, int column)
{
    if (column < 0 || sel->chosen[column]) return;
    sel->chosen[column] = true;
    sel->order[sel->n++] = column;
}

static status choose_listed(selection *sel, const char *columns, arena *a, err *e)
{
    for (const char *p = columns; *p;) {
        p += strspn(p, ", ");
        size_t n = strcspn(p, ",");
        size_t used = n;
        while (used > 0 && p[used - 1] == ' ') used--;
        if (used == 0) continue;
        int i = column_index(&sel->c, p, used);
        if (i < 0) return unknown_column(&sel->c, p, used, "columns", a, e);
        show(sel, i);
        p += n;
    }
    return sel->n ? OK : FAIL(e, ERR_INPUT, "columns: the list is empty");
}

static void show_metric(selection *sel, const char *metric)
{
    for (int i = 0; i < sel->c.n; i++)
        if (sel->c.kind[i] == 'm' && strcmp(sel->c.source[i], metric) == 0) show(sel, i);
}

static status choose_usual(selection *sel, store *s, const store_query *ask, arena *a, err *e)
{
    store_space space;
    int seeds;
    TRY(store_last_space(s, a, &space, e));
    TRY(count_rows(&s->d,
                   "SELECT min(t.seed) <> max(t.seed) FROM space_trials b"
                   " JOIN trials t ON t.id = b.trial_id WHERE b.space_id = " DB_LAST_SPACE,
                   &seeds, e));
    show(sel, 0);
    if (seeds) show(sel, column_index(&sel->c, "seed", 4));
    for (int i = 0; i < sel->c.n; i++)
        if (sel->c.kind[i] == 'k') show(sel, i);
    for (int i = 0; i < ask->n_metrics; i++) show_metric(sel, ask->metric[i]);
    if (ask->metric) return OK;
    for (int i = 0; i < space.n_objectives; i++) show_metric(sel, space.objective[i].metric);
    for (int i = 0; i < space.n_versions; i++)
        for (int j = 0; j < space.version[i].n_limits; j++)
            show_metric(sel, space.version[i].limit[j].metric);
    return OK;
}

static status choose_columns(selection *sel, store *s, const store_query *ask, arena *a, err *e)
{
    TRY(schema_list_columns(&s->d, a, &sel->c, e));
    sel->chosen = ARENA_NEW(a, bool, sel->c.n);
    sel->order = ARENA_NEW(a, int, sel->c.n);
    if (!sel->chosen || !sel->order) return FAIL(e, ERR_MEM, "no memory for the columns");
    if (!ask->columns) return choose_usual(sel, s, ask, a, e);
    if (strcmp(ask->columns, "all") != 0) return choose_listed(sel, ask->columns, a, e);
    for (int i = 0; i < sel->c.n; i++) show(sel, i);
    return OK;
}

static bool is_text(const char *fixed_column)
{
    return strcmp(fixed_column, "state") == 0 || strcmp(fixed_column, "model") == 0;
}

/* The texts that a knob takes in the trials of the space, and whether it takes numbers. */
static status list_words(store *s, const char *knob, arena *a, filter_name *out, err *e)
{
    int n = 0, cap = 0;
    const char **word = NULL;
    query q = db_query(&s->d,
                       "SELECT DISTINCT v.value, typeof(v.value) = 'text' FROM space_trials b"
                       " JOIN trial_knobs v ON v.trial_id = b.trial_id AND v.knob = :knob"
                       " WHERE b.space_id = " DB_LAST_SPACE " ORDER BY 1",
                       e);
    query_text(&q, ":knob", knob);
    while (query_row(&q)) {
        out->is_listed = true;
        if (!query_column_int(&q, 1)) {
            out->has_numbers = true;
            continue;
        }
        if (n == cap) {
            const char **more = ARENA_NEW(a, const char *, cap = 2 * cap + 8);
            if (more && n) memcpy(more, word, (size_t)n * sizeof *more);
            word = more;
        }
        if (!word || !(word[n++] = arena_string(a, query_column_text(&q, 0)))) break;
    }
    TRY(query_end(&q));
    if (n && (!word || !word[n - 1])) return FAIL(e, ERR_MEM, "no memory for a filter");
    out->word = word;
    out->n_words = n;
    return OK;
}

static status describe_name(store *s, const schema_columns *c, int i, const char *text, arena *a,
                            filter_name *out, err *e)
{
    static const char *const states[] = {"ready",   "running", "done",
                                         "stopped", "failed",  "timeout"};
    *out = (filter_name){.name = c->name[i],
                         .unit = c->unit[i],
                         .is_number = c->kind[i] != 'k' && !is_text(c->name[i])};
    if (strcmp(c->name[i], "state") == 0) {
        out->is_listed = true;
        out->word = states;
        out->n_words = (int)(sizeof states / sizeof *states);
    }
    bool asked = c->kind[i] == 'k' && strstr(text, c->name[i]);
    return asked ? list_words(s, c->source[i], a, out, e) : OK;
}

static status compile(store *s, const schema_columns *c, const char *text, arena *a, filter *out,
                      err *e)
{
    filter_name *names = ARENA_NEW(a, filter_name, c->n);
    if (!names) return FAIL(e, ERR_MEM, "no memory for a filter");
    for (int i = 0; i < c->n; i++) TRY(describe_name(s, c, i, text, a, &names[i], e));
    return filter_compile(text, names, c->n, a, out, e);
}

static void put_query(buf *b, const selection *sel, const store_query *q, const filter *f)
{
    buf_text(b, "SELECT ");
    for (int i = 0; i < sel->n; i++) {
        if (i) buf_text(b, ", ");
        db_put_quoted(b, '"', sel->c.name[sel->order[i]]);
    }
    buf_text(b, " FROM trials_wide WHERE (:state IS NULL OR state = :state)");
    if (q->front_only) buf_text(b, " AND on_front = 1");
    if (q->trial) buf_text(b, " AND trial IN (SELECT value FROM json_each(:trials))");
    if (f->sql) buf_printf(b, " AND (%s)", f->sql);
    buf_text(b, " ORDER BY ");
    if (q->sort) {
        db_put_quoted(b, '"', q->sort);
        buf_text(b, q->descending ? " DESC NULLS LAST, " : " ASC NULLS LAST, ");
    }
    buf_text(b, "trial LIMIT :limit");
}

static status check_state(const char *state, err *e)
{
    for (int i = STATE_READY; i <= STATE_TIMEOUT; i++)
        if (strcmp(state, store_state_name((store_state)i)) == 0) return OK;
    if (strcmp(state, "all") == 0) return OK;
    return FAIL(e, ERR_INPUT,
                "unknown state '%s'; it can be ready, running, done, stopped, failed, timeout "
                "or all",
                state);
}

static void bind_query(query *q, const store_query *ask, const filter *f)
{
    const char *state = ask->state ? ask->state : "done";
    for (int i = 0; i < f->n_values; i++) {
        char name[16];
        snprintf(name, sizeof name, ":v%d", i + 1);
        if (f->value[i].is_number)
            query_real(q, name, f->value[i].number);
        else
            query_text(q, name, f->value[i].text);
    }
    query_text(q, ":state", strcmp(state, "all") == 0 ? NULL : state);
    query_int(q, ":limit", ask->limit > 0 ? ask->limit : -1);
}

/* A JSON array, which SQLite unfolds: one parameter for any number of trials. */
static void put_trials(buf *b, const store_query *ask)
{
    buf_char(b, '[');
    for (int i = 0; i < ask->n_trials; i++)
        buf_printf(b, "%s%lld", i ? "," : "", (long long)ask->trial[i]);
    buf_char(b, ']');
}

static status run_bound(store *s, const char *sql, const selection *sel, const store_query *ask,
                        const filter *f, const char *trials, const sink *to, arena *a, table *out,
                        err *e)
{
    query q = db_query_once(&s->d, sql, e);
    bind_query(&q, ask, f);
    if (ask->trial) query_text(&q, ":trials", trials);
    status st = q.s == OK ? fill_table(&q, a, out, to) : q.s;
    status end = query_end(&q);
    TRY(st);
    for (int i = 0; end == OK && i < sel->n; i++)
        table_column(out, i, out->name[i], sel->c.unit[sel->order[i]]);
    return end;
}

static status run_query(store *s, const char *sql, const selection *sel, const store_query *ask,
                        const filter *f, const sink *to, arena *a, table *out, err *e)
{
    buf trials = {0};
    put_trials(&trials, ask);
    status st = buf_check(&trials, e);
    if (st == OK) st = run_bound(s, sql, sel, ask, f, trials.data, to, a, out, e);
    buf_free(&trials);
    return st;
}

static status fill_trials(store *s, const void *question, const sink *to, arena *a, table *out,
                          err *e)
{
    const store_query *ask = question;
    selection sel = {0};
    filter f = {0};
    if (ask->state) TRY(check_state(ask->state, e));
    TRY(choose_columns(&sel, s, ask, a, e));
    if (ask->sort && column_index(&sel.c, ask->sort, strlen(ask->sort)) < 0)
        return unknown_column(&sel.c, ask->sort, strlen(ask->sort), "sort", a, e);
    if (ask->filter) TRY(compile(s, &sel.c, ask->filter, a, &f, e));
    buf sql = {0};
    put_query(&sql, &sel, ask, &f);
    status st = buf_check(&sql, e);
    if (st == OK) st = run_query(s, sql.data, &sel, ask, &f, to, a, out, e);
    buf_free(&sql);
    return st;
}

status store_trials(store *s, const store_query *ask, arena *a, table *out, err *e)
{
    return fill_trials(s, ask, &(sink){0}, a, out, e);
}

status store_trials_print(store *s, const store_query *ask, table_format format, FILE *f, err *e)
{
    return print_filled(s, fill_trials, ask, format, f, e);
}
