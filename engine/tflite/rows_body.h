/* The text of the inner loops, compiled once per instruction set: the includer defines ROWS(name).
 * The order of every float sum is fixed by its lanes, so all sets give the same bits. */
#include "engine/tflite/rows.h"

#include <math.h>
#include <string.h>

enum { LANES = 8, BLOCK = 8 };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t lane_mask __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef float half_lanes __attribute__((vector_size(LANES / 2 * sizeof(float))));

static float sum_lanes(const float *lane)
{
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

/* y[0..4) += sum_lanes of four rows: the same tree, a row in each element. */
static inline __attribute__((always_inline)) void add_sums(float *restrict y, const lanes *sum)
{
    half_lanes p[4], low, high, was;
    for (int r = 0; r < 4; r++) {
        memcpy(&low, &sum[r], sizeof low);
        memcpy(&high, (const char *)&sum[r] + sizeof low, sizeof high);
        p[r] = low + high;
    }
    const half_lanes a = __builtin_shufflevector(p[0], p[1], 0, 4, 1, 5);
    const half_lanes b = __builtin_shufflevector(p[2], p[3], 0, 4, 1, 5);
    const half_lanes c = __builtin_shufflevector(p[0], p[1], 2, 6, 3, 7);
    const half_lanes d = __builtin_shufflevector(p[2], p[3], 2, 6, 3, 7);
    const half_lanes first =
        __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
    const half_lanes second =
        __builtin_shufflevector(c, d, 0, 1, 4, 5) + __builtin_shufflevector(c, d, 2, 3, 6, 7);
    memcpy(&was, y, sizeof was);
    was += first + second;
    memcpy(y, &was, sizeof was);
}

/* The last n - i products, each of which joins its own lane. */
static void add_tail(lanes *sum, const float *restrict x, const float *restrict w, int i, int n)
{
    float lane[LANES];
    memcpy(lane, sum, sizeof lane);
    for (int l = 0; i < n; i++, l++) lane[l] += x[i] * w[i];
    memcpy(sum, lane, sizeof lane);
}

/* The same for all rows by whole loads, which read up to LANES - 1 values behind a row. */
static inline __attribute__((always_inline)) void
add_tails(lanes *sum, const float *restrict x, const float *restrict w, int rows, int i, int n)
{
    float part[LANES] = {0};
    lane_mask keep = {0};
    lanes v, u;
    for (int l = 0; i + l < n; l++) {
        part[l] = x[i + l];
        keep[l] = -1;
    }
    memcpy(&v, part, sizeof v);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        memcpy(&u, w + (size_t)r * (size_t)n + i, sizeof u);
        const lanes more = sum[r] + v * u;
        sum[r] = (lanes)((keep & (lane_mask)more) | (~keep & (lane_mask)sum[r]));
    }
}

/* `rows` rows at a time: x is loaded once for them, and their sums do not wait for each other.
 * `n_behind` values may be read behind the last of these rows. */
static inline __attribute__((always_inline)) void float_rows(lanes *sum, const float *restrict x,
                                                             const float *restrict w, int rows,
                                                             int n, size_t n_behind)
{
    int i = 0;
    for (int r = 0; r < rows; r++) sum[r] = (lanes){0};
    for (; i + LANES <= n; i += LANES) {
        lanes v, u;
        memcpy(&v, x + i, sizeof v);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            memcpy(&u, w + (size_t)r * (size_t)n + i, sizeof u);
            sum[r] += v * u;
        }
    }
    if (i < n && n_behind >= LANES)
        add_tails(sum, x, w, rows, i, n);
    else
        for (int r = 0; i < n && r < rows; r++)
            add_tail(&sum[r], x, w + (size_t)r * (size_t)n, i, n);
}

static void ROWS(float)(float *restrict y, const float *restrict x, const float *restrict w,
                        int n_rows, int n)
{
    lanes sum[BLOCK];
    int r = 0;
    for (; r + BLOCK <= n_rows; r += BLOCK, w += (size_t)BLOCK * (size_t)n) {
        float_rows(sum, x, w, BLOCK, n, (size_t)(n_rows - r - BLOCK) * (size_t)n);
        add_sums(y + r, sum);
        add_sums(y + r + 4, sum + 4);
    }
    for (; r < n_rows; r++, w += n) {
        float lane[LANES];
        float_rows(sum, x, w, 1, n, (size_t)(n_rows - r - 1) * (size_t)n);
        memcpy(lane, sum, sizeof lane);
        y[r] += sum_lanes(lane);
    }
}

