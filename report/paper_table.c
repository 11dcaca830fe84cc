#include "report/paper_table.h"

#include "engine/base/utf8.h"

#include <math.h>
#include <string.h>

/* --- text --- */

typedef struct {
    unsigned code;
    const char *text;
} replacement;

static const replacement latex_signs[] = {
    {'\\', "\\textbackslash{}"},
    {'{', "\\{"},
    {'}', "\\}"},
    {'$', "\\$"},
    {'&', "\\&"},
    {'#', "\\#"},
    {'%', "\\%"},
    {'_', "\\_"},
    {'^', "\\textasciicircum{}"},
    {'~', "\\textasciitilde{}"},
    {'<', "$<$"},
    {'>', "$>$"},
    {'|', "\\textbar{}"},
    {'"', "\\symbol{34}"}, /* babel makes it active */
    {'`', "\\`{}"},
    {'[', "{[}"}, /* behind a line's end it would be an option */
    {']', "{]}"},
    {0xA0, "~"},
    {0xB0, "$^{\\circ}$"},
    {0xB1, "$\\pm$"},
    {0xB5, "$\\mu$"},
    {0xB7, "$\\cdot$"},
    {0xD7, "$\\times$"},
    {0x3B1, "$\\alpha$"},
    {0x3BC, "$\\mu$"},
    {0x2013, "--"},
    {0x2014, "---"},
    {0x2026, "\\ldots{}"},
    {0x2192, "$\\rightarrow$"},
    {0x2212, "$-$"},
    {0x2264, "$\\leq$"},
    {0x2265, "$\\geq$"},
};

static const replacement markdown_signs[] = {
    {'|', "\\|"}, {'\\', "\\\\"}, {'*', "\\*"},   {'_', "\\_"}, {'`', "\\`"},
    {'[', "\\["}, {']', "\\]"},   {'&', "&amp;"}, {'~', "\\~"}, {'$', "\\$"},
};

/* What only some following characters make markup of. */
static const char *find_pair(unsigned code, char next, bool latex)
{
    if (latex && code == '-' && next == '-') return "-{}"; /* else a dash */
    if (!latex && code == '<' && next != ' ' && next != '=') return "&lt;";
    return NULL;
}

static const char *find_sign(const replacement *r, size_t n, unsigned code)
{
    for (size_t i = 0; i < n; i++)
        if (r[i].code == code) return r[i].text;
    return NULL;
}

/* Control characters become spaces; what is no UTF-8, or unknown to LaTeX, a question mark. */
static void put_text(buf *b, const char *text, const replacement *r, size_t n, bool latex)
{
    for (const char *p = text; *p;) {
        unsigned v;
        int length = utf8_read(p, &v);
        const char *sign = length ? find_sign(r, n, v) : NULL;
        if (length == 1 && !sign) sign = find_pair(v, p[1], latex);
        if (sign)
            buf_text(b, sign);
        else if (length == 0 || (latex && v > 0x7E))
            buf_char(b, '?');
        else if (v < 0x20 || (v >= 0x7F && v < 0xA0))
            buf_char(b, ' ');
        else
            buf_put(b, p, (size_t)length);
        p += length ? length : 1;
    }
}

void paper_put_latex(buf *b, const char *text)
{
    put_text(b, text, latex_signs, sizeof latex_signs / sizeof *latex_signs, true);
}

void paper_put_markdown(buf *b, const char *text)
{
    put_text(b, text, markdown_signs, sizeof markdown_signs / sizeof *markdown_signs, false);
}

/* --- cells --- */

static const char *shown(const cell *c, char scratch[32])
{
    if (c->kind == CELL_TEXT) return c->text;
    if (c->kind == CELL_NONE || isnan(c->number)) return "";
    if (c->text) return c->text;
    snprintf(scratch, 32, "%.6g", c->number);
    return scratch;
}

static bool is_number_column(const table *t, int column)
{
    int numbers = 0;
    for (int r = 0; r < t->n_rows; r++) {
        cell_kind kind = t->cells[(size_t)r * (size_t)t->n_columns + (size_t)column].kind;
        if (kind == CELL_TEXT) return false;
        numbers += kind == CELL_NUMBER;
    }
    return numbers > 0;
}

static void put_heading(buf *b, const table *t, int column, void put(buf *, const char *))
{
    put(b, t->name[column]);
    if (!t->unit[column][0]) return;
    buf_text(b, " (");
    put(b, t->unit[column]);
    buf_char(b, ')');
}

static status flush(buf *b, FILE *f, err *e)
{
    status s = buf_check(b, e);
    if (s == OK && fwrite(b->data, 1, b->len, f) != b->len)
        s = FAIL(e, ERR_IO, "cannot write the table");
    buf_free(b);
    return s;
}

/* --- Markdown --- */

