/* An operator on bytes: what comes out for each of the 256. */
static void look_up(int8_t *y, const int8_t *x, int n, const int8_t table[256])
{
    for (int i = 0; i < n; i++) y[i] = table[(uint8_t)x[i]];
}
