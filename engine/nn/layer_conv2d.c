/* y[B,Ho,Wo,Co] = act(patches * w[Co,Kh*Kw*Ci]^T + b[Co]): row (ho,wo) of an example's patches is
 * the Kh x Kw x Ci block of x that the filter covers there, zeros outside of x. Cross-correlation,
 * as in TensorFlow. A kernel of 1 x 1 with stride 1 takes x itself as its patches, and one of 3 x 3
 * goes by winograd.h where that is faster; with the naive kernels everything goes by patches. */
#include "engine/nn/geometry.h"
#include "engine/nn/winograd.h"

#include <stddef.h>
#include <string.h>

const param_row layer_conv2d_params[] = {
    {"filters", PARAM_INT, 1, 1 << 16, NULL, NULL, "output channels"},
    {"kernel", PARAM_SHAPE, 0, 0, NULL, NULL, "height and width that a filter covers"},
    {"stride", PARAM_SHAPE, 0, 0, NULL, "[1,1]", "steps between two outputs"},
    LAYER_PARAM_PADDING,
    LAYER_PARAM_ACTIVATION,
    LAYER_PARAM_BIAS,
    {0},
};

enum { NARROW = 16 }; /* numbers in a patch */

typedef struct {
    image_window s;
    int Ci, Co, R, depth; /* R: outputs' places in an example */
    bool pointwise, winograd;
} dims;

static dims dims_of(const layer_spec *spec, shape in)
{
    image_window s = geometry_of(spec, in);
    return (dims){.s = s,
                  .Ci = in.dim[2],
                  .Co = spec->units,
                  .R = s.Ho * s.Wo,
                  .depth = s.Kh * s.Kw * in.dim[2],
                  .pointwise = s.Kh * s.Kw * s.Sh * s.Sw == 1,
                  .winograd = winograd_fits(&s, in.dim[2], spec->units)};
}

static status conv2d_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    TRY(geometry_check(s, in, e));
    long long window = (long long)s->window.dim[0] * s->window.dim[1];
    if (window * in.dim[2] > LAYER_MAX_ELEMENTS || window * s->units > INT32_MAX)
        return FAIL(e, ERR_INPUT, "a filter has more than %d weights", LAYER_MAX_ELEMENTS);
    dims d = dims_of(s, in);
    out->out = (shape){3, {d.s.Ho, d.s.Wo, d.Co}};
    out->tensor[0] = (tensor_plan){.role = ROLE_KERNEL,
                                   .dims = {4, {d.Co, d.s.Kh, d.s.Kw, d.Ci}},
                                   .fan_in = d.depth,
                                   .fan_out = (int)window * d.Co};
    out->tensor[1] = (tensor_plan){.role = ROLE_BIAS, .dims = {1, {d.Co}}};
    out->n_tensors = s->bias ? 2 : 1;
    out->macs = (double)d.R * d.Co * d.depth;
    out->saved.fixed = gemm_packed_size(d.depth, d.Co);
    if (!d.pointwise) out->scratch.fixed = (long long)d.R * d.depth;
    if (d.depth < NARROW)
        out->scratch.fixed += (long long)d.R * d.depth + (long long)d.depth * d.Co;
    if (!d.winograd) return OK;
    long long fixed = winograd_fixed(&d.s, d.Ci, d.Co);
    long long scratch = winograd_scratch(&d.s, d.Ci, d.Co);
    if (fixed > out->saved.fixed) out->saved.fixed = fixed;
    if (scratch > out->scratch.fixed) out->scratch.fixed = scratch;
    return OK;
}

static bool goes_winograd(const layer_pass *p, const dims *d)
{
    return d->winograd && p->k->winograd_input;
}

static winograd winograd_of(const layer_pass *p, const dims *d)
{
    return (winograd){.k = p->k,
                      .s = d->s,
                      .Ci = d->Ci,
                      .Co = d->Co,
                      .fixed = p->fixed,
                      .scratch = p->scratch,
                      .fetch = p->fetch};
}

