/* Each form is written row by row through one buffer, so a table of a million rows needs no second
 * copy. Only the text form looks at all cells first, for the widths. */
#include "engine/base/table.h"
#include "engine/base/buf.h"
#include "engine/base/utf8.h"

#include <math.h>
#include <string.h>

status table_init(table *t, arena *a, int n_columns, err *e)
{
    *t = (table){.a = a, .n_columns = n_columns};
    if (n_columns < 1) return FAIL(e, ERR_ARG, "a table needs at least one column");
    t->name = ARENA_NEW(a, const char *, n_columns);
    t->unit = ARENA_NEW(a, const char *, n_columns);
    if (!t->name || !t->unit) return FAIL(e, ERR_MEM, "no memory for a table");
    for (int c = 0; c < n_columns; c++) t->name[c] = t->unit[c] = "";
    return OK;
}

void table_column(table *t, int column, const char *name, const char *unit)
{
    t->name[column] = name;
    t->unit[column] = unit ? unit : "";
}

cell *table_row(table *t)
{
    size_t width = (size_t)t->n_columns;
    if (t->n_rows == t->cap_rows) {
        int cap = t->cap_rows ? t->cap_rows * 2 : 16;
        cell *more = ARENA_NEW(t->a, cell, (size_t)cap * width);
        if (!more) return NULL;
        if (t->n_rows) memcpy(more, t->cells, (size_t)t->n_rows * width * sizeof *more);
        t->cells = more;
        t->cap_rows = cap;
    }
    return t->cells + (size_t)t->n_rows++ * width;
}

cell cell_text(const char *text)
{
    return (cell){.kind = text ? CELL_TEXT : CELL_NONE, .text = text};
}

cell cell_number(double v)
{
    return (cell){.kind = CELL_NUMBER, .number = v};
}

cell cell_shown(double v, const char *shown)
{
    return (cell){.kind = CELL_NUMBER, .number = v, .text = shown};
}

/* --- text --- */

/* Columns that a terminal gives a code point: 0 for combining marks, 2 for East Asian wide ones. */
static int code_point_width(unsigned v)
{
    if ((v >= 0x300 && v < 0x370) || (v >= 0x200B && v < 0x2010) || (v >= 0xFE00 && v < 0xFE10))
        return 0;
    if ((v >= 0x1100 && v < 0x1160) || (v >= 0x2E80 && v < 0xA4D0) || (v >= 0xAC00 && v < 0xD7A4) ||
        (v >= 0xF900 && v < 0xFB00) || (v >= 0xFE30 && v < 0xFE70) || (v >= 0xFF00 && v < 0xFF61) ||
        (v >= 0x1F300 && v < 0x1F650) || (v >= 0x20000 && v < 0x30000))
        return 2;
    return 1;
}

/* Appends `text` without anything that could move a terminal's cursor or colour it (control codes
 * become spaces, broken UTF-8 the replacement character); returns its width. `b` may be NULL. */
static int put_plain(buf *b, const char *text)
{
    int width = 0;
    for (const char *p = text; *p;) {
        unsigned v;
        const char *start = p;
        int n = utf8_read(p, &v);
        p += n ? n : 1;
        bool control = v < 0x20 || (v >= 0x7F && v < 0xA0);
        width += control ? 1 : code_point_width(v);
        if (!b) continue;
        if (control)
            buf_char(b, ' ');
        else if (n == 0)
            buf_text(b, UTF8_REPLACEMENT);
        else
            buf_put(b, start, (size_t)(p - start));
    }
    return width;
}

static const char *cell_for_people(const cell *c, char scratch[32])
{
    if (c->kind == CELL_TEXT) return c->text;
    if (c->kind == CELL_NONE || isnan(c->number)) return "-";
    if (c->text) return c->text;
    snprintf(scratch, 32, "%.6g", c->number);
    return scratch;
}

typedef struct {
    int width;
    bool right; /* all its cells are numbers */
} column_form;

static column_form measure_column(const table *t, int column)
{
    column_form f = {.width = put_plain(NULL, t->name[column])};
    int unit = put_plain(NULL, t->unit[column]), numbers = 0, texts = 0;
    if (unit > f.width) f.width = unit;
    for (int r = 0; r < t->n_rows; r++) {
        const cell *c = &t->cells[(size_t)r * (size_t)t->n_columns + (size_t)column];
        char scratch[32];
        int w = put_plain(NULL, cell_for_people(c, scratch));
        if (w > f.width) f.width = w;
        numbers += c->kind == CELL_NUMBER;
        texts += c->kind == CELL_TEXT;
    }
    f.right = numbers > 0 && texts == 0;
    return f;
}

static void put_spaces(buf *b, int n)
{
    for (int i = 0; i < n; i++) buf_char(b, ' ');
}

static void put_aligned(buf *b, const char *text, column_form f, bool last)
{
    int gap = f.width - put_plain(NULL, text);
    if (f.right) put_spaces(b, gap);
    put_plain(b, text);
    if (!f.right && !last) put_spaces(b, gap);
    if (!last) buf_text(b, "  ");
}

/* Ends the line, without the spaces that an empty last column leaves. */
static void end_line(buf *b)
{
    while (b->len > 0 && b->data[b->len - 1] == ' ') b->data[--b->len] = '\0';
    buf_char(b, '\n');
}

static status flush(buf *b, FILE *f, err *e)
{
    TRY(buf_check(b, e));
    if (fwrite(b->data, 1, b->len, f) != b->len) return FAIL(e, ERR_IO, "cannot write the table");
    buf_clear(b);
    return OK;
}

