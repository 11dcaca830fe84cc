/* A network becomes a graph (this file), a graph becomes bytes (emit.c).
 *
 * The runtime's tensors keep a "physical" shape that may differ from the layer's: a convolution
 * over time works on [1,1,T,C], FULLY_CONNECTED flattens by itself. Since all of them are
 * row-major, Flatten and Reshape cost nothing until an operator, or the output, needs a certain
 * rank; only then a RESHAPE is written, with the new shape in its options (no constant tensor, no
 * buffer). */
#include "engine/tflite/writer.h"

#include "engine/compress/calibrate.h"
#include "engine/compress/quantize.h"
#include "engine/tflite/converter.h"
#include "engine/tflite/emit.h"
#include "engine/tflite/int8_graph.h"
#include "engine/tflite/tfl_graph.h"

#include <string.h>

typedef struct {
    const net_spec *net;
    const net_layout *layout;
    const float *params;
    const tflite_options *options;
    arena *a;
    tfl_graph g;
    int cap_tensors, cap_ops;
    int now;                       /* tensor that holds the last layer's output */
    int after[NET_MAX_LAYERS + 1]; /* the network's input, then each layer's output */
    bool failed;
} builder;

static int add_tensor(builder *b, tfl_tensor t)
{
    if (b->g.n_tensors == b->cap_tensors) {
        b->failed = true;
        return 0;
    }
    t.name = "";
    b->g.tensor[b->g.n_tensors] = t;
    return b->g.n_tensors++;
}

static tfl_tensor described(tfl_type type, int rank, const int *dim)
{
    tfl_tensor t = {.type = type, .rank = rank};
    memcpy(t.dim, dim, sizeof *dim * (size_t)rank);
    return t;
}

static int add_activation(builder *b, int rank, const int *dim)
{
    return add_tensor(b, described(TFL_FLOAT32, rank, dim));
}

static tfl_options defaults_of(int code)
{
    tfl_options o;
    tfl_options_init(&o, tfl_options_of(code));
    return o;
}

/* An operator whose result becomes the current tensor. */
static void add_op(builder *b, int code, int version, const int *in, int n_in, int out,
                   const tfl_options *options)
{
    int *operands = ARENA_NEW(b->a, int, n_in + 1);
    if (!operands || b->g.n_ops == b->cap_ops) {
        b->failed = true;
        return;
    }
    memcpy(operands, in, sizeof *in * (size_t)n_in);
    operands[n_in] = out;
    b->g.op[b->g.n_ops++] = (tfl_op){code, version, n_in, 1, operands, operands + n_in, *options};
    b->now = out;
}

static void add_simple(builder *b, int code, int version, int in, int out)
{
    tfl_options o = defaults_of(code);
    add_op(b, code, version, &in, 1, out, &o);
}

/* Elements of [dim...] of the current tensor, as the given shape. */
static void reshape_to(builder *b, int rank, const int *dim)
{
    const tfl_tensor *t = &b->g.tensor[b->now];
    if (t->rank == rank && memcmp(t->dim, dim, sizeof *dim * (size_t)rank) == 0) return;
    tfl_options o = defaults_of(OP_RESHAPE);
    o.n_list = rank;
    memcpy(o.list, dim, sizeof *dim * (size_t)rank);
    int in = b->now;
    add_op(b, OP_RESHAPE, 1, &in, 1, add_activation(b, rank, dim), &o);
}

/* [1, shape...] */
static int batched(shape s, int dim[SHAPE_MAX + 1])
{
    dim[0] = 1;
    memcpy(dim + 1, s.dim, sizeof *s.dim * (size_t)s.rank);
    return s.rank + 1;
}

static const net_tensor *find_weights(const builder *b, int layer, tensor_role role)
{
    for (int i = 0; i < b->layout->n_tensors; i++)
        if (b->layout->tensor[i].layer == layer && b->layout->tensor[i].role == role)
            return &b->layout->tensor[i];
    return NULL;
}

