/* The text of the inner loops, compiled once per instruction set: the includer defines ROWS(name).
 * The order of every float sum is fixed by its lanes, so all sets give the same bits. */
#include "engine/tflite/rows.h"

#include <math.h>
#include <string.h>

enum { LANES = 8, BLOCK = 4 };

static float sum_lanes(const float *lane)
{
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

static void load(lanes *v, const float *p)
{
    memcpy(v, p, sizeof *v);
}

/* The lanes' sum and the last n - i products, each of which joins its own lane. */
static float finish(const lanes *v, const float *restrict x, const float *restrict w, int i, int n)
{
    float lane[LANES];
    memcpy(lane, v, sizeof lane);
    for (int l = 0; i < n; i++, l++) lane[l] += x[i] * w[i];
    return sum_lanes(lane);
}

/* Four rows at a time: x is loaded once for them, and their sums do not wait for each other. */
static void float_block(float *restrict y, const float *restrict x, const float *restrict w, int n)
{
    lanes v, u, sum[BLOCK] = {{0}};
    const float *restrict w1 = w + n, *restrict w2 = w1 + n, *restrict w3 = w2 + n;
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        load(&v, x + i);
        load(&u, w + i);
        sum[0] += v * u;
        load(&u, w1 + i);
        sum[1] += v * u;
        load(&u, w2 + i);
        sum[2] += v * u;
        load(&u, w3 + i);
        sum[3] += v * u;
    }
    y[0] += finish(&sum[0], x, w, i, n);
    y[1] += finish(&sum[1], x, w1, i, n);
    y[2] += finish(&sum[2], x, w2, i, n);
    y[3] += finish(&sum[3], x, w3, i, n);
}

static float float_row(const float *restrict x, const float *restrict w, int n)
{
    lanes v, u, sum = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        load(&v, x + i);
        load(&u, w + i);
        sum += v * u;
    }
    return finish(&sum, x, w, i, n);
}

static void ROWS(float)(float *restrict y, const float *restrict x, const float *restrict w,
                        int n_rows, int n)
{
    int r = 0;
    for (; r + BLOCK <= n_rows; r += BLOCK) float_block(y + r, x, w + (size_t)r * (size_t)n, n);
    for (; r < n_rows; r++) y[r] += float_row(x, w + (size_t)r * (size_t)n, n);
}

/* Channels do not meet, so any width gives the same bits: as wide as the set has. */
#ifdef __AVX512F__
enum { WIDE = 16 };
#else
enum { WIDE = 8 };
#endif
typedef float channels __attribute__((vector_size(WIDE * sizeof(float))));
typedef int32_t channel_mask __attribute__((vector_size(WIDE * sizeof(float))));

static void clamp_channels(channels *v, float least, float most) /* NaN stays NaN */
{
    const channels low = (channels){0} + least, high = (channels){0} + most;
    const channel_mask below = *v<low, above = *v> high;
    *v = (channels)((below & (channel_mask)low) | (above & (channel_mask)high) |
                    (~(below | above) & (channel_mask)*v));
}

enum { TAP_VECTORS = 4 };

