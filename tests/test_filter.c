#include "engine/base/buf.h"
#include "engine/base/rng.h"
#include "store/filter.h"

#include <criterion/criterion.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static const filter_name names[] = {{.name = "size", .unit = "B", .is_number = true},
                                    {.name = "T_mae", .unit = "°C", .is_number = true},
                                    {.name = "RH_mae", .unit = "%", .is_number = true},
                                    {.name = "T_mae_test", .unit = "°C", .is_number = true},
                                    {.name = "alpha", .unit = ""},
                                    {.name = "storage", .unit = ""},
                                    {.name = "odd name", .unit = "", .is_number = true}};
enum { N_NAMES = sizeof names / sizeof *names };

/* --- meaning, against an evaluator that knows no SQL --- */

typedef struct {
    bool missing, is_number;
    double number;
    const char *text;
} figure;

typedef enum { X_AND, X_OR, X_NOT, X_COMPARE, X_NAMES, X_IN, X_BETWEEN } expr_kind;
typedef struct expr expr;
struct expr {
    expr_kind kind;
    const expr *one, *two;
    int name, other, op, n;
    bool negated;
    figure value[3];
};

static const char *const ops[] = {"<", "<=", ">", ">=", "=", "!="};

static bool compare(figure a, int op, figure b)
{
    if (a.missing || b.missing || a.is_number != b.is_number) return false;
    int order =
        a.is_number ? (a.number > b.number) - (a.number < b.number) : strcmp(a.text, b.text);
    const bool holds[] = {order<0, order <= 0, order> 0, order >= 0, order == 0, order != 0};
    return holds[op];
}

static bool holds(const expr *x, const figure *row)
{
    bool found = false;
    switch (x->kind) {
    case X_AND:
        return holds(x->one, row) && holds(x->two, row);
    case X_OR:
        return holds(x->one, row) || holds(x->two, row);
    case X_NOT:
        return !holds(x->one, row);
    case X_COMPARE:
        return compare(row[x->name], x->op, x->value[0]);
    case X_NAMES:
        return compare(row[x->name], x->op, row[x->other]);
    case X_IN:
        for (int i = 0; i < x->n; i++) found |= compare(row[x->name], 4, x->value[i]);
        return !row[x->name].missing && found != x->negated;
    default:
        if (row[x->name].missing || !row[x->name].is_number) return false;
        return (row[x->name].number >= x->value[0].number &&
                row[x->name].number <= x->value[1].number) != x->negated;
    }
}

static const char *const words[] = {"float32", "float16", "dynamic"};

static figure draw_value(rng *r, int name)
{
    bool text = name == 5 || (name == 4 && rng_below(r, 4) == 0);
    return (figure){
        .is_number = !text, .number = (double)rng_below(r, 5), .text = words[rng_below(r, 3)]};
}

static const expr *draw_expr(rng *r, arena *a, int depth)
{
    expr *x = ARENA_NEW(a, expr, 1);
    x->kind = depth > 0 ? (expr_kind)rng_below(r, 7) : (expr_kind)(X_COMPARE + rng_below(r, 4));
    if (x->kind < X_COMPARE) {
        x->one = draw_expr(r, a, depth - 1);
        x->two = draw_expr(r, a, depth - 1);
        return x;
    }
    x->name = (int)rng_below(r, N_NAMES);
    x->other = x->name == 1 ? 3 : x->name == 4 ? 5 : x->name;
    x->op = (int)rng_below(r, 6);
    x->n = 1 + (int)rng_below(r, 3);
    x->negated = rng_below(r, 2);
    for (int i = 0; i < 3; i++) x->value[i] = draw_value(r, x->name);
    if (x->kind == X_COMPARE && !x->value[0].is_number) x->op = 4 + x->op % 2;
    if (x->kind == X_NAMES && x->name == 6)
        x->kind = X_BETWEEN; /* it needs quotes: left side only */
    if (x->kind == X_BETWEEN && !(x->value[0].is_number && x->value[1].is_number)) x->kind = X_IN;
    return x;
}

static void put_figure(buf *b, figure v, rng *r)
{
    if (v.is_number)
        buf_number(b, v.number);
    else
        buf_printf(b, rng_below(r, 2) ? "\"%s\"" : "%s", v.text);
}

