#include "engine/tflite/tfl_graph.h"

#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(tfl_options, field)

static const option_row conv_rows[] = {
    {0, OPTION_BYTE, AT(padding), 0},   {1, OPTION_INT, AT(stride_w), 0},
    {2, OPTION_INT, AT(stride_h), 0},   {3, OPTION_BYTE, AT(activation), 0},
    {4, OPTION_INT, AT(dilation_w), 1}, {5, OPTION_INT, AT(dilation_h), 1},
};
static const option_row depthwise_rows[] = {
    {0, OPTION_BYTE, AT(padding), 0},    {1, OPTION_INT, AT(stride_w), 0},
    {2, OPTION_INT, AT(stride_h), 0},    {3, OPTION_INT, AT(depth_multiplier), 0},
    {4, OPTION_BYTE, AT(activation), 0}, {5, OPTION_INT, AT(dilation_w), 1},
    {6, OPTION_INT, AT(dilation_h), 1},
};
static const option_row pool_rows[] = {
    {0, OPTION_BYTE, AT(padding), 0}, {1, OPTION_INT, AT(stride_w), 0},
    {2, OPTION_INT, AT(stride_h), 0}, {3, OPTION_INT, AT(filter_w), 0},
    {4, OPTION_INT, AT(filter_h), 0}, {5, OPTION_BYTE, AT(activation), 0},
};
static const option_row dense_rows[] = {
    {0, OPTION_BYTE, AT(activation), 0},
    {1, OPTION_BYTE, AT(weights_format), 0},
    {2, OPTION_BYTE, AT(keep_dims), 0},
    {3, OPTION_BYTE, AT(asymmetric_inputs), 0},
};
static const option_row softmax_rows[] = {{0, OPTION_FLOAT, AT(beta), 0}};
static const option_row binary_rows[] = {{0, OPTION_BYTE, AT(activation), 0}};
static const option_row reducer_rows[] = {{0, OPTION_BYTE, AT(keep_dims), 0}};
static const option_row list_rows[] = {{0, OPTION_LIST, 0, 0}};
static const option_row slice_rows[] = {
    {0, OPTION_INT, AT(begin_mask), 0},       {1, OPTION_INT, AT(end_mask), 0},
    {2, OPTION_INT, AT(ellipsis_mask), 0},    {3, OPTION_INT, AT(new_axis_mask), 0},
    {4, OPTION_INT, AT(shrink_axis_mask), 0},
};
static const option_row shape_rows[] = {{0, OPTION_BYTE, AT(out_type), TFL_FLOAT32}};
static const option_row pack_rows[] = {
    {0, OPTION_INT, AT(values_count), 0},
    {1, OPTION_INT, AT(axis), 0},
};
static const option_row concatenation_rows[] = {
    {0, OPTION_INT, AT(axis), 0},
    {1, OPTION_BYTE, AT(activation), 0},
};
static const option_row split_rows[] = {{0, OPTION_INT, AT(num_splits), 0}};
static const option_row leaky_rows[] = {{0, OPTION_FLOAT, AT(alpha), 0}};
static const option_row lstm_rows[] = {
    {0, OPTION_BYTE, AT(activation), 0},        {1, OPTION_FLOAT, AT(cell_clip), 0},
    {2, OPTION_FLOAT, AT(proj_clip), 0},        {3, OPTION_BYTE, AT(time_major), 0},
    {4, OPTION_BYTE, AT(asymmetric_inputs), 0}, {5, OPTION_BYTE, AT(diagonal_recurrent), 0},
};

