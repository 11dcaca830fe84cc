/* Operators that treat each value alone, or two, or only move them. */
#include "engine/tflite/c_call.h"
#include "engine/tflite/op_move.h"
#include "engine/tflite/rows.h"

#include <math.h>

static int code_of(const c_call *g)
{
    return g->op->kind->code;
}

/* --- two operands --- */

static void put_steps(const c_call *g, const char *name, const tensor *t)
{
    const int rank = g->op->out[0]->rank;
    int step[TFL_MAX_RANK] = {0};
    for (int i = t->rank, next = 1; i-- > 0; next *= t->dim[i])
        step[rank - t->rank + i] = t->dim[i] == 1 ? 0 : next;
    c_put_ints(g, name, step, rank);
}

/* How the operands are walked: the end of a call but for the bounds. */
static void put_broadcast(const c_call *g)
{
    const tensor *y = g->op->out[0];
    c_put_ints(g, "dim", y->dim, y->rank);
    put_steps(g, "step_x", g->op->in[0]);
    put_steps(g, "step_w", g->op->in[1]);
    buf_printf(body(g), "%d, %d, dim_%d, step_x_%d, step_w_%d", y->n, y->rank, g->k, g->k, g->k);
}

static char sign_of(int code)
{
    return code == OP_ADD       ? '+'
           : code == OP_SUB     ? '-'
           : code == OP_MUL     ? '*'
           : code == OP_DIV     ? '/'
           : code == OP_MAXIMUM ? '>'
                                : '<';
}

static void put_operands(const c_call *g, fixed_factor x, fixed_factor w, fixed_factor y)
{
    const op_node *op = g->op;
    use(g, TEXT_OPERANDS);
    buf_printf(&g->w->tables,
               "static const operands operands_%d = {%d, %d, %d, {%d, %d}, {%d, %d}, {%d, %d}};\n",
               g->k, zero_of(op->in[0]), zero_of(op->in[1]), zero_of(op->out[0]), (int)x.multiplier,
               x.shift, (int)w.multiplier, w.shift, (int)y.multiplier, y.shift);
}

static void put_product_int8(const c_call *g, float s_x, float s_w, float s_y)
{
    const float product = s_x * s_w, factor = product / s_y;
    use(g, TEXT_PRODUCT_INT8);
    put_operands(g, (fixed_factor){0}, (fixed_factor){0}, fixed_factor_of((double)factor));
    buf_printf(body(g), "    product_int8(%s, %s, %s, &operands_%d, ", out(g), in(g, 0), in(g, 1),
               g->k);
}

static void put_sum_int8(const c_call *g, float s_x, float s_w, float s_y)
{
    const double common = (double)(2 * fmaxf(s_x, s_w));
    use(g, TEXT_SUM_INT8);
    put_operands(g, fixed_factor_of((double)s_x / common), fixed_factor_of((double)s_w / common),
                 fixed_factor_of(common / (double)((1 << 20) * s_y)));
    buf_printf(body(g), "    sum_int8(%s, %s, %s, %d, &operands_%d, ", out(g), in(g, 0), in(g, 1),
               code_of(g) == OP_SUB ? -1 : 1, g->k);
}

status c_put_binary(const c_call *g, err *e)
{
    const tensor *x = g->op->in[0], *w = g->op->in[1], *y = g->op->out[0];
    if (is_float(x)) {
        use(g, TEXT_BINARY_FLOAT);
        buf_printf(body(g), "    binary_float(%s, %s, %s, '%c', ", out(g), in(g, 0), in(g, 1),
                   sign_of(code_of(g)));
        put_broadcast(g);
        return c_put_float_bounds(g, e);
    }
    (code_of(g) == OP_MUL ? put_product_int8 : put_sum_int8)(g, x->quant.scale[0],
                                                             w->quant.scale[0], y->quant.scale[0]);
    put_broadcast(g);
    return c_put_int8_bounds(g, e);
}

/* --- each value alone --- */

static status put_look_up(const c_call *g)
{
    const uint8_t *table = op_byte_table(g->op);
    buf *b = &g->w->tables;
    use(g, TEXT_LOOK_UP);
    buf_printf(b, "static const int8_t table_%d[256] = {", g->k);
    for (int i = 0; i < 256; i++) {
        if (i > 0) buf_text(b, i % 20 ? ", " : ",\n    ");
        buf_printf(b, "%d", (int8_t)table[i]);
    }
    buf_text(b, "};\n");
    g->w->constant_bytes += 256;
    buf_printf(body(g), "    look_up(%s, %s, %d, table_%d);\n", out(g), in(g, 0), g->op->out[0]->n,
               g->k);
    return OK;
}

/* "    FUNCTION(y, x, n" */
static void begin_unary(const c_call *g, c_text text, const char *function)
{
    use(g, text);
    buf_printf(body(g), "    %s(%s, %s, %d", function, out(g), in(g, 0), g->op->out[0]->n);
}

