/* Operators that treat each value alone: ADD and MUL (with broadcasting), RELU, RELU6, TANH, LOGISTIC,
 * QUANTIZE, DEQUANTIZE. */
#include "engine/compress/quantize.h"
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"

#include <math.h>
#include <string.h>

/* Strides of both operands over the output's axes, 0 where an operand repeats. */
typedef struct {
    int step[2][TFL_MAX_RANK];
    float least, most;
    bool is_product;
} binary;

/* n values of one row; an operand's step is 0 where it repeats. */
static void run_row(const binary *s, float *restrict y, const float *x, int step_x, const float *w,
                    int step_w, int n)
{
    if (step_x == 1 && step_w == 1)
        for (int i = 0; i < n; i++) y[i] = s->is_product ? x[i] * w[i] : x[i] + w[i];
    else
        for (int i = 0; i < n; i++)
            y[i] = s->is_product ? x[i * step_x] * w[i * step_w] : x[i * step_x] + w[i * step_w];
    for (int i = 0; i < n; i++) y[i] = clamp_float(y[i], s->least, s->most);
}

/* Row by row along the last axis. */
static void run_binary(const op_node *op)
{
    const binary *s = op->state;
    const tensor *out = op->out[0];
    const float *x = op->in[0]->data, *w = op->in[1]->data;
    float *y = out->data;
    const int last = out->rank - 1, n = last < 0 ? 1 : out->dim[last];
    const int step_x = last < 0 ? 0 : s->step[0][last], step_w = last < 0 ? 0 : s->step[1][last];
    int index[TFL_MAX_RANK] = {0};
    for (int i = 0, p = 0, q = 0; i < out->n; i += n) {
        run_row(s, y + i, x + p, step_x, w + q, step_w, n);
        for (int axis = last - 1; axis >= 0; axis--) {
            p += s->step[0][axis];
            q += s->step[1][axis];
            if (++index[axis] < out->dim[axis]) break;
            p -= s->step[0][axis] * out->dim[axis];
            q -= s->step[1][axis] * out->dim[axis];
            index[axis] = 0;
        }
    }
}

/* Shapes are aligned at their last axis; 1 stretches. */
static status plan_broadcast(const op_node *op, binary *s, int *rank, int *dim, err *e)
{
    *rank = op->in[0]->rank > op->in[1]->rank ? op->in[0]->rank : op->in[1]->rank;
    for (int i = 0; i < *rank; i++) dim[i] = 1;
    for (int k = 0; k < 2; k++) {
        const tensor *t = op->in[k];
        int step = 1;
        for (int i = t->rank; i-- > 0;) {
            const int axis = *rank - t->rank + i;
            if (t->dim[i] != 1 && dim[axis] != 1 && t->dim[i] != dim[axis])
                return FAIL(e, ERR_INPUT, "the operands' shapes do not fit each other");
            if (t->dim[i] != 1) dim[axis] = t->dim[i];
            s->step[k][axis] = t->dim[i] == 1 ? 0 : step;
            step *= t->dim[i];
        }
    }
    return OK;
}

static status prepare_binary(op_node *op, bool is_product, arena *a, err *e)
{
    TRY(op_expect(op, 2, 2, 1, e));
    TRY(op_expect_type(op->in[0], "the first operand", TFL_FLOAT32, e));
    TRY(op_expect_type(op->in[1], "the second operand", TFL_FLOAT32, e));
    TRY(op_expect_type(op->out[0], "the output", TFL_FLOAT32, e));
    binary *s = op->state = ARENA_NEW(a, binary, 1);
    if (!s) return FAIL(e, ERR_MEM, "out of memory for an operator");
    s->is_product = is_product;
    TRY(op_float_bounds(op->options->activation, &s->least, &s->most, e));
    int dim[TFL_MAX_RANK], rank;
    TRY(plan_broadcast(op, s, &rank, dim, e));
    op->run = run_binary;
    return op_set_shape(op->out[0], rank, dim, e);
}

static bool is_int8(const op_node *op)
{
    return op->n_in > 0 && op->in[0] && op->in[0]->type == TFL_INT8;
}

status op_add_prepare(op_node *op, arena *a, err *e)
{
    if (is_int8(op)) return op_add_int8_prepare(op, a, e);
    return prepare_binary(op, false, a, e);
}

status op_mul_prepare(op_node *op, arena *a, err *e)
{
    return prepare_binary(op, true, a, e);
}

