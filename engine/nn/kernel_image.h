/* Kernels of images, part of kernel_body.h's text: depthwise convolution and batch norm. Vectors run
 * over channels, which lie one behind the other. */

/* --- depthwise convolution --- */

/* One vector of one output; `n` of its channels are real. */
INLINE vf window_sum(const float *x, const float *w, bool flipped, int C, const image_window *s,
                     int ho, int wo, int n)
{
    vf sum = v_set(0);
    const int h0 = ho * s->Sh - s->top, w0 = wo * s->Sw - s->left, last = s->Kh * s->Kw - 1;
    for (int kh = 0; kh < s->Kh; kh++)
        for (int kw = 0; kw < s->Kw; kw++) {
            int h = h0 + kh, v = w0 + kw, k = kh * s->Kw + kw;
            if (h < 0 || h >= s->H || v < 0 || v >= s->W) continue;
            sum = v_fma(load_some(x + (ptrdiff_t)(h * s->W + v) * C, n),
                        load_some(w + (ptrdiff_t)(flipped ? last - k : k) * C, n), sum);
        }
    return sum;
}

static void slide_any(float *y, const float *x, const float *w, const float *bias, bool flipped,
                      bool relu, int C, const image_window *s)
{
    for (int ho = 0; ho < s->Ho; ho++)
        for (int wo = 0; wo < s->Wo; wo++, y += C)
            for (int c = 0; c < C; c += VL) {
                int n = C - c < VL ? C - c : VL;
                vf sum = window_sum(x + c, w + c, flipped, C, s, ho, wo, n);
                if (bias) sum += load_some(bias + c, n);
                store_some(y + c, relu ? v_relu(sum) : sum, n);
            }
}

/* 3 x 3 with stride 1: three columns of three rows stay in registers while the window moves along
 * a row, so that each output loads three vectors and not nine. */
typedef struct {
    vf at[3][3]; /* [row][column] */
} nine;

/* Rows outside of the image are read from inside and count nothing: their weights are 0. */
typedef struct {
    const float *row[3];
    bool inside[3];
} three_rows;

INLINE three_rows rows_at(const float *x, int C, const image_window *s, int ho)
{
    three_rows t;
    UNROLL for (int i = 0; i < 3; i++)
    {
        int h = ho - s->top + i;
        t.inside[i] = h >= 0 && h < s->H;
        t.row[i] = x + (ptrdiff_t)(t.inside[i] ? h : 0) * s->W * C;
    }
    return t;
}

INLINE void load_column(nine *q, int place, const three_rows *t, int col, int W, int C, int n)
{
    bool inside = col >= 0 && col < W;
    UNROLL for (int i = 0; i < 3; i++) q->at[i][place] =
        inside ? load_some(t->row[i] + (ptrdiff_t)col * C, n) : v_set(0);
}

INLINE void shift_columns(nine *q)
{
    UNROLL for (int i = 0; i < 3; i++)
    {
        q->at[i][0] = q->at[i][1];
        q->at[i][1] = q->at[i][2];
    }
}

/* n channels of one row of outputs. */
INLINE void slide_row(float *y, const three_rows *t, const nine *w, vf bias, bool relu, int C,
                      const image_window *s, int n)
{
    nine q;
    load_column(&q, 0, t, -s->left, s->W, C, n);
    load_column(&q, 1, t, 1 - s->left, s->W, C, n);
    for (int wo = 0; wo < s->Wo; wo++, y += C) {
        load_column(&q, 2, t, wo + 2 - s->left, s->W, C, n);
        vf sum = v_set(0);
        UNROLL for (int i = 0; i < 3; i++) UNROLL for (int j = 0; j < 3; j++) sum =
            v_fma(q.at[i][j], w->at[i][j], sum);
        sum += bias;
        store_some(y, relu ? v_relu(sum) : sum, n);
        shift_columns(&q);
    }
}

