/* The sum of (x - zero) * w under a window of CONV_2D; `w` is one filter [Kh,Kw,Ci]. */
static int32_t conv_sum(const int8_t *x, int32_t zero, const int8_t *w, const window *k, int oy,
                        int ox)
{
    int32_t sum = 0;
    for (int ky = 0; ky < k->Kh; ky++)
        for (int kx = 0; kx < k->Kw; kx++) {
            const int iy = oy * k->stride_h - k->top + ky * k->dilation_h;
            const int ix = ox * k->stride_w - k->left + kx * k->dilation_w;
            if (iy < 0 || iy >= k->H || ix < 0 || ix >= k->W) continue;
            sum +=
                dot_int8(x + (iy * k->W + ix) * k->Ci, w + (ky * k->Kw + kx) * k->Ci, k->Ci, zero);
        }
    return sum;
}
