/* Compiled with -mavx2 (Makefile); run only where the processor has it. */
#include "engine/tflite/rows_avx2.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

enum { INT8_BLOCK = 4, BYTES = 16 };

static inline __m256i widened(const int8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static inline int32_t sum_of(__m256i v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_hadd_epi32(s, s);
    return _mm_cvtsi128_si32(_mm_hadd_epi32(s, s));
}

/* Products of 16-bit numbers, added in pairs to 32 bits. `rows` is a constant wherever this is
 * inlined. */
static inline __attribute__((always_inline)) void int8_rows(int32_t *acc, const int8_t *x,
                                                            const int8_t *w, int rows, int n)
{
    __m256i sum[INT8_BLOCK];
    int i = 0;
    for (int r = 0; r < rows; r++) sum[r] = _mm256_setzero_si256();
    for (; i + BYTES <= n; i += BYTES) {
        const __m256i v = widened(x + i);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
            sum[r] = _mm256_add_epi32(sum[r],
                                      _mm256_madd_epi16(v, widened(w + (size_t)r * (size_t)n + i)));
    }
    for (int r = 0; r < rows; r++) {
        acc[r] = sum_of(sum[r]);
        for (int k = i; k < n; k++) acc[r] += x[k] * w[(size_t)r * (size_t)n + (size_t)k];
    }
}

static void avx2_int8(int32_t *restrict acc, const int8_t *restrict x, const int8_t *restrict w,
                      int n_rows, int n)
{
    int r = 0;
    for (; r + INT8_BLOCK <= n_rows; r += INT8_BLOCK)
        int8_rows(acc + r, x, w + (size_t)r * (size_t)n, INT8_BLOCK, n);
    for (; r < n_rows; r++) int8_rows(acc + r, x, w + (size_t)r * (size_t)n, 1, n);
}

#define ROWS_HAS_INT8
#define ROWS(name) avx2_##name
#include "engine/tflite/rows_body.h"

const rows_table rows_avx2 = {avx2_float,          avx2_taps,       avx2_int8,
                              avx2_symmetric,      avx2_asymmetric, avx2_requantize_up,
                              avx2_requantize_away};
#else
typedef int rows_avx2_has_no_code;
#endif
