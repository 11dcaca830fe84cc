/* SOFTMAX over the last axis: y = exp(beta * (x - max)) / sum. int8 looks the exponentials of the
 * 256 possible differences up in a float table (optimized_ops.h: PopulateSoftmaxLookupTable); its
 * output has scale 1/256 and zero point -128. */
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"

#include <math.h>

typedef struct {
    int rows, n;
    float table[256]; /* exp(-beta * scale * d), d = 0 .. 255 */
} softmax;

static void run_float(const op_node *op)
{
    const softmax *s = op->state;
    const float *x = op->in[0]->data, beta = op->options->beta;
    float *y = op->out[0]->data;
    for (int r = 0; r < s->rows; r++, x += s->n, y += s->n) {
        float most = x[0], sum = 0;
        for (int i = 1; i < s->n; i++) most = x[i] > most ? x[i] : most;
        for (int i = 0; i < s->n; i++) sum += y[i] = expf((x[i] - most) * beta);
        for (int i = 0; i < s->n; i++) y[i] /= sum;
    }
}

static void run_int8(const op_node *op)
{
    const softmax *s = op->state;
    const int8_t *x = op->in[0]->data;
    int8_t *y = op->out[0]->data;
    for (int r = 0; r < s->rows; r++, x += s->n, y += s->n) {
        int most = -128;
        float sum = 0;
        for (int i = 0; i < s->n; i++) most = x[i] > most ? x[i] : most;
        for (int i = 0; i < s->n; i++) sum += s->table[most - x[i]];
        const float inverse = 1.0F / (sum * op->out[0]->quant.scale[0]);
        for (int i = 0; i < s->n; i++) {
            const float v = roundf(s->table[most - x[i]] * inverse);
            y[i] = (int8_t)clamp_int((int)fminf(v, 512) + (int)op->out[0]->quant.zero_point[0],
                                     -128, 127);
        }
    }
}

status op_softmax_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 1, 1, 1, e));
    const tensor *x = op->in[0];
    softmax *s = op->state = ARENA_NEW(a, softmax, 1);
    if (!s) return FAIL(e, ERR_MEM, "out of memory for SOFTMAX");
    TRY(op_expect_type(op->out[0], "the output", x->type, e));
    if (x->rank < 1 || x->n == 0) return FAIL(e, ERR_INPUT, "the input is a scalar or empty");
    s->n = x->dim[x->rank - 1];
    s->rows = x->n / s->n;
    op->run = run_float;
    if (x->type != TFL_FLOAT32) {
        TRY(op_expect_type(x, "the input", TFL_INT8, e));
        TRY(op_expect_scale(x, "the input", e));
        TRY(op_expect_scale(op->out[0], "the output", e));
        const float step = -x->quant.scale[0] * op->options->beta;
        for (int d = 0; d < 256; d++) s->table[d] = expf(step * (float)d);
        op->run = run_int8;
    }
    return op_set_shape(op->out[0], x->rank, x->dim, e);
}
