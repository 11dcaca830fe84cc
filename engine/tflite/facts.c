#include "engine/tflite/facts.h"

#include "engine/base/buf.h"
#include "engine/tflite/interpreter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t MOST_FLAT = (size_t)64 << 20;

static status no_memory(err *e)
{
    return FAIL(e, ERR_MEM, "out of memory for the facts about a model");
}

/* --- values --- */

static uint64_t element(const unsigned char *p, size_t size, size_t i)
{
    uint64_t v = 0;
    memcpy(&v, p + i * size, size);
    return v;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Zero of an int8 tensor is its zero point. */
static bool is_zero(const tfl_tensor *t, uint64_t v)
{
    if (t->type == TFL_FLOAT32) return (v & 0x7fffffff) == 0;
    if (t->type == TFL_FLOAT16) return (v & 0x7fff) == 0;
    if (t->type == TFL_INT8 && t->quant.n) return (int8_t)v == t->quant.zero_point[0];
    return v == 0;
}

static size_t count_narrow(const unsigned char *p, size_t size, size_t n)
{
    bool seen[1 << 16] = {false};
    size_t distinct = 0;
    for (size_t i = 0; i < n; i++) {
        bool *s = &seen[element(p, size, i)];
        distinct += !*s;
        *s = true;
    }
    return distinct;
}

static status count_wide(arena *a, const unsigned char *p, size_t size, size_t n, size_t *distinct,
                         err *e)
{
    arena_mark_t scratch = arena_mark(a);
    uint64_t *v = ARENA_NEW(a, uint64_t, n + 1);
    if (!v) return no_memory(e);
    for (size_t i = 0; i < n; i++) v[i] = element(p, size, i);
    qsort(v, n, sizeof *v, compare);
    for (size_t i = 0; i < n; i++) *distinct += i == 0 || v[i] != v[i - 1];
    arena_release(a, scratch);
    return OK;
}

static status count_values(arena *a, const tfl_tensor *t, tensor_facts *out, err *e)
{
    const size_t size = tfl_type_bytes(t->type), n = t->data ? t->bytes / size : 0;
    *out = (tensor_facts){t->data != NULL, n, 0, 0};
    for (size_t i = 0; i < n; i++) out->n_zeros += is_zero(t, element(t->data, size, i));
    if (size > 2) return count_wide(a, t->data, size, n, &out->n_distinct, e);
    out->n_distinct = count_narrow(t->data, size, n);
    return OK;
}

/* Tensors may share their values, but not so that looking at a small file takes forever. */
static status count_all_values(arena *a, model_facts *f, err *e)
{
    size_t total = 0;
    for (int i = 0; i < f->g.n_tensors; i++) {
        total += f->g.tensor[i].data ? f->g.tensor[i].bytes : 0;
        if (total / 16 > f->n_flat)
            return FAIL(e, ERR_INPUT, "damaged file: its tensors share values over and over");
        TRY(count_values(a, &f->g.tensor[i], &f->tensor[i], e));
    }
    return OK;
}

/* --- operators --- */

static double elements(const tfl_tensor *t)
{
    double n = 1;
    for (int i = 0; i < t->rank; i++) n *= t->dim[i];
    return n;
}

static const tfl_tensor *operand(const tfl_graph *g, const int *list, int n, int i)
{
    return i < n && list[i] >= 0 ? &g->tensor[list[i]] : NULL;
}

/* Multiply-adds by the shapes that the file gives. */
static double macs_of(const tfl_graph *g, const tfl_op *op)
{
    const tfl_tensor *x = operand(g, op->in, op->n_in, 0), *w = operand(g, op->in, op->n_in, 1);
    const tfl_tensor *y = operand(g, op->out, op->n_out, 0);
    if (!x || !w || !y) return 0;
    switch (op->code) {
    case OP_CONV_2D:
        return w->rank == 4 && w->dim[0] > 0 ? elements(y) * elements(w) / w->dim[0] : 0;
    case OP_DEPTHWISE_CONV_2D:
        return w->rank == 4 ? elements(y) * w->dim[1] * w->dim[2] : 0;
    case OP_FULLY_CONNECTED:
        return w->rank == 2 ? elements(y) * w->dim[1] : 0;
    case OP_UNIDIRECTIONAL_SEQUENCE_LSTM: {
        const tfl_tensor *r = operand(g, op->in, op->n_in, 5);
        const double steps = x->rank == 3 ? (double)x->dim[0] * x->dim[1] : 0;
        return r ? 4 * steps * (elements(w) + elements(r)) : 0;
    }
    default:
        return 0;
    }
}

/* Trained constants: not the shapes and axes, which are int32 without a scale as biases are not. */
static bool is_weight(const tfl_tensor *t)
{
    const bool whole = t->type == TFL_INT32 || t->type == TFL_INT64 || t->type == TFL_BOOL;
    return t->data && (!whole || t->quant.n > 0);
}

static void count_weights(model_facts *f)
{
    for (int i = 0; i < f->g.n_tensors; i++) {
        if (!is_weight(&f->g.tensor[i])) continue;
        f->n_weights += f->tensor[i].n;
        f->n_zeros += f->tensor[i].n_zeros;
    }
}

/* --- the whole --- */

static void ask_interpreter(arena *a, model_facts *f)
{
    interpreter *it;
    err why = {0};
    f->total_macs = f->arena_bytes = (double)NAN;
    if (interpreter_open(a, f->flat, f->n_flat, &it, &why) == OK) {
        f->total_macs = interpreter_macs(it);
        f->arena_bytes = (double)interpreter_arena_bytes(it);
    } else {
        f->refusal = arena_string(a, why.msg);
    }
}

static status take_apart(arena *a, const void *bytes, size_t n, model_facts *f, err *e)
{
    buf packed = {0};
    status s = OK;
    if (f->form == PACK_FLAT)
        s = pack_zlib(f->flat, f->n_flat, PACK_LEVEL, &packed, e);
    else
        buf_put(&packed, bytes, n);
    if (s == OK) s = buf_check(&packed, e);
    if (s == OK)
        s = anatomy_of(a, &f->g, f->flat, f->n_flat, packed.data, packed.len, &f->parts, e);
    buf_free(&packed);
    return s;
}

status facts_of(arena *a, const void *bytes, size_t n, model_facts *out, err *e)
{
    void *flat;
    *out = (model_facts){.given_bytes = n, .form = pack_form_of(bytes, n).how};
    TRY(pack_open(a, bytes, n, MOST_FLAT, &flat, &out->n_flat, e));
    out->flat = flat;
    TRY(tfl_read(a, out->flat, out->n_flat, &out->g, e));
    TRY(take_apart(a, bytes, n, out, e));
    out->tensor = ARENA_NEW(a, tensor_facts, out->g.n_tensors + 1);
    out->macs = ARENA_NEW(a, double, out->g.n_ops + 1);
    if (!out->tensor || !out->macs) return no_memory(e);
    TRY(count_all_values(a, out, e));
    for (int i = 0; i < out->g.n_ops; i++) out->macs[i] = macs_of(&out->g, &out->g.op[i]);
    count_weights(out);
    ask_interpreter(a, out);
    return OK;
}

const char *facts_shape(arena *a, const tfl_tensor *t)
{
    const char *text = arena_string(a, "[");
    for (int i = 0; text && i < t->rank; i++)
        text = arena_printf(a, "%s%s%d", text, i ? "," : "", t->dim[i]);
    return text ? arena_printf(a, "%s]", text) : NULL;
}
