#include "engine/tflite/rows.h"

#include <math.h>
#include <string.h>

static float dot8(const float *restrict x, const float *restrict w, int n)
{
    float lane[8] = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++) lane[l] += x[i + l] * w[i + l];
    for (int l = 0; i < n; i++, l++) lane[l] += x[i] * w[i];
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

void rows_float(float *restrict y, const float *restrict x, const float *restrict w, int n_rows,
                int n)
{
    for (int r = 0; r < n_rows; r++) y[r] += dot8(x, w + (size_t)r * (size_t)n, n);
}

void rows_int8(int32_t *restrict acc, const int8_t *restrict x, const int8_t *restrict w,
               int n_rows, int n)
{
    for (int r = 0; r < n_rows; r++) {
        const int8_t *row = w + (size_t)r * (size_t)n;
        int32_t sum = 0;
        for (int i = 0; i < n; i++) sum += (int16_t)(x[i] * row[i]);
        acc[r] = sum;
    }
}

void rows_sum(int32_t *restrict sum, const int8_t *restrict w, int n_rows, int n)
{
    for (int r = 0; r < n_rows; r++) {
        sum[r] = 0;
        for (int i = 0; i < n; i++) sum[r] += w[(size_t)r * (size_t)n + (size_t)i];
    }
}

static int8_t to_int8(float v, int least)
{
    float r = roundf(v);
    return (int8_t)(r < (float)least ? least : r > 127 ? 127 : isnan(r) ? 0 : (int)r);
}

row_quant row_quantize_symmetric(int8_t *restrict q, const float *restrict x, int n)
{
    float range = 0;
    for (int i = 0; i < n; i++)
        if (fabsf(x[i]) > range) range = fabsf(x[i]);
    if (range == 0) {
        memset(q, 0, (size_t)n);
        return (row_quant){1, 0};
    }
    float inverse = 127.0F / range;
    for (int i = 0; i < n; i++) q[i] = to_int8(x[i] * inverse, -127);
    return (row_quant){range / 127.0F, 0};
}

/* The zero point that lies exactly on the grid for the end of the range with the smaller error. */
static int32_t nudged_zero(double least, double most, double scale)
{
    double from_least = -128 - least / scale, from_most = 127 - most / scale;
    double error_least = 128 + fabs(least / scale), error_most = 127 + fabs(most / scale);
    double zero = error_least < error_most ? from_least : from_most;
    return zero <= -128 ? -128 : zero >= 127 ? 127 : isnan(zero) ? 0 : (int32_t)round(zero);
}

row_quant row_quantize_asymmetric(int8_t *restrict q, const float *restrict x, int n)
{
    float least = 0, most = 0;
    for (int i = 0; i < n; i++) {
        if (x[i] < least) least = x[i];
        if (x[i] > most) most = x[i];
    }
    if (least == most) {
        memset(q, 0, (size_t)n);
        return (row_quant){1, 0};
    }
    double scale = ((double)most - (double)least) / 255;
    row_quant r = {(float)scale, nudged_zero((double)least, (double)most, scale)};
    float inverse = 1.0F / r.scale;
    for (int i = 0; i < n; i++) q[i] = to_int8((float)r.zero + x[i] * inverse, -128);
    return r;
}

fixed_factor fixed_factor_of(double m)
{
    int shift;
    double q = frexp(m, &shift);
    int64_t multiplier = (int64_t)round(q * 0x1p31);
    if (multiplier == INT64_C(1) << 31) {
        multiplier /= 2;
        shift++;
    }
    if (shift < -31) return (fixed_factor){0, 0};
    if (shift > 30) return (fixed_factor){INT32_MAX, 30};
    return (fixed_factor){(int32_t)multiplier, shift};
}

/* Far outside of int8, and a zero point can still be added. */
static int32_t bounded(int64_t v)
{
    const int64_t most = 1 << 30;
    return (int32_t)(v > most ? most : v < -most ? -most : v);
}

int32_t fixed_multiply_twice(int32_t v, fixed_factor m)
{
    const int left = m.shift > 0 ? m.shift : 0, right = m.shift > 0 ? 0 : -m.shift;
    const int64_t shifted = (int64_t)v * (INT64_C(1) << left);
    const int64_t x = shifted > INT32_MAX ? INT32_MAX : shifted < INT32_MIN ? INT32_MIN : shifted;
    const int64_t product = x * m.multiplier;
    const int64_t high = (product + (product >= 0 ? 1 << 30 : 1 - (1 << 30))) / (INT64_C(1) << 31);
    const int64_t mask = (INT64_C(1) << right) - 1, rest = high & mask;
    return bounded((high >> right) + (rest > (mask >> 1) + (high < 0)));
}

int32_t fixed_multiply(int32_t v, fixed_factor m)
{
    int total = 31 - m.shift;
    return bounded(((int64_t)v * m.multiplier + (INT64_C(1) << (total - 1))) >> total);
}
