/* SUM and MEAN: each of n_out outputs is the sum of inputs over `divisor`, their number or 1. */
static void sum_float(float *y, int n_out, const float *x, int n, int rank, const int dim[],
                      const int step[], int divisor)
{
    for (int i = 0; i < n_out; i++) y[i] = 0;
    for (int i = 0; i < n; i++) y[place(i, rank, dim, step)] += x[i];
    for (int i = 0; i < n_out; i++) y[i] /= (float)divisor;
}
