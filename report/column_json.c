#include "report/column_json.h"

#include "engine/base/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- base64 --- */

typedef struct {
    buf *out;
    uint32_t bits;
    int n; /* bytes held in `bits` */
} base64;

static void put_group(base64 *b, int n_signs)
{
    static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 4; i++)
        buf_char(b->out, i < n_signs ? signs[b->bits >> (18 - 6 * i) & 63] : '=');
    b->bits = 0;
    b->n = 0;
}

static void put_byte(base64 *b, uint32_t byte)
{
    b->bits |= byte << (16 - 8 * b->n++);
    if (b->n == 3) put_group(b, 4);
}

void column_json_base64(buf *out, const double *v, int n)
{
    base64 b = {.out = out};
    buf_char(out, '"');
    for (int i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        for (int shift = 0; shift < 64; shift += 8) put_byte(&b, bits >> shift & 255);
    }
    if (b.n) put_group(&b, b.n + 1);
    buf_char(out, '"');
}

/* --- columns --- */

void column_json_cell(buf *out, const cell *c)
{
    if (c->kind == CELL_TEXT)
        buf_json_string(out, c->text);
    else
        buf_number(out, c->kind == CELL_NUMBER ? c->number : (double)NAN);
}

typedef struct {
    const table *t;
    int column;
} rows;

static const cell *cell_at(const rows *r, int row)
{
    return &r->t->cells[(size_t)row * (size_t)r->t->n_columns + (size_t)r->column];
}

static bool is_none(const cell *c)
{
    return c->kind == CELL_NONE || (c->kind == CELL_NUMBER && isnan(c->number));
}

static bool is_same(const cell *a, const cell *b)
{
    if (is_none(a) || is_none(b)) return is_none(a) && is_none(b);
    if (a->kind != b->kind) return false;
    return a->kind == CELL_TEXT ? strcmp(a->text, b->text) == 0 : a->number == b->number;
}

static uint64_t hash_of(const cell *c)
{
    if (is_none(c)) return 1;
    if (c->kind == CELL_TEXT) return hash_u64(c->text, strlen(c->text), 2);
    double v = c->number == 0 ? 0 : c->number; /* -0 equals 0 */
    return hash_u64(&v, sizeof v, 3);
}

/* The different values in the order in which they come, and each row's place among them. */
typedef struct {
    int n;
    int *first; /* row of each value */
    int *of;    /* value of each row */
} dictionary;

static status find_values(const rows *r, arena *a, dictionary *d, err *e)
{
    int n = r->t->n_rows;
    size_t size = 16;
    while (size < 2 * (size_t)n) size *= 2;
    int *slot = ARENA_NEW(a, int, size); /* an open hash: 1 + number of the value */
    *d = (dictionary){.first = ARENA_NEW(a, int, n + 1), .of = ARENA_NEW(a, int, n + 1)};
    if (!slot || !d->first || !d->of) return FAIL(e, ERR_MEM, "no memory for a column");
    for (int i = 0; i < n; i++) {
        const cell *c = cell_at(r, i);
        size_t at = hash_of(c) & (size - 1);
        while (slot[at] && !is_same(c, cell_at(r, d->first[slot[at] - 1])))
            at = (at + 1) & (size - 1);
        if (!slot[at]) {
            d->first[d->n++] = i;
            slot[at] = d->n;
        }
        d->of[i] = slot[at] - 1;
    }
    return OK;
}

static int compare_texts(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static status put_words(buf *out, const rows *r, arena *a, err *e)
{
    dictionary d;
    bool numbers = false;
    int n = 0;
    TRY(find_values(r, a, &d, e));
    const char **word = ARENA_NEW(a, const char *, d.n + 1);
    if (!word) return FAIL(e, ERR_MEM, "no memory for a column");
    for (int i = 0; i < d.n; i++) {
        const cell *c = cell_at(r, d.first[i]);
        if (c->kind == CELL_TEXT) word[n++] = c->text;
        numbers |= c->kind == CELL_NUMBER;
    }
    qsort(word, (size_t)n, sizeof *word, compare_texts);
    buf_printf(out, ",\"listed\":%s,\"numbers\":%s,\"words\":[", n || numbers ? "true" : "false",
               numbers ? "true" : "false");
    for (int i = 0; i < n; i++) {
        if (i) buf_char(out, ',');
        buf_json_string(out, word[i]);
    }
    buf_char(out, ']');
    return OK;
}

status column_json_words(buf *out, const table *t, int column, arena *a, err *e)
{
    rows r = {t, column};
    arena_mark_t mark = arena_mark(a);
    status s = put_words(out, &r, a, e);
    arena_release(a, mark);
    return s;
}

static void put_dictionary(buf *out, const rows *r, const dictionary *d)
{
    buf_text(out, "{\"w\":[");
    for (int i = 0; i < d->n; i++) {
        if (i) buf_char(out, ',');
        column_json_cell(out, cell_at(r, d->first[i]));
    }
    buf_text(out, "],\"i\":[");
    for (int i = 0; i < r->t->n_rows; i++) buf_printf(out, "%s%d", i ? "," : "", d->of[i]);
    buf_text(out, "]}");
}

static void put_plain(buf *out, const rows *r)
{
    buf_text(out, "{\"v\":[");
    for (int i = 0; i < r->t->n_rows; i++) {
        if (i) buf_char(out, ',');
        column_json_cell(out, cell_at(r, i));
    }
    buf_text(out, "]}");
}

static bool has_text(const rows *r)
{
    for (int i = 0; i < r->t->n_rows; i++)
        if (cell_at(r, i)->kind == CELL_TEXT) return true;
    return false;
}

static status put_numbers(buf *out, const rows *r, arena *a, err *e)
{
    int n = r->t->n_rows;
    size_t start = out->len;
    put_plain(out, r);
    if (out->failed || n == 0 || out->len - start <= (size_t)n * 8 / 3 * 4) return OK;
    double *v = ARENA_NEW(a, double, n);
    if (!v) return FAIL(e, ERR_MEM, "no memory for a column");
    for (int i = 0; i < n; i++) {
        const cell *c = cell_at(r, i);
        v[i] = c->kind == CELL_NUMBER ? c->number : (double)NAN;
    }
    out->len = start;
    buf_text(out, "{\"f\":");
    column_json_base64(out, v, n);
    buf_char(out, '}');
    return OK;
}

static status put_column(buf *out, const rows *r, arena *a, err *e)
{
    dictionary d;
    int n = r->t->n_rows;
    TRY(find_values(r, a, &d, e));
    if (d.n == 1) {
        buf_text(out, "{\"c\":");
        column_json_cell(out, cell_at(r, 0));
        buf_char(out, '}');
    } else if (n > 0 && d.n <= n / 4) {
        put_dictionary(out, r, &d);
    } else if (has_text(r)) {
        put_plain(out, r);
    } else {
        return put_numbers(out, r, a, e);
    }
    return OK;
}

status column_json(buf *out, const table *t, int column, arena *a, err *e)
{
    rows r = {t, column};
    arena_mark_t mark = arena_mark(a);
    status s = put_column(out, &r, a, e);
    arena_release(a, mark);
    return s == OK ? buf_check(out, e) : s;
}