static const float *weights_at(builder *b, const net_tensor *t, int from, int n)
{
    const float *w = b->params ? b->params + t->offset + from : ARENA_NEW(b->a, float, n);
    if (!w) b->failed = true;
    return w;
}

/* A float constant in the storage for what stays float: float32, or half with a DEQUANTIZE. */
static int add_float_constant(builder *b, int rank, const int *dim, const float *w, size_t n)
{
    bool halves = b->options->storage == STORE_FLOAT16;
    tfl_tensor t = described(halves ? TFL_FLOAT16 : TFL_FLOAT32, rank, dim);
    t.data = w;
    t.bytes = n * sizeof *w;
    if (!halves) return add_tensor(b, t);
    uint16_t *half = ARENA_NEW(b->a, uint16_t, n);
    if (!half || !w) {
        b->failed = true;
        return 0;
    }
    half_encode(half, w, n);
    t.data = half;
    t.bytes = n * sizeof *half;
    int stored = add_tensor(b, t), before = b->now;
    int real = add_activation(b, rank, dim);
    add_simple(b, OP_DEQUANTIZE, 3, stored, real);
    b->now = before;
    return real;
}

/* An int8 constant with one scale, or one for each row of its first or column of its last dimension.
 */
static int add_int8_constant(builder *b, int rank, const int *dim, const float *w, size_t n,
                             scale_axis axis)
{
    tfl_tensor t = described(TFL_INT8, rank, dim);
    const int n_scales = axis == SCALE_TENSOR ? 1 : axis == SCALE_ROWS ? dim[0] : dim[rank - 1];
    int8_t *q = ARENA_NEW(b->a, int8_t, n);
    float *scale = ARENA_NEW(b->a, float, n_scales);
    int64_t *zero = ARENA_NEW(b->a, int64_t, n_scales);
    if (!q || !scale || !zero || !w) {
        b->failed = true;
        return 0;
    }
    int8_encode_kernel(q, scale, w, n, axis, n_scales, NULL);
    t.data = q;
    t.bytes = n;
    t.quant = (tfl_quant){n_scales, axis == SCALE_COLUMNS ? rank - 1 : 0, scale, zero};
    return add_tensor(b, t);
}

/* The same for float arithmetic, behind a DEQUANTIZE. */
static int add_dequantized(builder *b, int rank, const int *dim, const float *w, size_t n,
                           scale_axis axis)
{
    const int stored = add_int8_constant(b, rank, dim, w, n, axis), before = b->now;
    const int real = add_activation(b, rank, dim);
    add_simple(b, OP_DEQUANTIZE, axis == SCALE_TENSOR ? 2 : 5, stored, real);
    b->now = before;
    return real;
}

/* A kernel that float arithmetic reads. */
static int add_float_kernel(builder *b, int rank, const int *dim, const float *w, size_t n,
                            scale_axis axis)
{
    const tflite_options *o = b->options;
    if (o->storage != STORE_INT8_WEIGHTS || n < (size_t)o->dynamic_min_elements)
        return add_float_constant(b, rank, dim, w, n);
    return add_dequantized(b, rank, dim, w, n, o->per_channel ? axis : SCALE_TENSOR);
}

/* A vector given by the architecture, so that equal ones may share their bytes; NULL means zeros.
 */
static int add_structural(builder *b, tfl_type type, const void *values, int n)
{
    tfl_tensor t = described(type, 1, &n);
    t.bytes = tfl_type_bytes(type) * (size_t)n;
    void *copy = arena_take(b->a, t.bytes, 1);
    if (!copy) {
        b->failed = true;
        return 0;
    }
    if (values) memcpy(copy, values, t.bytes);
    t.data = copy;
    t.is_structural = true;
    return add_tensor(b, t);
}

static bool is_dynamic(const builder *b, size_t n)
{
    return b->options->storage == STORE_DYNAMIC && n >= (size_t)b->options->dynamic_min_elements;
}

