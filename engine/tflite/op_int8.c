/* int8 ADD, RELU, RELU6, TANH and LOGISTIC, to the bit as TensorFlow Lite 2.9 computes them.
 *
 * ADD brings both operands to a common scale, twice the larger one, with 20 bits to spare, adds, and
 * rescales the sum; each of the three products rounds half away from zero (reference/add.h). RELU
 * rescales and clamps. TANH and LOGISTIC look all 256 values up (activations.cc:
 * PopulateLookupTable). */
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"

#include <math.h>
#include <string.h>

enum { ADD_BITS = 20 };

typedef struct {
    fixed_factor in[2], out;
    int32_t zero[3]; /* of both operands and of the output */
    int least, most;
} sum_int8;

static void run_add(const op_node *op)
{
    const sum_int8 *s = op->state;
    const int8_t *x = op->in[0]->data, *w = op->in[1]->data;
    int8_t *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) {
        const int32_t p = fixed_multiply_away((x[i] - s->zero[0]) * (1 << ADD_BITS), s->in[0]);
        const int32_t q = fixed_multiply_away((w[i] - s->zero[1]) * (1 << ADD_BITS), s->in[1]);
        y[i] =
            (int8_t)clamp_int(fixed_multiply_away(p + q, s->out) + s->zero[2], s->least, s->most);
    }
}

static status expect_int8(const tensor *t, const char *what, err *e)
{
    TRY(op_expect_type(t, what, TFL_INT8, e));
    return op_expect_scale(t, what, e);
}

static bool same_shape(const tensor *a, const tensor *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, sizeof *a->dim * (size_t)a->rank) == 0;
}

static void plan_factors(sum_int8 *s, const op_node *op)
{
    const double first = (double)op->in[0]->quant.scale[0],
                 second = (double)op->in[1]->quant.scale[0];
    const double common = 2 * (first > second ? first : second);
    s->in[0] = fixed_factor_of(first / common);
    s->in[1] = fixed_factor_of(second / common);
    s->out =
        fixed_factor_of(common / ((double)(1 << ADD_BITS) * (double)op->out[0]->quant.scale[0]));
    for (int i = 0; i < 3; i++)
        s->zero[i] = (int32_t)(i < 2 ? op->in[i] : op->out[0])->quant.zero_point[0];
}

status op_add_int8_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 2, 2, 1, e));
    TRY(expect_int8(op->in[0], "the first operand", e));
    TRY(expect_int8(op->in[1], "the second operand", e));
    TRY(expect_int8(op->out[0], "the output", e));
    if (!same_shape(op->in[0], op->in[1]))
        return FAIL(e, ERR_INPUT, "int8 operands of different shapes are not supported");
    sum_int8 *s = op->state = ARENA_NEW(a, sum_int8, 1);
    if (!s) return FAIL(e, ERR_MEM, "out of memory for an operator");
    TRY(op_int8_bounds(op->options->activation, op->out[0], &s->least, &s->most, e));
    plan_factors(s, op);
    op->run = run_add;
    return op_set_shape(op->out[0], op->in[0]->rank, op->in[0]->dim, e);
}

/* Every unary operator becomes a table of the 256 inputs. */
static void run_table(const op_node *op)
{
    const int8_t *table = (const int8_t *)op->state + 128, *x = op->in[0]->data;
    int8_t *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = table[x[i]];
}

static status prepare_unary(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 1, 1, 1, e));
    TRY(expect_int8(op->in[0], "the input", e));
    TRY(expect_int8(op->out[0], "the output", e));
    op->state = ARENA_NEW(a, int8_t, 256);
    if (!op->state) return FAIL(e, ERR_MEM, "out of memory for an operator");
    op->run = run_table;
    return op_set_shape(op->out[0], op->in[0]->rank, op->in[0]->dim, e);
}

status op_relu_int8_prepare(op_node *op, float most, arena *a, err *e)
{
    TRY(prepare_unary(op, a, e));
    const tfl_quant *x = &op->in[0]->quant, *y = &op->out[0]->quant;
    const fixed_factor m = fixed_factor_of((double)x->scale[0] / (double)y->scale[0]);
    int lower, upper;
    TRY(op_int8_bounds(isinf(most) ? FUSED_RELU : FUSED_RELU6, op->out[0], &lower, &upper, e));
    int8_t *table = op->state;
    for (int v = -128; v < 128; v++) {
        const int32_t q = fixed_multiply_away(v - (int32_t)x->zero_point[0], m);
        table[v + 128] = (int8_t)clamp_int(q + (int32_t)y->zero_point[0], lower, upper);
    }
    return OK;
}

status op_table_prepare(op_node *op, float (*function)(float), arena *a, err *e)
{
    TRY(prepare_unary(op, a, e));
    const tfl_quant *x = &op->in[0]->quant, *y = &op->out[0]->quant;
    const float inverse = 1 / y->scale[0];
    int8_t *table = op->state;
    for (int v = -128; v < 128; v++) {
        const float real = function(x->scale[0] * (float)(v - (int)x->zero_point[0]));
        const float q = roundf(real * inverse) + (float)y->zero_point[0];
        table[v + 128] = (int8_t)(q > 127 ? 127 : q >= -128 ? (int)q : -128);
    }
    return OK;
}
