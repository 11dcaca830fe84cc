/* MEAN, SUM (float32) and REDUCE_MAX over any axes. The input's axes are walked in order; the ones that vanish
 * have stride 0 in the output.
 *
 * int8 MEAN has three forms in TensorFlow Lite 2.9 (reduce.cc, EvalMean):
 *   spatial   4-D, over height and width, dimensions kept: the sum times s_x / s_y, rounded, then
 * over the count plain     input and output with equal scale and zero point: whole-number division
 * of the sum float     all others: round(mean * s_x / s_y - zero_x * s_x / s_y) + zero_y in float32
 */
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"

#include <math.h>
#include <string.h>

typedef struct {
    int step[TFL_MAX_RANK]; /* in the output, for each axis of the input */
    int count;              /* inputs of one output */
    fixed_factor factor;    /* s_x / s_y, spatial form */
    tensor *sums;
} reduce;

/* The inputs come in rows, the last axis; a row's outputs are neighbours, or all the same one. */
typedef struct {
    const reduce *s;
    const tensor *t;
    int index[TFL_MAX_RANK], n, step; /* n: numbers in a row */
    int i, p;                         /* first input and output of the row */
} walk;

static walk walk_begin(const reduce *s, const tensor *t)
{
    const int last = t->rank - 1;
    return (walk){
        .s = s, .t = t, .n = last < 0 ? 1 : t->dim[last], .step = s->step[last < 0 ? 0 : last]};
}

static bool walk_on(const walk *w)
{
    return w->i < w->t->n;
}

static void walk_next(walk *w)
{
    w->i += w->n;
    for (int axis = w->t->rank - 2; axis >= 0; axis--) {
        w->p += w->s->step[axis];
        if (++w->index[axis] < w->t->dim[axis]) break;
        w->p -= w->s->step[axis] * w->t->dim[axis];
        w->index[axis] = 0;
    }
}

static void sum_float(const op_node *op)
{
    float *restrict y = op->out[0]->data;
    memset(y, 0, op->out[0]->bytes);
    for (walk w = walk_begin(op->state, op->in[0]); walk_on(&w); walk_next(&w)) {
        const float *restrict x = (const float *)op->in[0]->data + w.i;
        if (w.step == 1)
            for (int j = 0; j < w.n; j++) y[w.p + j] += x[j];
        else
            for (int j = 0; j < w.n; j++) y[w.p + j * w.step] += x[j];
    }
}

static void mean_float(const op_node *op)
{
    const reduce *s = op->state;
    float *y = op->out[0]->data;
    sum_float(op);
    for (int i = 0; i < op->out[0]->n; i++) y[i] /= (float)s->count;
}

static const int32_t *sums_of(const op_node *op)
{
    const reduce *s = op->state;
    int32_t *restrict sum = s->sums->data;
    memset(sum, 0, sizeof *sum * (size_t)op->out[0]->n);
    for (walk w = walk_begin(s, op->in[0]); walk_on(&w); walk_next(&w)) {
        const int8_t *restrict x = (const int8_t *)op->in[0]->data + w.i;
        if (w.step == 1)
            for (int j = 0; j < w.n; j++) sum[w.p + j] += x[j];
        else
            for (int j = 0; j < w.n; j++) sum[w.p + j * w.step] += x[j];
    }
    return sum;
}

static void mean_spatial(const op_node *op)
{
    const reduce *s = op->state;
    const int32_t *sum = sums_of(op);
    int8_t *y = op->out[0]->data;
    const int32_t zero_x = (int32_t)op->in[0]->quant.zero_point[0] * s->count;
    const int32_t zero_y = (int32_t)op->out[0]->quant.zero_point[0], half = s->count / 2;
    for (int i = 0; i < op->out[0]->n; i++) {
        const int32_t v = fixed_multiply_away(sum[i] - zero_x, s->factor);
        y[i] = (int8_t)clamp_int((v > 0 ? v + half : v - half) / s->count + zero_y, -128, 127);
    }
}

static void mean_plain(const op_node *op)
{
    const reduce *s = op->state;
    const int32_t *sum = sums_of(op);
    int8_t *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = (int8_t)(sum[i] / s->count);
}

static void mean_rounded(const op_node *op)
{
    const reduce *s = op->state;
    const tfl_quant *qx = &op->in[0]->quant, *qy = &op->out[0]->quant;
    const float scale = qx->scale[0] / qy->scale[0], bias = -(float)qx->zero_point[0] * scale;
    const int32_t *sum = sums_of(op);
    int8_t *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) {
        const float mean = (float)sum[i] / (float)s->count;
        const float v = roundf(mean * scale + bias) + (float)qy->zero_point[0];
        y[i] = (int8_t)(v > 127 ? 127 : v >= -128 ? (int)v : -128);
    }
}

