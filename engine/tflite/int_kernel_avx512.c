/* Compiled with AVX-512 and its byte products (Makefile); run only where the processor has them.
 *
 * The instruction multiplies unsigned by signed bytes and adds four products to an int32. So x + 128
 * is multiplied, in place of x, and 128 times the sum of the weights is taken off `start`.
 *
 * Matrices are laid out in panels of 16 outputs: [N/16][K/4][16][4], zeros behind the ends. Taps
 * are laid out for 64 channels and 4 taps at a time, in the order in which unpacking four rows of
 * 64 bytes leaves them: [n/64][taps/4][4 vectors][4 lanes][4 channels][4 taps], where vector j,
 * lane l, channel e is channel 16 l + 4 j + e. */
#include "engine/tflite/int_kernel.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { PANEL = 16, GROUP = 4, MOST_VECTORS = 4, MOST_ROWS = 12 };

static int groups_of(int n)
{
    return (n + GROUP - 1) / GROUP;
}

static int32_t without_flip(int32_t offset, int32_t sum)
{
    return (int32_t)((uint32_t)offset - 128U * (uint32_t)sum);
}

static size_t matrix_bytes(int N, int K)
{
    return (size_t)INT_PITCH(N) * (size_t)groups_of(K) * GROUP;
}

static void pack_matrix(void *packed, int32_t *start, const int8_t *w, const int32_t *offset, int N,
                        int K)
{
    const size_t depth = (size_t)groups_of(K) * GROUP;
    memset(packed, 0, matrix_bytes(N, K));
    memset(start, 0, sizeof *start * INT_PITCH((size_t)N));
    for (int o = 0; o < N; o++, w += K) {
        int8_t *to = (int8_t *)packed + (size_t)(o / PANEL) * PANEL * depth + o % PANEL * GROUP;
        int32_t sum = 0;
        for (int k = 0; k < K; k++) {
            to[(size_t)(k / GROUP) * PANEL * GROUP + (size_t)(k % GROUP)] = w[k];
            sum += w[k];
        }
        start[o] = without_flip(offset ? offset[o] : 0, sum);
    }
}

/* The last K % 4 bytes of a row, zeros behind them; nothing behind the row is read. */
INLINE __m512i last_bytes(const int8_t *x, int n)
{
    uint32_t word = (uint8_t)x[0];
    if (n > 1) word |= (uint32_t)(uint8_t)x[1] << 8;
    if (n > 2) word |= (uint32_t)(uint8_t)x[2] << 16;
    return _mm512_set1_epi32((int32_t)word);
}

/* acc[rows,16 vectors]; `vectors` and `tile` are constants wherever this is inlined. Rows of the
 * tile behind the last one repeat it and are not stored. */
INLINE void product_tile(int32_t *acc, size_t pitch, const int8_t *x, ptrdiff_t ldx,
                         const int_matrix *m, int o, int vectors, int tile, int rows)
{
    const __m512i flip = _mm512_set1_epi8(INT8_MIN);
    const int n_whole = m->K / GROUP;
    const ptrdiff_t panel = (ptrdiff_t)groups_of(m->K) * GROUP * PANEL;
    const int8_t *w = (const int8_t *)m->w + (ptrdiff_t)(o / PANEL) * panel, *row[MOST_ROWS];
    __m512i sum[MOST_ROWS][MOST_VECTORS];
#pragma GCC unroll 12
    for (int i = 0; i < tile; i++) {
        row[i] = x + (i < rows ? i : rows - 1) * ldx;
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) sum[i][j] = _mm512_loadu_si512(m->start + o + j * PANEL);
    }
    for (int k = 0; k < n_whole; k++, w += PANEL * GROUP) {
        __m512i v[MOST_VECTORS];
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++) v[j] = _mm512_loadu_si512(w + j * panel);
#pragma GCC unroll 12
        for (int i = 0; i < tile; i++) {
            int32_t word;
            memcpy(&word, row[i] + GROUP * k, sizeof word);
            const __m512i u = _mm512_xor_si512(flip, _mm512_set1_epi32(word));
#pragma GCC unroll 4
            for (int j = 0; j < vectors; j++) sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], u, v[j]);
        }
    }
    if (m->K % GROUP) {
#pragma GCC unroll 12
        for (int i = 0; i < tile; i++) {
            const __m512i u =
                _mm512_xor_si512(flip, last_bytes(row[i] + GROUP * n_whole, m->K % GROUP));
#pragma GCC unroll 4
            for (int j = 0; j < vectors; j++)
                sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], u, _mm512_loadu_si512(w + j * panel));
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < tile && i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++)
            _mm512_storeu_si512(acc + (size_t)i * pitch + (size_t)(j * PANEL), sum[i][j]);
}

