#include "engine/nn/kernel.h"

#if defined(__AVX512F__) && defined(__AVX512VL__)
#include <immintrin.h>

enum { VL = 16 };
#define ROWS 8
#define KERNELS_NAME "avx512"
#define KERNELS_TABLE kernel_avx512_table
#define KERNELS_FUSED true

typedef float vf __attribute__((vector_size(64)));
typedef int vi __attribute__((vector_size(64)));
typedef unsigned vu __attribute__((vector_size(64)));

static inline vf v_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline vf v_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}

static inline vf v_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

static inline vf v_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}

static inline __mmask16 first(int n)
{
    return (__mmask16)((1u << n) - 1);
}

static inline vf v_load_n(const float *p, int n)
{
    return _mm512_maskz_loadu_ps(first(n), p);
}

static inline void v_store_n(float *p, vf a, int n)
{
    _mm512_mask_storeu_ps(p, first(n), a);
}

/* Exchanges the off-diagonal blocks of `s` x `s`: with s = 8, 4, 2, 1 in turn, a transposition
 * (Eklundh 1972). */
static inline __attribute__((always_inline)) void exchange(vf *r, int s, __m512i low, __m512i high)
{
#pragma GCC unroll 16
    for (int i = 0; i < VL; i++) {
        if (i & s) continue;
        vf a = r[i], b = r[i + s];
        r[i] = _mm512_permutex2var_ps(a, low, b);
        r[i + s] = _mm512_permutex2var_ps(a, high, b);
    }
}

static inline void transpose(vf *r)
{
    /* Lane l of the lower row: l of `a` outside the block, l - s of `b` (numbered from 16) inside.
     */
    exchange(r, 8, _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
             _mm512_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
    exchange(r, 4, _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
             _mm512_setr_epi32(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31));
    exchange(r, 2, _mm512_setr_epi32(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
             _mm512_setr_epi32(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31));
    exchange(r, 1, _mm512_setr_epi32(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
             _mm512_setr_epi32(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31));
}

#include "engine/nn/kernel_body.h"
#else
const kernels *kernel_avx512_table(void)
{
    return 0;
}
#endif
