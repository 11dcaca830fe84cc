/* UNIDIRECTIONAL_SEQUENCE_LSTM, batch major, without peepholes, projection or layer norm
 * (lstm_eval.cc): i,f,o = sigmoid(W x_t + U h + b), g = tanh(W x_t + U h + b) c = clip(f * c + i *
 * g), h = o * tanh(c), y_t = h Operands: 0 x [B,T,Ci]; 1-4 W of i,f,g,o [u,Ci]; 5-8 U [u,u]; 12-15
 * b [u]; 18 h, 19 c [B,u], variable tensors that keep their value from one invocation to the next
 * unless someone resets them.
 *
 * Hybrid: W and U are int8 with one scale each; x_t and h are quantized anew at each step, one
 * batch element at a time, symmetric or asymmetric as the options say. */
#include "engine/nn/kernel.h"
#include "engine/tflite/int_layer.h"
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"

#include <math.h>
#include <string.h>

enum { IN_W = 1, IN_U = 5, IN_BIAS = 12, IN_STATE = 18, IN_CELL = 19, N_GATES = 4 };

/* The weights of all gates as one matrix [4u,n], laid out for the kernels. */
typedef struct {
    int n;
    float *packed;     /* float32 */
    int_matrix matrix; /* hybrid */
    dequantizer dequant;
} gate_weights;

typedef struct {
    int B, T, u;
    float clip; /* bound of the cell; infinite for none */
    const kernels *k;
    const int_kernels *ik; /* hybrid; NULL for float32 */
    gate_weights w, r;     /* of the input; of the state */
    const float *bias;     /* [4u] */
    tensor *gates, *part, *quantized, *acc;
} lstm;

/* gate[4u] += w * x. */
static void add_products(const lstm *s, const gate_weights *w, const float *x, float *gate)
{
    gemm g = {.M = 1, .N = N_GATES * s->u, .K = w->n, .a = x, .lda = w->n, .add = true};
    g.b = w->packed;
    g.b_packed = true;
    g.c = gate;
    g.ldc = g.N;
    s->k->gemm(&g);
}

/* The same with int8 weights. */
static void add_hybrid(const op_node *op, const gate_weights *w, const float *x, float *gate)
{
    const lstm *s = op->state;
    int8_t *q = s->quantized->data;
    int32_t *acc = s->acc->data;
    float *part = s->part->data;
    const row_quant rq = op->options->asymmetric_inputs ? row_quantize_asymmetric(q, x, w->n)
                                                        : row_quantize_symmetric(q, x, w->n);
    s->ik->products(acc, q, 0, &w->matrix, 1);
    s->ik->dequantize(part, acc, 1, N_GATES * s->u, &w->dequant, rq.scale, rq.zero);
    for (int i = 0; i < N_GATES * s->u; i++) gate[i] += part[i];
}

/* One cell whose state is bounded, which the trainer's kernel does not do. */
static void clipped_cell(const lstm *s, float *gate, float *c, float *h)
{
    const int u = s->u;
    s->k->activate(gate, 2 * u, ACT_SIGMOID);
    s->k->activate(gate + 2 * u, u, ACT_TANH);
    s->k->activate(gate + 3 * u, u, ACT_SIGMOID);
    for (int i = 0; i < u; i++) {
        c[i] = clamp_float(gate[u + i] * c[i] + gate[i] * gate[2 * u + i], -s->clip, s->clip);
        h[i] = c[i];
    }
    s->k->activate(h, u, ACT_TANH);
    for (int i = 0; i < u; i++) h[i] *= gate[3 * u + i];
}

