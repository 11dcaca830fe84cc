/* Operators that treat each value alone: RELU, RELU6, RELU_N1_TO_1, LEAKY_RELU, HARD_SWISH, TANH,
 * LOGISTIC, QUANTIZE, DEQUANTIZE. Of a byte there are 256, so whatever an operator does to one is a
 * table, filled when the file is opened. */
#include "engine/compress/quantize.h"
#include "engine/nn/kernel.h"
#include "engine/tflite/op.h"
#include "engine/tflite/rows.h"

#include <math.h>
#include <string.h>

enum { N_BYTES = 256 };

typedef struct {
    uint8_t byte[N_BYTES]; /* the output's byte of each byte of the input */
    const kernels *k;      /* of tanh and sigmoid */
} unary;

static void run_relu(const op_node *op)
{
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = x[i] > 0 ? x[i] : 0;
}

static void run_clamp(const op_node *op)
{
    const float *x = op->in[0]->data, least = op->kind->code == OP_RELU6 ? 0 : -1,
                most = op->kind->code == OP_RELU6 ? 6 : 1;
    float *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = clamp_float(x[i], least, most);
}

static void run_leaky(const op_node *op)
{
    const float *x = op->in[0]->data, alpha = op->options->alpha;
    float *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = x[i] > 0 ? x[i] : x[i] * alpha;
}

static void run_hard_swish(const op_node *op)
{
    const float *x = op->in[0]->data;
    float *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = x[i] * clamp_float(x[i] + 3, 0, 6) / 6;
}

static void run_smooth(const op_node *op)
{
    const unary *s = op->state;
    memcpy(op->out[0]->data, op->in[0]->data, op->out[0]->bytes);
    s->k->activate(op->out[0]->data, op->out[0]->n,
                   op->kind->code == OP_TANH ? ACT_TANH : ACT_SIGMOID);
}

const uint8_t *op_byte_table(const op_node *op)
{
    return ((const unary *)op->state)->byte;
}

static void run_table(const op_node *op)
{
    const uint8_t *x = op->in[0]->data, *byte = op_byte_table(op);
    uint8_t *y = op->out[0]->data;
    for (int i = 0; i < op->out[0]->n; i++) y[i] = byte[x[i]];
}

static status prepare_unary(op_node *op, tfl_type from, tfl_type to, void (*run)(const op_node *),
                            err *e)
{
    TRY(op_expect_type(op->in[0], "the input", from, e));
    TRY(op_expect_type(op->out[0], "the output", to, e));
    op->run = run;
    return op_set_shape(op->out[0], op->in[0]->rank, op->in[0]->dim, e);
}

/* The number that a byte stands for, less the zero point. */
static int32_t centred(const tensor *t, int byte)
{
    const int q = t->type == TFL_UINT8 ? byte : byte < 128 ? byte : byte - N_BYTES;
    return q - (int32_t)t->quant.zero_point[0];
}

static int least_of(const tensor *t)
{
    return t->type == TFL_UINT8 ? 0 : -128;
}

/* `f` of each value, as the library fills its tables (kernels/internal/common.h, LUTPopulate). */
static void fill_by_function(const op_node *op, uint8_t *byte, float (*f)(float))
{
    const tensor *x = op->in[0], *y = op->out[0];
    const float inverse = 1 / y->quant.scale[0];
    for (int b = 0; b < N_BYTES; b++) {
        const float v = roundf(f(x->quant.scale[0] * (float)centred(x, b)) * inverse);
        byte[b] = (uint8_t)clamp_int((int)clamp_float(v, -512, 512) + (int)y->quant.zero_point[0],
                                     -128, 127);
    }
}

static float sigmoid(float v)
{
    return 1.0F / (1.0F + expf(-v));
}

/* Rescaled, within bounds. */
static void fill_by_factor(const op_node *op, uint8_t *byte, double below, double above, int least,
                           int most)
{
    const tensor *x = op->in[0], *y = op->out[0];
    const fixed_factor low = fixed_factor_of(below), high = fixed_factor_of(above);
    for (int b = 0; b < N_BYTES; b++) {
        const int32_t v = centred(x, b);
        byte[b] = (uint8_t)clamp_int((int32_t)y->quant.zero_point[0] +
                                         fixed_multiply_away(v, v >= 0 ? high : low),
                                     least, most);
    }
}

