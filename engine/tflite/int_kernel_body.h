/* What the kernels of x86's instruction sets share as text: the loops over rows. The file that includes this
 * has defined requantize_block, for 16 values, and dequantize_row. */

static void requantize(int8_t *y, const int32_t *acc, int M, int n, const requantizer *r)
{
    for (; M > 0; M--, y += n, acc += INT_PITCH(n))
        if (r->is_up)
            for (int i = 0; i < n; i += 16) requantize_block(y, acc, n, r, i, true);
        else
            for (int i = 0; i < n; i += 16) requantize_block(y, acc, n, r, i, false);
}

static void dequantize(float *y, const int32_t *acc, int M, int n, const dequantizer *d,
                       float scale_x, int32_t zero)
{
    for (; M > 0; M--, y += n, acc += INT_PITCH(n)) dequantize_row(y, acc, n, d, scale_x, zero);
}