/* tanh and sigmoid cannot be fused by the runtime's kernels; relu and relu6 can. */
static int fused(activation act)
{
    return act == ACT_RELU ? FUSED_RELU : act == ACT_RELU6 ? FUSED_RELU6 : FUSED_NONE;
}

static void add_activation_op(builder *b, activation act)
{
    const tfl_tensor *t = &b->g.tensor[b->now];
    int in = b->now, out = add_activation(b, t->rank, t->dim);
    static const int codes[N_ACTIVATIONS] = {[ACT_RELU] = OP_RELU,
                                             [ACT_RELU6] = OP_RELU6,
                                             [ACT_TANH] = OP_TANH,
                                             [ACT_SIGMOID] = OP_LOGISTIC};
    add_simple(b, codes[act], 1, in, out);
}

static void add_dense(builder *b, int layer)
{
    const layer_spec *l = &b->net->layer[layer];
    const net_tensor *w = find_weights(b, layer, ROLE_KERNEL),
                     *bias = find_weights(b, layer, ROLE_BIAS);
    const int n_in = w->size / l->units, dim[2] = {l->units, n_in};
    const float *values = weights_at(b, w, 0, w->size);
    bool dynamic = is_dynamic(b, (size_t)w->size);
    int in[3] = {b->now};
    in[1] = dynamic ? add_int8_constant(b, 2, dim, values, (size_t)w->size, SCALE_TENSOR)
                    : add_float_kernel(b, 2, dim, values, (size_t)w->size, SCALE_ROWS);
    if (bias)
        in[2] =
            add_float_constant(b, 1, dim, weights_at(b, bias, 0, bias->size), (size_t)bias->size);
    tfl_options o = defaults_of(OP_FULLY_CONNECTED);
    o.activation = fused(l->act);
    o.asymmetric_inputs = dynamic && b->options->per_channel;
    const int version = o.asymmetric_inputs ? 9 : !bias ? 6 : dynamic ? 3 : 1;
    const int out_dim[2] = {shape_size(b->layout->shape_in[layer]) / n_in, l->units};
    add_op(b, OP_FULLY_CONNECTED, version, in, bias ? 3 : 2, add_activation(b, 2, out_dim), &o);
}

/* The library's convolutions insist on a bias. */
static int add_bias(builder *b, int layer, int n)
{
    const net_tensor *bias = find_weights(b, layer, ROLE_BIAS);
    if (!bias) return add_structural(b, TFL_FLOAT32, NULL, n);
    return add_float_constant(b, 1, &n, weights_at(b, bias, 0, bias->size), (size_t)bias->size);
}

static int padding_of(const layer_spec *l)
{
    return l->pad == PAD_SAME ? PADDING_SAME : PADDING_VALID;
}

/* CONV_2D from an image `from` to `to`, both [1,H,W,C], with filters [Co,Kh,Kw,Ci]. */
static void add_conv(builder *b, int layer, const int from[4], const int to[4],
                     const int filters[4], int stride_h, int stride_w)
{
    const layer_spec *l = &b->net->layer[layer];
    const net_tensor *w = find_weights(b, layer, ROLE_KERNEL);
    reshape_to(b, 4, from);
    const float *values = weights_at(b, w, 0, w->size);
    bool dynamic = is_dynamic(b, (size_t)w->size);
    int in[3] = {b->now};
    const scale_axis axis = b->options->per_channel ? SCALE_ROWS : SCALE_TENSOR;
    in[1] = dynamic ? add_int8_constant(b, 4, filters, values, (size_t)w->size, axis)
                    : add_float_kernel(b, 4, filters, values, (size_t)w->size, SCALE_ROWS);
    in[2] = add_bias(b, layer, filters[0]);
    tfl_options o = defaults_of(OP_CONV_2D);
    o.padding = padding_of(l);
    o.stride_w = stride_w;
    o.stride_h = stride_h;
    o.activation = fused(l->act);
    const int version = !dynamic ? 1 : b->options->per_channel ? 5 : 2;
    add_op(b, OP_CONV_2D, version, in, 3, add_activation(b, 4, to), &o);
}

