/* Operators one by one, with random shapes and options, against TensorFlow Lite itself. */
#include "engine/base/rng.h"
#include "engine/tflite/c_source.h"
#include "engine/tflite/emit.h"
#include "engine/tflite/foreign.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/op.h"
#include "engine/tflite/tfl_graph.h"
#include "tests/support/c_model.h"
#include "tests/support/random_net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_SEEDS = 80, MOST_TENSORS = 9 };

/* A graph of one operator; tensor 0 is its input. */
typedef struct {
    arena a;
    rng r;
    int n;
    tfl_tensor tensor[MOST_TENSORS];
    tfl_op op;
    int in[MOST_TENSORS], out, outs[3]; /* out: the one that is compared */
} lab;

static int pick(lab *l, int least, int most)
{
    return least + (int)rng_below(&l->r, (uint64_t)(most - least + 1));
}

static int add(lab *l, tfl_type type, int rank, const int *dim)
{
    tfl_tensor *t = &l->tensor[l->n];
    *t = (tfl_tensor){.type = type, .rank = rank, .name = ""};
    memcpy(t->dim, dim, sizeof *dim * (size_t)rank);
    cr_assert(tfl_tensor_size(type, rank, dim, &t->bytes));
    return l->n++;
}

/* `n` scales around `size`, zero points `zero`, of tensor `which`. */
static void scale(lab *l, int which, int n, int axis, float size, int zero)
{
    float *s = ARENA_NEW(&l->a, float, n);
    int64_t *z = ARENA_NEW(&l->a, int64_t, n);
    for (int i = 0; i < n; i++) {
        s[i] = size * (0.5F + rng_float(&l->r));
        z[i] = zero;
    }
    l->tensor[which].quant = (tfl_quant){n, axis, s, z};
}

/* Random values in the tensor's type. */
static void *values(lab *l, const tfl_tensor *t)
{
    void *p = ARENA_NEW(&l->a, char, t->bytes);
    const size_t n = t->bytes / tfl_type_bytes(t->type);
    for (size_t i = 0; i < n; i++) {
        if (t->type == TFL_FLOAT32) ((float *)p)[i] = rng_normal(&l->r);
        if (t->type == TFL_INT32) ((int32_t *)p)[i] = pick(l, -2000, 2000);
        if (t->type == TFL_INT8) ((int8_t *)p)[i] = (int8_t)pick(l, -127, 127);
        if (t->type == TFL_UINT8) ((uint8_t *)p)[i] = (uint8_t)pick(l, 0, 255);
    }
    return p;
}

static int constant(lab *l, tfl_type type, int rank, const int *dim)
{
    const int i = add(l, type, rank, dim);
    l->tensor[i].data = values(l, &l->tensor[i]);
    return i;
}

static int numbers(lab *l, int n, const int *v)
{
    const int i = add(l, TFL_INT32, 1, &n);
    l->tensor[i].data = arena_copy(&l->a, (const char *)v, sizeof *v * (size_t)n);
    return i;
}

static tfl_options *operator(lab *l, int code, int version, int n_in)
{
    l->op = (tfl_op){
        .code = code, .version = version, .n_in = n_in, .n_out = 1, .in = l->in, .out = &l->out};
    for (int i = 0; i < n_in; i++) l->in[i] = i;
    tfl_options_init(&l->op.options, tfl_options_of(code));
    return &l->op.options;
}

/* The three forms of a layer with weights. */
typedef enum { FLOAT, HYBRID, INT8 } form;

static void image(lab *l, form f, int least, int most_channels)
{
    const int dim[4] = {pick(l, 1, 2), pick(l, least, 9), pick(l, least, 9),
                        pick(l, 1, most_channels)};
    add(l, f == INT8 ? TFL_INT8 : TFL_FLOAT32, 4, dim);
    if (f == INT8) scale(l, 0, 1, 0, 0.05F, pick(l, -128, 127));
}

