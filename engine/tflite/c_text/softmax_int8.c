/* SOFTMAX in int8: step is minus the input's scale times beta. */
static void softmax_int8(int8_t *y, const int8_t *x, int rows, int n, float step, float scale_y,
                         int32_t zero_y)
{
    for (int r = 0; r < rows; r++, x += n, y += n) {
        int most = -128;
        float sum = 0;
        for (int i = 0; i < n; i++) most = x[i] > most ? x[i] : most;
        for (int i = 0; i < n; i++) sum += expf(step * (float)(most - x[i]));
        const float inverse = 1.0F / (sum * scale_y);
        for (int i = 0; i < n; i++) {
            const float v = roundf(expf(step * (float)(most - x[i])) * inverse);
            y[i] = (int8_t)clamp_int((int)fminf(v, 512) + zero_y, -128, 127);
        }
    }
}