/* Over time: an image one pixel high. */
static void add_conv1d(builder *b, int layer)
{
    const layer_spec *l = &b->net->layer[layer];
    const shape in = b->layout->shape_in[layer], out = b->layout->shape_out[layer];
    const int from[4] = {1, 1, in.dim[0], in.dim[1]}, to[4] = {1, 1, out.dim[0], out.dim[1]};
    const int filters[4] = {l->units, 1, l->kernel, in.dim[1]};
    add_conv(b, layer, from, to, filters, 1, l->stride);
}

static void add_conv2d(builder *b, int layer)
{
    const layer_spec *l = &b->net->layer[layer];
    const shape in = b->layout->shape_in[layer];
    int from[SHAPE_MAX + 1], to[SHAPE_MAX + 1];
    batched(in, from);
    batched(b->layout->shape_out[layer], to);
    const int filters[4] = {l->units, l->window.dim[0], l->window.dim[1], in.dim[2]};
    add_conv(b, layer, from, to, filters, l->step.dim[0], l->step.dim[1]);
}

/* Depthwise filters [1,Kh,Kw,C] in int8: a scale for each channel, the last dimension; or, as the
 * older converter stored them, one scale and a DEQUANTIZE in front of a float operator. */
static int add_int8_depthwise(builder *b, const int dim[4], const float *w, size_t n)
{
    if (b->options->per_channel) return add_int8_constant(b, 4, dim, w, n, SCALE_COLUMNS);
    return add_dequantized(b, 4, dim, w, n, SCALE_TENSOR);
}

static void add_depthwise(builder *b, int layer)
{
    const layer_spec *l = &b->net->layer[layer];
    const net_tensor *w = find_weights(b, layer, ROLE_KERNEL);
    const int C = b->layout->shape_in[layer].dim[2];
    const int filters[4] = {1, l->window.dim[0], l->window.dim[1], C};
    int from[SHAPE_MAX + 1], to[SHAPE_MAX + 1];
    batched(b->layout->shape_in[layer], from);
    batched(b->layout->shape_out[layer], to);
    reshape_to(b, 4, from);
    const float *values = weights_at(b, w, 0, w->size);
    bool dynamic = is_dynamic(b, (size_t)w->size);
    int in[3] = {b->now};
    in[1] = dynamic ? add_int8_depthwise(b, filters, values, (size_t)w->size)
                    : add_float_kernel(b, 4, filters, values, (size_t)w->size, SCALE_COLUMNS);
    in[2] = add_bias(b, layer, C);
    tfl_options o = defaults_of(OP_DEPTHWISE_CONV_2D);
    o.padding = padding_of(l);
    o.stride_h = l->step.dim[0];
    o.stride_w = l->step.dim[1];
    o.depth_multiplier = 1;
    o.activation = fused(l->act);
    const int version = dynamic && b->options->per_channel ? 6 : 1;
    add_op(b, OP_DEPTHWISE_CONV_2D, version, in, 3, add_activation(b, 4, to), &o);
}

static void add_pool(builder *b, int layer, int code)
{
    const layer_spec *l = &b->net->layer[layer];
    int from[SHAPE_MAX + 1], to[SHAPE_MAX + 1];
    batched(b->layout->shape_in[layer], from);
    batched(b->layout->shape_out[layer], to);
    reshape_to(b, 4, from);
    tfl_options o = defaults_of(code);
    o.padding = padding_of(l);
    o.filter_h = l->window.dim[0];
    o.filter_w = l->window.dim[1];
    o.stride_h = l->step.dim[0];
    o.stride_w = l->step.dim[1];
    int in = b->now;
    add_op(b, code, 1, &in, 1, add_activation(b, 4, to), &o);
}