INLINE void slide_3x3_some(float *y, const float *x, const float *w, const float *bias,
                           bool flipped, bool relu, int C, const image_window *s, int n)
{
    vf b = bias ? load_some(bias, n) : v_set(0);
    for (int ho = 0; ho < s->Ho; ho++) {
        three_rows t = rows_at(x, C, s, ho);
        nine weights;
        UNROLL for (int k = 0; k < 9; k++) weights.at[k / 3][k % 3] =
            t.inside[k / 3] ? load_some(w + (ptrdiff_t)(flipped ? 8 - k : k) * C, n) : v_set(0);
        slide_row(y + (ptrdiff_t)ho * s->Wo * C, &t, &weights, b, relu, C, s, n);
    }
}

static void slide_3x3(float *y, const float *x, const float *w, const float *bias, bool flipped,
                      bool relu, int C, const image_window *s)
{
    int c = 0;
    for (; c + VL <= C; c += VL)
        slide_3x3_some(y + c, x + c, w + c, bias ? bias + c : NULL, flipped, relu, C, s, VL);
    if (c < C)
        slide_3x3_some(y + c, x + c, w + c, bias ? bias + c : NULL, flipped, relu, C, s, C - c);
}

static bool is_3x3(const image_window *s)
{
    return s->Kh == 3 && s->Kw == 3 && s->Sh == 1 && s->Sw == 1;
}

static void run_depthwise(float *y, const float *x, const float *w, const float *bias, bool flipped,
                          bool relu, int C, const image_window *s)
{
    (is_3x3(s) ? slide_3x3 : slide_any)(y, x, w, bias, flipped, relu, C, s);
}

/* Any stride: each output's gradient goes back to where its window was. */
static void spread_depthwise(float *dx, const float *dy, const float *w, int C,
                             const image_window *s)
{
    memset(dx, 0, (size_t)s->H * (size_t)s->W * (size_t)C * sizeof *dx);
    for (int o = 0; o < s->Ho * s->Wo; o++)
        for (int k = 0; k < s->Kh * s->Kw; k++) {
            int h = o / s->Wo * s->Sh - s->top + k / s->Kw;
            int v = o % s->Wo * s->Sw - s->left + k % s->Kw;
            if (h < 0 || h >= s->H || v < 0 || v >= s->W) continue;
            float *to = dx + (ptrdiff_t)(h * s->W + v) * C;
            for (int c = 0; c < C; c += VL) {
                int n = C - c < VL ? C - c : VL;
                vf d = load_some(dy + (ptrdiff_t)o * C + c, n);
                vf product = v_fma(d, load_some(w + (ptrdiff_t)k * C + c, n), load_some(to + c, n));
                store_some(to + c, product, n);
            }
        }
}

/* With stride 1 a convolution of dy with the kernel read backwards. */
static void run_depthwise_dx(float *dx, const float *dy, const float *w, int C,
                             const image_window *s)
{
    if (s->Sh != 1 || s->Sw != 1) {
        spread_depthwise(dx, dy, w, C, s);
        return;
    }
    image_window back = {.H = s->Ho,
                         .W = s->Wo,
                         .Ho = s->H,
                         .Wo = s->W,
                         .Kh = s->Kh,
                         .Kw = s->Kw,
                         .Sh = 1,
                         .Sw = 1,
                         .top = s->Kh - 1 - s->top,
                         .left = s->Kw - 1 - s->left};
    run_depthwise(dx, dy, w, NULL, true, false, C, &back);
}

static void add_dw_any(float *dw, const float *x, const float *dy, int C, const image_window *s)
{
    for (int k = 0; k < s->Kh * s->Kw; k++)
        for (int c = 0; c < C; c += VL) {
            int n = C - c < VL ? C - c : VL;
            vf sum = v_set(0);
            for (int o = 0; o < s->Ho * s->Wo; o++) {
                int h = o / s->Wo * s->Sh - s->top + k / s->Kw;
                int v = o % s->Wo * s->Sw - s->left + k % s->Kw;
                if (h < 0 || h >= s->H || v < 0 || v >= s->W) continue;
                sum = v_fma(load_some(x + (ptrdiff_t)(h * s->W + v) * C + c, n),
                            load_some(dy + (ptrdiff_t)o * C + c, n), sum);
            }
            float *to = dw + (ptrdiff_t)k * C + c;
            store_some(to, load_some(to, n) + sum, n);
        }
}

