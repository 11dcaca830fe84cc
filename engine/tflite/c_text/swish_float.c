/* HARD_SWISH */
static void swish_float(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++) y[i] = x[i] * clamp(x[i] + 3, 0, 6) / 6;
}
