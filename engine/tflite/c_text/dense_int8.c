/* FULLY_CONNECTED in int8. */
static void dense_int8(int8_t *y, const int8_t *x, const int8_t *w, const int32_t *bias, factor f,
                       int32_t zero_x, int32_t zero_y, int B, int Ci, int Co, int32_t least,
                       int32_t most)
{
    for (int b = 0; b < B; b++, x += Ci)
        for (int o = 0; o < Co; o++) {
            uint32_t sum = (uint32_t)dot_int8(x, w + o * Ci, Ci, zero_x);
            sum += bias ? (uint32_t)bias[o] : 0;
            *y++ = (int8_t)clamp_int(zero_y + multiply_up((int32_t)sum, f), least, most);
        }
}
