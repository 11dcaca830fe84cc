/* One function a kind of operator: it chooses the C text that computes it and writes the call. The
 * numbers it passes are derived from the operands as prepare derives them (op_*.c), where their sources
 * are named. */
#include "engine/tflite/c_call.h"
#include "engine/tflite/rows.h"
#include "engine/tflite/window.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_window(const c_call *g, const window *v, int Co)
{
    buf *b = &g->w->tables;
    use(g, TEXT_WINDOW);
    buf_printf(b,
               "static const window window_%d = {.B = %d, .H = %d, .W = %d, .Ci = %d,\n"
               "    .Ho = %d, .Wo = %d, .Co = %d, .Kh = %d, .Kw = %d,\n",
               g->k, v->B, v->H, v->W, v->Ci, v->Ho, v->Wo, Co, v->Kh, v->Kw);
    buf_printf(b,
               "    .stride_h = %d, .stride_w = %d, .dilation_h = %d, .dilation_w = %d,\n"
               "    .top = %d, .left = %d};\n",
               v->stride_h, v->stride_w, v->dilation_h, v->dilation_w, v->top, v->left);
}

/* Factors of int8 sums: one, or one for each filter. */
static void put_factors(const c_call *g)
{
    const tensor *x = g->op->in[0], *w = g->op->in[1], *y = g->op->out[0];
    buf *b = &g->w->tables;
    buf_printf(b, "static const factor factor_%d[] = {", g->k);
    for (int i = 0; i < w->quant.n; i++) {
        const fixed_factor f = fixed_factor_of(
            (double)x->quant.scale[0] * (double)w->quant.scale[i] / (double)y->quant.scale[0]);
        buf_printf(b, "%s{%d, %d}",
                   i == 0  ? ""
                   : i % 4 ? ", "
                           : ",\n    ",
                   (int)f.multiplier, f.shift);
    }
    buf_text(b, "};\n");
    g->w->constant_bytes += sizeof(fixed_factor) * (size_t)w->quant.n;
}

/* How a hybrid operator makes its activations int8; the name of the function. */
static const char *quantizer(const c_call *g, bool is_asymmetric)
{
    use(g, is_asymmetric ? TEXT_QUANTIZE_ASYMMETRIC : TEXT_QUANTIZE_SYMMETRIC);
    return is_asymmetric ? "quantize_asymmetric" : "quantize_symmetric";
}

/* --- convolutions --- */

static bool is_hybrid(const op_node *op)
{
    return is_float(op->in[0]) && op->in[1]->type == TFL_INT8;
}

static void needs_image(const op_node *op, c_scratch *s)
{
    const tensor *x = op->in[0];
    if (is_hybrid(op)) s->n[MEMORY_BYTES] = (size_t)(x->dim[0] ? x->n / x->dim[0] : 0);
}

static bool scales_differ(const tensor *w)
{
    for (int i = 1; i < w->quant.n; i++)
        if (w->quant.scale[i] != w->quant.scale[0]) return true;
    return false;
}

static void put_int8_window(const c_call *g, const char *function)
{
    const op_node *op = g->op;
    put_factors(g);
    buf_printf(body(g), "    %s(%s, %s, %s, %s, factor_%d, %d, %d, %d, &window_%d", function,
               out(g), in(g, 0), in(g, 1), in(g, 2), g->k, op->in[1]->quant.n == 1 ? 0 : 1,
               zero_of(op->in[0]), zero_of(op->out[0]), g->k);
}

static status put_conv(const c_call *g, err *e)
{
    const op_node *op = g->op;
    const tensor *w = op->in[1];
    window v;
    TRY(window_plan(&v, op->in[0], op->options, w->dim[1], w->dim[2], e));
    if (w->dim[3] != v.Ci) return FAIL(e, ERR_INPUT, "grouped convolution cannot be written as C");
    put_window(g, &v, w->dim[0]);
    if (!is_float(op->in[0])) {
        use(g, TEXT_CONV_INT8);
        put_int8_window(g, "conv_int8");
        return c_put_int8_bounds(g, e);
    }
    if (is_hybrid(op)) {
        use(g, TEXT_CONV_HYBRID);
        c_put_floats(g, "scale", w->quant.scale, w->quant.n);
        buf_printf(body(g),
                   "    conv_hybrid(%s, %s, %s, scale_%d, %d, %s, bytes + %zu, %s, &window_%d",
                   out(g), in(g, 0), in(g, 1), g->k, w->quant.n == 1 ? 0 : 1, in(g, 2),
                   scratch(g, MEMORY_BYTES), quantizer(g, scales_differ(w)), g->k);
        return c_put_float_bounds(g, e);
    }
    use(g, TEXT_CONV_FLOAT);
    buf_printf(body(g), "    conv_float(%s, %s, %s, %s, &window_%d", out(g), in(g, 0), in(g, 1),
               in(g, 2), g->k);
    return c_put_float_bounds(g, e);
}

