/* Changing the sampling rate by a ratio of whole numbers, as SciPy's resample_poly does.
 *
 * With up/down in lowest terms and c = max(up, down): insert up-1 zeros between samples, filter
 * with n = 20 c + 1 taps of firwin(n, 1/c, window=("kaiser", 5.0)) times `up`, keep every down-th
 * value. Only products with non-zero samples and non-zero taps are formed: the windowed sinc
 * vanishes at every c-th tap from its centre. There is no delay and the edges see zeros:
 *
 *   y[j] = sum_k h[k] xu[j down + 10 c - k],   xu[m] = x[m/up] when up divides m, else 0
 *   n_out = ceil(n_in up / down)
 *
 * Taps are computed in double and kept in float; sums run in tap order in float. */
#ifndef PARETUNE_ENGINE_SIGNAL_RESAMPLE_H
#define PARETUNE_ENGINE_SIGNAL_RESAMPLE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/signal/lanes.h"

enum { RESAMPLE_MAX_RATIO = 16384 }; /* of up and down in lowest terms */

typedef struct {
    int up, down; /* in lowest terms */
    int n_in, n_out;
    int n_taps;   /* n of the formula above */
    double macs;  /* multiply-adds of one run, zero taps left out */
    float *tap;   /* h[n_taps] */
    float *phase; /* work: the input dealt out over `down` rows, zeros on both sides */
    float *sum;   /* work: one output phase */
    const lanes_ops *ops;
    int row, margin; /* length of a row of `phase`, zeros in front */
} resampler;

/* Plans n_in samples at rate_in to rate_out; the tables and the work space live in `a`. ERR_INPUT
 * when the ratio's terms are over RESAMPLE_MAX_RATIO, ERR_ARG for rates or lengths below 1. */
status resample_plan(resampler *r, int rate_in, int rate_out, int n_in, arena *a, err *e);

/* y[n_out] from x[n_in]; equal rates copy. The work space in `r` is overwritten. */
void resample_run(const resampler *r, float *restrict y, const float *restrict x);

/* The same from the formula in double, one product after the other: the oracle of the tests. */
void resample_naive(const resampler *r, double *y, const float *x);

/* h[n] of firwin(n, cutoff, window=("kaiser", beta)) at unit gain for direct current; n odd, cutoff
 * as a fraction of half the sampling rate (Oppenheim & Schafer, section 7.5.3; SciPy's firwin). */
void resample_firwin(double *h, int n, double cutoff, double beta);

#endif
