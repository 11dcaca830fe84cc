#include "store/front.h"
#include "engine/base/buf.h"
#include "engine/base/pareto.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void front_free(front *f)
{
    arena_free(&f->a);
    *f = (front){0};
}

/* --- points --- */

/* A column per metric, each found through the primary key of trial_metrics. */
static void put_points_sql(buf *b, int n_metrics)
{
    buf_text(b, "SELECT t.id, t.on_front");
    for (int i = 0; i < n_metrics; i++)
        buf_printf(b, ", (SELECT value FROM trial_metrics WHERE trial_id = t.id AND metric = :m%d)",
                   i);
    buf_text(b, " FROM space_trials b JOIN trials t ON t.id = b.trial_id"
                " WHERE b.space_id = :space AND t.state = 'done' ORDER BY t.id");
}

typedef struct {
    buf trial, on_front, value;
} columns;

static status collect(query *q, int n_metrics, columns *c)
{
    while (query_row(q)) {
        int64_t trial = query_column_int(q, 0);
        buf_put(&c->trial, &trial, sizeof trial);
        buf_char(&c->on_front, (char)query_column_int(q, 1));
        for (int i = 0; i < n_metrics; i++) {
            double v = query_column_real(q, 2 + i);
            buf_put(&c->value, &v, sizeof v);
        }
    }
    return query_end(q);
}

static void *take_copy(arena *a, const buf *b)
{
    void *p = arena_take(a, b->len + 1, 1);
    if (p && b->len) memcpy(p, b->data, b->len);
    return p;
}

static status keep(const columns *c, int n_metrics, arena *a, store_points *out, err *e)
{
    TRY(buf_check(&c->trial, e));
    TRY(buf_check(&c->on_front, e));
    TRY(buf_check(&c->value, e));
    *out = (store_points){.n = (int)c->on_front.len,
                          .n_metrics = n_metrics,
                          .trial = take_copy(a, &c->trial),
                          .on_front = take_copy(a, &c->on_front),
                          .value = take_copy(a, &c->value)};
    if (!out->trial || !out->on_front || !out->value)
        return FAIL(e, ERR_MEM, "no memory for the figures of %d trials", out->n);
    return OK;
}

status points_read(db *d, int64_t space_id, int n_metrics, const char *const *metric, arena *a,
                   store_points *out, err *e)
{
    buf sql = {0};
    columns c = {0};
    put_points_sql(&sql, n_metrics);
    status s = buf_check(&sql, e);
    if (s == OK) {
        query q = db_query_once(d, sql.data, e);
        query_int(&q, ":space", space_id);
        for (int i = 0; i < n_metrics; i++) {
            char name[16];
            snprintf(name, sizeof name, ":m%d", i);
            query_text(&q, name, metric[i]);
        }
        s = collect(&q, n_metrics, &c);
    }
    if (s == OK) s = keep(&c, n_metrics, a, out, e);
    buf_free(&sql);
    buf_free(&c.trial);
    buf_free(&c.on_front);
    buf_free(&c.value);
    return s;
}

/* --- membership --- */

static status set_member(db *d, int64_t trial, bool member, err *e)
{
    query q = db_query(d, "UPDATE trials SET on_front = :member WHERE id = :trial", e);
    query_int(&q, ":member", member);
    query_int(&q, ":trial", trial);
    return query_run(&q);
}

static status load_objectives(front *f, db *d, err *e)
{
    enum { MOST = 64 };
    f->metric = ARENA_NEW(&f->a, const char *, MOST);
    f->sign = ARENA_NEW(&f->a, double, MOST);
    if (!f->metric || !f->sign) return FAIL(e, ERR_MEM, "no memory for the front");
    query q = db_query(d,
                       "SELECT metric, direction = 'maximize' FROM objectives"
                       " WHERE space_id = :space ORDER BY position",
                       e);
    query_int(&q, ":space", f->space_id);
    while (f->m < MOST && query_row(&q)) {
        f->metric[f->m] = arena_string(&f->a, query_column_text(&q, 0));
        f->sign[f->m++] = query_column_int(&q, 1) ? -1 : 1;
    }
    return query_end(&q);
}

