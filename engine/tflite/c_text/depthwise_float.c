/* DEPTHWISE_CONV_2D: channel o of y comes from channel o * Ci / Co of x; w[Kh,Kw,Co]. */
static void depthwise_float(float *y, const float *x, const float *w, const float *bias,
                            const window *k, float least, float most)
{
    const int m = k->Co / k->Ci;
    for (int b = 0; b < k->B; b++, x += k->H * k->W * k->Ci)
        for (int oy = 0; oy < k->Ho; oy++)
            for (int ox = 0; ox < k->Wo; ox++)
                for (int o = 0; o < k->Co; o++) {
                    float sum = bias ? bias[o] : 0;
                    for (int ky = 0; ky < k->Kh; ky++)
                        for (int kx = 0; kx < k->Kw; kx++) {
                            const int iy = oy * k->stride_h - k->top + ky * k->dilation_h;
                            const int ix = ox * k->stride_w - k->left + kx * k->dilation_w;
                            if (iy < 0 || iy >= k->H || ix < 0 || ix >= k->W) continue;
                            sum += x[(iy * k->W + ix) * k->Ci + o / m] *
                                   w[(ky * k->Kw + kx) * k->Co + o];
                        }
                    *y++ = clamp(sum, least, most);
                }
}
