static void relu6_float(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++) y[i] = clamp(x[i], 0, 6);
}