static status put_depthwise(const c_call *g, err *e)
{
    const op_node *op = g->op;
    const tensor *w = op->in[1];
    window v;
    TRY(window_plan(&v, op->in[0], op->options, w->dim[1], w->dim[2], e));
    put_window(g, &v, w->dim[3]);
    if (!is_float(op->in[0])) {
        use(g, TEXT_DEPTHWISE_INT8);
        put_int8_window(g, "depthwise_int8");
        return c_put_int8_bounds(g, e);
    }
    if (is_hybrid(op)) {
        use(g, TEXT_DEPTHWISE_HYBRID);
        c_put_floats(g, "scale", w->quant.scale, w->quant.n);
        buf_printf(body(g),
                   "    depthwise_hybrid(%s, %s, %s, scale_%d, %s, bytes + %zu, &window_%d", out(g),
                   in(g, 0), in(g, 1), g->k, in(g, 2), scratch(g, MEMORY_BYTES), g->k);
        return c_put_float_bounds(g, e);
    }
    use(g, TEXT_DEPTHWISE_FLOAT);
    buf_printf(body(g), "    depthwise_float(%s, %s, %s, %s, &window_%d", out(g), in(g, 0),
               in(g, 1), in(g, 2), g->k);
    return c_put_float_bounds(g, e);
}

static status put_pool(const c_call *g, err *e)
{
    tfl_options o = *g->op->options;
    window v;
    o.dilation_h = o.dilation_w = 1;
    TRY(window_plan(&v, g->op->in[0], &o, o.filter_h, o.filter_w, e));
    put_window(g, &v, v.Ci);
    const bool real = is_float(g->op->in[0]);
    use(g, real ? TEXT_POOL_FLOAT : TEXT_POOL_INT8);
    buf_printf(body(g), "    %s(%s, %s, %d, &window_%d", real ? "pool_float" : "pool_int8", out(g),
               in(g, 0), g->op->kind->code == OP_MAX_POOL_2D, g->k);
    return real ? c_put_float_bounds(g, e) : c_put_int8_bounds(g, e);
}

/* --- dense --- */

static void needs_row(const op_node *op, c_scratch *s)
{
    if (is_hybrid(op)) s->n[MEMORY_BYTES] = (size_t)op->in[1]->dim[1];
}

static status put_dense_int8(const c_call *g, err *e)
{
    const tensor *x = g->op->in[0], *w = g->op->in[1], *y = g->op->out[0];
    const float s_w = w->quant.n == 1 ? w->quant.scale[0] : 0, product = x->quant.scale[0] * s_w;
    const fixed_factor f = fixed_factor_of((double)product / (double)y->quant.scale[0]);
    use(g, TEXT_DENSE_INT8);
    buf_printf(body(g), "    dense_int8(%s, %s, %s, %s, (factor){%d, %d}, %d, %d, %d, %d, %d",
               out(g), in(g, 0), in(g, 1), in(g, 2), (int)f.multiplier, f.shift, zero_of(x),
               zero_of(y), x->n / w->dim[1], w->dim[1], w->dim[0]);
    return c_put_int8_bounds(g, e);
}

static status put_dense(const c_call *g, err *e)
{
    const op_node *op = g->op;
    const tensor *x = op->in[0], *w = op->in[1];
    const int Ci = w->dim[1], Co = w->dim[0], B = x->n / Ci;
    if (!is_float(x)) return put_dense_int8(g, e);
    if (!is_hybrid(op)) {
        use(g, TEXT_DENSE_FLOAT);
        buf_printf(body(g), "    dense_float(%s, %s, %s, %s, %d, %d, %d", out(g), in(g, 0),
                   in(g, 1), in(g, 2), B, Ci, Co);
        return c_put_float_bounds(g, e);
    }
    use(g, TEXT_DENSE_HYBRID);
    buf_printf(body(g), "    dense_hybrid(%s, %s, %s, ", out(g), in(g, 0), in(g, 1));
    c_put_float(body(g), w->quant.scale[0]);
    buf_printf(body(g), ", %s, bytes + %zu, %s, %d, %d, %d", in(g, 2), scratch(g, MEMORY_BYTES),
               quantizer(g, op->options->asymmetric_inputs), B, Ci, Co);
    return c_put_float_bounds(g, e);
}

