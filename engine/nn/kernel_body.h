/* The kernels in vectors of VL floats, compiled once per instruction set. The file that includes
 * this defines VL, KERNELS_NAME, KERNELS_TABLE, KERNELS_FUSED, ROWS (rows of a gemm tile) and the
 * vector functions that compilers have no common operator for: v_fma(a, b, c)      a * b + c,
 * rounded once where the set can v_sqrt(a) v_load_n(p, n)      the first n <= VL floats, 0 behind
 *   v_store_n(p, a, n)  the first n <= VL
 *   transpose(r)        VL x VL in registers
 * Everything else is written with the vector operators of GCC and Clang.
 *
 * gemm keeps a tile of ROWS x 2 vectors of c in registers and streams over K: per k, two loads of b
 * and one broadcast of a per row feed 2 * ROWS multiply-adds. b is walked in panels two vectors
 * wide; a panel of the depths met here stays in the first-level cache while the rows of a pass by.
 */
#include "engine/nn/kernel.h"

#include <stddef.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
/* In front of a loop of constant, short length whose arrays are to live in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

enum { PANEL = 2 * VL };
enum { FETCH_PACE = 16 }; /* floats for each step of K: a cache line */

INLINE vf v_set(float x)
{
    return x - (vf){0};
}

INLINE vf v_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void v_store(float *p, vf v)
{
    memcpy(p, &v, sizeof v);
}

INLINE vf v_relu(vf x) /* NaN stays NaN */
{
    return v_max(v_set(0), x);
}

INLINE vf v_where(vi mask, vf x) /* x where the mask is set, else 0 */
{
    return (vf)(mask & (vi)x);
}

INLINE vf v_clamp(vf x, float least, float most) /* NaN stays NaN */
{
    return v_min(v_set(most), v_max(v_set(least), x));
}

/* exp(x) = 2^n * (1 + q) with n = round(x / ln 2), |r| <= ln 2 / 2, q = expm1(r): Cody & Waite's
 * reduction (355/512 of ln 2 is exact times n) and a degree-6 polynomial fitted to r's range by
 * reweighted least squares, relative error 3e-9. |x| must be below 88. */
INLINE void split_exp(vf x, vf *scale, vf *q)
{
    const vf magic = v_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to a whole number */
    vf t = v_fma(x, v_set(1.44269504f), magic);
    vf n = t - magic;
    vf r = v_fma(n, v_set(-0.693359375f), x);
    r = v_fma(n, v_set(2.12194440e-4f), r);
    vf p = v_fma(r, v_set(1.3814535e-3f), v_set(8.3687457e-3f));
    p = v_fma(r, p, v_set(4.16683909e-2f));
    p = v_fma(r, p, v_set(1.66665204e-1f));
    p = v_fma(r, p, v_set(4.99999934e-1f));
    *q = v_fma(r * r, p, r);
    *scale = (vf)(((vu)t << 23) + 0x3f800000u);
}

INLINE vf v_sigmoid(vf x)
{
    vf scale, q;
    split_exp(-v_clamp(x, -87.0f, 87.0f), &scale, &q);
    return v_set(1.0f) / (v_fma(scale, q, scale) + v_set(1.0f));
}

/* expm1(2x) / (expm1(2x) + 2): exact near 0, where 1 - 2 / (exp(2x) + 1) would cancel. */
INLINE vf v_tanh(vf x)
{
    vf scale, q;
    vf y = v_clamp(x, -10.0f, 10.0f);
    split_exp(y + y, &scale, &q);
    vf em1 = v_fma(scale, q, scale - v_set(1.0f));
    return em1 / (em1 + v_set(2.0f));
}

/* --- gemm --- */

typedef struct {
    const float *a; /* first row of the tile */
    const float *b; /* the panel */
    float *c;
    const float *bias;
    int ldb, last; /* last: floats of the panel's last vector that exist in c */
} tile;

/* Takes from the list what a tile of `steps` steps fetches: from the address returned, *pace floats
 * further with each step. Returns `none` with a pace of 0 when nothing is left. */
