/* Opening a file runs in passes over the operators, in the order of the file:
 *   1. read the graph, turn its tensors into the interpreter's;
 *   2. prepare each operator: its operands must be written by then, so there are no cycles; shapes
 * are inferred anew, whatever the file says of activations; what depends on constants (or on
 * shapes) alone runs at once and is a constant from then on, float16 weights behind a DEQUANTIZE
 * too;
 *   3. note when each tensor is written first and read last, and place them in one block; what the
 * operators work in lies in another, which is a matter of these kernels and not of the file.
 * Inputs are kept during the whole inference, so that it can be repeated. */
#include "engine/tflite/interpreter.h"

#include "engine/compress/quantize.h"

#include "engine/tflite/memory_plan.h"
#include "engine/tflite/op.h"
#include "engine/tflite/tfl_reader.h"
#include "engine/tflite/window.h"

#include <string.h>

struct interpreter {
    tfl_graph g;
    tensor *tensor;
    op_node *op;
    int n_ops;
    tfl_port *in, *out;
    size_t arena_bytes, scratch_bytes;
    double macs, work;
};

/* Scratch is aligned for vectors. */
#define SCRATCH_PITCH(bytes) (((bytes) + 63) / 64 * 64)

static const size_t MOST_BYTES = (size_t)256 << 20; /* of all tensors that are not in the file */
static const double MOST_WORK = 1e10; /* multiplications and values touched, of one inference */

typedef struct {
    interpreter *it;
    arena *a;
    size_t held; /* bytes of values computed in advance */
    err *e;
} opening;

static status make_tensors(opening *o)
{
    interpreter *it = o->it;
    it->tensor = ARENA_NEW(o->a, tensor, it->g.n_tensors);
    if (!it->tensor) return FAIL(o->e, ERR_MEM, "out of memory for tensors");
    for (int i = 0; i < it->g.n_tensors; i++) {
        const tfl_tensor *t = &it->g.tensor[i];
        if (t->is_variable && t->data)
            return FAIL(o->e, ERR_INPUT, "tensor %d is a variable and a constant", i);
        it->tensor[i] = (tensor){.type = t->type,
                                 .quant = t->quant,
                                 .name = t->name,
                                 .is_constant = t->data != NULL,
                                 .is_variable = t->is_variable,
                                 .is_written = t->data || t->is_variable,
                                 .first = -1,
                                 .last = -1};
        /* Operators never write to a constant; the pointer only loses its const to stand beside
         * others. */
        memcpy(&it->tensor[i].data, &t->data, sizeof t->data);
        TRY(op_set_shape(&it->tensor[i], t->rank, t->dim, o->e));
    }
    for (int i = 0; i < it->g.n_in; i++) {
        tensor *t = &it->tensor[it->g.in[i]];
        if (t->is_written) return FAIL(o->e, ERR_INPUT, "input %d is a constant or given twice", i);
        t->is_written = true;
    }
    return OK;
}

static tensor **operands(opening *o, const int *index, int n)
{
    tensor **p = ARENA_NEW(o->a, tensor *, n);
    for (int i = 0; p && i < n; i++) p[i] = index[i] < 0 ? NULL : &o->it->tensor[index[i]];
    return p;
}

static status find_kind(const tfl_op *from, op_node *op, err *e)
{
    char text[24];
    const char *name = tfl_op_name(from->code, text);
    op->kind = op_find(from->code);
    if (!op->kind) return FAIL(e, ERR_INPUT, "%s is not supported", name);
    if (from->version < 1 || from->version > op->kind->newest)
        return FAIL(e, ERR_INPUT, "version %d is not supported; %d is the newest that is",
                    from->version, op->kind->newest);
    return OK;
}

/* Operands are there, results are not: each tensor is written once, before it is read. */
static status check_order(const op_node *op, err *e)
{
    for (int i = 0; i < op->n_in; i++)
        if (op->in[i] && !op->in[i]->is_written)
            return FAIL(e, ERR_INPUT, "input %d is read before it is written", i);
    for (int i = 0; i < op->n_out; i++) {
        if (op->out[i]->is_written) return FAIL(e, ERR_INPUT, "output %d is written twice", i);
        op->out[i]->is_written = true;
    }
    return OK;
}

