#include "search/architecture.h"

#include "engine/stage.h"
#include "search/document.h"
#include "search/schema.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LAYERS = 64, MAX_PARAMS = 12, MAX_DIMS = 4 };

enum { N_PREDEFINED = 4 };
static const char *const of_forecasts[N_PREDEFINED] = {"steps_in", "features", "steps_out",
                                                       "outputs"};
static const char *const of_keywords[N_PREDEFINED] = {"in_h", "in_w", "in_c", "classes"};

/* A parameter as written: nothing (its default holds), a word, or one expression per number. */
typedef struct {
    const node *written;
    const char *word;
    int n;
    expr *x[MAX_DIMS];
    const node *place[MAX_DIMS];
    int from; /* of a parameter that names a layer: its index in the file, -1 for the input */
} layer_param;

typedef struct {
    const layer_row *row;
    const char *name; /* NULL: none */
    expr *when;
    const node *place;
    layer_param param[MAX_PARAMS]; /* beside row->params */
} layer;

struct architecture {
    const char *name, *path, *text;
    const char *const *predefined; /* N_PREDEFINED names of the task */
    document source;
    int n_knobs, n_layers;
    knob knob[ARCHITECTURE_MAX_KNOBS];
    layer layer[MAX_LAYERS];
};

const char *architecture_name(const architecture *x)
{
    return x->name;
}

const char *architecture_path(const architecture *x)
{
    return x->path;
}

const char *architecture_text(const architecture *x)
{
    return x->text;
}

int architecture_n_knobs(const architecture *x)
{
    return x->n_knobs;
}

const knob *architecture_knob(const architecture *x, int i)
{
    return &x->knob[i];
}

/* --- names inside a file: its knobs, then the predefined --- */

static bool find_name(const void *user, const char *name, int *slot, value_kind *kind)
{
    const architecture *x = user;
    for (int i = 0; i < x->n_knobs; i++) {
        if (strcmp(x->knob[i].name, name) != 0) continue;
        *slot = i;
        *kind = x->knob[i].def.kind;
        return true;
    }
    for (int i = 0; i < N_PREDEFINED; i++) {
        if (strcmp(x->predefined[i], name) != 0) continue;
        *slot = x->n_knobs + i;
        *kind = VALUE_NUMBER;
        return true;
    }
    return false;
}

typedef struct {
    expr_names names;
    const char *list[ARCHITECTURE_MAX_KNOBS + N_PREDEFINED];
} scope;

static void make_scope(scope *s, const architecture *x)
{
    int n = 0;
    for (int i = 0; i < x->n_knobs; i++) s->list[n++] = x->knob[i].name;
    for (int i = 0; i < N_PREDEFINED; i++) s->list[n++] = x->predefined[i];
    s->names = (expr_names){find_name, s->list, n, x};
}

/* --- knobs --- */

static const char *name_mistake(const architecture *x, const char *name)
{
    static const char *const words[] = {"and", "or",    "not",  "in",    "true", "false", "min",
                                        "max", "floor", "ceil", "round", "abs",  "when"};
    if (!islower((unsigned char)*name)) return "a knob's name begins with a small letter";
    for (const char *s = name; *s; s++)
        if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_')
            return "a knob's name has small letters, digits and _ only";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], name) == 0) return "this word means something in expressions";
    if (schema_find(name) >= 0) return "a setting of spaces has this name";
    int slot;
    value_kind kind;
    if (find_name(x, name, &slot, &kind)) return "this name is predefined";
    return NULL;
}

static bool read_number(document *r, const node *map, const char *key, double *out)
{
    const node *n = node_get(map, key);
    if (!n) return true;
    if (n->kind != NODE_NUMBER) {
        document_wrong(r, n, "'%s' of a knob is a number, not %s", key, document_kind(n));
        return false;
    }
    *out = n->number;
    return true;
}

static const char *join_choices(document *r, const node *list)
{
    buf b = {0};
    bool good = list->kind == NODE_LIST && list->n > 0;
    for (int i = 0; good && i < list->n; i++) {
        good = list->item[i]->kind == NODE_STRING && !strchr(list->item[i]->text, '|');
        if (good) buf_printf(&b, "%s%s", i ? "|" : "", list->item[i]->text);
    }
    if (!good) document_wrong(r, list, "'choices' of a knob is a list of words");
    const char *text = good && !b.failed ? arena_string(r->a, b.data) : NULL;
    buf_free(&b);
    return text;
}

