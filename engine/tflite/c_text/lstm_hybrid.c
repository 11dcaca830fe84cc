/* The same with int8 weights: inputs and state become int8 by their own range at each step. */
static void lstm_hybrid(float *y, const float *x, const int8_t *const w[8], const float scale[8],
                        const float *const bias[4], float *h, float *c, float *gate, int8_t *q,
                        row_quant (*quantize)(int8_t *, const float *, int), int B, int T, int Ci,
                        int u, float clip)
{
    for (int b = 0; b < B; b++, h += u, c += u)
        for (int t = 0; t < T; t++, x += Ci, y += u) {
            for (int g = 0; g < 4; g++) memcpy(gate + g * u, bias[g], sizeof *gate * (size_t)u);
            for (int k = 0; k < 8; k += 4) {
                const int n = k == 0 ? Ci : u;
                const row_quant r = quantize(q, k == 0 ? x : h, n);
                for (int g = 0; g < 4; g++)
                    for (int i = 0; i < u; i++)
                        gate[g * u + i] += (float)dot_int8(q, w[k + g] + i * n, n, r.zero) *
                                           (r.scale * scale[k + g]);
            }
            lstm_cell(y, gate, h, c, u, clip);
        }
}
