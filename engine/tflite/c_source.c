/* The source of a network: opened by the interpreter, its activations placed anew, one array for each
 * type, then the operators in order (c_ops.c). */
#include "engine/tflite/c_source.h"

#include "engine/tflite/c_writer.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/memory_plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const memory_name[N_MEMORIES] = {"floats", "bytes", "words"};
static const char *const memory_type[N_MEMORIES] = {"float", "int8_t", "int32_t"};
static const size_t memory_size[N_MEMORIES] = {sizeof(float), sizeof(int8_t), sizeof(int32_t)};

/* A source is about five times as long as its constants. */
static const size_t MOST_CONSTANTS = (size_t)64 << 20;

static status no_memory(err *e)
{
    return FAIL(e, ERR_MEM, "out of memory for a C source");
}

static bool is_bytes(tfl_type type)
{
    return type == TFL_INT8 || type == TFL_UINT8;
}

/* The memory of a type; -1 for a type that the source cannot hold. */
static int memory_of(tfl_type type)
{
    return type == TFL_FLOAT32 ? MEMORY_FLOATS
           : is_bytes(type)    ? MEMORY_BYTES
           : type == TFL_INT32 ? MEMORY_WORDS
                               : -1;
}

static const tensor *root_of(const tensor *t)
{
    return t->alias ? t->alias : t;
}

static int index_of(const c_writer *w, const tensor *t)
{
    return (int)(t - w->list.tensor);
}

/* --- constants --- */

void c_put_float(buf *b, float v)
{
    char text[32];
    if (!isfinite(v)) {
        buf_text(b, isnan(v) ? "NAN" : v > 0 ? "INFINITY" : "-INFINITY");
        return;
    }
    snprintf(text, sizeof text, "%.9g", (double)v);
    buf_printf(b, "%s%sF", text, strpbrk(text, ".e") ? "" : ".0");
}

static void put_value(buf *b, const tensor *t, int i)
{
    if (t->type == TFL_FLOAT32)
        c_put_float(b, ((const float *)t->data)[i]);
    else if (is_bytes(t->type))
        buf_printf(b, "%d", ((const int8_t *)t->data)[i]);
    else
        buf_printf(b, "%d", ((const int32_t *)t->data)[i]);
}

static void put_constant(c_writer *w, const tensor *t)
{
    buf *b = &w->tables;
    const int per_line = t->type == TFL_FLOAT32 ? 8 : 20;
    buf_printf(b, "static const %s t%d[] = {", memory_type[memory_of(t->type)], index_of(w, t));
    for (int i = 0; i < t->n; i++) {
        if (i > 0) buf_text(b, i % per_line ? ", " : ",\n    ");
        put_value(b, t, i);
    }
    buf_text(b, t->n ? "};\n" : "0};\n");
    w->constant_bytes += t->bytes;
}

const char *c_place(c_writer *w, const tensor *t)
{
    if (!t) return "NULL";
    const int i = index_of(w, t), memory = memory_of(t->type);
    const char *text = NULL;
    if (t->is_constant) {
        if (!w->is_written[i]) put_constant(w, t);
        w->is_written[i] = true;
        text = arena_printf(w->a, "t%d", i);
    } else if (root_of(t) == w->in) {
        text = "in";
    } else if (root_of(t) == w->out) {
        text = "out";
    } else if (memory >= 0) { /* check_types saw to it */
        const size_t at = w->offset[index_of(w, root_of(t))];
        text = arena_printf(w->a, "%s + %zu", memory_name[memory], at);
    }
    if (!text) w->tables.failed = true;
    return text ? text : "";
}

/* --- memory --- */

/* Whether a tensor lies in an array of the source's own. */
static bool is_own(const c_writer *w, const tensor *t, c_memory memory)
{
    return !t->is_constant && !t->alias && t->first >= 0 && memory_of(t->type) == (int)memory &&
           t != w->in && t != w->out;
}

/* Places the tensors and the scratch memory of one type. */
static status place_memory(c_writer *w, c_memory memory)
{
    const size_t size = memory_size[memory];
    const int most = w->list.n_tensors + w->list.n_ops;
    memory_block *block = ARENA_NEW(w->a, memory_block, most);
    size_t **at = ARENA_NEW(w->a, size_t *, most), peak = 0;
    int n = 0;
    if (!block || !at) return no_memory(w->e);
    for (int i = 0; i < w->list.n_tensors; i++) {
        const tensor *t = &w->list.tensor[i];
        if (!is_own(w, t, memory)) continue;
        at[n] = &w->offset[i];
        block[n++] = (memory_block){.bytes = t->bytes, .first = t->first, .last = t->last};
    }
    for (int k = 0; k < w->list.n_ops; k++) {
        size_t *scratch = &w->scratch[k].n[memory];
        if (*scratch == 0) continue;
        at[n] = scratch;
        block[n++] = (memory_block){.bytes = *scratch * size, .first = k, .last = k};
    }
    TRY(memory_plan(block, n, w->a, &peak, w->e));
    for (int i = 0; i < n; i++) *at[i] = block[i].offset / size;
    w->peak[memory] = (peak + size - 1) / size;
    return OK;
}

