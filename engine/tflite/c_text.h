/* The operators of generated C sources: plain C in c_text/, one function a file, kept in the program
 * as text. */
#ifndef PARETUNE_ENGINE_TFLITE_C_TEXT_H
#define PARETUNE_ENGINE_TFLITE_C_TEXT_H

#include "engine/base/buf.h"

#include <stdint.h>

/* In the order in which they are written: a text stands behind those that it uses. */
typedef enum {
    TEXT_CLAMP,
    TEXT_CLAMP_INT,
    TEXT_PLACE,
    TEXT_WINDOW,
    TEXT_DOT,
    TEXT_DOT_INT8,
    TEXT_QUANTIZE_ROW,
    TEXT_QUANTIZE_SYMMETRIC,
    TEXT_QUANTIZE_ASYMMETRIC,
    TEXT_FIXED,
    TEXT_FIXED_UP,
    TEXT_FIXED_AWAY,
    TEXT_CONV_FLOAT,
    TEXT_CONV_SUM,
    TEXT_CONV_HYBRID,
    TEXT_CONV_INT8,
    TEXT_DEPTHWISE_FLOAT,
    TEXT_DEPTHWISE_SUM,
    TEXT_DEPTHWISE_HYBRID,
    TEXT_DEPTHWISE_INT8,
    TEXT_DENSE_FLOAT,
    TEXT_DENSE_HYBRID,
    TEXT_DENSE_INT8,
    TEXT_BINARY_FLOAT,
    TEXT_OPERANDS,
    TEXT_PRODUCT_INT8,
    TEXT_SUM_INT8,
    TEXT_LOOK_UP,
    TEXT_RELU_FLOAT,
    TEXT_BOUND_FLOAT,
    TEXT_LEAKY_FLOAT,
    TEXT_SWISH_FLOAT,
    TEXT_TANH_FLOAT,
    TEXT_SIGMOID,
    TEXT_LOGISTIC_FLOAT,
    TEXT_QUANTIZE,
    TEXT_DEQUANTIZE,
    TEXT_POOL_FLOAT,
    TEXT_POOL_INT8,
    TEXT_SUM_FLOAT,
    TEXT_MEAN_SUMS,
    TEXT_MEAN_SPATIAL,
    TEXT_MEAN_PLAIN,
    TEXT_MEAN_ROUNDED,
    TEXT_MAX_FLOAT,
    TEXT_MAX_INT8,
    TEXT_BLOCK,
    TEXT_COPY_BLOCK,
    TEXT_FILL,
    TEXT_SOFTMAX_FLOAT,
    TEXT_SOFTMAX_INT8,
    TEXT_LSTM_CELL,
    TEXT_LSTM_FLOAT,
    TEXT_LSTM_HYBRID,
    N_TEXTS
} c_text;

typedef uint64_t c_text_set;

/* Adds a text and all that it uses. */
void c_text_add(c_text_set *set, c_text text);
/* Appends the texts, an empty line behind each. */
void c_text_put(buf *b, c_text_set set);

#endif