/* `vectors` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void
tap_block(float *restrict y, const float *const *x, const float *const *w, int n_taps,
          const float *restrict bias, int c, int vectors, float least, float most)
{
    channels sum[TAP_VECTORS] = {{0}}, u, v;
    for (int k = 0; bias && k < vectors; k++) memcpy(&sum[k], bias + c + k * WIDE, sizeof v);
    for (int t = 0; t < n_taps; t++) {
        const float *restrict xt = x[t] + c, *restrict wt = w[t] + c;
#pragma GCC unroll 4
        for (int k = 0; k < vectors; k++) {
            memcpy(&u, xt + k * WIDE, sizeof u);
            memcpy(&v, wt + k * WIDE, sizeof v);
            sum[k] += u * v;
        }
    }
    for (int k = 0; k < vectors; k++) {
        clamp_channels(&sum[k], least, most);
        memcpy(y + c + k * WIDE, &sum[k], sizeof v);
    }
}

static void ROWS(taps)(float *restrict y, const float *const *x, const float *const *w, int n_taps,
                       const float *restrict bias, int C, float least, float most)
{
    int c = 0;
    for (; c + TAP_VECTORS * WIDE <= C; c += TAP_VECTORS * WIDE)
        tap_block(y, x, w, n_taps, bias, c, TAP_VECTORS, least, most);
    for (; c + WIDE <= C; c += WIDE) tap_block(y, x, w, n_taps, bias, c, 1, least, most);
    if (c < C && C >= WIDE) { /* some channels once more rather than the last ones singly */
        tap_block(y, x, w, n_taps, bias, C - WIDE, 1, least, most);
        return;
    }
    for (; c < C; c++) {
        float sum = bias ? bias[c] : 0;
        for (int t = 0; t < n_taps; t++) sum += x[t][c] * w[t][c];
        y[c] = clamp_float(sum, least, most);
    }
}

static void ROWS(int8)(int32_t *restrict acc, const int8_t *restrict x, const int8_t *restrict w,
                       int n_rows, int n)
{
    for (int r = 0; r < n_rows; r++, w += n) {
        int32_t sum = 0;
        for (int i = 0; i < n; i++) sum += x[i] * w[i];
        acc[r] = sum;
    }
}

/* round(v), ties away from zero, bounded by [least,127]; NaN gives `least`. */
static int8_t to_int8(float v, float least)
{
    v = v > least ? v : least;
    v = v < 127 ? v : 127;
    const int whole = (int)v;
    const float rest = v - (float)whole;
    return (int8_t)(whole + (rest >= 0.5F) - (rest <= -0.5F));
}

/* The least and greatest of x and 0. */
static void range_of(const float *restrict x, int n, float *least, float *most)
{
    float low[LANES] = {0}, high[LANES] = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) {
            low[l] = x[i + l] < low[l] ? x[i + l] : low[l];
            high[l] = x[i + l] > high[l] ? x[i + l] : high[l];
        }
    for (; i < n; i++) {
        low[0] = x[i] < low[0] ? x[i] : low[0];
        high[0] = x[i] > high[0] ? x[i] : high[0];
    }
    *least = *most = 0;
    for (int l = 0; l < LANES; l++) {
        *least = low[l] < *least ? low[l] : *least;
        *most = high[l] > *most ? high[l] : *most;
    }
}

static row_quant ROWS(symmetric)(int8_t *restrict q, const float *restrict x, int n)
{
    float least, most;
    range_of(x, n, &least, &most);
    const float range = -least > most ? -least : most;
    if (range == 0) {
        memset(q, 0, (size_t)n);
        return (row_quant){1, 0};
    }
    const float inverse = 127.0F / range;
    for (int i = 0; i < n; i++) q[i] = to_int8(x[i] * inverse, -127);
    return (row_quant){range / 127.0F, 0};
}

/* The zero point that lies exactly on the grid for the end of the range with the smaller error. */
static int32_t nudged_zero(double least, double most, double scale)
{
    const double from_least = -128 - least / scale, from_most = 127 - most / scale;
    const double error_least = 128 + fabs(least / scale), error_most = 127 + fabs(most / scale);
    const double zero = error_least < error_most ? from_least : from_most;
    return zero >= 127 ? 127 : zero > -128 ? (int32_t)round(zero) : -128;
}

static row_quant ROWS(asymmetric)(int8_t *restrict q, const float *restrict x, int n)
{
    float least, most;
    range_of(x, n, &least, &most);
    if (least == most) {
        memset(q, 0, (size_t)n);
        return (row_quant){1, 0};
    }
    const double scale = ((double)most - (double)least) / 255;
    const row_quant r = {(float)scale, nudged_zero((double)least, (double)most, scale)};
    const float inverse = 1.0F / r.scale, zero = (float)r.zero;
    for (int i = 0; i < n; i++) q[i] = to_int8(zero + x[i] * inverse, -128);
    return r;
}
