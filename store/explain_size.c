/* Where the bytes of a trial's file are. */
#include "store/explain.h"
#include "store/ask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_TENSORS = 12 };

static const char *text_in(const node *map, const char *key)
{
    const node *n = node_get(map, key);
    return n && n->kind == NODE_STRING ? n->text : "";
}

/* --- which layer a constant belongs to --- */

/* The file lists kernels in the order of the layers that have weights, each followed by its bias. */
typedef struct {
    int n, n_layers;
    const char **kind; /* [n] of layers with weights */
    int *layer;
} weighted;

static bool has_weights(const char *kind)
{
    return strcmp(kind, "dense") == 0 || strcmp(kind, "conv1d") == 0 ||
           strcmp(kind, "conv2d") == 0 || strcmp(kind, "depthwise-conv2d") == 0;
}

static status find_weighted(const explained *x, weighted *out, err *e)
{
    const explained_stage *train = explain_stage(x, "train");
    const node *net = train && train->params ? node_get(train->params, "net") : NULL;
    const node *layers = net ? node_get(net, "layers") : NULL;
    *out = (weighted){.n_layers = layers ? layers->n : 0};
    out->kind = ARENA_NEW(x->a, const char *, out->n_layers + 1);
    out->layer = ARENA_NEW(x->a, int, out->n_layers + 1);
    if (!out->kind || !out->layer) return FAIL(e, ERR_MEM, "no memory for layers");
    for (int i = 0; i < out->n_layers; i++) {
        const char *kind = text_in(layers->item[i], "kind");
        if (!has_weights(kind)) continue;
        out->kind[out->n] = kind;
        out->layer[out->n++] = i;
    }
    return OK;
}

typedef struct {
    const node *json;
    const char *name, *shape, *type;
    double bytes, packed, alone, counted; /* counted: what it adds to `size` */
    int rank;
} constant;

static const char *shape_text(const node *shape, arena *a)
{
    const char *text = "";
    for (int i = 0; shape && text && i < shape->n; i++)
        text = arena_printf(a, "%s%s%s", text, i ? "x" : "", shape->item[i]->text);
    return text ? text : "";
}

static bool is_kernel(const constant *c)
{
    return c->rank >= 2;
}

/* Names only where kernels and layers agree in number; an LSTM's, say, do not. */
static void name_constants(constant *c, int n, const weighted *w, arena *a)
{
    int kernels = 0, at = -1;
    for (int i = 0; i < n; i++) kernels += is_kernel(&c[i]);
    for (int i = 0; i < n; i++) {
        at += is_kernel(&c[i]);
        bool follows = i > 0 && is_kernel(&c[i - 1]);
        if (kernels == w->n && at >= 0 && (is_kernel(&c[i]) || follows))
            c[i].name = arena_printf(a, "%d %s %s", w->layer[at], w->kind[at],
                                     is_kernel(&c[i]) ? "kernel" : "bias");
        else
            c[i].name = arena_printf(a, "tensor %.0f", explain_number(c[i].json, "tensor"));
        if (!c[i].name) c[i].name = "";
    }
}

/* --- size --- */

typedef struct {
    int n;
    constant *c;
    bool is_flat,
        is_packed; /* flat: `size` counts bytes; packed: shares of the packed file are known */
    const char *pack;
    double container, sum, values;
} anatomy_note;

static void take_constant(constant *c, const node *json, const anatomy_note *n, arena *a)
{
    const node *shape = node_get(json, "shape");
    *c = (constant){.json = json,
                    .type = text_in(json, "type"),
                    .shape = shape_text(shape, a),
                    .rank = shape ? shape->n : 0,
                    .bytes = explain_number(json, "bytes"),
                    .packed = explain_number(json, "packed"),
                    .alone = explain_number(json, "zlib_alone")};
    c->counted = n->is_packed ? c->packed : c->bytes;
}

/* Everything but values. */
static double container_of(const node *detail, bool is_packed)
{
    const node *parts = node_get(detail, "parts");
    double sum = 0;
    if (!is_packed) return explain_number(detail, "container_bytes");
    for (int i = 0; i < parts->n; i++)
        if (strcmp(text_in(parts->item[i], "part"), "values") != 0)
            sum += explain_number(parts->item[i], "packed");
    return sum;
}

static status read_anatomy(const explained *x, const explained_stage *g, anatomy_note *n, err *e)
{
    const node *tensors = node_get(g->detail, "tensors");
    weighted w;
    *n = (anatomy_note){.pack = text_in(g->params, "pack")};
    n->is_flat = strcmp(n->pack, "flat") == 0;
    n->is_packed = !n->is_flat && node_get(g->detail, "parts");
    if (!tensors || tensors->kind != NODE_LIST) return OK;
    n->c = ARENA_NEW(x->a, constant, tensors->n + 1);
    if (!n->c) return FAIL(e, ERR_MEM, "no memory for tensors");
    for (n->n = 0; n->n < tensors->n; n->n++)
        take_constant(&n->c[n->n], tensors->item[n->n], n, x->a);
    TRY(find_weighted(x, &w, e));
    name_constants(n->c, n->n, &w, x->a);
    n->container = container_of(g->detail, n->is_packed);
    for (int i = 0; i < n->n; i++) n->values += n->c[i].counted;
    n->sum = n->values + n->container;
    return OK;
}

static int by_bytes(const void *p, const void *q)
{
    const constant *a = p, *b = q;
    return (a->counted < b->counted) - (a->counted > b->counted);
}

