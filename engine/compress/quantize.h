/* Weights in fewer bits: IEEE half precision (base/half.h) and symmetric int8, as TensorFlow Lite's converter
 * makes them. */
#ifndef PARETUNE_ENGINE_COMPRESS_QUANTIZE_H
#define PARETUNE_ENGINE_COMPRESS_QUANTIZE_H

#include "engine/base/value_range.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Weights to halves; values beyond +-65504 become +-65504, since an infinite weight ruins a net
 * that a clipped one may survive. `half[n]` and `w[n]` may not alias. */
void half_encode(uint16_t *half, const float *w, size_t n);
void half_decode(float *w, const uint16_t *half, size_t n);

/* Symmetric int8: w ~ scale * q, q in [-127,127], scale = max|w| / 127, ties away from
 * zero (tensor_utils: SymmetricQuantizeFloats). Returns the scale. NaN becomes 0; all zeros, or a
 * range that cannot be scaled, give zeros and scale 1. */
float int8_encode(int8_t *q, const float *w, size_t n);
/* The same for each of `n_channels` rows of `n_row` weights (the outermost dimension is the
 * channel), scales into scale[n_channels]. */
void int8_encode_rows(int8_t *q, float *scale, const float *w, int n_channels, int n_row);

/* Where each weight of a kernel finds its scale: one for all of them, one for each row of the
 * outermost dimension (filters of a convolution), or one for each column of the innermost (channels
 * of a depthwise convolution). */
typedef enum { SCALE_TENSOR, SCALE_ROWS, SCALE_COLUMNS } scale_axis;

/* The weights of `n` numbers in scale[n_scales], n_scales being 1 for SCALE_TENSOR. `least`, which
 * may be NULL, holds bounds that the scales may not fall below: a scale too fine for its bias. */
void int8_encode_kernel(int8_t *q, float *scale, const float *w, size_t n, scale_axis axis,
                        int n_scales, const float *least);

/* Asymmetric int8 of activations: real = scale * (q - zero), q in [-128,127]. */
typedef struct {
    float scale;
    int zero;
} affine;
/* The range, extended to hold 0, on the 255 steps of int8, with 0 on one of them exactly: the zero
 * point is computed from the end that gives it with the smaller error (TensorFlow Lite:
 * GetAsymmetricQuantizationParams). A range without extent gives scale 1. */
affine affine_of_range(value_range r);
/* q = round(x / scale) + zero, ties away from zero, within int8: TensorFlow Lite's QUANTIZE. */
int affine_encode(affine a, float x);
static inline float affine_decode(affine a, int q)
{
    return a.scale * (float)(q - a.zero);
}

#endif
