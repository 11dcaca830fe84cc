/* Expressions of a search space: rules, conditions, the arithmetic of architectures.
 *
 *   alpha > 0.5 and architecture in ["lstm", "cnn-1d"]        128 * alpha        not nesterov
 *
 * Numbers, "words", true and false, names; + - * / %, parentheses; < <= > >= == !=; and or not; in
 * [list]; min max floor ceil round abs. `and` and `or` skip their right side when the left decides,
 * so `b != 0 and a / b > 2` is safe. `%` has the sign of the divisor, as in Python.
 *
 * An expression is compiled once, with every type checked, into a short program over an array of
 * values, and then evaluated for each candidate without allocating. */
#ifndef PARETUNE_SEARCH_EXPR_H
#define PARETUNE_SEARCH_EXPR_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "search/value.h"

#include <stdbool.h>

typedef struct expr expr; /* opaque; lives in the arena it was compiled into */

/* What names mean. `find` returns false for an unknown name; the names from `list` (in `n`) are
 * then searched for what may have been meant. */
typedef struct {
    bool (*find)(const void *user, const char *name, int *slot, value_kind *kind);
    const char *const *list;
    int n;
    const void *user;
} expr_names;

enum { EXPR_MAX_DEPTH = 64, EXPR_MAX_OPS = 1000, EXPR_MAX_TEXT = 8000 };

/* `text` is copied. On a mistake returns ERR_INPUT with what is wrong and what would be right, and
 * *at, the byte of `text` where the offending token begins. */
status expr_compile(arena *a, const char *text, const expr_names *names, expr **out, int *at,
                    err *e);

value_kind expr_kind(const expr *x);
int expr_n_slots(const expr *x); /* slots that it reads, each once */
int expr_slot(const expr *x, int i);
const char *expr_text(const expr *x);

/* The result over `slots`: a number, a truth value (0 or 1) or a word in `out->text`; out->id is
 * not set. Division by zero and results that are not finite are ERR_INPUT, with *at the operator.
 */
status expr_eval(const expr *x, const value *slots, value *out, int *at, err *e);

#endif