enum { S_LAYER, S_TYPE, S_SHAPE, S_BYTES, S_PACKED, S_ALONE, S_SHARE, N_SIZE_COLUMNS };
static const char *const size_names[N_SIZE_COLUMNS] = {"layer",  "type",       "shape", "bytes",
                                                       "packed", "zlib_alone", "share"};

static void fill_constant(const constant *c, const anatomy_note *n, cell *r, arena *a)
{
    r[S_LAYER] = cell_text(c->name);
    r[S_TYPE] = cell_text(c->type);
    r[S_SHAPE] = cell_text(c->shape);
    r[S_BYTES] = answer_quantity(c->bytes, "B", a);
    r[S_PACKED] = answer_quantity(c->packed, "B", a);
    r[S_ALONE] = answer_quantity(c->alone, "B", a);
    r[S_SHARE] =
        cell_shown(c->counted / n->sum, arena_printf(a, "%.1f %%", 100 * c->counted / n->sum));
}

/* What stands beside the tensors: the rest of the file. */
static void fill_rest(const char *name, double bytes, const anatomy_note *n, cell *r, arena *a)
{
    r[S_LAYER] = cell_text(name);
    r[n->is_packed ? S_PACKED : S_BYTES] = answer_quantity(bytes, "B", a);
    r[S_SHARE] = cell_shown(bytes / n->sum, arena_printf(a, "%.1f %%", 100 * bytes / n->sum));
}

static status put_constants(const anatomy_note *n, answer *w, err *e)
{
    table *t;
    TRY(answer_add(w, "size", NULL, ANSWER_PROGRAMS, N_SIZE_COLUMNS, &t, e));
    for (int k = 0; k < N_SIZE_COLUMNS; k++) table_column(t, k, size_names[k], NULL);
    for (int i = 0; i <= n->n; i++) {
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        if (i < n->n)
            fill_constant(&n->c[i], n, r, w->a);
        else
            fill_rest("container", n->container, n, r, w->a);
    }
    return OK;
}

/* For people the largest tensors, and of the two ways to count packed bytes the one that is known. */
static status show_constants(const anatomy_note *n, answer *w, err *e)
{
    const int columns[] = {S_LAYER, S_TYPE, S_SHAPE, S_BYTES, n->is_packed ? S_PACKED : S_ALONE,
                           S_SHARE};
    enum { N = sizeof columns / sizeof *columns };
    int shown = n->n < SHOWN_TENSORS ? n->n : SHOWN_TENSORS;
    double rest = 0;
    table *t;
    TRY(answer_add(w, "size", "Where its bytes are:", ANSWER_PEOPLE, N, &t, e));
    for (int k = 0; k < N; k++) table_column(t, k, size_names[columns[k]], NULL);
    for (int i = shown; i < n->n; i++) rest += n->c[i].counted;
    for (int i = 0; i < shown + 2; i++) {
        cell full[N_SIZE_COLUMNS] = {{0}};
        if (i == shown && shown == n->n) continue;
        if (i < shown)
            fill_constant(&n->c[i], n, full, w->a);
        else if (i == shown)
            fill_rest(arena_printf(w->a, "%d smaller ones", n->n - shown), rest, n, full, w->a);
        else
            fill_rest("container", n->container, n, full, w->a);
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        for (int k = 0; k < N; k++) r[k] = full[columns[k]];
    }
    return OK;
}

static status put_container(const explained_stage *g, answer *w, err *e)
{
    const node *parts = node_get(g->detail, "parts");
    table *t;
    TRY(answer_add(w, "container", NULL, ANSWER_PROGRAMS, 3, &t, e));
    table_column(t, 0, "part", NULL);
    table_column(t, 1, "bytes", NULL);
    table_column(t, 2, "packed", NULL);
    for (int i = 0; parts && i < parts->n; i++) {
        cell *r = table_row(t);
        if (!r) return FAIL(e, ERR_MEM, "no memory for an answer");
        r[0] = cell_text(text_in(parts->item[i], "part"));
        r[1] = cell_number(explain_number(parts->item[i], "bytes"));
        r[2] = cell_number(explain_number(parts->item[i], "packed"));
    }
    return OK;
}

static void tell_size(const explained *x, const anatomy_note *n, answer *w)
{
    const double flat = explain_figure(x, "size_flat"), sparsity = explain_figure(x, "sparsity");
    answer_say(
        w,
        "Size: %s, counted %s%s%s (%s as it is). Values are %.0f %% of that, what holds them "
        "together %.0f %%; %.0f %% of the weights that pruning may reach are zero.",
        answer_figure(explain_figure(x, "size"), "B", w->a), n->is_flat ? "" : "as ", n->pack,
        n->is_flat ? "" : "-packed", answer_figure(flat, "B", w->a), 100 * n->values / n->sum,
        100 * n->container / n->sum, isnan(sparsity) ? 0 : sparsity);
}

status explain_size(const explained *x, answer *w, err *e)
{
    const explained_stage *g = explain_stage(x, "export");
    anatomy_note n;
    if (!g || !g->detail || !g->params) return OK;
    TRY(read_anatomy(x, g, &n, e));
    if (n.n == 0 || !(n.sum > 0)) return OK;
    tell_size(x, &n, w);
    TRY(put_constants(&n, w, e));
    qsort(n.c, (size_t)n.n, sizeof *n.c, by_bytes);
    TRY(show_constants(&n, w, e));
    return put_container(g, w, e);
}
