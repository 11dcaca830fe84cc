#include "report/curves.h"

#include "engine/base/node.h"

#include <math.h>
#include <string.h>

/* Of store_curves. */
enum { C_TRIAL, C_STOPPED, C_PARAMS, C_DETAIL, C_TRIALS, MOST_EPOCHS = 100000 };

typedef struct {
    const table *t;
    arena *a;
    learning_curves *out;
} reading;

static const cell *cell_at(const table *t, int row, int column)
{
    return &t->cells[(size_t)row * (size_t)t->n_columns + (size_t)column];
}

static int64_t trial_of(const table *t, int row)
{
    return (int64_t)cell_at(t, row, C_TRIAL)->number;
}

static int rows_of_trial(const table *t, int row)
{
    int n = 1;
    while (row + n < t->n_rows && trial_of(t, row + n) == trial_of(t, row)) n++;
    return n;
}

static double number_at(const node *list, int i)
{
    return list && list->kind == NODE_LIST && i < list->n && list->item[i]->kind == NODE_NUMBER
               ? list->item[i]->number
               : (double)NAN;
}

static double number_of(const node *map, const char *key, double otherwise)
{
    const node *n = node_get(map, key);
    return n && n->kind == NODE_NUMBER ? n->number : otherwise;
}

/* Where pruning in the units of epochs lies; what counts in steps is not placed. */
static void note_pruning(learning_curve *c, const node *prune, int base)
{
    const node *unit = node_get(prune, "unit");
    if (!unit || strcmp(unit->text, "epochs") != 0) return;
    c->prune_begin = base + (int)lround(number_of(prune, "begin", 0));
    c->prune_end = base + (int)lround(number_of(prune, "end", 0));
}

/* A stage notes the curve of its training so far, or its own epochs alone. */
static status append(reading *r, learning_curve *c, const node *params, const node *points,
                     int *base, err *e)
{
    const node *start = node_get(params, "start");
    int from = (int)number_of(params, "from_epoch", 0), to = (int)number_of(params, "to_epoch", 0);
    if (start && strcmp(start->text, "weights") == 0) c->fine_tune = *base = c->n;
    int first = *base + (points->n <= to - from ? from : 0), n = first + points->n;
    note_pruning(c, node_get(params, "prune"), *base);
    if (n <= c->n || n > MOST_EPOCHS) return OK;
    double *value = ARENA_NEW(r->a, double, n);
    if (!value) return FAIL(e, ERR_MEM, "no memory for learning curves");
    for (int i = 0; i < first; i++) value[i] = i < c->n ? c->value[i] : (double)NAN;
    for (int i = 0; i < points->n; i++) {
        const node *p = points->item[i];
        bool accuracy = p->kind == NODE_LIST && p->n > 3;
        r->out->is_accuracy |= accuracy;
        value[first + i] = accuracy ? 100 * number_at(p, 3) : number_at(p, 1);
    }
    c->value = value;
    c->n = n;
    return OK;
}

static status read_trial(reading *r, int row, int n_rows, err *e)
{
    learning_curve c = {.trial = trial_of(r->t, row),
                        .prune_begin = -1,
                        .prune_end = -1,
                        .fine_tune = -1,
                        .is_stopped = cell_at(r->t, row, C_STOPPED)->number != 0};
    int base = 0;
    for (int i = row; i < row + n_rows; i++) {
        const cell *params = cell_at(r->t, i, C_PARAMS), *detail = cell_at(r->t, i, C_DETAIL);
        node *p = NULL, *d = NULL;
        if (params->kind != CELL_TEXT || detail->kind != CELL_TEXT) continue;
        TRY(node_read_json(r->a, params->text, strlen(params->text), &p, e));
        TRY(node_read_json(r->a, detail->text, strlen(detail->text), &d, e));
        const node *points = node_get(d, "curve");
        if (points && points->kind == NODE_LIST) TRY(append(r, &c, p, points, &base, e));
    }
    if (c.n > 0) r->out->curve[r->out->n++] = c;
    return OK;
}

status learning_curves_read(store *s, int most, const int64_t *wanted, int n_wanted, arena *a,
                            learning_curves *out, err *e)
{
    table t;
    *out = (learning_curves){0};
    TRY(store_curves(s, most, wanted, n_wanted, a, &t, e));
    if (t.n_rows == 0) return OK;
    out->n_trials = (int)cell_at(&t, 0, C_TRIALS)->number;
    out->curve = ARENA_NEW(a, learning_curve, t.n_rows);
    if (!out->curve) return FAIL(e, ERR_MEM, "no memory for learning curves");
    reading r = {&t, a, out};
    for (int row = 0, n; row < t.n_rows; row += n) {
        n = rows_of_trial(&t, row);
        TRY(read_trial(&r, row, n, e));
    }
    return OK;
}
