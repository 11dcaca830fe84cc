/* The writer's side: every put is one transaction, or part of a group. Statements stand where they
 * are used and are prepared once. */
#include "store/store.h"
#include "store/handle.h"
#include "engine/base/buf.h"
#include "engine/base/file.h"
#include "store/schema.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- open and close --- */

/* A WAL database on a read-only medium can be read when nothing is left in a -wal file: SQLite must
 * then be told that nobody will change it. */
static status reopen_immutable(store *s, err *e)
{
    buf uri = {0};
    buf_text(&uri, "file:");
    for (const char *p = s->d.path; *p; p++) {
        if (strchr("?#%", *p))
            buf_printf(&uri, "%%%02X", (unsigned)*p);
        else
            buf_char(&uri, *p);
    }
    buf_text(&uri, "?immutable=1");
    status st = buf_check(&uri, e);
    const char *path = s->d.path;
    if (st == OK) {
        db_close(&s->d);
        st = db_open(&s->d, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e);
        s->d.path = path;
    }
    buf_free(&uri);
    return st;
}

static status open_to_read(store *s, err *e)
{
    int version = 0, newest = 0;
    bool fresh;
    err first = {0};
    while (schema_steps[newest]) newest++;
    if (!file_exists(s->d.path))
        return FAIL(e, ERR_INPUT, "%s: no such study; 'paretune run SPACE.yaml' makes one",
                    s->d.path);
    TRY(db_open(&s->d, s->d.path, SQLITE_OPEN_READONLY, e));
    status st = schema_identify(&s->d, &version, &fresh, &first);
    if (st == ERR_IO && !file_exists(arena_printf(&s->a, "%s-wal", s->d.path))) {
        TRY(reopen_immutable(s, e));
        first = (err){0};
        st = schema_identify(&s->d, &version, &fresh, &first);
    }
    if (st != OK) return FAIL(e, st, "%s", first.msg);
    if (fresh) return FAIL(e, ERR_INPUT, "%s is empty: not a paretune study yet", s->d.path);
    if (version == newest) return OK;
    return FAIL(e, ERR_INPUT, "%s has schema %d, this paretune reads %d; %s", s->d.path, version,
                newest,
                version < newest ? "'paretune run' on its space brings it up to date"
                                 : "a newer paretune wrote it");
}

static status choose_wal(store *s, err *e)
{
    query q = db_query_once(&s->d, "PRAGMA journal_mode = WAL", e);
    bool wal = query_row(&q) && strcmp(query_column_text(&q, 0), "wal") == 0;
    TRY(query_end(&q));
    return wal ? OK
               : FAIL(e, ERR_IO,
                      "%s: its file system cannot share memory between processes; put the "
                      "study on a local disk",
                      s->d.path);
}

