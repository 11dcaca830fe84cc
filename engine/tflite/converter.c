/* Three passes: copy the operators, with a RESHAPE where Keras has a Flatten and a constant for every
 * new shape, and one version for all operators of a kind; name the tensors after the layers that the operators come from; put the tensors into the
 * converter's order: input, biases, shapes, weights, activations. */
#include "engine/tflite/converter.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 300 };

typedef struct {
    arena *a;
    tfl_graph g;
    bool failed;
    int count[128]; /* of layers made from each operator, for their numbers */
    int n_norms, n_relus;
} dresser;

static int add_tensor(dresser *d, tfl_tensor t)
{
    d->g.tensor[d->g.n_tensors] = t;
    return d->g.n_tensors++;
}

/* The last operand of a RESHAPE. Of a Flatten the number of rows is left open. */
static int add_shape(dresser *d, int rank, const int *dim, bool is_flatten)
{
    int *values = ARENA_NEW(d->a, int, rank + 1);
    tfl_tensor t = {.type = TFL_INT32, .rank = 1, .dim = {rank}, .name = ""};
    if (!values) {
        d->failed = true;
        return 0;
    }
    memcpy(values, dim, sizeof *dim * (size_t)rank);
    if (is_flatten) values[0] = -1;
    t.data = values;
    t.bytes = sizeof *values * (size_t)rank;
    return add_tensor(d, t);
}

static void add_reshape(dresser *d, int in, int out, bool is_flatten)
{
    int *operands = ARENA_NEW(d->a, int, 3);
    const tfl_tensor *to = &d->g.tensor[out];
    if (!operands) {
        d->failed = true;
        return;
    }
    operands[0] = in;
    operands[1] = add_shape(d, to->rank, to->dim, is_flatten);
    operands[2] = out;
    d->g.op[d->g.n_ops++] = (tfl_op){.code = OP_RESHAPE,
                                     .version = 1,
                                     .n_in = 2,
                                     .n_out = 1,
                                     .in = operands,
                                     .out = operands + 2};
}

/* Our files let FULLY_CONNECTED flatten its input; Keras models have a layer for it. */
static void add_dense(dresser *d, const tfl_op *op)
{
    const tfl_tensor *x = &d->g.tensor[op->in[0]], *w = &d->g.tensor[op->in[1]];
    tfl_tensor flat = {.type = x->type, .rank = 2, .quant = x->quant, .name = ""};
    int *in = ARENA_NEW(d->a, int, op->n_in);
    if (!in) {
        d->failed = true;
        return;
    }
    memcpy(in, op->in, sizeof *in * (size_t)op->n_in);
    if (x->rank != 2) {
        flat.dim[0] = d->g.tensor[op->out[0]].dim[0];
        flat.dim[1] = w->dim[1];
        const int to = add_tensor(d, flat);
        add_reshape(d, in[0], to, true);
        in[0] = to;
    }
    tfl_op *copy = &d->g.op[d->g.n_ops++];
    *copy = *op;
    copy->in = in;
}

static void copy_operators(dresser *d, const tfl_graph *g)
{
    for (int i = 0; i < g->n_ops && !d->failed; i++) {
        const tfl_op *op = &g->op[i];
        if (op->code == OP_RESHAPE && op->n_in == 1)
            add_reshape(d, op->in[0], op->out[0], false);
        else if (op->code == OP_FULLY_CONNECTED)
            add_dense(d, op);
        else
            d->g.op[d->g.n_ops++] = *op;
    }
}

/* One entry for each kind of operator, with the newest version that any of them needs. */
static void merge_versions(dresser *d)
{
    for (int i = 0; i < d->g.n_ops; i++)
        for (int k = 0; k < d->g.n_ops; k++)
            if (d->g.op[k].code == d->g.op[i].code && d->g.op[k].version > d->g.op[i].version)
                d->g.op[i].version = d->g.op[k].version;
}

/* --- names --- */

static void name(dresser *d, int tensor, const char *text)
{
    if (tensor < 0 || d->g.tensor[tensor].name[0]) return;
    const char *copy = arena_string(d->a, text);
    if (copy) d->g.tensor[tensor].name = copy;
    d->failed = d->failed || !copy;
}