/* --- softmax --- */

static status put_softmax(const c_call *g, err *e)
{
    const tensor *x = g->op->in[0], *y = g->op->out[0];
    const int n = x->dim[x->rank - 1];
    (void)e;
    if (is_float(x)) {
        use(g, TEXT_SOFTMAX_FLOAT);
        buf_printf(body(g), "    softmax_float(%s, %s, %d, %d, ", out(g), in(g, 0), x->n / n, n);
        c_put_float(body(g), g->op->options->beta);
        buf_text(body(g), ");\n");
        return OK;
    }
    use(g, TEXT_SOFTMAX_INT8);
    buf_printf(body(g), "    softmax_int8(%s, %s, %d, %d, ", out(g), in(g, 0), x->n / n, n);
    c_put_float(body(g), -x->quant.scale[0] * g->op->options->beta);
    buf_text(body(g), ", ");
    c_put_float(body(g), y->quant.scale[0]);
    buf_printf(body(g), ", %d);\n", zero_of(y));
    return OK;
}

/* --- reductions --- */

static void needs_sums(const op_node *op, c_scratch *s)
{
    if (!is_float(op->in[0])) s->n[MEMORY_WORDS] = (size_t)op->out[0]->n;
}

/* The tables of a walk over the input's axes; returns the inputs of one output. */
static int put_walk(const c_call *g, int *step)
{
    const tensor *x = g->op->in[0], *axes = g->op->in[1];
    bool gone[TFL_MAX_RANK] = {false};
    int count = 1;
    for (int i = 0; i < axes->n; i++) {
        const int axis = ((const int *)axes->data)[i];
        gone[axis < 0 ? axis + x->rank : axis] = true;
    }
    for (int i = x->rank, next = 1; i-- > 0;) {
        step[i] = gone[i] ? 0 : next;
        if (gone[i])
            count *= x->dim[i];
        else
            next *= x->dim[i];
    }
    c_put_ints(g, "dim", x->dim, x->rank);
    c_put_ints(g, "step", step, x->rank);
    return count;
}

/* How MEAN goes on from its sums: see op_reduce.c. */
static void put_int8_mean(const c_call *g, int count, const int *step)
{
    const tensor *x = g->op->in[0], *y = g->op->out[0];
    const float s_x = x->quant.scale[0], s_y = y->quant.scale[0];
    const size_t sums = scratch(g, MEMORY_WORDS);
    const bool is_spatial = g->op->options->keep_dims && x->rank == 4 && g->op->in[1]->n == 2 &&
                            step[1] == 0 && step[2] == 0;
    buf_printf(body(g), "    mean_sums(words + %zu, %d, %s, %d, %d, dim_%d, step_%d);\n", sums,
               y->n, in(g, 0), x->n, x->rank, g->k, g->k);
    if (is_spatial) {
        const fixed_factor f = fixed_factor_of((double)s_x / (double)s_y);
        use(g, TEXT_MEAN_SPATIAL);
        buf_printf(body(g),
                   "    mean_spatial(%s, words + %zu, %d, %d, (factor){%d, %d}, %d, %d);\n", out(g),
                   sums, y->n, count, (int)f.multiplier, f.shift, zero_of(x), zero_of(y));
    } else if (s_x == s_y && zero_of(x) == zero_of(y)) {
        use(g, TEXT_MEAN_PLAIN);
        buf_printf(body(g), "    mean_plain(%s, words + %zu, %d, %d);\n", out(g), sums, y->n,
                   count);
    } else {
        const float scale = s_x / s_y;
        use(g, TEXT_MEAN_ROUNDED);
        buf_printf(body(g), "    mean_rounded(%s, words + %zu, %d, %d, ", out(g), sums, y->n,
                   count);
        c_put_float(body(g), scale);
        buf_text(body(g), ", ");
        c_put_float(body(g), -(float)zero_of(x) * scale);
        buf_printf(body(g), ", %d);\n", zero_of(y));
    }
}

