/* Discrete Fourier transform of real samples, any even length (kissfft underneath).
 *
 * X[k] = sum_n x[n] exp(-2 pi i k n / N), k = 0 .. N/2, not normalised. Lengths with large prime
 * factors work and are slow. */
#ifndef PARETUNE_ENGINE_SIGNAL_FFT_H
#define PARETUNE_ENGINE_SIGNAL_FFT_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

enum { FFT_MAX = 1 << 20 };

typedef struct {
    int n;      /* samples */
    void *plan; /* kissfft's, in the arena */
} fft;

/* Plans transforms of n real samples; n even, 2 .. FFT_MAX. The plan holds work space: one thread
 * at a time. ERR_ARG for another length. */
status fft_plan(fft *f, int n, arena *a, err *e);

/* spectrum[n/2+1][2] (real, imaginary) from x[n]; no alias. */
void fft_real(const fft *f, float *restrict spectrum, const float *restrict x);

#endif
