/* The sum of (x - zero) * w under a window of DEPTHWISE_CONV_2D, channel o. */
static int32_t depthwise_sum(const int8_t *x, int32_t zero, const int8_t *w, const window *k,
                             int oy, int ox, int o)
{
    const int c = o / (k->Co / k->Ci);
    int32_t sum = 0;
    for (int ky = 0; ky < k->Kh; ky++)
        for (int kx = 0; kx < k->Kw; kx++) {
            const int iy = oy * k->stride_h - k->top + ky * k->dilation_h;
            const int ix = ox * k->stride_w - k->left + kx * k->dilation_w;
            if (iy < 0 || iy >= k->H || ix < 0 || ix >= k->W) continue;
            sum += (x[(iy * k->W + ix) * k->Ci + c] - zero) * w[(ky * k->Kw + kx) * k->Co + o];
        }
    return sum;
}
