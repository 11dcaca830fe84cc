/* The assembler copies each file into this object as it is, so what a generated source holds can be
 * read, and edited, as C. */
#include "engine/tflite/c_text.h"

#include <assert.h>
#include <stddef.h>

#define TEXT(name)                                           \
    extern const char text_##name[];                         \
    __asm__(".section .rodata\n"                             \
            "text_" #name ":\n"                              \
            ".incbin \"engine/tflite/c_text/" #name ".c\"\n" \
            ".byte 0\n"                                      \
            ".previous\n")

TEXT(clamp);
TEXT(clamp_int);
TEXT(place);
TEXT(window);
TEXT(dot);
TEXT(dot_int8);
TEXT(quantize_row);
TEXT(quantize_symmetric);
TEXT(quantize_asymmetric);
TEXT(fixed);
TEXT(fixed_up);
TEXT(fixed_away);
TEXT(conv_float);
TEXT(conv_sum);
TEXT(conv_hybrid);
TEXT(conv_int8);
TEXT(depthwise_float);
TEXT(depthwise_sum);
TEXT(depthwise_hybrid);
TEXT(depthwise_int8);
TEXT(dense_float);
TEXT(dense_hybrid);
TEXT(dense_int8);
TEXT(binary_float);
TEXT(operands);
TEXT(product_int8);
TEXT(sum_int8);
TEXT(look_up);
TEXT(relu_float);
TEXT(bound_float);
TEXT(leaky_float);
TEXT(swish_float);
TEXT(tanh_float);
TEXT(sigmoid);
TEXT(logistic_float);
TEXT(quantize);
TEXT(dequantize);
TEXT(pool_float);
TEXT(pool_int8);
TEXT(sum_float);
TEXT(mean_sums);
TEXT(mean_spatial);
TEXT(mean_plain);
TEXT(mean_rounded);
TEXT(max_float);
TEXT(max_int8);
TEXT(block);
TEXT(copy_block);
TEXT(fill);
TEXT(softmax_float);
TEXT(softmax_int8);
TEXT(lstm_cell);
TEXT(lstm_float);
TEXT(lstm_hybrid);

#define SET(text) ((c_text_set)1 << TEXT_##text)
static_assert(N_TEXTS <= 64, "a c_text_set has a bit for each text");

