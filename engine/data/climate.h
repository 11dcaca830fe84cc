/* Weather tables: a CSV of measurements every ten minutes, such as the Jena Climate series, becomes
 * rows of floats.
 *
 * Columns are found by the names in the first line, in any order; other columns are not looked at.
 * Fields may stand in quotes, lines may end in CR LF, the file may begin with a byte order mark.
 * Dates are day first: dd.mm.yyyy hh:mm:ss. A row that cannot be understood (blank or non-numeric
 * fields, values no weather has, wrong number of fields) is an error, and up to twenty of them are
 * named as `file:line:column`. Steps in time are only counted: the published series repeats some
 * hours, runs backwards once and has holes, and all work on it takes its rows as they come. A table
 * of which most steps go backwards is an error. */
#ifndef PARETUNE_ENGINE_DATA_CLIMATE_H
#define PARETUNE_ENGINE_DATA_CLIMATE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stddef.h>

enum { CLIMATE_MAX_COLUMNS = 8, CLIMATE_STEP_SECONDS = 600 };

/* What to read. Units "°C" and "%" have a range of possible values, others take any finite number.
 */
typedef struct {
    const char *time; /* name of the column with the dates: "Date Time" */
    int n;            /* columns of values */
    const char *name[CLIMATE_MAX_COLUMNS];
    const char *unit[CLIMATE_MAX_COLUMNS];
} climate_columns;

/* How the dates depart from one row every ten minutes. Lines are 0 where there is none. */
typedef struct {
    int gaps, first_gap_line;          /* rows more than a step after the one before */
    long missing_rows;                 /* that the gaps leave out */
    int repeats, first_repeat_line;    /* the same time again */
    int backward, first_backward_line; /* an earlier time than the row before */
    int off_grid, first_off_grid_line; /* less than a step later */
} climate_notes;

typedef struct {
    int n_rows;
    float *value; /* [n_rows, columns.n], in the arena */
    climate_notes notes;
} climate;

/* Reads the `n` bytes of a table; `file` is its name for messages. Everything returned, and the
 * scratch of messages, lies in `a`. ERR_INPUT lists what is wrong. */
status climate_read(const char *file, const char *bytes, size_t n, const climate_columns *columns,
                    arena *a, climate *out, err *e);

/* The number of rows that climate_read would return for a table without mistakes: the header is
 * checked, the rows are only counted. */
status climate_count(const char *file, const char *bytes, size_t n, const climate_columns *columns,
                     arena *a, int *n_rows, err *e);

#endif