static void step(const op_node *op, const float *x, float *h, float *c)
{
    const lstm *s = op->state;
    float *gate = s->gates->data;
    memcpy(gate, s->bias, sizeof *gate * N_GATES * (size_t)s->u);
    if (s->ik) {
        add_hybrid(op, &s->w, x, gate);
        add_hybrid(op, &s->r, h, gate);
    } else {
        add_products(s, &s->w, x, gate);
        add_products(s, &s->r, h, gate);
    }
    if (isfinite(s->clip)) {
        clipped_cell(s, gate, c, h);
        return;
    }
    const lstm_cell cell = {.B = 1,
                            .u = s->u,
                            .gates = gate,
                            .c_before = c,
                            .c = c,
                            .tanh_c = s->part->data,
                            .h = h,
                            .ldh = s->u};
    s->k->lstm_forward(&cell);
}

static void run(const op_node *op)
{
    const lstm *s = op->state;
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data, *h = op->in[IN_STATE]->data, *c = op->in[IN_CELL]->data;
    for (int b = 0; b < s->B; b++, h += s->u, c += s->u)
        for (int t = 0; t < s->T; t++, x += s->w.n, y += s->u) {
            step(op, x, h, c);
            memcpy(y, h, sizeof *y * (size_t)s->u);
        }
}

static status expect_matrix(const op_node *op, int i, tfl_type type, int rows, int columns, err *e)
{
    const tensor *t = op->in[i];
    if (!t) return FAIL(e, ERR_INPUT, "input %d is missing (coupled gates are not supported)", i);
    if (t->type != type || t->n != (int64_t)rows * columns)
        return FAIL(e, ERR_INPUT, "input %d must be %s and hold %d x %d values", i,
                    tfl_type_name(type), rows, columns);
    if (i < IN_STATE && !t->is_constant)
        return FAIL(e, ERR_INPUT, "input %d is known only at run time, which is not supported", i);
    return OK;
}

static status check_operands(const op_node *op, const lstm *s, err *e)
{
    const tfl_type type = op->in[IN_W]->type;
    static const int absent[] = {9, 10, 11, 16, 17, 20, 21, 22, 23};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (absent[i] < op->n_in && op->in[absent[i]])
            return FAIL(e, ERR_INPUT, "peepholes, projection and layer norm are not supported");
    if (op->options->time_major || op->options->diagonal_recurrent)
        return FAIL(e, ERR_INPUT, "time-major and diagonal forms are not supported");
    if (op->options->activation != FUSED_TANH)
        return FAIL(e, ERR_INPUT, "activation %d is not supported", op->options->activation);
    if (type != TFL_FLOAT32 && type != TFL_INT8)
        return FAIL(e, ERR_INPUT, "%s weights are not supported", tfl_type_name(type));
    for (int g = 0; g < N_GATES; g++) {
        TRY(expect_matrix(op, IN_W + g, type, s->u, s->w.n, e));
        TRY(expect_matrix(op, IN_U + g, type, s->u, s->u, e));
        TRY(expect_matrix(op, IN_BIAS + g, TFL_FLOAT32, 1, s->u, e));
    }
    for (int i = IN_STATE; i <= IN_CELL; i++) {
        TRY(expect_matrix(op, i, TFL_FLOAT32, s->B, s->u, e));
        if (!op->in[i]->is_variable) return FAIL(e, ERR_INPUT, "input %d must be a variable", i);
    }
    if (op->in[IN_STATE] == op->in[IN_CELL])
        return FAIL(e, ERR_INPUT, "output state and cell state are one tensor");
    return OK;
}

/* The four operands from `first` on, one behind the other. */
static void *joined(const op_node *op, int first, arena *a, err *e)
{
    const size_t bytes = op->in[first]->bytes;
    char *all = arena_take(a, bytes, N_GATES);
    if (!all) FAIL(e, ERR_MEM, "out of memory for an LSTM");
    for (size_t g = 0; all && g < N_GATES; g++)
        memcpy(all + g * bytes, op->in[first + (int)g]->data, bytes);
    return all;
}

static status pack_float(const op_node *op, int first, gate_weights *w, arena *a, err *e)
{
    const lstm *s = op->state;
    const int N = N_GATES * s->u;
    const float *all = joined(op, first, a, e);
    if (!all) return ERR_MEM;
    w->packed = arena_take(a, (size_t)gemm_packed_size(w->n, N), sizeof(float));
    if (!w->packed) return FAIL(e, ERR_MEM, "out of memory for an LSTM");
    s->k->pack_transposed(w->packed, all, w->n, w->n, N);
    return OK;
}