status c_put_unary(const c_call *g, err *e)
{
    (void)e;
    if (!is_float(g->op->in[0])) return put_look_up(g);
    switch (code_of(g)) {
    case OP_RELU:
        begin_unary(g, TEXT_RELU_FLOAT, "relu_float");
        break;
    case OP_RELU6:
        begin_unary(g, TEXT_BOUND_FLOAT, "bound_float");
        buf_text(body(g), ", 0, 6");
        break;
    case OP_RELU_N1_TO_1:
        begin_unary(g, TEXT_BOUND_FLOAT, "bound_float");
        buf_text(body(g), ", -1, 1");
        break;
    case OP_LEAKY_RELU:
        begin_unary(g, TEXT_LEAKY_FLOAT, "leaky_float");
        buf_text(body(g), ", ");
        c_put_float(body(g), g->op->options->alpha);
        break;
    case OP_HARD_SWISH:
        begin_unary(g, TEXT_SWISH_FLOAT, "swish_float");
        break;
    case OP_TANH:
        begin_unary(g, TEXT_TANH_FLOAT, "tanh_float");
        break;
    default: /* OP_LOGISTIC */
        begin_unary(g, TEXT_LOGISTIC_FLOAT, "logistic_float");
    }
    buf_text(body(g), ");\n");
    return OK;
}

status c_put_quantize(const c_call *g, err *e)
{
    const tensor *y = g->op->out[0];
    (void)e;
    if (!is_float(g->op->in[0])) return put_look_up(g);
    begin_unary(g, TEXT_QUANTIZE, "quantize");
    buf_text(body(g), ", ");
    c_put_float(body(g), y->quant.scale[0]);
    buf_printf(body(g), ", %d, %d);\n", zero_of(y), y->type == TFL_UINT8 ? 0 : -128);
    return OK;
}

status c_put_dequantize(const c_call *g, err *e)
{
    const tensor *x = g->op->in[0];
    const tfl_quant *q = &x->quant;
    buf *b = &g->w->tables;
    int inner = 1;
    (void)e;
    use(g, TEXT_DEQUANTIZE);
    for (int i = q->axis + 1; i < x->rank; i++) inner *= x->dim[i];
    c_put_floats(g, "scale", q->scale, q->n);
    buf_printf(b, "static const int32_t zero_%d[] = {", g->k);
    for (int i = 0; i < q->n; i++) buf_printf(b, "%s%d", i ? ", " : "", (int)q->zero_point[i]);
    buf_text(b, "};\n");
    buf_printf(body(g), "    dequantize(%s, %s, %d, %d, scale_%d, zero_%d, %d, %d);\n", out(g),
               in(g, 0), x->type == TFL_UINT8, x->n, g->k, g->k, q->n, inner);
    return OK;
}

/* --- moves --- */

static void put_side(buf *b, const char *name, const int64_t *v, int n)
{
    buf_printf(b, ", .%s = {", name);
    for (int i = 0; i < n; i++) buf_printf(b, "%s%d", i ? ", " : "", (int)v[i]);
    buf_text(b, n > 0 ? "}" : "0}");
}

/* " + 3", where there is something to add. */
static void put_start(buf *b, const char *place, int64_t start)
{
    buf_printf(b, start ? "%s + %d" : "%s", place, (int)start);
}

static void put_block(const c_call *g, int k)
{
    const moved_block m = op_get_block(g->op, k);
    const char *from = c_place(g->w, m.from), *to = c_place(g->w, m.to);
    int64_t count[TFL_MAX_RANK];
    buf *b = &g->w->tables;
    for (int i = 0; i < m.rank; i++) count[i] = m.count[i];
    buf_printf(b, "static const block block_%d_%d = {.rank = %d", g->k, k, m.rank);
    put_side(b, "count", count, m.rank);
    put_side(b, "step_x", m.x.step, m.rank);
    put_side(b, "step_y", m.y.step, m.rank);
    buf_text(b, "};\n");
    buf_text(body(g), "    copy_block(");
    put_start(body(g), to, m.y.start);
    buf_text(body(g), ", ");
    put_start(body(g), from, m.x.start);
    buf_printf(body(g), ", %zu, &block_%d_%d);\n", tfl_type_bytes(m.from->type), g->k, k);
}

/* What stands around a padded tensor. */
static void put_filling(const c_call *g)
{
    const tensor *y = g->op->out[0];
    const size_t size = tfl_type_bytes(y->type);
    if (code_of(g) == OP_PADV2) {
        use(g, TEXT_FILL);
        buf_printf(body(g), "    fill(%s, %s, %zu, %d);\n", out(g), in(g, 2), size, y->n);
    } else {
        buf_printf(body(g), "    memset(%s, %d, %zu);\n", out(g), size == 1 ? zero_of(y) : 0,
                   y->bytes);
    }
}

status c_put_moves(const c_call *g, err *e)
{
    (void)e;
    use(g, TEXT_COPY_BLOCK);
    if (code_of(g) == OP_PAD || code_of(g) == OP_PADV2) put_filling(g);
    for (int k = 0; k < op_n_blocks(g->op); k++) put_block(g, k);
    return OK;
}