/* `vectors` panels from output `o` on, all rows; a single row has a tile of its own. */
#define PRODUCT_VARIANT(vectors, tile)                                                          \
    static __attribute__((noinline)) void products_##vectors(                                   \
        int32_t *acc, const int8_t *x, ptrdiff_t ldx, const int_matrix *m, int o, int M)        \
    {                                                                                           \
        const size_t pitch = INT_PITCH((size_t)m->N);                                           \
        for (int i = 0; i < M && M > 1; i += (tile))                                            \
            product_tile(acc + (size_t)i * pitch + o, pitch, x + i * ldx, ldx, m, o, (vectors), \
                         (tile), M - i < (tile) ? M - i : (tile));                              \
        if (M == 1) product_tile(acc + o, pitch, x, ldx, m, o, (vectors), 1, 1);                \
    }
PRODUCT_VARIANT(1, 12)
PRODUCT_VARIANT(2, 12)
PRODUCT_VARIANT(3, 8)
PRODUCT_VARIANT(4, 6)

static void products(int32_t *acc, const int8_t *x, ptrdiff_t ldx, const int_matrix *m, int M)
{
    int o = 0;
    for (; m->N - o > 3 * PANEL; o += 4 * PANEL) products_4(acc, x, ldx, m, o, M);
    if (m->N - o > 2 * PANEL)
        products_3(acc, x, ldx, m, o, M);
    else if (m->N - o > PANEL)
        products_2(acc, x, ldx, m, o, M);
    else if (m->N > o)
        products_1(acc, x, ldx, m, o, M);
}

static size_t taps_bytes(int n, int n_taps)
{
    return (size_t)INT_PITCH(n) * (size_t)groups_of(n_taps) * GROUP;
}

/* Where channel c, tap t of the first block lies; later blocks lie behind it. */
static size_t tap_place(int c, int t)
{
    const int in_block = c % 16, vector = in_block / 4, lane = c / 16;
    return (size_t)(t / GROUP) * INT_BLOCK * GROUP +
           (size_t)(64 * vector + 16 * lane + in_block % 4 * GROUP + t % GROUP);
}

static void pack_taps(void *packed, int32_t *start, const int8_t *w, const int32_t *offset, int n,
                      int n_taps)
{
    const size_t block = (size_t)groups_of(n_taps) * GROUP * INT_BLOCK;
    memset(packed, 0, taps_bytes(n, n_taps));
    memset(start, 0, sizeof *start * INT_PITCH((size_t)n));
    for (int c = 0; c < n; c++) {
        int8_t *to = (int8_t *)packed + (size_t)(c / INT_BLOCK) * block;
        int32_t sum = 0;
        for (int t = 0; t < n_taps; t++) {
            to[tap_place(c % INT_BLOCK, t)] = w[t * n + c];
            sum += w[t * n + c];
        }
        start[c] = without_flip(offset ? offset[c] : 0, sum);
    }
}

/* Four taps of 64 channels. */
INLINE void add_taps(__m512i *sum, const int8_t *x, const ptrdiff_t *offset, __mmask64 there,
                     const int8_t *w)
{
    const __m512i flip = _mm512_set1_epi8(INT8_MIN);
    __m512i v[GROUP];
#pragma GCC unroll 4
    for (int t = 0; t < GROUP; t++)
        v[t] = _mm512_xor_si512(flip, _mm512_maskz_loadu_epi8(there, x + offset[t]));
    const __m512i low01 = _mm512_unpacklo_epi8(v[0], v[1]),
                  low23 = _mm512_unpacklo_epi8(v[2], v[3]);
    const __m512i high01 = _mm512_unpackhi_epi8(v[0], v[1]),
                  high23 = _mm512_unpackhi_epi8(v[2], v[3]);
    const __m512i u[4] = {_mm512_unpacklo_epi16(low01, low23), _mm512_unpackhi_epi16(low01, low23),
                          _mm512_unpacklo_epi16(high01, high23),
                          _mm512_unpackhi_epi16(high01, high23)};
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        sum[j] = _mm512_dpbusd_epi32(sum[j], u[j], _mm512_loadu_si512(w + 64 * j));
}

/* From vectors of four lanes to channels in order: a transposition of lanes. */
INLINE void store_taps(int32_t *acc, const int32_t *start, const __m512i *sum)
{
    const __m512i a = _mm512_shuffle_i32x4(sum[0], sum[1], 0x44),
                  b = _mm512_shuffle_i32x4(sum[2], sum[3], 0x44),
                  c = _mm512_shuffle_i32x4(sum[0], sum[1], 0xEE),
                  d = _mm512_shuffle_i32x4(sum[2], sum[3], 0xEE);
    const __m512i v[4] = {_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xDD),
                          _mm512_shuffle_i32x4(c, d, 0x88), _mm512_shuffle_i32x4(c, d, 0xDD)};
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        _mm512_storeu_si512(acc + 16 * j,
                            _mm512_add_epi32(v[j], _mm512_loadu_si512(start + 16 * j)));
}

