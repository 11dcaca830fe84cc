#include "engine/compress/quantize.h"

#include <math.h>
#include <string.h>

uint16_t half_from_float(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint32_t sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00);  /* NaN */
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* rounds to 65536 or more */
    uint32_t exponent = magnitude >> 23, dropped = 13, significand = magnitude;
    if (exponent < 113) { /* below 2^-14: a subnormal half, with fewer bits */
        if (exponent < 102) return (uint16_t)sign;
        dropped = 126 - exponent;
        significand = (magnitude & 0x7fffff) | 0x800000;
    } else {
        significand -= 112U << 23; /* bias 127 -> 15 */
    }
    uint32_t kept = significand >> dropped, rest = significand & ((1U << dropped) - 1);
    uint32_t tie = 1U << (dropped - 1);
    if (rest > tie || (rest == tie && (kept & 1))) kept++; /* a carry moves into the exponent */
    return (uint16_t)(sign | kept);
}

float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
    if (exponent == 0) {
        float v = (float)fraction * 0x1p-24F;
        return sign ? -v : v;
    }
    uint32_t bits = sign | (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | fraction << 13;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

void half_encode(uint16_t *half, const float *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        half[i] = half_from_float(w[i] > 65504.0F ? 65504.0F : w[i] < -65504.0F ? -65504.0F : w[i]);
}

void half_decode(float *w, const uint16_t *half, size_t n)
{
    for (size_t i = 0; i < n; i++) w[i] = half_to_float(half[i]);
}

float int8_encode(int8_t *q, const float *w, size_t n)
{
    float range = 0;
    for (size_t i = 0; i < n; i++)
        if (fabsf(w[i]) > range) range = fabsf(w[i]);
    /* Nothing to scale by: zeros, subnormal dust, or an infinite weight. */
    if (range == 0 || !isfinite(127.0F / range) || range / 127.0F == 0 || !isfinite(range)) {
        memset(q, 0, n);
        return 1;
    }
    float inverse = 127.0F / range;
    for (size_t i = 0; i < n; i++) {
        float v = isnan(w[i]) ? 0 : roundf(w[i] * inverse);
        q[i] = (int8_t)(v > 127 ? 127 : v < -127 ? -127 : v);
    }
    return range / 127.0F;
}

void int8_encode_rows(int8_t *q, float *scale, const float *w, int n_channels, int n_row)
{
    size_t n = (size_t)n_row;
    for (size_t c = 0; c < (size_t)n_channels; c++) scale[c] = int8_encode(q + c * n, w + c * n, n);
}