static bool is_known(const op_node *op)
{
    for (int i = 0; i < op->n_in && !op->is_shape_only; i++)
        if (op->in[i] && !op->in[i]->is_constant) return false;
    return true;
}

/* Runs an operator whose result is known in advance; its result becomes a constant. */
static status fold(opening *o, op_node *op)
{
    for (int i = 0; i < op->n_scratch; i++) {
        op->scratch[i].data = arena_take(o->a, op->scratch[i].bytes + WINDOW_SLACK, 1);
        if (!op->scratch[i].data) return FAIL(o->e, ERR_MEM, "out of memory for a constant");
    }
    for (int i = 0; i < op->n_out; i++) {
        tensor *t = op->out[i];
        o->held += t->bytes;
        if (o->held > MOST_BYTES) return FAIL(o->e, ERR_INPUT, "constants over 256 MiB");
        t->data = t->alias ? t->alias->data : arena_take(o->a, t->bytes, 1);
        if (!t->data) return FAIL(o->e, ERR_MEM, "out of memory for a constant");
        t->is_constant = true;
    }
    if (op->run) op->run(op);
    return OK;
}

static status prepare(opening *o, int index)
{
    interpreter *it = o->it;
    const tfl_op *from = &it->g.op[index];
    op_node *op = &it->op[it->n_ops];
    *op = (op_node){.options = &from->options, .n_in = from->n_in, .n_out = from->n_out};
    op->in = operands(o, from->in, from->n_in);
    op->out = operands(o, from->out, from->n_out);
    if (!op->in || !op->out) return FAIL(o->e, ERR_MEM, "out of memory for operators");
    TRY(find_kind(from, op, o->e));
    TRY(check_order(op, o->e));
    TRY(op->kind->prepare(op, o->a, o->e));
    it->macs += op->macs;
    it->work += op->macs;
    for (int i = 0; i < op->n_in; i++) it->work += op->in[i] ? op->in[i]->n : 0;
    for (int i = 0; i < op->n_out; i++) it->work += op->out[i]->n;
    if (it->work > MOST_WORK)
        return FAIL(o->e, ERR_INPUT, "the model asks for over %g operations; that is not tiny",
                    MOST_WORK);
    if (is_known(op)) return fold(o, op);
    it->n_ops++;
    return OK;
}

static status prepare_all(opening *o)
{
    interpreter *it = o->it;
    it->op = ARENA_NEW(o->a, op_node, it->g.n_ops);
    if (!it->op) return FAIL(o->e, ERR_MEM, "out of memory for operators");
    for (int i = 0; i < it->g.n_ops; i++) {
        status s = prepare(o, i);
        char text[24];
        if (s != OK) {
            err_wrap(o->e, "operator %d, %s", i, tfl_op_name(it->g.op[i].code, text));
            return s;
        }
    }
    for (int i = 0; i < it->g.n_out; i++)
        if (!it->tensor[it->g.out[i]].is_written)
            return FAIL(o->e, ERR_INPUT, "output %d is never written", i);
    return OK;
}

static void note_use(tensor *t, int step)
{
    if (!t) return;
    if (t->alias) t = t->alias;
    if (t->first < 0) t->first = step;
    t->last = step;
}

/* Steps are the operators' indexes; step 0 also stands for the time before, n_ops for the time
 * after. */
static void note_lives(interpreter *it)
{
    for (int i = 0; i < it->g.n_in; i++) note_use(&it->tensor[it->g.in[i]], 0);
    for (int k = 0; k < it->n_ops; k++) {
        op_node *op = &it->op[k];
        for (int i = 0; i < op->n_in; i++) note_use(op->in[i], k);
        for (int i = 0; i < op->n_out; i++) note_use(op->out[i], k);
    }
    for (int i = 0; i < it->g.n_in; i++) note_use(&it->tensor[it->g.in[i]], it->n_ops);
    for (int i = 0; i < it->g.n_out; i++) note_use(&it->tensor[it->g.out[i]], it->n_ops);
    for (int i = 0; i < it->g.n_tensors; i++)
        if (it->tensor[i].is_variable) {
            it->tensor[i].first = 0;
            it->tensor[i].last = it->n_ops;
        }
}

