/* CONV_2D: y[B,Ho,Wo,Co] = act(sum over the window of x[B,H,W,Ci] * w[Co,Kh,Kw,Ci] + b[Co]).
 *
 * The patch under the window is one vector of Kh*Kw*Ci values, so some output pixels are a matrix of
 * patches times w, which was laid out for that when the file was opened. Where patches lie
 * contiguous in x, and at one distance from each other (1x1 filters, filters over time), they are
 * used in place; otherwise a block of them is gathered. Outside of the image stand zeros, in int8
 * the zero point.
 *
 * float, hybrid and int8 as in op_dense.c. Hybrid quantizes the whole image of a batch element at
 * once: symmetric when the weights have one scale, asymmetric when filters have their own. */
#include "engine/nn/kernel.h"
#include "engine/tflite/int_layer.h"
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"
#include "engine/tflite/window.h"

#include <math.h>
#include <string.h>

typedef struct {
    window win;
    int Co, patch; /* filters; values under the window */
    bool in_place, by_row; /* by_row: patches lie at one distance in an image row only */
    int block;             /* most patches at a time */
    float least, most;
    bool is_asymmetric, is_relu;
    const kernels *k;      /* float32 filters known in advance, */
    float *packed;         /* laid out for k->gemm */
    const int_kernels *ik; /* int8 filters */
    const float *scale;    /* of each of them */
    int_matrix matrix;
    requantizer requant;
    dequantizer dequant;
    tensor *gathered, *quantized, *acc;
} conv;

enum {
    LEAST_PACKED = 8,      /* fewer filters than this would leave vectors of outputs empty */
    MOST_PACKED = 1 << 24, /* floats */
    BLOCK_STEP = 12,       /* patches: a multiple of what the kernels take at a time */
    MOST_BLOCK = 5 * BLOCK_STEP,
    BLOCK_BYTES = 1 << 14 /* of patches or sums, which stay in the first cache */
};

/* Short runs are the rule for images of few channels, and a call for each would cost more than the
 * products. */
static inline void copy_run(char *restrict out, const char *restrict x, size_t n)
{
    if (n >= 16) {
        memcpy(out, x, n);
    } else if (n >= 8) {
        memcpy(out, x, 8);
        memcpy(out + n - 8, x + n - 8, 8);
    } else if (n >= 4) {
        memcpy(out, x, 4);
        memcpy(out + n - 4, x + n - 4, 4);
    } else {
        for (size_t i = 0; i < n; i++) out[i] = x[i];
    }
}

/* One row of the window: from column `left` on, of which some may lie outside. */
static void gather_row(char *restrict out, const char *restrict x, const window *w, int left,
                       size_t pixel, int blank)
{
    int first = left < 0 ? -left : 0, last = w->W - left; /* in the window */
    first = first < w->Kw ? first : w->Kw;
    last = last < first ? first : last < w->Kw ? last : w->Kw;
    memset(out, blank, (size_t)first * pixel);
    if (last > first)
        memcpy(out + (size_t)first * pixel, x + (size_t)(left + first) * pixel,
               (size_t)(last - first) * pixel);
    memset(out + (size_t)last * pixel, blank, (size_t)(w->Kw - last) * pixel);
}

static void gather_dilated_row(char *restrict out, const char *restrict x, const window *w, int left,
                               size_t pixel, int blank)
{
    for (int kx = 0; kx < w->Kw; kx++, out += pixel) {
        const int c = left + kx * w->dilation_w;
        if (c < 0 || c >= w->W)
            memset(out, blank, pixel);
        else
            memcpy(out, x + (size_t)c * pixel, pixel);
    }
}

/* Copies the patch at output (oy,ox), `size` bytes a value; `blank` fills what is outside. */
static void gather(char *restrict out, const char *restrict x, const window *w, int oy, int ox,
                   size_t size, int blank)
{
    const size_t pixel = (size_t)w->Ci * size, row = pixel * (size_t)w->Kw,
                 line = pixel * (size_t)w->W;
    const int left = ox * w->stride_w - w->left;
    const bool is_inside = w->dilation_w == 1 && left >= 0 && left + w->Kw <= w->W;
    for (int ky = 0; ky < w->Kh; ky++, out += row) {
        const int y = oy * w->stride_h - w->top + ky * w->dilation_h;
        if (y < 0 || y >= w->H)
            memset(out, blank, row);
        else if (is_inside)
            copy_run(out, x + (size_t)y * line + (size_t)left * pixel, row);
        else if (w->dilation_w == 1)
            gather_row(out, x + (size_t)y * line, w, left, pixel, blank);
        else
            gather_dilated_row(out, x + (size_t)y * line, w, left, pixel, blank);
    }
}