static void put_expr(buf *b, const expr *x, rng *r)
{
    const char *name = x->name == 6 ? "\"odd name\"" : names[x->name].name;
    switch (x->kind) {
    case X_AND:
    case X_OR:
        buf_char(b, '(');
        put_expr(b, x->one, r);
        buf_text(b, x->kind == X_AND ? ") and (" : ") OR (");
        put_expr(b, x->two, r);
        buf_char(b, ')');
        return;
    case X_NOT:
        buf_text(b, "not (");
        put_expr(b, x->one, r);
        buf_char(b, ')');
        return;
    case X_COMPARE:
        buf_printf(b, "%s %s", name, ops[x->op]);
        put_figure(b, x->value[0], r);
        return;
    case X_NAMES:
        buf_printf(b, "%s%s %s", name, ops[x->op], names[x->other].name);
        return;
    case X_IN:
        buf_printf(b, "%s%s in (", name, x->negated ? " not" : "");
        for (int i = 0; i < x->n; i++) {
            if (i) buf_text(b, ", ");
            put_figure(b, x->value[i], r);
        }
        buf_char(b, ')');
        return;
    default:
        buf_printf(b, "%s %sbetween ", name, x->negated ? "not " : "");
        put_figure(b, x->value[0], r);
        buf_text(b, " and ");
        put_figure(b, x->value[1], r);
    }
}

/* The condition on one row, as SQLite sees it. A subquery gives columns without affinity, as in
 * trials_wide. */
static bool sqlite_holds(sqlite3 *handle, const filter *f, const figure *row)
{
    char sql[65536];
    int n = snprintf(sql, sizeof sql, "SELECT (%s) FROM (SELECT ", f->sql);
    for (int i = 0; i < N_NAMES; i++)
        n += snprintf(sql + n, sizeof sql - (size_t)n, "%s:c%d AS \"%s\"", i ? ", " : "", i,
                      names[i].name);
    snprintf(sql + n, sizeof sql - (size_t)n, ")");
    sqlite3_stmt *stmt;
    cr_assert_eq(sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s",
                 sqlite3_errmsg(handle), f->sql);
    for (int i = 0; i < N_NAMES; i++) {
        char name[16];
        snprintf(name, sizeof name, ":c%d", i);
        int at = sqlite3_bind_parameter_index(stmt, name);
        if (row[i].missing)
            sqlite3_bind_null(stmt, at);
        else if (row[i].is_number)
            sqlite3_bind_double(stmt, at, row[i].number);
        else
            sqlite3_bind_text(stmt, at, row[i].text, -1, SQLITE_STATIC);
    }
    for (int i = 0; i < f->n_values; i++) {
        char name[16];
        snprintf(name, sizeof name, ":v%d", i + 1);
        int at = sqlite3_bind_parameter_index(stmt, name);
        cr_assert_gt(at, 0);
        if (f->value[i].is_number)
            sqlite3_bind_double(stmt, at, f->value[i].number);
        else
            sqlite3_bind_text(stmt, at, f->value[i].text, -1, SQLITE_STATIC);
    }
    cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
    cr_assert_eq(sqlite3_column_type(stmt, 0), SQLITE_INTEGER, "never NULL");
    bool result = sqlite3_column_int(stmt, 0) != 0;
    sqlite3_finalize(stmt);
    return result;
}

Test(filter, means_what_a_naive_evaluator_says)
{
    sqlite3 *handle;
    arena a = {0};
    buf text = {0};
    cr_assert_eq(sqlite3_open(":memory:", &handle), SQLITE_OK);
    int n_true = 0, n_false = 0;
    for (uint64_t seed = 0; seed < 600; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 0);
        const expr *x = draw_expr(&r, &a, 3);
        buf_clear(&text);
        put_expr(&text, x, &r);
        filter f;
        err e = {0};
        cr_assert_eq(filter_compile(text.data, names, N_NAMES, &a, &f, &e), OK, "%s: %s", text.data,
                     e.msg);
        for (int k = 0; k < 10; k++) {
            figure row[N_NAMES];
            for (int i = 0; i < N_NAMES; i++) {
                row[i] = draw_value(&r, i);
                row[i].missing = rng_below(&r, 6) == 0;
            }
            bool want = holds(x, row);
            cr_assert_eq(sqlite_holds(handle, &f, row), want, "seed %llu: %s",
                         (unsigned long long)seed, text.data);
            n_true += want;
            n_false += !want;
        }
        arena_free(&a);
    }
    cr_expect(n_true > 1000 && n_false > 1000, "both answers occur: %d, %d", n_true, n_false);
    buf_free(&text);
    sqlite3_close(handle);
}

