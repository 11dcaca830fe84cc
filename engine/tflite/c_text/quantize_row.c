/* real = scale * (q - zero) */
typedef struct {
    float scale;
    int32_t zero;
} row_quant;

/* round(v), ties away from zero, in [least,127] */
static int8_t to_int8(float v, float least)
{
    v = v > least ? v : least;
    v = v < 127.0F ? v : 127.0F;
    const int whole = (int)v;
    const float rest = v - (float)whole;
    return (int8_t)(whole + (rest >= 0.5F) - (rest <= -0.5F));
}

/* The least and greatest of x and 0. */
static void range_of(const float *x, int n, float *least, float *most)
{
    *least = *most = 0;
    for (int i = 0; i < n; i++) {
        *least = x[i] < *least ? x[i] : *least;
        *most = x[i] > *most ? x[i] : *most;
    }
}
