/* QUANTIZE: y = round(x / scale) + zero, ties away from zero. */
static void quantize(int8_t *y, const float *x, int n, float scale, float zero)
{
    for (int i = 0; i < n; i++) {
        const float v = roundf(x[i] / scale) + zero;
        y[i] = (int8_t)(v > 127 ? 127 : v >= -128 ? (int)v : -128);
    }
}
