/* MEAN in int8, all other forms: in float. */
static void mean_rounded(int8_t *y, const int32_t *sum, int n_out, int count, float scale,
                         float bias, float zero_y)
{
    for (int i = 0; i < n_out; i++) {
        const float mean = (float)sum[i] / (float)count, v = roundf(mean * scale + bias) + zero_y;
        y[i] = (int8_t)(v > 127 ? 127 : v >= -128 ? (int)v : -128);
    }
}
