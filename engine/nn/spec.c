/* Layers are read and written by the tables of their kinds: a parameter row gives name, type, range
 * and default, and `field` says where in layer_spec it lies. */
#include "engine/nn/spec.h"

#include "engine/base/buf.h"
#include "engine/base/diag.h"
#include "engine/nn/layer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int count_params(const param_row *rows)
{
    int n = 0;
    while (rows[n].name) n++;
    return n;
}

static const param_row *find_param(const param_row *rows, const char *name)
{
    for (; rows->name; rows++)
        if (strcmp(rows->name, name) == 0) return rows;
    return NULL;
}

/* The place of `word` in "a|b|c", or -1. */
static int choice_index(const char *choices, const char *word)
{
    size_t n = strlen(word);
    for (int i = 0;; i++) {
        size_t m = strcspn(choices, "|");
        if (n == m && strncmp(choices, word, n) == 0) return i;
        if (!choices[m]) return -1;
        choices += m + 1;
    }
}

static int choice_text(const char *choices, int index, const char **text)
{
    for (; index > 0; index--) choices += strcspn(choices, "|") + 1;
    *text = choices;
    return (int)strcspn(choices, "|");
}

/* "[1,2]" as a shape. */
static shape shape_text(const char *text)
{
    shape s = {0};
    while (*text && *text != ']') {
        char *end;
        s.dim[s.rank++] = (int)strtol(text + 1, &end, 10);
        text = end;
    }
    return s;
}

/* `who` is "layer 2 (dense): units" in messages. */
static status read_int(const node *n, double least, double most, const char *who, int *out, err *e)
{
    if (n->kind != NODE_NUMBER || n->number != floor(n->number) || n->number < least ||
        n->number > most)
        return FAIL(e, ERR_INPUT, "%s: must be a whole number from %.0f to %.0f", who, least, most);
    *out = (int)n->number;
    return OK;
}

static status read_shape(const node *n, const char *who, shape *out, err *e)
{
    if (n->kind != NODE_LIST || n->n < 1 || n->n > SHAPE_MAX)
        return FAIL(e, ERR_INPUT, "%s: must be a list of 1 to %d whole numbers", who, SHAPE_MAX);
    long long size = 1;
    *out = (shape){.rank = n->n};
    for (int i = 0; i < n->n; i++) {
        TRY(read_int(n->item[i], 1, LAYER_MAX_ELEMENTS, who, &out->dim[i], e));
        size *= out->dim[i];
        if (size > LAYER_MAX_ELEMENTS)
            return FAIL(e, ERR_INPUT, "%s: more than %d elements", who, LAYER_MAX_ELEMENTS);
    }
    return OK;
}

static status read_param(const param_row *row, const node *n, const char *who, void *field, err *e)
{
    switch (row->type) {
    case PARAM_INT:
        return read_int(n, row->min, row->max, who, field, e);
    case PARAM_SHAPE:
        return read_shape(n, who, field, e);
    case PARAM_BOOL:
        if (n->kind != NODE_BOOL) return FAIL(e, ERR_INPUT, "%s: must be true or false", who);
        *(bool *)field = n->number != 0;
        return OK;
    case PARAM_CHOICE: {
        int i = n->kind == NODE_STRING ? choice_index(row->choices, n->text) : -1;
        if (i < 0) return FAIL(e, ERR_INPUT, "%s: must be one of %s", who, row->choices);
        memcpy(field, &i, sizeof i); /* an enumeration with the choices' order */
        return OK;
    }
    case PARAM_NUMBER:
        if (n->kind != NODE_NUMBER || !(n->number >= row->min && n->number <= row->max))
            return FAIL(e, ERR_INPUT, "%s: must be a number from %g to %g", who, row->min,
                        row->max);
        memcpy(field, &n->number, sizeof n->number);
        return OK;
    }
    return FAIL(e, ERR_STATE, "%s: its type has no reader", who);
}

