/* y[B,To,Co] = act(patches * w[Co,K*Ci]^T + b[Co]): row (b,t) of the patches [B*To, K*Ci] is the
 * K x Ci stretch of x that the filter covers at output t, zero outside of x. Cross-correlation, as
 * in TensorFlow. The patches are written out once (x is narrow in the time series this serves) and
 * kept for the backward pass. To = floor((T - K) / stride) + 1 (valid) or ceil(T / stride) (same:
 * of the padding max((To - 1) * stride + K - T, 0) the smaller half goes in front). */
#include "engine/nn/layer.h"

#include <stddef.h>
#include <string.h>

const param_row layer_conv1d_params[] = {
    {"filters", PARAM_INT, 1, 1 << 16, NULL, NULL, "output channels"},
    {"kernel", PARAM_INT, 1, 4096, NULL, NULL, "time steps that a filter covers"},
    {"stride", PARAM_INT, 1, 4096, NULL, "1", "time steps between two outputs"},
    {"padding", PARAM_CHOICE, 0, 0, "valid|same", "valid",
     "zeros at the ends: none, or T/stride outputs"},
    LAYER_PARAM_ACTIVATION,
    LAYER_PARAM_BIAS,
    {0},
};

static int before(const layer_spec *s, int T, int To)
{
    int total = (To - 1) * s->stride + s->kernel - T;
    return s->pad == PAD_SAME && total > 0 ? total / 2 : 0;
}

static status conv1d_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    if (in.rank != 2)
        return FAIL(e, ERR_INPUT, "its input must be [time, channels], not of rank %d", in.rank);
    int T = in.dim[0], Ci = in.dim[1], Co = s->units;
    if (s->pad == PAD_VALID && T < s->kernel)
        return FAIL(e, ERR_INPUT, "kernel %d is longer than the %d time steps of its input",
                    s->kernel, T);
    if ((long long)s->kernel * Ci > LAYER_MAX_ELEMENTS || (long long)s->kernel * Co > INT32_MAX)
        return FAIL(e, ERR_INPUT, "a filter has more than %d weights", LAYER_MAX_ELEMENTS);
    int To = s->pad == PAD_SAME ? (T - 1) / s->stride + 1 : (T - s->kernel) / s->stride + 1;
    int depth = s->kernel * Ci;
    out->out = (shape){2, {To, Co}};
    out->tensor[0] = (tensor_plan){.role = ROLE_KERNEL,
                                   .dims = {3, {Co, s->kernel, Ci}},
                                   .fan_in = depth,
                                   .fan_out = s->kernel * Co};
    out->tensor[1] = (tensor_plan){.role = ROLE_BIAS, .dims = {1, {Co}}};
    out->n_tensors = s->bias ? 2 : 1;
    out->macs = (double)To * Co * depth;
    out->saved.per_example = (long long)To * depth;
    out->scratch.fixed = gemm_packed_size(depth, Co);
    out->scratch.per_example = (long long)To * depth;
    return OK;
}

typedef struct {
    int T, Ci, To, Co, depth, front;
} dims;

static dims dims_of(const layer_pass *p)
{
    int T = p->in.dim[0], Ci = p->in.dim[1], To = p->out.dim[0];
    return (dims){T, Ci, To, p->out.dim[1], p->spec->kernel * Ci, before(p->spec, T, To)};
}

/* The part of output t's stretch that lies inside x: time steps [*first, *first + n) of x, at
 * `*skip` steps into the patch. Returns n. */
static int overlap(const layer_spec *s, const dims *d, int t, int *first, int *skip)
{
    int start = t * s->stride - d->front, end = start + s->kernel;
    *first = start < 0 ? 0 : start;
    *skip = *first - start;
    if (end > d->T) end = d->T;
    return end > *first ? end - *first : 0;
}

static void gather_patches(const layer_pass *p, const dims *d, float *patch)
{
    bool padded = p->spec->pad == PAD_SAME;
    for (int b = 0; b < p->B; b++)
        for (int t = 0; t < d->To; t++, patch += d->depth) {
            int first, skip, n = overlap(p->spec, d, t, &first, &skip);
            if (padded) memset(patch, 0, (size_t)d->depth * sizeof *patch);
            memcpy(patch + skip * d->Ci,
                   p->x + ((size_t)b * (size_t)d->T + (size_t)first) * (size_t)d->Ci,
                   (size_t)(n * d->Ci) * sizeof *patch);
        }
}

static void conv1d_forward(const layer_pass *p)
{
    dims d = dims_of(p);
    int R = p->B * d.To;
    gather_patches(p, &d, p->saved);
    p->k->pack_transposed(p->scratch, p->w[0], d.depth, d.depth, d.Co);
    p->k->gemm(&(gemm){
        .M = R,
        .N = d.Co,
        .K = d.depth,
        .a = p->saved,
        .lda = d.depth,
        .b = p->scratch,
        .b_packed = true,
        .c = p->y,
        .ldc = d.Co,
        .bias = p->w[1],
        .relu = p->spec->act == ACT_RELU,
    });
    if (p->spec->act != ACT_RELU) p->k->activate(p->y, R * d.Co, p->spec->act);
}

/* dx = the patches' gradients added up where they came from. */
static void scatter_patches(const layer_pass *p, const dims *d, const float *patch)
{
    memset(p->dx, 0, (size_t)p->B * (size_t)(d->T * d->Ci) * sizeof *p->dx);
    for (int b = 0; b < p->B; b++)
        for (int t = 0; t < d->To; t++, patch += d->depth) {
            int first, skip, n = overlap(p->spec, d, t, &first, &skip);
            float *dx = p->dx + ((size_t)b * (size_t)d->T + (size_t)first) * (size_t)d->Ci;
            for (int i = 0; i < n * d->Ci; i++) dx[i] += patch[skip * d->Ci + i];
        }
}

static void conv1d_backward(const layer_pass *p)
{
    dims d = dims_of(p);
    int R = p->B * d.To;
    p->k->activate_back(p->dy, p->y, p->spec->act, R, d.Co, p->dw[1]);
    p->k->gemm(&(gemm){
        .M = d.Co,
        .N = d.depth,
        .K = R,
        .a = p->dy,
        .lda = d.Co,
        .a_transposed = true,
        .b = p->saved,
        .ldb = d.depth,
        .c = p->dw[0],
        .ldc = d.depth,
        .add = true,
    });
    if (!p->dx) return;
    p->k->gemm(&(gemm){
        .M = R,
        .N = d.depth,
        .K = d.Co,
        .a = p->dy,
        .lda = d.Co,
        .b = p->w[0],
        .ldb = d.depth,
        .c = p->scratch,
        .ldc = d.depth,
    });
    scatter_patches(p, &d, p->scratch);
}

const layer_ops layer_conv1d = {
    .field = {offsetof(layer_spec, units), offsetof(layer_spec, kernel),
              offsetof(layer_spec, stride), offsetof(layer_spec, pad), offsetof(layer_spec, act),
              offsetof(layer_spec, bias)},
    .plan = conv1d_plan,
    .forward = conv1d_forward,
    .backward = conv1d_backward,
};
