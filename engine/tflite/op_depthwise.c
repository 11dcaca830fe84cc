/* DEPTHWISE_CONV_2D: y[b,oy,ox,c*m+j] = act(sum over the window of x[b,y,x,c] * w[0,ky,kx,c*m+j] +
 * bias), m = Co / Ci. float32, int8 with a scale for each channel
 * (integer_ops/depthwise_conv.h), and hybrid: int8 filters with a scale for each channel on float
 * images, each of which becomes int8 by its own range (depthwise_conv_hybrid.h). */
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"
#include "engine/tflite/window.h"

#include <string.h>

typedef struct {
    window win;
    int Co, multiplier;
    float least, most;
    int q_least, q_most;
    fixed_factor *factor;
    tensor *acc, *quantized;
    const float *filter, *bias; /* float32: constants are copied to where loads are aligned */
} depthwise;

enum { MOST_TAPS = 64 };

/* The window's taps inside the image: calls the same few lines for float and int8. */
#define FOR_EACH_TAP(w, oy, ox)                                                   \
    for (int ky = 0, iy = (oy) * (w)->stride_h - (w)->top; ky < (w)->Kh;          \
         ky++, iy += (w)->dilation_h)                                             \
        for (int kx = 0, ix = (ox) * (w)->stride_w - (w)->left;                   \
             iy >= 0 && iy < (w)->H && kx < (w)->Kw; kx++, ix += (w)->dilation_w) \
            if (ix >= 0 && ix < (w)->W)

static const void *bias_of(const op_node *op)
{
    return op->n_in > 2 && op->in[2] ? op->in[2]->data : NULL;
}

/* The window's rows of channels inside the image, and the filter's beside them. */
static int list_taps(const depthwise *k, const float *x, const float *filter, int oy, int ox,
                     const float **in, const float **tap)
{
    const window *w = &k->win;
    int n = 0;
    FOR_EACH_TAP(w, oy, ox)
    {
        in[n] = x + (iy * w->W + ix) * w->Ci;
        tap[n++] = filter + (ky * w->Kw + kx) * k->Co;
    }
    return n;
}

/* One filter a channel, windows of at most MOST_TAPS. */
static void run_taps(const op_node *op)
{
    const depthwise *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data;
    const float *bias = k->bias ? k->bias : bias_of(op);
    const float *filter = k->filter ? k->filter : op->in[1]->data;
    const float *in[MOST_TAPS], *tap[MOST_TAPS];
    float *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int oy = 0; oy < w->Ho; oy++)
            for (int ox = 0; ox < w->Wo; ox++, y += k->Co) {
                const int n = list_taps(k, x, filter, oy, ox, in, tap);
                rows_taps(y, in, tap, n, bias, k->Co, k->least, k->most);
            }
}

static void pixel_float(const depthwise *k, const float *x, const float *filter, int oy, int ox,
                        float *y)
{
    const window *w = &k->win;
    const int m = k->multiplier;
    FOR_EACH_TAP(w, oy, ox)
    {
        const float *restrict in = x + (iy * w->W + ix) * w->Ci;
        const float *restrict tap = filter + (ky * w->Kw + kx) * k->Co;
        for (int c = 0; c < k->Co; c++) y[c] += in[c / m] * tap[c];
    }
}

static void run_float(const op_node *op)
{
    const depthwise *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data, *bias = bias_of(op);
    float *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int oy = 0; oy < w->Ho; oy++)
            for (int ox = 0; ox < w->Wo; ox++, y += k->Co) {
                for (int c = 0; c < k->Co; c++) y[c] = bias ? bias[c] : 0;
                pixel_float(k, x, op->in[1]->data, oy, ox, y);
                for (int c = 0; c < k->Co; c++) y[c] = clamp_float(y[c], k->least, k->most);
            }
}

