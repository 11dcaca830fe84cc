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
    window outer, win;     /* of the input; of the input with its padding around it */
    int Co, patch;         /* filters; values under the window */
    bool in_place, by_row; /* by_row: patches lie at one distance in an image row only */
    int block;             /* most patches at a time */
    int pitch;             /* values from one gathered patch to the next */
    float least, most;
    bool is_asymmetric, is_relu;
    const kernels *k;      /* float32 filters known in advance, */
    float *packed;         /* laid out for k->gemm */
    const int_kernels *ik; /* int8 filters */
    const float *scale;    /* of each of them */
    int_matrix matrix;
    requantizer requant;
    dequantizer dequant;
    tensor *bordered, *gathered, *quantized, *acc;
} conv;

enum {
    MOST_PACKED = 1 << 24, /* floats */
    BLOCK_STEP = 12,       /* patches: a multiple of what the kernels take at a time */
    MOST_BLOCK = 5 * BLOCK_STEP,
    WHOLE = 4,            /* int8 patches end on whole groups of what kernels multiply at once */
    BLOCK_BYTES = 1 << 14 /* of patches or sums, which stay in the first cache */
};

/* Runs are short where images have few channels, and a call for each would cost more than the
 * products: up to WINDOW_SLACK - 1 bytes more are read, and written where the next run or slack
 * follows. */
static inline void copy_run(char *restrict out, const char *restrict x, size_t n)
{
    if (n > 4 * WINDOW_SLACK) {
        memcpy(out, x, n);
        return;
    }
    for (size_t i = 0; i < n; i += WINDOW_SLACK) memcpy(out + i, x + i, WINDOW_SLACK);
}

/* Copies the patch at output (oy,ox) of an image without padding, `pixel` bytes a pixel. */
static inline void gather(char *restrict out, const char *restrict x, const window *w, int oy,
                          int ox, size_t pixel)
{
    const size_t run = w->dilation_w == 1 ? pixel * (size_t)w->Kw : pixel;
    const size_t next = pixel * (size_t)w->dilation_w,
                 line = pixel * (size_t)w->W * (size_t)w->dilation_h;
    const int n_runs = w->dilation_w == 1 ? 1 : w->Kw;
    x += ((size_t)(oy * w->stride_h) * (size_t)w->W + (size_t)(ox * w->stride_w)) * pixel;
    for (int ky = 0; ky < w->Kh; ky++, x += line)
        for (int kx = 0; kx < n_runs; kx++, out += run) copy_run(out, x + (size_t)kx * next, run);
}

/* The image with its padding, where it needs one. */
static const void *image_of(const conv *k, const void *x, size_t size, int blank)
{
    if (!k->bordered) return x;
    window_put_border(&k->outer, &k->win, (size_t)k->win.Ci * size, k->bordered->data, x, blank);
    return k->bordered->data;
}

/* Patches of an image from output pixel `first` on, *distance values apart. */
static const void *patches_at(const conv *k, const void *image, int first, int rows, size_t size,
                              int *distance)
{
    const window *w = &k->win;
    const size_t pixel = (size_t)w->Ci * size;
    int oy = first / w->Wo, ox = first % w->Wo;
    if (k->in_place) {
        const size_t at = (size_t)(oy * w->stride_h) * (size_t)w->W + (size_t)(ox * w->stride_w);
        *distance = rows == 1 ? 0 : (w->Wo == 1 ? w->stride_h * w->W : w->stride_w) * w->Ci;
        return (const char *)image + at * pixel;
    }
    char *out = k->gathered->data;
    const size_t pitch = (size_t)k->pitch * size;
    for (int i = 0; i < rows; i++, out += pitch) {
        gather(out, image, w, oy, ox, pixel);
        if (++ox == w->Wo) ox = 0, oy++;
    }
    *distance = k->pitch;
    return k->gathered->data;
}

/* How many patches from `first` on go together. */
static int count_patches(const conv *k, int first)
{
    const window *w = &k->win;
    const int n = k->by_row ? w->Wo - first % w->Wo : w->Ho * w->Wo - first;
    return n < k->block ? n : k->block;
}

static ptrdiff_t image_size(const conv *k)
{
    return (ptrdiff_t)k->outer.H * k->outer.W * k->outer.Ci;
}

/* Filters computed at run time, or huge. */
static void run_float(const op_node *op)
{
    const conv *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data, *bias = op_bias(op) ? op_bias(op)->data : NULL;
    float *y = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += image_size(k)) {
        const float *image = image_of(k, x, sizeof *x, 0);
        for (int i = 0, unused; i < w->Ho * w->Wo; i++, y += k->Co) {
            const float *patch = patches_at(k, image, i, 1, sizeof *x, &unused);
            for (int o = 0; o < k->Co; o++) y[o] = bias ? bias[o] : 0;
            rows_float(y, patch, op->in[1]->data, k->Co, k->patch);
            for (int o = 0; o < k->Co; o++) y[o] = clamp_float(y[o], k->least, k->most);
        }
    }
}

static void run_packed(const op_node *op)
{
    const conv *k = op->state;
    const window *w = &k->win;
    const float *x = op->in[0]->data;
    gemm g = {.N = k->Co, .K = k->patch, .b = k->packed, .b_packed = true, .ldc = k->Co};
    g.bias = op_bias(op) ? op_bias(op)->data : NULL;
    g.relu = k->is_relu;
    g.c = op->out[0]->data;
    for (int b = 0; b < w->B; b++, x += image_size(k)) {
        const float *image = image_of(k, x, sizeof *x, 0);
        for (int first = 0; first < w->Ho * w->Wo; first += g.M) {
            g.M = count_patches(k, first);
            g.a = patches_at(k, image, first, g.M, sizeof *x, &g.lda);
            k->k->gemm(&g);
            const size_t done = (size_t)g.M * (size_t)k->Co;
            for (size_t i = 0; !k->is_relu && isfinite(k->most) && i < done; i++)
                g.c[i] = clamp_float(g.c[i], k->least, k->most);
            g.c += done;
        }
    }
}