static void window_options(lab *l, tfl_options *o, bool dilate)
{
    o->padding = pick(l, 0, 1);
    o->stride_h = pick(l, 1, 2);
    o->stride_w = pick(l, 1, 2);
    if (dilate && pick(l, 0, 3) == 0) {
        o->dilation_h = pick(l, 1, 2);
        o->dilation_w = pick(l, 1, 2);
        o->stride_h = o->stride_w = 1;
    }
    o->activation =
        (const int[]){FUSED_NONE, FUSED_RELU, FUSED_RELU6, FUSED_RELU_N1_TO_1}[pick(l, 0, 3)];
}

/* Tensor 1, weights of `rank`, and 2, biases; the output comes last. */
static void weights(lab *l, form f, int rank, const int *dim, int axis, bool per_channel)
{
    const int w = constant(l, f == FLOAT ? TFL_FLOAT32 : TFL_INT8, rank, dim), n = dim[axis];
    if (f != FLOAT) scale(l, w, per_channel ? n : 1, per_channel ? axis : 0, 0.02F, 0);
    const int b = constant(l, f == INT8 ? TFL_INT32 : TFL_FLOAT32, 1, &n);
    if (f != INT8) return;
    float *s = ARENA_NEW(&l->a, float, n);
    for (int i = 0; i < n; i++)
        s[i] = l->tensor[0].quant.scale[0] * l->tensor[w].quant.scale[per_channel ? i : 0];
    l->tensor[b].quant = (tfl_quant){per_channel ? n : 1, 0, s, ARENA_NEW(&l->a, int64_t, n)};
}

static void output(lab *l, form f, float size)
{
    static const int nowhere[1] = {1};
    l->out = add(l, f == INT8 ? TFL_INT8 : TFL_FLOAT32, 1, nowhere);
    if (f == INT8) scale(l, l->out, 1, 0, size, pick(l, -128, 127));
}

static void conv(lab *l, form f, bool per_channel)
{
    image(l, f, 5, 6);
    const int dim[4] = {pick(l, 2, pick(l, 0, 3) ? 20 : 80), pick(l, 1, 3), pick(l, 1, 3),
                        l->tensor[0].dim[3]};
    weights(l, f, 4, dim, 0, per_channel);
    tfl_options *o = operator(l, OP_CONV_2D,
                              f == INT8     ? 3
                              : f == FLOAT  ? 1
                              : per_channel ? 5
                                            : 2,
                              3);
    window_options(l, o, f != HYBRID);
    output(l, f, 0.2F);
}

static void conv_float(lab *l)
{
    conv(l, FLOAT, false);
}
static void conv_hybrid(lab *l)
{
    conv(l, HYBRID, false);
}
static void conv_hybrid_rows(lab *l)
{
    conv(l, HYBRID, true);
}
static void conv_int8(lab *l)
{
    conv(l, INT8, true);
}

static void depthwise(lab *l, form f)
{
    image(l, f, 5, pick(l, 0, 1) ? 10 : 80);
    const int m = pick(l, 1, 2),
              dim[4] = {1, pick(l, 1, 3), pick(l, 1, 3), l->tensor[0].dim[3] * m};
    weights(l, f, 4, dim, 3, true);
    tfl_options *o = operator(l, OP_DEPTHWISE_CONV_2D, f == INT8 ? 3 : f == HYBRID ? 6 : 2, 3);
    window_options(l, o, f != HYBRID);
    o->depth_multiplier = m;
    output(l, f, 0.2F);
}

static void depthwise_float(lab *l)
{
    depthwise(l, FLOAT);
}
static void depthwise_hybrid(lab *l)
{
    depthwise(l, HYBRID);
}
static void depthwise_int8(lab *l)
{
    depthwise(l, INT8);
}

