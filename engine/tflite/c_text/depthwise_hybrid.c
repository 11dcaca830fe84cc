/* DEPTHWISE_CONV_2D with int8 filters on a float image, which becomes int8 by its own range. */
static void depthwise_hybrid(float *y, const float *x, const int8_t *w, const float *w_scale,
                             const float *bias, int8_t *q, const window *k, float least, float most)
{
    const int image = k->H * k->W * k->Ci;
    for (int b = 0; b < k->B; b++, x += image) {
        const row_quant r = quantize_asymmetric(q, x, image);
        for (int oy = 0; oy < k->Ho; oy++)
            for (int ox = 0; ox < k->Wo; ox++)
                for (int o = 0; o < k->Co; o++) {
                    const int32_t sum = depthwise_sum(q, r.zero, w, k, oy, ox, o);
                    const float v = (float)sum * (w_scale[o] * r.scale);
                    *y++ = clamp(v + (bias ? bias[o] : 0), least, most);
                }
    }
}