/* The sums of `rows` output pixels of an int8 image. */
static const int32_t *sum_patches(const conv *k, const int8_t *image, int first, int rows)
{
    int distance;
    const int8_t *patch = patches_at(k, image, first, rows, 1, &distance);
    k->ik->products(k->acc->data, patch, distance, &k->matrix, rows);
    return k->acc->data;
}

static void run_hybrid(const op_node *op)
{
    const conv *k = op->state;
    const int n = (int)image_size(k), n_out = k->win.Ho * k->win.Wo;
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    int8_t *q = k->quantized->data;
    for (int b = 0; b < k->win.B; b++, x += n) {
        const row_quant rq =
            k->is_asymmetric ? row_quantize_asymmetric(q, x, n) : row_quantize_symmetric(q, x, n);
        const int8_t *image = image_of(k, q, 1, rq.zero);
        for (int first = 0, rows; first < n_out; first += rows, y += (ptrdiff_t)rows * k->Co) {
            rows = count_patches(k, first);
            k->ik->dequantize(y, sum_patches(k, image, first, rows), rows, k->Co, &k->dequant,
                              rq.scale, rq.zero);
        }
    }
}

static void run_int8(const op_node *op)
{
    const conv *k = op->state;
    const int n_out = k->win.Ho * k->win.Wo, zero_x = (int)op->in[0]->quant.zero_point[0];
    const int8_t *x = op->in[0]->data;
    int8_t *y = op->out[0]->data;
    for (int b = 0; b < k->win.B; b++, x += image_size(k)) {
        const int8_t *image = image_of(k, x, 1, zero_x);
        for (int first = 0, rows; first < n_out; first += rows, y += (ptrdiff_t)rows * k->Co) {
            rows = count_patches(k, first);
            k->ik->requantize(y, sum_patches(k, image, first, rows), rows, k->Co, &k->requant);
        }
    }
}

static status check_shapes(op_node *op, conv *k, err *e)
{
    const tensor *x = op->in[0], *w = op->in[1], *bias = op_bias(op);
    if (w->rank != 4 || w->n == 0)
        return FAIL(e, ERR_INPUT, "the filters must have four dimensions");
    TRY(window_plan(&k->outer, x, op->options, w->dim[1], w->dim[2], e));
    TRY(window_add_border(&k->outer, &k->win, e));
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

/* In place when a patch is one run of memory; else gathered, at most `block` at a time. An image that
 * has all its windows inside needs no border, but a constant lies in the file, where no more than
 * it may be read. */
static void plan_patches(op_node *op, conv *k, size_t size, int block)
{
    window *w = &k->win;
    const bool inside =
        k->outer.top == 0 && k->outer.left == 0 && w->H <= k->outer.H && w->W <= k->outer.W;
    if (inside) {
        w->H = k->outer.H;
        w->W = k->outer.W;
    }
    const bool one_run = w->Kh == 1 || (w->Kw == w->W && w->dilation_h == 1);
    k->block = block;
    k->in_place = one_run && (w->dilation_w == 1 || w->Kw == 1);
    k->by_row =
        k->in_place && w->Wo > 1 && (int64_t)w->stride_h * w->W != (int64_t)w->stride_w * w->Wo;
    k->pitch = size > 1 || k->in_place ? k->patch : (k->patch + WHOLE - 1) / WHOLE * WHOLE;
    if (!k->in_place)
        k->gathered = op_scratch(op, (size_t)k->pitch * size * (size_t)block + WINDOW_SLACK);
    if (!inside || op->in[0]->is_constant)
        k->bordered = op_scratch(op, (size_t)w->H * (size_t)w->W * (size_t)w->Ci * size);
}

static status prepare_float_filters(op_node *op, conv *k, arena *a, err *e)
{
    const window *w = &k->win;
    const int pixels = w->Ho * w->Wo;
    const long long size = gemm_packed_size(k->patch, k->Co);
    if (!op->in[1]->is_constant || size > MOST_PACKED || pixels == 0) {
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

/* The filters, each followed by zeros up to the distance of patches. */
static status make_matrix(const op_node *op, conv *k, const int32_t *offset, arena *a, err *e)
{
    const size_t patch = (size_t)k->patch, pitch = (size_t)k->pitch;
    const int8_t *w = op->in[1]->data;
    if (pitch == patch) return int_matrix_make(&k->matrix, w, offset, k->Co, k->patch, a, e);
    int8_t *wide = ARENA_NEW(a, int8_t, pitch * (size_t)k->Co);
    if (!wide) return FAIL(e, ERR_MEM, "out of memory for CONV_2D");
    for (size_t o = 0; o < (size_t)k->Co; o++) memcpy(wide + o * pitch, w + o * patch, patch);
    return int_matrix_make(&k->matrix, wide, offset, k->Co, k->pitch, a, e);
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
        TRY(int_offsets(&offset, bias ? bias->data : NULL, (int32_t)op->in[0]->quant.zero_point[0],
                        sum, k->Co, a, e));
    k->scale = scale;
    return make_matrix(op, k, offset, a, e);
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
    k->quantized = op_scratch(op, (size_t)image_size(k));
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