/* The nine sums stay in registers over the whole image. */
INLINE void add_dw_3x3_some(float *dw, const float *x, const float *dy, int C,
                            const image_window *s, int n)
{
    nine sum;
    UNROLL for (int k = 0; k < 9; k++) sum.at[k / 3][k % 3] = v_set(0);
    for (int ho = 0; ho < s->Ho; ho++) {
        three_rows t = rows_at(x, C, s, ho);
        const vf none = v_set(0);
        nine q;
        load_column(&q, 0, &t, -s->left, s->W, C, n);
        load_column(&q, 1, &t, 1 - s->left, s->W, C, n);
        for (int wo = 0; wo < s->Wo; wo++, dy += C) {
            vf d = load_some(dy, n);
            load_column(&q, 2, &t, wo + 2 - s->left, s->W, C, n);
            UNROLL for (int i = 0; i < 3; i++)
            {
                vf own = t.inside[i] ? d : none;
                UNROLL for (int j = 0; j < 3; j++) sum.at[i][j] =
                    v_fma(q.at[i][j], own, sum.at[i][j]);
            }
            shift_columns(&q);
        }
    }
    UNROLL for (int k = 0; k < 9; k++)
    {
        float *to = dw + (ptrdiff_t)k * C;
        store_some(to, load_some(to, n) + sum.at[k / 3][k % 3], n);
    }
}

static void run_depthwise_dw(float *dw, const float *x, const float *dy, int C,
                             const image_window *s)
{
    if (!is_3x3(s)) {
        add_dw_any(dw, x, dy, C, s);
        return;
    }
    int c = 0;
    for (; c + VL <= C; c += VL) add_dw_3x3_some(dw + c, x + c, dy + c, C, s, VL);
    if (c < C) add_dw_3x3_some(dw + c, x + c, dy + c, C, s, C - c);
}

/* --- sums over columns ---
 * Here and in batch norm, columns come in blocks of WIDE vectors, so that what is one per column
 * stays in registers while the rows pass by; `vecs` and a full `n` are constants when inlined. */

enum { WIDE = 4 };

INLINE void load_block(vf *to, const float *from, int vecs, int n)
{
    UNROLL for (int j = 0; j < vecs; j++) to[j] = load_some(from + j * VL, n);
}

INLINE void add_block(float *to, const vf *sum, int vecs, int n)
{
    UNROLL for (int j = 0; j < vecs; j++)
        store_some(to + j * VL, load_some(to + j * VL, n) + sum[j], n);
}

/* Calls f(..., column, vecs, n) for all blocks of `cols` columns. */
#define FOR_BLOCKS(cols, f, ...)                                                        \
    do {                                                                                \
        int c_ = 0;                                                                     \
        for (; c_ + WIDE * VL <= (cols); c_ += WIDE * VL) f(__VA_ARGS__, c_, WIDE, VL); \
        for (; c_ + VL <= (cols); c_ += VL) f(__VA_ARGS__, c_, 1, VL);                  \
        if (c_ < (cols)) f(__VA_ARGS__, c_, 1, (cols)-c_);                              \
    } while (0)

typedef struct {
    const float *x, *shift;
    int rows, cols;
    float *sum, *square;
} column_job;

INLINE void column_sums_block(const column_job *s, int c, int vecs, int n)
{
    vf total[WIDE], squares[WIDE], middle[WIDE];
    UNROLL for (int j = 0; j < vecs; j++) total[j] = squares[j] = middle[j] = v_set(0);
    if (s->shift) load_block(middle, s->shift + c, vecs, n);
    const float *x = s->x + c;
    for (int r = 0; r < s->rows; r++, x += s->cols) {
        UNROLL for (int j = 0; j < vecs; j++)
        {
            vf d = load_some(x + j * VL, n) - middle[j];
            total[j] += d;
            squares[j] = v_fma(d, d, squares[j]);
        }
    }
    add_block(s->sum + c, total, vecs, n);
    if (s->square) add_block(s->square + c, squares, vecs, n);
}

static void run_column_sums(const float *x, const float *shift, int rows, int cols, float *sum,
                            float *square)
{
    const column_job s = {x, shift, rows, cols, sum, square};
    FOR_BLOCKS(cols, column_sums_block, &s);
}

/* --- batch norm --- */

