/* A .tflite model in memory: what the reader makes of a file and the emitter turns into one.
 *
 * Tensors and operators refer to each other by index, as in the file. The options of all operators
 * share one struct; `tfl_options_of` gives the rows that say which of them an operator has and
 * where its table keeps them, so reading and writing cannot disagree. */
#ifndef PARETUNE_ENGINE_TFLITE_TFL_GRAPH_H
#define PARETUNE_ENGINE_TFLITE_TFL_GRAPH_H

#include "engine/tflite/tfl_schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TFL_MAX_RANK = 8 };

/* real = scale * (stored - zero_point); n = 0: not quantized, n = 1: one pair for the tensor, else
 * one pair per index of dimension `axis`. */
typedef struct {
    int n, axis;
    const float *scale;
    const int64_t *zero_point;
} tfl_quant;

typedef struct {
    tfl_type type;
    int rank, dim[TFL_MAX_RANK];
    const void *data; /* a constant's bytes, aligned for its type; NULL for the others */
    size_t bytes;     /* of `data` */
    tfl_quant quant;
    bool is_variable;   /* state kept inside the model */
    bool is_structural; /* emitter: a constant given by the architecture, may be shared with equals
                         */
    const char *name;   /* "" when there is none */
} tfl_tensor;

typedef struct {
    int padding, stride_w, stride_h, dilation_w, dilation_h; /* PADDING_SAME, ... */
    int filter_w, filter_h, depth_multiplier;
    int activation; /* fused_activation */
    int keep_dims, asymmetric_inputs, weights_format, diagonal_recurrent, time_major;
    int begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
    int values_count, axis, num_splits;
    int out_type; /* tfl_type */
    float beta, alpha, cell_clip, proj_clip;
    int n_list, list[TFL_MAX_RANK]; /* new shape, or dimensions to squeeze */
} tfl_options;

typedef struct {
    int code, version;
    int n_in, n_out;
    const int *in, *out; /* tensor indexes; -1 for an input left out */
    tfl_options options;
} tfl_op;

typedef struct {
    int n_tensors, n_ops, n_in, n_out;
    tfl_tensor *tensor;
    tfl_op *op;
    const int *in, *out;
    const char *metadata_name; /* one text that travels in the file; NULL for none */
    const char *metadata;
    size_t metadata_bytes;
    bool like_converter; /* emitter: as TensorFlow's converter writes, see converter.h */
} tfl_graph;

typedef enum { OPTION_BYTE, OPTION_INT, OPTION_FLOAT, OPTION_LIST } option_kind;
typedef struct {
    int field; /* id in the options table */
    option_kind kind;
    size_t offset; /* in tfl_options; for OPTION_LIST unused */
    int def;       /* value of an absent field */
} option_row;
typedef struct {
    int code;         /* op_code */
    const char *name; /* "CONV_2D" */
    int union_member; /* OPTIONS_...; OPTIONS_NONE: the operator has no options worth reading */
    int n_rows;
    const option_row *rows;
} option_table;

/* The row of an operator; NULL for one that is not known. */
const option_table *tfl_options_of(int code);
/* "CONV_2D"; "operator 99" (in `text`) for an unknown code. */
const char *tfl_op_name(int code, char text[24]);
/* Every option at its default. */
void tfl_options_init(tfl_options *o, const option_table *t);

size_t tfl_type_bytes(tfl_type t);     /* of an element; 0 for a type that is not supported */
const char *tfl_type_name(tfl_type t); /* "float32" */
/* Product of the dimensions times the element size into *bytes; false when a dimension is negative
 * or the product is over 2^31-1. */
bool tfl_tensor_size(tfl_type type, int rank, const int *dim, size_t *bytes);

#endif
