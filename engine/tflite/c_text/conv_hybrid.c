/* CONV_2D with int8 filters on a float image, which becomes int8 by its own range (`q` holds it).
 * Filter o has the scale w_scale[o * scale_step]. */
static void conv_hybrid(float *y, const float *x, const int8_t *w, const float *w_scale,
                        int scale_step, const float *bias, int8_t *q,
                        row_quant (*quantize)(int8_t *, const float *, int), const window *k,
                        float least, float most)
{
    const int image = k->H * k->W * k->Ci, filter = k->Kh * k->Kw * k->Ci;
    for (int b = 0; b < k->B; b++, x += image) {
        const row_quant r = quantize(q, x, image);
        for (int oy = 0; oy < k->Ho; oy++)
            for (int ox = 0; ox < k->Wo; ox++)
                for (int o = 0; o < k->Co; o++) {
                    const int32_t sum = conv_sum(q, r.zero, w + o * filter, k, oy, ox);
                    const float v = (float)sum * (r.scale * w_scale[o * scale_step]);
                    *y++ = clamp(v + (bias ? bias[o] : 0), least, most);
                }
    }
}