static void max_float(const op_node *op)
{
    float *restrict y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = -INFINITY;
    for (walk w = walk_begin(op->state, op->in[0]); walk_on(&w); walk_next(&w)) {
        const float *restrict x = (const float *)op->in[0]->data + w.i;
        for (int j = 0, p = w.p; j < w.n; j++, p += w.step) y[p] = x[j] > y[p] ? x[j] : y[p];
    }
}

static void max_int8(const op_node *op)
{
    int8_t *restrict y = op->out[0]->data;
    memset(y, -128, op->out[0]->bytes);
    for (walk w = walk_begin(op->state, op->in[0]); walk_on(&w); walk_next(&w)) {
        const int8_t *restrict x = (const int8_t *)op->in[0]->data + w.i;
        for (int j = 0, p = w.p; j < w.n; j++, p += w.step) y[p] = x[j] > y[p] ? x[j] : y[p];
    }
}

static status plan_axes(op_node *op, reduce *s, err *e)
{
    const tensor *x = op->in[0], *axes = op->in[1];
    bool gone[TFL_MAX_RANK] = {false};
    TRY(op_expect_numbers(axes, "the list of axes", e));
    for (int i = 0; i < axes->n; i++) {
        const int a = ((const int *)axes->data)[i], axis = a < 0 ? a + x->rank : a;
        if (axis < 0 || axis >= x->rank) return FAIL(e, ERR_INPUT, "there is no axis %d", a);
        gone[axis] = true;
    }
    int dim[TFL_MAX_RANK], rank = 0, step = 1;
    s->count = 1;
    for (int i = 0; i < x->rank; i++) {
        if (gone[i]) s->count *= x->dim[i];
        if (!gone[i] || op->options->keep_dims) dim[rank++] = gone[i] ? 1 : x->dim[i];
    }
    for (int i = x->rank; i-- > 0;) {
        s->step[i] = gone[i] ? 0 : step;
        if (!gone[i]) step *= x->dim[i];
    }
    if (s->count == 0) return FAIL(e, ERR_INPUT, "nothing to reduce");
    return op_set_shape(op->out[0], rank, dim, e);
}

static status prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 2, 2, 1, e));
    reduce *s = op->state = ARENA_NEW(a, reduce, 1);
    if (!s) return FAIL(e, ERR_MEM, "out of memory for an operator");
    TRY(op_expect_type(op->out[0], "the output", op->in[0]->type, e));
    TRY(plan_axes(op, s, e));
    if (op->in[0]->type == TFL_FLOAT32) return OK;
    TRY(op_expect_type(op->in[0], "the input", TFL_INT8, e));
    TRY(op_expect_scale(op->in[0], "the input", e));
    return op_expect_scale(op->out[0], "the output", e);
}

static bool is_spatial(const op_node *op, const reduce *s)
{
    const tensor *x = op->in[0];
    return op->options->keep_dims && x->rank == 4 && op->in[1]->n == 2 && s->step[1] == 0 &&
           s->step[2] == 0;
}

static status prepare_int8_mean(op_node *op, reduce *s, err *e)
{
    const tfl_quant *qx = &op->in[0]->quant, *qy = &op->out[0]->quant;
    const bool same = qx->scale[0] == qy->scale[0] && qx->zero_point[0] == qy->zero_point[0];
    if (s->count > 1 << 22) return FAIL(e, ERR_INPUT, "int8 means over %d values", s->count);
    s->sums = op_scratch(op, sizeof(int32_t) * (size_t)op->out[0]->n);
    op->run = is_spatial(op, s) ? mean_spatial : same ? mean_plain : mean_rounded;
    s->factor = fixed_factor_of((double)qx->scale[0] / (double)qy->scale[0]);
    return OK;
}

status op_mean_prepare(op_node *op, arena *a, err *e)
{
    TRY(prepare(op, a, e));
    reduce *s = op->state;
    op->run = mean_float;
    if (op->in[0]->type == TFL_FLOAT32) return OK;
    return prepare_int8_mean(op, s, e);
}

status op_sum_prepare(op_node *op, arena *a, err *e)
{
    TRY(prepare(op, a, e));
    op->run = sum_float;
    return op_expect_type(op->in[0], "the input", TFL_FLOAT32, e);
}

status op_reduce_max_prepare(op_node *op, arena *a, err *e)
{
    TRY(prepare(op, a, e));
    op->run = op->in[0]->type == TFL_FLOAT32 ? max_float : max_int8;
    return OK;
}
