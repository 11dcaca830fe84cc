/* STRIDED_SLICE: value i of y, of `size` bytes, is value from[i] of x. */
static void gather(void *y, const void *x, size_t size, const int from[], int n)
{
    for (int i = 0; i < n; i++)
        memcpy((char *)y + (size_t)i * size, (const char *)x + (size_t)from[i] * size, size);
}
