/* Keras's LSTM, last state only. For each time step t, with z = [x_t | h_{t-1}]:
 *   i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of z * [w | r]^T + b     (w [4u,Ci], r [4u,u], b
 * [4u]) c_t = f * c_{t-1} + i * g,  h_t = o * tanh(c_t),  c_0 = h_0 = 0,  y = h_T The inputs and
 * states of all steps lie in one matrix z[T,B,Ci+u], so a step is one product, and so is the
 * gradient of each kernel over all steps together. Backward goes through time from the last step
 * with the gates' gradients in place of the gates. */
#include "engine/nn/layer.h"

#include <stddef.h>
#include <string.h>

const param_row layer_lstm_params[] = {
    {"units", PARAM_INT, 1, 1 << 13, NULL, NULL, "size of the state"},
    {0},
};

static status lstm_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    if (in.rank != 2)
        return FAIL(e, ERR_INPUT, "its input must be [time, features], not of rank %d", in.rank);
    int T = in.dim[0], Ci = in.dim[1], u = s->units;
    if (Ci > 1 << 20) return FAIL(e, ERR_INPUT, "more than %d features a step", 1 << 20);
    out->out = (shape){1, {u}};
    out->n_tensors = 3;
    out->tensor[0] = (tensor_plan){
        .role = ROLE_KERNEL, .dims = {2, {4 * u, Ci}}, .fan_in = Ci, .fan_out = 4 * u};
    out->tensor[1] = (tensor_plan){
        .role = ROLE_RECURRENT, .dims = {2, {4 * u, u}}, .fan_in = u, .fan_out = 4 * u};
    out->tensor[2] = (tensor_plan){.role = ROLE_BIAS,
                                   .dims = {1, {4 * u}},
                                   .fill = 1, /* Keras's unit_forget_bias */
                                   .fill_from = u,
                                   .fill_to = 2 * u};
    out->macs = (double)T * 4 * u * (Ci + u);
    /* z, gates, c (with c_0), tanh c */
    out->saved.per_example =
        (long long)T * (Ci + u) + T * 4LL * u + (T + 1LL) * u + (long long)T * u;
    /* forward: packed [w|r] behind its unpacked form; backward: packed r, dh, dc, dx_t */
    out->scratch.fixed = 4LL * u * (Ci + u) + gemm_packed_size(Ci + u, 4 * u) +
                         gemm_packed_size(4 * u, u) + gemm_packed_size(4 * u, Ci);
    out->scratch.per_example = 2LL * u + Ci;
    return OK;
}

typedef struct {
    int B, T, Ci, u, Z; /* Z = Ci + u */
    float *z, *gates, *c, *tanh_c;
} lstm_state;

static lstm_state state_of(const layer_pass *p)
{
    int B = p->B, T = p->in.dim[0], Ci = p->in.dim[1], u = p->spec->units;
    lstm_state s = {.B = B, .T = T, .Ci = Ci, .u = u, .Z = Ci + u};
    size_t rows = (size_t)T * (size_t)B;
    s.gates = p->saved;
    s.c = s.gates + rows * 4 * (size_t)u;
    s.tanh_c = s.c + (rows + (size_t)B) * (size_t)u;
    s.z = s.tanh_c + rows * (size_t)u;
    return s;
}

/* Writes x into z and zeroes h_0 and c_0. */
static void fill_inputs(const layer_pass *p, const lstm_state *s)
{
    for (int t = 0; t < s->T; t++)
        for (int b = 0; b < s->B; b++) {
            float *z = s->z + ((size_t)t * (size_t)s->B + (size_t)b) * (size_t)s->Z;
            const float *x = p->x + ((size_t)b * (size_t)s->T + (size_t)t) * (size_t)s->Ci;
            for (int i = 0; i < s->Ci; i++) z[i] = x[i];
            if (t == 0) memset(z + s->Ci, 0, (size_t)s->u * sizeof *z);
        }
    memset(s->c, 0, (size_t)s->B * (size_t)s->u * sizeof *s->c);
}

/* [w | r] side by side, packed as the transposed right side of z's products. */
static float *pack_kernels(const layer_pass *p, const lstm_state *s)
{
    float *both = p->scratch, *packed = both + (size_t)(4 * s->u) * (size_t)s->Z;
    for (int row = 0; row < 4 * s->u; row++) {
        float *to = both + (size_t)row * (size_t)s->Z;
        memcpy(to, p->w[0] + (size_t)row * (size_t)s->Ci, (size_t)s->Ci * sizeof *to);
        memcpy(to + s->Ci, p->w[1] + (size_t)row * (size_t)s->u, (size_t)s->u * sizeof *to);
    }
    p->k->pack_transposed(packed, both, s->Z, s->Z, 4 * s->u);
    return packed;
}

