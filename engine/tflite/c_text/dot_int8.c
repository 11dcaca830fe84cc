/* sum of (x - zero) * w */
static int32_t dot_int8(const int8_t *x, const int8_t *w, int n, int32_t zero)
{
    int32_t sum = 0;
    for (int i = 0; i < n; i++) sum += (x[i] - zero) * w[i];
    return sum;
}
