/* FULLY_CONNECTED: y[B,Co] = act(x[B,Ci] * w[Co,Ci]^T + b[Co]). The input is flattened: B is its
 * element count divided by Ci.
 *
 * float    float32 throughout
 * hybrid   int8 weights, float32 activations: each row of x becomes int8 (symmetric, or asymmetric
 *          when the options say so), products are exact, and acc * s_x * s_w returns to float32
 * int8     y = zero_y + (acc + b) * s_x * s_w / s_y, b in int32 (integer_ops/fully_connected.h) */
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"

#include <string.h>

typedef struct {
    int B, Ci, Co;
    const float *w; /* float32: a copy of constants where rows are aligned; NULL: as they are */
    const int8_t *w8;
    const int32_t *row_sum; /* of int8 weights */
    float least, most;      /* bounds of the fused activation */
    int q_least, q_most;
    fixed_factor factor;
} dense;

static void run_float(const op_node *op)
{
    const dense *d = op->state;
    const float *x = op->in[0]->data, *w = d->w ? d->w : op->in[1]->data;
    const float *bias = op->n_in > 2 && op->in[2] ? op->in[2]->data : NULL;
    float *y = op->out[0]->data;
    for (int b = 0; b < d->B; b++, x += d->Ci, y += d->Co) {
        for (int o = 0; o < d->Co; o++) y[o] = bias ? bias[o] : 0;
        rows_float(y, x, w, d->Co, d->Ci);
        for (int o = 0; o < d->Co; o++) y[o] = clamp_float(y[o], d->least, d->most);
    }
}

static void run_hybrid(const op_node *op)
{
    const dense *d = op->state;
    const float *x = op->in[0]->data;
    const float *bias = op->n_in > 2 && op->in[2] ? op->in[2]->data : NULL;
    float *y = op->out[0]->data;
    int8_t *q = op->scratch[0].data;
    int32_t *acc = op->scratch[1].data;
    for (int b = 0; b < d->B; b++, x += d->Ci, y += d->Co) {
        row_quant rq = op->options->asymmetric_inputs ? row_quantize_asymmetric(q, x, d->Ci)
                                                      : row_quantize_symmetric(q, x, d->Ci);
        float scale = rq.scale * op->in[1]->quant.scale[0];
        rows_int8(acc, q, d->w8, d->Co, d->Ci);
        for (int o = 0; o < d->Co; o++) {
            float v = (bias ? bias[o] : 0) + (float)(acc[o] - rq.zero * d->row_sum[o]) * scale;
            y[o] = clamp_float(v, d->least, d->most);
        }
    }
}

static void run_int8(const op_node *op)
{
    const dense *d = op->state;
    const int8_t *x = op->in[0]->data;
    const int32_t *bias = op->n_in > 2 && op->in[2] ? op->in[2]->data : NULL;
    int8_t *y = op->out[0]->data;
    int32_t *acc = op->scratch[0].data;
    const int32_t zero_x = (int32_t)op->in[0]->quant.zero_point[0];
    const int32_t zero_y = (int32_t)op->out[0]->quant.zero_point[0];
    for (int b = 0; b < d->B; b++, x += d->Ci, y += d->Co) {
        rows_int8(acc, x, d->w8, d->Co, d->Ci);
        for (int o = 0; o < d->Co; o++) {
            int64_t v = (int64_t)acc[o] - (int64_t)zero_x * d->row_sum[o] + (bias ? bias[o] : 0);
            y[o] = (int8_t)clamp_int(zero_y + fixed_multiply_up((int32_t)v, d->factor), d->q_least,
                                     d->q_most);
        }
    }
}

static status check_shapes(op_node *op, dense *d, err *e)
{
    const tensor *w = op->in[1], *bias = op->n_in > 2 ? op->in[2] : NULL;
    if (w->rank != 2 || w->n == 0) return FAIL(e, ERR_INPUT, "the weights must be a matrix");
    if (op->options->weights_format != 0)
        return FAIL(e, ERR_INPUT, "shuffled weights are not supported");
    d->Co = w->dim[0];
    d->Ci = w->dim[1];
    if (op->in[0]->n % d->Ci != 0)
        return FAIL(e, ERR_INPUT, "%d inputs are no multiple of the weights' %d columns",
                    op->in[0]->n, d->Ci);
    d->B = op->in[0]->n / d->Ci;
    if (bias && bias->n != d->Co)
        return FAIL(e, ERR_INPUT, "%d biases for %d outputs", bias->n, d->Co);
    op->macs = (double)d->B * d->Ci * d->Co;
    int dim[TFL_MAX_RANK] = {d->B, d->Co}, rank = 2;
    if (op->options->keep_dims && op->in[0]->rank > 0) {
        rank = op->in[0]->rank;
        memcpy(dim, op->in[0]->dim, sizeof *dim * (size_t)rank);
        if (dim[rank - 1] != d->Ci)
            return FAIL(e, ERR_INPUT, "the last dimension %d is not the weights' %d columns",
                        dim[rank - 1], d->Ci);
        dim[rank - 1] = d->Co;
    }
    return op_set_shape(op->out[0], rank, dim, e);
}

