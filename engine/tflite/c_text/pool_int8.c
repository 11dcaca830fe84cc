/* The same in int8; an average is rounded half away from zero. */
static void pool_int8(int8_t *y, const int8_t *x, int is_max, const window *k, int32_t least,
                      int32_t most)
{
    for (int b = 0; b < k->B; b++, x += k->H * k->W * k->Ci)
        for (int oy = 0; oy < k->Ho; oy++)
            for (int ox = 0; ox < k->Wo; ox++)
                for (int c = 0; c < k->Ci; c++) {
                    int v = is_max ? -128 : 0, count = 0;
                    for (int ky = 0; ky < k->Kh; ky++)
                        for (int kx = 0; kx < k->Kw; kx++) {
                            const int iy = oy * k->stride_h - k->top + ky;
                            const int ix = ox * k->stride_w - k->left + kx;
                            if (iy < 0 || iy >= k->H || ix < 0 || ix >= k->W) continue;
                            const int u = x[(iy * k->W + ix) * k->Ci + c];
                            v = !is_max ? v + u : u > v ? u : v;
                            count++;
                        }
                    if (!is_max) v = (v > 0 ? v + count / 2 : v - count / 2) / count;
                    *y++ = (int8_t)clamp_int(v, least, most);
                }
}
