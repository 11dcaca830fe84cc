/* DEPTHWISE_CONV_2D: y[b,oy,ox,c*m+j] = act(sum over the window of x[b,y,x,c] * w[0,ky,kx,c*m+j] +
 * bias), m = Co / Ci. float32, int8 with a scale for each channel
 * (integer_ops/depthwise_conv.h), and hybrid: int8 filters with a scale for each channel on float
 * images, each of which becomes int8 by its own range (depthwise_conv_hybrid.h).
 *
 * An output pixel is a sum over taps, each a row of channels times a row of the filter. The image gets
 * its padding around it, so that all pixels find their taps at the same offsets. Where the window
 * moves by one column, and there are so few channels that most of a vector would be empty, all
 * pixels of an image row are computed as one with as many times the channels. */
#include "engine/tflite/int_layer.h"
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"
#include "engine/tflite/window.h"

#include <math.h>
#include <string.h>

typedef struct {
    window outer, win; /* of the input; of the input with its padding around it */
    int Co, multiplier;
    int pixels; /* output pixels that are computed as one: 1, or all of an image row */
    float least, most;
    row_taps taps; /* float32 */
    const int_kernels *ik;
    int_taps int_taps; /* int8 filters */
    requantizer requant;
    dequantizer dequant;
    tensor *bordered, *spread, *quantized, *acc;
} depthwise;

enum {
    FULL_CHANNELS = 64,   /* that fill what the widest set computes at a time */
    MOST_REPEATED = 2048, /* channels of a row computed as one */
    MOST_BLOCK = 8        /* int8 pixels whose sums are kept before they are rounded */
};

/* x with each channel `multiplier` times, and with its padding around it. */
static const void *arrange(const depthwise *k, const void *x, size_t size, int blank)
{
    const window *w = &k->outer;
    if (k->multiplier > 1) {
        const char *from = x;
        char *to = k->spread->data;
        for (int i = 0; i < w->H * w->W * w->Ci; i++, from += size)
            for (int j = 0; j < k->multiplier; j++, to += size) memcpy(to, from, size);
        x = k->spread->data;
    }
    if (!k->bordered) return x;
    window_put_border(w, &k->win, (size_t)k->Co * size, k->bordered->data, x, blank);
    return k->bordered->data;
}

/* Where the windows of output row oy begin, and how far the next one in it is, in values. */
static ptrdiff_t row_start(const depthwise *k, int oy)
{
    return (ptrdiff_t)(oy * k->win.stride_h) * k->win.W * k->Co;
}

static ptrdiff_t pixel_step(const depthwise *k)
{
    return k->win.Wo > 1 ? (ptrdiff_t)k->win.stride_w * k->Co : 0;
}

static void run_float(const op_node *op)
{
    const depthwise *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data;
    row_taps t = k->taps;
    float *y = op->out[0]->data;
    if (!t.w) t.w = op->in[1]->data;
    if (!t.bias && op_bias(op)) t.bias = op_bias(op)->data;
    for (int b = 0; b < w->B; b++, x += k->outer.H * k->outer.W * w->Ci) {
        const float *image = arrange(k, x, sizeof *x, 0);
        for (int oy = 0; oy < w->Ho; oy++, y += w->Wo * k->Co)
            rows_taps(y, image + row_start(k, oy), pixel_step(k), &t, w->Wo / k->pixels);
    }
}

/* Calls `finish` with the sums of each block of output pixels of the int8 image x, the first of
 * which is output value i. */
typedef void (*finisher)(const depthwise *k, int M, ptrdiff_t i, void *user);
static void sum_image(const depthwise *k, const int8_t *x, int blank, finisher finish, void *user)
{
    const window *w = &k->win;
    const int8_t *image = arrange(k, x, 1, blank);
    const int n = w->Wo / k->pixels;
    ptrdiff_t i = 0;
    for (int oy = 0; oy < w->Ho; oy++)
        for (int ox = 0, M; ox < n; ox += M, i += (ptrdiff_t)M * k->int_taps.n) {
            M = n - ox < MOST_BLOCK ? n - ox : MOST_BLOCK;
            k->ik->taps(k->acc->data, image + row_start(k, oy) + ox * pixel_step(k), pixel_step(k),
                        &k->int_taps, M);
            finish(k, M, i, user);
        }
}

typedef struct {
    float *y;
    row_quant rq;
} hybrid_image;

static void finish_hybrid(const depthwise *k, int M, ptrdiff_t i, void *user)
{
    const hybrid_image *h = user;
    k->ik->dequantize(h->y + i, k->acc->data, M, k->int_taps.n, &k->dequant, h->rq.scale,
                      h->rq.zero);
}

static void run_hybrid(const op_node *op)
{
    const depthwise *k = op->state;
    const float *x = op->in[0]->data;
    hybrid_image h = {.y = op->out[0]->data};
    int8_t *q = k->quantized->data;
    const int n = k->outer.H * k->outer.W * k->outer.Ci;
    for (int b = 0; b < k->win.B; b++, x += n, h.y += k->win.Ho * k->win.Wo * k->Co) {
        h.rq = row_quantize_asymmetric(q, x, n);
        sum_image(k, q, h.rq.zero, finish_hybrid, &h);
    }
}

static void finish_int8(const depthwise *k, int M, ptrdiff_t i, void *y)
{
    k->ik->requantize((int8_t *)y + i, k->acc->data, M, k->int_taps.n, &k->requant);
}

