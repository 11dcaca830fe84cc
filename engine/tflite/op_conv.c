/* CONV_2D: y[B,Ho,Wo,Co] = act(sum over the window of x[B,H,W,Ci] * w[Co,Kh,Kw,Ci] + b[Co]).
 *
 * The patch under the window is one vector of Kh*Kw*Ci values, so an output pixel is that vector
 * against the rows of w. Where the patch lies contiguous in x (1x1 filters, filters over time) it
 * is used in place, otherwise it is gathered; outside of the image stand zeros, in int8 the zero
 * point.
 *
 * float, hybrid and int8 as in op_dense.c. Hybrid quantizes the whole image of a batch element at
 * once: symmetric when the weights have one scale, asymmetric when filters have their own. */
#include "engine/nn/kernel.h"
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"
#include "engine/tflite/window.h"

#include <math.h>
#include <string.h>

typedef struct {
    window win;
    int Co, patch; /* filters; values under the window */
    bool in_place;
    float least, most;
    int q_least, q_most;
    bool is_asymmetric;
    const float *scale; /* of each filter's weights */
    int32_t *row_sum;
    fixed_factor *factor; /* of each filter */
    tensor *gathered, *quantized, *acc;
    const kernels *k; /* float32 filters known in advance: patches against packed filters, */
    float *packed;    /* `block` patches at a time, which lie side by side in x when in_place */
    int block;
    bool is_relu;
} conv;

enum { GATHERED_PATCHES = 16, LEAST_PACKED = 8, MOST_PACKED = 1 << 24 };

/* Copies the patch at output (oy,ox), `size` bytes a value; `blank` fills what is outside. */
static void gather(char *restrict out, const char *restrict x, const window *w, int oy, int ox,
                   size_t size, int blank)
{
    const size_t pixel = (size_t)w->Ci * size, row = pixel * (size_t)w->Kw;
    const int left = ox * w->stride_w - w->left;
    const bool is_run = w->dilation_w == 1 && left >= 0 && left + w->Kw <= w->W;
    for (int ky = 0; ky < w->Kh; ky++, out += row) {
        const int y = oy * w->stride_h - w->top + ky * w->dilation_h;
        const char *from = x + (size_t)(y < 0 ? 0 : y) * (size_t)w->W * pixel;
        if (y < 0 || y >= w->H) {
            memset(out, blank, row);
        } else if (is_run) {
            memcpy(out, from + (size_t)left * pixel, row);
        } else {
            for (int kx = 0, c = left; kx < w->Kw; kx++, c += w->dilation_w)
                if (c < 0 || c >= w->W)
                    memset(out + (size_t)kx * pixel, blank, pixel);
                else
                    memcpy(out + (size_t)kx * pixel, from + (size_t)c * pixel, pixel);
        }
    }
}

static const void *patch_at(const conv *k, const void *x, int oy, int ox, size_t size, int blank)
{
    const window *w = &k->win;
    const size_t pixel = (size_t)(oy * w->stride_h) * (size_t)w->W + (size_t)(ox * w->stride_w);
    if (k->in_place) return (const char *)x + pixel * (size_t)w->Ci * size;
    gather(k->gathered->data, x, w, oy, ox, size, blank);
    return k->gathered->data;
}

static const void *bias_of(const op_node *op)
{
    return op->n_in > 2 && op->in[2] ? op->in[2]->data : NULL;
}

static void run_float(const op_node *op)
{
    const conv *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data, *bias = bias_of(op);
    float *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int oy = 0; oy < w->Ho; oy++)
            for (int ox = 0; ox < w->Wo; ox++, y += k->Co) {
                const float *patch = patch_at(k, x, oy, ox, sizeof *x, 0);
                for (int o = 0; o < k->Co; o++) y[o] = bias ? bias[o] : 0;
                rows_float(y, patch, op->in[1]->data, k->Co, k->patch);
                for (int o = 0; o < k->Co; o++) y[o] = clamp_float(y[o], k->least, k->most);
            }
}

/* y[rows,Co] from `rows` patches, the first of which stands at output pixel `first`. */
static void multiply_packed(const op_node *op, const float *x, int first, int rows, float *y)
{
    const conv *k = op->state;
    const window *w = &k->win;
    gemm g = {.M = rows, .N = k->Co, .K = k->patch, .b = k->packed, .b_packed = true};
    g.bias = bias_of(op);
    g.relu = k->is_relu;
    g.c = y;
    g.ldc = k->Co;
    g.a = x;
    g.lda = k->patch;
    if (k->in_place) {
        g.a = patch_at(k, x, first / w->Wo, first % w->Wo, sizeof *x, 0);
        g.lda = w->stride_w * w->Ci;
    } else {
        float *out = k->gathered->data;
        for (int i = 0; i < rows; i++)
            gather((char *)(out + (size_t)i * (size_t)k->patch), (const char *)x, w,
                   (first + i) / w->Wo, (first + i) % w->Wo, sizeof *x, 0);
        g.a = out;
    }
    k->k->gemm(&g);
    for (int i = 0; !k->is_relu && isfinite(k->most) && i < rows * k->Co; i++)
        y[i] = clamp_float(y[i], k->least, k->most);
}