/* Patches from output pixel `first` on, *distance values apart. */
static const void *patches_at(const conv *k, const void *x, int first, int rows, size_t size,
                              int blank, int *distance)
{
    const window *w = &k->win;
    int oy = first / w->Wo, ox = first % w->Wo;
    if (k->in_place) {
        const size_t pixel = (size_t)(oy * w->stride_h) * (size_t)w->W + (size_t)(ox * w->stride_w);
        *distance = rows == 1 ? 0 : (w->Wo == 1 ? w->stride_h * w->W : w->stride_w) * w->Ci;
        return (const char *)x + pixel * (size_t)w->Ci * size;
    }
    char *out = k->gathered->data;
    const size_t patch = (size_t)k->patch * size;
    for (int i = 0; i < rows; i++, out += patch) {
        gather(out, x, w, oy, ox, size, blank);
        if (++ox == w->Wo) ox = 0, oy++;
    }
    *distance = k->patch;
    return k->gathered->data;
}

/* How many patches from `first` on go together. */
static int count_patches(const conv *k, int first)
{
    const window *w = &k->win;
    const int n = k->by_row ? w->Wo - first % w->Wo : w->Ho * w->Wo - first;
    return n < k->block ? n : k->block;
}

/* Filters computed at run time, or few, or huge. */
static void run_float(const op_node *op)
{
    const conv *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data, *bias = op_bias(op) ? op_bias(op)->data : NULL;
    float *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int i = 0, unused; i < w->Ho * w->Wo; i++, y += k->Co) {
            const float *patch = patches_at(k, x, i, 1, sizeof *x, 0, &unused);
            for (int o = 0; o < k->Co; o++) y[o] = bias ? bias[o] : 0;
            rows_float(y, patch, op->in[1]->data, k->Co, k->patch);
            for (int o = 0; o < k->Co; o++) y[o] = clamp_float(y[o], k->least, k->most);
        }
}

static void run_packed(const op_node *op)
{
    const conv *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data;
    const int n = w->Ho * w->Wo;
    gemm g = {.N = k->Co, .K = k->patch, .b = k->packed, .b_packed = true, .ldc = k->Co};
    g.bias = op_bias(op) ? op_bias(op)->data : NULL;
    g.relu = k->is_relu;
    g.c = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int first = 0; first < n; first += g.M) {
            g.M = count_patches(k, first);
            g.a = patches_at(k, x, first, g.M, sizeof *x, 0, &g.lda);
            k->k->gemm(&g);
            const size_t done = (size_t)g.M * (size_t)k->Co;
            for (size_t i = 0; !k->is_relu && isfinite(k->most) && i < done; i++)
                g.c[i] = clamp_float(g.c[i], k->least, k->most);
            g.c += done;
        }
}

/* The sums of output pixels from `first` on. */
static void sum_patches(const conv *k, const int8_t *x, int first, int rows, int blank, int32_t *acc)
{
    int distance;
    const int8_t *patch = patches_at(k, x, first, rows, 1, blank, &distance);
    k->ik->products(acc, patch, distance, &k->matrix, rows);
}

static void run_hybrid(const op_node *op)
{
    const conv *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    const int n = w->H * w->W * w->Ci, n_out = w->Ho * w->Wo;
    int8_t *q = k->quantized->data;
    int32_t *acc = k->acc->data;
    for (int b = 0; b < w->B; b++, x += n) {
        const row_quant rq =
            k->is_asymmetric ? row_quantize_asymmetric(q, x, n) : row_quantize_symmetric(q, x, n);
        for (int first = 0, rows; first < n_out; first += rows) {
            rows = count_patches(k, first);
            sum_patches(k, q, first, rows, rq.zero, acc);
            for (int i = 0; i < rows; i++, y += k->Co)
                k->ik->dequantize(y, acc + (ptrdiff_t)i * INT_PITCH(k->Co), k->Co, &k->dequant,
                                  rq.scale, rq.zero);
        }
    }
}

static void run_int8(const op_node *op)
{
    const conv *k = op->state;
    const window *w = &k->win;
    const int8_t *x = op->in[0]->data;
    int8_t *y = op->out[0]->data;
    const int n_out = w->Ho * w->Wo, zero_x = (int)op->in[0]->quant.zero_point[0];
    int32_t *acc = k->acc->data;
    for (int b = 0; b < w->B; b++, x += w->H * w->W * w->Ci)
        for (int first = 0, rows; first < n_out; first += rows) {
            rows = count_patches(k, first);
            sum_patches(k, x, first, rows, zero_x, acc);
            for (int i = 0; i < rows; i++, y += k->Co)
                k->ik->requantize(y, acc + (ptrdiff_t)i * INT_PITCH(k->Co), k->Co, &k->requant);
        }
}

