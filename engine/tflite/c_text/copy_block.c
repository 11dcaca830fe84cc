/* Values of `size` bytes from x to y. */
static void copy_block(void *y, const void *x, size_t size, const block *b)
{
    int n = 1;
    for (int axis = 0; axis < b->rank; axis++) n *= b->count[axis];
    for (int i = 0; i < n; i++) {
        const long p = place(i, b->rank, b->count, b->step_x), bytes = (long)size;
        const long q = place(i, b->rank, b->count, b->step_y);
        memcpy((char *)y + q * bytes, (const char *)x + p * bytes, size);
    }
}
