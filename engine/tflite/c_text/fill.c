/* PADV2: every value of y, `size` bytes long, becomes the one at x. */
static void fill(void *y, const void *x, size_t size, int n)
{
    for (int i = 0; i < n; i++) memcpy((char *)y + (size_t)i * size, x, size);
}
