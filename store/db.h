/* A thin layer over SQLite: errors as `err`, statements prepared once, values bound by name.
 *
 *     query q = db_query(d, "SELECT id FROM trials WHERE seed = :seed", e);
 *     query_int(&q, ":seed", 1);
 *     while (query_row(&q)) use(query_column_int(&q, 0));
 *     TRY(query_end(&q));
 *
 * The first failure of a query sticks: later calls do nothing and query_end returns it. */
#ifndef PARETUNE_STORE_DB_H
#define PARETUNE_STORE_DB_H

#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum { DB_CACHE = 64 };

/* An SQL expression: the space of the run with the greatest number, which commands are about. */
#define DB_LAST_SPACE "(SELECT space_id FROM runs ORDER BY id DESC LIMIT 1)"

typedef struct {
    const char *sql;
    sqlite3_stmt *stmt;
} db_cached;

typedef struct {
    sqlite3 *handle;
    const char *path; /* borrowed; for messages */
    int n_cached;
    db_cached cached[DB_CACHE];
} db;

/* `flags` as for sqlite3_open_v2. Sets what every connection needs: foreign keys, a defensive mode
 * in which a hostile schema can run nothing, a busy timeout. */
status db_open(db *d, const char *path, int flags, err *e);
void db_close(db *d); /* accepts a zeroed struct; rolls back what is open */

/* The connection's last error, by kind: ERR_IO for disk and permissions (also a full disk),
 * ERR_INPUT for a damaged or foreign file, ERR_STATE for a lock, ERR_MEM, else ERR_ARG. */
status db_fail_at(const db *d, err *e, const char *file, int line);
#define DB_FAIL(d, e) db_fail_at((d), (e), __FILE__, __LINE__)

/* Runs statements without parameters or rows. */
status db_run(db *d, const char *sql, err *e);
status db_rollback(db *d); /* does nothing outside a transaction */

/* Appends `text` between two quotes, those inside doubled: an SQL string (') or name ("). */
void db_put_quoted(buf *b, char quote, const char *text);

typedef struct {
    db *d;
    sqlite3_stmt *stmt;
    bool cached;
    status s;
    err *e;
} query;

/* `sql` is a literal: its statement is kept under the pointer until db_close. A statement is used
 * by one query at a time. */
query db_query(db *d, const char *sql, err *e);
/* For text made at run time: the statement ends with its query. */
query db_query_once(db *d, const char *sql, err *e);

/* Texts must live until query_end. NULL binds NULL; so does NaN (SQLite knows none). */
void query_text(query *q, const char *name, const char *text);
void query_int(query *q, const char *name, int64_t v);
void query_real(query *q, const char *name, double v);

bool query_row(query *q); /* false at the end and on failure */
int64_t query_column_int(const query *q, int column);
double query_column_real(const query *q, int column);      /* NaN for NULL */
const char *query_column_text(const query *q, int column); /* until the next row; "" for NULL */

status query_end(query *q);
status query_run(query *q); /* for a statement without rows: steps and ends */
/* query_run, after which a statement that changed nothing is ERR_ARG with this message. */
status query_run_must_change(query *q, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
