#include "store/db.h"

#include "engine/base/file.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BUSY_MS = 10000 };

/* --- connection --- */

static void set_up(sqlite3 *handle)
{
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, BUSY_MS);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
}

status db_open(db *d, const char *path, int flags, err *e)
{
    *d = (db){.path = path};
    if (sqlite3_open_v2(path, &d->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        int why = d->handle ? sqlite3_system_errno(d->handle) : ENOMEM;
        status s = why ? file_failed(path, "open", why, e)
                       : FAIL(e, ERR_IO, "%s: cannot open: %s", path, sqlite3_errmsg(d->handle));
        db_close(d);
        return s;
    }
    set_up(d->handle);
    return OK;
}

void db_close(db *d)
{
    for (int i = 0; i < d->n_cached; i++) sqlite3_finalize(d->cached[i].stmt);
    sqlite3_close(d->handle);
    *d = (db){0};
}

static status kind_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return ERR_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_INPUT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_STATE;
    case SQLITE_NOMEM:
        return ERR_MEM;
    default:
        return ERR_ARG;
    }
}

status db_fail_at(const db *d, err *e, const char *file, int line)
{
    int code = sqlite3_errcode(d->handle);
    status s = kind_of(code);
    const char *advice = "";
    if ((code & 0xff) == SQLITE_CORRUPT)
        advice = "; the file is damaged: take a copy, or save what is left with "
                 "'sqlite3 FILE .recover'";
    else if ((code & 0xff) == SQLITE_BUSY)
        advice = "; another program holds a write lock on it: end that, then try again";
    else if ((code & 0xff) == SQLITE_FULL)
        advice = "; what was committed before is safe: make room and run again";
    return err_set_at(e, s, file, line, "%s: %s%s", d->path, sqlite3_errmsg(d->handle), advice);
}

status db_run(db *d, const char *sql, err *e)
{
    return sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : DB_FAIL(d, e);
}

void db_put_quoted(buf *b, char quote, const char *text)
{
    buf_char(b, quote);
    for (const char *p = text; *p; p++) {
        if (*p == quote) buf_char(b, quote);
        buf_char(b, *p);
    }
    buf_char(b, quote);
}

status db_rollback(db *d)
{
    if (sqlite3_get_autocommit(d->handle)) return OK; /* SQLite rolled back by itself */
    return db_run(d, "ROLLBACK", NULL);
}

/* --- statements --- */

static query prepare(db *d, const char *sql, unsigned flags, err *e)
{
    query q = {.d = d, .e = e};
    if (sqlite3_prepare_v3(d->handle, sql, -1, flags, &q.stmt, NULL) != SQLITE_OK)
        q.s = DB_FAIL(d, e);
    return q;
}

query db_query(db *d, const char *sql, err *e)
{
    for (int i = 0; i < d->n_cached; i++)
        if (d->cached[i].sql == sql)
            return (query){.d = d, .stmt = d->cached[i].stmt, .cached = true, .e = e};
    query q = prepare(d, sql, SQLITE_PREPARE_PERSISTENT, e);
    if (q.s == OK && d->n_cached < DB_CACHE) {
        d->cached[d->n_cached++] = (db_cached){sql, q.stmt};
        q.cached = true;
    }
    return q;
}

query db_query_once(db *d, const char *sql, err *e)
{
    return prepare(d, sql, 0, e);
}

/* The parameter's number; 0 when an earlier failure makes binding pointless. */
static int parameter(query *q, const char *name)
{
    if (q->s != OK) return 0;
    int i = sqlite3_bind_parameter_index(q->stmt, name);
    assert(i > 0);
    return i;
}

static void check(query *q, int code)
{
    if (q->s == OK && code != SQLITE_OK) q->s = DB_FAIL(q->d, q->e);
}

void query_text(query *q, const char *name, const char *text)
{
    int i = parameter(q, name);
    if (i) check(q, sqlite3_bind_text(q->stmt, i, text, -1, SQLITE_STATIC));
}

void query_int(query *q, const char *name, int64_t v)
{
    int i = parameter(q, name);
    if (i) check(q, sqlite3_bind_int64(q->stmt, i, v));
}

void query_real(query *q, const char *name, double v)
{
    int i = parameter(q, name);
    if (i) check(q, sqlite3_bind_double(q->stmt, i, v));
}

bool query_row(query *q)
{
    if (q->s != OK) return false;
    int code = sqlite3_step(q->stmt);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) q->s = DB_FAIL(q->d, q->e);
    return false;
}

int64_t query_column_int(const query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

double query_column_real(const query *q, int column)
{
    if (sqlite3_column_type(q->stmt, column) == SQLITE_NULL) return (double)NAN;
    return sqlite3_column_double(q->stmt, column);
}

const char *query_column_text(const query *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q->stmt, column);
    return text ? (const char *)text : "";
}

status query_end(query *q)
{
    if (q->cached) {
        sqlite3_reset(q->stmt);
        sqlite3_clear_bindings(q->stmt);
    } else {
        sqlite3_finalize(q->stmt);
    }
    q->stmt = NULL;
    return q->s;
}

status query_run(query *q)
{
    while (query_row(q)) {
    }
    return query_end(q);
}

status query_run_must_change(query *q, const char *format, ...)
{
    TRY(query_run(q));
    if (sqlite3_changes(q->d->handle) > 0) return OK;
    char text[200];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return FAIL(q->e, ERR_ARG, "%s", text);
}