/* int8 weights need their values in advance for the sums of rows. */
static status prepare_int8_weights(op_node *op, dense *d, arena *a, err *e)
{
    const tensor *w = op->in[1];
    if (!w->is_constant || (w->quant.n != 1 && (w->quant.n != d->Co || w->quant.axis != 0)))
        return FAIL(e, ERR_INPUT,
                    "int8 weights must be constant, with one scale or one for each output");
    for (int i = 0; i < w->quant.n; i++)
        if (w->quant.zero_point[i] != 0)
            return FAIL(e, ERR_INPUT, "int8 weights must be symmetric");
    if (d->Ci > ROWS_INT8_MOST)
        return FAIL(e, ERR_INPUT, "int8 sums over %d inputs are not supported", d->Ci);
    int32_t *sum = ARENA_NEW(a, int32_t, d->Co);
    if (!sum) return FAIL(e, ERR_MEM, "out of memory for FULLY_CONNECTED");
    d->w8 = w->data;
    rows_sum(sum, d->w8, d->Co, d->Ci);
    d->row_sum = sum;
    return OK;
}

/* A file keeps constants on multiples of four bytes, where most wide loads cross cache lines. */
static status align_weights(const op_node *op, dense *d, arena *a, err *e)
{
    const tensor *w = op->in[1];
    if (!w->is_constant) return OK;
    float *copy = ARENA_NEW(a, float, w->n);
    if (!copy) return FAIL(e, ERR_MEM, "out of memory for FULLY_CONNECTED");
    memcpy(copy, w->data, w->bytes);
    d->w = copy;
    return OK;
}

static status prepare_float(op_node *op, dense *d, arena *a, err *e)
{
    TRY(op_expect_type(op->out[0], "the output", TFL_FLOAT32, e));
    if (op->n_in > 2 && op->in[2]) TRY(op_expect_type(op->in[2], "the bias", TFL_FLOAT32, e));
    TRY(op_float_bounds(op->options->activation, &d->least, &d->most, e));
    op->run = run_float;
    if (op->in[1]->type == TFL_FLOAT32) return align_weights(op, d, a, e);
    op->run = run_hybrid;
    TRY(op_expect_type(op->in[1], "the weight tensor", TFL_INT8, e));
    TRY(op_expect_scale(op->in[1], "the weight tensor", e));
    op_scratch(op, (size_t)d->Ci);
    op_scratch(op, sizeof(int32_t) * (size_t)d->Co);
    return prepare_int8_weights(op, d, a, e);
}

static status prepare_int8(op_node *op, dense *d, arena *a, err *e)
{
    tensor *x = op->in[0], *w = op->in[1], *y = op->out[0];
    TRY(op_expect_type(w, "the weight tensor", TFL_INT8, e));
    TRY(op_expect_type(y, "the output", TFL_INT8, e));
    TRY(op_expect_scale(x, "the input", e));
    TRY(op_expect_scale(y, "the output", e));
    if (op->n_in > 2 && op->in[2]) TRY(op_expect_type(op->in[2], "the bias", TFL_INT32, e));
    TRY(op_int8_bounds(op->options->activation, y, &d->q_least, &d->q_most, e));
    TRY(prepare_int8_weights(op, d, a, e));
    /* One scale for each output is a newer feature. The reference reads such a tensor's scale as 0
     * (GetLegacyQuantization), so that every product vanishes; files that hold one give constants
     * there and here. s_x * s_w is a float32 product, for convolutions a double one. */
    const float s_w = w->quant.n == 1 ? w->quant.scale[0] : 0, product = x->quant.scale[0] * s_w;
    d->factor = fixed_factor_of((double)product / (double)y->quant.scale[0]);
    op_scratch(op, sizeof(int32_t) * (size_t)d->Co);
    op->run = run_int8;
    return OK;
}

status op_dense_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 2, 3, 1, e));
    dense *d = op->state = ARENA_NEW(a, dense, 1);
    if (!d) return FAIL(e, ERR_MEM, "out of memory for FULLY_CONNECTED");
    TRY(check_shapes(op, d, e));
    if (op->in[0]->type == TFL_INT8) return prepare_int8(op, d, a, e);
    TRY(op_expect_type(op->in[0], "the input", TFL_FLOAT32, e));
    return prepare_float(op, d, a, e);
}