/* Short runs are what a first layer copies: a constant length spares it a call. */
static void copy_run(float *to, const float *from, int n)
{
    if (n == 3)
        for (int i = 0; i < 3; i++) to[i] = from[i];
    else
        memcpy(to, from, (size_t)n * sizeof *to);
}

/* One example's patches; the Kw * Ci numbers of a row lie side by side. */
static void gather(const dims *d, const float *x, float *patch)
{
    const image_window *s = &d->s;
    const int run = s->Kw * d->Ci;
    for (int ho = 0; ho < s->Ho; ho++) {
        int h, skip_h, rows = geometry_overlap(ho, s->Sh, s->top, s->Kh, s->H, &h, &skip_h);
        for (int wo = 0; wo < s->Wo; wo++, patch += d->depth) {
            int w = wo * s->Sw - s->left, skip = w < 0 ? -w : 0, cut = w + s->Kw - s->W;
            int n = run - (skip + (cut > 0 ? cut : 0)) * d->Ci;
            if (rows < s->Kh || n < run) memset(patch, 0, (size_t)d->depth * sizeof *patch);
            const float *from = x + (ptrdiff_t)(h * s->W + w + skip) * d->Ci;
            float *to = patch + skip_h * run + skip * d->Ci;
            for (int i = 0; i < rows && n > 0; i++, to += run, from += s->W * d->Ci)
                copy_run(to, from, n);
        }
    }
}

/* dx = the patches' gradients added up where they came from. */
static void scatter(const dims *d, const float *patch, float *dx)
{
    const image_window *s = &d->s;
    memset(dx, 0, (size_t)s->H * (size_t)s->W * (size_t)d->Ci * sizeof *dx);
    for (int o = 0; o < d->R; o++, patch += d->depth) {
        int h, w, skip_h, skip_w;
        int rows = geometry_overlap(o / s->Wo, s->Sh, s->top, s->Kh, s->H, &h, &skip_h);
        int cols = geometry_overlap(o % s->Wo, s->Sw, s->left, s->Kw, s->W, &w, &skip_w);
        for (int i = 0; i < rows; i++) {
            const float *from = patch + ((skip_h + i) * s->Kw + skip_w) * d->Ci;
            float *to = dx + (ptrdiff_t)((h + i) * s->W + w) * d->Ci;
            for (int j = 0; j < cols * d->Ci; j++) to[j] += from[j];
        }
    }
}

/* A stretch of rows of patches: all of a part when they are x itself, else one example's. */
typedef struct {
    int n, rows; /* so many stretches of so many rows */
} stretches;

static stretches stretches_of(const layer_pass *p, const dims *d)
{
    return d->pointwise ? (stretches){1, p->B * d->R} : (stretches){p->B, d->R};
}

static const float *patches(const layer_pass *p, const dims *d, int i)
{
    const float *x = p->x + (ptrdiff_t)i * shape_size(p->in);
    if (d->pointwise) return x;
    gather(d, x, p->scratch);
    return p->scratch;
}

static void conv2d_begin(const layer_pass *p)
{
    dims d = dims_of(p->spec, p->in);
    if (goes_winograd(p, &d)) {
        winograd g = winograd_of(p, &d);
        winograd_begin(&g, p->w[0]);
        return;
    }
    p->k->pack_transposed(p->fixed, p->w[0], d.depth, d.depth, d.Co);
}

static void forward_by_patches(const layer_pass *p, const dims *d)
{
    stretches s = stretches_of(p, d);
    for (int i = 0; i < s.n; i++)
        p->k->gemm(&(gemm){
            .M = s.rows,
            .N = d->Co,
            .K = d->depth,
            .a = patches(p, d, i),
            .lda = d->depth,
            .b = p->fixed,
            .b_packed = true,
            .c = p->y + (ptrdiff_t)i * s.rows * d->Co,
            .ldc = d->Co,
            .bias = p->w[1],
            .relu = p->spec->act == ACT_RELU,
            .fetch = p->fetch,
        });
}

static void conv2d_forward(const layer_pass *p)
{
    dims d = dims_of(p->spec, p->in);
    bool relu = p->spec->act == ACT_RELU;
    if (goes_winograd(p, &d)) {
        winograd g = winograd_of(p, &d);
        winograd_forward(&g, p->B, p->x, p->w[1], relu, p->y);
    } else {
        forward_by_patches(p, &d);
    }
    if (!relu) p->k->activate(p->y, p->B * shape_size(p->out), p->spec->act);
}

