/* SOFTMAX of `rows` rows of n. */
static void softmax_float(float *y, const float *x, int rows, int n, float beta)
{
    for (int r = 0; r < rows; r++, x += n, y += n) {
        float most = x[0], sum = 0;
        for (int i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
        for (int i = 0; i < n; i++) sum += y[i] = expf((x[i] - most) * beta);
        for (int i = 0; i < n; i++) y[i] /= sum;
    }
}
