/* DEPTHWISE_CONV_2D: y[b,oy,ox,c*m+j] = act(sum over the window of x[b,y,x,c] * w[0,ky,kx,c*m+j] +
 * bias), m = Co / Ci. float32, int8 with a scale for each channel
 * (integer_ops/depthwise_conv.h), and hybrid: int8 filters with a scale for each channel on float
 * images, each of which becomes int8 by its own range (depthwise_conv_hybrid.h).
 *
 * An output pixel is a sum over taps, each a row of channels times a row of the filter. Where the
 * window moves by one column, and there are so few channels that most of a vector would be empty,
 * all pixels of an image row are computed as one with as many times the channels; for that the
 * image gets a border. */
#include "engine/tflite/int_layer.h"
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"
#include "engine/tflite/window.h"

#include <math.h>
#include <string.h>

typedef struct {
    window win, inner; /* inner: with a border */
    int Co, multiplier, n_taps;
    int pixels; /* output pixels that are computed as one: 1, or all of an image row */
    float least, most;
    const float *filter, *bias; /* float32 constants, repeated for `pixels` */
    const int_kernels *ik;
    int_taps taps; /* int8 filters */
    requantizer requant;
    dequantizer dequant;
    tensor *bordered, *spread, *quantized, *acc, *blank;
} depthwise;

enum {
    MOST_TAPS = INT_MOST_TAPS,
    FULL_CHANNELS = 64,  /* that fill what the widest set computes at a time */
    MOST_REPEATED = 2048 /* channels of a row computed as one */
};

/* The taps of output pixel (oy,ox): where in the image they begin, in values; -1 outside of it. */
static void find_taps(const depthwise *k, int oy, int ox, ptrdiff_t *at)
{
    const window *w = &k->win;
    for (int ky = 0; ky < w->Kh; ky++)
        for (int kx = 0; kx < w->Kw; kx++) {
            const int y = oy * w->stride_h - w->top + ky * w->dilation_h;
            const int x = ox * w->stride_w - w->left + kx * w->dilation_w;
            const bool inside = y >= 0 && y < w->H && x >= 0 && x < w->W;
            *at++ = inside ? ((ptrdiff_t)y * w->W + x) * k->Co : -1;
        }
}

/* The same in the bordered image, for all pixels of row oy. */
static void find_bordered_taps(const depthwise *k, int oy, ptrdiff_t *at)
{
    const window *w = &k->win;
    for (int ky = 0; ky < w->Kh; ky++)
        for (int kx = 0; kx < w->Kw; kx++)
            *at++ = ((ptrdiff_t)(oy * w->stride_h + ky) * k->inner.W + kx) * k->Co;
}

static void find(const depthwise *k, int oy, int ox, ptrdiff_t *at)
{
    if (k->pixels > 1)
        find_bordered_taps(k, oy, at);
    else
        find_taps(k, oy, ox, at);
}

/* x with each channel `multiplier` times, and with a border if rows are computed as one. */
static const void *arrange(const depthwise *k, const void *x, size_t size, int blank)
{
    const window *w = &k->win;
    if (k->multiplier > 1) {
        const char *from = x;
        char *to = k->spread->data;
        for (int i = 0; i < w->H * w->W * w->Ci; i++, from += size)
            for (int j = 0; j < k->multiplier; j++, to += size) memcpy(to, from, size);
        x = k->spread->data;
    }
    if (k->pixels == 1) return x;
    window_put_border(w, &k->inner, (size_t)k->Co * size, k->bordered->data, x, blank);
    return k->bordered->data;
}

static void run_float(const op_node *op)
{
    const depthwise *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data, *filter = k->filter ? k->filter : op->in[1]->data;
    const float *bias = k->bias || !op_bias(op) ? k->bias : op_bias(op)->data;
    const int n = k->pixels * k->Co;
    ptrdiff_t at[MOST_TAPS];
    const float *in[MOST_TAPS], *tap[MOST_TAPS];
    float *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci) {
        const float *image = arrange(k, x, sizeof *x, 0);
        for (int oy = 0; oy < w->Ho; oy++)
            for (int ox = 0; ox < w->Wo; ox += k->pixels, y += n) {
                int n_in = 0;
                find(k, oy, ox, at);
                for (int t = 0; t < k->n_taps; t++) {
                    if (at[t] < 0) continue;
                    in[n_in] = image + at[t];
                    tap[n_in++] = filter + (ptrdiff_t)t * n;
                }
                rows_taps(y, in, tap, n_in, bias, n, k->least, k->most);
            }
    }
}