/* The tensors that need memory of their own. */
static int collect(interpreter *it, tensor **list)
{
    int n = 0;
    for (int i = 0; i < it->g.n_tensors; i++) {
        tensor *t = &it->tensor[i];
        if (!t->is_constant && !t->alias && t->first >= 0) list[n++] = t;
    }
    return n;
}

static status place_tensors(opening *o)
{
    interpreter *it = o->it;
    tensor **list = ARENA_NEW(o->a, tensor *, it->g.n_tensors);
    memory_block *block = ARENA_NEW(o->a, memory_block, it->g.n_tensors);
    if (!list || !block) return FAIL(o->e, ERR_MEM, "out of memory for the memory plan");
    const int n = collect(it, list);
    for (int i = 0; i < n; i++)
        block[i] =
            (memory_block){.bytes = list[i]->bytes, .first = list[i]->first, .last = list[i]->last};
    TRY(memory_plan(block, n, o->a, &it->arena_bytes, o->e));
    if (it->arena_bytes > MOST_BYTES)
        return FAIL(o->e, ERR_INPUT, "activations of %zu bytes; that is not tiny", it->arena_bytes);
    char *base = arena_take(o->a, it->arena_bytes + WINDOW_SLACK, 1);
    if (!base) return FAIL(o->e, ERR_MEM, "out of memory for activations");
    for (int i = 0; i < n; i++) list[i]->data = base + block[i].offset;
    for (int i = 0; i < it->g.n_tensors; i++)
        if (it->tensor[i].alias) it->tensor[i].data = it->tensor[i].alias->data;
    return OK;
}

static size_t scratch_of(const op_node *op)
{
    size_t n = 0;
    for (int i = 0; i < op->n_scratch; i++) n += SCRATCH_PITCH(op->scratch[i].bytes);
    return n;
}

/* One block for what operators work in, one operator at a time. */
static status place_scratch(opening *o)
{
    interpreter *it = o->it;
    for (int k = 0; k < it->n_ops; k++) {
        const size_t n = scratch_of(&it->op[k]);
        if (n > it->scratch_bytes) it->scratch_bytes = n;
    }
    if (it->scratch_bytes > MOST_BYTES)
        return FAIL(o->e, ERR_INPUT, "an operator needs %zu bytes to work in; that is not tiny",
                    it->scratch_bytes);
    char *base = arena_take(o->a, it->scratch_bytes + WINDOW_SLACK, 1);
    if (!base) return FAIL(o->e, ERR_MEM, "out of memory for operators");
    for (int k = 0; k < it->n_ops; k++) {
        char *at = base;
        for (int i = 0; i < it->op[k].n_scratch; i++) {
            it->op[k].scratch[i].data = at;
            at += SCRATCH_PITCH(it->op[k].scratch[i].bytes);
        }
    }
    return OK;
}

static status make_ports(opening *o, const int *index, int n, tfl_port **out)
{
    tfl_port *p = *out = ARENA_NEW(o->a, tfl_port, n);
    if (!p) return FAIL(o->e, ERR_MEM, "out of memory for ports");
    for (int i = 0; i < n; i++) {
        const tensor *t = &o->it->tensor[index[i]];
        p[i] = (tfl_port){.type = t->type, .rank = t->rank, .bytes = t->bytes, .name = t->name};
        memcpy(p[i].dim, t->dim, sizeof p[i].dim);
        p[i].data = t->data;
        if (t->quant.n == 0) continue;
        p[i].scale = t->quant.scale[0];
        p[i].zero_point = (int)t->quant.zero_point[0];
    }
    return OK;
}

