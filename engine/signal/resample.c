/* Dealing the input out over `down` rows (sample i to row i mod down) makes every tap a product of
 * a constant with a contiguous run: for the output phase r, j = r + up t, the taps that meet
 * samples are k = k0 + up i, and
 *
 *   x index = (j down + half - k)/up = base - i + t down,  base = (r down + half - k0)/up
 *
 * whose row (base - i) mod down does not depend on t. */
#include "engine/signal/resample.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PI 3.14159265358979323846

/* Modified Bessel function of the first kind, order 0, by its power series. */
static double bessel_i0(double x)
{
    double sum = 1, term = 1;
    for (int k = 1; term > 1e-18 * sum; k++) {
        double f = x / (2.0 * k);
        term *= f * f;
        sum += term;
    }
    return sum;
}

void resample_firwin(double *h, int n, double cutoff, double beta)
{
    double sum = 0, centre = 0.5 * (n - 1);
    for (int k = 0; k < n; k++) {
        double m = k - centre, t = n > 1 ? 2.0 * k / (n - 1) - 1 : 0;
        double sinc = m == 0 ? 1 : sin(PI * cutoff * m) / (PI * cutoff * m);
        h[k] = cutoff * sinc * bessel_i0(beta * sqrt(fmax(0, 1 - t * t))) / bessel_i0(beta);
        sum += h[k];
    }
    for (int k = 0; k < n; k++) h[k] /= sum;
}