static status append(front *f, int64_t trial, const double *point, err *e)
{
    if (f->n == f->cap) {
        int cap = f->cap ? f->cap * 2 : 64;
        int64_t *trials = ARENA_NEW(&f->a, int64_t, cap);
        double *points = ARENA_NEW(&f->a, double, (size_t)cap *(size_t)f->m);
        if (!trials || !points) return FAIL(e, ERR_MEM, "no memory for a front of %d trials", cap);
        if (f->n) {
            memcpy(trials, f->trial, (size_t)f->n * sizeof *trials);
            memcpy(points, f->point, (size_t)f->n * (size_t)f->m * sizeof *points);
        }
        f->trial = trials;
        f->point = points;
        f->cap = cap;
    }
    f->trial[f->n] = trial;
    memcpy(f->point + (size_t)f->n++ * (size_t)f->m, point, (size_t)f->m * sizeof *point);
    return OK;
}

/* A trial of another space, or one taken up again, may still be marked. */
static status clear_strangers(db *d, int64_t space_id, err *e)
{
    query q = db_query(d,
                       "UPDATE trials SET on_front = 0 WHERE on_front = 1 AND (state <> 'done' OR"
                       " id NOT IN (SELECT trial_id FROM space_trials WHERE space_id = :space))",
                       e);
    query_int(&q, ":space", space_id);
    return query_run(&q);
}

static status find_members(front *f, db *d, arena *scratch, err *e)
{
    store_points p;
    TRY(points_read(d, f->space_id, f->m, f->metric, scratch, &p, e));
    unsigned char *member = ARENA_NEW(scratch, unsigned char, (size_t)p.n + 1);
    if (!member) return FAIL(e, ERR_MEM, "no memory for the front");
    for (int i = 0; i < p.n * f->m; i++) p.value[i] *= f->sign[i % f->m];
    if (f->m) TRY(pareto_front(p.value, p.n, f->m, member, scratch, e));
    for (int i = 0; i < p.n; i++) {
        if (member[i] != p.on_front[i]) TRY(set_member(d, p.trial[i], member[i], e));
        if (member[i]) TRY(append(f, p.trial[i], p.value + (size_t)i * (size_t)f->m, e));
    }
    return OK;
}

status front_load(front *f, db *d, int64_t space_id, err *e)
{
    front_free(f);
    arena_init(&f->a, 0);
    f->space_id = space_id;
    TRY(load_objectives(f, d, e));
    TRY(clear_strangers(d, space_id, e));
    arena scratch;
    arena_init(&scratch, 0);
    status s = find_members(f, d, &scratch, e);
    arena_free(&scratch);
    f->stale = s != OK;
    return s;
}

/* The trial's objectives, signs applied; *complete = false when one is missing. */
static status read_point(const front *f, db *d, int64_t trial, double *point, bool *complete,
                         err *e)
{
    *complete = true;
    for (int k = 0; k < f->m; k++) {
        query q = db_query(
            d, "SELECT value FROM trial_metrics WHERE trial_id = :trial AND metric = :metric", e);
        query_int(&q, ":trial", trial);
        query_text(&q, ":metric", f->metric[k]);
        *complete &= query_row(&q);
        point[k] = *complete ? f->sign[k] * query_column_real(&q, 0) : 0;
        *complete &= !isnan(point[k]);
        TRY(query_end(&q));
    }
    return OK;
}

/* Takes out the members that `point` beats. */
static status drop_beaten(front *f, db *d, const double *point, err *e)
{
    int kept = 0;
    size_t m = (size_t)f->m;
    for (int i = 0; i < f->n; i++) {
        if (pareto_dominates(point, f->point + (size_t)i * m, f->m)) {
            TRY(set_member(d, f->trial[i], false, e));
            continue;
        }
        f->trial[kept] = f->trial[i];
        memmove(f->point + (size_t)kept++ * m, f->point + (size_t)i * m, m * sizeof *point);
    }
    f->n = kept;
    return OK;
}

bool front_has(const front *f, int64_t trial)
{
    for (int i = 0; i < f->n; i++)
        if (f->trial[i] == trial) return true;
    return false;
}

status front_add(front *f, db *d, int64_t trial, err *e)
{
    if (f->stale || front_has(f, trial)) return front_load(f, d, f->space_id, e);
    if (f->m == 0) return OK;
    double point[64];
    bool complete;
    TRY(read_point(f, d, trial, point, &complete, e));
    if (!complete) return OK;
    for (int i = 0; i < f->n; i++)
        if (pareto_dominates(f->point + (size_t)i * (size_t)f->m, point, f->m)) return OK;
    TRY(drop_beaten(f, d, point, e));
    TRY(append(f, trial, point, e));
    return set_member(d, trial, true, e);
}