static filter compiled(arena *a, const char *text)
{
    filter f;
    err e = {0};
    cr_assert_eq(filter_compile(text, names, N_NAMES, a, &f, &e), OK, "%s: %s", text, e.msg);
    return f;
}

Test(filter, units_are_converted_to_the_metrics_own)
{
    arena a = {0};
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"size < 2 kB", 2000},
                 {"size<2kB", 2000},
                 {"size < 2 KiB", 2048},
                 {"size < 2", 2},
                 {"T_mae < 0.5 °C", 0.5},
                 {"RH_mae<1.8%", 1.8},
                 {"size < 1.5e3 B", 1500},
                 {"T_mae > -.5", -0.5},
                 {"alpha = 1e-3", 1e-3},
                 {"size in (2 kB)", 2000},
                 {"size between 1 kB and 2 kB", 1000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        filter f = compiled(&a, cases[i].text);
        cr_expect_eq(f.value[0].number, cases[i].value, "%s", cases[i].text);
    }
    arena_free(&a);
}

Test(filter, and_binds_tighter_than_or_and_not_tightest)
{
    arena a = {0};
    filter f = compiled(&a, "size < 1 or not size < 2 and size < 3");
    cr_expect_str_eq(f.sql, "ifnull(\"size\" < :v1,0) OR (NOT ifnull(\"size\" < :v2,0)) AND "
                            "ifnull(\"size\" < :v3,0)");
    arena_free(&a);
}

Test(filter, no_byte_of_the_input_reaches_the_sql)
{
    arena a = {0};
    filter f = compiled(&a, "storage = \"x'); DROP TABLE trials; --\" and storage in ('\"', evil)");
    cr_expect_null(strstr(f.sql, "DROP"));
    cr_expect_null(strstr(f.sql, "evil"));
    cr_expect_str_eq(f.value[0].text, "x'); DROP TABLE trials; --");
    cr_expect_eq(f.n_values, 3);
    arena_free(&a);
}

Test(filter, mistakes_are_named_with_their_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"T_ma < 1",
         "filter, column 1: 'T_ma' is no knob or metric of this study; did you mean 'T_mae'?"},
        {"size < 1 and xyz = 2", "filter, column 14: 'xyz' is no knob or metric of this study; "
                                 "'paretune query DB --columns all --limit 1' shows all names"},
        {"", "filter, column 1: expected the name of a knob or metric, found the end"},
        {"size", "filter, column 5: expected a comparison, found the end"},
        {"size < ",
         "filter, column 8: expected a value such as 0.5, 2 kB or \"text\", found the end"},
        {"size < 2 kB T_mae < 1",
         "filter, column 13: expected 'and', 'or' or the end, found 'T_mae'"},
        {"(size < 2 kB", "filter, column 13: expected 'and', 'or' or ')', found the end"},
        {"size < 2 ms",
         "filter, column 8: '2 ms': ms measures time, here bytes is asked for (B, kB, MB, "
         "GB, KiB, MiB, GiB)"},
        {"size < 2 KB",
         "filter, column 8: '2 KB': KB is read both ways; write kB for 1000 bytes or KiB "
         "for 1024"},
        {"size < \"2 kB\"", "filter, column 8: 'size' is a number and is compared with '\"2 kB\"'"},
        {"size < T_mae", "filter, column 8: 'size' (B) and 'T_mae' (°C) have different units"},
        {"size < T_ma",
         "filter, column 8: 'T_ma' is neither a number nor a name; did you mean 'T_mae'?"},
        {"storage < mlp", "filter, column 9: words have no order; use =, != or in"},
        {"storage between a and b", "filter, column 17: words have no order; use in (...)"},
        {"size in 3", "filter, column 9: expected '(' and a list of values, found '3'"},
        {"size in (3 4)", "filter, column 12: expected ',' or ')', found '4'"},
        {"size not 3", "filter, column 10: expected 'in' or 'between', found '3'"},
        {"size between 3 or 4", "filter, column 16: expected 'and' and the upper end, found 'or'"},
        {"size ! 3", "filter, column 6: expected a comparison, found '!'"},
        {"0.5 > T_mae", "filter, column 1: expected the name of a knob or metric, found '0.5'"},
        {"storage = \"x",
         "filter, column 11: expected a value such as 0.5, 2 kB or \"text\", found '\"'"},
        {"size < 1; drop", "filter, column 9: expected 'and', 'or' or the end, found ';'"},
        {"size < 1.2.3", "filter, column 11: expected 'and', 'or' or the end, found '.3'"},
    };
    arena a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        filter f;
        err e = {0};
        cr_expect_eq(filter_compile(cases[i].text, names, N_NAMES, &a, &f, &e), ERR_INPUT, "%s",
                     cases[i].text);
        cr_expect_str_eq(e.msg, cases[i].message);
    }
    arena_free(&a);
}