static int gcd(int a, int b)
{
    while (b) {
        int t = a % b;
        a = b;
        b = t;
    }
    return a;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

/* Rounds towards minus infinity; b > 0. */
static int floor_div(int a, int b)
{
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

static int half_length(const resampler *r)
{
    return (r->n_taps - 1) / 2;
}

/* The first tap that meets a sample in output phase p, and the sample it meets at t = 0. */
static int first_tap(const resampler *r, int p, int *base)
{
    int at = p * r->down + half_length(r), k0 = at % r->up;
    *base = (at - k0) / r->up;
    return k0;
}

static int phase_outputs(const resampler *r, int p)
{
    return p < r->n_out ? (r->n_out - p + r->up - 1) / r->up : 0;
}

static status make_taps(resampler *r, arena *a, err *e)
{
    int c = max_int(r->up, r->down);
    r->n_taps = 20 * c + 1;
    r->tap = ARENA_NEW(a, float, r->n_taps);
    arena_mark_t mark = arena_mark(a);
    double *h = ARENA_NEW(a, double, r->n_taps);
    if (!r->tap || !h) return FAIL(e, ERR_MEM, "out of memory for %d resampling taps", r->n_taps);
    resample_firwin(h, r->n_taps, 1.0 / c, 5.0);
    for (int k = 0; k < r->n_taps; k++) {
        bool zero = k != 10 * c && (k - 10 * c) % c == 0; /* 1e-17 in the formula */
        r->tap[k] = zero ? 0.0f : (float)(h[k] * r->up);
    }
    arena_release(a, mark);
    return OK;
}

static double count_macs(const resampler *r)
{
    double n = 0;
    for (int p = 0; p < r->up; p++) {
        int base, taps = 0;
        for (int k = first_tap(r, p, &base); k < r->n_taps; k += r->up) taps += r->tap[k] != 0.0f;
        n += (double)taps * phase_outputs(r, p);
    }
    return n;
}

/* Rows long enough for every index that a tap can ask for, so that the loops need no tests. */
static status make_rows(resampler *r, arena *a, err *e)
{
    int reach = r->n_taps / r->up + 2, per_phase = phase_outputs(r, 0);
    r->margin = reach / r->down + 2;
    int after = (half_length(r) + r->up * r->down) / r->up / r->down + 2;
    r->row = r->margin + max_int(per_phase, (r->n_in + r->down - 1) / r->down) + after;
    r->phase = ARENA_NEW(a, float, (size_t)r->row *(size_t)r->down);
    r->sum = ARENA_NEW(a, float, per_phase);
    if (!r->phase || !r->sum)
        return FAIL(e, ERR_MEM, "out of memory for resampling %d samples", r->n_in);
    return OK;
}

status resample_plan(resampler *r, int rate_in, int rate_out, int n_in, arena *a, err *e)
{
    *r = (resampler){.ops = lanes_best()};
    if (rate_in < 1 || rate_out < 1 || n_in < 1)
        return FAIL(e, ERR_ARG, "cannot resample %d samples from %d Hz to %d Hz", n_in, rate_in,
                    rate_out);
    int g = gcd(rate_in, rate_out);
    r->up = rate_out / g;
    r->down = rate_in / g;
    if (r->up > RESAMPLE_MAX_RATIO || r->down > RESAMPLE_MAX_RATIO)
        return FAIL(e, ERR_INPUT,
                    "%d Hz to %d Hz is the ratio %d/%d, whose terms are over %d; convert the "
                    "recordings to a usual rate first",
                    rate_in, rate_out, r->up, r->down, RESAMPLE_MAX_RATIO);
    int64_t n_out = ((int64_t)n_in * r->up + r->down - 1) / r->down;
    if (n_out > (1 << 28))
        return FAIL(e, ERR_INPUT, "%d samples from %d Hz to %d Hz are too many", n_in, rate_in,
                    rate_out);
    r->n_in = n_in;
    r->n_out = (int)n_out;
    if (r->up == r->down) return OK;
    TRY(make_taps(r, a, e));
    TRY(make_rows(r, a, e));
    r->macs = count_macs(r);
    return OK;
}

/* Sample i lies in row i mod down at margin + i / down; the rest stays zero. */
static void deal_out(const resampler *r, const float *restrict x)
{
    for (int d = 0; d < r->down; d++) {
        float *row = r->phase + (size_t)d * (size_t)r->row;
        int n = d < r->n_in ? (r->n_in - d + r->down - 1) / r->down : 0;
        for (int i = 0; i < n; i++) row[r->margin + i] = x[(size_t)i * (size_t)r->down + (size_t)d];
        memset(row + r->margin + n, 0, (size_t)(r->row - r->margin - n) * sizeof *row);
    }
}

/* sum[n] of one block: the non-zero taps in order, a few at a time. A short group is filled up with
 * zero taps on a row that is there anyway: adding zero changes no sum. */
static void run_block(const resampler *r, int base, int k0, int t, float *sum, int n)
{
    const float *row[LANES_TAPS];
    float h[LANES_TAPS];
    int used = 0;
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int k = k0, i = 0; k < r->n_taps; k += r->up, i++) {
        if (r->tap[k] == 0.0f) continue;
        int at = floor_div(base - i, r->down), d = base - i - at * r->down;
        row[used] = r->phase + (size_t)d * (size_t)r->row + r->margin + at + t;
        h[used++] = r->tap[k];
        if (used == LANES_TAPS) r->ops->taps(sum, row, h, n), used = 0;
    }
    if (used == 0) return;
    for (int i = used; i < LANES_TAPS; i++) row[i] = row[0], h[i] = 0;
    r->ops->taps(sum, row, h, n);
}

static void run_phase(const resampler *r, int p, float *sum, int n)
{
    enum { BLOCK = 1024 }; /* outputs that stay in the first-level cache through all taps */
    int base, k0 = first_tap(r, p, &base);
    for (int t = 0; t < n; t += BLOCK)
        run_block(r, base, k0, t, sum + t, n - t < BLOCK ? n - t : BLOCK);
}

void resample_run(const resampler *r, float *restrict y, const float *restrict x)
{
    if (r->up == r->down) {
        memcpy(y, x, (size_t)r->n_in * sizeof *y);
        return;
    }
    deal_out(r, x);
    for (int p = 0; p < r->up; p++) {
        int n = phase_outputs(r, p);
        if (n == 0) break;
        run_phase(r, p, r->sum, n);
        for (int t = 0; t < n; t++) y[(size_t)t * (size_t)r->up + (size_t)p] = r->sum[t];
    }
}

void resample_naive(const resampler *r, double *y, const float *x)
{
    for (int j = 0; j < r->n_out; j++) {
        y[j] = r->up == r->down ? (double)x[j] : 0;
        for (int k = 0; k < r->n_taps; k++) {
            int64_t m = (int64_t)j * r->down + half_length(r) - k;
            if (m >= 0 && m % r->up == 0 && m / r->up < r->n_in)
                y[j] += (double)r->tap[k] * (double)x[m / r->up];
        }
    }
}
