/* Any bytes as a filter: no crash, and what compiles is one condition that SQLite prepares, with as
 * many parameters as there are values. */
#include "store/filter.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void check_sql(const filter *f)
{
    static sqlite3 *handle; /* opening one for each input would be most of the time */
    if (!handle && (sqlite3_open(":memory:", &handle) != SQLITE_OK ||
                    sqlite3_exec(handle, "CREATE TABLE t (size, \"T_mae\", alpha, \"a\"\"b\")",
                                 NULL, NULL, NULL) != SQLITE_OK))
        abort();
    char *sql = sqlite3_mprintf("SELECT 1 FROM t WHERE (%s)", f->sql);
    sqlite3_stmt *stmt = NULL;
    const char *rest = NULL;
    if (sqlite3_prepare_v2(handle, sql, -1, &stmt, &rest) != SQLITE_OK || *rest) abort();
    if (sqlite3_bind_parameter_count(stmt) != f->n_values || !sqlite3_stmt_readonly(stmt)) abort();
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    static const char *const words[] = {"cnn-1d", "mlp"};
    static const filter_name names[] = {
        {.name = "size", .unit = "B", .is_number = true},
        {.name = "T_mae", .unit = "°C", .is_number = true},
        {.name = "alpha", .unit = "", .is_listed = true, .n_words = 2, .word = words},
        {.name = "a\"b", .unit = ""}};
    arena a = {0};
    err e = {0};
    filter f;
    char *text = arena_copy(&a, (const char *)data, n);
    if (text && filter_compile(text, names, 4, &a, &f, &e) == OK)
        check_sql(&f);
    else if (e.code != ERR_INPUT)
        abort();
    arena_free(&a);
    return 0;
}