static const float *take_span(fetch_list *f, int steps, const float *none, ptrdiff_t *pace)
{
    *pace = 0;
    while (f && f->n > 0) {
        fetch_span *s = &f->span[f->n - 1];
        *pace = steps > 0 ? s->floats / steps : FETCH_PACE;
        if (*pace > FETCH_PACE) *pace = FETCH_PACE;
        const float *at = s->at;
        s->at += steps * *pace;
        s->floats -= steps * *pace;
        if (*pace > 0) return at;
        f->n--; /* less than a float for each step */
    }
    return none;
}

/* `rows`, `vecs`, `tail` and `trans` are constants wherever this is inlined. */
INLINE void run_tile(const gemm *g, const tile *t, int rows, int vecs, bool tail, bool trans)
{
    vf acc[ROWS][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) acc[i][0] = acc[i][1] = v_set(0);
    const float *a = t->a, *b = t->b;
    const ptrdiff_t lda = g->lda;
    const int part = g->b_packed ? VL : t->last;
    ptrdiff_t pace;
    const float *wanted = take_span(g->fetch, g->K, a, &pace);
    for (int k = 0; k < g->K; k++, wanted += pace) {
        __builtin_prefetch(wanted, 0, 2);
        vf bv[2];
#pragma GCC unroll 2
        for (int j = 0; j < vecs; j++)
            bv[j] = tail && j == vecs - 1 ? v_load_n(b + j * VL, part) : v_load(b + j * VL);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            vf av = v_set(trans ? a[i] : a[i * lda]);
#pragma GCC unroll 2
            for (int j = 0; j < vecs; j++) acc[i][j] = v_fma(av, bv[j], acc[i][j]);
        }
        a += trans ? lda : 1;
        b += t->ldb;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
        float *c = t->c + (ptrdiff_t)i * g->ldc;
#pragma GCC unroll 2
        for (int j = 0; j < vecs; j++) {
            const int n = tail && j == vecs - 1 ? t->last : VL;
            vf v = acc[i][j];
            if (g->add) v += n == VL ? v_load(c + j * VL) : v_load_n(c + j * VL, n);
            if (t->bias) v += n == VL ? v_load(t->bias + j * VL) : v_load_n(t->bias + j * VL, n);
            if (g->relu) v = v_relu(v);
            if (n == VL)
                v_store(c + j * VL, v);
            else
                v_store_n(c + j * VL, v, n);
        }
    }
}

INLINE void run_panel(const gemm *g, tile t, int vecs, bool tail, bool trans)
{
    int m = 0;
#define TILES(R)                                      \
    for (; m + (R) <= g->M; m += (R)) {               \
        run_tile(g, &t, (R), vecs, tail, trans);      \
        t.a += (ptrdiff_t)(R) * (trans ? 1 : g->lda); \
        t.c += (ptrdiff_t)(R)*g->ldc;                 \
    }
    TILES(ROWS)
#if ROWS > 4
    TILES(4)
#endif
    TILES(2)
    TILES(1)
#undef TILES
}

#define PANEL_VARIANT(name, vecs, tail, trans)                               \
    static __attribute__((noinline)) void name(const gemm *g, const tile *t) \
    {                                                                        \
        run_panel(g, *t, vecs, tail, trans);                                 \
    }
PANEL_VARIANT(panel_1_part, 1, true, false)
PANEL_VARIANT(panel_1, 1, false, false)
PANEL_VARIANT(panel_2_part, 2, true, false)
PANEL_VARIANT(panel_2, 2, false, false)
PANEL_VARIANT(panel_1_part_t, 1, true, true)
PANEL_VARIANT(panel_1_t, 1, false, true)
PANEL_VARIANT(panel_2_part_t, 2, true, true)
PANEL_VARIANT(panel_2_t, 2, false, true)

/* --- gemm with few columns: c^T, so that a's rows fill the vectors ---
 * The first layers' weight gradients have as many columns as an input has channels. A tile is
 * `vecs` vectors of rows times all N columns; each number is the same chain as in run_tile. */