static status check_shapes(op_node *op, conv *k, err *e)
{
    const tensor *x = op->in[0], *w = op->in[1], *bias = op_bias(op);
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

/* As many patches at a time as fit the first cache, given the bytes that each needs. */
static int block_of(size_t bytes, int pixels)
{
    const size_t fits = BLOCK_BYTES / (bytes + 1) / BLOCK_STEP * BLOCK_STEP;
    const int most = fits < BLOCK_STEP ? BLOCK_STEP : fits > MOST_BLOCK ? MOST_BLOCK : (int)fits;
    return pixels < most ? pixels : most;
}

/* In place when all windows lie inside the image and a patch is one run of memory; else gathered, at
 * most `block` at a time. */
static void plan_patches(op_node *op, conv *k, size_t size, int block)
{
    const window *w = &k->win;
    const bool inside = w->top == 0 && w->left == 0 && (w->Ho - 1) * w->stride_h + w->Kh <= w->H &&
                        (w->Wo - 1) * w->stride_w + w->Kw <= w->W;
    const bool one_run = w->Kh == 1 || (w->Kw == w->W && w->dilation_h == 1);
    k->block = block;
    k->in_place = inside && one_run && (w->dilation_w == 1 || w->Kw == 1);
    k->by_row = k->in_place && w->Wo > 1 &&
                (int64_t)w->stride_h * w->W != (int64_t)w->stride_w * w->Wo;
    if (!k->in_place) k->gathered = op_scratch(op, (size_t)k->patch * size * (size_t)block);
}

static status prepare_float_filters(op_node *op, conv *k, arena *a, err *e)
{
    const window *w = &k->win;
    const int pixels = w->Ho * w->Wo;
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
    plan_patches(op, k, sizeof(float), block_of(sizeof(float) * (size_t)k->patch, pixels));
    k->is_relu = op->options->activation == FUSED_RELU;
    op->run = run_packed;
    return OK;
}

/* The matrix, and one scale and one sum for each filter, also when the tensor has a single scale. */
static status prepare_int8_filters(op_node *op, conv *k, bool is_hybrid, arena *a, err *e)
{
    const tensor *w = op->in[1], *bias = op_bias(op);
    const int pixels = k->win.Ho * k->win.Wo;
    const size_t sums = sizeof(int32_t) * INT_PITCH((size_t)k->Co);
    float *scale = ARENA_NEW(a, float, k->Co);
    int32_t *sum = ARENA_NEW(a, int32_t, k->Co), *offset = NULL;
    if (!scale || !sum) return FAIL(e, ERR_MEM, "out of memory for CONV_2D");
    for (int o = 0; o < k->Co; o++) {
        scale[o] = w->quant.scale[w->quant.n == 1 ? 0 : o];
        if (scale[o] != scale[0]) k->is_asymmetric = true;
    }
    rows_sum(sum, w->data, k->Co, k->patch);
    k->ik = int_kernel_choose();
    plan_patches(op, k, 1, block_of((size_t)k->patch > sums ? (size_t)k->patch : sums, pixels));
    k->acc = op_scratch(op, sums * (size_t)k->block);
    if (is_hybrid)
        TRY(dequantizer_make(&k->dequant, sum, scale, bias ? bias->data : NULL, k->Co, a, e));
    else
        TRY(int_offsets(&offset, bias ? bias->data : NULL,
                        (int32_t)op->in[0]->quant.zero_point[0], sum, k->Co, a, e));
    k->scale = scale;
    return int_matrix_make(&k->matrix, w->data, offset, k->Co, k->patch, a, e);
}

static status prepare_float(op_node *op, conv *k, arena *a, err *e)
{
    TRY(op_expect_type(op->out[0], "the output", TFL_FLOAT32, e));
    TRY(op_float_bounds(op->options->activation, &k->least, &k->most, e));
    if (op->in[1]->type == TFL_FLOAT32) {
        if (op_bias(op)) TRY(op_expect_type(op_bias(op), "the bias", TFL_FLOAT32, e));
        return prepare_float_filters(op, k, a, e);
    }
    TRY(int_expect_weights(op->in[1], "the filter tensor", k->Co, 0, e));
    TRY(int_expect_bias(op, TFL_FLOAT32, e));
    k->quantized = op_scratch(op, (size_t)(op->in[0]->n / (k->win.B ? k->win.B : 1)));
    k->dequant.least = k->least;
    k->dequant.most = k->most;
    op->run = run_hybrid;
    return prepare_int8_filters(op, k, true, a, e);
}

static status prepare_int8(op_node *op, conv *k, arena *a, err *e)
{
    tensor *x = op->in[0], *y = op->out[0];
    int least, most;
    TRY(op_expect_type(y, "the output", TFL_INT8, e));
    TRY(op_expect_scale(x, "the input", e));
    TRY(op_expect_scale(y, "the output", e));
    TRY(int_expect_weights(op->in[1], "the filter tensor", k->Co, 0, e));
    TRY(int_expect_bias(op, TFL_INT32, e));
    TRY(op_int8_bounds(op->options->activation, y, &least, &most, e));
    TRY(prepare_int8_filters(op, k, false, a, e));
    fixed_factor *factor = ARENA_NEW(a, fixed_factor, k->Co);
    if (!factor) return FAIL(e, ERR_MEM, "out of memory for CONV_2D");
    for (int o = 0; o < k->Co; o++)
        factor[o] = fixed_factor_of((double)x->quant.scale[0] * (double)k->scale[o] /
                                    (double)y->quant.scale[0]);
    k->requant = (requantizer){
        .zero = (int32_t)y->quant.zero_point[0], .least = least, .most = most, .is_up = true};
    op->run = run_int8;
    return requantizer_make(&k->requant, factor, k->Co, a, e);
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
