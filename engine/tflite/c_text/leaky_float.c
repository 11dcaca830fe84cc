/* LEAKY_RELU */
static void leaky_float(float *y, const float *x, int n, float alpha)
{
    for (int i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : x[i] * alpha;
}