/* What was stored as half or int8 has the layer's name, what is computed from it another. */
static void name_operand(dresser *d, const tfl_op *op, int i, const char *text)
{
    char longer[NAME_BYTES];
    if (i >= op->n_in || op->in[i] < 0) return;
    for (int k = 0; k < d->g.n_ops; k++) {
        const tfl_op *before = &d->g.op[k];
        if (before->code != OP_DEQUANTIZE || before->out[0] != op->in[i]) continue;
        name(d, before->in[0], text);
        snprintf(longer, sizeof longer, "%.200s1", text);
        text = longer;
        break;
    }
    name(d, op->in[i], text);
}

/* "dense", "dense_1", ...: Keras numbers the layers of a kind. */
static void layer_name(char out[40], const char *kind, int n)
{
    snprintf(out, 40, n ? "%s_%d" : "%s", kind, n);
}

static void name_dense(dresser *d, const tfl_op *op, int n)
{
    char layer[40], text[NAME_BYTES];
    layer_name(layer, "dense", n);
    snprintf(text, sizeof text, "sequential/%s/MatMul", layer);
    name_operand(d, op, 1, text);
    snprintf(text, sizeof text, "%s/bias", layer);
    name_operand(d, op, 2, text);
    snprintf(text, sizeof text, "sequential/%s/MatMul;%s%s%ssequential/%s/BiasAdd", layer,
             op->options.activation ? "sequential/" : "", op->options.activation ? layer : "",
             op->options.activation ? "/Relu;" : "", layer);
    name(d, op->out[0], text);
}

static void name_conv1d(dresser *d, const tfl_op *op, int n)
{
    char layer[40], text[NAME_BYTES];
    layer_name(layer, "conv1d", n);
    snprintf(text, sizeof text, "sequential/%s/Conv1D", layer);
    name_operand(d, op, 1, text);
    snprintf(text, sizeof text, "%s/bias", layer);
    name_operand(d, op, 2, text);
    snprintf(text, sizeof text,
             "sequential/%s/%s;sequential/%s/BiasAdd;sequential/%s/Conv1D/Squeeze;%s/bias;"
             "sequential/%s/Conv1D",
             layer, op->options.activation ? "Relu" : "BiasAdd", layer, layer, layer, layer);
    name(d, op->out[0], text);
}

/* Convolutions over images, followed by a batch norm and an activation of its own. */
static void name_conv2d(dresser *d, const tfl_op *op, int n, const char *kind, const char *product)
{
    char layer[40], norm[40], relu[40], text[NAME_BYTES];
    layer_name(layer, kind, n);
    layer_name(norm, "batch_normalization", d->n_norms++);
    layer_name(relu, "re_lu", op->options.activation ? d->n_relus++ : 0);
    snprintf(text, sizeof text, "sequential/%s/%s", layer, product);
    name_operand(d, op, 1, text);
    snprintf(text, sizeof text, "sequential/%s/FusedBatchNormV3", norm);
    name_operand(d, op, 2, text);
    snprintf(text, sizeof text, "%s%s%ssequential/%s/FusedBatchNormV3;sequential/%s/%s",
             op->options.activation ? "sequential/" : "", op->options.activation ? relu : "",
             op->options.activation ? "/Relu;" : "", norm, layer, product);
    name(d, op->out[0], text);
}

static void name_reshape(dresser *d, const tfl_op *op, int n)
{
    char layer[40], text[NAME_BYTES];
    const int *to = d->g.tensor[op->in[1]].data;
    const bool is_flatten = to[0] < 0;
    layer_name(layer, is_flatten ? "flatten" : "reshape", n);
    snprintf(text, sizeof text, "sequential/%s/%s", layer, is_flatten ? "Const" : "Reshape/shape");
    name(d, op->in[1], text);
    snprintf(text, sizeof text, "sequential/%s/Reshape", layer);
    name(d, op->out[0], text);
}

/* Any other operator: its own name for its operands and its result. */
static void name_other(dresser *d, const tfl_op *op, int n)
{
    char kind[24], layer[40], text[NAME_BYTES];
    layer_name(layer, tfl_op_name(op->code, kind), n);
    for (int i = 0; i < op->n_in; i++) {
        snprintf(text, sizeof text, "sequential/%s/Const%d", layer, i);
        name_operand(d, op, i, text);
    }
    snprintf(text, sizeof text, "sequential/%s", layer);
    name(d, op->out[0], text);
}