/* Height and width vanish. */
static void add_global_pool(builder *b, int layer, int code)
{
    static const int axes[2] = {1, 2};
    int from[SHAPE_MAX + 1];
    batched(b->layout->shape_in[layer], from);
    reshape_to(b, 4, from);
    const int in[2] = {b->now, add_structural(b, TFL_INT32, axes, 2)}, to[2] = {1, from[3]};
    tfl_options o = defaults_of(code);
    add_op(b, code, 1, in, 2, add_activation(b, 2, to), &o);
}

static void add_softmax(builder *b, int layer)
{
    int dim[SHAPE_MAX + 1];
    const int rank = batched(b->layout->shape_in[layer], dim);
    reshape_to(b, rank, dim);
    const int in = b->now;
    tfl_options o = defaults_of(OP_SOFTMAX);
    o.beta = 1;
    add_op(b, OP_SOFTMAX, 1, &in, 1, add_activation(b, rank, dim), &o);
}

/* Both operands in the layer's own shape: equal numbers of values are not enough. */
static void add_sum(builder *b, int layer)
{
    const layer_spec *l = &b->net->layer[layer];
    int dim[SHAPE_MAX + 1], in[2];
    const int rank = batched(b->layout->shape_in[layer], dim);
    reshape_to(b, rank, dim);
    in[0] = b->now;
    b->now = b->after[l->from + 1];
    reshape_to(b, rank, dim);
    in[1] = b->now;
    tfl_options o = defaults_of(OP_ADD);
    o.activation = fused(l->act);
    add_op(b, OP_ADD, 1, in, 2, add_activation(b, rank, dim), &o);
}

/* The gates of a kernel [4u,n] as four constants [u,n]. */
static void add_gates(builder *b, const net_tensor *t, int units, bool dynamic, int in[4])
{
    const int n = t->size / 4, dim[2] = {units, n / units};
    for (int gate = 0; gate < 4; gate++) {
        const float *w = weights_at(b, t, gate * n, n);
        if (t->role == ROLE_BIAS)
            in[gate] = add_float_constant(b, 1, dim, w, (size_t)n);
        else if (dynamic)
            in[gate] = add_int8_constant(b, 2, dim, w, (size_t)n, SCALE_TENSOR);
        else
            in[gate] = add_float_kernel(b, 2, dim, w, (size_t)n, SCALE_ROWS);
    }
}

/* The last time step of [1,T,u]: axis 1 is cut at -1 and dropped, which makes `end` void there; so
 * one constant of ones serves as `end` and as `strides`. */
static void add_last_step(builder *b, int units)
{
    const int begin[3] = {0, -1, 0}, ones[3] = {1, 1, 1}, dim[2] = {1, units};
    int in[4] = {b->now, add_structural(b, TFL_INT32, begin, 3),
                 add_structural(b, TFL_INT32, ones, 3)};
    in[3] = in[2];
    tfl_options o = defaults_of(OP_STRIDED_SLICE);
    o.begin_mask = 5;
    o.end_mask = 5;
    o.shrink_axis_mask = 2;
    add_op(b, OP_STRIDED_SLICE, 1, in, 4, add_activation(b, 2, dim), &o);
}

/* The 24 operands of UNIDIRECTIONAL_SEQUENCE_LSTM (lstm_shared.h), gates in the order i, f, c, o:
 * 0 x, 1-4 input weights, 5-8 recurrent weights, 9-11 peepholes, 12-15 biases, 16-17 projection,
 * 18 output state, 19 cell state, 20-23 layer norm; -1 is "none". */
