/* RELU6 and RELU_N1_TO_1 */
static void bound_float(float *y, const float *x, int n, float least, float most)
{
    for (int i = 0; i < n; i++) y[i] = clamp(x[i], least, most);
}