static void name_tensors(dresser *d)
{
    name(d, d->g.in[0], "serving_default_x:0");
    name(d, d->g.out[0], "StatefulPartitionedCall:0");
    for (int i = 0; i < d->g.n_ops; i++) {
        const tfl_op *op = &d->g.op[i];
        if (op->code == OP_DEQUANTIZE && d->g.tensor[op->in[0]].data) continue;
        const int n = op->code < 128 ? d->count[op->code]++ : 0;
        const bool is_flat = op->code == OP_CONV_2D && d->g.tensor[op->in[1]].dim[1] == 1 &&
                             d->g.tensor[op->in[0]].dim[1] == 1;
        if (op->code == OP_FULLY_CONNECTED)
            name_dense(d, op, n);
        else if (op->code == OP_CONV_2D && is_flat)
            name_conv1d(d, op, n);
        else if (op->code == OP_CONV_2D)
            name_conv2d(d, op, n, "conv2d", "Conv2D");
        else if (op->code == OP_DEPTHWISE_CONV_2D)
            name_conv2d(d, op, n, "depthwise_conv2d", "depthwise");
        else if (op->code == OP_RESHAPE)
            name_reshape(d, op, n);
        else
            name_other(d, op, n);
    }
}

/* --- order --- */

static int place_of(const tfl_graph *g, int i)
{
    const tfl_tensor *t = &g->tensor[i];
    if (i == g->in[0]) return 0;
    if (!t->data) return 4;
    if (t->type == TFL_INT32 && t->quant.n == 0) return 2;
    return t->rank == 1 ? 1 : 3;
}

static const int *moved(dresser *d, const int *list, int n, const int *to)
{
    int *p = ARENA_NEW(d->a, int, n);
    if (!p) {
        d->failed = true;
        return list;
    }
    for (int i = 0; i < n; i++) p[i] = list[i] < 0 ? list[i] : to[list[i]];
    return p;
}

static void order_tensors(dresser *d)
{
    const int n = d->g.n_tensors;
    int *to = ARENA_NEW(d->a, int, n), k = 0;
    tfl_tensor *sorted = ARENA_NEW(d->a, tfl_tensor, n);
    if (!to || !sorted) {
        d->failed = true;
        return;
    }
    for (int place = 0; place <= 4; place++)
        for (int i = 0; i < n; i++)
            if (place_of(&d->g, i) == place) {
                sorted[k] = d->g.tensor[i];
                to[i] = k++;
            }
    d->g.tensor = sorted;
    for (int i = 0; i < d->g.n_ops; i++) {
        tfl_op *op = &d->g.op[i];
        op->in = moved(d, op->in, op->n_in, to);
        op->out = moved(d, op->out, op->n_out, to);
    }
    d->g.in = moved(d, d->g.in, d->g.n_in, to);
    d->g.out = moved(d, d->g.out, d->g.n_out, to);
}

status converter_dress(const tfl_graph *g, arena *a, tfl_graph *out, err *e)
{
    assert(g->n_in == 1 && g->n_out == 1);
    dresser d = {.a = a, .g = *g};
    d.g.tensor = ARENA_NEW(a, tfl_tensor, g->n_tensors + 2 * g->n_ops);
    d.g.op = ARENA_NEW(a, tfl_op, 2 * g->n_ops);
    if (!d.g.tensor || !d.g.op) return FAIL(e, ERR_MEM, "out of memory while writing a model");
    memcpy(d.g.tensor, g->tensor, sizeof *g->tensor * (size_t)g->n_tensors);
    d.g.n_ops = 0;
    copy_operators(&d, g);
    merge_versions(&d);
    if (!d.failed) name_tensors(&d);
    if (!d.failed) order_tensors(&d);
    if (d.failed) return FAIL(e, ERR_MEM, "out of memory while writing a model");
    d.g.like_converter = true;
    d.g.metadata_name = "min_runtime_version";
    d.g.metadata = "1.5.0\0\0\0\0\0\0\0\0\0\0";
    d.g.metadata_bytes = 16;
    *out = d.g;
    return OK;
}
