static void max_int8(int8_t *y, int n_out, const int8_t *x, int n, int rank, const int dim[],
                     const int step[])
{
    for (int i = 0; i < n_out; i++) y[i] = -128;
    for (int i = 0; i < n; i++) {
        const int p = place(i, rank, dim, step);
        y[p] = x[i] > y[p] ? x[i] : y[p];
    }
}