INLINE vf rectified(vf z, activation act)
{
    if (act != ACT_NONE) z = v_relu(z);
    return act == ACT_RELU6 ? v_min(v_set(6), z) : z;
}

/* dy where act lets it through: z is what act got. */
INLINE vf through_rectifier(vf dy, vf z, activation act)
{
    if (act == ACT_RELU) return v_where(z > 0, dy);
    if (act == ACT_RELU6) return v_where((z > 0) & (z < 6), dy);
    return dy;
}

INLINE void norm_block(const batch_norm *s, activation act, int c, int vecs, int n)
{
    vf scale[WIDE], shift[WIDE];
    load_block(scale, s->scale + c, vecs, n);
    load_block(shift, s->shift + c, vecs, n);
    const float *x = s->x + c;
    float *y = s->y + c;
    const ptrdiff_t cols = s->cols;
    for (int r = s->rows; r > 0; r--, x += cols, y += cols) {
        UNROLL for (int j = 0; j < vecs; j++)
        {
            vf z = v_fma(load_some(x + j * VL, n), scale[j], shift[j]);
            store_some(y + j * VL, rectified(z, act), n);
        }
    }
}

INLINE void norm_sums_block(const batch_norm *s, activation act, int c, int vecs, int n)
{
    vf scale[WIDE], shift[WIDE], mean[WIDE], sum[WIDE], product[WIDE];
    load_block(scale, s->scale + c, vecs, n);
    load_block(shift, s->shift + c, vecs, n);
    load_block(mean, s->mean + c, vecs, n);
    UNROLL for (int j = 0; j < vecs; j++) sum[j] = product[j] = v_set(0);
    const float *x_row = s->x + c, *dy_row = s->dy + c;
    for (int r = 0; r < s->rows; r++, x_row += s->cols, dy_row += s->cols) {
        UNROLL for (int j = 0; j < vecs; j++)
        {
            vf x = load_some(x_row + j * VL, n);
            vf g =
                through_rectifier(load_some(dy_row + j * VL, n), v_fma(x, scale[j], shift[j]), act);
            sum[j] += g;
            product[j] = v_fma(g, x - mean[j], product[j]);
        }
    }
    add_block(s->sum_g + c, sum, vecs, n);
    add_block(s->sum_gx + c, product, vecs, n);
}

INLINE void norm_back_block(const batch_norm *s, activation act, int c, int vecs, int n)
{
    vf scale[WIDE], shift[WIDE], mean[WIDE], pull[WIDE], level[WIDE];
    load_block(scale, s->scale + c, vecs, n);
    load_block(shift, s->shift + c, vecs, n);
    load_block(mean, s->mean + c, vecs, n);
    load_block(pull, s->pull + c, vecs, n);
    load_block(level, s->level + c, vecs, n);
    const float *x_row = s->x + c, *dy_row = s->dy + c;
    float *dx = s->y + c;
    const ptrdiff_t cols = s->cols;
    for (int r = s->rows; r > 0; r--, x_row += cols, dy_row += cols, dx += cols) {
        UNROLL for (int j = 0; j < vecs; j++)
        {
            vf x = load_some(x_row + j * VL, n);
            vf g =
                through_rectifier(load_some(dy_row + j * VL, n), v_fma(x, scale[j], shift[j]), act);
            vf rest = v_fma(pull[j], x - mean[j], level[j]);
            store_some(dx + j * VL, v_fma(scale[j], g, rest), n);
        }
    }
}

#define NORM_KERNEL(name, block)                      \
    static void name(const batch_norm *job)           \
    {                                                 \
        const batch_norm s = *job;                    \
        if (s.act == ACT_RELU)                        \
            FOR_BLOCKS(s.cols, block, &s, ACT_RELU);  \
        else if (s.act == ACT_RELU6)                  \
            FOR_BLOCKS(s.cols, block, &s, ACT_RELU6); \
        else                                          \
            FOR_BLOCKS(s.cols, block, &s, ACT_NONE);  \
    }
NORM_KERNEL(run_batch_norm, norm_block)
NORM_KERNEL(run_batch_norm_sums, norm_sums_block)
NORM_KERNEL(run_batch_norm_back, norm_back_block)
#undef NORM_KERNEL
#undef FOR_BLOCKS
