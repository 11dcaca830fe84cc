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

static void run_depthwise(float *y, const float *x, const float *w, const float *bias, bool flipped,
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

static void run_depthwise_dw(float *dw, const float *x, const float *dy, int C,
                             const image_window *s)
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

/* --- sums over columns --- */

/* One vector of columns; even and odd rows in chains of their own. */
INLINE void column_sums_some(const float *x, const float *shift, int rows, int cols, float *sum,
                             float *square, int n)
{
    vf total[2] = {v_set(0), v_set(0)}, squares[2] = {v_set(0), v_set(0)};
    vf middle = shift ? load_some(shift, n) : v_set(0);
    for (int r = 0; r < rows; r++) {
        vf d = load_some(x + (ptrdiff_t)r * cols, n) - middle;
        total[r & 1] += d;
        squares[r & 1] = v_fma(d, d, squares[r & 1]);
    }
    store_some(sum, load_some(sum, n) + (total[0] + total[1]), n);
    if (square) store_some(square, load_some(square, n) + (squares[0] + squares[1]), n);
}

static void run_column_sums(const float *x, const float *shift, int rows, int cols, float *sum,
                            float *square)
{
    for (int c = 0; c < cols; c += VL)
        column_sums_some(x + c, shift ? shift + c : NULL, rows, cols, sum + c,
                         square ? square + c : NULL, cols - c < VL ? cols - c : VL);
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

INLINE void batch_norm_all(const batch_norm *s, activation act)
{
    for (int r = 0; r < s->rows; r++)
        for (int c = 0; c < s->cols; c += VL) {
            int n = s->cols - c < VL ? s->cols - c : VL;
            ptrdiff_t at = (ptrdiff_t)r * s->cols + c;
            vf z = v_fma(load_some(s->x + at, n), load_some(s->scale + c, n),
                         load_some(s->shift + c, n));
            store_some(s->y + at, rectified(z, act), n);
        }
}

static void run_batch_norm(const batch_norm *s)
{
    if (s->act == ACT_RELU)
        batch_norm_all(s, ACT_RELU);
    else if (s->act == ACT_RELU6)
        batch_norm_all(s, ACT_RELU6);
    else
        batch_norm_all(s, ACT_NONE);
}

INLINE void batch_norm_sums_some(const batch_norm *s, activation act, int c, int n)
{
    vf sum[2] = {v_set(0), v_set(0)}, product[2] = {v_set(0), v_set(0)};
    const vf scale = load_some(s->scale + c, n), shift = load_some(s->shift + c, n),
             mean = load_some(s->mean + c, n);
    for (int r = 0; r < s->rows; r++) {
        ptrdiff_t at = (ptrdiff_t)r * s->cols + c;
        vf x = load_some(s->x + at, n);
        vf g = through_rectifier(load_some(s->dy + at, n), v_fma(x, scale, shift), act);
        sum[r & 1] += g;
        product[r & 1] = v_fma(g, x - mean, product[r & 1]);
    }
    store_some(s->sum_g + c, load_some(s->sum_g + c, n) + (sum[0] + sum[1]), n);
    store_some(s->sum_gx + c, load_some(s->sum_gx + c, n) + (product[0] + product[1]), n);
}

INLINE void batch_norm_sums_all(const batch_norm *s, activation act)
{
    for (int c = 0; c < s->cols; c += VL)
        batch_norm_sums_some(s, act, c, s->cols - c < VL ? s->cols - c : VL);
}

static void run_batch_norm_sums(const batch_norm *s)
{
    if (s->act == ACT_RELU)
        batch_norm_sums_all(s, ACT_RELU);
    else if (s->act == ACT_RELU6)
        batch_norm_sums_all(s, ACT_RELU6);
    else
        batch_norm_sums_all(s, ACT_NONE);
}

INLINE void batch_norm_back_all(const batch_norm *s, activation act)
{
    for (int r = 0; r < s->rows; r++)
        for (int c = 0; c < s->cols; c += VL) {
            int n = s->cols - c < VL ? s->cols - c : VL;
            ptrdiff_t at = (ptrdiff_t)r * s->cols + c;
            vf x = load_some(s->x + at, n), scale = load_some(s->scale + c, n);
            vf g = through_rectifier(load_some(s->dy + at, n),
                                     v_fma(x, scale, load_some(s->shift + c, n)), act);
            vf rest = v_fma(load_some(s->pull + c, n), x - load_some(s->mean + c, n),
                            load_some(s->level + c, n));
            store_some(s->y + at, v_fma(scale, g, rest), n);
        }
}

static void run_batch_norm_back(const batch_norm *s)
{
    if (s->act == ACT_RELU)
        batch_norm_back_all(s, ACT_RELU);
    else if (s->act == ACT_RELU6)
        batch_norm_back_all(s, ACT_RELU6);
    else
        batch_norm_back_all(s, ACT_NONE);
}
