/* The inner products that all heavy operators are made of: one vector against the rows of a matrix.
 */
#ifndef PARETUNE_ENGINE_TFLITE_ROWS_H
#define PARETUNE_ENGINE_TFLITE_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* y[r] += sum_i x[i] * w[r,i], r < n_rows, i < n. Sums run in eight lanes, the same for every r.
 * Nothing may alias. */
void rows_float(float *restrict y, const float *restrict x, const float *restrict w, int n_rows,
                int n);
/* y[c] = the sum over t < n_taps, in order, of x[offset[t] + c] * w[t,c] behind bias[c] (0 when NULL),
 * held in [least,most]: an output pixel of a depthwise convolution. M pixels, from one to the next of
 * which x moves by `step`; those of y are packed. */
typedef struct {
    int C, n_taps;
    const ptrdiff_t *offset;
    const float *w, *bias;
    float least, most;
} row_taps;
void rows_taps(float *restrict y, const float *restrict x, ptrdiff_t step, const row_taps *t,
               int M);
/* y[o] = the sum over i < n of x[i] * w[o,i], plus bias[o], held in [least,most], o < N: w was laid
 * out by rows_pack. Products of even and of odd i are summed apart, each in order, and then
 * together. `bias` has N rounded up to ROWS_VECTOR numbers. */
enum { ROWS_VECTOR = 16, ROWS_PANEL = 64 };
#define ROWS_PITCH(N) (((N) + ROWS_VECTOR - 1) / ROWS_VECTOR * ROWS_VECTOR)
void rows_matrix(float *restrict y, const float *restrict x, const float *restrict packed,
                 const float *restrict bias, int N, int n, float least, float most);
/* packed[n * ROWS_PITCH(N)] from w[N,n]: panels of ROWS_PANEL outputs, in them [n,ROWS_PANEL];
 * the last may be narrower. What is behind the end stays as it is. */
void rows_pack(float *restrict packed, const float *restrict w, int N, int n);

/* int8 sums of so many products, corrected by a zero point, do not overflow. */
enum { ROWS_INT8_MOST = 65535 };
/* sum[r] = sum_i w[r,i]: what a zero point of x adds to each product. */
void rows_sum(int32_t *restrict sum, const int8_t *restrict w, int n_rows, int n);

/* Hybrid operators quantize their input on the fly, q = round(x / scale) + zero
 * (portable_tensor_utils.cc). */
typedef struct {
    float scale;
    int32_t zero;
} row_quant;
/* scale = max|x| / 127, zero = 0, q in [-127,127]; all zeros give scale 1. */
row_quant row_quantize_symmetric(int8_t *restrict q, const float *restrict x, int n);
/* The range is [min(x,0), max(x,0)] on [-128,127]; zero is rounded to a whole number. */
row_quant row_quantize_asymmetric(int8_t *restrict q, const float *restrict x, int n);

/* y = y * M for M = multiplier * 2^(shift - 31), multiplier in [2^30, 2^31). */
typedef struct {
    int32_t multiplier;
    int shift;
} fixed_factor;
fixed_factor fixed_factor_of(double m);
/* Both round twice, after the multiplication and after the shift; they differ where the second
 * comes to a tie below zero. `up` is what the library's matrix products do (CONV_2D,
 * FULLY_CONNECTED), `away` (from zero) is gemmlowp's RoundingDivideByPOT and all else. Results are
 * bounded by 2^30, so that a zero point can be added. The meaning of int_kernel.h's requantize. */
int32_t fixed_multiply_up(int32_t v, fixed_factor m);
int32_t fixed_multiply_away(int32_t v, fixed_factor m);

/* A bias of any size: the sum wraps as the library's does. */
static inline int32_t wrapping_sum(int32_t v, int32_t bias)
{
    return (int32_t)((uint32_t)v + (uint32_t)bias);
}

static inline int32_t clamp_int(int32_t v, int32_t least, int32_t most)
{
    return v < least ? least : v > most ? most : v;
}

static inline float clamp_float(float v, float least, float most)
{
    return v < least ? least : v > most ? most : v;
}

#endif
