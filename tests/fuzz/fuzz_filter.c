/* Any bytes as a filter: no crash, and what compiles
 *   is one SQL condition that holds nothing of the input: names of the list, keywords, parameters;
 *   has as many parameters as there are values, and is let through by the authorizer of `paretune sql`;
 *   runs, and with its negation takes every row exactly once. */
#include "store/filter.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

enum { N_ROWS = 7, N_NAMES = 5 };

static const char *const words[] = {"cnn-1d", "mlp"};
static const filter_name names[N_NAMES] = {
    {.name = "size", .unit = "B", .is_number = true},
    {.name = "T_mae", .unit = "°C", .is_number = true},
    {.name = "alpha", .unit = ""},
    {.name = "net", .unit = "", .is_listed = true, .n_words = 2, .word = words},
    {.name = "a\"b", .unit = ""}};

/* A figure that is missing, a text in place of a number, zero, infinity. */
static const char table[] =
    "CREATE TABLE t (size, \"T_mae\", alpha, net, \"a\"\"b\");"
    "INSERT INTO t VALUES (0, 0.5, 0.1, 'mlp', 1), (1999, NULL, 'x', 'cnn-1d', 'y'),"
    " (2000, 9e999, NULL, 'mlp', ''), (-1, -9e999, 1e300, NULL, NULL), (1e18, 0, '0.1', 'mlp', "
    "'a\"b'),"
    " (2, 2, 2, 'cnn-1d', 2), (NULL, NULL, NULL, NULL, NULL);";

/* As in store/query.c: reading is all that a condition may do. */
static int authorize(void *user, int action, const char *one, const char *two, const char *three,
                     const char *four)
{
    (void)user, (void)one, (void)two, (void)three, (void)four;
    if (action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION)
        return SQLITE_OK;
    abort();
}

static sqlite3 *database(void)
{
    static sqlite3 *handle; /* opening one for each input would be most of the time */
    if (handle) return handle;
    if (sqlite3_open(":memory:", &handle) != SQLITE_OK ||
        sqlite3_exec(handle, table, NULL, NULL, NULL) != SQLITE_OK)
        abort();
    sqlite3_set_authorizer(handle, authorize, NULL);
    return handle;
}

/* Bytes of the word that stands at `s` and that a condition may be made of; 0 for anything else. */
static size_t allowed(const char *s)
{
    static const char *const parts[] = {
        "ifnull(", "typeof(", "'text'", "BETWEEN", "AND", "NOT", "OR", "IN", "<=", ">=",
        "<>",        "<",       ">",      "=",       "(",   ")",   ",",  " ",  "0"};
    if (*s == '"') { /* a name, its quotes doubled */
        char name[16];
        size_t at = 1, n = 0;
        for (; s[at] && n + 1 < sizeof name; name[n++] = s[at++])
            if (s[at] == '"' && s[++at] != '"') break;
        name[n] = '\0';
        for (int i = 0; i < N_NAMES; i++)
            if (strcmp(names[i].name, name) == 0) return at;
        return 0;
    }
    if (strncmp(s, ":v", 2) == 0) return 2 + strspn(s + 2, "0123456789");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strncmp(s, parts[i], strlen(parts[i])) == 0) return strlen(parts[i]);
    return 0;
}

static void check_text(const char *sql)
{
    for (size_t n; *sql; sql += n)
        if ((n = allowed(sql)) == 0) abort();
}

/* How many rows the condition takes. */
static int count_rows(const filter *f)
{
    char *sql = sqlite3_mprintf("SELECT count(*) FROM t WHERE (%s)", f->sql);
    sqlite3_stmt *stmt = NULL;
    const char *rest = NULL;
    if (sqlite3_prepare_v2(database(), sql, -1, &stmt, &rest) != SQLITE_OK || *rest) abort();
    if (sqlite3_bind_parameter_count(stmt) != f->n_values || !sqlite3_stmt_readonly(stmt)) abort();
    for (int i = 0; i < f->n_values; i++) {
        const filter_value *v = &f->value[i];
        if (v->is_number)
            sqlite3_bind_double(stmt, i + 1, v->number);
        else
            sqlite3_bind_text(stmt, i + 1, v->text, -1, SQLITE_STATIC);
    }
    if (sqlite3_step(stmt) != SQLITE_ROW) abort();
    const int n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return n;
}

/* The negation may be too long or too deep where the condition just was not. */
static void check_negation(const char *text, int n_rows, arena *a)
{
    filter f;
    err e = {0};
    const char *negated = arena_printf(a, "not (%s)", text);
    if (!negated) return;
    if (filter_compile(negated, names, N_NAMES, a, &f, &e) == OK) {
        if (count_rows(&f) != N_ROWS - n_rows) abort();
    } else if (!strstr(e.msg, "nested deeper") && !strstr(e.msg, "longer than")) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    arena a = {0};
    err e = {0};
    filter f;
    char *text = arena_copy(&a, (const char *)data, n);
    if (text && filter_compile(text, names, N_NAMES, &a, &f, &e) == OK) {
        check_text(f.sql);
        check_negation(text, count_rows(&f), &a);
    } else if (e.code != ERR_INPUT) {
        abort();
    }
    arena_free(&a);
    return 0;
}