/* Windows of more than MOST_TAPS: tap by tap. */
static void run_large(const op_node *op)
{
    const depthwise *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data, *filter = op->in[1]->data;
    const float *bias = op_bias(op) ? op_bias(op)->data : NULL;
    float *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int i = 0; i < w->Ho * w->Wo; i++, y += k->Co) {
            for (int c = 0; c < k->Co; c++) y[c] = bias ? bias[c] : 0;
            for (int t = 0; t < w->Kh * w->Kw; t++) {
                const int iy = i / w->Wo * w->stride_h - w->top + t / w->Kw * w->dilation_h;
                const int ix = i % w->Wo * w->stride_w - w->left + t % w->Kw * w->dilation_w;
                if (iy < 0 || iy >= w->H || ix < 0 || ix >= w->W) continue;
                const float *in = x + (iy * w->W + ix) * w->Ci, *tap = filter + t * k->Co;
                for (int c = 0; c < k->Co; c++) y[c] += in[c / k->multiplier] * tap[c];
            }
            for (int c = 0; c < k->Co; c++) y[c] = clamp_float(y[c], k->least, k->most);
        }
}

/* The int8 image `x`: calls `finish` with the sums of each run of output pixels. */
typedef void (*finisher)(const depthwise *k, const int32_t *acc, ptrdiff_t i, void *user);
static void sum_image(const depthwise *k, const int8_t *x, int blank, finisher finish, void *user)
{
    const window *w = &k->win;
    const int8_t *image = arrange(k, x, 1, blank), *in[MOST_TAPS], *outside = k->blank->data;
    const ptrdiff_t n = k->pixels * (ptrdiff_t)k->Co;
    ptrdiff_t at[MOST_TAPS], i = 0;
    memset(k->blank->data, blank, k->blank->bytes);
    for (int oy = 0; oy < w->Ho; oy++)
        for (int ox = 0; ox < w->Wo; ox += k->pixels, i += n) {
            find(k, oy, ox, at);
            for (int t = 0; t < k->n_taps; t++) in[t] = at[t] < 0 ? outside : image + at[t];
            k->ik->taps(k->acc->data, in, &k->taps);
            finish(k, k->acc->data, i, user);
        }
}

typedef struct {
    float *y;
    row_quant rq;
} hybrid_image;

static void finish_hybrid(const depthwise *k, const int32_t *acc, ptrdiff_t i, void *user)
{
    const hybrid_image *h = user;
    k->ik->dequantize(h->y + i, acc, 1, k->pixels * k->Co, &k->dequant, h->rq.scale, h->rq.zero);
}

static void run_hybrid(const op_node *op)
{
    const depthwise *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data;
    hybrid_image h = {.y = op->out[0]->data};
    int8_t *q = k->quantized->data;
    const int n = w->H * w->W * w->Ci;
    for (int b = 0; b < w->B; b++, x += n, h.y += w->Ho * w->Wo * k->Co) {
        h.rq = row_quantize_asymmetric(q, x, n);
        sum_image(k, q, h.rq.zero, finish_hybrid, &h);
    }
}

static void finish_int8(const depthwise *k, const int32_t *acc, ptrdiff_t i, void *y)
{
    k->ik->requantize((int8_t *)y + i, acc, 1, k->pixels * k->Co, &k->requant);
}

static void run_int8(const op_node *op)
{
    const depthwise *k = op->state;
    const window *w = &k->win;
    const int8_t *x = op->in[0]->data;
    int8_t *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci, y += w->Ho * w->Wo * k->Co)
        sum_image(k, x, (int)op->in[0]->quant.zero_point[0], finish_int8, y);
}