static void dense(lab *l, form f, bool asymmetric)
{
    const int dim[2] = {pick(l, 1, 3), pick(l, 1, 70)}, w[2] = {pick(l, 1, 20), dim[1]};
    add(l, f == INT8 ? TFL_INT8 : TFL_FLOAT32, 2, dim);
    if (f == INT8) scale(l, 0, 1, 0, 0.05F, pick(l, -128, 127));
    weights(l, f, 2, w, 0, false);
    tfl_options *o = operator(l, OP_FULLY_CONNECTED,
                              f == FLOAT   ? 1
                              : f == INT8  ? 4
                              : asymmetric ? 9
                                           : 3,
                              3);
    o->activation = pick(l, 0, 1) ? FUSED_RELU : FUSED_NONE;
    o->asymmetric_inputs = asymmetric;
    output(l, f, 0.3F);
}

static void dense_float(lab *l)
{
    dense(l, FLOAT, false);
}
static void dense_symmetric(lab *l)
{
    dense(l, HYBRID, false);
}
static void dense_asymmetric(lab *l)
{
    dense(l, HYBRID, true);
}
static void dense_int8(lab *l)
{
    dense(l, INT8, false);
}

static void pool(lab *l, int code, form f)
{
    image(l, f, 5, 6);
    tfl_options *o = operator(l, code, f == INT8 ? 2 : 1, 1);
    window_options(l, o, false);
    o->filter_h = pick(l, 1, 4);
    o->filter_w = pick(l, 1, 4);
    output(l, f, 1);
    l->tensor[l->out].quant = l->tensor[0].quant; /* the format ties them */
}

static void max_float(lab *l)
{
    pool(l, OP_MAX_POOL_2D, FLOAT);
}
static void max_int8(lab *l)
{
    pool(l, OP_MAX_POOL_2D, INT8);
}
static void average_float(lab *l)
{
    pool(l, OP_AVERAGE_POOL_2D, FLOAT);
}
static void average_int8(lab *l)
{
    pool(l, OP_AVERAGE_POOL_2D, INT8);
}

static void reduction(lab *l, int code, form f)
{
    image(l, f, 2, 9);
    numbers(l, 2, (const int[2]){1, 2});
    operator(l, code, f == INT8 ? 2 : 1, 2)->keep_dims = pick(l, 0, 1);
    output(l, f, 0.03F);
    if (code == OP_REDUCE_MAX || pick(l, 0, 4) == 0) l->tensor[l->out].quant = l->tensor[0].quant;
}

static void mean_float(lab *l)
{
    reduction(l, OP_MEAN, FLOAT);
}
static void mean_int8(lab *l)
{
    reduction(l, OP_MEAN, INT8);
}
static void reduce_max_float(lab *l)
{
    reduction(l, OP_REDUCE_MAX, FLOAT);
}
static void reduce_max_int8(lab *l)
{
    reduction(l, OP_REDUCE_MAX, INT8);
}

static void softmax(lab *l, form f)
{
    const int dim[2] = {pick(l, 1, 3), pick(l, 1, 12)};
    add(l, f == INT8 ? TFL_INT8 : TFL_FLOAT32, 2, dim);
    if (f == INT8) scale(l, 0, 1, 0, 0.05F, pick(l, -128, 127));
    operator(l, OP_SOFTMAX, f == INT8 ? 2 : 1, 1)->beta = 1;
    output(l, f, 1);
    static const float step = 1.0F / 256;
    static const int64_t zero = -128;
    if (f == INT8) l->tensor[l->out].quant = (tfl_quant){1, 0, &step, &zero};
}

static void softmax_float(lab *l)
{
    softmax(l, FLOAT);
}
static void softmax_int8(lab *l)
{
    softmax(l, INT8);
}

static void binary(lab *l, int code, form f)
{
    image(l, f, 1, code == OP_MUL ? 70 : 5);
    int dim[4];
    for (int i = 0; i < 4; i++) dim[i] = pick(l, 0, 1) ? l->tensor[0].dim[i] : 1;
    const int from = pick(l, 0, 3);
    const int w = constant(l, l->tensor[0].type, 4 - from, dim + from);
    if (f == INT8) scale(l, w, 1, 0, 0.05F, pick(l, -128, 127));
    tfl_options *o = operator(l, code, f == INT8 ? 2 : 1, 2);
    if (code != OP_MAXIMUM && code != OP_MINIMUM)
        o->activation = (const int[]){FUSED_NONE, FUSED_RELU, FUSED_RELU6}[pick(l, 0, 2)];
    output(l, f, 0.1F);
}