static status open_to_write(store *s, err *e)
{
    int version;
    bool fresh;
    TRY(lock_take(&s->lock, s->d.path, &s->a, e));
    TRY(db_open(&s->d, s->d.path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e));
    TRY(schema_identify(&s->d, &version, &fresh, e)); /* before anything is changed */
    TRY(choose_wal(s, e));
    /* hashes are random keys: with less cache than the file, every put reads pages again */
    TRY(db_run(&s->d, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536", e));
    return schema_migrate(&s->d, schema_steps, e);
}

status store_open(const char *path, store_mode mode, store **out, err *e)
{
    arena a;
    arena_init(&a, 0);
    *out = NULL;
    store *s = ARENA_NEW(&a, store, 1);
    if (!s) return FAIL(e, ERR_MEM, "no memory for a store");
    s->mode = mode;
    s->lock.fd = -1;
    s->d.path = arena_string(&a, path);
    s->a = a;
    status st = s->d.path ? mode == STORE_WRITE ? open_to_write(s, e) : open_to_read(s, e)
                          : FAIL(e, ERR_MEM, "no memory for a store");
    if (st == OK)
        *out = s;
    else
        store_close(s);
    return st;
}

void store_close(store *s)
{
    if (!s) return;
    front_free(&s->front);
    db_close(&s->d);
    lock_drop(&s->lock);
    arena_free(&s->names);
    arena a = s->a; /* s lies in it */
    arena_free(&a);
}

/* --- transactions --- */

status put_begin(store *s, err *e)
{
    if (s->mode != STORE_WRITE) return FAIL(e, ERR_STATE, "%s is open for reading", s->d.path);
    return s->grouped ? OK : db_run(&s->d, "BEGIN IMMEDIATE", e);
}

status put_end(store *s, status outcome, err *e)
{
    if (outcome == OK && !s->grouped) outcome = db_run(&s->d, "COMMIT", e);
    if (outcome == OK) return OK;
    db_rollback(&s->d);
    s->grouped = false;
    s->front.stale = true;
    arena_free(&s->names);
    s->n_names = s->cap_names = 0;
    return outcome;
}

status store_begin(store *s, err *e)
{
    if (s->grouped) return FAIL(e, ERR_STATE, "a group of writes is open already");
    TRY(put_begin(s, e));
    s->grouped = true;
    return OK;
}

status store_commit(store *s, err *e)
{
    if (!s->grouped) return FAIL(e, ERR_STATE, "no group of writes is open");
    s->grouped = false;
    return put_end(s, OK, e);
}

/* --- runs and spaces --- */

static status put_limits(store *s, int version, const store_version *v, err *e)
{
    for (int i = 0; i < v->n_limits; i++) {
        query q =
            db_query(&s->d,
                     "INSERT INTO limits (space_id, version, position, metric, op, bound, text)"
                     " VALUES (:space, :version, :position, :metric, :op, :bound, :text)",
                     e);
        query_int(&q, ":space", s->space_id);
        query_int(&q, ":version", version);
        query_int(&q, ":position", i);
        query_text(&q, ":metric", v->limit[i].metric);
        query_text(&q, ":op", limit_op_text(v->limit[i].op));
        query_real(&q, ":bound", v->limit[i].bound);
        query_text(&q, ":text", v->limit[i].text);
        TRY(query_run(&q));
    }
    return OK;
}

static status put_versions(store *s, const store_space *space, err *e)
{
    for (int i = 0; i < space->n_versions; i++) {
        const store_version *v = &space->version[i];
        query q = db_query(&s->d,
                           "INSERT INTO versions (space_id, position, name, title)"
                           " VALUES (:space, :position, :name, :title)",
                           e);
        query_int(&q, ":space", s->space_id);
        query_int(&q, ":position", i);
        query_text(&q, ":name", v->name);
        query_text(&q, ":title", v->title ? v->title : "");
        TRY(query_run(&q));
        TRY(put_limits(s, i, v, e));
    }
    return OK;
}

static status put_objectives(store *s, const store_space *space, err *e)
{
    for (int i = 0; i < space->n_objectives; i++) {
        query q = db_query(&s->d,
                           "INSERT INTO objectives (space_id, position, metric, direction)"
                           " VALUES (:space, :position, :metric, :direction)",
                           e);
        query_int(&q, ":space", s->space_id);
        query_int(&q, ":position", i);
        query_text(&q, ":metric", space->objective[i].metric);
        query_text(&q, ":direction", space->objective[i].maximize ? "maximize" : "minimize");
        TRY(query_run(&q));
    }
    return OK;
}

static status put_axis_values(store *s, int knob, const store_axis *axis, err *e)
{
    for (int i = 0; i < axis->n; i++) {
        const store_knob *v = &axis->value[i];
        query q = db_query(&s->d,
                           "INSERT INTO knob_values (space_id, knob, position, value)"
                           " VALUES (:space, :knob, :position, :value)",
                           e);
        query_int(&q, ":space", s->space_id);
        query_int(&q, ":knob", knob);
        query_int(&q, ":position", i);
        if (v->is_number)
            query_real(&q, ":value", v->number);
        else
            query_text(&q, ":value", v->text);
        TRY(query_run(&q));
    }
    return OK;
}

static status put_axes(store *s, const store_space *space, err *e)
{
    for (int i = 0; i < space->n_knobs; i++) {
        query q = db_query(&s->d,
                           "INSERT INTO knobs (space_id, position, name)"
                           " VALUES (:space, :position, :name)",
                           e);
        query_int(&q, ":space", s->space_id);
        query_int(&q, ":position", i);
        query_text(&q, ":name", space->knob[i]);
        TRY(query_run(&q));
        if (space->axis) TRY(put_axis_values(s, i, &space->axis[i], e));
    }
    return OK;
}

static status put_metric_infos(store *s, const store_space *space, err *e)
{
    static const char *const words[] = {"lower", "higher", "neither"};
    for (int i = 0; i < space->n_metrics; i++) {
        const store_metric_info *m = &space->metric[i];
        query q = db_query(&s->d,
                           "INSERT INTO metrics (name, unit, better, help)"
                           " VALUES (:name, :unit, :better, :help)"
                           " ON CONFLICT (name) DO UPDATE SET unit = excluded.unit,"
                           " better = excluded.better, help = excluded.help",
                           e);
        query_text(&q, ":name", m->name);
        query_text(&q, ":unit", m->unit ? m->unit : "");
        query_text(&q, ":better", words[m->better]);
        query_text(&q, ":help", m->help ? m->help : "");
        TRY(query_run(&q));
    }
    return OK;
}

/* What is read off a space's text may change with the program: written anew each time. */
static status forget_details(store *s, err *e)
{
    static const char *const statements[] = {
        "DELETE FROM limits WHERE space_id = :space",
        "DELETE FROM versions WHERE space_id = :space",
        "DELETE FROM objectives WHERE space_id = :space",
        "DELETE FROM knob_values WHERE space_id = :space",
        "DELETE FROM knobs WHERE space_id = :space",
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        query q = db_query(&s->d, statements[i], e);
        query_int(&q, ":space", s->space_id);
        TRY(query_run(&q));
    }
    return OK;
}

static status put_space(store *s, const store_space *space, err *e)
{
    query q = db_query(&s->d,
                       "INSERT INTO spaces (name, title, task, path, text, text_hash, added_at)"
                       " VALUES (:name, :title, :task, :path, :text, :hash, " STORE_NOW ")"
                       " ON CONFLICT (text_hash) DO UPDATE SET name = excluded.name,"
                       " title = excluded.title, path = excluded.path RETURNING id",
                       e);
    query_text(&q, ":name", space->name);
    query_text(&q, ":title", space->title);
    query_text(&q, ":task", space->task);
    query_text(&q, ":path", space->path);
    query_text(&q, ":text", space->text);
    query_text(&q, ":hash", space->text_hash.text);
    if (query_row(&q)) s->space_id = query_column_int(&q, 0);
    TRY(query_end(&q));
    TRY(forget_details(s, e));
    TRY(put_axes(s, space, e));
    TRY(put_versions(s, space, e));
    TRY(put_objectives(s, space, e));
    return put_metric_infos(s, space, e);
}

static status put_run(store *s, const store_run *run, err *e)
{
    query q = db_query(&s->d,
                       "INSERT INTO runs (space_id, started_at, version, compiler, cpu, kernels,"
                       " blas, system, workers, artifacts, confidence) VALUES (:space, " STORE_NOW
                       ", :version,"
                       " :compiler, :cpu, :kernels, :blas, :system, :workers, :artifacts,"
                       " :confidence)"
                       " RETURNING id",
                       e);
    query_int(&q, ":space", s->space_id);
    query_text(&q, ":version", run->version);
    query_text(&q, ":compiler", run->compiler);
    query_text(&q, ":cpu", run->cpu);
    query_text(&q, ":kernels", run->kernels);
    query_text(&q, ":blas", run->blas);
    query_text(&q, ":system", run->system);
    query_int(&q, ":workers", run->workers);
    query_text(&q, ":artifacts", run->artifacts);
    query_real(&q, ":confidence", run->confidence);
    if (query_row(&q)) s->run_id = query_column_int(&q, 0);
    return query_end(&q);
}

static status start_run(store *s, const store_space *space, const store_run *run, err *e)
{
    TRY(put_space(s, space, e));
    TRY(put_run(s, run, e));
    TRY(db_run(&s->d,
               "UPDATE stages SET state = 'ready' WHERE state = 'running';"
               "UPDATE trials SET state = 'ready' WHERE state = 'running'",
               e));
    TRY(schema_make_views(&s->d, e));
    return front_load(&s->front, &s->d, s->space_id, e);
}

status store_start_run(store *s, const store_space *space, const store_run *run, int64_t *run_id,
                       err *e)
{
    if (s->grouped) return FAIL(e, ERR_STATE, "a run cannot start inside a group of writes");
    TRY(put_begin(s, e));
    TRY(put_end(s, start_run(s, space, run, e), e));
    *run_id = s->run_id;
    return store_update_picks(s, e);
}

static status end_run(store *s, int64_t run_id, const char *how, err *e)
{
    query q = db_query(
        &s->d, "UPDATE runs SET ended_at = " STORE_NOW ", ending = :how WHERE id = :run", e);
    query_text(&q, ":how", how);
    query_int(&q, ":run", run_id);
    return query_run_must_change(&q, "there is no run %lld", (long long)run_id);
}

status store_end_run(store *s, int64_t run_id, const char *how, err *e)
{
    if (s->grouped) return FAIL(e, ERR_STATE, "a run cannot end inside a group of writes");
    TRY(put_begin(s, e));
    TRY(put_end(s, end_run(s, run_id, how, e), e));
    TRY(store_update_picks(s, e));
    /* a checkpoint begins with an fsync of the log; it need not wait for readers */
    return db_run(&s->d, "PRAGMA wal_checkpoint(PASSIVE)", e);
}

/* --- metric names --- */

static status remember_name(store *s, const char *name, err *e)
{
    if (s->n_names == s->cap_names) {
        int cap = s->cap_names ? s->cap_names * 2 : 64;
        const char **more = ARENA_NEW(&s->names, const char *, cap);
        if (!more) return FAIL(e, ERR_MEM, "no memory for metric names");
        if (s->n_names) memcpy(more, s->name, (size_t)s->n_names * sizeof *more);
        s->name = more;
        s->cap_names = cap;
    }
    s->name[s->n_names] = arena_string(&s->names, name);
    if (!s->name[s->n_names]) return FAIL(e, ERR_MEM, "no memory for metric names");
    s->n_names++;
    return OK;
}

status store_note_metric(store *s, const char *name, err *e)
{
    for (int i = 0; i < s->n_names; i++)
        if (strcmp(s->name[i], name) == 0) return OK;
    query q = db_query(&s->d,
                       "INSERT INTO metrics (name, unit, better, help)"
                       " VALUES (:name, '', 'neither', '') ON CONFLICT (name) DO NOTHING",
                       e);
    query_text(&q, ":name", name);
    TRY(query_run(&q));
    if (sqlite3_changes(s->d.handle) > 0) TRY(schema_make_views(&s->d, e));
    return remember_name(s, name, e);
}

/* --- stages --- */

static status add_parent(store *s, int64_t stage, int position, const hash *parent, err *e)
{
    query q = db_query(&s->d,
                       "INSERT INTO stage_parents (stage_id, position, parent_id)"
                       " SELECT :stage, :position, id FROM stages WHERE key = :parent",
                       e);
    query_int(&q, ":stage", stage);
    query_int(&q, ":position", position);
    query_text(&q, ":parent", parent->text);
    return query_run_must_change(&q, "parent stage %s is not in the store", parent->text);
}

static status add_stage(store *s, const store_stage *stage, err *e)
{
    query q = db_query(&s->d,
                       "INSERT INTO stages (key, kind, version, params)"
                       " VALUES (:key, :kind, :version, :params)"
                       " ON CONFLICT (key) DO NOTHING RETURNING id",
                       e);
    query_text(&q, ":key", stage->key.text);
    query_text(&q, ":kind", stage->kind);
    query_int(&q, ":version", stage->version);
    query_text(&q, ":params", stage->params);
    int64_t id = query_row(&q) ? query_column_int(&q, 0) : 0;
    TRY(query_end(&q));
    for (int i = 0; id && i < stage->n_parents; i++)
        TRY(add_parent(s, id, i, &stage->parent[i], e));
    return OK;
}

status store_add_stage(store *s, const store_stage *stage, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, add_stage(s, stage, e), e);
}

static status stage_running(store *s, const hash *key, err *e)
{
    query q =
        db_query(&s->d, "UPDATE stages SET state = 'running', run_id = :run WHERE key = :key", e);
    query_int(&q, ":run", s->run_id);
    query_text(&q, ":key", key->text);
    return query_run_must_change(&q, "stage %s is not in the store", key->text);
}

status store_stage_running(store *s, const hash *key, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, stage_running(s, key, e), e);
}