static void conv2d_begin_back(const layer_pass *p)
{
    dims d = dims_of(p->spec, p->in);
    if (!goes_winograd(p, &d)) return;
    winograd g = winograd_of(p, &d);
    winograd_begin_back(&g, p->w[0]);
}

static void conv2d_end_back(const layer_pass *p)
{
    dims d = dims_of(p->spec, p->in);
    if (!goes_winograd(p, &d)) return;
    winograd g = winograd_of(p, &d);
    winograd_end_back(&g, p->dw[0]);
}

/* dw += dy^T * patches. Few columns would leave vectors half empty: then the transposed product is
 * computed, and its numbers go where they belong. */
static void add_weight_gradient(const layer_pass *p, const dims *d, const float *dy, int rows,
                                const float *patch)
{
    bool narrow = d->depth < NARROW && d->depth < d->Co;
    float *turned = p->scratch + d->R * d->depth;
    gemm g = {
        .M = d->Co,
        .N = d->depth,
        .K = rows,
        .a = dy,
        .lda = d->Co,
        .a_transposed = true,
        .b = patch,
        .ldb = d->depth,
        .c = p->dw[0],
        .ldc = d->depth,
        .add = true,
        .fetch = p->fetch,
    };
    if (narrow)
        g = (gemm){.M = d->depth,
                   .N = d->Co,
                   .K = rows,
                   .a = patch,
                   .lda = d->depth,
                   .a_transposed = true,
                   .b = dy,
                   .ldb = d->Co,
                   .c = turned,
                   .ldc = d->Co,
                   .fetch = p->fetch};
    p->k->gemm(&g);
    for (int k = 0; k < d->depth && narrow; k++)
        for (int c = 0; c < d->Co; c++) p->dw[0][c * d->depth + k] += turned[k * d->Co + c];
}

static void put_input_gradient(const layer_pass *p, const dims *d, int i, const float *dy, int rows)
{
    float *dx = p->dx + (ptrdiff_t)i * shape_size(p->in);
    p->k->gemm(&(gemm){
        .M = rows,
        .N = d->depth,
        .K = d->Co,
        .a = dy,
        .lda = d->Co,
        .b = p->w[0],
        .ldb = d->depth,
        .c = d->pointwise ? dx : p->scratch,
        .ldc = d->depth,
        .fetch = p->fetch,
    });
    if (!d->pointwise) scatter(d, p->scratch, dx);
}

static void backward_by_patches(const layer_pass *p, const dims *d)
{
    stretches s = stretches_of(p, d);
    for (int i = 0; i < s.n; i++) {
        const float *dy = p->dy + (ptrdiff_t)i * s.rows * d->Co;
        add_weight_gradient(p, d, dy, s.rows, patches(p, d, i));
        if (p->dx) put_input_gradient(p, d, i, dy, s.rows);
    }
}

static void conv2d_backward(const layer_pass *p)
{
    dims d = dims_of(p->spec, p->in);
    p->k->activate_back(p->dy, p->y, p->spec->act, p->B * d.R, d.Co, p->dw[1]);
    if (!goes_winograd(p, &d)) {
        backward_by_patches(p, &d);
        return;
    }
    winograd g = winograd_of(p, &d);
    winograd_add_dw(&g, p->B, p->x, p->dy);
    if (p->dx) winograd_put_dx(&g, p->B, p->dy, p->dx);
}

const layer_ops layer_conv2d = {
    .field = {offsetof(layer_spec, units), offsetof(layer_spec, window), offsetof(layer_spec, step),
              offsetof(layer_spec, pad), offsetof(layer_spec, act), offsetof(layer_spec, bias)},
    .plan = conv2d_plan,
    .forward = conv2d_forward,
    .backward = conv2d_backward,
    .by_parts = true,
    .begin = conv2d_begin,
    .begin_back = conv2d_begin_back,
    .end_back = conv2d_end_back,
};