/* Channels do not meet, so any width gives the same bits: as wide as the set has. */
#ifdef __AVX512F__
enum { WIDE = 16 };
#else
enum { WIDE = 8 };
#endif
typedef float channels __attribute__((vector_size(WIDE * sizeof(float))));
typedef int32_t channel_mask __attribute__((vector_size(WIDE * sizeof(float))));

static void clamp_channels(channels *v, float least, float most) /* NaN stays NaN */
{
    const channels low = (channels){0} + least, high = (channels){0} + most;
    const channel_mask below = *v<low, above = *v> high;
    *v = (channels)((below & (channel_mask)low) | (above & (channel_mask)high) |
                    (~(below | above) & (channel_mask)*v));
}

enum { TAP_VECTORS = 4 };

/* Channels from c on; `vectors` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void
tap_block(float *restrict y, const float *restrict x, const row_taps *t, int c, int vectors)
{
    channels sum[TAP_VECTORS] = {{0}}, u, v;
    const float *restrict w = t->w + c;
    for (int k = 0; t->bias && k < vectors; k++) memcpy(&sum[k], t->bias + c + k * WIDE, sizeof v);
    for (int i = 0; i < t->n_taps; i++, w += t->C) {
        const float *restrict at = x + t->offset[i] + c;
#pragma GCC unroll 4
        for (int k = 0; k < vectors; k++) {
            memcpy(&u, at + k * WIDE, sizeof u);
            memcpy(&v, w + k * WIDE, sizeof v);
            sum[k] += u * v;
        }
    }
    for (int k = 0; k < vectors; k++) {
        clamp_channels(&sum[k], t->least, t->most);
        memcpy(y + c + k * WIDE, &sum[k], sizeof v);
    }
}

static void taps_row(float *restrict y, const float *restrict x, const row_taps *t)
{
    int c = 0;
    for (; c + TAP_VECTORS * WIDE <= t->C; c += TAP_VECTORS * WIDE)
        tap_block(y, x, t, c, TAP_VECTORS);
    for (; c + WIDE <= t->C; c += WIDE) tap_block(y, x, t, c, 1);
    if (c < t->C && t->C >= WIDE) { /* some channels once more rather than the last ones singly */
        tap_block(y, x, t, t->C - WIDE, 1);
        return;
    }
    for (; c < t->C; c++) {
        float sum = t->bias ? t->bias[c] : 0;
        for (int i = 0; i < t->n_taps; i++) sum += x[t->offset[i] + c] * t->w[i * t->C + c];
        y[c] = clamp_float(sum, t->least, t->most);
    }
}

static void ROWS(taps)(float *restrict y, const float *restrict x, ptrdiff_t step,
                       const row_taps *t, int M)
{
    for (; M > 0; M--, y += t->C, x += step) taps_row(y, x, t);
}

enum { PANEL_VECTORS = ROWS_PANEL / WIDE };

/* `vectors` is a constant wherever this is inlined; `left` outputs exist. */
static inline __attribute__((always_inline)) void
matrix_panel(float *restrict y, const float *restrict x, const float *restrict w,
             const float *restrict bias, int vectors, int left, int n, float least, float most)
{
    channels even[PANEL_VECTORS] = {{0}}, odd[PANEL_VECTORS] = {{0}}, u;
    int i = 0;
    for (; i + 2 <= n; i += 2, w += 2 * vectors * WIDE) {
#pragma GCC unroll 8
        for (int k = 0; k < vectors; k++) {
            memcpy(&u, w + k * WIDE, sizeof u);
            even[k] += u * x[i];
            memcpy(&u, w + (vectors + k) * WIDE, sizeof u);
            odd[k] += u * x[i + 1];
        }
    }
    for (int k = 0; i < n && k < vectors; k++) {
        memcpy(&u, w + k * WIDE, sizeof u);
        even[k] += u * x[i];
    }
    for (int k = 0; k < vectors && left > 0; k++, left -= WIDE) {
        memcpy(&u, bias + k * WIDE, sizeof u);
        u += even[k] + odd[k];
        clamp_channels(&u, least, most);
        memcpy(y + k * WIDE, &u, left < WIDE ? sizeof *y * (size_t)left : sizeof u);
    }
}

