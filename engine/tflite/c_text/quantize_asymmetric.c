/* Activations become int8 by their own range, least .. most; the zero point is a whole number. */
static row_quant quantize_asymmetric(int8_t *q, const float *x, int n)
{
    float least, most;
    range_of(x, n, &least, &most);
    if (least == most) {
        memset(q, 0, (size_t)n);
        return (row_quant){1.0F, 0};
    }
    const double scale = ((double)most - (double)least) / 255;
    const double from_least = -128 - (double)least / scale, from_most = 127 - (double)most / scale;
    const int by_least = 128 + fabs((double)least / scale) < 127 + fabs((double)most / scale);
    const double zero = by_least ? from_least : from_most;
    const row_quant r = {(float)scale, zero >= 127   ? 127
                                       : zero > -128 ? (int32_t)round(zero)
                                                     : -128};
    const float inverse = 1.0F / r.scale;
    for (int i = 0; i < n; i++) q[i] = to_int8((float)r.zero + x[i] * inverse, -128.0F);
    return r;
}
