/* Compiled with AVX-512 and its byte products (Makefile); run only where the processor has them. */
#include "engine/tflite/rows_avx2.h"

#ifdef __x86_64__
#include <immintrin.h>

enum { INT8_BLOCK = 4, BYTES = 64 };

/* The four sums of four vectors. */
static inline __m128i sums_of(const __m512i *v)
{
    __m128i part[INT8_BLOCK];
    for (int r = 0; r < INT8_BLOCK; r++) {
        const __m256i half =
            _mm256_add_epi32(_mm512_castsi512_si256(v[r]), _mm512_extracti64x4_epi64(v[r], 1));
        part[r] = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    }
    return _mm_hadd_epi32(_mm_hadd_epi32(part[0], part[1]), _mm_hadd_epi32(part[2], part[3]));
}

/* The instruction multiplies unsigned by signed bytes: x + 128 by w, and what the 128 adds is summed
 * beside it and taken off. `rows` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void int8_rows(int32_t *acc, const int8_t *x,
                                                            const int8_t *w, int rows, int n)
{
    const __m512i flip = _mm512_set1_epi8(INT8_MIN);
    __m512i sum[INT8_BLOCK], extra[INT8_BLOCK];
    for (int r = 0; r < INT8_BLOCK; r++) sum[r] = extra[r] = _mm512_setzero_si512();
    for (int i = 0; i < n; i += BYTES) {
        const __mmask64 there = n - i >= BYTES ? ~(__mmask64)0 : ((__mmask64)1 << (n - i)) - 1;
        const __m512i v = _mm512_xor_si512(_mm512_maskz_loadu_epi8(there, x + i), flip);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            const __m512i u = _mm512_maskz_loadu_epi8(there, w + (size_t)r * (size_t)n + i);
            sum[r] = _mm512_dpbusd_epi32(sum[r], v, u);
            extra[r] = _mm512_dpbusd_epi32(extra[r], flip, u);
        }
    }
    int32_t total[INT8_BLOCK];
    for (int r = 0; r < INT8_BLOCK; r++) sum[r] = _mm512_sub_epi32(sum[r], extra[r]);
    _mm_storeu_si128((__m128i *)(void *)total, sums_of(sum));
    for (int r = 0; r < rows; r++) acc[r] = total[r];
}

static void avx512_int8(int32_t *restrict acc, const int8_t *restrict x, const int8_t *restrict w,
                        int n_rows, int n)
{
    int r = 0;
    for (; r + INT8_BLOCK <= n_rows; r += INT8_BLOCK)
        int8_rows(acc + r, x, w + (size_t)r * (size_t)n, INT8_BLOCK, n);
    for (; r < n_rows; r++) int8_rows(acc + r, x, w + (size_t)r * (size_t)n, 1, n);
}

#define ROWS_HAS_INT8
#define ROWS(name) avx512_##name
#include "engine/tflite/rows_body.h"

const rows_table rows_avx512 = {avx512_float,          avx512_taps,       avx512_int8,
                                avx512_symmetric,      avx512_asymmetric, avx512_requantize_up,
                                avx512_requantize_away};
#else
typedef int rows_avx512_has_no_code;
#endif