#define ROWS(r) (int)(sizeof(r) / sizeof *(r)), r
static const option_table tables[] = {
    {OP_ADD, "ADD", OPTIONS_ADD, ROWS(binary_rows)},
    {OP_AVERAGE_POOL_2D, "AVERAGE_POOL_2D", OPTIONS_POOL_2D, ROWS(pool_rows)},
    {OP_CONCATENATION, "CONCATENATION", OPTIONS_CONCATENATION, ROWS(concatenation_rows)},
    {OP_CONV_2D, "CONV_2D", OPTIONS_CONV_2D, ROWS(conv_rows)},
    {OP_DEPTHWISE_CONV_2D, "DEPTHWISE_CONV_2D", OPTIONS_DEPTHWISE_CONV_2D, ROWS(depthwise_rows)},
    {OP_DEQUANTIZE, "DEQUANTIZE", OPTIONS_NONE, 0, NULL},
    {OP_FULLY_CONNECTED, "FULLY_CONNECTED", OPTIONS_FULLY_CONNECTED, ROWS(dense_rows)},
    {OP_LOGISTIC, "LOGISTIC", OPTIONS_NONE, 0, NULL},
    {OP_MAX_POOL_2D, "MAX_POOL_2D", OPTIONS_POOL_2D, ROWS(pool_rows)},
    {OP_MUL, "MUL", OPTIONS_MUL, ROWS(binary_rows)},
    {OP_RELU, "RELU", OPTIONS_NONE, 0, NULL},
    {OP_RELU6, "RELU6", OPTIONS_NONE, 0, NULL},
    {OP_RESHAPE, "RESHAPE", OPTIONS_RESHAPE, ROWS(list_rows)},
    {OP_SOFTMAX, "SOFTMAX", OPTIONS_SOFTMAX, ROWS(softmax_rows)},
    {OP_TANH, "TANH", OPTIONS_NONE, 0, NULL},
    {OP_PAD, "PAD", OPTIONS_NONE, 0, NULL},
    {OP_TRANSPOSE, "TRANSPOSE", OPTIONS_NONE, 0, NULL},
    {OP_MEAN, "MEAN", OPTIONS_REDUCER, ROWS(reducer_rows)},
    {OP_SUB, "SUB", OPTIONS_SUB, ROWS(binary_rows)},
    {OP_DIV, "DIV", OPTIONS_DIV, ROWS(binary_rows)},
    {OP_MAXIMUM, "MAXIMUM", OPTIONS_NONE, 0, NULL},
    {OP_MINIMUM, "MINIMUM", OPTIONS_NONE, 0, NULL},
    {OP_SLICE, "SLICE", OPTIONS_NONE, 0, NULL},
    {OP_SPLIT, "SPLIT", OPTIONS_SPLIT, ROWS(split_rows)},
    {OP_SUM, "SUM", OPTIONS_REDUCER, ROWS(reducer_rows)},
    {OP_PADV2, "PADV2", OPTIONS_NONE, 0, NULL},
    {OP_RELU_N1_TO_1, "RELU_N1_TO_1", OPTIONS_NONE, 0, NULL},
    {OP_LEAKY_RELU, "LEAKY_RELU", OPTIONS_LEAKY_RELU, ROWS(leaky_rows)},
    {OP_HARD_SWISH, "HARD_SWISH", OPTIONS_NONE, 0, NULL},
    {OP_SQUEEZE, "SQUEEZE", OPTIONS_SQUEEZE, ROWS(list_rows)},
    {OP_UNIDIRECTIONAL_SEQUENCE_LSTM, "UNIDIRECTIONAL_SEQUENCE_LSTM",
     OPTIONS_UNIDIRECTIONAL_SEQUENCE_LSTM, ROWS(lstm_rows)},
    {OP_STRIDED_SLICE, "STRIDED_SLICE", OPTIONS_STRIDED_SLICE, ROWS(slice_rows)},
    {OP_EXPAND_DIMS, "EXPAND_DIMS", OPTIONS_NONE, 0, NULL},
    {OP_SHAPE, "SHAPE", OPTIONS_SHAPE, ROWS(shape_rows)},
    {OP_REDUCE_MAX, "REDUCE_MAX", OPTIONS_REDUCER, ROWS(reducer_rows)},
    {OP_PACK, "PACK", OPTIONS_PACK, ROWS(pack_rows)},
    {OP_QUANTIZE, "QUANTIZE", OPTIONS_NONE, 0, NULL},
    {OP_DENSIFY, "DENSIFY", OPTIONS_NONE, 0, NULL},
};

const option_table *tfl_options_of(int code)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (tables[i].code == code) return &tables[i];
    return NULL;
}

const char *tfl_op_name(int code, char text[24])
{
    const option_table *t = tfl_options_of(code);
    if (t) return t->name;
    snprintf(text, 24, "operator %d", code);
    return text;
}

void tfl_options_init(tfl_options *o, const option_table *t)
{
    *o = (tfl_options){0};
    for (int i = 0; t && i < t->n_rows; i++)
        if (t->rows[i].kind == OPTION_BYTE || t->rows[i].kind == OPTION_INT)
            memcpy((char *)o + t->rows[i].offset, &t->rows[i].def, sizeof(int));
}

static const struct {
    tfl_type type;
    size_t bytes;
    const char *name;
} types[] = {
    {TFL_FLOAT32, 4, "float32"}, {TFL_FLOAT16, 2, "float16"}, {TFL_INT32, 4, "int32"},
    {TFL_UINT8, 1, "uint8"},     {TFL_INT64, 8, "int64"},     {TFL_BOOL, 1, "bool"},
    {TFL_INT16, 2, "int16"},     {TFL_INT8, 1, "int8"},
};

size_t tfl_type_bytes(tfl_type t)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == t) return types[i].bytes;
    return 0;
}

const char *tfl_type_name(tfl_type t)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == t) return types[i].name;
    return "a type that is not supported";
}

bool tfl_tensor_size(tfl_type type, int rank, const int *dim, size_t *bytes)
{
    size_t n = tfl_type_bytes(type);
    if (n == 0) return false;
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0) return false;
        if (dim[i] > 0 && n > (size_t)INT32_MAX / (size_t)dim[i]) return false;
        n *= (size_t)dim[i];
    }
    *bytes = n;
    return true;
}
