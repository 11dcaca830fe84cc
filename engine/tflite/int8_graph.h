/* A float graph as the writer builds it becomes one of full-integer operators: what TensorFlow
 * Lite's converter does with a representative data set.
 *
 *   weights      symmetric int8: a scale for each filter of CONV_2D and each channel of
 *                DEPTHWISE_CONV_2D, one for FULLY_CONNECTED
 *   biases       int32 in steps of input scale times weight scale
 *   activations  asymmetric int8, one scale and zero point for a tensor; RESHAPE, the pools and
 *                REDUCE_MAX hand theirs on, SOFTMAX and LOGISTIC give (1/256, -128), TANH (1/128, 0)
 *   ends         QUANTIZE behind a float input and DEQUANTIZE before a float output, unless the
 *                file is to take and give int8 */
#ifndef PARETUNE_ENGINE_TFLITE_INT8_GRAPH_H
#define PARETUNE_ENGINE_TFLITE_INT8_GRAPH_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/compress/quantize.h"
#include "engine/tflite/tfl_graph.h"

/* Room that the arrays of `g` must have beyond what they hold. */
enum { INT8_GRAPH_TENSORS = 2, INT8_GRAPH_OPS = 2 };

/* Rewrites `g`, whose constants stay as they are in memory; new ones are in `a`. point[i] holds the
 * parameters of tensor i, scale 0 for those that need none: constants, and outputs of operators that
 * hand on or fix theirs. ERR_INPUT for an operator without an integer form. */
status int8_graph_make(tfl_graph *g, const affine *point, bool int8_io, arena *a, err *e);

#endif