static status pack_hybrid(const op_node *op, int first, gate_weights *w, arena *a, err *e)
{
    const lstm *s = op->state;
    const int N = N_GATES * s->u;
    int32_t *sum = ARENA_NEW(a, int32_t, N);
    float *scale = ARENA_NEW(a, float, N);
    if (!sum || !scale) return FAIL(e, ERR_MEM, "out of memory for an LSTM");
    for (int g = 0; g < N_GATES; g++) {
        TRY(int_expect_weights(op->in[first + g], "a gate's weight tensor", s->u, 0, e));
        TRY(op_expect_scale(op->in[first + g], "a gate's weight tensor", e));
        for (int i = 0; i < s->u; i++) scale[g * s->u + i] = op->in[first + g]->quant.scale[0];
    }
    const int8_t *all = joined(op, first, a, e);
    if (!all) return ERR_MEM;
    rows_sum(sum, all, N, w->n);
    w->dequant = (dequantizer){.least = -INFINITY, .most = INFINITY};
    TRY(dequantizer_make(&w->dequant, sum, scale, NULL, N, a, e));
    return int_matrix_make(&w->matrix, all, NULL, N, w->n, a, e);
}

static status prepare_weights(op_node *op, lstm *s, arena *a, err *e)
{
    const bool is_hybrid = op->in[IN_W]->type == TFL_INT8;
    const size_t gates = N_GATES * (size_t)s->u;
    TRY(kernel_choose(&s->k, e));
    s->gates = op_scratch(op, sizeof(float) * gates);
    s->part = op_scratch(op, sizeof(float) * gates);
    s->bias = joined(op, IN_BIAS, a, e);
    if (!s->bias) return ERR_MEM;
    TRY((is_hybrid ? pack_hybrid : pack_float)(op, IN_W, &s->w, a, e));
    TRY((is_hybrid ? pack_hybrid : pack_float)(op, IN_U, &s->r, a, e));
    if (!is_hybrid) return OK;
    s->ik = int_kernel_choose();
    s->quantized = op_scratch(op, (size_t)(s->w.n > s->u ? s->w.n : s->u));
    s->acc = op_scratch(op, sizeof(int32_t) * INT_PITCH(gates));
    return OK;
}

status op_lstm_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 1, 24, 1, e));
    if (op->n_in < 20 || !op->in[IN_W] || !op->in[IN_U])
        return FAIL(e, ERR_INPUT, "%d inputs; 20 or 24 are supported, with an input gate",
                    op->n_in);
    TRY(op_expect_type(op->in[0], "the input", TFL_FLOAT32, e));
    TRY(op_expect_type(op->out[0], "the output", TFL_FLOAT32, e));
    lstm *s = op->state = ARENA_NEW(a, lstm, 1);
    if (!s) return FAIL(e, ERR_MEM, "out of memory for an LSTM");
    const tensor *x = op->in[0], *w = op->in[IN_W];
    if (x->rank != 3 || w->rank != 2 || w->n == 0 || w->dim[0] > 1 << 15 || w->dim[1] != x->dim[2])
        return FAIL(e, ERR_INPUT, "the input must be [batch, time, n] and the weights [units, n]");
    *s = (lstm){.B = x->dim[0], .T = x->dim[1], .u = w->dim[0]};
    s->w.n = x->dim[2];
    s->r.n = s->u;
    s->clip = op->options->cell_clip > 0 ? op->options->cell_clip : INFINITY;
    TRY(check_operands(op, s, e));
    op->macs = (double)s->B * s->T * N_GATES * s->u * (s->w.n + s->u);
    TRY(prepare_weights(op, s, a, e));
    op->run = run;
    const int dim[3] = {s->B, s->T, s->u};
    return op_set_shape(op->out[0], 3, dim, e);
}