static void addition(lab *l)
{
    binary(l, OP_ADD, FLOAT);
}
static void addition_int8(lab *l)
{
    binary(l, OP_ADD, INT8);
}
static void difference(lab *l)
{
    binary(l, OP_SUB, FLOAT);
}
static void difference_int8(lab *l)
{
    binary(l, OP_SUB, INT8);
}
static void product(lab *l)
{
    binary(l, OP_MUL, FLOAT);
}
static void product_int8(lab *l)
{
    binary(l, OP_MUL, INT8);
}
static void quotient(lab *l)
{
    binary(l, OP_DIV, FLOAT);
}
static void maximum(lab *l)
{
    binary(l, OP_MAXIMUM, FLOAT);
}
static void minimum(lab *l)
{
    binary(l, OP_MINIMUM, FLOAT);
}

static void unary(lab *l, int code)
{
    image(l, FLOAT, 1, 9);
    operator(l, code, 1, 1)->alpha = 0.3F;
    output(l, FLOAT, 0);
}

/* `step` 0: any scale and zero point. */
static void unary_int8(lab *l, int code, float step, int zero)
{
    image(l, INT8, 1, 9);
    operator(l, code, code == OP_HARD_SWISH ? 1 : 2, 1)->alpha = 0.3F;
    output(l, INT8, 0.05F);
    if (step == 0) return;
    float *s = ARENA_NEW(&l->a, float, 1);
    int64_t *z = ARENA_NEW(&l->a, int64_t, 1);
    *s = step, *z = zero;
    l->tensor[l->out].quant = (tfl_quant){1, 0, s, z};
}

static void relu(lab *l)
{
    unary(l, OP_RELU);
}
static void hyperbolic(lab *l)
{
    unary(l, OP_TANH);
}
static void logistic(lab *l)
{
    unary(l, OP_LOGISTIC);
}

static void relu6(lab *l)
{
    unary(l, OP_RELU6);
}
static void relu_around_0(lab *l)
{
    unary(l, OP_RELU_N1_TO_1);
}
static void leaky(lab *l)
{
    unary(l, OP_LEAKY_RELU);
}
static void swish(lab *l)
{
    unary(l, OP_HARD_SWISH);
}
static void relu_int8(lab *l)
{
    unary_int8(l, OP_RELU, 0, 0);
}
static void relu6_int8(lab *l)
{
    unary_int8(l, OP_RELU6, 0, 0);
}
static void leaky_int8(lab *l)
{
    unary_int8(l, OP_LEAKY_RELU, 0, 0);
}
static void swish_int8(lab *l)
{
    unary_int8(l, OP_HARD_SWISH, 0, 0);
}
static void hyperbolic_int8(lab *l)
{
    unary_int8(l, OP_TANH, 1.0F / 128, 0);
}
static void logistic_int8(lab *l)
{
    unary_int8(l, OP_LOGISTIC, 1.0F / 256, -128);
}

/* From int8 or uint8 to either. */
static void requantize(lab *l)
{
    static const tfl_type type[2] = {TFL_INT8, TFL_UINT8};
    image(l, INT8, 1, 9);
    operator(l, OP_QUANTIZE, 1, 1);
    output(l, INT8, 0.05F);
    const int both[2] = {0, l->out};
    for (int k = 0; k < 2; k++) {
        tfl_tensor *t = &l->tensor[both[k]];
        t->type = type[pick(l, 0, 1)];
        if (t->type == TFL_UINT8) scale(l, both[k], 1, 0, 0.05F, pick(l, 0, 255));
    }
}

static void dequantize_unsigned(lab *l)
{
    image(l, INT8, 1, 9);
    l->tensor[0].type = TFL_UINT8;
    scale(l, 0, 1, 0, 0.05F, pick(l, 0, 255));
    operator(l, OP_DEQUANTIZE, 2, 1);
    output(l, FLOAT, 0);
}