/* Factors of 16 bits times 2^shift (kernels/activations.cc, HardSwishPrepare). */
typedef struct {
    int16_t multiplier;
    int shift;
} short_factor;

static short_factor short_factor_of(float m)
{
    const fixed_factor f = fixed_factor_of((double)m);
    const int32_t most = INT16_MAX * (1 << 16);
    return (short_factor){
        f.multiplier >= most ? INT16_MAX : (int16_t)((f.multiplier + (1 << 15)) >> 16), f.shift};
}

static int32_t saturated(int32_t v)
{
    return clamp_int(v, INT16_MIN, INT16_MAX);
}

/* v * m / 2^15, rounded half up. */
static int32_t short_product(int32_t v, int16_t m)
{
    return saturated((v * m + (1 << 14)) >> 15);
}

/* v / 2^n, rounded half away from zero. */
static int32_t divided(int32_t v, int n)
{
    const int32_t mask = (1 << n) - 1;
    return (v >> n) + ((v & mask) > (mask >> 1) + (v < 0));
}

/* x * relu6(x + 3) / 6 with 7 more bits (reference/hard_swish.h): the second factor is relu6(x + 3) /
 * 6 in 15 bits. */
static void fill_hard_swish(const op_node *op, uint8_t *byte)
{
    const tensor *x = op->in[0], *y = op->out[0];
    const float fine = (1.0F / 128) * x->quant.scale[0];
    const short_factor to_y = short_factor_of(fine / y->quant.scale[0]),
                       to_gate = short_factor_of(fine / (3.0F / 32768));
    for (int b = 0; b < N_BYTES; b++) {
        const int32_t v = saturated(centred(x, b) * 128);
        int32_t gate = v;
        const int shift = to_gate.shift;
        if (shift > 0) gate = saturated(gate * (1 << (shift > 16 ? 15 : shift - 1)));
        gate = short_product(gate, to_gate.multiplier);
        if (shift > 0) gate = saturated(2 * gate);
        if (shift < 0) gate = divided(gate, shift < -30 ? 30 : -shift);
        gate = (gate + (1 << 15)) >> 1;
        const int32_t product = saturated(gate * short_product(v, to_y.multiplier) / (1 << 15));
        const int down = to_y.shift < 0 ? -to_y.shift : 0;
        const int32_t out = divided(product, down > 30 ? 30 : down);
        byte[b] = (uint8_t)clamp_int(out + (int32_t)y->quant.zero_point[0], -128, 127);
    }
}

static void fill(const op_node *op, uint8_t *byte)
{
    const tensor *x = op->in[0], *y = op->out[0];
    const float s_x = x->quant.scale[0], s_y = y->quant.scale[0];
    const int zero = (int)y->quant.zero_point[0], least = least_of(y), most = least + N_BYTES - 1;
    const double factor = (double)(s_x / s_y), exact = (double)s_x / (double)s_y;
    const float alpha = s_x * op->options->alpha;
    switch (op->kind->code) {
    case OP_TANH:
        fill_by_function(op, byte, tanhf);
        break;
    case OP_LOGISTIC:
        fill_by_function(op, byte, sigmoid);
        break;
    case OP_HARD_SWISH:
        fill_hard_swish(op, byte);
        break;
    case OP_RELU:
        fill_by_factor(op, byte, factor, factor, zero, most);
        break;
    case OP_RELU6:
        fill_by_factor(op, byte, factor, factor, zero,
                       clamp_int(zero + (int)fminf(roundf(6 / s_y), 512), least, most));
        break;
    case OP_RELU_N1_TO_1:
        fill_by_factor(op, byte, factor, factor,
                       clamp_int(zero + (int)fmaxf(roundf(-1 / s_y), -512), least, most),
                       clamp_int(zero + (int)fminf(roundf(1 / s_y), 512), least, most));
        break;
    case OP_LEAKY_RELU:
        fill_by_factor(op, byte, (double)(alpha / s_y), factor, least, most);
        break;
    default: /* OP_QUANTIZE */
        fill_by_factor(op, byte, exact, exact, least, most);
    }
}

