/* The choice of an instruction set, and the plain kernels, written so that compilers vectorise them
 * for the machine's least set. */
#include "engine/tflite/int_kernel.h"

#include <string.h>

/* w as it came, [N,K]. */
static size_t matrix_bytes(int N, int K)
{
    return (size_t)N * (size_t)K;
}

static void put_start(int32_t *start, const int32_t *offset, int n)
{
    memset(start, 0, sizeof *start * INT_PITCH((size_t)n));
    if (offset) memcpy(start, offset, sizeof *start * (size_t)n);
}

static void pack_matrix(void *packed, int32_t *start, const int8_t *w, const int32_t *offset, int N,
                        int K)
{
    memcpy(packed, w, matrix_bytes(N, K));
    put_start(start, offset, N);
}

static void products(int32_t *acc, const int8_t *x, ptrdiff_t ldx, const int_matrix *m, int M)
{
    for (int i = 0; i < M; i++, x += ldx, acc += INT_PITCH(m->N)) {
        const int8_t *restrict w = m->w, *restrict row = x;
        for (int o = 0; o < m->N; o++, w += m->K) {
            int32_t sum = 0;
            for (int k = 0; k < m->K; k++) sum += row[k] * w[k];
            acc[o] = wrapping_sum(m->start[o], sum);
        }
    }
}

static void pack_taps(void *packed, int32_t *start, const int8_t *w, const int32_t *offset, int n,
                      int n_taps)
{
    memcpy(packed, w, matrix_bytes(n, n_taps));
    put_start(start, offset, n);
}

static void taps_row(int32_t *restrict acc, const int8_t *x, const int_taps *t)
{
    const int8_t *restrict w = t->w;
    memcpy(acc, t->start, sizeof *acc * (size_t)t->n);
    for (int k = 0; k < t->n_taps; k++, w += t->n) {
        const int8_t *restrict u = x + t->offset[k];
        for (int c = 0; c < t->n; c++) acc[c] = wrapping_sum(acc[c], u[c] * w[c]);
    }
}

static void taps(int32_t *acc, const int8_t *x, ptrdiff_t step, const int_taps *t, int M)
{
    for (; M > 0; M--, x += step, acc += INT_PITCH(t->n)) taps_row(acc, x, t);
}

static void requantize_row(int8_t *y, const int32_t *acc, int n, const requantizer *r)
{
    for (int i = 0; i < n; i++) {
        const fixed_factor f = {r->multiplier[i], r->left[i] - r->right[i]};
        const int32_t v = r->is_up ? fixed_multiply_up(acc[i], f) : fixed_multiply_away(acc[i], f);
        y[i] = (int8_t)clamp_int(v + r->zero, r->least, r->most);
    }
}

static void requantize(int8_t *y, const int32_t *acc, int M, int n, const requantizer *r)
{
    for (; M > 0; M--, y += n, acc += INT_PITCH(n)) requantize_row(y, acc, n, r);
}

static void dequantize_row(float *y, const int32_t *acc, int n, const dequantizer *d, float scale_x,
                           int32_t zero)
{
    for (int i = 0; i < n; i++) {
        const float v = (float)wrapping_sum(acc[i], -zero * d->sum[i]);
        y[i] = clamp_float(v * (scale_x * d->scale[i]) + d->bias[i], d->least, d->most);
    }
}

static void dequantize(float *y, const int32_t *acc, int M, int n, const dequantizer *d,
                       float scale_x, int32_t zero)
{
    for (; M > 0; M--, y += n, acc += INT_PITCH(n)) dequantize_row(y, acc, n, d, scale_x, zero);
}

const int_kernels int_kernel_generic = {"generic", matrix_bytes, pack_matrix,
                                        products,  matrix_bytes, pack_taps,
                                        taps,      requantize,   dequantize};

const int_kernels *int_kernel_at(int k)
{
    const int_kernels *set[3];
    int n = 0;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vnni"))
        set[n++] = &int_kernel_avx512;
    if (__builtin_cpu_supports("avx2")) set[n++] = &int_kernel_avx2;
#endif
    set[n++] = &int_kernel_generic;
    return k < n ? set[k] : NULL;
}

const int_kernels *int_kernel_choose(void)
{
    return int_kernel_at(0);
}