static form float_or_int8(lab *l)
{
    return pick(l, 0, 1) ? FLOAT : INT8;
}

/* The output has the input's scale. */
static void moved(lab *l, form f)
{
    output(l, f, 1);
    l->tensor[l->out].quant = l->tensor[0].quant;
}

static void pad(lab *l)
{
    const form f = float_or_int8(l);
    int v[8];
    image(l, f, 1, 5);
    for (int i = 0; i < 8; i++) v[i] = pick(l, 0, 3);
    numbers(l, 8, v);
    l->tensor[1].rank = 2;
    l->tensor[1].dim[0] = 4, l->tensor[1].dim[1] = 2;
    operator(l, OP_PAD, f == INT8 ? 2 : 1, 2);
    moved(l, f);
}

static void pad_with_value(lab *l)
{
    pad(l);
    l->n = 2;
    const form f = l->tensor[0].type == TFL_INT8 ? INT8 : FLOAT;
    const int w = constant(l, l->tensor[0].type, 0, l->tensor[0].dim); /* a scalar */
    l->tensor[w].quant = l->tensor[0].quant;
    operator(l, OP_PADV2, f == INT8 ? 2 : 1, 3);
    moved(l, f);
}

static void transpose(lab *l)
{
    const form f = float_or_int8(l);
    int perm[4] = {0, 1, 2, 3};
    image(l, f, 1, 5);
    for (int i = 3; i > 0; i--) {
        const int k = pick(l, 0, i), was = perm[i];
        perm[i] = perm[k];
        perm[k] = was;
    }
    numbers(l, 4, perm);
    operator(l, OP_TRANSPOSE, f == INT8 ? 2 : 1, 2);
    moved(l, f);
}

static void plain_slice(lab *l)
{
    const form f = float_or_int8(l);
    int begin[4], size[4];
    image(l, f, 1, 5);
    for (int i = 0; i < 4; i++) {
        begin[i] = pick(l, 0, l->tensor[0].dim[i] - 1);
        size[i] = pick(l, 0, 3) ? pick(l, 1, l->tensor[0].dim[i] - begin[i]) : -1;
    }
    numbers(l, 4, begin);
    numbers(l, 4, size);
    operator(l, OP_SLICE, f == INT8 ? 2 : 1, 3);
    moved(l, f);
}

/* The input, a constant and the input again, which is twice the same tensor. */
static void concatenation(lab *l)
{
    const form f = float_or_int8(l);
    image(l, f, 1, 5);
    const int axis = pick(l, 0, 3);
    int dim[4];
    memcpy(dim, l->tensor[0].dim, sizeof dim);
    dim[axis] = pick(l, 1, 4);
    const int w = constant(l, l->tensor[0].type, 4, dim);
    l->tensor[w].quant = l->tensor[0].quant;
    operator(l, OP_CONCATENATION, f == INT8 ? 2 : 1, 3)->axis = pick(l, 0, 1) ? axis : axis - 4;
    l->in[2] = 0;
    moved(l, f);
}

/* Three parts, of which one is compared. */
static void split(lab *l)
{
    const form f = float_or_int8(l);
    image(l, f, 1, 5);
    const int axis = pick(l, 0, 3), which = pick(l, 0, 2);
    l->tensor[0].dim[axis] *= 3;
    l->tensor[0].bytes *= 3;
    numbers(l, 1, &axis);
    operator(l, OP_SPLIT, f == INT8 ? 2 : 1, 2)->num_splits = 3;
    l->in[0] = 1, l->in[1] = 0;
    for (int k = 0; k < 3; k++) {
        moved(l, f);
        l->outs[k] = l->out;
    }
    l->out = l->outs[which];
    l->op.n_out = 3;
    l->op.out = l->outs;
}

static void sum(lab *l)
{
    reduction(l, OP_SUM, FLOAT);
}

