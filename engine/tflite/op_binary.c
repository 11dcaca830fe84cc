/* Operators of two operands, shapes broadcast: ADD, SUB, MUL (float32 and int8), DIV, MAXIMUM, MINIMUM
 * (float32).
 *
 * int8 ADD and SUB: both operands are brought to a common scale, twice the larger one's, with 20 more
 * bits, and their sum to the output's (kernels/add.cc). MUL: y = zero_y + (x - zero_x) * (w - zero_w)
 * * s_x * s_w / s_y, whose factor the library computes in float32 (kernels/mul.cc). */
#include "engine/tflite/int_layer.h"
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"

#include <math.h>
#include <string.h>

enum { CHUNK = INT_BLOCK, MORE_BITS = 20, N_BYTES = 256 };

typedef struct {
    int code;
    int step[2][TFL_MAX_RANK]; /* of both operands over the output's axes, 0 where one repeats */
    float least, most;
    const int_kernels *ik; /* int8: */
    requantizer requant;
    int32_t value[2][N_BYTES]; /* what each byte of an operand stands for */
} binary;

static float combined(int code, float x, float w)
{
    switch (code) {
    case OP_ADD:
        return x + w;
    case OP_SUB:
        return x - w;
    case OP_MUL:
        return x * w;
    case OP_DIV:
        return x / w;
    case OP_MAXIMUM:
        return x > w ? x : w;
    default:
        return x < w ? x : w;
    }
}

/* n values of one row; an operand's step is 0 where it repeats. */
static void float_row(const binary *s, float *restrict y, const float *x, int step_x,
                      const float *w, int step_w, int n)
{
    const float least = s->least, most = s->most;
    if (s->code == OP_ADD && step_x == 1 && step_w == 1)
        for (int i = 0; i < n; i++) y[i] = clamp_float(x[i] + w[i], least, most);
    else if (s->code == OP_MUL && step_x == 1 && step_w == 1)
        for (int i = 0; i < n; i++) y[i] = clamp_float(x[i] * w[i], least, most);
    else
        for (int i = 0; i < n; i++)
            y[i] = clamp_float(combined(s->code, x[i * step_x], w[i * step_w]), least, most);
}

static void int8_row(const binary *s, int8_t *y, const int8_t *x, int step_x, const int8_t *w,
                     int step_w, int n)
{
    int32_t sum[CHUNK];
    for (int first = 0; first < n; first += CHUNK) {
        const int count = n - first < CHUNK ? n - first : CHUNK;
        for (int i = 0, p = first; i < count; i++, p++) {
            const int32_t u = s->value[0][x[p * step_x] + 128],
                          v = s->value[1][w[p * step_w] + 128];
            sum[i] = s->code == OP_MUL ? u * v : s->code == OP_SUB ? u - v : u + v;
        }
        for (int i = count; i < CHUNK; i++) sum[i] = 0;
        s->ik->requantize(y + first, sum, 1, count, &s->requant);
    }
}

/* Row by row along the last axis. */
static void run(const op_node *op)
{
    const binary *s = op->state;
    const tensor *out = op->out[0];
    const bool is_float = out->type == TFL_FLOAT32;
    const int last = out->rank - 1, n = last < 0 ? 1 : out->dim[last];
    const int step_x = last < 0 ? 0 : s->step[0][last], step_w = last < 0 ? 0 : s->step[1][last];
    int index[TFL_MAX_RANK] = {0};
    for (int i = 0, p = 0, q = 0; i < out->n; i += n) {
        if (is_float)
            float_row(s, (float *)out->data + i, (const float *)op->in[0]->data + p, step_x,
                      (const float *)op->in[1]->data + q, step_w, n);
        else
            int8_row(s, (int8_t *)out->data + i, (const int8_t *)op->in[0]->data + p, step_x,
                     (const int8_t *)op->in[1]->data + q, step_w, n);
        for (int axis = last - 1; axis >= 0; axis--) {
            p += s->step[0][axis];
            q += s->step[1][axis];
            if (++index[axis] < out->dim[axis]) break;
            p -= s->step[0][axis] * out->dim[axis];
            q -= s->step[1][axis] * out->dim[axis];
            index[axis] = 0;
        }
    }
}

