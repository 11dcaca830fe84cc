/* MEAN in int8 where input and output have one scale. */
static void mean_plain(int8_t *y, const int32_t *sum, int n_out, int count)
{
    for (int i = 0; i < n_out; i++) y[i] = (int8_t)(sum[i] / count);
}