INLINE void run_thin_tile(const gemm *g, int m, int N, int vecs, int last)
{
    vf acc[8][4];
    const float *a = g->a + m, *b = g->b;
#pragma GCC unroll 8
    for (int n = 0; n < N; n++)
#pragma GCC unroll 4
        for (int j = 0; j < vecs; j++) acc[n][j] = v_set(0);
    for (int k = 0; k < g->K; k++, a += g->lda, b += g->ldb) {
        vf av[4];
#pragma GCC unroll 4
        for (int j = 0; j < vecs; j++)
            av[j] = last < VL ? v_load_n(a + j * VL, last) : v_load(a + j * VL);
#pragma GCC unroll 8
        for (int n = 0; n < N; n++)
#pragma GCC unroll 4
            for (int j = 0; j < vecs; j++) acc[n][j] = v_fma(av[j], v_set(b[n]), acc[n][j]);
    }
    for (int n = 0; n < N; n++)
        for (int j = 0; j < vecs; j++) {
            float sum[VL], *c = g->c + (ptrdiff_t)(m + j * VL) * g->ldc + n;
            v_store(sum, acc[n][j]);
            for (int i = 0; i < last; i++) c[(ptrdiff_t)i * g->ldc] += sum[i];
        }
}

#define THIN_VARIANT(N, vecs)                                                               \
    static __attribute__((noinline)) void thin_##N(const gemm *g)                           \
    {                                                                                       \
        int m = 0;                                                                          \
        for (; m + (vecs)*VL <= g->M; m += (vecs)*VL) run_thin_tile(g, m, N, vecs, VL);     \
        for (; m < g->M; m += VL) run_thin_tile(g, m, N, 1, g->M - m < VL ? g->M - m : VL); \
    }
THIN_VARIANT(1, 4)
THIN_VARIANT(2, 4)
THIN_VARIANT(3, 3)
THIN_VARIANT(4, 3)
THIN_VARIANT(5, 2)
THIN_VARIANT(6, 2)
enum { MAX_THIN = 6 };

static void run_thin(const gemm *g)
{
    static void (*const variant[MAX_THIN])(const gemm *) = {thin_1, thin_2, thin_3,
                                                            thin_4, thin_5, thin_6};
    variant[g->N - 1](g);
}

static bool is_thin(const gemm *g)
{
    return g->N <= MAX_THIN && g->N < VL && g->M >= VL && g->a_transposed && g->add &&
           !g->b_packed && !g->bias && !g->relu;
}

/* The rows [m, m + rows) of c, panel by panel. */
static void run_rows(const gemm *g, int m, int rows)
{
    static void (*const variant[2][4])(const gemm *, const tile *) = {
        {panel_1_part, panel_1, panel_2_part, panel_2},
        {panel_1_part_t, panel_1_t, panel_2_part_t, panel_2_t}};
    gemm part = *g;
    part.M = rows;
    for (int n = 0; n < g->N; n += PANEL) {
        int left = g->N - n, vecs = left > VL ? 2 : 1;
        int last = left >= PANEL ? VL : left - (vecs - 1) * VL;
        tile t = {
            .a = g->a + (g->a_transposed ? m : (ptrdiff_t)m * g->lda),
            .b = g->b_packed ? g->b + (ptrdiff_t)n * g->K : g->b + n,
            .c = g->c + (ptrdiff_t)m * g->ldc + n,
            .bias = g->bias ? g->bias + n : NULL,
            .ldb = g->b_packed ? PANEL : g->ldb,
            .last = last,
        };
        variant[g->a_transposed][2 * (vecs - 1) + (last == VL)](&part, &t);
    }
}

static void run_gemm(const gemm *g)
{
    if (is_thin(g)) {
        run_thin(g);
        return;
    }
    enum { BLOCK_FLOATS = 32768, LEAST_ROWS = 8 * ROWS }; /* of a, which stay in the second cache */
    int rows =
        g->K > BLOCK_FLOATS / LEAST_ROWS ? LEAST_ROWS : BLOCK_FLOATS / (g->K + 1) / ROWS * ROWS;
    for (int m = 0; m < g->M; m += rows) run_rows(g, m, g->M - m < rows ? g->M - m : rows);
}

static void run_pack(float *packed, const float *b, int ldb, int K, int N)
{
    for (int n = 0; n < N; n += PANEL) {
        int left = N - n < PANEL ? N - n : PANEL;
        int first = left < VL ? left : VL, second = left - first;
        for (int k = 0; k < K; k++, packed += PANEL) {
            const float *row = b + (ptrdiff_t)k * ldb + n;
            v_store(packed, first == VL ? v_load(row) : v_load_n(row, first));
            v_store(packed + VL, second == VL ? v_load(row + VL)
                                 : second > 0 ? v_load_n(row + VL, second)
                                              : v_set(0));
        }
    }
}

