/* FULLY_CONNECTED: y[B,Co] = x[B,Ci] * w[Co,Ci]^T + bias, in [least,most]. */
static void dense_float(float *y, const float *x, const float *w, const float *bias, int B, int Ci,
                        int Co, float least, float most)
{
    for (int b = 0; b < B; b++, x += Ci)
        for (int o = 0; o < Co; o++)
            *y++ = clamp((bias ? bias[o] : 0) + dot(x, w + o * Ci, Ci), least, most);
}
