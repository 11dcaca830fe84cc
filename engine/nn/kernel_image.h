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

/* n channels of output row ho. */
INLINE void slide_3x3_row(float *y, const float *x, const float *w, const float *bias, bool flipped,
                          bool relu, int C, const image_window *s, int ho, int n)
{
    vf b = bias ? load_some(bias, n) : v_set(0);
    three_rows t = rows_at(x, C, s, ho);
    nine weights;
    UNROLL for (int k = 0; k < 9; k++) weights.at[k / 3][k % 3] =
        t.inside[k / 3] ? load_some(w + (ptrdiff_t)(flipped ? 8 - k : k) * C, n) : v_set(0);
    slide_row(y, &t, &weights, b, relu, C, s, n);
}

static void slide_3x3(float *y, const float *x, const float *w, const float *bias, bool flipped,
                      bool relu, int C, const image_window *s)
{
    for (int ho = 0; ho < s->Ho; ho++, y += (ptrdiff_t)s->Wo * C) {
        int c = 0;
        for (; c + VL <= C; c += VL)
            slide_3x3_row(y + c, x + c, w + c, bias ? bias + c : NULL, flipped, relu, C, s, ho, VL);
        if (c < C)
            slide_3x3_row(y + c, x + c, w + c, bias ? bias + c : NULL, flipped, relu, C, s, ho,
                          C - c);
    }
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

/* --- Winograd's F(2x2, 3x3) ---
 * Lavin & Gray 2016, section 4.1: y = A^T [(G g G^T) * (B^T d B)] A for each 4 x 4 tile d of the input
 * and 2 x 2 tile y of the output. What is numbered 0..15 lies in planes, `plane` floats apart. */

/* B^T along one direction of a tile. */
INLINE void turn_input(vf *a, vf *b, vf *c, vf *d)
{
    vf was_b = *b, was_d = *d;
    *a = *a - *c;
    *b = was_b + *c;
    *d = was_b - was_d;
    *c = *c - was_b;
}

INLINE void winograd_tile(float *v, int plane, const float *x, int C, const image_window *s, int h0,
                          int w0, int n)
{
    vf d[16];
    UNROLL for (int i = 0; i < 16; i++)
    {
        int h = h0 + i / 4, w = w0 + i % 4;
        bool inside = h >= 0 && h < s->H && w >= 0 && w < s->W;
        d[i] = inside ? load_some(x + (ptrdiff_t)(h * s->W + w) * C, n) : v_set(0);
    }
    UNROLL for (int i = 0; i < 4; i++) turn_input(&d[i], &d[4 + i], &d[8 + i], &d[12 + i]);
    UNROLL for (int i = 0; i < 4; i++)
        turn_input(&d[4 * i], &d[4 * i + 1], &d[4 * i + 2], &d[4 * i + 3]);
    UNROLL for (int i = 0; i < 16; i++) store_some(v + (ptrdiff_t)i * plane, d[i], n);
}

static void run_winograd_input(float *v, int plane, const float *x, int C, const image_window *s)
{
    for (int ho = 0; ho < s->Ho; ho += 2)
        for (int wo = 0; wo < s->Wo; wo += 2, v += C) {
            int c = 0;
            for (; c + VL <= C; c += VL)
                winograd_tile(v + c, plane, x + c, C, s, ho - s->top, wo - s->left, VL);
            if (c < C) winograd_tile(v + c, plane, x + c, C, s, ho - s->top, wo - s->left, C - c);
        }
}

typedef struct {
    const float *bias;
    bool relu;
} epilogue;

INLINE void winograd_result(float *y, const float *m, int plane, const epilogue *last, int C,
                            const image_window *s, int ho, int wo, int n)
{
    vf t[2][4], bias = last->bias ? load_some(last->bias, n) : v_set(0);
    UNROLL for (int j = 0; j < 4; j++)
    {
        vf a[4];
        UNROLL for (int i = 0; i < 4; i++) a[i] = load_some(m + (ptrdiff_t)(4 * i + j) * plane, n);
        t[0][j] = a[0] + a[1] + a[2];
        t[1][j] = a[1] - a[2] - a[3];
    }
    UNROLL for (int i = 0; i < 2; i++)
    {
        if (ho + i >= s->Ho) continue;
        vf out[2] = {t[i][0] + t[i][1] + t[i][2] + bias, t[i][1] - t[i][2] - t[i][3] + bias};
        UNROLL for (int j = 0; j < 2; j++)
        {
            if (wo + j >= s->Wo) continue;
            store_some(y + (ptrdiff_t)((ho + i) * s->Wo + wo + j) * C,
                       last->relu ? v_relu(out[j]) : out[j], n);
        }
    }
}

static void run_winograd_output(float *y, const float *m, int plane, const float *bias, bool relu,
                                int C, const image_window *s)
{
    for (int ho = 0; ho < s->Ho; ho += 2)
        for (int wo = 0; wo < s->Wo; wo += 2, m += C)
            for (int c = 0; c < C; c += VL) {
                const epilogue last = {bias ? bias + c : NULL, relu};
                int n = C - c < VL ? C - c : VL;
                winograd_result(y + c, m + c, plane, &last, C, s, ho, wo, n);
            }
}

/* A dy A^T: the derivative of winograd_result. */
INLINE void winograd_result_back(float *m, int plane, const float *dy, int C, const image_window *s,
                                 int ho, int wo, int n)
{
    vf t[4][2];
    UNROLL for (int j = 0; j < 2; j++)
    {
        vf d[2];
        UNROLL for (int i = 0; i < 2; i++)
        {
            bool inside = ho + i < s->Ho && wo + j < s->Wo;
            ptrdiff_t at = (ptrdiff_t)((ho + i) * s->Wo + wo + j) * C;
            d[i] = inside ? load_some(dy + at, n) : v_set(0);
        }
        t[0][j] = d[0], t[1][j] = d[0] + d[1], t[2][j] = d[0] - d[1], t[3][j] = -d[1];
    }
    UNROLL for (int i = 0; i < 4; i++)
    {
        float *to = m + (ptrdiff_t)(4 * i) * plane;
        store_some(to, t[i][0], n);
        store_some(to + plane, t[i][0] + t[i][1], n);
        store_some(to + 2 * (ptrdiff_t)plane, t[i][0] - t[i][1], n);
        store_some(to + 3 * (ptrdiff_t)plane, -t[i][1], n);
    }
}

static void run_winograd_output_back(float *m, int plane, const float *dy, int C,
                                     const image_window *s)
{
    for (int ho = 0; ho < s->Ho; ho += 2)
        for (int wo = 0; wo < s->Wo; wo += 2, m += C)
            for (int c = 0; c < C; c += VL) {
                int n = C - c < VL ? C - c : VL;
                winograd_result_back(m + c, plane, dy + c, C, s, ho, wo, n);
            }
}

/* G along one direction: four numbers from three. */
INLINE void turn_filter(vf *to, vf a, vf b, vf c)
{
    const vf half = v_set(0.5f);
    vf ends = (a + c) * half, middle = b * half;
    to[0] = a, to[1] = ends + middle, to[2] = ends - middle, to[3] = c;
}

static void run_winograd_filter(float *u, const float *w, int Co, int Ci)
{
    const ptrdiff_t plane = (ptrdiff_t)Co * Ci;
    for (int o = 0; o < Co; o++, w += 9 * Ci, u += Ci)
        for (int c = 0; c < Ci; c += VL) {
            int n = Ci - c < VL ? Ci - c : VL;
            vf g[9], t[3][4], out[4];
            UNROLL for (int i = 0; i < 9; i++) g[i] = load_some(w + i * Ci + c, n);
            UNROLL for (int j = 0; j < 3; j++) turn_filter(t[j], g[j], g[3 + j], g[6 + j]);
            UNROLL for (int i = 0; i < 4; i++)
            {
                turn_filter(out, t[0][i], t[1][i], t[2][i]);
                UNROLL for (int j = 0; j < 4; j++)
                    store_some(u + (4 * i + j) * plane + c, out[j], n);
            }
        }
}

/* G^T along one direction: three numbers from four. */
INLINE void turn_filter_back(vf *to, vf a, vf b, vf c, vf d)
{
    const vf half = v_set(0.5f);
    vf sum = (b + c) * half;
    to[0] = a + sum, to[1] = (b - c) * half, to[2] = sum + d;
}

static void run_winograd_filter_back(float *dw, const float *du, int Co, int Ci)
{
    const ptrdiff_t plane = (ptrdiff_t)Co * Ci;
    for (int o = 0; o < Co; o++, dw += 9 * Ci, du += Ci)
        for (int c = 0; c < Ci; c += VL) {
            int n = Ci - c < VL ? Ci - c : VL;
            vf t[4][3], out[3];
            UNROLL for (int j = 0; j < 4; j++)
            {
                vf a[4];
                UNROLL for (int i = 0; i < 4; i++) a[i] =
                    load_some(du + (4 * i + j) * plane + c, n);
                turn_filter_back(t[j], a[0], a[1], a[2], a[3]);
            }
            UNROLL for (int i = 0; i < 3; i++)
            {
                turn_filter_back(out, t[0][i], t[1][i], t[2][i], t[3][i]);
                UNROLL for (int j = 0; j < 3; j++)
                {
                    float *to = dw + (3 * i + j) * Ci + c;
                    store_some(to, load_some(to, n) + out[j], n);
                }
            }
        }
}

/* --- sums over columns ---
 * Here and in batch norm, columns come in blocks of WIDE vectors, so that what is one per column
 * stays in registers while the rows pass by; `vecs` and a full `n` are constants when inlined. */

enum { WIDE = 4 };

/* Batch norm comes back to numbers that left the near caches; the processor's own prefetching stops
 * at the end of each page. */
INLINE void fetch_ahead(const float *p)
{
    enum { AHEAD = 2048 };
    __builtin_prefetch((const char *)p + AHEAD * sizeof *p);
}

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
            fetch_ahead(x + j * VL);
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
            fetch_ahead(x_row + j * VL);
            fetch_ahead(dy_row + j * VL);
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
            fetch_ahead(x_row + j * VL);
            fetch_ahead(dy_row + j * VL);
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
