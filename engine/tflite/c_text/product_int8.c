/* MUL in int8; see binary_float. */
static void product_int8(int8_t *y, const int8_t *x, const int8_t *w, const operands *k, int n,
                         int rank, const int dim[], const int step_x[], const int step_w[],
                         int32_t least, int32_t most)
{
    for (int i = 0; i < n; i++) {
        const int32_t u = x[place(i, rank, dim, step_x)] - k->zero_x;
        const int32_t v = w[place(i, rank, dim, step_w)] - k->zero_w;
        y[i] = (int8_t)clamp_int(multiply_away(u * v, k->y) + k->zero_y, least, most);
    }
}
