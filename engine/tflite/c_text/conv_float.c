/* CONV_2D: y = sum over the window of x * w[Co,Kh,Kw,Ci], plus bias (NULL: none), in [least,most]. */
static void conv_float(float *y, const float *x, const float *w, const float *bias, const window *k,
                       float least, float most)
{
    for (int b = 0; b < k->B; b++, x += k->H * k->W * k->Ci)
        for (int oy = 0; oy < k->Ho; oy++)
            for (int ox = 0; ox < k->Wo; ox++)
                for (int o = 0; o < k->Co; o++) {
                    float sum = 0;
                    for (int ky = 0; ky < k->Kh; ky++)
                        for (int kx = 0; kx < k->Kw; kx++) {
                            const int iy = oy * k->stride_h - k->top + ky * k->dilation_h;
                            const int ix = ox * k->stride_w - k->left + kx * k->dilation_w;
                            if (iy < 0 || iy >= k->H || ix < 0 || ix >= k->W) continue;
                            const float *in = x + (iy * k->W + ix) * k->Ci;
                            const float *tap = w + ((o * k->Kh + ky) * k->Kw + kx) * k->Ci;
                            for (int c = 0; c < k->Ci; c++) sum += in[c] * tap[c];
                        }
                    *y++ = clamp(bias ? sum + bias[o] : sum, least, most);
                }
}
