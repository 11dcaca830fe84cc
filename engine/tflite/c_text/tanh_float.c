static void tanh_float(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++) y[i] = tanhf(x[i]);
}