static status put_stage_metrics(store *s, int64_t stage, const store_outcome *o, err *e)
{
    query clear = db_query(&s->d, "DELETE FROM stage_metrics WHERE stage_id = :stage", e);
    query_int(&clear, ":stage", stage);
    TRY(query_run(&clear));
    for (int i = 0; i < o->n_metrics; i++) {
        TRY(store_note_metric(s, o->metric[i].name, e));
        query q = db_query(&s->d,
                           "INSERT OR REPLACE INTO stage_metrics (stage_id, metric, value)"
                           " VALUES (:stage, :metric, :value)",
                           e);
        query_int(&q, ":stage", stage);
        query_text(&q, ":metric", o->metric[i].name);
        query_real(&q, ":value", o->metric[i].value);
        TRY(query_run(&q));
    }
    return OK;
}

static status close_stage(store *s, const hash *key, store_state state, const char *code,
                          const char *text, const store_outcome *o, err *e)
{
    query q = db_query(&s->d,
                       "UPDATE stages SET state = :state, tries = :tries, run_id = :run,"
                       " artifact_bytes = :bytes, artifact_hash = :hash, cpu_seconds = :cpu,"
                       " wall_seconds = :wall, ended_at = " STORE_NOW ", error_code = :code,"
                       " error_text = :text, detail = :detail WHERE key = :key RETURNING id",
                       e);
    query_text(&q, ":state", store_state_name(state));
    query_int(&q, ":tries", o->tries);
    query_int(&q, ":run", o->run_id);
    if (state == STATE_DONE) query_int(&q, ":bytes", (int64_t)o->artifact_bytes);
    if (state == STATE_DONE) query_text(&q, ":hash", o->artifact_hash);
    query_real(&q, ":cpu", o->cpu_seconds);
    query_real(&q, ":wall", o->wall_seconds);
    query_text(&q, ":code", code);
    query_text(&q, ":text", text);
    query_text(&q, ":detail", o->detail);
    query_text(&q, ":key", key->text);
    int64_t id = query_row(&q) ? query_column_int(&q, 0) : 0;
    TRY(query_end(&q));
    if (!id) return FAIL(e, ERR_ARG, "stage %s is not in the store", key->text);
    return put_stage_metrics(s, id, o, e);
}

