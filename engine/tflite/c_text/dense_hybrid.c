/* FULLY_CONNECTED with int8 weights on float rows, which become int8 by their own range. */
static void dense_hybrid(float *y, const float *x, const int8_t *w, float w_scale,
                         const float *bias, int8_t *q,
                         row_quant (*quantize)(int8_t *, const float *, int), int B, int Ci, int Co,
                         float least, float most)
{
    for (int b = 0; b < B; b++, x += Ci) {
        const row_quant r = quantize(q, x, Ci);
        const float scale = r.scale * w_scale;
        for (int o = 0; o < Co; o++) {
            const float v = (float)dot_int8(q, w + o * Ci, Ci, r.zero) * scale;
            *y++ = clamp((bias ? bias[o] : 0) + v, least, most);
        }
    }
}
