static void mean_sums(int32_t *sum, int n_out, const int8_t *x, int n, int rank, const int dim[],
                      const int step[])
{
    for (int i = 0; i < n_out; i++) sum[i] = 0;
    for (int i = 0; i < n; i++) sum[place(i, rank, dim, step)] += x[i];
}
