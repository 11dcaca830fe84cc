/* STRIDED_SLICE: values of `size` bytes at first + i * stride of each axis, count[] of them. */
static void slice(void *y, const void *x, size_t size, int rank, const int dim[], const int first[],
                  const int stride[], const int count[])
{
    int n = 1;
    for (int axis = 0; axis < rank; axis++) n *= count[axis];
    for (int i = 0; i < n; i++) {
        int p = 0, step = 1;
        for (int axis = rank - 1, rest = i; axis >= 0; rest /= count[axis--]) {
            p += (first[axis] + rest % count[axis] * stride[axis]) * step;
            step *= dim[axis];
        }
        memcpy((char *)y + (size_t)i * size, (const char *)x + (size_t)p * size, size);
    }
}
