#include "store/answer.h"
#include "engine/base/diag.h"
#include "engine/base/quantity.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Tables are filled by whoever added them, so an item stays where it is. NULL without memory. */
static answer_item *next_item(answer *w)
{
    if (w->n == w->cap) {
        int cap = w->cap ? 2 * w->cap : 32;
        answer_item **more = ARENA_NEW(w->a, answer_item *, cap);
        for (int k = 0; more && k < w->n; k++) more[k] = w->item[k];
        if (more) w->item = more, w->cap = cap;
    }
    answer_item *i = ARENA_NEW(w->a, answer_item, 1);
    w->failed |= !i || w->n == w->cap;
    if (!w->failed) w->item[w->n++] = i;
    return w->failed ? NULL : i;
}

static void put_text(answer *w, const char *text, int indent, bool for_programs)
{
    answer_item *i = next_item(w);
    w->failed |= !text;
    if (i)
        *i = (answer_item){.text = text ? text : "",
                           .indent = indent,
                           .for_people = true,
                           .for_programs = for_programs};
}

void answer_say(answer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n >= 0 ? arena_take(w->a, (size_t)n + 1, 1) : NULL;
    if (text) {
        va_start(args, format);
        vsnprintf(text, (size_t)n + 1, format, args);
        va_end(args);
    }
    put_text(w, text, 0, true);
}

void answer_note(answer *w, const char *text)
{
    put_text(w, text, 4, false);
}

status answer_add(answer *w, const char *name, const char *heading, answer_audience who,
                  int n_columns, table **out, err *e)
{
    answer_item *i = next_item(w);
    *out = NULL;
    if (!i) return FAIL(e, ERR_MEM, "no memory for an answer");
    *i = (answer_item){.name = name,
                       .heading = heading,
                       .for_people = who != ANSWER_PROGRAMS,
                       .for_programs = who != ANSWER_PEOPLE};
    *out = &i->t;
    return table_init(&i->t, w->a, n_columns, e);
}

/* --- text --- */

/* Columns of a word: bytes that do not continue a character. */
static int width_of(const char *p, size_t n)
{
    int width = 0;
    for (size_t i = 0; i < n; i++) width += ((unsigned char)p[i] & 0xc0) != 0x80;
    return width;
}

static bool is_one_of(const char *word, size_t n, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == n && memcmp(*words, word, n) == 0) return true;
    return false;
}

/* Bytes up to where a line may end: what belongs together, as "size < 2 kB", is not torn apart. */
static size_t run_length(const char *p)
{
    static const char *const after[] = {"%", "°C", "B",  "kB", "MB", "ms", "us",
                                        "s", "<",  "<=", ">",  ">=", NULL};
    size_t start = 0, n = strcspn(p, " ");
    while (p[n] == ' ') {
        size_t next = strcspn(p + n + 1, " "), word = next;
        while (word > 0 && strchr(".,:;)", p[n + word])) word--;
        if (!is_one_of(p + n + 1, word, after) && !is_one_of(p + start, n - start, after + 8))
            break;
        start = n + 1;
        n += 1 + next;
    }
    return n;
}

void answer_wrap(buf *b, const char *text, int indent, int width)
{
    int at = 0;
    for (const char *p = text; *p;) {
        size_t n = run_length(p);
        int columns = width_of(p, n);
        if (at > 0 && at + 1 + columns > width) at = 0, buf_char(b, '\n');
        if (at == 0)
            buf_printf(b, "%*s", indent, "");
        else
            buf_char(b, ' ');
        at = (at == 0 ? indent : at + 1) + columns;
        buf_put(b, p, n);
        p += n + (p[n] == ' ');
    }
    if (at > 0) buf_char(b, '\n');
}

static status put(FILE *f, const buf *b, err *e)
{
    TRY(buf_check(b, e));
    return b->len == 0 || fwrite(b->data, 1, b->len, f) == b->len
               ? OK
               : FAIL(e, ERR_IO, "cannot write the answer");
}

static status print_paragraph(const answer_item *i, FILE *f, err *e)
{
    buf b = {0};
    answer_wrap(&b, i->text, i->indent, ANSWER_WIDTH);
    status s = put(f, &b, e);
    buf_free(&b);
    return s;
}

/* Tables stand apart from what is around them by an empty line. */
static status print_text(const answer *w, FILE *f, err *e)
{
    bool was_table = false, is_first = true;
    for (int i = 0; i < w->n; i++) {
        const answer_item *item = w->item[i];
        if (!item->for_people || (!item->text && item->t.n_rows == 0)) continue;
        if (!is_first && (was_table || !item->text)) fputc('\n', f);
        if (!item->text && item->heading) fprintf(f, "%s\n", item->heading);
        if (item->text)
            TRY(print_paragraph(item, f, e));
        else
            TRY(table_print(&item->t, FORMAT_TABLE, f, e));
        was_table = !item->text;
        is_first = false;
    }
    return OK;
}

