/* UNIDIRECTIONAL_SEQUENCE_LSTM, batch major, without peepholes, projection or layer norm
 * (lstm_eval.cc): i,f,o = sigmoid(W x_t + U h + b), g = tanh(W x_t + U h + b) c = clip(f * c + i *
 * g), h = o * tanh(c), y_t = h Operands: 0 x [B,T,Ci]; 1-4 W of i,f,g,o [u,Ci]; 5-8 U [u,u]; 12-15
 * b [u]; 18 h, 19 c [B,u], variable tensors that keep their value from one invocation to the next
 * unless someone resets them.
 *
 * Hybrid: W and U are int8 with one scale each; x_t and h are quantized anew at each step, one
 * batch element at a time, symmetric or asymmetric as the options say. */
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"

#include <math.h>
#include <string.h>

enum { IN_W = 1, IN_U = 5, IN_BIAS = 12, IN_STATE = 18, IN_CELL = 19, N_GATES = 4 };

typedef struct {
    int B, T, Ci, u;
    float clip;                               /* bound of the cell; infinite for none */
    int32_t *sum_w[N_GATES], *sum_u[N_GATES]; /* row sums of int8 weights; NULL for float */
    tensor *gates, *quantized, *acc;
} lstm;

static float sigmoid(float v)
{
    return 1.0F / (1.0F + expf(-v));
}

/* gate[u] += w * x for all four gates, float weights. */
static void add_products(const op_node *op, int first, const float *x, int n)
{
    const lstm *s = op->state;
    float *gate = s->gates->data;
    for (int g = 0; g < N_GATES; g++)
        rows_float(gate + g * s->u, x, op->in[first + g]->data, s->u, n);
}

/* The same with int8 weights. */
static void add_hybrid(const op_node *op, int first, int32_t *const *sum, const float *x, int n)
{
    const lstm *s = op->state;
    int8_t *q = s->quantized->data;
    int32_t *acc = s->acc->data;
    const row_quant rq = op->options->asymmetric_inputs ? row_quantize_asymmetric(q, x, n)
                                                        : row_quantize_symmetric(q, x, n);
    for (int g = 0; g < N_GATES; g++) {
        float *gate = (float *)s->gates->data + g * s->u;
        const float scale = rq.scale * op->in[first + g]->quant.scale[0];
        rows_int8(acc, q, op->in[first + g]->data, s->u, n);
        for (int i = 0; i < s->u; i++) gate[i] += (float)(acc[i] - rq.zero * sum[g][i]) * scale;
    }
}

static void step(const op_node *op, const float *x, float *h, float *c, float *y)
{
    const lstm *s = op->state;
    const int u = s->u;
    float *gate = s->gates->data;
    for (int g = 0; g < N_GATES; g++)
        memcpy(gate + g * u, op->in[IN_BIAS + g]->data, sizeof *gate * (size_t)u);
    if (s->sum_w[0]) {
        add_hybrid(op, IN_W, s->sum_w, x, s->Ci);
        add_hybrid(op, IN_U, s->sum_u, h, u);
    } else {
        add_products(op, IN_W, x, s->Ci);
        add_products(op, IN_U, h, u);
    }
    for (int i = 0; i < u; i++) {
        const float in = sigmoid(gate[i]), forget = sigmoid(gate[u + i]),
                    out = sigmoid(gate[3 * u + i]);
        c[i] = clamp_float(forget * c[i] + in * tanhf(gate[2 * u + i]), -s->clip, s->clip);
        y[i] = h[i] = out * tanhf(c[i]);
    }
}

static void run(const op_node *op)
{
    const lstm *s = op->state;
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data, *h = op->in[IN_STATE]->data, *c = op->in[IN_CELL]->data;
    for (int b = 0; b < s->B; b++, h += s->u, c += s->u)
        for (int t = 0; t < s->T; t++, x += s->Ci, y += s->u) step(op, x, h, c, y);
}

static status expect_matrix(const op_node *op, int i, tfl_type type, int rows, int columns, err *e)
{
    const tensor *t = op->in[i];
    if (!t) return FAIL(e, ERR_INPUT, "input %d is missing (coupled gates are not supported)", i);
    if (t->type != type || t->n != (int64_t)rows * columns)
        return FAIL(e, ERR_INPUT, "input %d must be %s and hold %d x %d values", i,
                    tfl_type_name(type), rows, columns);
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
        TRY(expect_matrix(op, IN_W + g, type, s->u, s->Ci, e));
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

static status sum_rows(const tensor *w, int rows, arena *a, int32_t **sum, err *e)
{
    const int n = w->n / rows;
    if (!w->is_constant || w->quant.n != 1 || w->quant.zero_point[0] != 0 || n > ROWS_INT8_MOST)
        return FAIL(e, ERR_INPUT, "int8 weights must be constant, symmetric, with one scale");
    *sum = ARENA_NEW(a, int32_t, rows);
    if (!*sum) return FAIL(e, ERR_MEM, "out of memory for an LSTM");
    rows_sum(*sum, w->data, rows, n);
    return OK;
}

static status prepare_hybrid(op_node *op, lstm *s, arena *a, err *e)
{
    for (int g = 0; g < N_GATES; g++) {
        TRY(sum_rows(op->in[IN_W + g], s->u, a, &s->sum_w[g], e));
        TRY(sum_rows(op->in[IN_U + g], s->u, a, &s->sum_u[g], e));
    }
    s->quantized = op_scratch(op, (size_t)(s->Ci > s->u ? s->Ci : s->u));
    s->acc = op_scratch(op, sizeof(int32_t) * (size_t)s->u);
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
    *s = (lstm){.B = x->dim[0], .T = x->dim[1], .Ci = x->dim[2], .u = w->dim[0]};
    s->clip = op->options->cell_clip > 0 ? op->options->cell_clip : INFINITY;
    TRY(check_operands(op, s, e));
    op->macs = (double)s->B * s->T * N_GATES * s->u * (s->Ci + s->u);
    s->gates = op_scratch(op, sizeof(float) * N_GATES * (size_t)s->u);
    if (w->type == TFL_INT8) TRY(prepare_hybrid(op, s, a, e));
    op->run = run;
    const int dim[3] = {s->B, s->T, s->u};
    return op_set_shape(op->out[0], 3, dim, e);
}