status paper_table_markdown(const table *t, const char *name, const char *caption, FILE *f, err *e)
{
    buf b = {0};
    char scratch[32];
    (void)name;
    paper_put_markdown(&b, caption);
    buf_text(&b, "\n\n|");
    for (int c = 0; c < t->n_columns; c++) {
        buf_char(&b, ' ');
        put_heading(&b, t, c, paper_put_markdown);
        buf_text(&b, " |");
    }
    buf_text(&b, "\n|");
    for (int c = 0; c < t->n_columns; c++) buf_text(&b, is_number_column(t, c) ? "---:|" : "---|");
    buf_char(&b, '\n');
    for (int r = 0; r < t->n_rows; r++) {
        buf_char(&b, '|');
        for (int c = 0; c < t->n_columns; c++) {
            buf_char(&b, ' ');
            paper_put_markdown(
                &b, shown(&t->cells[(size_t)r * (size_t)t->n_columns + (size_t)c], scratch));
            buf_text(&b, " |");
        }
        buf_char(&b, '\n');
    }
    return flush(&b, f, e);
}

/* --- LaTeX --- */

/* Characters of a column at its widest. */
static int column_width(const table *t, int c)
{
    char scratch[32];
    size_t most = strlen(t->name[c]) + (t->unit[c][0] ? strlen(t->unit[c]) + 3 : 0);
    for (int r = 0; r < t->n_rows; r++) {
        size_t n = strlen(shown(&t->cells[(size_t)r * (size_t)t->n_columns + (size_t)c], scratch));
        most = n > most ? n : most;
    }
    return (int)(most < 1000 ? most : 1000);
}

enum { WIDEST_COLUMN = 45 }; /* what is wider is set on lines of a third of the page */

/* Characters of a row, by which a table is judged too wide for a line. */
static int table_width(const table *t)
{
    int width = 0;
    for (int c = 0; c < t->n_columns; c++) {
        int n = column_width(t, c);
        width += (n < WIDEST_COLUMN ? n : WIDEST_COLUMN) + 2;
    }
    return width;
}

static void put_column_kinds(buf *b, const table *t)
{
    for (int c = 0; c < t->n_columns; c++)
        if (is_number_column(t, c))
            buf_char(b, 'r');
        else
            buf_text(b, column_width(t, c) > WIDEST_COLUMN ? "p{.33\\linewidth}" : "l");
}

static void put_latex_header(buf *b, const table *t)
{
    buf_text(b, "  \\toprule\n ");
    for (int c = 0; c < t->n_columns; c++) {
        buf_text(b, c ? " & " : " ");
        put_heading(b, t, c, paper_put_latex);
    }
    buf_text(b, " \\\\\n  \\midrule\n");
}

static void put_latex_rows(buf *b, const table *t)
{
    char scratch[32];
    for (int r = 0; r < t->n_rows; r++) {
        buf_char(b, ' ');
        for (int c = 0; c < t->n_columns; c++) {
            buf_text(b, c ? " & " : " ");
            paper_put_latex(
                b, shown(&t->cells[(size_t)r * (size_t)t->n_columns + (size_t)c], scratch));
        }
        buf_text(b, " \\\\\n");
    }
    buf_text(b, "  \\bottomrule\n");
}

static void put_float(buf *b, const table *t, const char *name, const char *caption,
                      const char *columns)
{
    enum { LINE = 85 };
    bool wide = table_width(t) > LINE;
    buf_printf(b, "%% needs \\usepackage{booktabs%s}\n", wide ? ",graphicx" : "");
    buf_text(b, "\\begin{table}[tbp]\n  \\centering\n  \\caption{");
    paper_put_latex(b, caption);
    buf_printf(b, "}\n  \\label{tab:%s}\n%s  \\begin{tabular}{@{}%s@{}}\n", name,
               wide ? "  \\resizebox{\\linewidth}{!}{%\n" : "", columns);
    put_latex_header(b, t);
    put_latex_rows(b, t);
    buf_printf(b, "  \\end{tabular}%s\n\\end{table}\n", wide ? "}" : "");
}

/* One that goes on over several pages. */
static void put_long(buf *b, const table *t, const char *name, const char *caption,
                     const char *columns)
{
    enum { SMALL_LINE = 110 };
    buf_printf(b,
               "%% needs \\usepackage{booktabs,longtable}\n{\\%s\n\\setlength{\\tabcolsep}{3pt}\n"
               "\\begin{longtable}{@{}",
               table_width(t) > SMALL_LINE ? "tiny" : "scriptsize");
    buf_printf(b, "%s@{}}\n  \\caption{", columns);
    paper_put_latex(b, caption);
    buf_printf(b, "}\\label{tab:%s}\\\\\n", name);
    put_latex_header(b, t);
    buf_text(b, "  \\endhead\n");
    put_latex_rows(b, t);
    buf_text(b, "\\end{longtable}}\n");
}

status paper_table_latex(const table *t, const char *name, const char *caption, FILE *f, err *e)
{
    enum { PAGE = 40 };
    buf b = {0}, columns = {0};
    put_column_kinds(&columns, t);
    status s = buf_check(&columns, e);
    if (s == OK) (t->n_rows > PAGE ? put_long : put_float)(&b, t, name, caption, columns.data);
    buf_free(&columns);
    status end = flush(&b, f, e);
    return s == OK ? end : s;
}
