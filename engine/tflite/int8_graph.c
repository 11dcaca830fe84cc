#include "engine/tflite/int8_graph.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct {
    tfl_graph *g;
    const affine *point;
    arena *a;
    bool failed; /* out of memory */
} rewriter;

/* A bias must keep far from the end of int32, since products are added to it. */
static const double largest_bias = 0x1p30;

static tfl_quant one_scale(rewriter *r, affine v)
{
    float *scale = ARENA_NEW(r->a, float, 1);
    int64_t *zero = ARENA_NEW(r->a, int64_t, 1);
    if (!scale || !zero) {
        r->failed = true;
        return (tfl_quant){0};
    }
    *scale = v.scale;
    *zero = v.zero;
    return (tfl_quant){1, 0, scale, zero};
}

static void make_int8(tfl_tensor *t, tfl_quant q)
{
    t->type = TFL_INT8;
    t->quant = q;
}

/* The scales that keep each bias below `largest_bias` steps; NULL without a bias. */
static float *least_scales(rewriter *r, const tfl_tensor *bias, double input_scale, int n)
{
    if (!bias) return NULL;
    float *least = ARENA_NEW(r->a, float, n);
    const float *b = bias->data;
    const int own = (int)(bias->bytes / sizeof *b) / n; /* biases that share a scale */
    for (int i = 0; least && i < n * own; i++) {
        const float scale = (float)(fabs((double)b[i]) / (input_scale * largest_bias));
        if (scale > least[i / own]) least[i / own] = scale;
    }
    if (!least) r->failed = true;
    return least;
}

static void quantize_weights(rewriter *r, tfl_tensor *w, scale_axis axis, const float *least)
{
    const int last = w->rank - 1, n_scales = axis == SCALE_TENSOR ? 1
                                             : axis == SCALE_ROWS ? w->dim[0]
                                                                  : w->dim[last];
    const size_t n = w->bytes / sizeof(float);
    int8_t *q = ARENA_NEW(r->a, int8_t, n);
    float *scale = ARENA_NEW(r->a, float, n_scales);
    int64_t *zero = ARENA_NEW(r->a, int64_t, n_scales);
    if (!q || !scale || !zero || r->failed) {
        r->failed = true;
        return;
    }
    int8_encode_kernel(q, scale, w->data, n, axis, n_scales, least);
    w->data = q;
    w->bytes = n;
    make_int8(w, (tfl_quant){n_scales, axis == SCALE_COLUMNS ? last : 0, scale, zero});
}

/* Steps of input scale times weight scale, a product in float32 as TensorFlow Lite's. */
static void quantize_bias(rewriter *r, tfl_tensor *bias, float input_scale, const tfl_quant *w)
{
    const float *real = bias->data;
    const int n = (int)(bias->bytes / sizeof *real), own = n / w->n;
    int32_t *q = ARENA_NEW(r->a, int32_t, n);
    float *scale = ARENA_NEW(r->a, float, w->n);
    int64_t *zero = ARENA_NEW(r->a, int64_t, w->n);
    if (!q || !scale || !zero) {
        r->failed = true;
        return;
    }
    for (int i = 0; i < w->n; i++) scale[i] = input_scale * w->scale[i];
    for (int i = 0; i < n; i++) {
        const double v = round((double)real[i] / (double)scale[i / own]);
        q[i] = isnan(v) ? 0 : (int32_t)fmax(-largest_bias, fmin(largest_bias, v));
    }
    bias->type = TFL_INT32;
    bias->data = q;
    bias->quant = (tfl_quant){w->n, 0, scale, zero};
}

static void rewrite_products(rewriter *r, const tfl_op *op, scale_axis axis)
{
    tfl_tensor *t = r->g->tensor, *w = &t[op->in[1]];
    tfl_tensor *bias = op->n_in > 2 ? &t[op->in[2]] : NULL;
    const float input_scale = t[op->in[0]].quant.scale[0];
    const int n_scales = axis == SCALE_TENSOR ? 1 : axis == SCALE_ROWS ? w->dim[0] : w->dim[3];
    quantize_weights(r, w, axis, least_scales(r, bias, (double)input_scale, n_scales));
    if (bias && !r->failed) quantize_bias(r, bias, input_scale, &w->quant);
}

/* An operator's integer version, and how its output gets its parameters. */
typedef enum { FROM_RANGE, FROM_INPUT, FROM_TABLE } output_rule;
typedef struct {
    int code, version;
    output_rule rule;
    affine fixed; /* FROM_TABLE */
} integer_form;