static status compile_repeated(const char *head, const char *part, int n, const char *tail)
{
    arena a = {0};
    buf b = {0};
    buf_text(&b, head);
    for (int i = 0; i < n; i++) buf_text(&b, part);
    buf_text(&b, tail);
    filter f;
    status s = filter_compile(b.data, names, N_NAMES, &a, &f, NULL);
    buf_free(&b);
    arena_free(&a);
    return s;
}

Test(filter, depth_and_length_are_bounded)
{
    cr_expect_eq(compile_repeated("", "not ", 49, "size < 1"), OK);
    cr_expect_eq(compile_repeated("", "not ", 51, "size < 1"), ERR_INPUT);
    cr_expect_eq(compile_repeated("", "(", 2000, "size < 1"), ERR_INPUT);
    cr_expect_eq(compile_repeated("size < 1", " or size < 1", 199, ""), OK);
    cr_expect_eq(compile_repeated("size < 1", " or size < 1", 200, ""), ERR_INPUT);
    cr_expect_eq(compile_repeated("size in (1", ",1", 199, ")"), OK);
    cr_expect_eq(compile_repeated("size in (1", ",1", 200, ")"), ERR_INPUT);
    cr_expect_eq(compile_repeated("size < 1", " ", 9000, ""), ERR_INPUT);
}

static status compile_listed(const char *text, arena *a, filter *f, err *e)
{
    static const char *const storages[] = {"dynamic", "float16", "float32"};
    static const char *const nets[] = {"cnn-1d", "mlp"}, *const mixed[] = {"auto"};
    static const filter_name listed[] = {
        {.name = "storage", .unit = "", .is_listed = true, .n_words = 3, .word = storages},
        {.name = "architecture", .unit = "", .is_listed = true, .n_words = 2, .word = nets},
        {.name = "alpha", .unit = "", .is_listed = true, .has_numbers = true},
        {.name = "depth",
         .unit = "",
         .is_listed = true,
         .has_numbers = true,
         .n_words = 1,
         .word = mixed}};
    return filter_compile(text, listed, 4, a, f, e);
}

Test(filter, values_that_do_not_occur_are_mistakes_where_all_are_known)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"storage < 5", "filter, column 9: words have no order; use =, != or in"},
        {"storage = 5", "filter, column 11: 'storage' is a word, not a number; it has dynamic, "
                        "float16, float32"},
        {"storage = flot16",
         "filter, column 11: no trial has 'flot16' as storage; did you mean 'float16'?"},
        {"storage in (float16, int7)",
         "filter, column 22: no trial has 'int7' as storage; it has dynamic, float16, float32"},
        {"architecture = cnn-2dd",
         "filter, column 16: no trial has 'cnn-2dd' as architecture; did you mean 'cnn-1d'?"},
        {"alpha = wide", "filter, column 9: no trial has 'wide' as alpha; it has numbers"},
    };
    arena a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        filter f;
        err e = {0};
        cr_expect_eq(compile_listed(cases[i].text, &a, &f, &e), ERR_INPUT, "%s", cases[i].text);
        cr_expect_str_eq(e.msg, cases[i].message);
    }
    arena_free(&a);
}

Test(filter, words_with_dashes_stand_bare_where_all_are_known)
{
    arena a = {0};
    filter f;
    err e = {0};
    cr_assert_eq(compile_listed("architecture in (mlp,cnn-1d) and depth = auto and depth > 2 and "
                                "alpha < .5 and architecture != cnn-1d",
                                &a, &f, &e),
                 OK, "%s", e.msg);
    cr_expect_eq(f.n_values, 6);
    cr_expect_str_eq(f.value[1].text, "cnn-1d");
    cr_expect_str_eq(f.value[5].text, "cnn-1d");
    arena_free(&a);
}
