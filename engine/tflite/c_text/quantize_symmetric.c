/* Activations become int8 by their own range, -m .. m. */
static row_quant quantize_symmetric(int8_t *q, const float *x, int n)
{
    float least, most;
    range_of(x, n, &least, &most);
    const float range = -least > most ? -least : most;
    const float inverse = range > 0 ? 127.0F / range : 0;
    for (int i = 0; i < n; i++) q[i] = range > 0 ? to_int8(x[i] * inverse, -127.0F) : 0;
    return (row_quant){range > 0 ? range / 127.0F : 1.0F, 0};
}
