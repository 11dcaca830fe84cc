/* Chooses the loops for this machine. The choice changes no bit of any result. */
#define ROWS(name) generic_##name
#include "engine/tflite/rows_body.h"

#include "engine/tflite/rows_avx2.h"

static const rows_table generic = {generic_float, generic_taps, generic_matrix, generic_symmetric,
                                   generic_asymmetric};

static const rows_table *table(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vnni"))
        return &rows_avx512;
    if (__builtin_cpu_supports("avx2")) return &rows_avx2;
#endif
    return &generic;
}

void rows_float(float *restrict y, const float *restrict x, const float *restrict w, int n_rows,
                int n)
{
    table()->products(y, x, w, n_rows, n);
}

void rows_taps(float *restrict y, const float *restrict x, ptrdiff_t step, const row_taps *t, int M)
{
    table()->taps(y, x, step, t, M);
}

void rows_matrix(float *restrict y, const float *restrict x, const float *restrict packed,
                 const float *restrict bias, int N, int n, float least, float most)
{
    table()->matrix(y, x, packed, bias, N, n, least, most);
}

void rows_pack(float *restrict packed, const float *restrict w, int N, int n)
{
    for (int o = 0; o < N; o += ROWS_PANEL) {
        const int pitch = ROWS_PITCH(N - o), width = pitch < ROWS_PANEL ? pitch : ROWS_PANEL;
        for (int i = 0; i < n; i++, packed += width)
            for (int c = 0; c < width && o + c < N; c++)
                packed[c] = w[(size_t)(o + c) * (size_t)n + (size_t)i];
    }
}

row_quant row_quantize_symmetric(int8_t *restrict q, const float *restrict x, int n)
{
    return table()->symmetric(q, x, n);
}

row_quant row_quantize_asymmetric(int8_t *restrict q, const float *restrict x, int n)
{
    return table()->asymmetric(q, x, n);
}

void rows_sum(int32_t *restrict sum, const int8_t *restrict w, int n_rows, int n)
{
    for (int r = 0; r < n_rows; r++) {
        sum[r] = 0;
        for (int i = 0; i < n; i++) sum[r] += w[(size_t)r * (size_t)n + (size_t)i];
    }
}

fixed_factor fixed_factor_of(double m)
{
    int shift;
    double q = frexp(m, &shift);
    int64_t multiplier = (int64_t)round(q * 0x1p31);
    if (multiplier == INT64_C(1) << 31) {
        multiplier /= 2;
        shift++;
    }
    if (shift < -31) return (fixed_factor){0, 0};
    if (shift > 30) return (fixed_factor){INT32_MAX, 30};
    return (fixed_factor){(int32_t)multiplier, shift};
}

/* Far outside of int8, and a zero point can still be added. */
static int32_t bounded(int64_t v)
{
    const int64_t most = 1 << 30;
    return (int32_t)(v > most ? most : v < -most ? -most : v);
}

/* v * 2^left, saturated, times the multiplier, over 2^31, rounded to nearest with ties up
 * (gemmlowp: SaturatingRoundingDoublingHighMul, which divides with a nudge by sign; the shift gives
 * the same). */
static int64_t high_product(int32_t v, fixed_factor m)
{
    const int left = m.shift > 0 ? m.shift : 0;
    const int64_t wide = (int64_t)v * (INT64_C(1) << left);
    const int64_t x = wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : wide;
    return (x * m.multiplier + (1 << 30)) >> 31;
}

int32_t fixed_multiply_up(int32_t v, fixed_factor m)
{
    const int right = m.shift < 0 ? -m.shift : 0;
    return bounded((high_product(v, m) + ((INT64_C(1) << right) >> 1)) >> right);
}

int32_t fixed_multiply_away(int32_t v, fixed_factor m)
{
    const int right = m.shift < 0 ? -m.shift : 0;
    const int64_t high = high_product(v, m), mask = (INT64_C(1) << right) - 1;
    return bounded((high >> right) + ((high & mask) > (mask >> 1) + (high < 0)));
}