static status place_all(c_writer *w)
{
    w->is_written = ARENA_NEW(w->a, bool, w->list.n_tensors);
    w->offset = ARENA_NEW(w->a, size_t, w->list.n_tensors);
    w->scratch = ARENA_NEW(w->a, c_scratch, w->list.n_ops);
    if (!w->is_written || !w->offset || !w->scratch) return no_memory(w->e);
    for (int k = 0; k < w->list.n_ops; k++) TRY(c_op_needs(&w->list.op[k], &w->scratch[k], w->e));
    for (int m = 0; m < N_MEMORIES; m++) TRY(place_memory(w, (c_memory)m));
    return OK;
}

/* --- the function --- */

static status check_types(const c_writer *w)
{
    for (int k = 0; k < w->list.n_ops; k++) {
        const op_node *op = &w->list.op[k];
        for (int i = 0; i < op->n_in + op->n_out; i++) {
            const tensor *t = i < op->n_in ? op->in[i] : op->out[i - op->n_in];
            if (t && memory_of(t->type) < 0)
                return FAIL(w->e, ERR_INPUT, "%s of a %s tensor cannot be written as C",
                            tfl_options_of(op->kind->code)->name, tfl_type_name(t->type));
        }
    }
    return OK;
}

static status check_constants(const c_writer *w)
{
    size_t bytes = 0;
    for (int i = 0; i < w->list.n_tensors; i++)
        bytes += w->list.tensor[i].is_constant ? w->list.tensor[i].bytes : 0;
    if (bytes <= MOST_CONSTANTS) return OK;
    return FAIL(w->e, ERR_INPUT, "constants of %zu bytes are too many for a C source", bytes);
}

static status check_port(const c_writer *w, const tensor *t, const char *what)
{
    if (t->type != TFL_FLOAT32 && !is_bytes(t->type))
        return FAIL(w->e, ERR_INPUT, "the %s is %s; C is written for float32, int8 and uint8", what,
                    tfl_type_name(t->type));
    if (is_bytes(t->type)) TRY(op_expect_scale(t, what, w->e));
    if (t->n == 0) return FAIL(w->e, ERR_INPUT, "the %s is empty", what);
    return OK;
}

static status check_ports(c_writer *w)
{
    if (w->list.n_in != 1 || w->list.n_out != 1)
        return FAIL(w->e, ERR_INPUT, "%d inputs and %d outputs; C is written for one of each",
                    w->list.n_in, w->list.n_out);
    TRY(check_port(w, &w->list.tensor[w->list.in[0]], "input"));
    return check_port(w, &w->list.tensor[w->list.out[0]], "output");
}

/* Variable tensors start at zero, and an output that is no operator's own is copied. */
static void put_frame_begin(c_writer *w)
{
    for (int i = 0; i < w->list.n_tensors; i++) {
        const tensor *t = &w->list.tensor[i];
        if (!t->is_variable || t->first < 0 || memory_of(t->type) < 0) continue;
        const char *at = c_place(w, t);
        buf_printf(&w->body, "    memset(%s, 0, %zu);\n", at, t->bytes);
    }
}

static void put_frame_end(c_writer *w, const tensor *out)
{
    if (w->out) return;
    const char *from = c_place(w, out);
    buf_printf(&w->body, "    memcpy(out, %s, %zu);\n", from, out->bytes);
}

static void put_memory(const c_writer *w, buf *source)
{
    for (int m = 0; m < N_MEMORIES; m++)
        if (w->peak[m] > 0)
            buf_printf(source, "static %s %s[%zu]; /* %zu bytes */\n", memory_type[m],
                       memory_name[m], w->peak[m], w->peak[m] * memory_size[m]);
    buf_char(source, '\n');
}

static void put_quant(buf *b, const char *what, const tensor *t)
{
    if (!is_bytes(t->type)) return;
    buf_printf(b, "/* The %s in %s: real = ", what, tfl_type_name(t->type));
    c_put_float(b, t->quant.scale[0]);
    buf_printf(b, " * (stored - %d). */\n", (int)t->quant.zero_point[0]);
}

static void put_to_bytes(buf *b, const tensor *in)
{
    const int least = in->type == TFL_UINT8 ? 0 : -128;
    buf_text(
        b, "    for (int i = 0; i < MODEL_INPUT; i++) {\n        const float v = roundf(in[i] / ");
    c_put_float(b, in->quant.scale[0]);
    buf_printf(b, ") + %d;\n        x[i] = (int8_t)(v > %d ? %d : v >= %d ? (int)v : %d);\n    }\n",
               (int)in->quant.zero_point[0], least + 255, least + 255, least, least);
}

static void put_from_bytes(buf *b, const tensor *out)
{
    buf_text(b, "    for (int i = 0; i < MODEL_OUTPUT; i++) out[i] = ");
    c_put_float(b, out->quant.scale[0]);
    buf_printf(b, " * (float)(%sy[i] - %d);\n", out->type == TFL_UINT8 ? "(uint8_t)" : "",
               (int)out->quant.zero_point[0]);
}

