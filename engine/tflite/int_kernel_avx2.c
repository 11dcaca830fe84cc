/* Compiled with -mavx2 (Makefile); run only where the processor has it.
 *
 * Products of 16-bit numbers, added in pairs to 32 bits: exact, which the products of bytes of this
 * set are not. So weights lie as 16-bit pairs, matrices as [N/16][K/2][16][2], taps as
 * [n/16][taps/2][2 vectors][8][2] in the order in which unpacking leaves 16 channels: 0-3, 8-11 and
 * 4-7, 12-15. */
#include "engine/tflite/int_kernel.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { PANEL = 16, TILE = 6, DEPTH = 512 };

static __m256i load(const void *p)
{
    return _mm256_loadu_si256(p);
}

static void store(void *p, __m256i v)
{
    _mm256_storeu_si256(p, v);
}

static size_t matrix_bytes(int N, int K)
{
    return sizeof(int16_t) * INT_PITCH((size_t)N) * (((size_t)K + 1) / 2 * 2);
}

static void put_start(int32_t *start, const int32_t *offset, int n)
{
    memset(start, 0, sizeof *start * INT_PITCH((size_t)n));
    if (offset) memcpy(start, offset, sizeof *start * (size_t)n);
}

static void pack_matrix(void *packed, int32_t *start, const int8_t *w, const int32_t *offset, int N,
                        int K)
{
    const size_t depth = ((size_t)K + 1) / 2 * 2;
    memset(packed, 0, matrix_bytes(N, K));
    for (int o = 0; o < N; o++, w += K) {
        int16_t *to = (int16_t *)packed + (size_t)(o / PANEL) * PANEL * depth + 2 * (o % PANEL);
        for (int k = 0; k < K; k++)
            to[(size_t)(k / 2) * 2 * PANEL + (size_t)(k % 2)] = (int16_t)w[k];
    }
    put_start(start, offset, N);
}

/* n values as 16-bit numbers, a zero behind an odd number of them. */
static void widen(int16_t *restrict to, const int8_t *restrict x, int n)
{
    int i = 0;
    for (; i + 16 <= n; i += 16)
        store(to + i,
              _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(x + i))));
    for (; i < n; i++) to[i] = (int16_t)x[i];
    if (n % 2) to[n] = 0;
}