/* VL columns of b, that is VL rows of w, of which `n` exist. */
static void pack_columns(float *packed, const float *w, int ldw, int K, int n)
{
    vf r[VL];
    for (int k = 0; k < K; k += VL) {
        int depth = K - k < VL ? K - k : VL;
        for (int i = 0; i < VL; i++) {
            const float *row = w + (ptrdiff_t)i * ldw + k;
            r[i] = i >= n ? v_set(0) : depth == VL ? v_load(row) : v_load_n(row, depth);
        }
        transpose(r);
        for (int i = 0; i < depth; i++) v_store(packed + (ptrdiff_t)(k + i) * PANEL, r[i]);
    }
}

static void run_pack_transposed(float *packed, const float *w, int ldw, int K, int N)
{
    for (int n = 0; n < N; n += VL) {
        float *to = packed + (ptrdiff_t)(n / PANEL) * PANEL * K + n % PANEL;
        pack_columns(to, w + (ptrdiff_t)n * ldw, ldw, K, N - n < VL ? N - n : VL);
    }
}

/* --- activations --- */

INLINE vf apply(vf x, activation act)
{
    switch (act) {
    case ACT_RELU:
        return v_relu(x);
    case ACT_TANH:
        return v_tanh(x);
    case ACT_SIGMOID:
        return v_sigmoid(x);
    case ACT_RELU6:
        return v_min(v_set(6), v_relu(x));
    default:
        return x;
    }
}

INLINE void activate_all(float *y, int n, activation act)
{
    int i = 0;
    for (; i + VL <= n; i += VL) v_store(y + i, apply(v_load(y + i), act));
    if (i < n) v_store_n(y + i, apply(v_load_n(y + i, n - i), act), n - i);
}

static void run_activate(float *y, int n, activation act)
{
    switch (act) {
    case ACT_RELU:
        activate_all(y, n, ACT_RELU);
        break;
    case ACT_TANH:
        activate_all(y, n, ACT_TANH);
        break;
    case ACT_SIGMOID:
        activate_all(y, n, ACT_SIGMOID);
        break;
    case ACT_RELU6:
        activate_all(y, n, ACT_RELU6);
        break;
    default:
        break;
    }
}

INLINE vf through(vf dy, vf y, activation act) /* dy times the derivative at output y */
{
    const vf one = v_set(1);
    switch (act) {
    case ACT_RELU:
        return v_where(y > 0, dy);
    case ACT_TANH:
        return dy * (one - y * y);
    case ACT_SIGMOID:
        return dy * (y * (one - y));
    case ACT_RELU6:
        return v_where((y > 0) & (y < 6), dy);
    default:
        return dy;
    }
}

/* One vector of columns, `n` of it real; the sum stays in a register over all rows. */
INLINE void back_columns(float *dy, const float *y, activation act, int rows, int cols, float *db,
                         int n)
{
    vf sum = v_set(0);
    for (int r = 0; r < rows; r++) {
        ptrdiff_t at = (ptrdiff_t)r * cols;
        vf d = n == VL ? v_load(dy + at) : v_load_n(dy + at, n);
        if (act != ACT_NONE) {
            d = through(d, n == VL ? v_load(y + at) : v_load_n(y + at, n), act);
            if (n == VL)
                v_store(dy + at, d);
            else
                v_store_n(dy + at, d, n);
        }
        sum += d;
    }
    if (!db) return;
    if (n == VL)
        v_store(db, v_load(db) + sum);
    else
        v_store_n(db, v_load_n(db, n) + sum, n);
}

/* The whole block as one row. Narrow rows one by one would be stored in parts of vectors, and each
 * load behind such a store waits for it. */
INLINE void back_row(float *dy, const float *y, activation act, int n)
{
    int i = 0;
    for (; i + VL <= n; i += VL) v_store(dy + i, through(v_load(dy + i), v_load(y + i), act));
    if (i < n)
        v_store_n(dy + i, through(v_load_n(dy + i, n - i), v_load_n(y + i, n - i), act), n - i);
}

