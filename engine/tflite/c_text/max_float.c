/* REDUCE_MAX */
static void max_float(float *y, int n_out, const float *x, int n, int rank, const int dim[],
                      const int step[])
{
    for (int i = 0; i < n_out; i++) y[i] = -INFINITY;
    for (int i = 0; i < n; i++) {
        const int p = place(i, rank, dim, step);
        y[p] = x[i] > y[p] ? x[i] : y[p];
    }
}