static void add_lstm(builder *b, int layer)
{
    const int u = b->net->layer[layer].units;
    const shape from = b->layout->shape_in[layer];
    const net_tensor *kernel = find_weights(b, layer, ROLE_KERNEL);
    const net_tensor *recurrent = find_weights(b, layer, ROLE_RECURRENT);
    const net_tensor *bias = find_weights(b, layer, ROLE_BIAS);
    const int sequence[3] = {1, from.dim[0], from.dim[1]}, hidden[3] = {1, from.dim[0], u};
    reshape_to(b, 3, sequence);
    bool dynamic =
        is_dynamic(b, (size_t)kernel->size / 4) && is_dynamic(b, (size_t)recurrent->size / 4);
    int in[24];
    for (int i = 0; i < 24; i++) in[i] = -1;
    in[0] = b->now;
    add_gates(b, kernel, u, dynamic, in + 1);
    add_gates(b, recurrent, u, dynamic, in + 5);
    add_gates(b, bias, u, dynamic, in + 12);
    for (int i = 18; i < 20; i++) {
        in[i] = add_activation(b, 2, (const int[2]){1, u});
        b->g.tensor[in[i]].is_variable = true;
    }
    tfl_options o = defaults_of(OP_UNIDIRECTIONAL_SEQUENCE_LSTM);
    o.activation = FUSED_TANH;
    o.asymmetric_inputs = dynamic && b->options->per_channel;
    const int version = !dynamic ? 1 : b->options->per_channel ? 3 : 2;
    add_op(b, OP_UNIDIRECTIONAL_SEQUENCE_LSTM, version, in, 24, add_activation(b, 3, hidden), &o);
    add_last_step(b, u);
}

/* Whether the layer's operator applies its activation too. */
static bool fuses(const layer_spec *l)
{
    static const bool can[N_LAYER_KINDS] = {[LAYER_DENSE] = true,
                                            [LAYER_CONV1D] = true,
                                            [LAYER_CONV2D] = true,
                                            [LAYER_DEPTHWISE_CONV2D] = true,
                                            [LAYER_ADD] = true};
    return can[l->kind] && fused(l->act) != FUSED_NONE;
}

/* Flatten and reshape change nothing in memory, dropout nothing at all. */
static void add_layer(builder *b, int layer)
{
    const layer_spec *l = &b->net->layer[layer];
    if (l->kind == LAYER_DENSE) add_dense(b, layer);
    if (l->kind == LAYER_CONV1D) add_conv1d(b, layer);
    if (l->kind == LAYER_CONV2D) add_conv2d(b, layer);
    if (l->kind == LAYER_DEPTHWISE_CONV2D) add_depthwise(b, layer);
    if (l->kind == LAYER_LSTM) add_lstm(b, layer);
    if (l->kind == LAYER_MAX_POOL2D) add_pool(b, layer, OP_MAX_POOL_2D);
    if (l->kind == LAYER_AVERAGE_POOL2D) add_pool(b, layer, OP_AVERAGE_POOL_2D);
    if (l->kind == LAYER_GLOBAL_AVERAGE_POOL2D) add_global_pool(b, layer, OP_MEAN);
    if (l->kind == LAYER_GLOBAL_MAX_POOL2D) add_global_pool(b, layer, OP_REDUCE_MAX);
    if (l->kind == LAYER_SOFTMAX) add_softmax(b, layer);
    if (l->kind == LAYER_ADD) add_sum(b, layer);
    if (l->act != ACT_NONE && !fuses(l)) add_activation_op(b, l->act);
    b->after[layer + 1] = b->now;
}

static void build(builder *b)
{
    int dim[SHAPE_MAX + 1], *ends = ARENA_NEW(b->a, int, 2);
    if (!ends) {
        b->failed = true;
        return;
    }
    int rank = batched(b->net->in, dim);
    ends[0] = b->now = b->after[0] = add_activation(b, rank, dim);
    for (int i = 0; i < b->net->n; i++) add_layer(b, i);
    if (b->net->n > 0) rank = batched(b->layout->shape_out[b->net->n - 1], dim);
    reshape_to(b, rank, dim);
    ends[1] = b->now;
    b->g.in = ends;
    b->g.out = ends + 1;
    b->g.n_in = b->g.n_out = 1;
}

/* The parameters of each tensor that is the input or a layer's output. */
static affine *tensor_points(builder *b)
{
    affine *of = ARENA_NEW(b->a, affine, b->cap_tensors);
    for (int i = 0; of && i <= b->net->n; i++)
        of[b->after[i]] = b->options->points ? b->options->points[i] : (affine){1, 0};
    return of;
}

