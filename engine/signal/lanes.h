/* The vector arithmetic of the front end: eight frames at a time, one in each vector lane.
 *
 * A vector register that holds the same sample of eight frames needs no shuffles inside a
 * transform, none for the mel bands and none for the cosine transform; frames are turned into lanes
 * once on the way in and back once on the way out. Everything is plain multiplication, addition and
 * square root in a written order without fused operations, so the baseline build, AVX2 and NEON
 * give the same bits. The code is written once (lanes_body.h) and compiled for each instruction
 * set.
 *
 * "Lane form" of a[n] means float[n][LANES]. Arrays in lane form are 64-byte aligned. */
#ifndef PARETUNE_ENGINE_SIGNAL_LANES_H
#define PARETUNE_ENGINE_SIGNAL_LANES_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>

enum { LANES = 8, LANES_MAX_PASSES = 20, LANES_TAPS = 4 };

/* A complex transform of m points, m = 2^a 3^b 5^c, as Stockham's self-sorting passes
 * (van Loan, Computational Frameworks for the Fast Fourier Transform, section 1.7), and what splits
 * it into the transform of 2 m real samples. */
typedef struct {
    int m;
    int n_passes;
    int radix[LANES_MAX_PASSES];            /* 2, 3, 4 or 5 */
    const float *twiddle[LANES_MAX_PASSES]; /* pass over length n: [n/radix][radix-1][2] */
    const float *split;                     /* [m+1][2]: cos and sin of pi k / m */
} lanes_fft;

/* True when lanes_fft_plan takes 2 m real samples. */
bool lanes_fft_fits(int n);
/* Tables for n real samples, n even and lanes_fft_fits(n), in `a`. */
status lanes_fft_plan(lanes_fft *f, int n, arena *a, err *e);

/* A matrix with runs of non-zero weights: row b covers weight[at[b] ..] for columns
 * first[b] .. first[b] + count[b] - 1. */
typedef struct {
    int n_rows;
    const int *first, *count, *at;
    const float *weight;
} lanes_bands;

typedef struct {
    const char *name; /* "baseline", "avx2" */
    /* z[n][LANES] = x[start[l] + i] window[i] for i < n_window, 0 from there to n. */
    void (*load)(float *z, const float *x, const int start[LANES], const float *window,
                 int n_window, int n);
    /* In place on z: m complex numbers in lane form, [m][2][LANES]; `work` has the same size.
     * Returns the array that holds the result: z or work. */
    float *(*transform)(const lanes_fft *f, float *z, float *work);
    /* magnitude[count][LANES] of real bins first .. first+count-1 from the transform of the m
     * pairs. */
    void (*magnitude)(const lanes_fft *f, float *magnitude, const float *z, int first, int count);
    /* y[n_rows][LANES]: each band's products summed in column order; x starts at column x_first. */
    void (*bands)(const lanes_bands *b, float *y, const float *x, int x_first);
    /* y[n] = log(x[n] + offset); x + offset positive and normal. At most 2 units in the last place.
     */
    void (*log)(float *y, const float *x, float offset, int n);
    /* y[n_out][LANES] = w[n_out][n_in] x[n_in][LANES]. */
    void (*product)(float *y, const float *w, const float *x, int n_out, int n_in);
    /* row[l][i] = x[i][l] for l < n_rows, rows `stride` apart. */
    void (*store)(float *row, int stride, int n_rows, const float *x, int n);
    /* sum[i] += h[0] x[0][i], then h[1] x[1][i], ... for LANES_TAPS runs of n floats, none of them
     * aligned, none overlapping sum. The order of sums is the order of taps. */
    void (*taps)(float *sum, const float *const x[LANES_TAPS], const float h[LANES_TAPS], int n);
} lanes_ops;

/* The fastest set that this processor runs; the baseline first of all. */
const lanes_ops *lanes_best(void);
extern const lanes_ops lanes_baseline;
/* Another set by name, or NULL when this build or processor lacks it: for tests. */
const lanes_ops *lanes_find(const char *name);

#endif
