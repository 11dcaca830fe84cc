/* MEAN in int8 over height and width: the sum times a factor, then over the count. */
static void mean_spatial(int8_t *y, const int32_t *sum, int n_out, int count, factor f,
                         int32_t zero_x, int32_t zero_y)
{
    for (int i = 0; i < n_out; i++) {
        const int32_t v = multiply_away(sum[i] - zero_x * count, f), half = count / 2;
        y[i] = (int8_t)clamp_int((v > 0 ? v + half : v - half) / count + zero_y, -128, 127);
    }
}
