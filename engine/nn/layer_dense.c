/* y[R,Co] = act(x[R,Ci] * w[Co,Ci]^T + b[Co]), R = B times the leading dimensions: like Keras, a
 * dense layer works on the last dimension. Backward: dz = dy * act'(y), dw += dz^T x, db += column
 * sums of dz, dx = dz w. */
#include "engine/nn/layer.h"

#include <stddef.h>

const param_row layer_dense_params[] = {
    {"units", PARAM_INT, 1, 1 << 20, NULL, NULL, "outputs"},
    LAYER_PARAM_ACTIVATION,
    LAYER_PARAM_BIAS,
    {0},
};

static status dense_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    (void)e;
    int Ci = in.dim[in.rank - 1], Co = s->units;
    out->out = in;
    out->out.dim[in.rank - 1] = Co;
    out->tensor[0] =
        (tensor_plan){.role = ROLE_KERNEL, .dims = {2, {Co, Ci}}, .fan_in = Ci, .fan_out = Co};
    out->tensor[1] = (tensor_plan){.role = ROLE_BIAS, .dims = {1, {Co}}};
    out->n_tensors = s->bias ? 2 : 1;
    out->macs = (double)shape_size(in) * Co;
    out->scratch.fixed = gemm_packed_size(Ci, Co);
    return OK;
}

static int rows_of(const layer_pass *p)
{
    return p->B * (shape_size(p->in) / p->in.dim[p->in.rank - 1]);
}

static void dense_forward(const layer_pass *p)
{
    int R = rows_of(p), Ci = p->in.dim[p->in.rank - 1], Co = p->spec->units;
    p->k->pack_transposed(p->scratch, p->w[0], Ci, Ci, Co);
    p->k->gemm(&(gemm){
        .M = R,
        .N = Co,
        .K = Ci,
        .a = p->x,
        .lda = Ci,
        .b = p->scratch,
        .b_packed = true,
        .c = p->y,
        .ldc = Co,
        .bias = p->w[1],
        .relu = p->spec->act == ACT_RELU,
    });
    if (p->spec->act != ACT_RELU) p->k->activate(p->y, R * Co, p->spec->act);
}

static void dense_backward(const layer_pass *p)
{
    int R = rows_of(p), Ci = p->in.dim[p->in.rank - 1], Co = p->spec->units;
    p->k->activate_back(p->dy, p->y, p->spec->act, R, Co, p->dw[1]);
    p->k->gemm(&(gemm){
        .M = Co,
        .N = Ci,
        .K = R,
        .a = p->dy,
        .lda = Co,
        .a_transposed = true,
        .b = p->x,
        .ldb = Ci,
        .c = p->dw[0],
        .ldc = Ci,
        .add = true,
    });
    if (!p->dx) return;
    p->k->gemm(&(gemm){
        .M = R,
        .N = Ci,
        .K = Co,
        .a = p->dy,
        .lda = Co,
        .b = p->w[0],
        .ldb = Ci,
        .c = p->dx,
        .ldc = Ci,
    });
}

const layer_ops layer_dense = {
    .field = {offsetof(layer_spec, units), offsetof(layer_spec, act), offsetof(layer_spec, bias)},
    .plan = dense_plan,
    .forward = dense_forward,
    .backward = dense_backward,
};
