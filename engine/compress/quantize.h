/* Weights in fewer bits: IEEE half precision (base/half.h) and symmetric int8, as TensorFlow Lite's converter
 * makes them. */
#ifndef PARETUNE_ENGINE_COMPRESS_QUANTIZE_H
#define PARETUNE_ENGINE_COMPRESS_QUANTIZE_H

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

#endif
