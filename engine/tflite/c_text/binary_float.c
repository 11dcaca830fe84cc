/* ADD and MUL: an operand's step is 0 along axes where it repeats. */
static void binary_float(float *y, const float *x, const float *w, int is_product, int rank,
                         const int dim[], const int step_x[], const int step_w[], float least,
                         float most)
{
    int n = 1;
    for (int axis = 0; axis < rank; axis++) n *= dim[axis];
    for (int i = 0; i < n; i++) {
        int p = 0, q = 0;
        for (int axis = rank - 1, rest = i; axis >= 0; rest /= dim[axis--]) {
            p += rest % dim[axis] * step_x[axis];
            q += rest % dim[axis] * step_w[axis];
        }
        y[i] = clamp(is_product ? x[p] * w[q] : x[p] + w[q], least, most);
    }
}