/* acc[rows,16] += x[rows,2 pairs] * w, or = start + it; `tile` is a constant when inlined. */
INLINE void product_tile(int32_t *acc, size_t pitch, const int32_t *start, int16_t (*x)[DEPTH],
                         const int16_t *w, int pairs, int tile, int rows)
{
    __m256i sum[TILE][2];
#pragma GCC unroll 6
    for (int i = 0; i < tile; i++) {
        const int32_t *from = start ? start : acc + (size_t)(i < rows ? i : rows - 1) * pitch;
        sum[i][0] = load(from), sum[i][1] = load(from + 8);
    }
    for (int k = 0; k < pairs; k++, w += 2 * PANEL) {
        const __m256i low = load(w), high = load(w + PANEL);
#pragma GCC unroll 6
        for (int i = 0; i < tile; i++) {
            int32_t pair;
            memcpy(&pair, x[i] + 2 * k, sizeof pair);
            const __m256i u = _mm256_set1_epi32(pair);
            sum[i][0] = _mm256_add_epi32(sum[i][0], _mm256_madd_epi16(u, low));
            sum[i][1] = _mm256_add_epi32(sum[i][1], _mm256_madd_epi16(u, high));
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < tile && i < rows; i++)
        store(acc + (size_t)i * pitch, sum[i][0]), store(acc + (size_t)i * pitch + 8, sum[i][1]);
}

static __attribute__((noinline)) void tile_of_many(int32_t *acc, size_t pitch, const int32_t *start,
                                                   int16_t (*x)[DEPTH], const int16_t *w, int pairs,
                                                   int rows)
{
    product_tile(acc, pitch, start, x, w, pairs, TILE, rows);
}

static __attribute__((noinline)) void tile_of_one(int32_t *acc, const int32_t *start,
                                                  int16_t (*x)[DEPTH], const int16_t *w, int pairs)
{
    product_tile(acc, 0, start, x, w, pairs, 1, 1);
}

static void products(int32_t *acc, const int8_t *x, ptrdiff_t ldx, const int_matrix *m, int M)
{
    int16_t wide[TILE][DEPTH];
    const size_t pitch = INT_PITCH((size_t)m->N), depth = ((size_t)m->K + 1) / 2 * 2;
    for (int i = 0; i < M; i += TILE) {
        const int rows = M - i < TILE ? M - i : TILE;
        int32_t *to = acc + (size_t)i * pitch;
        for (int k = 0; k < m->K; k += DEPTH) {
            const int n = m->K - k < DEPTH ? m->K - k : DEPTH, pairs = (n + 1) / 2;
            for (int r = 0; r < TILE && (rows > 1 || r == 0); r++)
                widen(wide[r], x + (i + (r < rows ? r : rows - 1)) * ldx + k, n);
            for (int o = 0; o < m->N; o += PANEL) {
                const int16_t *w = (const int16_t *)m->w + (size_t)o * depth + (size_t)k * PANEL;
                const int32_t *start = k == 0 ? m->start + o : NULL;
                if (rows == 1)
                    tile_of_one(to + o, start, wide, w, pairs);
                else
                    tile_of_many(to + o, pitch, start, wide, w, pairs, rows);
            }
        }
    }
}

static size_t taps_bytes(int n, int n_taps)
{
    return matrix_bytes(n, n_taps);
}

static void pack_taps(void *packed, int32_t *start, const int8_t *w, const int32_t *offset, int n,
                      int n_taps)
{
    const size_t block = ((size_t)n_taps + 1) / 2 * 2 * PANEL;
    memset(packed, 0, taps_bytes(n, n_taps));
    for (int t = 0; t < n_taps; t++)
        for (int c = 0; c < n; c++) {
            const int vector = c % 8 / 4, place = c % PANEL / 8 * 4 + c % 4;
            int16_t *to = (int16_t *)packed + (size_t)(c / PANEL) * block;
            to[t / 2 * 2 * PANEL + PANEL * vector + 2 * place + t % 2] = (int16_t)w[t * n + c];
        }
    put_start(start, offset, n);
}

/* n <= 16 channels. */
INLINE __m256i load_channels(const int8_t *x, int n)
{
    int8_t part[PANEL] = {0};
    if (n < PANEL) {
        memcpy(part, x, (size_t)n);
        x = part;
    }
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)x));
}

static void taps_row(int32_t *acc, const int8_t *x, const int_taps *t)
{
    const int16_t *w = t->w;
    for (int c = 0; c < t->n; c += PANEL) {
        const int n = t->n - c < PANEL ? t->n - c : PANEL;
        __m256i a = _mm256_setzero_si256(), b = a;
        for (int k = 0; k < t->n_taps; k += 2, w += 2 * PANEL) {
            const __m256i u = load_channels(x + t->offset[k] + c, n),
                          v = load_channels(x + t->offset[k + 1] + c, n);
            a = _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_unpacklo_epi16(u, v), load(w)));
            b = _mm256_add_epi32(b,
                                 _mm256_madd_epi16(_mm256_unpackhi_epi16(u, v), load(w + PANEL)));
        }
        const __m256i low = _mm256_permute2x128_si256(a, b, 0x20),
                      high = _mm256_permute2x128_si256(a, b, 0x31);
        store(acc + c, _mm256_add_epi32(low, load(t->start + c)));
        store(acc + c + 8, _mm256_add_epi32(high, load(t->start + c + 8)));
    }
}

static void taps(int32_t *acc, const int8_t *x, ptrdiff_t step, const int_taps *t, int M)
{
    for (; M > 0; M--, x += step, acc += INT_PITCH(t->n)) taps_row(acc, x, t);
}

/* Rounded (v * multiplier) / 2^31 of 8 numbers, ties up. */
INLINE __m256i high_products(__m256i v, __m256i multiplier)
{
    const __m256i half = _mm256_set1_epi64x(1 << 30);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(v, multiplier), half);
    const __m256i odd = _mm256_add_epi64(
        _mm256_mul_epi32(_mm256_srli_epi64(v, 32), _mm256_srli_epi64(multiplier, 32)), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
}