/* Shapes are aligned at their last axis; 1 stretches. */
static status plan_broadcast(const op_node *op, binary *s, int *rank, int *dim, err *e)
{
    *rank = op->in[0]->rank > op->in[1]->rank ? op->in[0]->rank : op->in[1]->rank;
    for (int i = 0; i < *rank; i++) dim[i] = 1;
    for (int k = 0; k < 2; k++) {
        const tensor *t = op->in[k];
        int step = 1;
        for (int i = t->rank; i-- > 0;) {
            const int axis = *rank - t->rank + i;
            if (t->dim[i] != 1 && dim[axis] != 1 && t->dim[i] != dim[axis])
                return FAIL(e, ERR_INPUT, "the operands' shapes do not fit each other");
            if (t->dim[i] != 1) dim[axis] = t->dim[i];
            s->step[k][axis] = t->dim[i] == 1 ? 0 : step;
            step *= t->dim[i];
        }
    }
    return OK;
}

static status make_requantizer(binary *s, const tensor *y, fixed_factor f, arena *a, err *e)
{
    fixed_factor all[CHUNK];
    for (int i = 0; i < CHUNK; i++) all[i] = f;
    s->ik = int_kernel_choose();
    s->requant.zero = (int32_t)y->quant.zero_point[0];
    return requantizer_make(&s->requant, all, CHUNK, a, e);
}

static status prepare_product(const op_node *op, binary *s, arena *a, err *e)
{
    const tensor *y = op->out[0];
    const float product = op->in[0]->quant.scale[0] * op->in[1]->quant.scale[0];
    const float factor = product / y->quant.scale[0];
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < N_BYTES; i++)
            s->value[k][i] = i - 128 - (int)op->in[k]->quant.zero_point[0];
    return make_requantizer(s, y, fixed_factor_of((double)factor), a, e);
}

static status prepare_sum(const op_node *op, binary *s, arena *a, err *e)
{
    const tensor *y = op->out[0];
    const float larger = fmaxf(op->in[0]->quant.scale[0], op->in[1]->quant.scale[0]);
    const double common = (double)(2 * larger);
    const double factor = common / (double)((1 << MORE_BITS) * y->quant.scale[0]);
    if (factor >= 1)
        return FAIL(e, ERR_INPUT, "an output scale of %g for inputs of up to %g",
                    (double)y->quant.scale[0], (double)larger);
    for (int k = 0; k < 2; k++) {
        const fixed_factor f = fixed_factor_of((double)op->in[k]->quant.scale[0] / common);
        for (int i = 0; i < N_BYTES; i++) {
            const int32_t v = i - 128 - (int)op->in[k]->quant.zero_point[0];
            s->value[k][i] = fixed_multiply_away(v * (1 << MORE_BITS), f);
        }
    }
    return make_requantizer(s, y, fixed_factor_of(factor), a, e);
}

static status prepare_int8(op_node *op, binary *s, arena *a, err *e)
{
    for (int k = 0; k < 2; k++) {
        TRY(op_expect_type(op->in[k], "each operand", TFL_INT8, e));
        TRY(op_expect_scale(op->in[k], "each operand", e));
    }
    TRY(op_expect_type(op->out[0], "the output", TFL_INT8, e));
    TRY(op_expect_scale(op->out[0], "the output", e));
    TRY(op_int8_bounds(op->options->activation, op->out[0], &s->requant.least, &s->requant.most,
                       e));
    return s->code == OP_MUL ? prepare_product(op, s, a, e) : prepare_sum(op, s, a, e);
}

status op_binary_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 2, 2, 1, e));
    binary *s = op->state = ARENA_NEW(a, binary, 1);
    if (!s) return FAIL(e, ERR_MEM, "out of memory for an operator");
    s->code = op->kind->code;
    const bool has_int8 = s->code == OP_ADD || s->code == OP_SUB || s->code == OP_MUL;
    if (has_int8 && op->in[0]->type == TFL_INT8) {
        TRY(prepare_int8(op, s, a, e));
    } else {
        TRY(op_expect_type(op->in[0], "the first operand", TFL_FLOAT32, e));
        TRY(op_expect_type(op->in[1], "the second operand", TFL_FLOAT32, e));
        TRY(op_expect_type(op->out[0], "the output", TFL_FLOAT32, e));
        TRY(op_float_bounds(op->options->activation, &s->least, &s->most, e));
    }
    int dim[TFL_MAX_RANK], rank;
    TRY(plan_broadcast(op, s, &rank, dim, e));
    op->run = run;
    return op_set_shape(op->out[0], rank, dim, e);
}