/* --- for programs --- */

static bool is_part(const answer_item *i)
{
    return !i->text && i->for_programs;
}

static const answer_item *find_part(const answer *w, const char *name)
{
    for (int i = 0; i < w->n; i++)
        if (is_part(w->item[i]) && (!name || strcmp(w->item[i]->name, name) == 0))
            return w->item[i];
    return NULL;
}

static status unknown_part(const answer *w, const char *part, err *e)
{
    const char **names = ARENA_NEW(w->a, const char *, w->n + 1), *list = "";
    size_t n = 0;
    if (!names) return FAIL(e, ERR_MEM, "no memory for the answer");
    for (int i = 0; i < w->n; i++)
        if (is_part(w->item[i])) names[n++] = w->item[i]->name;
    const char *meant = diag_did_you_mean(part, names, n);
    if (meant)
        return FAIL(e, ERR_INPUT, "--part: there is no '%.60s'; did you mean '%s'?", part, meant);
    for (size_t i = 0; list && i < n; i++)
        list = arena_printf(w->a, "%s%s%s", list, i ? ", " : "", names[i]);
    return FAIL(e, ERR_INPUT, "--part: there is no '%.60s' here; there are %s", part,
                list ? list : "none");
}

static status print_words(const answer *w, FILE *f, err *e)
{
    buf b = {0};
    int n = 0;
    buf_text(&b, "{\"text\": [");
    for (int i = 0; i < w->n; i++) {
        if (!w->item[i]->text || !w->item[i]->for_programs) continue;
        buf_text(&b, n++ ? ",\n" : "\n");
        buf_json_string(&b, w->item[i]->text);
    }
    buf_text(&b, "]");
    status s = put(f, &b, e);
    buf_free(&b);
    return s;
}

static status print_object(const answer *w, FILE *f, err *e)
{
    TRY(print_words(w, f, e));
    for (int i = 0; i < w->n; i++) {
        const answer_item *item = w->item[i];
        if (item->text || !item->for_programs) continue;
        fprintf(f, ",\n\"%s\": ", item->name);
        TRY(table_print(&item->t, FORMAT_JSON, f, e));
    }
    return fputs("}\n", f) >= 0 ? OK : FAIL(e, ERR_IO, "cannot write the answer");
}

status answer_print(const answer *w, table_format format, const char *part, FILE *f, err *e)
{
    if (w->failed) return FAIL(e, ERR_MEM, "no memory for the answer");
    const answer_item *i = find_part(w, part);
    if (!i) return unknown_part(w, part ? part : "", e);
    if (part || format == FORMAT_CSV) return table_print(&i->t, format, f, e);
    return format == FORMAT_JSON ? print_object(w, f, e) : print_text(w, f, e);
}

/* --- width --- */

int answer_columns(FILE *f)
{
    struct winsize w;
    bool known = isatty(fileno(f)) && ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_col > 0;
    return known ? w.ws_col : INT_MAX;
}

status answer_draw(const table *t, char **text, int *columns, err *e)
{
    size_t n = 0;
    FILE *f = open_memstream(text, &n);
    if (!f) return FAIL(e, ERR_MEM, "no memory for a table");
    status s = table_print(t, FORMAT_TABLE, f, e);
    if (fclose(f) != 0 && s == OK) s = FAIL(e, ERR_MEM, "no memory for a table");
    *columns = 0;
    for (const char *p = s == OK ? *text : ""; *p;) {
        size_t length = strcspn(p, "\n");
        int width = width_of(p, length);
        *columns = width > *columns ? width : *columns;
        p += length + (p[length] == '\n');
    }
    return s;
}

/* --- cells --- */

const char *answer_figure(double v, const char *unit, arena *a)
{
    char text[48];
    if (isnan(v)) return "-";
    quantity_format(v, unit, text, sizeof text);
    const char *kept = arena_string(a, text);
    return kept ? kept : "-";
}

cell answer_quantity(double v, const char *unit, arena *a)
{
    return isnan(v) ? (cell){.kind = CELL_NONE} : cell_shown(v, answer_figure(v, unit, a));
}

cell answer_percent(double part, arena *a)
{
    return isnan(part)
               ? (cell){.kind = CELL_NONE}
               : cell_shown(part, arena_printf(a, "%+.1f %%", 100 * part + 0.0)); /* never -0 */
}
