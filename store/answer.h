/* An answer of several parts: sentences and tables. For people it is printed in order, sentences wrapped;
 * for programs each table has a name of its own. */
#ifndef PARETUNE_STORE_ANSWER_H
#define PARETUNE_STORE_ANSWER_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/table.h"

#include <stdbool.h>

enum { ANSWER_WIDTH = 80 };

typedef struct {
    const char *text; /* a paragraph; NULL: a table */
    int indent;       /* of the paragraph */
    bool for_people, for_programs;
    const char *name, *heading;
    table t;
} answer_item;

typedef struct {
    arena *a;
    int n, cap;
    bool failed; /* something did not fit memory: told by answer_print */
    answer_item **item;
} answer; /* {.a = ...} to begin with */

/* A paragraph, in `a`. */
void answer_say(answer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something to look up rather than to read, such as a configuration: indented, no part of JSON's "text". */
void answer_note(answer *w, const char *text);

/* Tables; `name` is its key in JSON and the word for --part, `heading` (NULL: none) a line above it for people. Filled
 * before the answer is printed. */
typedef enum { ANSWER_BOTH, ANSWER_PEOPLE, ANSWER_PROGRAMS } answer_audience;
status answer_add(answer *w, const char *name, const char *heading, answer_audience who,
                  int n_columns, table **out, err *e);

/* Text: all of it. CSV: one table, `part` or else the first. JSON: with a part an array of its rows; else an object, under
 * "text" an array of the paragraphs and an array for each table. An unknown part is ERR_INPUT. */
status answer_print(const answer *w, table_format format, const char *part, FILE *f, err *e);

/* Words of a text on lines of at most `width` columns, each with this indent. */
void answer_wrap(buf *b, const char *text, int indent, int width);

/* Columns of the terminal that `f` is; as many as one likes for a file or a pipe. */
int answer_columns(FILE *f);
/* Columns of a table as text; to be freed. */
status answer_draw(const table *t, char **text, int *columns, err *e);

/* A figure with its unit for people; none for NaN. */
cell answer_quantity(double v, const char *unit, arena *a);
/* A part of something as "+2.8 %" for people. */
cell answer_percent(double part, arena *a);
const char *answer_figure(double v, const char *unit, arena *a); /* "1.83 %", "-" for NaN */

#endif