static void quantize(lab *l)
{
    image(l, FLOAT, 1, 9);
    operator(l, OP_QUANTIZE, 1, 1);
    output(l, INT8, 0.05F);
}

static void dequantize(lab *l)
{
    image(l, INT8, 1, 9);
    operator(l, OP_DEQUANTIZE, 2, 1);
    output(l, FLOAT, 0);
}

static void slice(lab *l)
{
    image(l, FLOAT, 1, 9);
    int v[3][4];
    for (int i = 0; i < 4; i++) {
        const int n = l->tensor[0].dim[i];
        v[2][i] = pick(l, 0, 3) ? pick(l, 1, 2) : -1;
        v[0][i] = v[2][i] > 0 ? pick(l, -n, n - 1) : n - 1;
        v[1][i] = v[2][i] > 0 ? n : -n - 1;
    }
    for (int k = 0; k < 3; k++) numbers(l, 4, v[k]);
    tfl_options *o = operator(l, OP_STRIDED_SLICE, 1, 4);
    o->begin_mask = pick(l, 0, 15);
    o->end_mask = pick(l, 0, 15);
    output(l, FLOAT, 0);
}

static const struct {
    const char *name;
    void (*make)(lab *l);
    double tolerance; /* of the largest output; 0: every bit, which int8 asks for */
} cases[] = {
    {"CONV_2D float32", conv_float, 1e-5},
    {"CONV_2D hybrid", conv_hybrid, 1e-4},
    {"CONV_2D hybrid, scale per filter", conv_hybrid_rows, 1e-4},
    {"CONV_2D int8", conv_int8, 0},
    {"DEPTHWISE_CONV_2D float32", depthwise_float, 1e-5},
    {"DEPTHWISE_CONV_2D hybrid", depthwise_hybrid, 1e-4},
    {"DEPTHWISE_CONV_2D int8", depthwise_int8, 0},
    {"FULLY_CONNECTED float32", dense_float, 1e-5},
    {"FULLY_CONNECTED hybrid symmetric", dense_symmetric, 1e-4},
    {"FULLY_CONNECTED hybrid asymmetric", dense_asymmetric, 1e-4},
    {"FULLY_CONNECTED int8", dense_int8, 0},
    {"MAX_POOL_2D float32", max_float, 0},
    {"MAX_POOL_2D int8", max_int8, 0},
    {"AVERAGE_POOL_2D float32", average_float, 1e-5},
    {"AVERAGE_POOL_2D int8", average_int8, 0},
    {"MEAN float32", mean_float, 1e-5},
    {"MEAN int8", mean_int8, 0},
    {"REDUCE_MAX float32", reduce_max_float, 0},
    {"REDUCE_MAX int8", reduce_max_int8, 0},
    {"SOFTMAX float32", softmax_float, 1e-5},
    {"SOFTMAX int8", softmax_int8, 0},
    {"ADD float32", addition, 1e-5},
    {"ADD int8", addition_int8, 0},
    {"SUB float32", difference, 1e-5},
    {"SUB int8", difference_int8, 0},
    {"MUL float32", product, 1e-5},
    {"MUL int8", product_int8, 0},
    {"DIV", quotient, 1e-5},
    {"MAXIMUM", maximum, 0},
    {"MINIMUM", minimum, 0},
    {"RELU float32", relu, 0},
    {"RELU int8", relu_int8, 0},
    {"RELU6 float32", relu6, 0},
    {"RELU6 int8", relu6_int8, 0},
    {"RELU_N1_TO_1", relu_around_0, 0},
    {"LEAKY_RELU float32", leaky, 0},
    {"LEAKY_RELU int8", leaky_int8, 0},
    {"HARD_SWISH float32", swish, 1e-5},
    {"HARD_SWISH int8", swish_int8, 0},
    {"TANH float32", hyperbolic, 1e-5},
    {"TANH int8", hyperbolic_int8, 0},
    {"LOGISTIC float32", logistic, 1e-5},
    {"LOGISTIC int8", logistic_int8, 0},
    {"QUANTIZE", quantize, 0},
    {"QUANTIZE of bytes", requantize, 0},
    {"DEQUANTIZE int8", dequantize, 0},
    {"DEQUANTIZE uint8", dequantize_unsigned, 0},
    {"PAD", pad, 0},
    {"PADV2", pad_with_value, 0},
    {"TRANSPOSE", transpose, 0},
    {"SLICE", plain_slice, 0},
    {"CONCATENATION", concatenation, 0},
    {"SPLIT", split, 0},
    {"SUM", sum, 1e-5},
    {"STRIDED_SLICE", slice, 0},
};

