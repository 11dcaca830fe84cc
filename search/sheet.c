#include "search/sheet.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *at; /* the rest of the text, which is cut into cells where it stands */
    int line;
    sheet *out;
} reader;

/* Ends the cell that begins here, unquoted where it stands; *ended: it was the last of its line. */
static status cut_cell(reader *r, const char **out, bool *ended, err *e)
{
    char *from = r->at, *to = r->at;
    bool is_quoted = *from == '"';
    if (is_quoted) from++;
    *out = to;
    for (;; from++) {
        if (is_quoted && *from == '"' && from[1] == '"')
            from++;
        else if (is_quoted && *from == '"') {
            from++;
            break;
        } else if (!is_quoted && strchr(",\r\n", *from)) /* or the text's end */
            break;
        if (*from == '\0' || *from == '\n')
            return FAIL(e, ERR_INPUT, "%s:%d: a quote is not closed", r->out->file, r->line);
        *to++ = *from;
    }
    if (*from == '\r') from++;
    if (*from && *from != ',' && *from != '\n')
        return FAIL(e, ERR_INPUT, "%s:%d: a comma is missing behind a quote", r->out->file,
                    r->line);
    *ended = *from != ',';
    r->at = *from ? from + 1 : from;
    *to = '\0';
    return OK;
}

static status cut_line(reader *r, const char **cell, int most, int *n, err *e)
{
    bool ended = false;
    for (*n = 0; !ended; ++*n) {
        if (*n == most)
            return FAIL(e, ERR_INPUT, "%s:%d: more than %d cells", r->out->file, r->line, most);
        TRY(cut_cell(r, &cell[*n], &ended, e));
    }
    r->line++;
    return OK;
}

static status cut_notes(reader *r, arena *a, err *e)
{
    sheet *s = r->out;
    s->note = ARENA_NEW(a, const char *, SHEET_MAX_NOTES);
    if (!s->note) return FAIL(e, ERR_MEM, "out of memory for %s", s->file);
    for (; *r->at == '#'; r->line++) {
        char *note = r->at + 1 + strspn(r->at + 1, " ");
        size_t n = strcspn(note, "\r\n");
        if (s->n_notes == SHEET_MAX_NOTES)
            return FAIL(e, ERR_INPUT, "%s: more than %d notes", s->file, SHEET_MAX_NOTES);
        r->at = note + n;
        r->at += strspn(r->at, "\r");
        if (*r->at) r->at++;
        note[n] = '\0';
        s->note[s->n_notes++] = note;
    }
    return OK;
}

static status cut_header(reader *r, arena *a, err *e)
{
    sheet *s = r->out;
    s->name = ARENA_NEW(a, const char *, SHEET_MAX_COLUMNS);
    if (!s->name) return FAIL(e, ERR_MEM, "out of memory for %s", s->file);
    TRY(cut_line(r, s->name, SHEET_MAX_COLUMNS, &s->n_columns, e));
    for (int i = 0; i < s->n_columns; i++)
        if (sheet_column(s, s->name[i]) != i)
            return FAIL(e, ERR_INPUT, "%s:%d: two columns are named '%s'", s->file, r->line - 1,
                        s->name[i]);
    return OK;
}

static int count_lines(const char *text)
{
    int n = 1;
    for (; *text; text++) n += *text == '\n';
    return n;
}

static status cut_rows(reader *r, arena *a, err *e)
{
    sheet *s = r->out;
    int most = count_lines(r->at);
    s->cell = ARENA_NEW(a, const char *, (int64_t)most * s->n_columns);
    s->line = ARENA_NEW(a, int, most);
    if (!s->cell || !s->line) return FAIL(e, ERR_MEM, "out of memory for %s", s->file);
    while (*r->at) {
        int n, line = r->line;
        TRY(cut_line(r, &s->cell[(size_t)s->n_rows * (size_t)s->n_columns], s->n_columns, &n, e));
        if (n != s->n_columns)
            return FAIL(e, ERR_INPUT, "%s:%d: %d cells, but the header has %d columns", s->file,
                        line, n, s->n_columns);
        s->line[s->n_rows++] = line;
    }
    return OK;
}

status sheet_read(const char *file, const char *text, size_t n, arena *a, sheet *out, err *e)
{
    *out = (sheet){.file = file};
    if (memchr(text, '\0', n)) return FAIL(e, ERR_INPUT, "%s is not a text file", file);
    reader r = {arena_copy(a, text, n), 1, out};
    if (!r.at) return FAIL(e, ERR_MEM, "out of memory for %s", file);
    TRY(cut_notes(&r, a, e));
    TRY(cut_header(&r, a, e));
    return cut_rows(&r, a, e);
}

int sheet_column(const sheet *s, const char *name)
{
    for (int i = 0; i < s->n_columns; i++)
        if (strcmp(s->name[i], name) == 0) return i;
    return -1;
}

status sheet_number(const sheet *s, int row, int column, double *out, err *e)
{
    const char *text = s->cell[(size_t)row * (size_t)s->n_columns + (size_t)column];
    char *end;
    *out = strtod(text, &end);
    if (end == text || *end || !isfinite(*out))
        return FAIL(e, ERR_INPUT, "%s:%d: %s: '%s' is not a number", s->file, s->line[row],
                    s->name[column], text);
    return OK;
}
