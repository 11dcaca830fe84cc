/* What the interpreter and its operators agree on. An operator is a row: code, newest version it
 * accepts, prepare. `prepare` checks operands and options, fixes the output's shape, asks for
 * scratch memory, and chooses the function that will run; after it nothing can fail. */
#ifndef PARETUNE_ENGINE_TFLITE_OP_H
#define PARETUNE_ENGINE_TFLITE_OP_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/tflite/tfl_graph.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tensor tensor;
struct tensor {
    tfl_type type;
    int rank, dim[TFL_MAX_RANK];
    int n; /* elements */
    size_t bytes;
    void *data; /* set when the memory is planned; constants have it from the start */
    tfl_quant quant;
    const char *name;
    bool is_constant; /* the value is known before the first invocation */
    bool is_variable;
    bool is_written; /* an input, a constant, or the output of an earlier operator */
    tensor *alias;   /* the tensor whose memory this one shows in another shape; NULL for its own */
    int first, last; /* operators between which the memory is held */
};

enum { OP_MAX_SCRATCH = 6 };

typedef struct op_node op_node;
typedef struct {
    int code, newest;
    status (*prepare)(op_node *op, arena *a, err *e);
} op_kind;

struct op_node {
    const op_kind *kind;
    const tfl_options *options;
    int n_in, n_out;
    tensor **in, **out;             /* NULL for an operand left out */
    void (*run)(const op_node *op); /* NULL: nothing to do */
    void *state;                    /* in the arena given to prepare */
    tensor scratch[OP_MAX_SCRATCH];
    int n_scratch;
    double macs;
    bool is_shape_only; /* the result depends on the inputs' shapes alone: known in advance */
};

/* An opened file, for those who translate it instead of running it. Tensors whose values are known in
 * advance are constants, and operators that only compute such are left out. */
typedef struct {
    int n_tensors, n_ops, n_in, n_out;
    tensor *tensor;
    op_node *op;
    const int *in, *out; /* tensors */
} op_list;
struct interpreter;
op_list interpreter_operators(const struct interpreter *it);

/* Of an operator on bytes that was prepared by op_unary_prepare or op_quantize_prepare: the byte that
 * comes out for each of the 256 that may go in. */
const uint8_t *op_byte_table(const op_node *op);

/* The row of a code; NULL when the operator is not supported. */
const op_kind *op_find(int code);

/* --- helpers for prepare --- */

/* ERR_INPUT unless the counts fit and the first `least` inputs and all outputs are there. */
status op_expect(const op_node *op, int least, int most, int n_out, err *e);
status op_expect_type(const tensor *t, const char *what, tfl_type type, err *e);
/* ERR_INPUT unless `t` is an int32 vector or scalar known in advance, of at most TFL_MAX_RANK. */
status op_expect_numbers(const tensor *t, const char *what, err *e);
/* Fixes an output's shape; ERR_INPUT when it is too large. */
status op_set_shape(tensor *t, int rank, const int *dim, err *e);
/* The output shows the input's memory in another shape. */
status op_share(op_node *op, int rank, const int *dim, err *e);
/* `bytes` that the operator may use while it runs; its place is known when it runs. */
tensor *op_scratch(op_node *op, size_t bytes);
/* Bounds of a fused activation; ERR_INPUT for one that cannot be fused. */
status op_float_bounds(int fused, float *least, float *most, err *e);
/* The same for int8 outputs, in steps of `out`. */
status op_int8_bounds(int fused, const tensor *out, int *least, int *most, err *e);
/* ERR_INPUT unless `t` has one scale for the whole tensor. */
status op_expect_scale(const tensor *t, const char *what, err *e);

status op_average_pool_prepare(op_node *op, arena *a, err *e);
status op_binary_prepare(op_node *op, arena *a, err *e);
status op_concatenation_prepare(op_node *op, arena *a, err *e);
status op_conv_prepare(op_node *op, arena *a, err *e);
status op_dense_prepare(op_node *op, arena *a, err *e);
status op_depthwise_prepare(op_node *op, arena *a, err *e);
status op_dequantize_prepare(op_node *op, arena *a, err *e);
status op_expand_dims_prepare(op_node *op, arena *a, err *e);
status op_lstm_prepare(op_node *op, arena *a, err *e);
status op_max_pool_prepare(op_node *op, arena *a, err *e);
status op_mean_prepare(op_node *op, arena *a, err *e);
status op_pack_prepare(op_node *op, arena *a, err *e);
status op_pad_prepare(op_node *op, arena *a, err *e);
status op_quantize_prepare(op_node *op, arena *a, err *e);
status op_reduce_max_prepare(op_node *op, arena *a, err *e);
status op_reshape_prepare(op_node *op, arena *a, err *e);
status op_shape_prepare(op_node *op, arena *a, err *e);
status op_slice_prepare(op_node *op, arena *a, err *e);
status op_softmax_prepare(op_node *op, arena *a, err *e);
status op_split_prepare(op_node *op, arena *a, err *e);
status op_squeeze_prepare(op_node *op, arena *a, err *e);
status op_strided_slice_prepare(op_node *op, arena *a, err *e);
status op_sum_prepare(op_node *op, arena *a, err *e);
status op_transpose_prepare(op_node *op, arena *a, err *e);
status op_unary_prepare(op_node *op, arena *a, err *e);

#endif