static lstm_cell cell_at(const lstm_state *s, int t)
{
    size_t rows = (size_t)t * (size_t)s->B, u = (size_t)s->u;
    return (lstm_cell){
        .B = s->B,
        .u = s->u,
        .gates = s->gates + rows * 4 * u,
        .c_before = s->c + rows * u,
        .c = s->c + (rows + (size_t)s->B) * u,
        .tanh_c = s->tanh_c + rows * u,
    };
}

static void lstm_forward(const layer_pass *p)
{
    lstm_state s = state_of(p);
    fill_inputs(p, &s);
    const float *packed = pack_kernels(p, &s);
    for (int t = 0; t < s.T; t++) {
        lstm_cell cell = cell_at(&s, t);
        p->k->gemm(&(gemm){
            .M = s.B,
            .N = 4 * s.u,
            .K = s.Z,
            .a = s.z + (size_t)t * (size_t)s.B * (size_t)s.Z,
            .lda = s.Z,
            .b = packed,
            .b_packed = true,
            .c = cell.gates,
            .ldc = 4 * s.u,
            .bias = p->w[2],
        });
        bool last = t == s.T - 1;
        cell.h = last ? p->y : s.z + (size_t)(t + 1) * (size_t)s.B * (size_t)s.Z + s.Ci;
        cell.ldh = last ? s.u : s.Z;
        p->k->lstm_forward(&cell);
    }
}

static void scatter_input_gradient(const layer_pass *p, const lstm_state *s, int t,
                                   const float *packed_w, const float *gates, float *dx_t)
{
    p->k->gemm(&(gemm){
        .M = s->B,
        .N = s->Ci,
        .K = 4 * s->u,
        .a = gates,
        .lda = 4 * s->u,
        .b = packed_w,
        .b_packed = true,
        .c = dx_t,
        .ldc = s->Ci,
    });
    for (int b = 0; b < s->B; b++)
        memcpy(p->dx + ((size_t)b * (size_t)s->T + (size_t)t) * (size_t)s->Ci,
               dx_t + (size_t)b * (size_t)s->Ci, (size_t)s->Ci * sizeof *dx_t);
}

static void back_through_time(const layer_pass *p, const lstm_state *s)
{
    float *packed_r = p->scratch;
    float *packed_w = packed_r + gemm_packed_size(4 * s->u, s->u);
    float *dh = packed_w + gemm_packed_size(4 * s->u, s->Ci);
    float *dc = dh + (size_t)s->B * (size_t)s->u, *dx_t = dc + (size_t)s->B * (size_t)s->u;
    p->k->pack(packed_r, p->w[1], s->u, 4 * s->u, s->u);
    if (p->dx) p->k->pack(packed_w, p->w[0], s->Ci, 4 * s->u, s->Ci);
    memset(dc, 0, (size_t)s->B * (size_t)s->u * sizeof *dc);
    for (int t = s->T - 1; t >= 0; t--) {
        lstm_cell cell = cell_at(s, t);
        cell.dh = t == s->T - 1 ? p->dy : dh;
        cell.dc = dc;
        p->k->lstm_backward(&cell);
        if (p->dx) scatter_input_gradient(p, s, t, packed_w, cell.gates, dx_t);
        if (t == 0) break;
        p->k->gemm(&(gemm){
            .M = s->B,
            .N = s->u,
            .K = 4 * s->u,
            .a = cell.gates,
            .lda = 4 * s->u,
            .b = packed_r,
            .b_packed = true,
            .c = dh,
            .ldc = s->u,
        });
    }
}

static void lstm_backward(const layer_pass *p)
{
    lstm_state s = state_of(p);
    int R = s.T * s.B;
    back_through_time(p, &s);
    p->k->activate_back(s.gates, s.gates, ACT_NONE, R, 4 * s.u, p->dw[2]);
    gemm g = {
        .M = 4 * s.u,
        .N = s.Ci,
        .K = R,
        .a = s.gates,
        .lda = 4 * s.u,
        .a_transposed = true,
        .b = s.z,
        .ldb = s.Z,
        .c = p->dw[0],
        .ldc = s.Ci,
        .add = true,
    };
    p->k->gemm(&g);
    g.b = s.z + s.Ci;
    g.N = g.ldc = s.u;
    g.c = p->dw[1];
    p->k->gemm(&g);
}

const layer_ops layer_lstm = {
    .field = {offsetof(layer_spec, units)},
    .plan = lstm_plan,
    .forward = lstm_forward,
    .backward = lstm_backward,
};