static void pixel_int8(const depthwise *k, const int8_t *x, int32_t zero_x, const int8_t *filter,
                       int oy, int ox, int32_t *acc)
{
    const window *w = &k->win;
    FOR_EACH_TAP(w, oy, ox)
    {
        const int8_t *restrict in = x + (iy * w->W + ix) * w->Ci;
        const int8_t *restrict tap = filter + (ky * w->Kw + kx) * k->Co;
        for (int c = 0; c < k->Co; c++) acc[c] += (in[c / k->multiplier] - zero_x) * tap[c];
    }
}

static void run_hybrid(const op_node *op)
{
    const depthwise *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data, *bias = bias_of(op);
    const float *scale = op->in[1]->quant.scale;
    float *y = op->out[0]->data;
    int8_t *q = k->quantized->data;
    int32_t *acc = k->acc->data;
    const int n = w->H * w->W * w->Ci;
    for (int b = 0; b < w->B; b++, x += n) {
        const row_quant rq = row_quantize_asymmetric(q, x, n);
        for (int oy = 0; oy < w->Ho; oy++)
            for (int ox = 0; ox < w->Wo; ox++, y += k->Co) {
                memset(acc, 0, sizeof *acc * (size_t)k->Co);
                pixel_int8(k, q, rq.zero, op->in[1]->data, oy, ox, acc);
                for (int c = 0; c < k->Co; c++) {
                    const float v = (float)acc[c] * (scale[c] * rq.scale);
                    y[c] = clamp_float(v + (bias ? bias[c] : 0), k->least, k->most);
                }
            }
    }
}

static void run_int8(const op_node *op)
{
    const depthwise *k = op->state;
    const window *w = &k->win;
    const int8_t *x = op->in[0]->data;
    const int32_t *bias = bias_of(op);
    const int32_t zero_x = (int32_t)op->in[0]->quant.zero_point[0];
    const int32_t zero_y = (int32_t)op->out[0]->quant.zero_point[0];
    int32_t *acc = k->acc->data;
    int8_t *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int oy = 0; oy < w->Ho; oy++)
            for (int ox = 0; ox < w->Wo; ox++, y += k->Co) {
                memset(acc, 0, sizeof *acc * (size_t)k->Co);
                pixel_int8(k, x, zero_x, op->in[1]->data, oy, ox, acc);
                for (int c = 0; c < k->Co; c++) {
                    const int64_t v = (int64_t)acc[c] + (bias ? bias[c] : 0);
                    y[c] = (int8_t)clamp_int(zero_y + fixed_multiply_away((int32_t)v, k->factor[c]),
                                             k->q_least, k->q_most);
                }
            }
}