status store_stage_done(store *s, const hash *key, const store_outcome *o, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, close_stage(s, key, STATE_DONE, NULL, NULL, o, e), e);
}

status store_stage_failed(store *s, const hash *key, store_state state, const char *code,
                          const char *text, const store_outcome *o, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, close_stage(s, key, state, code, text, o, e), e);
}

status store_stage_is_hopeless(store *s, const hash *key, bool *is_hopeless, err *e)
{
    query q = db_query(&s->d,
                       "SELECT error_code IN ('numeric', 'argument', 'input')"
                       " OR error_code = 'parent' AND EXISTS (SELECT 1 FROM stage_parents p"
                       " JOIN stages g ON g.id = p.parent_id"
                       " WHERE p.stage_id = stages.id AND g.state IN ('failed', 'timeout'))"
                       " FROM stages WHERE key = :key",
                       e);
    query_text(&q, ":key", key->text);
    *is_hopeless = query_row(&q) && query_column_int(&q, 0) != 0;
    return query_end(&q);
}

static status reset_stage(store *s, const hash *key, err *e)
{
    query q = db_query(&s->d,
                       "UPDATE stages SET state = 'ready', tries = 0, artifact_bytes = NULL,"
                       " artifact_hash = NULL, error_code = NULL, error_text = NULL"
                       " WHERE key = :key",
                       e);
    query_text(&q, ":key", key->text);
    return query_run_must_change(&q, "stage %s is not in the store", key->text);
}