static const struct {
    const char *text;
    c_text_set uses; /* directly */
} texts[N_TEXTS] = {
    [TEXT_CLAMP] = {text_clamp, 0},
    [TEXT_CLAMP_INT] = {text_clamp_int, 0},
    [TEXT_PLACE] = {text_place, 0},
    [TEXT_WINDOW] = {text_window, 0},
    [TEXT_DOT] = {text_dot, 0},
    [TEXT_DOT_INT8] = {text_dot_int8, 0},
    [TEXT_QUANTIZE_ROW] = {text_quantize_row, 0},
    [TEXT_QUANTIZE_SYMMETRIC] = {text_quantize_symmetric, SET(QUANTIZE_ROW)},
    [TEXT_QUANTIZE_ASYMMETRIC] = {text_quantize_asymmetric, SET(QUANTIZE_ROW)},
    [TEXT_FIXED] = {text_fixed, 0},
    [TEXT_FIXED_UP] = {text_fixed_up, SET(FIXED)},
    [TEXT_FIXED_AWAY] = {text_fixed_away, SET(FIXED)},
    [TEXT_CONV_FLOAT] = {text_conv_float, SET(WINDOW) | SET(CLAMP)},
    [TEXT_CONV_SUM] = {text_conv_sum, SET(WINDOW) | SET(DOT_INT8)},
    [TEXT_CONV_HYBRID] = {text_conv_hybrid, SET(CONV_SUM) | SET(QUANTIZE_ROW) | SET(CLAMP)},
    [TEXT_CONV_INT8] = {text_conv_int8, SET(CONV_SUM) | SET(FIXED_UP) | SET(CLAMP_INT)},
    [TEXT_DEPTHWISE_FLOAT] = {text_depthwise_float, SET(WINDOW) | SET(CLAMP)},
    [TEXT_DEPTHWISE_SUM] = {text_depthwise_sum, SET(WINDOW)},
    [TEXT_DEPTHWISE_HYBRID] = {text_depthwise_hybrid,
                               SET(DEPTHWISE_SUM) | SET(QUANTIZE_ASYMMETRIC) | SET(CLAMP)},
    [TEXT_DEPTHWISE_INT8] = {text_depthwise_int8,
                             SET(DEPTHWISE_SUM) | SET(FIXED_AWAY) | SET(CLAMP_INT)},
    [TEXT_DENSE_FLOAT] = {text_dense_float, SET(DOT) | SET(CLAMP)},
    [TEXT_DENSE_HYBRID] = {text_dense_hybrid, SET(DOT_INT8) | SET(QUANTIZE_ROW) | SET(CLAMP)},
    [TEXT_DENSE_INT8] = {text_dense_int8, SET(DOT_INT8) | SET(FIXED_UP) | SET(CLAMP_INT)},
    [TEXT_BINARY_FLOAT] = {text_binary_float, SET(PLACE) | SET(CLAMP)},
    [TEXT_OPERANDS] = {text_operands, SET(FIXED)},
    [TEXT_PRODUCT_INT8] = {text_product_int8,
                           SET(OPERANDS) | SET(PLACE) | SET(FIXED_AWAY) | SET(CLAMP_INT)},
    [TEXT_SUM_INT8] = {text_sum_int8,
                       SET(OPERANDS) | SET(PLACE) | SET(FIXED_AWAY) | SET(CLAMP_INT)},
    [TEXT_LOOK_UP] = {text_look_up, 0},
    [TEXT_RELU_FLOAT] = {text_relu_float, 0},
    [TEXT_BOUND_FLOAT] = {text_bound_float, SET(CLAMP)},
    [TEXT_LEAKY_FLOAT] = {text_leaky_float, 0},
    [TEXT_SWISH_FLOAT] = {text_swish_float, SET(CLAMP)},
    [TEXT_TANH_FLOAT] = {text_tanh_float, 0},
    [TEXT_SIGMOID] = {text_sigmoid, 0},
    [TEXT_LOGISTIC_FLOAT] = {text_logistic_float, SET(SIGMOID)},
    [TEXT_QUANTIZE] = {text_quantize, 0},
    [TEXT_DEQUANTIZE] = {text_dequantize, 0},
    [TEXT_POOL_FLOAT] = {text_pool_float, SET(WINDOW) | SET(CLAMP)},
    [TEXT_POOL_INT8] = {text_pool_int8, SET(WINDOW) | SET(CLAMP_INT)},
    [TEXT_SUM_FLOAT] = {text_sum_float, SET(PLACE)},
    [TEXT_MEAN_SUMS] = {text_mean_sums, SET(PLACE)},
    [TEXT_MEAN_SPATIAL] = {text_mean_spatial, SET(MEAN_SUMS) | SET(FIXED_AWAY) | SET(CLAMP_INT)},
    [TEXT_MEAN_PLAIN] = {text_mean_plain, SET(MEAN_SUMS)},
    [TEXT_MEAN_ROUNDED] = {text_mean_rounded, SET(MEAN_SUMS)},
    [TEXT_MAX_FLOAT] = {text_max_float, SET(PLACE)},
    [TEXT_MAX_INT8] = {text_max_int8, SET(PLACE)},
    [TEXT_BLOCK] = {text_block, 0},
    [TEXT_COPY_BLOCK] = {text_copy_block, SET(BLOCK) | SET(PLACE)},
    [TEXT_FILL] = {text_fill, 0},
    [TEXT_SOFTMAX_FLOAT] = {text_softmax_float, 0},
    [TEXT_SOFTMAX_INT8] = {text_softmax_int8, SET(CLAMP_INT)},
    [TEXT_LSTM_CELL] = {text_lstm_cell, SET(SIGMOID) | SET(CLAMP)},
    [TEXT_LSTM_FLOAT] = {text_lstm_float, SET(LSTM_CELL) | SET(DOT)},
    [TEXT_LSTM_HYBRID] = {text_lstm_hybrid, SET(LSTM_CELL) | SET(DOT_INT8) | SET(QUANTIZE_ROW)},
};

void c_text_add(c_text_set *set, c_text text)
{
    *set |= (c_text_set)1 << text;
    for (int t = 0; t < N_TEXTS; t++)
        if (texts[text].uses >> t & 1) c_text_add(set, (c_text)t);
}

void c_text_put(buf *b, c_text_set set)
{
    for (int t = 0; t < N_TEXTS; t++)
        if (set >> t & 1) {
            buf_text(b, texts[t].text);
            buf_char(b, '\n');
        }
}
