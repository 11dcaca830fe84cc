/* The gates' sums (input, forget, cell, output; u of each) become new states h and c, and y = h. */
static void lstm_cell(float *y, const float *gate, float *h, float *c, int u, float clip)
{
    for (int i = 0; i < u; i++) {
        const float in = sigmoid(gate[i]), forget = sigmoid(gate[u + i]);
        const float out = sigmoid(gate[3 * u + i]);
        c[i] = clamp(forget * c[i] + in * tanhf(gate[2 * u + i]), -clip, clip);
        y[i] = h[i] = out * tanhf(c[i]);
    }
}