status store_stage_reset(store *s, const hash *key, err *e)
{
    TRY(put_begin(s, e));
    return put_end(s, reset_stage(s, key, e), e);
}

store_state store_state_of(const char *name)
{
    for (int i = STATE_READY; i < STATE_TIMEOUT; i++)
        if (strcmp(store_state_name((store_state)i), name) == 0) return (store_state)i;
    return STATE_TIMEOUT;
}

const char *store_state_name(store_state s)
{
    static const char *const names[] = {"ready", "running", "done", "stopped", "failed", "timeout"};
    return names[s];
}

status store_stage_state(store *s, const hash *key, bool *found, store_state *state,
                         uint64_t *artifact_bytes, hash *artifact_hash, int *tries, err *e)
{
    query q = db_query(
        &s->d, "SELECT state, artifact_bytes, artifact_hash, tries FROM stages WHERE key = :key",
        e);
    query_text(&q, ":key", key->text);
    *found = query_row(&q);
    if (*found) {
        *state = store_state_of(query_column_text(&q, 0));
        *artifact_bytes = (uint64_t)query_column_int(&q, 1);
        snprintf(artifact_hash->text, sizeof artifact_hash->text, "%s", query_column_text(&q, 2));
        *tries = (int)query_column_int(&q, 3);
    }
    return query_end(&q);
}