static void put_float_sum(const c_call *g, int divisor)
{
    const tensor *x = g->op->in[0];
    use(g, TEXT_SUM_FLOAT);
    buf_printf(body(g), "    sum_float(%s, %d, %s, %d, %d, dim_%d, step_%d, %d);\n", out(g),
               g->op->out[0]->n, in(g, 0), x->n, x->rank, g->k, g->k, divisor);
}

static status put_mean(const c_call *g, err *e)
{
    int step[TFL_MAX_RANK] = {0};
    (void)e;
    const int count = put_walk(g, step);
    if (is_float(g->op->in[0]))
        put_float_sum(g, count);
    else
        put_int8_mean(g, count, step);
    return OK;
}

static status put_sum(const c_call *g, err *e)
{
    int step[TFL_MAX_RANK] = {0};
    (void)e;
    put_walk(g, step);
    put_float_sum(g, 1);
    return OK;
}

static status put_reduce_max(const c_call *g, err *e)
{
    const tensor *x = g->op->in[0];
    const bool real = is_float(x);
    int step[TFL_MAX_RANK] = {0};
    (void)e;
    put_walk(g, step);
    use(g, real ? TEXT_MAX_FLOAT : TEXT_MAX_INT8);
    buf_printf(body(g), "    %s(%s, %d, %s, %d, %d, dim_%d, step_%d);\n",
               real ? "max_float" : "max_int8", out(g), g->op->out[0]->n, in(g, 0), x->n, x->rank,
               g->k, g->k);
    return OK;
}

static status put_nothing(const c_call *g, err *e)
{
    (void)g, (void)e; /* the output shows the input's memory */
    return OK;
}

/* --- LSTM --- */

enum { LSTM_W = 1, LSTM_BIAS = 12, LSTM_STATE = 18, LSTM_CELL = 19 };

static void needs_gates(const op_node *op, c_scratch *s)
{
    const tensor *w = op->in[LSTM_W];
    const size_t u = (size_t)w->dim[0], Ci = (size_t)w->dim[1];
    s->n[MEMORY_FLOATS] = 4 * u;
    if (w->type == TFL_INT8) s->n[MEMORY_BYTES] = Ci > u ? Ci : u;
}

/* A table of the pointers to `n` operands from `first` on. */
static void put_pointers(const c_call *g, const char *type, const char *name, int first, int n)
{
    const char *at[8];
    for (int i = 0; i < n; i++) at[i] = in(g, first + i);
    buf *b = &g->w->tables;
    buf_printf(b, "static const %s *const %s_%d[] = {", type, name, g->k);
    for (int i = 0; i < n; i++) buf_printf(b, "%s%s", i ? ", " : "", at[i]);
    buf_text(b, "};\n");
}

static status put_lstm(const c_call *g, err *e)
{
    const op_node *op = g->op;
    const tensor *x = op->in[0], *w = op->in[LSTM_W];
    const bool hybrid = w->type == TFL_INT8;
    const float clip = op->options->cell_clip > 0 ? op->options->cell_clip : INFINITY;
    float scale[8];
    TRY(op_expect_type(x, "the input", TFL_FLOAT32, e));
    for (int i = 0; i < 12; i++) {
        const tensor *t = op->in[i < 8 ? LSTM_W + i : LSTM_BIAS + i - 8];
        if (!t->is_constant) return FAIL(e, ERR_INPUT, "weights that are no constants have no C");
        if (i < 8 && hybrid) scale[i] = t->quant.scale[0];
    }
    put_pointers(g, hybrid ? "int8_t" : "float", "weights", LSTM_W, 8);
    put_pointers(g, "float", "biases", LSTM_BIAS, 4);
    use(g, hybrid ? TEXT_LSTM_HYBRID : TEXT_LSTM_FLOAT);
    buf_printf(body(g), "    %s(%s, %s, weights_%d, ", hybrid ? "lstm_hybrid" : "lstm_float",
               out(g), in(g, 0), g->k);
    if (hybrid) c_put_floats(g, "scale", scale, 8);
    if (hybrid) buf_printf(body(g), "scale_%d, ", g->k);
    buf_printf(body(g), "biases_%d, %s, %s, floats + %zu, ", g->k, in(g, LSTM_STATE),
               in(g, LSTM_CELL), scratch(g, MEMORY_FLOATS));
    if (hybrid)
        buf_printf(body(g), "bytes + %zu, %s, ", scratch(g, MEMORY_BYTES),
                   quantizer(g, op->options->asymmetric_inputs));
    buf_printf(body(g), "%d, %d, %d, %d, ", x->dim[0], x->dim[1], x->dim[2], w->dim[0]);
    c_put_float(body(g), clip);
    buf_text(body(g), ");\n");
    return OK;
}