static void run_relu(const op_node *op)
{
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = x[i] > 0 ? x[i] : 0;
}

static void run_relu6(const op_node *op)
{
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = clamp_float(x[i], 0, 6);
}

static float logistic(float x)
{
    return 1.0F / (1.0F + expf(-x));
}

static void run_tanh(const op_node *op)
{
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = tanhf(x[i]);
}

static void run_logistic(const op_node *op)
{
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = logistic(x[i]);
}

static status prepare_unary(op_node *op, tfl_type from, tfl_type to, void (*run)(const op_node *),
                            err *e)
{
    TRY(op_expect(op, 1, 1, 1, e));
    TRY(op_expect_type(op->in[0], "the input", from, e));
    TRY(op_expect_type(op->out[0], "the output", to, e));
    op->run = run;
    return op_set_shape(op->out[0], op->in[0]->rank, op->in[0]->dim, e);
}

status op_relu_prepare(op_node *op, arena *a, err *e)
{
    if (is_int8(op)) return op_relu_int8_prepare(op, INFINITY, a, e);
    return prepare_unary(op, TFL_FLOAT32, TFL_FLOAT32, run_relu, e);
}

status op_relu6_prepare(op_node *op, arena *a, err *e)
{
    if (is_int8(op)) return op_relu_int8_prepare(op, 6, a, e);
    return prepare_unary(op, TFL_FLOAT32, TFL_FLOAT32, run_relu6, e);
}

status op_tanh_prepare(op_node *op, arena *a, err *e)
{
    if (is_int8(op)) return op_table_prepare(op, tanhf, a, e);
    return prepare_unary(op, TFL_FLOAT32, TFL_FLOAT32, run_tanh, e);
}

status op_logistic_prepare(op_node *op, arena *a, err *e)
{
    if (is_int8(op)) return op_table_prepare(op, logistic, a, e);
    return prepare_unary(op, TFL_FLOAT32, TFL_FLOAT32, run_logistic, e);
}

/* q = round(x / scale) + zero, ties away from zero (reference/quantize.h). */
static void run_quantize(const op_node *op)
{
    const float *x = op->in[0]->data, scale = op->out[0]->quant.scale[0];
    const float zero = (float)op->out[0]->quant.zero_point[0];
    int8_t *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) {
        const float v = roundf(x[i] / scale) + zero;
        y[i] = (int8_t)(v > 127 ? 127 : v >= -128 ? (int)v : -128);
    }
}

status op_quantize_prepare(op_node *op, arena *a, err *e)
{
    (void)a;
    TRY(prepare_unary(op, TFL_FLOAT32, TFL_INT8, run_quantize, e));
    return op_expect_scale(op->out[0], "the output", e);
}

static void run_dequantize_half(const op_node *op)
{
    half_decode(op->out[0]->data, op->in[0]->data, (size_t)op->out[0]->n);
}

/* One scale, or one for each index of an axis: `inner` values share it. */
static void run_dequantize_int8(const op_node *op)
{
    const tensor *x = op->in[0];
    const int8_t *q = x->data;
    float *y = op->out[0]->data;
    int inner = 1;
    for (int i = x->quant.axis + 1; i < x->rank; i++) inner *= x->dim[i];
    for (int i = 0; i < x->n; i++) {
        const int k = x->quant.n == 1 ? 0 : i / inner % x->quant.n;
        y[i] = x->quant.scale[k] * (float)(q[i] - (int)x->quant.zero_point[k]);
    }
}

status op_dequantize_prepare(op_node *op, arena *a, err *e)
{
    (void)a;
    TRY(op_expect(op, 1, 1, 1, e));
    if (op->in[0]->type == TFL_FLOAT16)
        return prepare_unary(op, TFL_FLOAT16, TFL_FLOAT32, run_dequantize_half, e);
    TRY(prepare_unary(op, TFL_INT8, TFL_FLOAT32, run_dequantize_int8, e));
    if (op->in[0]->quant.n == 0) return FAIL(e, ERR_INPUT, "the input has no scale");
    for (int i = 0; i < op->in[0]->quant.n; i++)
        if (op->in[0]->quant.zero_point[i] < -128 || op->in[0]->quant.zero_point[i] > 127)
            return FAIL(e, ERR_INPUT, "zero point %d of the input is outside of int8", i);
    return OK;
}
