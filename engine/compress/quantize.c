#include "engine/compress/quantize.h"

#include "engine/base/half.h"

#include <math.h>

void half_encode(uint16_t *half, const float *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        half[i] = half_round(w[i] > HALF_MAX ? HALF_MAX : w[i] < -HALF_MAX ? -HALF_MAX : w[i]);
}

void half_decode(float *w, const uint16_t *half, size_t n)
{
    for (size_t i = 0; i < n; i++) w[i] = half_widen(half[i]);
}

static float largest_of(const float *w, size_t n, size_t stride)
{
    float range = 0;
    for (size_t i = 0; i < n; i++)
        if (fabsf(w[i * stride]) > range) range = fabsf(w[i * stride]);
    return range;
}

/* Every `stride`-th of the weights in steps of range / 127. Nothing can be scaled by zeros, by
 * subnormal dust or by an infinite weight. */
static float encode_to(int8_t *q, const float *w, size_t n, size_t stride, float range)
{
    if (range == 0 || !isfinite(127.0F / range) || range / 127.0F == 0 || !isfinite(range)) {
        for (size_t i = 0; i < n; i++) q[i * stride] = 0;
        return 1;
    }
    float inverse = 127.0F / range;
    for (size_t i = 0; i < n; i++) {
        float v = isnan(w[i * stride]) ? 0 : roundf(w[i * stride] * inverse);
        q[i * stride] = (int8_t)(v > 127 ? 127 : v < -127 ? -127 : v);
    }
    return range / 127.0F;
}

float int8_encode(int8_t *q, const float *w, size_t n)
{
    return encode_to(q, w, n, 1, largest_of(w, n, 1));
}

void int8_encode_rows(int8_t *q, float *scale, const float *w, int n_channels, int n_row)
{
    size_t n = (size_t)n_row;
    for (size_t c = 0; c < (size_t)n_channels; c++) scale[c] = int8_encode(q + c * n, w + c * n, n);
}

void int8_encode_kernel(int8_t *q, float *scale, const float *w, size_t n, scale_axis axis,
                        int n_scales, const float *least)
{
    const size_t own = n / (size_t)n_scales;
    const size_t stride = axis == SCALE_COLUMNS ? (size_t)n_scales : 1;
    for (size_t c = 0; c < (size_t)n_scales; c++) {
        const size_t first = axis == SCALE_COLUMNS ? c : c * own;
        float range = largest_of(w + first, own, stride);
        if (least && range < 127.0F * least[c]) range = 127.0F * least[c];
        scale[c] = encode_to(q + first, w + first, own, stride, range);
    }
}

affine affine_of_range(value_range r)
{
    const float least = r.least < 0 ? r.least : 0, most = r.most > 0 ? r.most : 0;
    const float scale = (most - least) / 255.0F;
    if (!(scale > 1e-30F)) return (affine){1, -128};
    const float from_least = -128.0F - least / scale, from_most = 127.0F - most / scale;
    const bool least_is_nearer = 128.0F + fabsf(least / scale) < 127.0F + fabsf(most / scale);
    const float zero = roundf(least_is_nearer ? from_least : from_most);
    return (affine){scale, zero < -128 ? -128 : zero > 127 ? 127 : (int)zero};
}

int affine_encode(affine a, float x)
{
    const float v = roundf(x / a.scale) + (float)a.zero;
    return v > 127 ? 127 : v >= -128 ? (int)v : -128;
}
