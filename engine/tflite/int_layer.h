/* What int8 layers prepare from their constants for the kernels of int_kernel.h. */
#ifndef PARETUNE_ENGINE_TFLITE_INT_LAYER_H
#define PARETUNE_ENGINE_TFLITE_INT_LAYER_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/tflite/int_kernel.h"
#include "engine/tflite/op.h"

/* All arrays are taken from `a`; ERR_MEM when it is full. `offset` is what each sum begins with;
 * NULL for zeros. `place` becomes the taps' `offset`. */
status int_matrix_make(int_matrix *m, const int8_t *w, const int32_t *offset, int N, int K,
                       arena *a, err *e);
status int_taps_make(int_taps *t, const int8_t *w, const int32_t *offset, const ptrdiff_t *place,
                     int n, int n_taps, arena *a, err *e);

/* offset[o] = bias[o] - zero_x * sum[o], modulo 2^32; `bias` may be NULL. */
status int_offsets(int32_t **offset, const int32_t *bias, int32_t zero_x, const int32_t *sum, int n,
                   arena *a, err *e);

/* The rest of *r is left as it is. */
status requantizer_make(requantizer *r, const fixed_factor *f, int n, arena *a, err *e);
/* Copies of n numbers each; `bias` may be NULL. */
status dequantizer_make(dequantizer *d, const int32_t *sum, const float *scale, const float *bias,
                        int n, arena *a, err *e);

/* ERR_INPUT unless `t` is an int8 constant with zero points 0 and one scale, or one for each of the
 * `n` indexes of dimension `axis`. */
status int_expect_weights(const tensor *t, const char *what, int n, int axis, err *e);
/* ERR_INPUT unless there is no bias, or a constant of `type`: sums begin with it. */
status int_expect_bias(const op_node *op, tfl_type type, err *e);
/* Input 2, when there is one. */
const tensor *op_bias(const op_node *op);

#endif
