/* DEQUANTIZE: `inner` values share each of `n_scales` scales. */
static void dequantize(float *y, const int8_t *x, int is_unsigned, int n, const float *scale,
                       const int32_t *zero, int n_scales, int inner)
{
    for (int i = 0; i < n; i++) {
        const int k = i / inner % n_scales, v = is_unsigned ? (uint8_t)x[i] : x[i];
        y[i] = scale[k] * (float)(v - zero[k]);
    }
}