static void ROWS(matrix)(float *restrict y, const float *restrict x, const float *restrict packed,
                         const float *restrict bias, int N, int n, float least, float most)
{
    enum { QUARTER = PANEL_VECTORS / 4 };
    for (; N > 0; N -= ROWS_PANEL, y += ROWS_PANEL, bias += ROWS_PANEL) {
        if (N > 48)
            matrix_panel(y, x, packed, bias, 4 * QUARTER, N, n, least, most);
        else if (N > 32)
            matrix_panel(y, x, packed, bias, 3 * QUARTER, N, n, least, most);
        else if (N > 16)
            matrix_panel(y, x, packed, bias, 2 * QUARTER, N, n, least, most);
        else
            matrix_panel(y, x, packed, bias, QUARTER, N, n, least, most);
        packed += (size_t)ROWS_PANEL * (size_t)n;
    }
}

/* round(v), ties away from zero, bounded by [least,127]; NaN gives `least`. */
static int8_t to_int8(float v, float least)
{
    v = v > least ? v : least;
    v = v < 127 ? v : 127;
    const int whole = (int)v;
    const float rest = v - (float)whole;
    return (int8_t)(whole + (rest >= 0.5F) - (rest <= -0.5F));
}

typedef int8_t byte_lanes __attribute__((vector_size(LANES)));

/* to_int8 of zero + x * inverse. */
static void quantize(int8_t *restrict q, const float *restrict x, int n, float inverse, float zero,
                     float least)
{
    const lanes low = (lanes){0} + least, high = (lanes){0} + 127.0F;
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        lanes v;
        memcpy(&v, x + i, sizeof v);
        v = zero + v * inverse;
        const lane_mask above = v > low;
        v = (lanes)((above & (lane_mask)v) | (~above & (lane_mask)low));
        const lane_mask below = v < high;
        v = (lanes)((below & (lane_mask)v) | (~below & (lane_mask)high));
        lane_mask whole = __builtin_convertvector(v, lane_mask);
        const lanes rest = v - __builtin_convertvector(whole, lanes);
        whole += (rest <= -0.5F) - (rest >= 0.5F); /* a comparison that holds is -1 */
        const byte_lanes bytes = __builtin_convertvector(whole, byte_lanes);
        memcpy(q + i, &bytes, sizeof bytes);
    }
    for (; i < n; i++) q[i] = to_int8(zero + x[i] * inverse, least);
}

/* The least and greatest of x and 0. */
static void range_of(const float *restrict x, int n, float *least, float *most)
{
    float low[LANES] = {0}, high[LANES] = {0};
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) {
            low[l] = x[i + l] < low[l] ? x[i + l] : low[l];
            high[l] = x[i + l] > high[l] ? x[i + l] : high[l];
        }
    for (; i < n; i++) {
        low[0] = x[i] < low[0] ? x[i] : low[0];
        high[0] = x[i] > high[0] ? x[i] : high[0];
    }
    *least = *most = 0;
    for (int l = 0; l < LANES; l++) {
        *least = low[l] < *least ? low[l] : *least;
        *most = high[l] > *most ? high[l] : *most;
    }
}

static row_quant ROWS(symmetric)(int8_t *restrict q, const float *restrict x, int n)
{
    float least, most;
    range_of(x, n, &least, &most);
    const float range = -least > most ? -least : most;
    if (range == 0) {
        memset(q, 0, (size_t)n);
        return (row_quant){1, 0};
    }
    quantize(q, x, n, 127.0F / range, 0, -127);
    return (row_quant){range / 127.0F, 0};
}

/* The zero point that lies exactly on the grid for the end of the range with the smaller error. */
static int32_t nudged_zero(double least, double most, double scale)
{
    const double from_least = -128 - least / scale, from_most = 127 - most / scale;
    const double error_least = 128 + fabs(least / scale), error_most = 127 + fabs(most / scale);
    const double zero = error_least < error_most ? from_least : from_most;
    return zero >= 127 ? 127 : zero > -128 ? (int32_t)round(zero) : -128;
}

static row_quant ROWS(asymmetric)(int8_t *restrict q, const float *restrict x, int n)
{
    float least, most;
    range_of(x, n, &least, &most);
    if (least == most) {
        memset(q, 0, (size_t)n);
        return (row_quant){1, 0};
    }
    const double scale = ((double)most - (double)least) / 255;
    const row_quant r = {(float)scale, nudged_zero((double)least, (double)most, scale)};
    quantize(q, x, n, 1.0F / r.scale, (float)r.zero, -128);
    return r;
}
