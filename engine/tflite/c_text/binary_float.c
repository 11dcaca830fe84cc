/* ADD '+', SUB '-', MUL '*', DIV '/', MAXIMUM '>' and MINIMUM '<'. An operand's step is 0 along axes
 * where it repeats. */
static void binary_float(float *y, const float *x, const float *w, char sign, int n, int rank,
                         const int dim[], const int step_x[], const int step_w[], float least,
                         float most)
{
    for (int i = 0; i < n; i++) {
        const float u = x[place(i, rank, dim, step_x)], v = w[place(i, rank, dim, step_w)];
        y[i] = clamp(sign == '+'   ? u + v
                     : sign == '-' ? u - v
                     : sign == '*' ? u * v
                     : sign == '/' ? u / v
                     : sign == '>' ? (u > v ? u : v)
                                   : (u < v ? u : v),
                     least, most);
    }
}