static void run_packed(const op_node *op)
{
    const conv *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    const int n = w->Ho * w->Wo;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int first = 0; first < n; first += k->block) {
            const int rows = n - first < k->block ? n - first : k->block;
            multiply_packed(op, x, first, rows, y);
            y += (size_t)rows * (size_t)k->Co;
        }
}

static void run_hybrid(const op_node *op)
{
    const conv *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data, *bias = bias_of(op);
    float *y = op->out[0]->data;
    const int n = w->H * w->W * w->Ci;
    int8_t *q = k->quantized->data;
    int32_t *acc = k->acc->data;
    for (int b = 0; b < w->B; b++, x += n) {
        const row_quant rq =
            k->is_asymmetric ? row_quantize_asymmetric(q, x, n) : row_quantize_symmetric(q, x, n);
        for (int oy = 0; oy < w->Ho; oy++)
            for (int ox = 0; ox < w->Wo; ox++, y += k->Co) {
                rows_int8(acc, patch_at(k, q, oy, ox, 1, rq.zero), op->in[1]->data, k->Co,
                          k->patch);
                for (int o = 0; o < k->Co; o++) {
                    float v = (float)(acc[o] - rq.zero * k->row_sum[o]) * (rq.scale * k->scale[o]);
                    y[o] = clamp_float(v + (bias ? bias[o] : 0), k->least, k->most);
                }
            }
    }
}

static void run_int8(const op_node *op)
{
    const conv *k = op->state;
    const window *w = &k->win;
    const int8_t *x = op->in[0]->data;
    const int32_t *restrict bias = bias_of(op);
    int8_t *y = op->out[0]->data;
    int32_t *restrict acc = k->acc->data;
    const int32_t zero_x = (int32_t)op->in[0]->quant.zero_point[0];
    const requantizer r = {k->factor, (int32_t)op->out[0]->quant.zero_point[0], k->q_least,
                           k->q_most};
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int oy = 0; oy < w->Ho; oy++)
            for (int ox = 0; ox < w->Wo; ox++, y += k->Co) {
                rows_int8(acc, patch_at(k, x, oy, ox, 1, zero_x), op->in[1]->data, k->Co, k->patch);
                for (int o = 0; o < k->Co; o++) acc[o] -= zero_x * k->row_sum[o];
                for (int o = 0; bias && o < k->Co; o++) acc[o] = wrapping_sum(acc[o], bias[o]);
                rows_requantize_up(y, acc, k->Co, r);
            }
}

static status check_shapes(op_node *op, conv *k, err *e)
{
    const tensor *x = op->in[0], *w = op->in[1], *bias = op->n_in > 2 ? op->in[2] : NULL;
    if (w->rank != 4 || w->n == 0)
        return FAIL(e, ERR_INPUT, "the filters must have four dimensions");
    TRY(window_plan(&k->win, x, op->options, w->dim[1], w->dim[2], e));
    k->Co = w->dim[0];
    k->patch = w->dim[1] * w->dim[2] * w->dim[3];
    if (w->dim[3] != k->win.Ci)
        return FAIL(e, ERR_INPUT,
                    "filters of %d channels on an input of %d; grouped convolution is "
                    "not supported",
                    w->dim[3], k->win.Ci);
    if (bias && bias->n != k->Co)
        return FAIL(e, ERR_INPUT, "%d biases for %d filters", bias->n, k->Co);
    const window *v = &k->win;
    op->macs = (double)v->B * v->Ho * v->Wo * k->Co * k->patch;
    const int dim[4] = {v->B, v->Ho, v->Wo, k->Co};
    return op_set_shape(op->out[0], 4, dim, e);
}

/* In place when all windows lie inside the image and a patch is one run of memory; else `gathered`
 * at a time. */
static void plan_patches(op_node *op, conv *k, size_t size, int gathered)
{
    const window *w = &k->win;
    const bool inside = w->top == 0 && w->left == 0 && (w->Ho - 1) * w->stride_h + w->Kh <= w->H &&
                        (w->Wo - 1) * w->stride_w + w->Kw <= w->W;
    const bool one_run = w->Kh == 1 || (w->Kw == w->W && w->dilation_h == 1);
    k->in_place = inside && one_run && (w->dilation_w == 1 || w->Kw == 1);
    if (!k->in_place) k->gathered = op_scratch(op, (size_t)k->patch * size * (size_t)gathered);
}