static status prepare_table(op_node *op, tfl_type from, tfl_type to, err *e)
{
    unary *s = op->state;
    TRY(prepare_unary(op, from, to, run_table, e));
    TRY(op_expect_scale(op->in[0], "the input", e));
    TRY(op_expect_scale(op->out[0], "the output", e));
    const tfl_quant *q = &op->out[0]->quant;
    const int code = op->kind->code;
    const float step = code == OP_TANH ? 1.0F / 128 : 1.0F / 256;
    const int zero = code == OP_TANH ? 0 : -128;
    if ((code == OP_TANH || code == OP_LOGISTIC) &&
        (q->scale[0] != step || q->zero_point[0] != zero))
        return FAIL(e, ERR_INPUT, "int8 outputs must have scale 1/%d and zero point %d",
                    (int)(1 / step), zero);
    fill(op, s->byte);
    return OK;
}

status op_unary_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 1, 1, 1, e));
    unary *s = op->state = ARENA_NEW(a, unary, 1);
    if (!s) return FAIL(e, ERR_MEM, "out of memory for an operator");
    if (op->in[0]->type == TFL_INT8) return prepare_table(op, TFL_INT8, TFL_INT8, e);
    TRY(kernel_choose(&s->k, e));
    const int code = op->kind->code;
    return prepare_unary(op, TFL_FLOAT32, TFL_FLOAT32,
                         code == OP_RELU         ? run_relu
                         : code == OP_LEAKY_RELU ? run_leaky
                         : code == OP_HARD_SWISH ? run_hard_swish
                         : code == OP_TANH       ? run_smooth
                         : code == OP_LOGISTIC   ? run_smooth
                                                 : run_clamp,
                         e);
}

/* q = round(x / scale) + zero, ties away from zero (reference/quantize.h). */
static void run_quantize(const op_node *op)
{
    const tensor *out = op->out[0];
    const float *x = op->in[0]->data, scale = out->quant.scale[0];
    const float zero = (float)out->quant.zero_point[0], least = (float)least_of(out),
                most = least + 255;
    uint8_t *y = out->data;
    for (int i = 0; i < out->n; i++) {
        const float v = roundf(x[i] / scale) + zero;
        y[i] = (uint8_t)(int)(v > most ? most : v >= least ? v : least);
    }
}

status op_quantize_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 1, 1, 1, e));
    const tfl_type from = op->in[0]->type, to = op->out[0]->type;
    op->state = ARENA_NEW(a, unary, 1);
    if (!op->state) return FAIL(e, ERR_MEM, "out of memory for an operator");
    if (to != TFL_UINT8) TRY(op_expect_type(op->out[0], "the output", TFL_INT8, e));
    if (from == TFL_INT8 || from == TFL_UINT8) return prepare_table(op, from, to, e);
    TRY(prepare_unary(op, TFL_FLOAT32, to, run_quantize, e));
    return op_expect_scale(op->out[0], "the output", e);
}

static void run_dequantize_half(const op_node *op)
{
    half_decode(op->out[0]->data, op->in[0]->data, (size_t)op->out[0]->n);
}

/* One scale, or one for each index of an axis: `inner` values share it. */
static void run_dequantize_bytes(const op_node *op)
{
    const tensor *x = op->in[0];
    const uint8_t *q = x->data;
    const int sign = x->type == TFL_UINT8 ? 0 : 128; /* flipping the highest bit adds 128 */
    float *y = op->out[0]->data;
    int inner = 1;
    for (int i = x->quant.axis + 1; i < x->rank; i++) inner *= x->dim[i];
    for (int i = 0; i < x->n; i++) {
        const int k = x->quant.n == 1 ? 0 : i / inner % x->quant.n;
        const int centre = (q[i] ^ sign) - sign - (int)x->quant.zero_point[k];
        y[i] = x->quant.scale[k] * (float)centre;
    }
}

status op_dequantize_prepare(op_node *op, arena *a, err *e)
{
    (void)a;
    TRY(op_expect(op, 1, 1, 1, e));
    const tensor *x = op->in[0];
    if (x->type == TFL_FLOAT16)
        return prepare_unary(op, TFL_FLOAT16, TFL_FLOAT32, run_dequantize_half, e);
    const bool is_unsigned = x->type == TFL_UINT8;
    TRY(prepare_unary(op, is_unsigned ? TFL_UINT8 : TFL_INT8, TFL_FLOAT32, run_dequantize_bytes,
                      e));
    if (x->quant.n == 0) return FAIL(e, ERR_INPUT, "the input has no scale");
    for (int i = 0; i < x->quant.n; i++)
        if (x->quant.zero_point[i] < least_of(x) || x->quant.zero_point[i] > least_of(x) + 255)
            return FAIL(e, ERR_INPUT, "zero point %d of the input is outside of its type", i);
    return OK;
}