/* The current tensor's columns with a number each. */
static void add_column_op(builder *b, int code, const float *values)
{
    const tfl_tensor *t = &b->g.tensor[b->now];
    const int rank = t->rank, n = t->dim[rank - 1];
    tfl_tensor c = described(TFL_FLOAT32, 1, &n);
    c.data = values ? values : ARENA_NEW(b->a, float, n);
    c.bytes = sizeof(float) * (size_t)n;
    if (!c.data) b->failed = true;
    const int in[2] = {b->now, add_tensor(b, c)};
    tfl_options o = defaults_of(code);
    add_op(b, code, 1, in, 2, add_activation(b, rank, b->g.tensor[in[0]].dim), &o);
}

/* Every column of the output leaves its common scale. */
static void add_heads(builder *b)
{
    int *ends = ARENA_NEW(b->a, int, 2);
    if (!ends) {
        b->failed = true;
        return;
    }
    b->now = b->g.out[0];
    add_column_op(b, OP_MUL, b->options->head_scale);
    add_column_op(b, OP_ADD, b->options->head_shift);
    ends[0] = b->g.in[0];
    ends[1] = b->now;
    b->g.in = ends;
    b->g.out = ends + 1;
}

static status make_integer(builder *b, err *e)
{
    int columns;
    affine *points = tensor_points(b);
    if (!points) return FAIL(e, ERR_MEM, "out of memory while writing a model");
    TRY(int8_graph_make(&b->g, points, b->options->int8_io, b->a, e));
    if (!b->options->heads) return OK;
    TRY(calibrate_columns(b->net, &columns, e));
    add_heads(b);
    return OK;
}

status tflite_write(const net_spec *net, const float *params, const tflite_options *options,
                    arena *a, buf *out, err *e)
{
    arena_mark_t mark = arena_mark(a);
    enum { TENSORS_PER_LAYER = 44, OPS_PER_LAYER = 18 }; /* an LSTM in float16, rounded up */
    enum { HEAD_TENSORS = 4, HEAD_OPS = 2 };
    net_layout *layout = ARENA_NEW(a, net_layout, 1);
    builder b = {.net = net, .layout = layout, .params = params, .options = options, .a = a};
    b.cap_tensors = TENSORS_PER_LAYER * (net->n + 1) + INT8_GRAPH_TENSORS + HEAD_TENSORS;
    b.cap_ops = OPS_PER_LAYER * (net->n + 1) + INT8_GRAPH_OPS + HEAD_OPS;
    b.g.tensor = ARENA_NEW(a, tfl_tensor, b.cap_tensors);
    b.g.op = ARENA_NEW(a, tfl_op, b.cap_ops);
    status s = OK;
    if (!layout || !b.g.tensor || !b.g.op)
        s = FAIL(e, ERR_MEM, "out of memory while writing a model");
    if (s == OK) s = net_layout_make(net, layout, e);
    for (int i = 0; s == OK && i < net->n; i++)
        if (net->layer[i].kind == LAYER_BATCH_NORM)
            s = FAIL(e, ERR_ARG, "layer %d is a batch norm; fold the network first", i);
    if (s == OK && options->storage == STORE_INT8 && !calibrate_is_spread(net))
        s = FAIL(e, ERR_ARG, "int8 storage needs a spread network");
    if (s == OK) build(&b);
    if (s == OK && options->storage == STORE_INT8 && !b.failed) s = make_integer(&b, e);
    if (s == OK && b.failed) s = FAIL(e, ERR_MEM, "out of memory while writing a model");
    if (s == OK && options->converter_like) s = converter_dress(&b.g, a, &b.g, e);
    if (options->metadata && !options->converter_like) {
        b.g.metadata_name = "paretune";
        b.g.metadata = options->metadata;
        b.g.metadata_bytes = strlen(options->metadata);
    }
    if (s == OK) s = tfl_emit(&b.g, a, out, e);
    arena_release(a, mark);
    return s;
}