static void read_default(document *r, const node *map, knob *k)
{
    const node *def = node_get(map, "default");
    if (!def) {
        document_wrong(r, map, "knob '%s' needs a default", k->name);
        return;
    }
    if (def->kind == NODE_NUMBER) {
        k->def = value_number(def->number);
        if (def->number < k->min || def->number > k->max)
            document_wrong(r, def, "the default %s is outside of the knob's range %g to %g",
                           def->text, k->min, k->max);
    } else if (def->kind == NODE_BOOL) {
        k->def = value_bool(def->number != 0);
    } else if (def->kind == NODE_STRING && k->choices) {
        k->def = value_text(def->text);
    } else {
        document_wrong(r, def,
                       "a knob's default is a number, true or false, or a word of its choices");
    }
}

static void read_knob(document *r, architecture *x, const node *key, const node *map)
{
    static const char *const keys[] = {"default", "min", "max", "choices", "help"};
    const char *mistake = name_mistake(x, key->text);
    if (mistake) {
        document_wrong(r, key, "knob '%s': %s; choose another", key->text, mistake);
        return;
    }
    if (map->kind != NODE_MAP) {
        document_wrong(r, map, "knob '%s' is written as {default: 1, min: 0, max: 4}", key->text);
        return;
    }
    if (x->n_knobs == ARCHITECTURE_MAX_KNOBS) {
        document_wrong(r, key, "more than %d knobs", ARCHITECTURE_MAX_KNOBS);
        return;
    }
    document_check_keys(r, map, "of a knob", keys, 5);
    knob *k = &x->knob[x->n_knobs++];
    *k = (knob){.name = key->text, .min = -1e9, .max = 1e9, .help = "", .def = value_number(1)};
    const node *choices = node_get(map, "choices"), *help = node_get(map, "help");
    if (help && help->text) k->help = help->text;
    if (choices) k->choices = join_choices(r, choices);
    if (read_number(r, map, "min", &k->min) && read_number(r, map, "max", &k->max))
        read_default(r, map, k);
}

/* --- layers --- */

static void read_choice(document *r, const scope *names, const param_row *row, const node *n,
                        layer_param *p)
{
    int slot;
    value_kind kind;
    if (n->text && schema_among(row->choices, n->text)) {
        p->word = n->text;
    } else if (n->text && find_name(names->names.user, n->text, &slot, &kind) &&
               kind == VALUE_TEXT) {
        p->x[0] = document_expr(r, n, &names->names, VALUE_TEXT);
        p->n = 1;
    } else {
        document_wrong(r, n, "'%s' is not known for %s; it is one of %s",
                       n->text ? n->text : "this", row->name, row->choices);
    }
}

static void read_number_param(document *r, const scope *names, const param_row *row, const node *n,
                              layer_param *p)
{
    bool whole = row->type != PARAM_NUMBER;
    if (p->n == MAX_DIMS) {
        document_wrong(r, n, "%s has more than %d numbers", row->name, MAX_DIMS);
        return;
    }
    if (n->kind == NODE_NUMBER) {
        double least = row->type == PARAM_SHAPE ? 1 : row->min;
        double most = row->type == PARAM_SHAPE ? 1e6 : row->max;
        if (whole && n->number != floor(n->number))
            document_wrong(r, n, "%s is a whole number, not %s", row->name, n->text);
        else if (n->number < least || n->number > most)
            document_wrong(r, n, "%s is %s; it must be from %.10g to %.10g", row->name, n->text,
                           least, most);
    } else if (n->kind != NODE_STRING) {
        document_wrong(r, n, "%s is a number or an expression, not %s", row->name,
                       document_kind(n));
        return;
    }
    p->x[p->n] = document_expr(r, n, &names->names, VALUE_NUMBER);
    p->place[p->n++] = n;
}

