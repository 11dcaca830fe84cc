#include "engine/tflite/op.h"

#include <math.h>
#include <string.h>

static const op_kind kinds[] = {
    {OP_ADD, 2, op_binary_prepare},
    {OP_AVERAGE_POOL_2D, 2, op_average_pool_prepare},
    {OP_CONCATENATION, 2, op_concatenation_prepare},
    {OP_CONV_2D, 5, op_conv_prepare},
    {OP_DEPTHWISE_CONV_2D, 6, op_depthwise_prepare},
    {OP_DEQUANTIZE, 5, op_dequantize_prepare},
    {OP_DIV, 1, op_binary_prepare},
    {OP_EXPAND_DIMS, 1, op_expand_dims_prepare},
    {OP_FULLY_CONNECTED, 9, op_dense_prepare},
    {OP_HARD_SWISH, 1, op_unary_prepare},
    {OP_LEAKY_RELU, 2, op_unary_prepare},
    {OP_LOGISTIC, 2, op_unary_prepare},
    {OP_MAXIMUM, 1, op_binary_prepare},
    {OP_MAX_POOL_2D, 2, op_max_pool_prepare},
    {OP_MEAN, 2, op_mean_prepare},
    {OP_MINIMUM, 1, op_binary_prepare},
    {OP_MUL, 2, op_binary_prepare},
    {OP_PACK, 2, op_pack_prepare},
    {OP_PAD, 2, op_pad_prepare},
    {OP_PADV2, 2, op_pad_prepare},
    {OP_QUANTIZE, 2, op_quantize_prepare},
    {OP_REDUCE_MAX, 2, op_reduce_max_prepare},
    {OP_RELU, 2, op_unary_prepare},
    {OP_RELU6, 2, op_unary_prepare},
    {OP_RELU_N1_TO_1, 2, op_unary_prepare},
    {OP_RESHAPE, 1, op_reshape_prepare},
    {OP_SHAPE, 1, op_shape_prepare},
    {OP_SLICE, 2, op_slice_prepare},
    {OP_SOFTMAX, 2, op_softmax_prepare},
    {OP_SPLIT, 2, op_split_prepare},
    {OP_SQUEEZE, 1, op_squeeze_prepare},
    {OP_STRIDED_SLICE, 2, op_strided_slice_prepare},
    {OP_SUB, 2, op_binary_prepare},
    {OP_SUM, 1, op_sum_prepare},
    {OP_TANH, 2, op_unary_prepare},
    {OP_TRANSPOSE, 2, op_transpose_prepare},
    {OP_UNIDIRECTIONAL_SEQUENCE_LSTM, 3, op_lstm_prepare},
};

const op_kind *op_find(int code)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].code == code) return &kinds[i];
    return NULL;
}

status op_expect(const op_node *op, int least, int most, int n_out, err *e)
{
    if (op->n_in < least || op->n_in > most || op->n_out != n_out)
        return FAIL(e, ERR_INPUT, "%d inputs and %d outputs do not fit the operator", op->n_in,
                    op->n_out);
    for (int i = 0; i < least; i++)
        if (!op->in[i]) return FAIL(e, ERR_INPUT, "input %d is missing", i);
    return OK;
}

status op_expect_type(const tensor *t, const char *what, tfl_type type, err *e)
{
    if (t->type == type) return OK;
    return FAIL(e, ERR_INPUT, "%s is %s; only %s is supported here", what, tfl_type_name(t->type),
                tfl_type_name(type));
}

status op_expect_numbers(const tensor *t, const char *what, err *e)
{
    TRY(op_expect_type(t, what, TFL_INT32, e));
    if (!t->is_constant)
        return FAIL(e, ERR_INPUT, "%s is known only at run time, which is not supported", what);
    if (t->rank > 1 || t->n > TFL_MAX_RANK)
        return FAIL(e, ERR_INPUT, "%s must be a short list of numbers", what);
    return OK;
}

status op_set_shape(tensor *t, int rank, const int *dim, err *e)
{
    int copy[TFL_MAX_RANK]; /* `dim` may be the tensor's own */
    memcpy(copy, dim, sizeof *dim * (size_t)rank);
    if (!tfl_tensor_size(t->type, rank, copy, &t->bytes))
        return FAIL(e, ERR_INPUT, "the output's shape is negative or too large");
    t->rank = rank;
    memcpy(t->dim, copy, sizeof *dim * (size_t)rank);
    t->n = (int)(t->bytes / tfl_type_bytes(t->type));
    return OK;
}

status op_share(op_node *op, int rank, const int *dim, err *e)
{
    tensor *in = op->in[0], *out = op->out[0];
    TRY(op_expect_type(out, "the output", in->type, e));
    TRY(op_set_shape(out, rank, dim, e));
    if (out->n != in->n)
        return FAIL(e, ERR_INPUT, "%d elements cannot take a shape of %d", in->n, out->n);
    out->alias = in->alias ? in->alias : in;
    op->run = NULL;
    return OK;
}

tensor *op_scratch(op_node *op, size_t bytes)
{
    tensor *t = &op->scratch[op->n_scratch++];
    *t = (tensor){.type = TFL_INT8, .bytes = bytes};
    return t;
}

status op_float_bounds(int fused, float *least, float *most, err *e)
{
    static const float bounds[][2] = {{-INFINITY, INFINITY}, {0, INFINITY}, {-1, 1}, {0, 6}};
    if (fused < FUSED_NONE || fused > FUSED_RELU6)
        return FAIL(e, ERR_INPUT, "fused activation %d is not supported", fused);
    *least = bounds[fused][0];
    *most = bounds[fused][1];
    return OK;
}

static int clamp_int8(double v)
{
    return v < -128 ? -128 : v > 127 ? 127 : (int)v;
}

status op_int8_bounds(int fused, const tensor *out, int *least, int *most, err *e)
{
    float real_least = 0, real_most = 0;
    TRY(op_float_bounds(fused, &real_least, &real_most, e));
    const double scale = (double)out->quant.scale[0], zero = (double)out->quant.zero_point[0];
    *least = clamp_int8(zero + round((double)real_least / scale));
    *most = clamp_int8(zero + round((double)real_most / scale));
    return OK;
}

status op_expect_scale(const tensor *t, const char *what, err *e)
{
    if (t->quant.n != 1)
        return FAIL(e, ERR_INPUT, "%s must have one scale, not %d", what, t->quant.n);
    const int least = t->type == TFL_UINT8 ? 0 : -128;
    if (t->quant.zero_point[0] < least || t->quant.zero_point[0] > least + 255)
        return FAIL(e, ERR_INPUT, "the zero point of %s is outside of %s", what,
                    tfl_type_name(t->type));
    return OK;
}