/* One scale and one sum for each filter, also when the tensor has a single scale. */
static status prepare_int8_weights(op_node *op, conv *k, arena *a, err *e)
{
    const tensor *w = op->in[1];
    TRY(op_expect_type(w, "the filter tensor", TFL_INT8, e));
    if (!w->is_constant || (w->quant.n != 1 && (w->quant.n != k->Co || w->quant.axis != 0)))
        return FAIL(e, ERR_INPUT, "int8 filters must be constant, with one scale or one for each");
    if (k->patch > ROWS_INT8_MOST)
        return FAIL(e, ERR_INPUT, "int8 sums over %d inputs are not supported", k->patch);
    float *scale = ARENA_NEW(a, float, k->Co);
    k->row_sum = ARENA_NEW(a, int32_t, k->Co);
    if (!scale || !k->row_sum) return FAIL(e, ERR_MEM, "out of memory for CONV_2D");
    for (int o = 0; o < k->Co; o++) {
        const int i = w->quant.n == 1 ? 0 : o;
        if (w->quant.zero_point[i] != 0)
            return FAIL(e, ERR_INPUT, "int8 filters must be symmetric");
        scale[o] = w->quant.scale[i];
        if (scale[o] != scale[0]) k->is_asymmetric = true;
    }
    k->scale = scale;
    rows_sum(k->row_sum, w->data, k->Co, k->patch);
    k->acc = op_scratch(op, sizeof(int32_t) * (size_t)k->Co);
    return OK;
}

/* The naive run_float serves filters that are computed at run time or huge, and few filters: vectors
 * of outputs would be empty in the main. */
static status prepare_packed(op_node *op, conv *k, arena *a, err *e)
{
    const window *w = &k->win;
    const int pixels = w->Ho * w->Wo;
    const int gathered = pixels < GATHERED_PATCHES ? pixels : GATHERED_PATCHES;
    const long long size = gemm_packed_size(k->patch, k->Co);
    if (!op->in[1]->is_constant || k->Co < LEAST_PACKED || size > MOST_PACKED || pixels == 0) {
        plan_patches(op, k, sizeof(float), 1);
        op->run = run_float;
        return OK;
    }
    TRY(kernel_choose(&k->k, e));
    k->packed = arena_take(a, (size_t)size, sizeof(float));
    if (!k->packed) return FAIL(e, ERR_MEM, "out of memory for CONV_2D");
    k->k->pack_transposed(k->packed, op->in[1]->data, k->patch, k->patch, k->Co);
    plan_patches(op, k, sizeof(float), gathered);
    const bool pointwise = w->Kh == 1 && w->Kw == 1 && w->stride_h == 1 && w->stride_w == 1;
    k->block = !k->in_place ? gathered : pointwise ? pixels : w->Wo;
    k->is_relu = op->options->activation == FUSED_RELU;
    op->run = run_packed;
    return OK;
}

static status prepare_float(op_node *op, conv *k, arena *a, err *e)
{
    TRY(op_expect_type(op->out[0], "the output", TFL_FLOAT32, e));
    if (op->n_in > 2 && op->in[2]) TRY(op_expect_type(op->in[2], "the bias", TFL_FLOAT32, e));
    TRY(op_float_bounds(op->options->activation, &k->least, &k->most, e));
    if (op->in[1]->type == TFL_FLOAT32) return prepare_packed(op, k, a, e);
    plan_patches(op, k, 1, 1);
    k->quantized = op_scratch(op, (size_t)(op->in[0]->n / (k->win.B ? k->win.B : 1)));
    op->run = run_hybrid;
    return prepare_int8_weights(op, k, a, e);
}

static status prepare_int8(op_node *op, conv *k, arena *a, err *e)
{
    tensor *x = op->in[0], *y = op->out[0];
    TRY(op_expect_type(y, "the output", TFL_INT8, e));
    TRY(op_expect_scale(x, "the input", e));
    TRY(op_expect_scale(y, "the output", e));
    if (op->n_in > 2 && op->in[2]) TRY(op_expect_type(op->in[2], "the bias", TFL_INT32, e));
    TRY(op_int8_bounds(op->options->activation, y, &k->q_least, &k->q_most, e));
    plan_patches(op, k, 1, 1);
    TRY(prepare_int8_weights(op, k, a, e));
    k->factor = ARENA_NEW(a, fixed_factor, k->Co);
    if (!k->factor) return FAIL(e, ERR_MEM, "out of memory for CONV_2D");
    for (int o = 0; o < k->Co; o++)
        k->factor[o] = fixed_factor_of((double)x->quant.scale[0] * (double)k->scale[o] /
                                       (double)y->quant.scale[0]);
    op->run = run_int8;
    return OK;
}

status op_conv_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 2, 3, 1, e));
    conv *k = op->state = ARENA_NEW(a, conv, 1);
    if (!k) return FAIL(e, ERR_MEM, "out of memory for CONV_2D");
    TRY(check_shapes(op, k, e));
    if (op->in[0]->type == TFL_INT8) return prepare_int8(op, k, a, e);
    TRY(op_expect_type(op->in[0], "the input", TFL_FLOAT32, e));
    return prepare_float(op, k, a, e);
}
