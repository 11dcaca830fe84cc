/* MEAN: `count` of the n inputs go into each of n_out outputs. */
static void mean_float(float *y, int n_out, const float *x, int n, int rank, const int dim[],
                       const int step[], int count)
{
    for (int i = 0; i < n_out; i++) y[i] = 0;
    for (int i = 0; i < n; i++) y[place(i, rank, dim, step)] += x[i];
    for (int i = 0; i < n_out; i++) y[i] /= (float)count;
}
