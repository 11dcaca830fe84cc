#include "engine/base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { DIAG_TEXT = 600 };

void diag_init(diag *d, arena *a)
{
    *d = (diag){.a = a};
}

void diag_report(diag *d, const char *file, int line, int column, const char *format, ...)
{
    char text[DIAG_TEXT];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    for (int i = 0; i < d->n; i++) {
        const diag_entry *x = &d->entry[i];
        if (x->line == line && x->column == column && strcmp(x->file, file) == 0 &&
            strcmp(x->text, text) == 0)
            return;
    }
    d->total++;
    if (d->n == DIAG_MAX) return;
    const char *kept = arena_string(d->a, text), *name = arena_string(d->a, file);
    if (kept && name) d->entry[d->n++] = (diag_entry){name, line, column, kept};
}

static int by_place(const void *a, const void *b)
{
    const diag_entry *x = a, *y = b;
    int file = strcmp(x->file, y->file);
    if (file) return file;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    if (x->column != y->column) return x->column < y->column ? -1 : 1;
    return strcmp(x->text, y->text);
}

void diag_sort(diag *d)
{
    qsort(d->entry, (size_t)d->n, sizeof *d->entry, by_place);
}

/* An entry as a line without its end; line 0 means that only the file is known. Returns as snprintf
 * does. */
static int format_entry(const diag_entry *x, char *text, size_t n)
{
    if (x->line <= 0) return snprintf(text, n, "%s: %s", x->file, x->text);
    return snprintf(text, n, "%s:%d:%d: %s", x->file, x->line, x->column, x->text);
}

void diag_print(const diag *d, FILE *f)
{
    char text[DIAG_TEXT + 4200];
    for (int i = 0; i < d->n; i++) {
        format_entry(&d->entry[i], text, sizeof text);
        fprintf(f, "%s\n", text);
    }
    if (d->total > d->n) fprintf(f, "... and %d more\n", d->total - d->n);
}

status diag_status(const diag *d, err *e)
{
    char text[sizeof e->msg];
    if (d->total == 0) return OK;
    if (d->n == 0) return FAIL(e, ERR_MEM, "out of memory for %d messages", d->total);
    format_entry(&d->entry[0], text, sizeof text);
    return FAIL(e, ERR_INPUT, "%s%s", text, d->total > 1 ? " (and more)" : "");
}

status diag_list(const diag *d, err *e)
{
    enum { TAIL = 32 }; /* room for "... and N more" */
    char text[sizeof e->msg];
    size_t used = 0, most = sizeof text - TAIL;
    int shown = 0;
    if (d->total == 0) return OK;
    if (d->n == 0) return diag_status(d, e);
    for (; shown < d->n; shown++) {
        if (shown) text[used++] = '\n';
        int n = format_entry(&d->entry[shown], text + used, most - used);
        if (n >= 0 && (size_t)n < most - used - 1) {
            used += (size_t)n;
        } else if (shown == 0) { /* the first is shown as far as it goes */
            used = most - 1;
        } else {
            used--;
            break;
        }
    }
    text[used] = '\0';
    if (d->total > shown)
        snprintf(text + used, sizeof text - used, "\n... and %d more", d->total - shown);
    return FAIL(e, ERR_INPUT, "%s", text);
}

enum { WORD_MAX = 64 };

/* Optimal string alignment distance (Damerau-Levenshtein without repeated edits). */
static int distance(const char *a, const char *b)
{
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n >= WORD_MAX || m >= WORD_MAX) return WORD_MAX;
    int row[3][WORD_MAX];
    int *before = row[0], *last = row[1], *now = row[2];
    for (int j = 0; j <= m; j++) last[j] = j;
    for (int i = 1; i <= n; i++) {
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        int *t = before;
        before = last;
        last = now;
        now = t;
    }
    return last[m];
}

const char *diag_did_you_mean(const char *word, const char *const *candidates, size_t n)
{
    size_t best = 0;
    int best_distance = WORD_MAX, length = (int)strlen(word);
    for (size_t i = 0; i < n; i++) {
        int d = distance(word, candidates[i]);
        if (d < best_distance) {
            best_distance = d;
            best = i;
        }
    }
    if (best_distance <= 2 && best_distance * 2 <= length) return candidates[best];
    for (size_t i = 0; i < n; i++)
        if (length >= 4 && strncmp(word, candidates[i], 4) == 0) return candidates[i];
    return NULL;
}
