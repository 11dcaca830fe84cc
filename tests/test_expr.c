#include "search/expr.h"

#include "engine/base/arena.h"
#include "engine/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"alpha", "epochs", "architecture", "nesterov", "train.batch"};
static const value_kind kinds[] = {VALUE_NUMBER, VALUE_NUMBER, VALUE_TEXT, VALUE_BOOL,
                                   VALUE_NUMBER};

static bool find(const void *user, const char *name, int *slot, value_kind *kind)
{
    (void)user;
    for (int i = 0; i < 5; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *slot = i;
        *kind = kinds[i];
        return true;
    }
    return false;
}

static const expr_names table = {find, names, 5, NULL};

typedef struct {
    arena a;
    value slots[5];
} world;

static void make(world *w)
{
    arena_init(&w->a, 0);
    w->slots[0] = value_number(0.05);
    w->slots[1] = value_number(20);
    w->slots[2] = value_text("mlp");
    w->slots[3] = value_bool(true);
    w->slots[4] = value_number(32);
}

static status run(world *w, const char *text, value *out, int *at, err *e)
{
    expr *x;
    TRY(expr_compile(&w->a, text, &table, &x, at, e));
    return expr_eval(x, w->slots, out, at, e);
}

Test(expr, values_are_what_arithmetic_says)
{
    static const struct {
        const char *text;
        double want;
    } cases[] = {
        {"128 * alpha", 128 * 0.05},
        {"1 + 2 * 3 - 4 / 8", 6.5},
        {"(1 + 2) * 3", 9},
        {"2 - 3 - 4", -5},
        {"-2 * -alpha", 0.1},
        {"7 % 4", 3},
        {"-1 % 4", 3},
        {"min(3, epochs) + max(1, 2)", 5},
        {"floor(2.7) + ceil(2.1) + round(2.5) + abs(-1)", 8},
        {"alpha >= 0.05", 1},
        {"alpha < 0.05", 0},
        {"architecture == \"mlp\"", 1},
        {"architecture != 'mlp'", 0},
        {"architecture in [\"lstm\", \"mlp\"]", 1},
        {"architecture in [\"lstm\"]", 0},
        {"epochs in [5, 10]", 0},
        {"epochs in [5, 2 * 10, 20]", 1},
        {"not architecture == \"lstm\" and nesterov", 1},
        {"false or true and false", 0},
        {"not (true and false) == false", 0},
        {"train.batch == 32", 1},
        {"false and 1 / 0 > 1", 0},
        {"true or 1 / 0 > 1", 1},
        {"nesterov == true", 1},
        {"1e-05 * 2", 2e-5},
    };
    world w;
    make(&w);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        value v;
        int at;
        cr_assert_eq(run(&w, cases[i].text, &v, &at, &e), OK, "%s: %s", cases[i].text, e.msg);
        cr_expect_eq(v.number, cases[i].want, "%s = %.17g", cases[i].text, v.number);
    }
    arena_free(&w.a);
}

