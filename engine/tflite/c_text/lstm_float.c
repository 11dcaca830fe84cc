/* UNIDIRECTIONAL_SEQUENCE_LSTM: w[0..3] on the inputs, w[4..7] on the state, then four biases. */
static void lstm_float(float *y, const float *x, const float *const w[8],
                       const float *const bias[4], float *h, float *c, float *gate, int B, int T,
                       int Ci, int u, float clip)
{
    for (int b = 0; b < B; b++, h += u, c += u)
        for (int t = 0; t < T; t++, x += Ci, y += u) {
            for (int g = 0; g < 4; g++)
                for (int i = 0; i < u; i++) {
                    const float from_x = bias[g][i] + dot(x, w[g] + i * Ci, Ci);
                    gate[g * u + i] = from_x + dot(h, w[4 + g] + i * u, u);
                }
            lstm_cell(y, gate, h, c, u, clip);
        }
}
