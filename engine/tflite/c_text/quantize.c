/* QUANTIZE: y = round(x / scale) + zero, ties away from zero; 256 numbers from `least` on. */
static void quantize(int8_t *y, const float *x, int n, float scale, float zero, float least)
{
    const float most = least + 255;
    for (int i = 0; i < n; i++) {
        const float v = roundf(x[i] / scale) + zero;
        y[i] = (int8_t)(int)(v > most ? most : v >= least ? v : least);
    }
}