INLINE void back_all(float *dy, const float *y, activation act, int rows, int cols, float *db)
{
    int c = 0;
    if (cols < VL && act != ACT_NONE) {
        back_row(dy, y, act, rows * cols);
        act = ACT_NONE;
        if (!db) return;
    }
    for (; c + VL <= cols; c += VL)
        back_columns(dy + c, y + c, act, rows, cols, db ? db + c : NULL, VL);
    if (c < cols) back_columns(dy + c, y + c, act, rows, cols, db ? db + c : NULL, cols - c);
}

static void run_activate_back(float *dy, const float *y, activation act, int rows, int cols,
                              float *db)
{
    switch (act) {
    case ACT_RELU:
        back_all(dy, y, ACT_RELU, rows, cols, db);
        break;
    case ACT_TANH:
        back_all(dy, y, ACT_TANH, rows, cols, db);
        break;
    case ACT_SIGMOID:
        back_all(dy, y, ACT_SIGMOID, rows, cols, db);
        break;
    case ACT_RELU6:
        back_all(dy, y, ACT_RELU6, rows, cols, db);
        break;
    default:
        if (db) back_all(dy, dy, ACT_NONE, rows, cols, db);
    }
}

/* --- LSTM --- */

INLINE vf load_some(const float *p, int n)
{
    return n == VL ? v_load(p) : v_load_n(p, n);
}

INLINE void store_some(float *p, vf v, int n)
{
    if (n == VL)
        v_store(p, v);
    else
        v_store_n(p, v, n);
}

/* n units of one example: `gate` points at their i gates, `at` is their place in [B,u]. */
INLINE void lstm_forward_some(const lstm_cell *s, float *gate, ptrdiff_t at, float *h, int n)
{
    const ptrdiff_t u = s->u;
    vf i = v_sigmoid(load_some(gate, n)), f = v_sigmoid(load_some(gate + u, n));
    vf g = v_tanh(load_some(gate + 2 * u, n)), o = v_sigmoid(load_some(gate + 3 * u, n));
    vf c = v_fma(f, load_some(s->c_before + at, n), i * g);
    vf t = v_tanh(c);
    store_some(gate, i, n);
    store_some(gate + u, f, n);
    store_some(gate + 2 * u, g, n);
    store_some(gate + 3 * u, o, n);
    store_some(s->c + at, c, n);
    store_some(s->tanh_c + at, t, n);
    store_some(h, o * t, n);
}

static void run_lstm_forward(const lstm_cell *s)
{
    for (int b = 0; b < s->B; b++) {
        float *gate = s->gates + (ptrdiff_t)b * 4 * s->u, *h = s->h + (ptrdiff_t)b * s->ldh;
        ptrdiff_t at = (ptrdiff_t)b * s->u;
        int j = 0;
        for (; j + VL <= s->u; j += VL) lstm_forward_some(s, gate + j, at + j, h + j, VL);
        if (j < s->u) lstm_forward_some(s, gate + j, at + j, h + j, s->u - j);
    }
}

INLINE void lstm_backward_some(const lstm_cell *s, float *gate, ptrdiff_t at, int n)
{
    const ptrdiff_t u = s->u;
    const vf one = v_set(1);
    vf i = load_some(gate, n), f = load_some(gate + u, n);
    vf g = load_some(gate + 2 * u, n), o = load_some(gate + 3 * u, n);
    vf dh = load_some(s->dh + at, n), t = load_some(s->tanh_c + at, n);
    vf dc = v_fma(dh * o, one - t * t, load_some(s->dc + at, n));
    store_some(gate, dc * g * (i * (one - i)), n);
    store_some(gate + u, dc * load_some(s->c_before + at, n) * (f * (one - f)), n);
    store_some(gate + 2 * u, dc * i * (one - g * g), n);
    store_some(gate + 3 * u, dh * t * (o * (one - o)), n);
    store_some(s->dc + at, dc * f, n);
}