static double distance(const void *got, const void *want, size_t n, tfl_type type, double tolerance)
{
    if (tolerance == 0 || type != TFL_FLOAT32) return memcmp(got, want, n) ? INFINITY : 0;
    double worst = 0, most = 1e-30;
    for (size_t i = 0; i < n / 4; i++) {
        worst =
            fmax(worst, fabs((double)((const float *)got)[i] - (double)((const float *)want)[i]));
        most = fmax(most, fabs((double)((const float *)want)[i]));
    }
    return worst / most;
}

/* Runs the operator here and there; 1 when it was compared, 0 when both refused it. */
static int compare(lab *l, int which, uint64_t seed)
{
    err ours = {0}, theirs = {0};
    buf file = {0};
    interpreter *it = NULL;
    foreign *f = NULL;
    static const int zero = 0;
    const tfl_graph g = {.n_tensors = l->n,
                         .n_ops = 1,
                         .n_in = 1,
                         .n_out = 1,
                         .tensor = l->tensor,
                         .op = &l->op,
                         .in = &zero,
                         .out = &l->out};
    cr_assert_eq(tfl_emit(&g, &l->a, &file, NULL), OK);
    const status own = interpreter_open(&l->a, file.data, file.len, &it, &ours);
    const status real =
        foreign_open(&l->a, real_library(), file.data, file.len, false, &f, &theirs);
    cr_expect_eq(own, real, "%s seed %d: here '%s', there '%s'", cases[which].name, (int)seed,
                 ours.msg, theirs.msg);
    if (own == OK && real == OK) {
        const tfl_port *y = interpreter_output(it, 0);
        const void *x = values(l, &l->tensor[0]);
        void *want = ARENA_NEW(&l->a, char, foreign_output_bytes(f));
        cr_assert_eq(foreign_output_bytes(f), y->bytes, "%s seed %d", cases[which].name, (int)seed);
        memcpy(interpreter_input(it, 0)->data, x, l->tensor[0].bytes);
        interpreter_invoke(it);
        cr_assert_eq(foreign_invoke(f, x, want, &theirs), OK, "%s", theirs.msg);
        const double far = distance(y->data, want, y->bytes, y->type, cases[which].tolerance);
        cr_expect_leq(far, cases[which].tolerance, "%s seed %d: off by %g", cases[which].name,
                      (int)seed, far);
    }
    foreign_close(f);
    buf_free(&file);
    return own == OK;
}

Test(ops, each_operator_computes_what_tensorflow_lite_computes, .timeout = 120)
{
    if (!real_library()) cr_skip("TensorFlow Lite is not installed");
    for (int which = 0; which < (int)(sizeof cases / sizeof *cases); which++) {
        int compared = 0;
        for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
            lab l = {.r = rng_stream(seed, RNG_TEST, (uint64_t)which)};
            arena_init(&l.a, 0);
            cases[which].make(&l);
            compared += compare(&l, which, seed);
            arena_free(&l.a);
        }
        cr_expect_gt(compared, N_SEEDS / 2, "%s: only %d cases ran", cases[which].name, compared);
    }
}

/* --- the same operators as C --- */

enum { N_C_SEEDS = 2 };

