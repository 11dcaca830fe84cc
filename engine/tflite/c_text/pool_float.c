/* MAX_POOL_2D and AVERAGE_POOL_2D: windows are cut at the border, the average divides by what is left. */
static void pool_float(float *y, const float *x, int is_max, const window *k, float least,
                       float most)
{
    for (int b = 0; b < k->B; b++, x += k->H * k->W * k->Ci)
        for (int oy = 0; oy < k->Ho; oy++)
            for (int ox = 0; ox < k->Wo; ox++)
                for (int c = 0; c < k->Ci; c++) {
                    float v = is_max ? -INFINITY : 0;
                    int count = 0;
                    for (int ky = 0; ky < k->Kh; ky++)
                        for (int kx = 0; kx < k->Kw; kx++) {
                            const int iy = oy * k->stride_h - k->top + ky;
                            const int ix = ox * k->stride_w - k->left + kx;
                            if (iy < 0 || iy >= k->H || ix < 0 || ix >= k->W) continue;
                            const float u = x[(iy * k->W + ix) * k->Ci + c];
                            v = !is_max ? v + u : u > v ? u : v;
                            count++;
                        }
                    *y++ = clamp(is_max ? v : v / (float)count, least, most);
                }
}