static void set_default(const param_row *row, void *field)
{
    if (row->type == PARAM_BOOL) {
        *(bool *)field = strcmp(row->def, "true") == 0;
        return;
    }
    if (row->type == PARAM_SHAPE) {
        shape s = shape_text(row->def);
        memcpy(field, &s, sizeof s);
        return;
    }
    if (row->type == PARAM_NUMBER) {
        double v = strtod(row->def, NULL);
        memcpy(field, &v, sizeof v);
        return;
    }
    int v = row->type == PARAM_CHOICE ? choice_index(row->choices, row->def)
                                      : (int)strtol(row->def, NULL, 10);
    memcpy(field, &v, sizeof v);
}

static status check_keys(const node *json, const param_row *rows, int index, err *e)
{
    for (int i = 0; i < json->n; i++) {
        const char *key = json->key[i]->text;
        if (strcmp(key, "kind") != 0 && !find_param(rows, key))
            return FAIL(e, ERR_INPUT, "layer %d (%s): '%s' is not a parameter of this kind", index,
                        node_get(json, "kind")->text, key);
    }
    return OK;
}

static status find_kind(const node *json, int index, layer_kind *out, err *e)
{
    const node *kind = node_get(json, "kind");
    if (!kind || kind->kind != NODE_STRING)
        return FAIL(e, ERR_INPUT, "layer %d: 'kind' must name a layer kind", index);
    const char *names[N_LAYER_KINDS];
    for (int i = 0; i < N_LAYER_KINDS; i++) {
        names[i] = layer_table()[i].name;
        if (strcmp(names[i], kind->text) != 0) continue;
        *out = (layer_kind)i;
        return OK;
    }
    const char *meant = diag_did_you_mean(kind->text, names, N_LAYER_KINDS);
    return FAIL(e, ERR_INPUT, "layer %d: unknown kind '%s'%s%s%s", index, kind->text,
                meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
}

static status read_layer(const node *json, int index, layer_spec *out, err *e)
{
    *out = (layer_spec){0};
    TRY(find_kind(json, index, &out->kind, e));
    const layer_row *row = &layer_table()[out->kind];
    const layer_ops *ops = layer_find(out->kind);
    TRY(check_keys(json, row->params, index, e));
    for (int i = 0; row->params[i].name; i++) {
        const param_row *p = &row->params[i];
        const node *n = node_get(json, p->name);
        void *field = (char *)out + ops->field[i];
        char who[80];
        snprintf(who, sizeof who, "layer %d (%s): %s", index, row->name, p->name);
        if (n)
            TRY(read_param(p, n, who, field, e));
        else if (p->def)
            set_default(p, field);
        else
            return FAIL(e, ERR_INPUT, "%s is missing", who);
    }
    return OK;
}

status net_spec_parse(const node *json, net_spec *out, err *e)
{
    memset(out, 0, sizeof *out);
    const node *in = node_get(json, "input"), *layers = node_get(json, "layers");
    if (!in || !layers) return FAIL(e, ERR_INPUT, "a network needs 'input' and 'layers'");
    TRY(read_shape(in, "network: input", &out->in, e));
    if (layers->kind != NODE_LIST || layers->n < 1 || layers->n > NET_MAX_LAYERS)
        return FAIL(e, ERR_INPUT, "network: layers must be a list of 1 to %d layers",
                    NET_MAX_LAYERS);
    for (int i = 0; i < layers->n; i++) TRY(read_layer(layers->item[i], i, &out->layer[i], e));
    out->n = layers->n;
    net_layout layout;
    return net_layout_make(out, &layout, e);
}

static void put_shape(buf *b, shape s)
{
    buf_char(b, '[');
    for (int i = 0; i < s.rank; i++) buf_printf(b, "%s%d", i ? "," : "", s.dim[i]);
    buf_char(b, ']');
}

static void put_param(buf *b, const param_row *row, const void *field)
{
    buf_printf(b, ",\"%s\":", row->name);
    if (row->type == PARAM_SHAPE) {
        shape s;
        memcpy(&s, field, sizeof s);
        put_shape(b, s);
    } else if (row->type == PARAM_BOOL) {
        bool v;
        memcpy(&v, field, sizeof v);
        buf_text(b, v ? "true" : "false");
    } else if (row->type == PARAM_NUMBER) {
        double v;
        memcpy(&v, field, sizeof v);
        buf_number(b, v);
    } else {
        int v;
        memcpy(&v, field, sizeof v);
        const char *text;
        if (row->type == PARAM_INT)
            buf_printf(b, "%d", v);
        else {
            int n = choice_text(row->choices, v, &text);
            buf_printf(b, "\"%.*s\"", n, text);
        }
    }
}

void net_spec_put_json(buf *b, const net_spec *s)
{
    buf_text(b, "{\"input\":");
    put_shape(b, s->in);
    buf_text(b, ",\"layers\":[");
    for (int i = 0; i < s->n; i++) {
        const layer_row *row = &layer_table()[s->layer[i].kind];
        const layer_ops *ops = layer_find(s->layer[i].kind);
        buf_printf(b, "%s{\"kind\":\"%s\"", i ? "," : "", row->name);
        for (int p = 0; p < count_params(row->params); p++)
            put_param(b, &row->params[p], (const char *)&s->layer[i] + ops->field[p]);
        buf_char(b, '}');
    }
    buf_text(b, "]}");
}

static bool fits(shape s)
{
    long long n = 1;
    for (int i = 0; i < s.rank; i++) {
        if (s.dim[i] < 1) return false;
        n *= s.dim[i];
        if (n > LAYER_MAX_ELEMENTS) return false;
    }
    return true;
}

static status add_tensors(const layer_plan *plan, int index, net_layout *out, err *e)
{
    for (int i = 0; i < plan->n_tensors; i++) {
        const tensor_plan *t = &plan->tensor[i];
        if (out->n_tensors == NET_MAX_TENSORS)
            return FAIL(e, ERR_INPUT, "the network has more than %d trained tensors",
                        NET_MAX_TENSORS);
        if (!fits(t->dims) || out->n_params > LAYER_MAX_ELEMENTS - shape_size(t->dims))
            return FAIL(e, ERR_INPUT, "more than %d parameters", LAYER_MAX_ELEMENTS);
        int size = shape_size(t->dims);
        out->tensor[out->n_tensors++] = (net_tensor){
            .layer = index,
            .role = t->role,
            .dims = t->dims,
            .offset = out->n_params,
            .size = size,
            .fan_in = t->fan_in,
            .fan_out = t->fan_out,
            .prunable = (t->role == ROLE_KERNEL || t->role == ROLE_RECURRENT) && !t->never_pruned,
        };
        out->n_params += size;
    }
    return OK;
}

/* What an add layer adds must be there already and of the same shape. */
static status check_branch(const net_spec *s, int index, const net_layout *l, shape in, err *e)
{
    int from = s->layer[index].from;
    if (from < -1 || from >= index)
        return FAIL(e, ERR_INPUT, "'from' is %d; it must be from -1 (the input) to %d", from,
                    index - 1);
    shape other = from < 0 ? s->in : l->shape_out[from];
    bool same = other.rank == in.rank;
    for (int i = 0; same && i < in.rank; i++) same = other.dim[i] == in.dim[i];
    if (same) return OK;
    return FAIL(e, ERR_INPUT, "its input and the output of layer %d differ in shape", from);
}

static status add_layer(const net_spec *s, int index, shape in, net_layout *out, err *e)
{
    layer_plan plan = {0};
    if (s->layer[index].kind == LAYER_ADD) TRY(check_branch(s, index, out, in, e));
    TRY(layer_find(s->layer[index].kind)->plan(&s->layer[index], in, &plan, e));
    if (!fits(plan.out))
        return FAIL(e, ERR_INPUT, "more than %d output elements", LAYER_MAX_ELEMENTS);
    if (plan.saved.per_example > LAYER_MAX_ELEMENTS ||
        plan.scratch.per_example > LAYER_MAX_ELEMENTS)
        return FAIL(e, ERR_INPUT, "its training needs too much memory");
    TRY(add_tensors(&plan, index, out, e));
    out->shape_in[index] = in;
    out->shape_out[index] = plan.out;
    out->macs += plan.macs;
    return OK;
}

status net_layout_make(const net_spec *s, net_layout *out, err *e)
{
    memset(out, 0, sizeof *out);
    shape in = s->in;
    for (int i = 0; i < s->n; i++) {
        err own = {0};
        if (add_layer(s, i, in, out, &own) != OK)
            return FAIL(e, own.code, "layer %d (%s): %s", i, layer_table()[s->layer[i].kind].name,
                        own.msg);
        in = out->shape_out[i];
    }
    return OK;
}
