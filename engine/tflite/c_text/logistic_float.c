static void logistic_float(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++) y[i] = sigmoid(x[i]);
}