/* "int8" or "uint8" where both ports are, so that no conversion is needed; else NULL. */
static const char *common_bytes(const tensor *in, const tensor *out)
{
    return in->type == out->type && is_bytes(in->type) ? tfl_type_name(in->type) : NULL;
}

static void put_bytes_signature(buf *b, const char *type)
{
    buf_printf(b, "int model_run_%s(const %s_t in[MODEL_INPUT], %s_t out[MODEL_OUTPUT])", type,
               type, type);
}

/* model_run around `run`: where a port holds bytes, its floats are converted. `run` sees all bytes as
 * int8_t. */
static void put_wrapper(buf *b, const tensor *in, const tensor *out)
{
    const bool x8 = is_bytes(in->type), y8 = is_bytes(out->type);
    const char *bytes = common_bytes(in, out);
    buf_text(b, "int model_run(const float in[MODEL_INPUT], float out[MODEL_OUTPUT])\n{\n");
    if (x8) buf_text(b, "    static int8_t x[MODEL_INPUT];\n");
    if (y8) buf_text(b, "    static int8_t y[MODEL_OUTPUT];\n");
    if (x8) put_to_bytes(b, in);
    buf_printf(b, "    run(%s, %s);\n", x8 ? "x" : "in", y8 ? "y" : "out");
    if (y8) put_from_bytes(b, out);
    buf_text(b, "    return 0;\n}\n");
    if (!bytes) return;
    buf_char(b, '\n');
    put_bytes_signature(b, bytes);
    buf_printf(b, "\n{\n    run(%s);\n    return 0;\n}\n",
               in->type == TFL_INT8 ? "in, out" : "(const int8_t *)in, (int8_t *)out");
}

static void put_shape(buf *b, const tensor *t)
{
    for (int i = 0; i < t->rank; i++) buf_printf(b, "%s%d", i ? "x" : "", t->dim[i]);
}

static void put_header(const c_writer *w, const interpreter *it, const tensor *in,
                       const tensor *out, buf *b)
{
    size_t bytes = 0;
    for (int m = 0; m < N_MEMORIES; m++) bytes += w->peak[m] * memory_size[m];
    if (is_bytes(in->type)) bytes += in->bytes; /* model_run's own copies */
    if (is_bytes(out->type)) bytes += out->bytes;
    buf_text(b, "/* The network: ");
    put_shape(b, in);
    buf_text(b, " to ");
    put_shape(b, out);
    buf_printf(b,
               ", %.0f multiply-adds.\n * Static memory: %zu bytes of activations. Constants: %zu "
               "bytes. */\n",
               interpreter_macs(it), bytes, w->constant_bytes);
    buf_printf(b, "enum { MODEL_INPUT = %d, MODEL_OUTPUT = %d };\n\n", in->n, out->n);
    buf_text(b, "/* One inference. The arrays may not overlap; returns 0. Uses static memory: one "
                "call at a\n"
                " * time. */\n"
                "int model_run(const float in[MODEL_INPUT], float out[MODEL_OUTPUT]);\n");
    put_quant(b, "input", in);
    put_quant(b, "output", out);
    if (!common_bytes(in, out)) return;
    put_bytes_signature(b, common_bytes(in, out));
    buf_text(b, ";\n");
}

static void put_source(c_writer *w, const tensor *in, const tensor *out, buf *b)
{
    put_memory(w, b);
    c_text_put(b, w->texts);
    buf_put(b, w->tables.data, w->tables.len);
    buf_printf(b, "\nstatic void run(const %s *in, %s *out)\n{\n", memory_type[memory_of(in->type)],
               memory_type[memory_of(out->type)]);
    buf_put(b, w->body.data, w->body.len);
    buf_text(b, "}\n\n");
    put_wrapper(b, in, out);
}

static status put_network(c_writer *w, const interpreter *it, buf *header, buf *source)
{
    TRY(check_ports(w));
    TRY(check_types(w));
    TRY(check_constants(w));
    const tensor *in = &w->list.tensor[w->list.in[0]], *out = &w->list.tensor[w->list.out[0]];
    const tensor *made = root_of(out);
    w->in = in;
    w->out = made->is_constant || out->is_constant || made == in || made->is_variable ? NULL : made;
    TRY(place_all(w));
    put_frame_begin(w);
    for (int k = 0; k < w->list.n_ops; k++) TRY(c_op_put(w, k));
    put_frame_end(w, out);
    put_header(w, it, in, out, header);
    put_source(w, in, out, source);
    TRY(buf_check(&w->tables, w->e));
    TRY(buf_check(&w->body, w->e));
    TRY(buf_check(header, w->e));
    return buf_check(source, w->e);
}

status c_source_put(const void *file, size_t n, arena *a, buf *header, buf *source, err *e)
{
    interpreter *it;
    c_writer w = {.a = a, .e = e};
    TRY(interpreter_open(a, file, n, &it, e));
    w.list = interpreter_operators(it);
    status s = put_network(&w, it, header, source);
    buf_free(&w.tables);
    buf_free(&w.body);
    return s;
}
