#include "engine/tflite/int_layer.h"

#include <string.h>

static status no_memory(err *e)
{
    return FAIL(e, ERR_MEM, "out of memory for an int8 layer");
}

status int_matrix_make(int_matrix *m, const int8_t *w, const int32_t *offset, int N, int K,
                       arena *a, err *e)
{
    const int_kernels *k = int_kernel_choose();
    void *packed = arena_take(a, k->matrix_bytes(N, K), 1);
    int32_t *start = ARENA_NEW(a, int32_t, INT_PITCH((size_t)N));
    if (!packed || !start) return no_memory(e);
    k->pack_matrix(packed, start, w, offset, N, K);
    *m = (int_matrix){N, K, start, packed};
    return OK;
}

status int_taps_make(int_taps *t, const int8_t *w, const int32_t *offset, const ptrdiff_t *place,
                     int n, int n_taps, arena *a, err *e)
{
    const int_kernels *k = int_kernel_choose();
    void *packed = arena_take(a, k->taps_bytes(n, n_taps), 1);
    int32_t *start = ARENA_NEW(a, int32_t, INT_PITCH((size_t)n));
    if (!packed || !start) return no_memory(e);
    k->pack_taps(packed, start, w, offset, n, n_taps);
    *t = (int_taps){n, n_taps, place, start, packed};
    return OK;
}

status int_offsets(int32_t **offset, const int32_t *bias, int32_t zero_x, const int32_t *sum, int n,
                   arena *a, err *e)
{
    *offset = ARENA_NEW(a, int32_t, n);
    if (!*offset) return no_memory(e);
    for (int o = 0; o < n; o++) (*offset)[o] = wrapping_sum(bias ? bias[o] : 0, -zero_x * sum[o]);
    return OK;
}

status requantizer_make(requantizer *r, const fixed_factor *f, int n, arena *a, err *e)
{
    int32_t *p = ARENA_NEW(a, int32_t, 3 * INT_PITCH((size_t)n));
    if (!p) return no_memory(e);
    int32_t *left = p + INT_PITCH(n), *right = left + INT_PITCH(n);
    r->multiplier = p;
    r->left = left;
    r->right = right;
    r->any_left = false;
    for (int o = 0; o < n; o++) {
        p[o] = f[o].multiplier;
        left[o] = f[o].shift > 0 ? f[o].shift : 0;
        right[o] = f[o].shift < 0 ? -f[o].shift : 0;
        r->any_left |= left[o] > 0;
    }
    return OK;
}

status dequantizer_make(dequantizer *d, const int32_t *sum, const float *scale, const float *bias,
                        int n, arena *a, err *e)
{
    int32_t *sums = ARENA_NEW(a, int32_t, INT_PITCH((size_t)n));
    float *scales = ARENA_NEW(a, float, INT_PITCH((size_t)n));
    float *biases = ARENA_NEW(a, float, INT_PITCH((size_t)n));
    if (!sums || !scales || !biases) return no_memory(e);
    memcpy(sums, sum, sizeof *sum * (size_t)n);
    memcpy(scales, scale, sizeof *scale * (size_t)n);
    if (bias) memcpy(biases, bias, sizeof *bias * (size_t)n);
    d->sum = sums;
    d->scale = scales;
    d->bias = biases;
    return OK;
}

status int_expect_weights(const tensor *t, const char *what, int n, int axis, err *e)
{
    TRY(op_expect_type(t, what, TFL_INT8, e));
    if (!t->is_constant || (t->quant.n != 1 && (t->quant.n != n || t->quant.axis != axis)))
        return FAIL(e, ERR_INPUT, "%s must be constant, with one scale or one for each output",
                    what);
    for (int i = 0; i < t->quant.n; i++)
        if (t->quant.zero_point[i] != 0) return FAIL(e, ERR_INPUT, "%s must be symmetric", what);
    if (t->n / (n > 0 ? n : 1) > ROWS_INT8_MOST)
        return FAIL(e, ERR_INPUT, "int8 sums over %d inputs are not supported", t->n / n);
    return OK;
}

const tensor *op_bias(const op_node *op)
{
    return op->n_in > 2 ? op->in[2] : NULL;
}

status int_expect_bias(const op_node *op, tfl_type type, err *e)
{
    const tensor *bias = op_bias(op);
    if (!bias) return OK;
    TRY(op_expect_type(bias, "the bias", type, e));
    if (!bias->is_constant)
        return FAIL(e, ERR_INPUT, "a bias known only at run time is not supported here");
    return OK;
}