static void run_int8(const op_node *op)
{
    const depthwise *k = op->state;
    const window *w = &k->outer;
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
    TRY(window_plan(&k->outer, op->in[0], op->options, w->dim[1], w->dim[2], e));
    TRY(window_add_border(&k->outer, &k->win, e));
    const window *v = &k->win;
    k->Co = w->dim[3];
    if (v->Ci < 1 || k->Co % v->Ci != 0)
        return FAIL(e, ERR_INPUT, "filters of %d channels on an input of %d", k->Co, v->Ci);
    k->multiplier = k->Co / v->Ci;
    if (bias && bias->n != k->Co)
        return FAIL(e, ERR_INPUT, "%d biases for %d channels", bias->n, k->Co);
    op->macs = (double)v->B * v->Ho * v->Wo * k->Co * v->Kh * v->Kw;
    const int dim[4] = {v->B, v->Ho, v->Wo, k->Co};
    return op_set_shape(op->out[0], 4, dim, e);
}

/* How many pixels are computed as one, and the memory that the image needs for it. */
static void plan_image(op_node *op, depthwise *k, size_t size, bool may_repeat)
{
    window *w = &k->win;
    const window *v = &k->outer;
    const bool moves_by_one = w->stride_w == 1 && w->dilation_w == 1;
    k->pixels =
        moves_by_one && may_repeat && w->Wo <= MOST_REPEATED / k->Co && k->Co % FULL_CHANNELS != 0
            ? w->Wo
            : 1;
    if (k->multiplier > 1)
        k->spread = op_scratch(op, (size_t)v->H * (size_t)v->W * (size_t)k->Co * size);
    if (v->top == 0 && v->left == 0 && w->H <= v->H && w->W <= v->W)
        w->H = v->H, w->W = v->W;
    else
        k->bordered = op_scratch(op, (size_t)w->H * (size_t)w->W * (size_t)k->Co * size);
}

/* Where each tap lies from the first one, in values; as many more as kernels may touch. */
static ptrdiff_t *tap_offsets(const depthwise *k, arena *a, err *e)
{
    const window *w = &k->win;
    ptrdiff_t *offset = ARENA_NEW(a, ptrdiff_t, INT_TAPS_PITCH((size_t)w->Kh * (size_t)w->Kw));
    if (!offset) FAIL(e, ERR_MEM, "out of memory for DEPTHWISE_CONV_2D");
    for (int t = 0; offset && t < w->Kh * w->Kw; t++)
        offset[t] =
            ((ptrdiff_t)(t / w->Kw * w->dilation_h) * w->W + t % w->Kw * w->dilation_w) * k->Co;
    return offset;
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
    const bool is_known = w->is_constant && (!bias || bias->is_constant);
    const size_t row = sizeof(float) * (size_t)k->Co;
    const int n_taps = w->dim[1] * w->dim[2];
    plan_image(op, k, sizeof(float), is_known);
    op->run = run_float;
    k->taps = (row_taps){.C = k->pixels * k->Co, .n_taps = n_taps};
    k->taps.least = k->least;
    k->taps.most = k->most;
    k->taps.offset = tap_offsets(k, a, e);
    if (is_known) k->taps.w = repeated(w->data, n_taps, row, k->pixels, a, e);
    if (is_known && bias) k->taps.bias = repeated(bias->data, 1, row, k->pixels, a, e);
    const bool is_full = is_known && (!k->taps.w || (bias && !k->taps.bias));
    return !k->taps.offset || is_full ? ERR_MEM : OK;
}

/* Sums of the taps of each channel, and their scales. */
static status read_filters(const op_node *op, depthwise *k, int32_t *sum, float *scale, err *e)
{
    const tensor *w = op->in[1];
    TRY(int_expect_weights(w, "the filter tensor", k->Co, 3, e));
    for (int c = 0; c < k->Co; c++) {
        scale[c] = w->quant.scale[w->quant.n == 1 ? 0 : c];
        for (int i = c; i < w->n; i += k->Co) sum[c] += ((const int8_t *)w->data)[i];
    }
    return OK;
}

static status pack_filters(op_node *op, depthwise *k, const int32_t *sum_start, arena *a, err *e)
{
    const size_t row = (size_t)k->Co;
    const int n = k->pixels * k->Co, n_taps = k->win.Kh * k->win.Kw;
    const int8_t *w = repeated(op->in[1]->data, n_taps, row, k->pixels, a, e);
    const ptrdiff_t *place = tap_offsets(k, a, e);
    const int32_t *start = NULL;
    if (sum_start) start = repeated(sum_start, 1, sizeof *start * row, k->pixels, a, e);
    if (!w || !place || (sum_start && !start)) return ERR_MEM;
    k->ik = int_kernel_choose();
    k->acc = op_scratch(op, sizeof(int32_t) * INT_PITCH((size_t)n) *
                                (size_t)(k->pixels > 1 ? 1 : MOST_BLOCK));
    return int_taps_make(&k->int_taps, w, start, place, n, n_taps, a, e);
}

/* The library asks for a scale for each channel too. */
static status prepare_hybrid(op_node *op, depthwise *k, const int32_t *sum, const float *scale,
                             arena *a, err *e)
{
    const tensor *bias = op_bias(op);
    const window *w = &k->outer;
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
    plan_image(op, k, 1, true);
    return (is_hybrid ? prepare_hybrid : prepare_int8)(op, k, sum, scale, a, e);
}