/* v * 2^left, saturated. */
INLINE __m256i shifted_left(__m256i v, __m256i left)
{
    const __m256i wide = _mm256_sllv_epi32(v, left);
    const __m256i fits = _mm256_cmpeq_epi32(_mm256_srav_epi32(wide, left), v);
    const __m256i most = _mm256_xor_si256(_mm256_set1_epi32(INT32_MAX), _mm256_srai_epi32(v, 31));
    return _mm256_blendv_epi8(most, wide, fits);
}

/* v / 2^right, rounded to nearest. */
INLINE __m256i shifted_right(__m256i v, __m256i right, bool is_up)
{
    const __m256i one = _mm256_set1_epi32(1), whole = _mm256_srav_epi32(v, right);
    if (is_up) {
        const __m256i last = _mm256_srav_epi32(v, _mm256_sub_epi32(right, one));
        const __m256i shifts = _mm256_cmpgt_epi32(right, _mm256_setzero_si256());
        return _mm256_add_epi32(whole, _mm256_and_si256(_mm256_and_si256(last, one), shifts));
    }
    const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
    const __m256i edge = _mm256_sub_epi32(_mm256_srai_epi32(mask, 1), _mm256_srai_epi32(v, 31));
    return _mm256_sub_epi32(whole, _mm256_cmpgt_epi32(_mm256_and_si256(v, mask), edge));
}

INLINE __m256i scaled(const int32_t *acc, const requantizer *r, int i, bool is_up)
{
    __m256i v = load(acc + i);
    if (r->any_left) v = shifted_left(v, load(r->left + i));
    return shifted_right(high_products(v, load(r->multiplier + i)), load(r->right + i), is_up);
}

/* 16 values; the arrays have as many. */
INLINE void requantize_block(int8_t *y, const int32_t *acc, int n, const requantizer *r, int i,
                             bool is_up)
{
    const __m256i zero = _mm256_set1_epi16((int16_t)r->zero);
    __m256i words = _mm256_packs_epi32(scaled(acc, r, i, is_up), scaled(acc, r, i + 8, is_up));
    words = _mm256_adds_epi16(_mm256_permute4x64_epi64(words, 0xD8), zero);
    __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    bytes = _mm_max_epi8(bytes, _mm_set1_epi8((int8_t)r->least));
    bytes = _mm_min_epi8(bytes, _mm_set1_epi8((int8_t)r->most));
    memcpy(y + i, &bytes, n - i < 16 ? (size_t)(n - i) : 16);
}

INLINE void dequantize_row(float *y, const int32_t *acc, int n, const dequantizer *d, float scale_x,
                           int32_t zero)
{
    const __m256 scale = _mm256_set1_ps(scale_x), least = _mm256_set1_ps(d->least),
                 most = _mm256_set1_ps(d->most);
    const __m256i z = _mm256_set1_epi32(zero);
    for (int i = 0; i < n; i += 8) {
        const __m256i extra = _mm256_mullo_epi32(z, load(d->sum + i));
        __m256 v = _mm256_cvtepi32_ps(_mm256_sub_epi32(load(acc + i), extra));
        v = _mm256_mul_ps(v, _mm256_mul_ps(scale, _mm256_loadu_ps(d->scale + i)));
        v = _mm256_add_ps(v, _mm256_loadu_ps(d->bias + i));
        v = _mm256_min_ps(most, _mm256_max_ps(least, v)); /* NaN stays NaN */
        memcpy(y + i, &v, n - i < 8 ? sizeof *y * (size_t)(n - i) : sizeof v);
    }
}

#include "engine/tflite/int_kernel_body.h"

const int_kernels int_kernel_avx2 = {"avx2",    matrix_bytes, pack_matrix, products,  taps_bytes,
                                     pack_taps, taps,         requantize,  dequantize};
#else
typedef int int_kernel_avx2_has_no_code;
#endif