static void as_floats(const tfl_port *p, const void *values, float *out)
{
    for (size_t i = 0; i < p->bytes / tfl_type_bytes(p->type); i++)
        if (p->type == TFL_FLOAT32)
            out[i] = ((const float *)values)[i];
        else if (p->type == TFL_UINT8)
            out[i] = p->scale * (float)(((const uint8_t *)values)[i] - p->zero_point);
        else
            out[i] = p->scale * (float)(((const int8_t *)values)[i] - p->zero_point);
}

/* True when the operator was written as C and compared. */
static bool compare_c(lab *l, int which)
{
    err e = {0};
    buf file = {0}, header = {0}, source = {0};
    interpreter *it = NULL;
    static const int zero = 0;
    const tfl_graph g = {.n_tensors = l->n,
                         .n_ops = 1,
                         .n_in = 1,
                         .n_out = 1,
                         .tensor = l->tensor,
                         .op = &l->op,
                         .in = &zero,
                         .out = &l->out};
    cr_assert_eq(tfl_emit(&g, &l->a, &file, NULL), OK);
    const bool runs = interpreter_open(&l->a, file.data, file.len, &it, NULL) == OK;
    const status written = c_source_put(file.data, file.len, &l->a, &header, &source, &e);
    if (runs) cr_expect_eq(written, OK, "%s: %s", cases[which].name, e.msg);
    if (runs && written == OK) {
        const tfl_port *x = interpreter_input(it, 0), *y = interpreter_output(it, 0);
        const size_t n = y->bytes / tfl_type_bytes(y->type);
        float *in = ARENA_NEW(&l->a, float, x->bytes), *got = ARENA_NEW(&l->a, float, n),
              *want = ARENA_NEW(&l->a, float, n);
        const void *random = values(l, &l->tensor[0]);
        c_model c = c_model_make(&l->a, file.data, file.len, NULL);
        memcpy(x->data, random, x->bytes);
        as_floats(x, random, in);
        interpreter_invoke(it);
        as_floats(y, y->data, want);
        c.run(in, got);
        /* where the output is bytes, or only moves values: every bit */
        const double tolerance = y->type != TFL_FLOAT32 ? 0 : cases[which].tolerance / 10;
        const double far = distance(got, want, n * sizeof *got, TFL_FLOAT32, tolerance);
        cr_expect_leq(far, tolerance, "%s: off by %g", cases[which].name, far);
        c_model_end(&c);
    }
    buf_free(&file);
    buf_free(&header);
    buf_free(&source);
    return runs && written == OK;
}

Test(ops, each_operator_becomes_c, .timeout = 300)
{
    for (int which = 0; which < (int)(sizeof cases / sizeof *cases); which++) {
        int compared = 0;
        for (uint64_t seed = 0; seed < N_SEEDS && compared < N_C_SEEDS; seed++) {
            lab l = {.r = rng_stream(seed, RNG_TEST, (uint64_t)which)};
            arena_init(&l.a, 0);
            cases[which].make(&l);
            compared += compare_c(&l, which);
            arena_free(&l.a);
        }
        cr_expect_eq(compared, N_C_SEEDS, "%s: compared %d times", cases[which].name, compared);
    }
}

/* Those that have no random cases here: networks of the oracles and of test_c_source.c have them. */
static bool is_tested_elsewhere(int code)
{
    static const int codes[] = {OP_EXPAND_DIMS, OP_PACK,    OP_RESHAPE,
                                OP_SHAPE,       OP_SQUEEZE, OP_UNIDIRECTIONAL_SEQUENCE_LSTM};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i] == code) return true;
    return false;
}

Test(ops, no_operator_is_left_out)
{
    bool seen[256] = {false};
    for (size_t which = 0; which < sizeof cases / sizeof *cases; which++) {
        lab l = {.r = rng_stream(0, RNG_TEST, which)};
        arena_init(&l.a, 0);
        cases[which].make(&l);
        seen[l.op.code] = true;
        arena_free(&l.a);
    }
    for (int code = 0; code < 256; code++) {
        char text[24];
        if (op_find(code))
            cr_expect(seen[code] != is_tested_elsewhere(code), "%s", tfl_op_name(code, text));
    }
}