Test(expr, mistakes_are_placed_and_explained)
{
    static const struct {
        const char *text;
        int at;
        const char *says;
    } cases[] = {
        {"", 0, "empty"},
        {"alhpa > 1", 0, "did you mean 'alpha'"},
        {"1 + zzz", 4, "unknown name 'zzz'"},
        {"architecture == mlp", 16, "words stand in quotes"},
        {"alpha > \"a\"", 8, "cannot be compared"},
        {"architecture < \"b\"", 13, "only numbers have an order"},
        {"alpha and true", 0, "true or false is needed"},
        {"true and alpha", 9, "true or false is needed"},
        {"\"a\" + 1", 0, "a number is needed"},
        {"1 < 2 < 3", 6, "do not chain"},
        {"alpha = 1", 6, "write '=='"},
        {"alpha > 1 && true", 10, "write 'and'"},
        {"(1 + 2", 6, "')' is missing at the end"},
        {"1 2", 2, "an operator is missing"},
        {"1 +", 3, "ends where a value"},
        {"* 3", 0, "a value is missing before '*'"},
        {"min(1)", 5, "min takes 2"},
        {"floor(1, 2)", 7, "floor takes 1 value"},
        {"\"open", 0, "not closed"},
        {"3kB > 1", 0, "no units"},
        {"1e999", 0, "out of range"},
        {"1 / 0", 2, "division by zero"},
        {"1 % (alpha - alpha)", 2, "division by zero"},
        {"1e300 * 1e300", 0, "not a finite"},
        {"epochs in []", 11, "the list is empty"},
        {"epochs in [\"a\"]", 11, "a number is needed"},
        {"not 3", 4, "true or false is needed"},
        {"alpha \x01", 6, "a character"},
        {"alpha @ 2", 6, "'@' means nothing"},
    };
    world w;
    make(&w);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        value v;
        int at = -1;
        cr_expect_eq(run(&w, cases[i].text, &v, &at, &e), ERR_INPUT, "%s", cases[i].text);
        cr_expect_eq(at, cases[i].at, "%s: place %d: %s", cases[i].text, at, e.msg);
        cr_expect(strstr(e.msg, cases[i].says), "%s: %s", cases[i].text, e.msg);
    }
    arena_free(&w.a);
}

Test(expr, depth_and_length_are_bounded)
{
    world w;
    make(&w);
    char deep[3000] = "";
    for (int i = 0; i < 1000; i++) strcat(deep, "(");
    value v;
    int at;
    err e = {0};
    cr_expect_eq(run(&w, deep, &v, &at, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, "nested too deep"), "%s", e.msg);
    for (int kind = 0; kind < 2; kind++) {
        *deep = '\0';
        for (int i = 0; i < 700; i++) strcat(deep, kind ? "not " : "- ");
        e = (err){0};
        cr_expect_eq(run(&w, deep, &v, &at, &e), ERR_INPUT);
        cr_expect(strstr(e.msg, "nested too deep"), "%s", e.msg);
    }
    strcpy(deep, "1");
    for (int i = 0; i < 600; i++) strcat(deep, "+1");
    e = (err){0};
    cr_expect_eq(run(&w, deep, &v, &at, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, "too long"), "%s", e.msg);
    arena_free(&w.a);
}

/* Writes a random expression and its value by plain recursion: the oracle of the compiled form. */
static double grow(rng *r, int depth, char *text, size_t n)
{
    size_t at = strlen(text);
    if (depth == 0 || rng_below(r, 4) == 0) {
        int v = (int)rng_below(r, 9);
        snprintf(text + at, n - at, "%d", v);
        return v;
    }
    static const char signs[] = "+-*";
    char sign = signs[rng_below(r, 3)];
    strcat(text, "(");
    double a = grow(r, depth - 1, text, n);
    at = strlen(text);
    snprintf(text + at, n - at, " %c ", sign);
    double b = grow(r, depth - 1, text, n);
    strcat(text, ")");
    return sign == '+' ? a + b : sign == '-' ? a - b : a * b;
}

Test(expr, random_arithmetic_agrees_with_plain_recursion)
{
    world w;
    make(&w);
    for (uint64_t seed = 0; seed < 200; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 0);
        char text[4000] = "";
        double want = grow(&r, 6, text, sizeof text);
        value v;
        int at;
        err e = {0};
        cr_assert_eq(run(&w, text, &v, &at, &e), OK, "seed %d: %s", (int)seed, e.msg);
        cr_expect_eq(v.number, want, "seed %d: %s = %g", (int)seed, text, v.number);
    }
    arena_free(&w.a);
}

Test(expr, the_slots_it_reads_are_listed_once)
{
    world w;
    make(&w);
    expr *x;
    int at;
    cr_assert_eq(expr_compile(&w.a, "alpha > 1 or alpha < epochs", &table, &x, &at, NULL), OK);
    cr_expect_eq(expr_n_slots(x), 2);
    cr_expect_eq(expr_slot(x, 0), 0);
    cr_expect_eq(expr_slot(x, 1), 1);
    cr_expect_eq(expr_kind(x), VALUE_BOOL);
    arena_free(&w.a);
}
