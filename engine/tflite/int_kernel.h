/* The inner loops of int8 layers, in a table per instruction set: products of int8 matrices,
 * depthwise sums, and what turns their int32 sums into int8 or float32. All sets give the same
 * bits: sums are exact (modulo 2^32) and what follows them is written out below.
 *
 * Weights are laid out once, when a file is opened, in a form that only the same table can read.
 * Sums lie in rows of INT_PITCH(n) numbers, of which the first n count. */
#ifndef PARETUNE_ENGINE_TFLITE_INT_KERNEL_H
#define PARETUNE_ENGINE_TFLITE_INT_KERNEL_H

#include "engine/tflite/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INT_BLOCK = 64 };
#define INT_PITCH(n) (((n) + INT_BLOCK - 1) / INT_BLOCK * INT_BLOCK)

/* acc[M,N] = start[N] + x[M,K] * w[N,K]^T; rows of x are `ldx` bytes apart. */
typedef struct {
    int N, K;
    const int32_t *start; /* [INT_PITCH(N)]; written by pack */
    const void *w;
} int_matrix;

/* acc[n] = start[n] + the sum over the taps t of x[offset[t] + n] * w[t,n]: n channels of an output
 * pixel of a depthwise convolution, or n = pixels * channels of a whole row of them. */
typedef struct {
    int n, n_taps;
    const ptrdiff_t *offset; /* rounded up to a multiple of 4 taps, which are multiplied by zero */
    const int32_t *start;
    const void *w;
} int_taps;
#define INT_TAPS_PITCH(n_taps) (((n_taps) + 3) / 4 * 4)

/* y = clamp(multiply(acc, factor) + zero), by fixed_multiply_up or fixed_multiply_away of rows.h.
 * The factors of all outputs in three arrays of INT_PITCH(n). */
typedef struct {
    const int32_t *multiplier, *left, *right; /* times 2^left, multiplier / 2^31, 2^-right */
    int32_t zero, least, most;
    bool is_up;    /* ties of the last rounding go up, else away from zero */
    bool any_left; /* some `left` is not 0 */
} requantizer;

/* y = clamp((float)(acc - zero * sum) * (scale_x * scale) + bias), each operation rounded to
 * float32: what leaves a hybrid operator. The arrays have INT_PITCH(n) numbers. */
typedef struct {
    const int32_t *sum; /* of each output's weights */
    const float *scale, *bias;
    float least, most;
} dequantizer;

typedef struct {
    const char *name;
    size_t (*matrix_bytes)(int N, int K); /* that `w` of an int_matrix takes */
    /* Lays out w[N,K]; `start` becomes what acc begins with so that it ends at offset + x * w. */
    void (*pack_matrix)(void *packed, int32_t *start, const int8_t *w, const int32_t *offset, int N,
                        int K);
    void (*products)(int32_t *acc, const int8_t *x, ptrdiff_t ldx, const int_matrix *m, int M);
    size_t (*taps_bytes)(int n, int n_taps);
    void (*pack_taps)(void *packed, int32_t *start, const int8_t *w, const int32_t *offset, int n,
                      int n_taps); /* w[n_taps,n] */
    /* M rows of sums; x moves by `step` from one to the next. */
    void (*taps)(int32_t *acc, const int8_t *x, ptrdiff_t step, const int_taps *t, int M);
    /* M rows of n; those of y are packed. */
    void (*requantize)(int8_t *y, const int32_t *acc, int M, int n, const requantizer *r);
    void (*dequantize)(float *y, const int32_t *acc, int M, int n, const dequantizer *d,
                       float scale_x, int32_t zero);
} int_kernels;

/* The fastest set of this machine. */
const int_kernels *int_kernel_choose(void);
/* The k-th set that this machine can run, 0 being the fastest; NULL behind the last. For tests. */
const int_kernels *int_kernel_at(int k);

extern const int_kernels int_kernel_generic;
#ifdef __x86_64__
extern const int_kernels int_kernel_avx2, int_kernel_avx512;
#endif

#endif