status interpreter_open(arena *a, const void *file, size_t n, interpreter **out, err *e)
{
    interpreter *it = ARENA_NEW(a, interpreter, 1);
    if (!it) return FAIL(e, ERR_MEM, "out of memory for an interpreter");
    opening o = {.it = it, .a = a, .e = e};
    TRY(tfl_read(a, file, n, &it->g, e));
    TRY(make_tensors(&o));
    TRY(prepare_all(&o));
    note_lives(it);
    TRY(place_tensors(&o));
    TRY(place_scratch(&o));
    TRY(make_ports(&o, it->g.in, it->g.n_in, &it->in));
    TRY(make_ports(&o, it->g.out, it->g.n_out, &it->out));
    *out = it;
    return OK;
}

int interpreter_n_inputs(const interpreter *it)
{
    return it->g.n_in;
}

int interpreter_n_outputs(const interpreter *it)
{
    return it->g.n_out;
}

tfl_port *interpreter_input(interpreter *it, int i)
{
    return &it->in[i];
}

const tfl_port *interpreter_output(const interpreter *it, int i)
{
    return &it->out[i];
}

size_t interpreter_arena_bytes(const interpreter *it)
{
    return it->arena_bytes;
}

size_t interpreter_scratch_bytes(const interpreter *it)
{
    return it->scratch_bytes;
}

double interpreter_macs(const interpreter *it)
{
    return it->macs;
}

int interpreter_n_steps(const interpreter *it)
{
    return it->n_ops;
}

interpreter_step interpreter_get_step(const interpreter *it, int i)
{
    const op_node *op = &it->op[i];
    interpreter_step step = {.code = op->kind->code, .macs = op->macs, .rank = op->out[0]->rank};
    step.name = tfl_options_of(step.code)->name;
    memcpy(step.dim, op->out[0]->dim, sizeof step.dim);
    return step;
}

op_list interpreter_operators(const interpreter *it)
{
    return (op_list){.n_tensors = it->g.n_tensors,
                     .n_ops = it->n_ops,
                     .n_in = it->g.n_in,
                     .n_out = it->g.n_out,
                     .tensor = it->tensor,
                     .op = it->op,
                     .in = it->g.in,
                     .out = it->g.out};
}

void interpreter_reset(interpreter *it)
{
    for (int i = 0; i < it->g.n_tensors; i++)
        if (it->tensor[i].is_variable && it->tensor[i].data)
            memset(it->tensor[i].data, 0, it->tensor[i].bytes);
}

void interpreter_run_step(interpreter *it, int i)
{
    if (it->op[i].run) it->op[i].run(&it->op[i]);
}

void interpreter_invoke(interpreter *it)
{
    interpreter_reset(it);
    for (int k = 0; k < it->n_ops; k++) interpreter_run_step(it, k);
}

int tfl_port_count(const tfl_port *p)
{
    if (p->type == TFL_FLOAT32) return (int)(p->bytes / sizeof(float));
    return (p->type == TFL_INT8 || p->type == TFL_UINT8) && p->scale > 0 ? (int)p->bytes : 0;
}

/* A port's steps as int8's: uint8 has its zero 128 higher. */
static affine steps_of(const tfl_port *p)
{
    return (affine){p->scale, p->zero_point - (p->type == TFL_UINT8 ? 128 : 0)};
}

void tfl_port_put(const tfl_port *p, const float *x, int n)
{
    const int up = p->type == TFL_UINT8 ? 128 : 0;
    const affine steps = steps_of(p);
    uint8_t *q = p->data;
    if (p->type == TFL_FLOAT32)
        memcpy(p->data, x, (size_t)n * sizeof *x);
    else
        for (int i = 0; i < n; i++) q[i] = (uint8_t)(affine_encode(steps, x[i]) + up);
}

void tfl_port_get(const tfl_port *p, float *y, int n)
{
    const affine steps = steps_of(p);
    const uint8_t *q = p->data;
    const int flip = p->type == TFL_UINT8 ? 128 : 0;
    if (p->type == TFL_FLOAT32)
        memcpy(y, p->data, (size_t)n * sizeof *y);
    else
        for (int i = 0; i < n; i++) y[i] = affine_decode(steps, (int8_t)(q[i] ^ flip));
}