static void put_header(buf *b, const table *t, const column_form *form)
{
    bool units = false;
    int last = t->n_columns - 1;
    for (int c = 0; c <= last; c++) {
        put_aligned(b, t->name[c], form[c], c == last);
        units |= t->unit[c][0] != '\0';
    }
    end_line(b);
    if (units) {
        for (int c = 0; c <= last; c++) put_aligned(b, t->unit[c], form[c], c == last);
        end_line(b);
    }
    for (int c = 0; c <= last; c++) {
        for (int i = 0; i < form[c].width; i++) buf_char(b, '-');
        buf_text(b, "  ");
    }
    end_line(b);
}

static status print_text(const table *t, buf *b, FILE *f, err *e)
{
    column_form *form = ARENA_NEW(t->a, column_form, t->n_columns);
    if (!form) return FAIL(e, ERR_MEM, "no memory for a table");
    for (int c = 0; c < t->n_columns; c++) form[c] = measure_column(t, c);
    put_header(b, t, form);
    for (int r = 0; r < t->n_rows; r++) {
        const cell *row = t->cells + (size_t)r * (size_t)t->n_columns;
        for (int c = 0; c < t->n_columns; c++) {
            char scratch[32];
            put_aligned(b, cell_for_people(&row[c], scratch), form[c], c == t->n_columns - 1);
        }
        end_line(b);
        TRY(flush(b, f, e));
    }
    return flush(b, f, e);
}

/* --- CSV and JSON --- */

static void put_csv_text(buf *b, const char *text)
{
    /* A spreadsheet runs a text that starts so as a formula; the apostrophe says "this is text". */
    bool formula = text[0] && strchr("=+-@\t\r", text[0]);
    if (!formula && !strpbrk(text, "\",\r\n")) {
        buf_text(b, text);
        return;
    }
    buf_text(b, formula ? "\"'" : "\"");
    for (const char *p = text; *p; p++) {
        if (*p == '"') buf_char(b, '"');
        buf_char(b, *p);
    }
    buf_char(b, '"');
}

static void put_csv_cell(buf *b, const cell *c)
{
    if (c->kind == CELL_TEXT)
        put_csv_text(b, c->text);
    else if (c->kind == CELL_NUMBER && isinf(c->number))
        buf_text(b, c->number > 0 ? "inf" : "-inf");
    else if (c->kind == CELL_NUMBER && !isnan(c->number))
        buf_number(b, c->number);
}

static void put_csv_header(buf *b, const table *t)
{
    for (int c = 0; c < t->n_columns; c++) {
        if (c) buf_char(b, ',');
        put_csv_text(b, t->name[c]);
    }
    buf_char(b, '\n');
}

static void put_csv_row(buf *b, const table *t, const cell *row)
{
    for (int c = 0; c < t->n_columns; c++) {
        if (c) buf_char(b, ',');
        put_csv_cell(b, &row[c]);
    }
    buf_char(b, '\n');
}

static void put_json_cell(buf *b, const cell *c)
{
    if (c->kind == CELL_TEXT)
        buf_json_string(b, c->text);
    else if (c->kind == CELL_NUMBER)
        buf_number(b, c->number);
    else
        buf_text(b, "null");
}

static void put_json_row(buf *b, const table *t, const cell *row)
{
    for (int c = 0; c < t->n_columns; c++) {
        buf_text(b, c ? ", " : "{");
        buf_json_string(b, t->name[c]);
        buf_text(b, ": ");
        put_json_cell(b, &row[c]);
    }
    buf_char(b, '}');
}

/* What stands before the first row, between two rows and behind the last one. */
static void stream_row(table_stream *s, const table *t, const cell *row)
{
    bool csv = s->format == FORMAT_CSV, first = !s->has_rows;
    if (csv && first) put_csv_header(&s->b, t);
    if (!csv) buf_text(&s->b, first ? "[\n " : ",\n ");
    (csv ? put_csv_row : put_json_row)(&s->b, t, row);
    s->has_rows = true;
}

status table_stream_row(table_stream *s, table *t, err *e)
{
    for (int r = 0; r < t->n_rows; r++) {
        stream_row(s, t, t->cells + (size_t)r * (size_t)t->n_columns);
        TRY(flush(&s->b, s->f, e));
    }
    t->n_rows = 0;
    return OK;
}

status table_stream_end(table_stream *s, const table *t, err *e)
{
    if (s->format == FORMAT_CSV && !s->has_rows) put_csv_header(&s->b, t);
    if (s->format == FORMAT_JSON) buf_text(&s->b, s->has_rows ? "\n]\n" : "[]\n");
    return flush(&s->b, s->f, e);
}

static status print_stream(const table *t, table_format format, FILE *f, err *e)
{
    table_stream stream = {.format = format, .f = f};
    table rows = *t;
    status s = table_stream_row(&stream, &rows, e);
    if (s == OK) s = table_stream_end(&stream, t, e);
    table_stream_free(&stream);
    return s;
}

void table_stream_free(table_stream *s)
{
    buf_free(&s->b);
}

status table_print(const table *t, table_format format, FILE *f, err *e)
{
    buf b = {0};
    status s = format == FORMAT_TABLE ? print_text(t, &b, f, e) : print_stream(t, format, f, e);
    buf_free(&b);
    if (s == OK && ferror(f)) s = FAIL(e, ERR_IO, "cannot write the table");
    return s;
}

status table_format_parse(const char *word, table_format *out, err *e)
{
    static const char *const words[] = {
        [FORMAT_TABLE] = "table", [FORMAT_CSV] = "csv", [FORMAT_JSON] = "json"};
    for (int i = 0; i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (table_format)i;
            return OK;
        }
    return FAIL(e, ERR_INPUT, "unknown format '%s'; it can be table, csv or json", word);
}
