/* A CSV file as cells of text: RFC 4180 with a header; before it lines that begin with '#' are notes. */
#ifndef PARETUNE_SEARCH_SHEET_H
#define PARETUNE_SEARCH_SHEET_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

typedef struct {
    const char *file;
    int n_notes;
    const char **note; /* behind the '#' and blanks */
    int n_columns, n_rows;
    const char **name; /* of the columns */
    const char **cell; /* n_rows x n_columns; "" for an empty one */
    int *line;         /* n_rows: in the file */
} sheet;

enum { SHEET_MAX_COLUMNS = 4096, SHEET_MAX_NOTES = 64 };

/* Texts in `a`. `text` is n bytes; `file` names it in messages and is borrowed. */
status sheet_read(const char *file, const char *text, size_t n, arena *a, sheet *out, err *e);

/* The column of that name; -1: none. */
int sheet_column(const sheet *s, const char *name);
/* A cell that must be a finite number. */
status sheet_number(const sheet *s, int row, int column, double *out, err *e);

#endif