static void taps(int32_t *acc, const int8_t *x, ptrdiff_t step, const int_taps *t, int M)
{
    for (; M > 0; M--, x += step) {
        const int8_t *w = t->w;
        for (int c = 0; c < t->n; c += INT_BLOCK, acc += INT_BLOCK) {
            const int left = t->n - c;
            const __mmask64 there = left >= INT_BLOCK ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
            __m512i sum[4];
            for (int j = 0; j < 4; j++) sum[j] = _mm512_setzero_si512();
            for (int k = 0; k < t->n_taps; k += GROUP, w += INT_BLOCK * GROUP)
                add_taps(sum, x + c, t->offset + k, there, w);
            store_taps(acc, t->start + c, sum);
        }
    }
}

/* Rounded (v * multiplier) / 2^31 of 16 numbers, ties up. */
INLINE __m512i high_products(__m512i v, __m512i multiplier)
{
    const __m512i half = _mm512_set1_epi64(1 << 30);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(v, multiplier), half);
    const __m512i odd = _mm512_add_epi64(
        _mm512_mul_epi32(_mm512_srli_epi64(v, 32), _mm512_srli_epi64(multiplier, 32)), half);
    return _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
}

/* v * 2^left, saturated. */
INLINE __m512i shifted_left(__m512i v, __m512i left)
{
    const __m512i most = _mm512_set1_epi32(INT32_MAX), wide = _mm512_sllv_epi32(v, left);
    const __mmask16 wraps = _mm512_cmpneq_epi32_mask(_mm512_srav_epi32(wide, left), v);
    return _mm512_mask_xor_epi32(wide, wraps, most, _mm512_srai_epi32(v, 31));
}

/* v / 2^right, rounded to nearest: what was shifted out last is added. */
INLINE __m512i shifted_right(__m512i v, __m512i right, bool is_up)
{
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i whole = _mm512_srav_epi32(v, right);
    if (is_up) {
        const __m512i last = _mm512_srav_epi32(v, _mm512_sub_epi32(right, one));
        return _mm512_mask_add_epi32(whole, _mm512_test_epi32_mask(right, right), whole,
                                     _mm512_and_si512(last, one));
    }
    const __m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, right), one);
    const __m512i edge = _mm512_sub_epi32(_mm512_srai_epi32(mask, 1), _mm512_srai_epi32(v, 31));
    const __mmask16 more = _mm512_cmpgt_epi32_mask(_mm512_and_si512(v, mask), edge);
    return _mm512_mask_add_epi32(whole, more, whole, one);
}

INLINE void requantize_block(int8_t *y, const int32_t *acc, int n, const requantizer *r, int i,
                             bool is_up)
{
    __m512i v = _mm512_loadu_si512(acc + i);
    if (r->any_left) v = shifted_left(v, _mm512_loadu_si512(r->left + i));
    v = high_products(v, _mm512_loadu_si512(r->multiplier + i));
    v = shifted_right(v, _mm512_loadu_si512(r->right + i), is_up);
    const __m256i words =
        _mm256_adds_epi16(_mm512_cvtsepi32_epi16(v), _mm256_set1_epi16((int16_t)r->zero));
    __m128i bytes = _mm256_cvtsepi16_epi8(words);
    bytes = _mm_max_epi8(bytes, _mm_set1_epi8((int8_t)r->least));
    bytes = _mm_min_epi8(bytes, _mm_set1_epi8((int8_t)r->most));
    if (n - i >= 16)
        _mm_storeu_si128((__m128i *)(void *)(y + i), bytes);
    else
        _mm_mask_storeu_epi8(y + i, (__mmask16)((1 << (n - i)) - 1), bytes);
}

INLINE void dequantize_row(float *y, const int32_t *acc, int n, const dequantizer *d, float scale_x,
                           int32_t zero)
{
    const __m512 scale = _mm512_set1_ps(scale_x), least = _mm512_set1_ps(d->least),
                 most = _mm512_set1_ps(d->most);
    const __m512i z = _mm512_set1_epi32(zero);
    for (int i = 0; i < n; i += 16) {
        const __m512i extra = _mm512_mullo_epi32(z, _mm512_loadu_si512(d->sum + i));
        __m512 v = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_loadu_si512(acc + i), extra));
        v = _mm512_mul_ps(v, _mm512_mul_ps(scale, _mm512_loadu_ps(d->scale + i)));
        v = _mm512_add_ps(v, _mm512_loadu_ps(d->bias + i));
        v = _mm512_min_ps(most, _mm512_max_ps(least, v)); /* NaN stays NaN */
        if (n - i >= 16)
            _mm512_storeu_ps(y + i, v);
        else
            _mm512_mask_storeu_ps(y + i, (__mmask16)((1 << (n - i)) - 1), v);
    }
}

#include "engine/tflite/int_kernel_body.h"

const int_kernels int_kernel_avx512 = {"avx512",  matrix_bytes, pack_matrix, products,  taps_bytes,
                                       pack_taps, taps,         requantize,  dequantize};
#else
typedef int int_kernel_avx512_has_no_code;
#endif