static void run_lstm_backward(const lstm_cell *s)
{
    for (int b = 0; b < s->B; b++) {
        float *gate = s->gates + (ptrdiff_t)b * 4 * s->u;
        ptrdiff_t at = (ptrdiff_t)b * s->u;
        int j = 0;
        for (; j + VL <= s->u; j += VL) lstm_backward_some(s, gate + j, at + j, VL);
        if (j < s->u) lstm_backward_some(s, gate + j, at + j, s->u - j);
    }
}

#include "engine/nn/kernel_image.h"

/* --- optimizers --- */

INLINE void adam_some(float *w, float *g, float *m, float *v, int n, const adam_step *s)
{
    vf grad = load_some(g, n), mean = load_some(m, n), square = load_some(v, n);
    mean = v_fma(grad - mean, v_set(s->one_minus_beta1), mean);
    square = v_fma(v_fma(grad, grad, -square), v_set(s->one_minus_beta2), square);
    vf step = v_set(s->alpha) * mean / (v_sqrt(square) + v_set(s->epsilon));
    store_some(m, mean, n);
    store_some(v, square, n);
    store_some(w, load_some(w, n) - step, n);
    store_some(g, v_set(0), n);
}

static void run_adam(float *w, float *g, float *m, float *v, int n, const adam_step *step)
{
    const adam_step s = *step; /* a copy, which the stores below cannot reach */
    int i = 0;
    for (; i + VL <= n; i += VL) adam_some(w + i, g + i, m + i, v + i, VL, &s);
    if (i < n) adam_some(w + i, g + i, m + i, v + i, n - i, &s);
}

INLINE void sgd_some(float *w, float *g, float *m, int n, const sgd_step *s)
{
    vf step = v_set(-s->rate) * load_some(g, n);
    if (m) {
        vf speed = v_fma(v_set(s->momentum), load_some(m, n), step);
        store_some(m, speed, n);
        step = s->nesterov ? v_fma(v_set(s->momentum), speed, step) : speed;
    }
    store_some(w, load_some(w, n) + step, n);
    store_some(g, v_set(0), n);
}

static void run_sgd(float *w, float *g, float *m, int n, const sgd_step *s)
{
    int i = 0;
    for (; i + VL <= n; i += VL) sgd_some(w + i, g + i, m ? m + i : NULL, VL, s);
    if (i < n) sgd_some(w + i, g + i, m ? m + i : NULL, n - i, s);
}

static void run_mask(float *w, const uint32_t *keep, int n)
{
    int i = 0;
    for (; i + VL <= n; i += VL) {
        vi k;
        memcpy(&k, keep + i, sizeof k);
        v_store(w + i, v_where(k, v_load(w + i)));
    }
    for (; i < n; i++) w[i] = keep[i] ? w[i] : 0.0f;
}

static double run_spin(int rounds, float *sink)
{
    enum { CHAINS = 12 };
    vf sum[CHAINS], x = v_set(*sink), total = v_set(0);
    for (int i = 0; i < CHAINS; i++) sum[i] = x;
    for (int r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) sum[i] = v_fma(sum[i], x, x);
    for (int i = 0; i < CHAINS; i++) total += sum[i];
    *sink = total[0];
    return 2.0 * CHAINS * VL * rounds;
}

const kernels *KERNELS_TABLE(void)
{
    static const kernels table = {
        .name = KERNELS_NAME,
        .lanes = VL,
        .fused = KERNELS_FUSED,
        .gemm = run_gemm,
        .pack = run_pack,
        .pack_transposed = run_pack_transposed,
        .activate = run_activate,
        .activate_back = run_activate_back,
        .lstm_forward = run_lstm_forward,
        .lstm_backward = run_lstm_backward,
        .depthwise = run_depthwise,
        .depthwise_dx = run_depthwise_dx,
        .depthwise_dw = run_depthwise_dw,
        .winograd_input = run_winograd_input,
        .winograd_output = run_winograd_output,
        .winograd_output_back = run_winograd_output_back,
        .winograd_filter = run_winograd_filter,
        .winograd_filter_back = run_winograd_filter_back,
        .column_sums = run_column_sums,
        .batch_norm = run_batch_norm,
        .batch_norm_sums = run_batch_norm_sums,
        .batch_norm_back = run_batch_norm_back,
        .adam = run_adam,
        .sgd = run_sgd,
        .mask = run_mask,
        .spin = run_spin,
    };
    return &table;
}