static status check_shapes(op_node *op, depthwise *k, err *e)
{
    const tensor *w = op->in[1], *bias = op->n_in > 2 ? op->in[2] : NULL;
    if (w->rank != 4 || w->n == 0 || w->dim[0] != 1)
        return FAIL(e, ERR_INPUT, "the filters must have the shape [1, height, width, channels]");
    TRY(window_plan(&k->win, op->in[0], op->options, w->dim[1], w->dim[2], e));
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

static status check_int8_filters(const op_node *op, const depthwise *k, err *e)
{
    const tensor *w = op->in[1];
    if (!w->is_constant || (w->quant.n != 1 && (w->quant.n != k->Co || w->quant.axis != 3)))
        return FAIL(e, ERR_INPUT, "int8 filters must be constant, with one scale or one a channel");
    if (k->win.Kh * k->win.Kw > ROWS_INT8_MOST)
        return FAIL(e, ERR_INPUT, "int8 sums over so large a filter are not supported");
    for (int i = 0; i < w->quant.n; i++)
        if (w->quant.zero_point[i] != 0)
            return FAIL(e, ERR_INPUT, "int8 filters must be symmetric");
    return OK;
}

static status prepare_factors(op_node *op, depthwise *k, arena *a, err *e)
{
    const tensor *x = op->in[0], *w = op->in[1], *y = op->out[0];
    TRY(check_int8_filters(op, k, e));
    k->factor = ARENA_NEW(a, fixed_factor, k->Co);
    if (!k->factor) return FAIL(e, ERR_MEM, "out of memory for DEPTHWISE_CONV_2D");
    for (int c = 0; c < k->Co; c++)
        k->factor[c] = fixed_factor_of((double)x->quant.scale[0] *
                                       (double)w->quant.scale[w->quant.n == 1 ? 0 : c] /
                                       (double)y->quant.scale[0]);
    k->acc = op_scratch(op, sizeof(int32_t) * (size_t)k->Co);
    return OK;
}

/* The library asks for a scale for each channel too. */
static status prepare_hybrid(op_node *op, depthwise *k, err *e)
{
    TRY(check_int8_filters(op, k, e));
    if (op->in[1]->quant.n != k->Co)
        return FAIL(e, ERR_INPUT, "int8 filters on float images need a scale for each channel");
    const window *w = &k->win;
    k->quantized = op_scratch(op, (size_t)w->H * (size_t)w->W * (size_t)w->Ci);
    k->acc = op_scratch(op, sizeof(int32_t) * (size_t)k->Co);
    op->run = run_hybrid;
    return OK;
}

static status copy_constant(const tensor *t, arena *a, const float **out, err *e)
{
    if (!t || !t->is_constant) return OK;
    float *copy = ARENA_NEW(a, float, t->n);
    if (!copy) return FAIL(e, ERR_MEM, "out of memory for DEPTHWISE_CONV_2D");
    memcpy(copy, t->data, t->bytes);
    *out = copy;
    return OK;
}

/* Everything is float32 but the filters of a hybrid. */
static status prepare_float(op_node *op, depthwise *k, arena *a, err *e)
{
    for (int i = 0; i < op->n_in; i++)
        if (op->in[i] && i != 1) TRY(op_expect_type(op->in[i], "each operand", TFL_FLOAT32, e));
    TRY(op_expect_type(op->out[0], "the output", TFL_FLOAT32, e));
    TRY(op_float_bounds(op->options->activation, &k->least, &k->most, e));
    if (op->in[1]->type == TFL_INT8) return prepare_hybrid(op, k, e);
    TRY(op_expect_type(op->in[1], "the filter tensor", TFL_FLOAT32, e));
    const window *w = &k->win;
    const bool is_small = w->Kh <= MOST_TAPS && w->Kw <= MOST_TAPS && w->Kh * w->Kw <= MOST_TAPS;
    op->run = run_float;
    if (k->multiplier != 1 || !is_small) return OK;
    op->run = run_taps;
    TRY(copy_constant(op->in[1], a, &k->filter, e));
    return copy_constant(op->n_in > 2 ? op->in[2] : NULL, a, &k->bias, e);
}

static status prepare_int8(op_node *op, depthwise *k, arena *a, err *e)
{
    TRY(op_expect_type(op->in[1], "the filter tensor", TFL_INT8, e));
    TRY(op_expect_type(op->out[0], "the output", TFL_INT8, e));
    TRY(op_expect_scale(op->in[0], "the input", e));
    TRY(op_expect_scale(op->out[0], "the output", e));
    if (op->n_in > 2 && op->in[2]) TRY(op_expect_type(op->in[2], "the bias", TFL_INT32, e));
    TRY(op_int8_bounds(op->options->activation, op->out[0], &k->q_least, &k->q_most, e));
    op->run = run_int8;
    return prepare_factors(op, k, a, e);
}

status op_depthwise_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 2, 3, 1, e));
    depthwise *k = op->state = ARENA_NEW(a, depthwise, 1);
    if (!k) return FAIL(e, ERR_MEM, "out of memory for DEPTHWISE_CONV_2D");
    TRY(check_shapes(op, k, e));
    if (op->in[0]->type == TFL_INT8) return prepare_int8(op, k, a, e);
    return prepare_float(op, k, a, e);
}