static void read_param(document *r, const scope *names, const param_row *row, const node *n,
                       layer_param *p)
{
    p->written = n;
    switch (row->type) {
    case PARAM_CHOICE:
        read_choice(r, names, row, n, p);
        break;
    case PARAM_BOOL:
        p->x[0] = document_expr(r, n, &names->names, VALUE_BOOL);
        p->place[0] = n;
        p->n = 1;
        break;
    case PARAM_SHAPE:
        if (n->kind != NODE_LIST || n->n == 0) {
            document_wrong(r, n, "%s is a list such as [2, 1]", row->name);
            break;
        }
        for (int i = 0; i < n->n; i++) read_number_param(r, names, row, n->item[i], p);
        break;
    case PARAM_INT:
    case PARAM_NUMBER:
        read_number_param(r, names, row, n, p);
        break;
    }
}

/* A parameter that says which layer's output is meant: by its name, "input" for the network's. */
static bool names_a_layer(const param_row *row)
{
    return strcmp(row->name, "from") == 0;
}

static void read_from(document *r, const architecture *x, int index, const node *n, layer_param *p)
{
    const char *names[MAX_LAYERS + 1] = {"input"};
    int n_names = 1;
    p->written = n;
    p->from = -1;
    if (n->text && strcmp(n->text, "input") == 0) return;
    for (int i = 0; i < index; i++) {
        const char *name = x->layer[i].name;
        if (!name) continue;
        p->from = i;
        if (n->text && strcmp(name, n->text) == 0) return;
        names[n_names++] = name;
    }
    const char *word = n->text && *n->text ? n->text : document_kind(n);
    const char *meant = diag_did_you_mean(word, names, (size_t)n_names);
    document_wrong(r, n, "from: no earlier layer has the name '%s'%s%s%s", word,
                   meant ? "; did you mean '" : "", meant ? meant : "",
                   meant ? "'?" : "; give one a `name`, or write `input`");
}

/* The name of layer `index`, none of the earlier ones'. */
static void read_name(document *r, architecture *x, int index, const node *n)
{
    if (n->kind != NODE_STRING || !*n->text || strcmp(n->text, "input") == 0) {
        document_wrong(r, n, "a layer's name is a word of your own, not %s",
                       n->text && *n->text ? n->text : document_kind(n));
        return;
    }
    for (int i = 0; i < index; i++)
        if (x->layer[i].name && strcmp(x->layer[i].name, n->text) == 0)
            document_wrong(r, n, "two layers have the name '%s'; rename one", n->text);
    x->layer[index].name = n->text;
}

