/* FULLY_CONNECTED: y[B,Co] = act(x[B,Ci] * w[Co,Ci]^T + b[Co]). The input is flattened: B is its
 * element count divided by Ci.
 *
 * float    float32 throughout
 * hybrid   int8 weights, float32 activations: each row of x becomes int8 (symmetric, or asymmetric
 *          when the options say so), products are exact, and acc * s_x * s_w returns to float32
 * int8     y = zero_y + (acc + b) * s_x * s_w / s_y, b in int32 (integer_ops/fully_connected.h) */
#include "engine/tflite/int_layer.h"
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"

#include <string.h>

typedef struct {
    int B, Ci, Co;
    const float *packed, *bias; /* float32, known in advance */
    float least, most;          /* bounds of the fused activation */
    const int_kernels *ik;      /* int8 weights */
    int_matrix matrix;
    requantizer requant;
    dequantizer dequant;
} dense;

static void run_packed(const op_node *op)
{
    const dense *d = op->state;
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    for (int b = 0; b < d->B; b++, x += d->Ci, y += d->Co)
        rows_matrix(y, x, d->packed, d->bias, d->Co, d->Ci, d->least, d->most);
}

/* Weights computed at run time. */
static void run_float(const op_node *op)
{
    const dense *d = op->state;
    const float *x = op->in[0]->data, *bias = op_bias(op) ? op_bias(op)->data : NULL;
    float *y = op->out[0]->data;
    for (int b = 0; b < d->B; b++, x += d->Ci, y += d->Co) {
        for (int o = 0; o < d->Co; o++) y[o] = bias ? bias[o] : 0;
        rows_float(y, x, op->in[1]->data, d->Co, d->Ci);
        for (int o = 0; o < d->Co; o++) y[o] = clamp_float(y[o], d->least, d->most);
    }
}

static void run_hybrid(const op_node *op)
{
    const dense *d = op->state;
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    int8_t *q = op->scratch[0].data;
    int32_t *acc = op->scratch[1].data;
    for (int b = 0; b < d->B; b++, x += d->Ci, y += d->Co) {
        const row_quant rq = op->options->asymmetric_inputs ? row_quantize_asymmetric(q, x, d->Ci)
                                                            : row_quantize_symmetric(q, x, d->Ci);
        d->ik->products(acc, q, 0, &d->matrix, 1);
        d->ik->dequantize(y, acc, 1, d->Co, &d->dequant, rq.scale, rq.zero);
    }
}

static void run_int8(const op_node *op)
{
    const dense *d = op->state;
    const int8_t *x = op->in[0]->data;
    int8_t *y = op->out[0]->data;
    int32_t *acc = op->scratch[0].data;
    for (int b = 0; b < d->B; b++, x += d->Ci, y += d->Co) {
        d->ik->products(acc, x, 0, &d->matrix, 1);
        d->ik->requantize(y, acc, 1, d->Co, &d->requant);
    }
}