static status check_shapes(op_node *op, depthwise *k, err *e)
{
    const tensor *w = op->in[1], *bias = op_bias(op);
    if (w->rank != 4 || w->n == 0 || w->dim[0] != 1)
        return FAIL(e, ERR_INPUT, "the filters must have the shape [1, height, width, channels]");
    TRY(window_plan(&k->win, op->in[0], op->options, w->dim[1], w->dim[2], e));
    const window *v = &k->win;
    k->Co = w->dim[3];
    if (v->Ci < 1 || k->Co % v->Ci != 0)
        return FAIL(e, ERR_INPUT, "filters of %d channels on an input of %d", k->Co, v->Ci);
    k->multiplier = k->Co / v->Ci;
    k->n_taps = v->Kh <= MOST_TAPS && v->Kw <= MOST_TAPS ? v->Kh * v->Kw : MOST_TAPS + 1;
    if (bias && bias->n != k->Co)
        return FAIL(e, ERR_INPUT, "%d biases for %d channels", bias->n, k->Co);
    op->macs = (double)v->B * v->Ho * v->Wo * k->Co * v->Kh * v->Kw;
    const int dim[4] = {v->B, v->Ho, v->Wo, k->Co};
    return op_set_shape(op->out[0], 4, dim, e);
}

/* How many pixels are computed as one, and the memory for that. */
static status plan_rows(op_node *op, depthwise *k, size_t size, bool may_repeat, err *e)
{
    const window *w = &k->win;
    const bool moves_by_one = w->stride_w == 1 && w->dilation_w == 1 && w->dilation_h == 1;
    const bool fits = w->Wo <= MOST_REPEATED / k->Co && w->H > 0 && w->W > 0;
    k->pixels =
        moves_by_one && fits && may_repeat && k->Co % FULL_CHANNELS != 0 && w->Wo > 1 ? w->Wo : 1;
    if (k->multiplier > 1)
        k->spread = op_scratch(op, (size_t)w->H * (size_t)w->W * (size_t)k->Co * size);
    if (k->pixels == 1) return OK;
    TRY(window_add_border(w, &k->inner, e));
    k->bordered = op_scratch(op, (size_t)k->inner.H * (size_t)k->inner.W * (size_t)k->Co * size);
    return OK;
}

/* rows[n], `times` times each. */
static void *repeated(const void *rows, int n_rows, size_t bytes, int times, arena *a, err *e)
{
    char *copy = arena_take(a, (size_t)n_rows * (size_t)times, bytes), *to = copy;
    if (!copy) FAIL(e, ERR_MEM, "out of memory for DEPTHWISE_CONV_2D");
    for (int r = 0; copy && r < n_rows; r++)
        for (int i = 0; i < times; i++, to += bytes)
            memcpy(to, (const char *)rows + (size_t)r * bytes, bytes);
    return copy;
}

/* Everything is float32. */
static status prepare_float(op_node *op, depthwise *k, arena *a, err *e)
{
    const tensor *w = op->in[1], *bias = op_bias(op);
    TRY(op_expect_type(w, "the filter tensor", TFL_FLOAT32, e));
    if (bias) TRY(op_expect_type(bias, "the bias", TFL_FLOAT32, e));
    op->run = k->n_taps > MOST_TAPS ? run_large : run_float;
    k->pixels = 1;
    if (k->n_taps > MOST_TAPS) return OK;
    const bool is_known = w->is_constant && (!bias || bias->is_constant);
    TRY(plan_rows(op, k, sizeof(float), is_known, e));
    if (!is_known) return OK;
    const size_t row = sizeof(float) * (size_t)k->Co;
    k->filter = repeated(w->data, k->n_taps, row, k->pixels, a, e);
    if (bias) k->bias = repeated(bias->data, 1, row, k->pixels, a, e);
    return k->filter && (!bias || k->bias) ? OK : ERR_MEM;
}

/* Sums of the taps of each channel, and their scales. */
static status read_filters(const op_node *op, depthwise *k, int32_t *sum, float *scale, err *e)
{
    const tensor *w = op->in[1];
    TRY(int_expect_weights(w, "the filter tensor", k->Co, 3, e));
    if (k->n_taps > MOST_TAPS)
        return FAIL(e, ERR_INPUT, "int8 filters of %d x %d are not supported", k->win.Kh,
                    k->win.Kw);
    for (int c = 0; c < k->Co; c++) {
        scale[c] = w->quant.scale[w->quant.n == 1 ? 0 : c];
        for (int t = 0; t < k->n_taps; t++) sum[c] += ((const int8_t *)w->data)[t * k->Co + c];
    }
    return OK;
}

