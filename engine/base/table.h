/* One table, three forms: aligned text for people, CSV and JSON for programs. Every command that
 * lists something prints it through here, so columns and quoting are the same everywhere. */
#ifndef PARETUNE_ENGINE_BASE_TABLE_H
#define PARETUNE_ENGINE_BASE_TABLE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stdio.h>

typedef enum { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON } table_format;

typedef enum { CELL_NONE, CELL_TEXT, CELL_NUMBER } cell_kind;
typedef struct {
    cell_kind kind;
    const char *text; /* CELL_TEXT; or how a CELL_NUMBER is shown to people (NULL: %.6g) */
    double number;
} cell;

typedef struct {
    arena *a;
    int n_columns, n_rows, cap_rows;
    const char **name; /* column names; CSV header and JSON keys */
    const char **unit; /* shown to people under the name: "°C"; "" for none */
    cell *cells;       /* n_rows x n_columns */
} table;

status table_init(table *t, arena *a, int n_columns, err *e);
/* `name` and `unit` (NULL for none), like the texts of cells, are borrowed until the last print. */
void table_column(table *t, int column, const char *name, const char *unit);
/* A new row of empty cells; NULL when out of memory. Valid until the next call. */
cell *table_row(table *t);
cell cell_text(const char *text);
cell cell_number(double v);
cell cell_shown(double v, const char *shown); /* a number with its own form for people */

/* Writes the table. Text: columns aligned by display width (UTF-8), numbers to the right, no colour
 * codes, control characters as spaces, empty cells and NaN as "-". CSV: UTF-8, quoted as in RFC 4180,
 * lines end in LF, full precision, empty for no value, text that a spreadsheet would run as a formula
 * gets a leading apostrophe. JSON: an array of objects, one a line, null for no value. ERR_IO when
 * `f` fails. */
status table_print(const table *t, table_format format, FILE *f, err *e);
/* CSV or JSON of rows that come one by one and need not be kept: {.format, .f} to begin with; rows of
 * `t` are written and taken out of it; the end writes what closes the form, or a header alone. */
typedef struct {
    table_format format; /* FORMAT_CSV or FORMAT_JSON */
    FILE *f;
    buf b;
    bool has_rows;
} table_stream;
status table_stream_row(table_stream *s, table *t, err *e);
status table_stream_end(table_stream *s, const table *t, err *e);
void table_stream_free(table_stream *s);
/* "table", "csv" or "json"; ERR_INPUT names the choices. */
status table_format_parse(const char *word, table_format *out, err *e);

#endif
