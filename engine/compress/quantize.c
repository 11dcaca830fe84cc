#include "engine/compress/quantize.h"

#include "engine/base/half.h"

#include <math.h>
#include <string.h>

void half_encode(uint16_t *half, const float *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        half[i] = half_round(w[i] > HALF_MAX ? HALF_MAX : w[i] < -HALF_MAX ? -HALF_MAX : w[i]);
}

void half_decode(float *w, const uint16_t *half, size_t n)
{
    for (size_t i = 0; i < n; i++) w[i] = half_widen(half[i]);
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