static const integer_form *find_form(int code)
{
    static const integer_form forms[] = {
        {OP_CONV_2D, 3, FROM_RANGE, {0, 0}},
        {OP_DEPTHWISE_CONV_2D, 3, FROM_RANGE, {0, 0}},
        {OP_FULLY_CONNECTED, 4, FROM_RANGE, {0, 0}},
        {OP_ADD, 2, FROM_RANGE, {0, 0}},
        {OP_MEAN, 2, FROM_RANGE, {0, 0}},
        {OP_RELU, 2, FROM_RANGE, {0, 0}},
        {OP_RELU6, 2, FROM_RANGE, {0, 0}},
        {OP_RESHAPE, 1, FROM_INPUT, {0, 0}},
        {OP_MAX_POOL_2D, 2, FROM_INPUT, {0, 0}},
        {OP_AVERAGE_POOL_2D, 2, FROM_INPUT, {0, 0}},
        {OP_REDUCE_MAX, 2, FROM_INPUT, {0, 0}},
        {OP_SOFTMAX, 2, FROM_TABLE, {1.0F / 256, -128}},
        {OP_LOGISTIC, 2, FROM_TABLE, {1.0F / 256, -128}},
        {OP_TANH, 2, FROM_TABLE, {1.0F / 128, 0}},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (forms[i].code == code) return &forms[i];
    return NULL;
}

/* The library stops the process when an ADD's output is 2^20 times finer than its inputs. */
static affine output_point(const rewriter *r, const tfl_op *op)
{
    affine own = r->point[op->out[0]];
    assert(own.scale > 0);
    for (int i = 0; op->code == OP_ADD && i < 2; i++) {
        const float finest = r->g->tensor[op->in[i]].quant.scale[0] * 0x1p-18F;
        if (own.scale < finest) own.scale = finest;
    }
    return own;
}

static status rewrite_op(rewriter *r, tfl_op *op, err *e)
{
    char name[24];
    const integer_form *form = find_form(op->code);
    if (!form)
        return FAIL(e, ERR_INPUT, "%s cannot be stored as int8; use another storage",
                    tfl_op_name(op->code, name));
    tfl_tensor *t = r->g->tensor, *out = &t[op->out[0]];
    if (op->code == OP_CONV_2D) rewrite_products(r, op, SCALE_ROWS);
    if (op->code == OP_DEPTHWISE_CONV_2D) rewrite_products(r, op, SCALE_COLUMNS);
    if (op->code == OP_FULLY_CONNECTED) rewrite_products(r, op, SCALE_TENSOR);
    if (form->rule == FROM_INPUT) make_int8(out, t[op->in[0]].quant);
    if (form->rule == FROM_TABLE) make_int8(out, one_scale(r, form->fixed));
    if (form->rule == FROM_RANGE) make_int8(out, one_scale(r, output_point(r, op)));
    /* Version 6 is the first that may lack a bias, of any type. */
    op->version = op->code == OP_FULLY_CONNECTED && op->n_in < 3 ? 6 : form->version;
    return OK;
}

/* An operator between a tensor and its float form, and that form's index in the place of *end. */
static void convert_end(rewriter *r, int code, int version, int *end)
{
    tfl_graph *g = r->g;
    int *operands = ARENA_NEW(r->a, int, 2);
    if (!operands) {
        r->failed = true;
        return;
    }
    const tfl_tensor *whole = &g->tensor[*end];
    const int real = g->n_tensors++;
    g->tensor[real] = (tfl_tensor){.type = TFL_FLOAT32, .rank = whole->rank, .name = ""};
    memcpy(g->tensor[real].dim, whole->dim, sizeof whole->dim);
    operands[0] = code == OP_QUANTIZE ? real : *end;
    operands[1] = code == OP_QUANTIZE ? *end : real;
    tfl_op op = {code, version, 1, 1, operands, operands + 1, {0}};
    tfl_options_init(&op.options, tfl_options_of(code));
    if (code == OP_QUANTIZE) memmove(g->op + 1, g->op, (size_t)g->n_ops * sizeof *g->op);
    g->op[code == OP_QUANTIZE ? 0 : g->n_ops] = op;
    g->n_ops++;
    *end = real;
}

status int8_graph_make(tfl_graph *g, const affine *point, bool int8_io, arena *a, err *e)
{
    rewriter r = {.g = g, .point = point, .a = a};
    int *ends = ARENA_NEW(a, int, 2);
    if (!ends) return FAIL(e, ERR_MEM, "out of memory while writing a model");
    ends[0] = g->in[0];
    ends[1] = g->out[0];
    make_int8(&g->tensor[ends[0]], one_scale(&r, point[ends[0]]));
    for (int i = 0; i < g->n_ops && !r.failed; i++) TRY(rewrite_op(&r, &g->op[i], e));
    if (!int8_io && !r.failed) {
        convert_end(&r, OP_QUANTIZE, 1, &ends[0]);
        convert_end(&r, OP_DEQUANTIZE, 2, &ends[1]);
    }
    g->in = ends;
    g->out = ends + 1;
    return r.failed ? FAIL(e, ERR_MEM, "out of memory while writing a model") : OK;
}