/* --- the table --- */

static const struct {
    int code;
    status (*put)(const c_call *g, err *e);
    void (*needs)(const op_node *op, c_scratch *s); /* NULL: no scratch memory */
} rows[] = {
    {OP_ADD, c_put_binary, NULL},
    {OP_AVERAGE_POOL_2D, put_pool, NULL},
    {OP_CONCATENATION, c_put_moves, NULL},
    {OP_CONV_2D, put_conv, needs_image},
    {OP_DEPTHWISE_CONV_2D, put_depthwise, needs_image},
    {OP_DEQUANTIZE, c_put_dequantize, NULL},
    {OP_DIV, c_put_binary, NULL},
    {OP_EXPAND_DIMS, put_nothing, NULL},
    {OP_FULLY_CONNECTED, put_dense, needs_row},
    {OP_HARD_SWISH, c_put_unary, NULL},
    {OP_LEAKY_RELU, c_put_unary, NULL},
    {OP_LOGISTIC, c_put_unary, NULL},
    {OP_MAXIMUM, c_put_binary, NULL},
    {OP_MAX_POOL_2D, put_pool, NULL},
    {OP_MEAN, put_mean, needs_sums},
    {OP_MINIMUM, c_put_binary, NULL},
    {OP_MUL, c_put_binary, NULL},
    {OP_PACK, c_put_moves, NULL},
    {OP_PAD, c_put_moves, NULL},
    {OP_PADV2, c_put_moves, NULL},
    {OP_QUANTIZE, c_put_quantize, NULL},
    {OP_REDUCE_MAX, put_reduce_max, NULL},
    {OP_RELU, c_put_unary, NULL},
    {OP_RELU6, c_put_unary, NULL},
    {OP_RELU_N1_TO_1, c_put_unary, NULL},
    {OP_RESHAPE, put_nothing, NULL},
    {OP_SLICE, c_put_moves, NULL},
    {OP_SOFTMAX, put_softmax, NULL},
    {OP_SPLIT, c_put_moves, NULL},
    {OP_SQUEEZE, put_nothing, NULL},
    {OP_STRIDED_SLICE, c_put_moves, NULL},
    {OP_SUB, c_put_binary, NULL},
    {OP_SUM, put_sum, NULL},
    {OP_TANH, c_put_unary, NULL},
    {OP_TRANSPOSE, c_put_moves, NULL},
    {OP_UNIDIRECTIONAL_SEQUENCE_LSTM, put_lstm, needs_gates},
};

static int row_of(const op_node *op)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == op->kind->code) return (int)i;
    return -1;
}

status c_op_needs(const op_node *op, c_scratch *needs, err *e)
{
    char text[24];
    const int row = row_of(op);
    *needs = (c_scratch){{0}};
    if (row < 0)
        return FAIL(e, ERR_INPUT, "%s cannot be written as C", tfl_op_name(op->kind->code, text));
    if (rows[row].needs) rows[row].needs(op, needs);
    return OK;
}

status c_op_put(c_writer *w, int k)
{
    const c_call g = {w, &w->list.op[k], k};
    const tensor *y = g.op->out[0];
    const op_node *op = g.op;
    if (rows[row_of(op)].put == put_nothing || y->n == 0) return OK;
    buf_printf(&w->body, "%s    /* %s ->", w->body.len > 0 ? "\n" : "",
               tfl_options_of(op->kind->code)->name);
    for (int i = 0; i < y->rank; i++) buf_printf(&w->body, "%s%d", i ? "x" : " ", y->dim[i]);
    buf_text(&w->body, " */\n");
    const status s = rows[row_of(op)].put(&g, w->e);
    return s == OK ? OK
                   : err_wrap(w->e, "operator %d, %s", k, tfl_options_of(op->kind->code)->name);
}
