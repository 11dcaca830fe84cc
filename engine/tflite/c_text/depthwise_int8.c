/* DEPTHWISE_CONV_2D in int8. */
static void depthwise_int8(int8_t *y, const int8_t *x, const int8_t *w, const int32_t *bias,
                           const factor *f, int factor_step, int32_t zero_x, int32_t zero_y,
                           const window *k, int32_t least, int32_t most)
{
    for (int b = 0; b < k->B; b++, x += k->H * k->W * k->Ci)
        for (int oy = 0; oy < k->Ho; oy++)
            for (int ox = 0; ox < k->Wo; ox++)
                for (int o = 0; o < k->Co; o++) {
                    uint32_t sum = (uint32_t)depthwise_sum(x, zero_x, w, k, oy, ox, o);
                    sum += bias ? (uint32_t)bias[o] : 0;
                    const int32_t v = zero_y + multiply_away((int32_t)sum, f[o * factor_step]);
                    *y++ = (int8_t)clamp_int(v, least, most);
                }
}
