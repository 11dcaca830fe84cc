/* The filter language of query, front and report.
 *
 *     T_mae < 0.5 and size < 2 kB
 *     storage in (float16, dynamic) and not (alpha between 0.1 and 0.5 or architecture = "lstm")
 *
 *     expr       = all { "or" all }          all = one { "and" one }
 *     one        = "not" one | "(" expr ")" | comparison
 *     comparison = NAME op (value | NAME) | NAME ["not"] "in" "(" value { "," value } ")"
 *                | NAME ["not"] "between" value "and" value
 *     op         = "<" "<=" ">" ">=" "=" "==" "!=" "<>"
 *     NAME       = a name, in quotes when it holds other signs than letters, digits, _ and .
 *     value      = number [unit] | "text" | 'text' | a word that is no name
 *
 * Keywords may be in capitals. Units are those of limits (engine/base/quantity.h), converted to the
 * metric's own. A comparison in which a figure is missing is false, whatever its operator, and so
 * is one between a number and a text; `not` of it is then true. Where the values that occur are
 * listed, one that does not is a mistake, as is a number for what holds texts only, and a word with
 * dashes that occurs may stand bare: architecture = cnn-1d.
 *
 * The result is an SQL condition in which names are the ones of the list, quoted, and every value
 * is a parameter :v1 .. :vN: nothing of the input's text stands in it. */
#ifndef PARETUNE_STORE_FILTER_H
#define PARETUNE_STORE_FILTER_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>

enum { FILTER_MAX_BYTES = 8192, FILTER_MAX_COMPARISONS = 200, FILTER_MAX_DEPTH = 50 };

typedef struct {
    const char *name; /* of the column */
    const char *unit;
    bool is_number; /* always a number (a metric); otherwise a number or a text (a knob) */
    bool is_listed; /* what occurs is known, and another value is a mistake: */
    bool has_numbers;
    int n_words;
    const char *const *word;
} filter_name;

typedef struct {
    bool is_number;
    double number;
    const char *text;
} filter_value;

typedef struct {
    const char *sql;
    int n_values;
    filter_value *value; /* value[i] belongs to parameter :v(i+1) */
} filter;

/* All of the result lives in `a`. Mistakes are ERR_INPUT: "filter, column 7: ...". */
status filter_compile(const char *text, const filter_name *names, int n_names, arena *a,
                      filter *out, err *e);

#endif