static status check_shapes(op_node *op, dense *d, err *e)
{
    const tensor *w = op->in[1], *bias = op_bias(op);
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

static status prepare_packed(op_node *op, dense *d, arena *a, err *e)
{
    const tensor *w = op->in[1], *b = op_bias(op);
    op->run = run_float;
    if (!w->is_constant || (b && !b->is_constant)) return OK;
    float *packed = ARENA_NEW(a, float, (size_t)d->Ci *ROWS_PITCH((size_t)d->Co)),
          *bias = ARENA_NEW(a, float, ROWS_PITCH((size_t)d->Co));
    if (!packed || !bias) return FAIL(e, ERR_MEM, "out of memory for FULLY_CONNECTED");
    rows_pack(packed, w->data, d->Co, d->Ci);
    if (b) memcpy(bias, b->data, b->bytes);
    d->packed = packed;
    d->bias = bias;
    op->run = run_packed;
    return OK;
}

static status prepare_hybrid(op_node *op, dense *d, arena *a, err *e)
{
    const tensor *w = op->in[1], *bias = op_bias(op);
    TRY(int_expect_weights(w, "the weight tensor", d->Co, 0, e));
    TRY(op_expect_scale(w, "the weight tensor", e));
    TRY(int_expect_bias(op, TFL_FLOAT32, e));
    op_scratch(op, (size_t)d->Ci);
    op_scratch(op, sizeof(int32_t) * INT_PITCH((size_t)d->Co));
    float *scale = ARENA_NEW(a, float, d->Co);
    int32_t *sum = ARENA_NEW(a, int32_t, d->Co);
    if (!scale || !sum) return FAIL(e, ERR_MEM, "out of memory for FULLY_CONNECTED");
    rows_sum(sum, w->data, d->Co, d->Ci);
    for (int o = 0; o < d->Co; o++) scale[o] = w->quant.scale[0];
    d->ik = int_kernel_choose();
    d->dequant = (dequantizer){.least = d->least, .most = d->most};
    op->run = run_hybrid;
    TRY(dequantizer_make(&d->dequant, sum, scale, bias ? bias->data : NULL, d->Co, a, e));
    return int_matrix_make(&d->matrix, w->data, NULL, d->Co, d->Ci, a, e);
}

static status prepare_float(op_node *op, dense *d, arena *a, err *e)
{
    TRY(op_expect_type(op->out[0], "the output", TFL_FLOAT32, e));
    TRY(op_float_bounds(op->options->activation, &d->least, &d->most, e));
    if (op->in[1]->type == TFL_INT8) return prepare_hybrid(op, d, a, e);
    TRY(op_expect_type(op->in[1], "the weight tensor", TFL_FLOAT32, e));
    if (op_bias(op)) TRY(op_expect_type(op_bias(op), "the bias", TFL_FLOAT32, e));
    return prepare_packed(op, d, a, e);
}

/* One scale for each output is a newer feature. The reference reads such a tensor's scale as 0
 * (GetLegacyQuantization), so that every product vanishes; files that hold one give constants there
 * and here. s_x * s_w is a float32 product, for convolutions a double one. */
static status prepare_requantizer(const op_node *op, dense *d, arena *a, err *e)
{
    const tensor *x = op->in[0], *w = op->in[1], *y = op->out[0];
    const float s_w = w->quant.n == 1 ? w->quant.scale[0] : 0, product = x->quant.scale[0] * s_w;
    fixed_factor *factor = ARENA_NEW(a, fixed_factor, d->Co);
    if (!factor) return FAIL(e, ERR_MEM, "out of memory for FULLY_CONNECTED");
    for (int o = 0; o < d->Co; o++)
        factor[o] = fixed_factor_of((double)product / (double)y->quant.scale[0]);
    d->requant.zero = (int32_t)y->quant.zero_point[0];
    d->requant.is_up = true;
    return requantizer_make(&d->requant, factor, d->Co, a, e);
}

static status prepare_int8(op_node *op, dense *d, arena *a, err *e)
{
    const tensor *x = op->in[0], *w = op->in[1], *bias = op_bias(op);
    TRY(op_expect_type(op->out[0], "the output", TFL_INT8, e));
    TRY(op_expect_scale(x, "the input", e));
    TRY(op_expect_scale(op->out[0], "the output", e));
    TRY(int_expect_weights(w, "the weight tensor", d->Co, 0, e));
    TRY(int_expect_bias(op, TFL_INT32, e));
    TRY(op_int8_bounds(op->options->activation, op->out[0], &d->requant.least, &d->requant.most,
                       e));
    TRY(prepare_requantizer(op, d, a, e));
    int32_t *sum = ARENA_NEW(a, int32_t, d->Co), *offset;
    if (!sum) return FAIL(e, ERR_MEM, "out of memory for FULLY_CONNECTED");
    rows_sum(sum, w->data, d->Co, d->Ci);
    TRY(int_offsets(&offset, bias ? bias->data : NULL, (int32_t)x->quant.zero_point[0], sum, d->Co,
                    a, e));
    op_scratch(op, sizeof(int32_t) * INT_PITCH((size_t)d->Co));
    d->ik = int_kernel_choose();
    op->run = run_int8;
    return int_matrix_make(&d->matrix, w->data, offset, d->Co, d->Ci, a, e);
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