static const layer_row *find_layer(document *r, const node *map)
{
    const node *kind = node_get(map, "kind");
    const char *names[64];
    int n = 0;
    if (!kind || !kind->text) {
        document_wrong(r, kind ? kind : map,
                       "a layer needs its kind, such as {kind: dense, units: 8}");
        return NULL;
    }
    for (const layer_row *l = stage_layers(); l->name && n < 64; l++) {
        if (strcmp(l->name, kind->text) == 0) return l;
        names[n++] = l->name;
    }
    const char *meant = diag_did_you_mean(kind->text, names, (size_t)n);
    document_wrong(r, kind, "unknown kind of layer '%s'%s%s%s", kind->text,
                   meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
    return NULL;
}

static void read_layer(document *r, architecture *x, const scope *names, const node *map, int index)
{
    const char *keys[MAX_PARAMS + 3] = {"kind", "when", "name"};
    int n = 3;
    layer *l = &x->layer[index];
    if (map->kind != NODE_MAP) {
        document_wrong(r, map, "a layer is a map such as {kind: dense, units: 8}, not %s",
                       document_kind(map));
        return;
    }
    l->place = map;
    l->row = find_layer(r, map);
    if (!l->row) return;
    const node *when = node_get(map, "when"), *name = node_get(map, "name");
    if (name) read_name(r, x, index, name);
    if (when) l->when = document_expr(r, when, &names->names, VALUE_BOOL);
    int i = 0;
    for (const param_row *p = l->row->params; p && p->name && i < MAX_PARAMS; p++, i++) {
        keys[n++] = p->name;
        const node *written = node_get(map, p->name);
        if (written && names_a_layer(p))
            read_from(r, x, index, written, &l->param[i]);
        else if (written)
            read_param(r, names, p, written, &l->param[i]);
        else if (!p->def)
            document_wrong(r, map, "layer %s needs '%s': %s", l->row->name, p->name, p->help);
    }
    char where[60];
    snprintf(where, sizeof where, "of layer %.40s", l->row->name);
    document_check_keys(r, map, where, keys, n);
}

static void read_layers(document *r, architecture *x, const node *list)
{
    scope names;
    make_scope(&names, x);
    if (!list || list->kind != NODE_LIST || list->n == 0) {
        document_wrong(r, list ? list : r->root, "'layers' must be a list with at least one layer");
        return;
    }
    if (list->n > MAX_LAYERS) {
        document_wrong(r, list->item[MAX_LAYERS], "more than %d layers", MAX_LAYERS);
        return;
    }
    for (int i = 0; i < list->n; i++) read_layer(r, x, &names, list->item[i], i);
    x->n_layers = list->n;
}

architecture *architecture_read(arena *a, const char *name, const char *path, const char *task,
                                diag *d)
{
    static const char *const keys[] = {"architecture", "title", "knobs", "layers"};
    int reported = d->total;
    architecture *x = ARENA_NEW(a, architecture, 1);
    if (!x) {
        diag_report(d, path, 0, 0, "out of memory");
        return NULL;
    }
    document *r = &x->source;
    if (!document_open(r, a, d, path)) return NULL;
    x->name = name;
    x->predefined = task && strcmp(task, "keywords") == 0 ? of_keywords : of_forecasts;
    x->path = path;
    x->text = r->text;
    document_check_keys(r, r->root, "of an architecture", keys, 4);
    const node *version = node_get(r->root, "architecture"), *knobs = node_get(r->root, "knobs");
    if (!version || version->kind != NODE_NUMBER || version->number != 1)
        document_wrong(r, version ? version : r->root,
                       "'architecture: 1' must say the format's version");
    if (knobs && knobs->kind != NODE_MAP && knobs->kind != NODE_NULL)
        document_wrong(r, knobs, "'knobs' is a map of names, not %s", document_kind(knobs));
    for (int i = 0; knobs && knobs->kind == NODE_MAP && i < knobs->n; i++)
        read_knob(r, x, knobs->key[i], knobs->item[i]);
    read_layers(r, x, node_get(r->root, "layers"));
    return d->total == reported ? x : NULL;
}

/* --- a network for a candidate --- */

static status fail_at(const architecture *x, const node *n, int at, err *e, const char *what)
{
    int line, column;
    document_place(&x->source, n, at, &line, &column);
    return FAIL(e, ERR_INPUT, "%s:%d:%d: %s", n->file, line, column, what);
}

static status evaluate(const architecture *x, const expr *f, const node *place, const value *slots,
                       value *out, err *e)
{
    err own = {0};
    int at = 0;
    if (expr_eval(f, slots, out, &at, &own) == OK) return OK;
    return fail_at(x, place, at, e, own.msg);
}

/* A number of a layer: truncated and at least 1 when the expression gives a small one. */
static status put_number(const architecture *x, const param_row *row, const layer_param *p, int i,
                         const value *slots, buf *b, err *e)
{
    value v;
    char what[200];
    TRY(evaluate(x, p->x[i], p->place[i], slots, &v, e));
    double least = row->type == PARAM_SHAPE ? 1 : row->min;
    double most = row->type == PARAM_SHAPE ? 1e6 : row->max;
    if (row->type != PARAM_NUMBER) {
        v.number = trunc(v.number);
        if (v.number == 0 && least == 1) v.number = 1;
    }
    if (v.number < least || v.number > most) {
        snprintf(what, sizeof what, "%s becomes %g; it must be from %.10g to %.10g", row->name,
                 v.number, least, most);
        return fail_at(x, p->place[i], 0, e, what);
    }
    buf_number(b, v.number);
    return OK;
}

static status put_choice(const architecture *x, const param_row *row, const layer_param *p,
                         const value *slots, buf *b, err *e)
{
    const char *word = p->word ? p->word : row->def;
    value v;
    if (p->n) {
        TRY(evaluate(x, p->x[0], p->written, slots, &v, e));
        word = v.text;
        if (!schema_among(row->choices, word))
            return FAIL(e, ERR_INPUT, "%s:%d:%d: %s becomes '%s'; it is one of %s",
                        p->written->file, p->written->line, p->written->column, row->name, word,
                        row->choices);
    }
    buf_json_string(b, word);
    return OK;
}

/* Whether layers are left out, and where the others come in the network. */
typedef struct {
    int n;
    int place[MAX_LAYERS]; /* -1: left out */
} choice;

static status put_from(const architecture *x, const layer_param *p, const choice *chosen, buf *b,
                       err *e)
{
    int from = p->from < 0 ? -1 : chosen->place[p->from];
    if (p->from >= 0 && from < 0)
        return fail_at(x, p->written, 0, e,
                       "the layer that is added here is left out by its own condition");
    buf_printf(b, "%d", from);
    return OK;
}

static status put_param(const architecture *x, const param_row *row, const layer_param *p,
                        const choice *chosen, const value *slots, buf *b, err *e)
{
    value v;
    buf_char(b, ',');
    buf_json_string(b, row->name);
    buf_char(b, ':');
    if (p->written && names_a_layer(row)) return put_from(x, p, chosen, b, e);
    if (row->type == PARAM_CHOICE) return put_choice(x, row, p, slots, b, e);
    if (!p->written) {
        buf_text(b, row->def);
        return OK;
    }
    if (row->type == PARAM_BOOL) {
        TRY(evaluate(x, p->x[0], p->place[0], slots, &v, e));
        buf_text(b, v.number != 0 ? "true" : "false");
        return OK;
    }
    if (row->type == PARAM_SHAPE) buf_char(b, '[');
    for (int i = 0; i < p->n; i++) {
        if (i) buf_char(b, ',');
        TRY(put_number(x, row, p, i, slots, b, e));
    }
    if (row->type == PARAM_SHAPE) buf_char(b, ']');
    return OK;
}

static status put_layer(const architecture *x, const layer *l, const choice *chosen,
                        const value *slots, buf *b, err *e)
{
    buf_text(b, "{\"kind\":");
    buf_json_string(b, l->row->name);
    int i = 0;
    for (const param_row *p = l->row->params; p && p->name && i < MAX_PARAMS; p++, i++)
        TRY(put_param(x, p, &l->param[i], chosen, slots, b, e));
    buf_char(b, '}');
    return OK;
}

static status choose_layers(const architecture *x, const value *slots, choice *out, err *e)
{
    out->n = 0;
    for (int i = 0; i < x->n_layers; i++) {
        const layer *l = &x->layer[i];
        value v = value_bool(true);
        if (l->when) TRY(evaluate(x, l->when, node_get(l->place, "when"), slots, &v, e));
        out->place[i] = v.number != 0 ? out->n++ : -1;
    }
    if (out->n > 0) return OK;
    return FAIL(e, ERR_INPUT, "%s: every layer is left out by its condition", x->path);
}

static void fill_slots(const architecture *x, const value *values, architecture_io io, value *slots)
{
    bool words = x->predefined == of_keywords;
    int fixed[N_PREDEFINED] = {io.in.dim[0], io.in.dim[1], words ? io.in.dim[2] : io.steps_out,
                               io.outputs};
    for (int i = 0; i < x->n_knobs; i++) slots[i] = values[i];
    for (int i = 0; i < N_PREDEFINED; i++) slots[x->n_knobs + i] = value_number(fixed[i]);
}

status architecture_put_net(const architecture *x, const value *values, architecture_io io, buf *b,
                            err *e)
{
    value slots[ARCHITECTURE_MAX_KNOBS + N_PREDEFINED];
    choice chosen;
    fill_slots(x, values, io, slots);
    TRY(choose_layers(x, slots, &chosen, e));
    buf_text(b, "{\"input\":[");
    for (int i = 0; i < io.in.rank; i++) buf_printf(b, "%s%d", i ? "," : "", io.in.dim[i]);
    buf_text(b, "],\"layers\":[");
    for (int i = 0; i < x->n_layers; i++) {
        if (chosen.place[i] < 0) continue;
        if (chosen.place[i] > 0) buf_char(b, ',');
        TRY(put_layer(x, &x->layer[i], &chosen, slots, b, e));
    }
    buf_text(b, "]}");
    return buf_check(b, e);
}