static status pack_filters(op_node *op, depthwise *k, const int32_t *offset, arena *a, err *e)
{
    const size_t row = (size_t)k->Co;
    const int n = k->pixels * k->Co;
    const int8_t *w = repeated(op->in[1]->data, k->n_taps, row, k->pixels, a, e);
    const int32_t *start = NULL;
    if (offset) start = repeated(offset, 1, sizeof *start * row, k->pixels, a, e);
    if (!w || (offset && !start)) return ERR_MEM;
    k->ik = int_kernel_choose();
    k->acc = op_scratch(op, sizeof(int32_t) * INT_PITCH((size_t)n));
    k->blank = op_scratch(op, row);
    return int_taps_make(&k->taps, w, start, n, k->n_taps, a, e);
}

/* The library asks for a scale for each channel too. */
static status prepare_hybrid(op_node *op, depthwise *k, const int32_t *sum, const float *scale,
                             arena *a, err *e)
{
    const tensor *bias = op_bias(op);
    const window *w = &k->win;
    const int n = k->pixels * k->Co;
    if (op->in[1]->quant.n != k->Co)
        return FAIL(e, ERR_INPUT, "int8 filters on float images need a scale for each channel");
    TRY(int_expect_bias(op, TFL_FLOAT32, e));
    k->quantized = op_scratch(op, (size_t)w->H * (size_t)w->W * (size_t)w->Ci);
    k->dequant = (dequantizer){.least = k->least, .most = k->most};
    const size_t row = sizeof(float) * (size_t)k->Co;
    sum = repeated(sum, 1, row, k->pixels, a, e);
    scale = repeated(scale, 1, row, k->pixels, a, e);
    const float *b = bias ? repeated(bias->data, 1, row, k->pixels, a, e) : NULL;
    if (!sum || !scale || (bias && !b)) return ERR_MEM;
    op->run = run_hybrid;
    TRY(dequantizer_make(&k->dequant, sum, scale, b, n, a, e));
    return pack_filters(op, k, NULL, a, e);
}

static status prepare_int8(op_node *op, depthwise *k, const int32_t *sum, const float *scale,
                           arena *a, err *e)
{
    const tensor *x = op->in[0], *y = op->out[0], *bias = op_bias(op);
    int32_t *offset;
    TRY(op_expect_type(y, "the output", TFL_INT8, e));
    TRY(op_expect_scale(x, "the input", e));
    TRY(op_expect_scale(y, "the output", e));
    TRY(int_expect_bias(op, TFL_INT32, e));
    TRY(op_int8_bounds(op->options->activation, y, &k->requant.least, &k->requant.most, e));
    TRY(int_offsets(&offset, bias ? bias->data : NULL, (int32_t)x->quant.zero_point[0], sum, k->Co,
                    a, e));
    const int n = k->pixels * k->Co;
    fixed_factor *factor = ARENA_NEW(a, fixed_factor, n);
    if (!factor) return FAIL(e, ERR_MEM, "out of memory for DEPTHWISE_CONV_2D");
    for (int c = 0; c < n; c++)
        factor[c] = fixed_factor_of((double)x->quant.scale[0] * (double)scale[c % k->Co] /
                                    (double)y->quant.scale[0]);
    k->requant.zero = (int32_t)y->quant.zero_point[0];
    op->run = run_int8;
    TRY(requantizer_make(&k->requant, factor, n, a, e));
    return pack_filters(op, k, offset, a, e);
}

status op_depthwise_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 2, 3, 1, e));
    depthwise *k = op->state = ARENA_NEW(a, depthwise, 1);
    if (!k) return FAIL(e, ERR_MEM, "out of memory for DEPTHWISE_CONV_2D");
    TRY(check_shapes(op, k, e));
    const bool is_hybrid = op->in[0]->type == TFL_FLOAT32;
    if (is_hybrid) {
        TRY(op_expect_type(op->out[0], "the output", TFL_FLOAT32, e));
        TRY(op_float_bounds(op->options->activation, &k->least, &k->most, e));
        if (op->in[1]->type != TFL_INT8) return prepare_float(op, k, a, e);
    } else {
        TRY(op_expect_type(op->in[0], "the input", TFL_INT8, e));
    }
    int32_t *sum = ARENA_NEW(a, int32_t, k->Co);
    float *scale = ARENA_NEW(a, float, k->Co);
    if (!sum || !scale) return FAIL(e, ERR_MEM, "out of memory for DEPTHWISE_CONV_2D");
    TRY(read_filters(op, k, sum, scale, e));
    TRY(plan_rows(op, k, 1, true, e));
    return (is_hybrid ? prepare_hybrid : prepare_int8)(op, k, sum, scale, a, e);
}
