/* ADD and, with sign -1, SUB in int8: operands are brought to one scale, with 20 more bits. */
static void sum_int8(int8_t *y, const int8_t *x, const int8_t *w, int sign, const operands *k,
                     int n, int rank, const int dim[], const int step_x[], const int step_w[],
                     int32_t least, int32_t most)
{
    const int32_t more = 1 << 20;
    for (int i = 0; i < n; i++) {
        const int u = x[place(i, rank, dim, step_x)], v = w[place(i, rank, dim, step_w)];
        const int32_t sum = multiply_away((u - k->zero_x) * more, k->x) +
                            sign * multiply_away((v - k->zero_w) * more, k->w);
        y[i] = (int8_t)clamp_int(multiply_away(sum, k->y) + k->zero_y, least, most);
    }
}
