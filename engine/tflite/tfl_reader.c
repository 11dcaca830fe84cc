#include "engine/tflite/tfl_reader.h"

#include "engine/tflite/flatbuffer.h"

#include <string.h>

typedef struct {
    fb_file f;
    arena *a;
    err *e;
    fb_list buffers;
    tfl_graph *g;
    int *code, *version; /* of each row of operator_codes */
    int n_codes;
} reader;

static status damaged(reader *r, const char *what, int index)
{
    return FAIL(r->e, ERR_INPUT, "damaged file: %s %d points outside of it", what, index);
}

static status no_memory(reader *r)
{
    return FAIL(r->e, ERR_MEM, "out of memory while reading a model");
}

/* A vector's elements for use as an array of `size`-byte items: in place when aligned. */
static status borrow(reader *r, fb_list list, size_t size, const void **out)
{
    const uint8_t *p = r->f.bytes + list.at;
    *out = p;
    if (list.n == 0 || (uintptr_t)p % size == 0) return OK;
    void *copy = arena_take(r->a, list.n, size);
    if (!copy) return no_memory(r);
    memcpy(copy, p, list.n * size);
    *out = copy;
    return OK;
}

static status read_codes(reader *r, fb_list codes)
{
    if (codes.n > TFL_MAX_OPS)
        return FAIL(r->e, ERR_INPUT, "%zu operator codes; at most %d are read", codes.n,
                    TFL_MAX_OPS);
    r->n_codes = (int)codes.n;
    r->code = ARENA_NEW(r->a, int, codes.n);
    r->version = ARENA_NEW(r->a, int, codes.n);
    if (!r->code || !r->version) return no_memory(r);
    for (int i = 0; i < r->n_codes; i++) {
        fb_table t = fb_item(&r->f, codes, (size_t)i);
        /* Old writers fill the byte, new ones the int: the greater one is meant. */
        int byte = fb_byte(&r->f, t, CODE_DEPRECATED, 0), word = fb_int(&r->f, t, CODE_BUILTIN, 0);
        r->code[i] = byte > word ? byte : word;
        r->version[i] = fb_int(&r->f, t, CODE_VERSION, 1);
        if (r->f.damaged) return damaged(r, "operator code", i);
    }
    return OK;
}

static status read_quant(reader *r, fb_table t, int index, tfl_tensor *x)
{
    fb_table q = fb_child(&r->f, t, TENSOR_QUANTIZATION);
    fb_list scale = fb_elements(&r->f, q, QUANT_SCALE, 4);
    fb_list zero = fb_elements(&r->f, q, QUANT_ZERO_POINT, 8);
    int axis = fb_int(&r->f, q, QUANT_AXIS, 0);
    if (r->f.damaged) return damaged(r, "quantization of tensor", index);
    if (scale.n == 0) return OK;
    if (fb_byte(&r->f, q, QUANT_DETAILS_TYPE, 0) != 0)
        return FAIL(r->e, ERR_INPUT, "tensor %d: custom quantization is not supported", index);
    if (scale.n != zero.n)
        return FAIL(r->e, ERR_INPUT, "tensor %d: %zu scales but %zu zero points", index, scale.n,
                    zero.n);
    bool fits = scale.n == 1 || (axis >= 0 && axis < x->rank && scale.n == (size_t)x->dim[axis]);
    if (!fits)
        return FAIL(r->e, ERR_INPUT, "tensor %d: %zu scales do not fit dimension %d", index,
                    scale.n, axis);
    x->quant.n = (int)scale.n;
    x->quant.axis = axis;
    const void *p;
    TRY(borrow(r, scale, 4, &p));
    x->quant.scale = p;
    TRY(borrow(r, zero, 8, &p));
    x->quant.zero_point = p;
    for (int i = 0; i < x->quant.n; i++)
        if (!(x->quant.scale[i] > 0 && x->quant.scale[i] < 1e30F))
            return FAIL(r->e, ERR_INPUT, "tensor %d: scale %g is not a positive number", index,
                        (double)x->quant.scale[i]);
    return OK;
}

static status read_constant(reader *r, int buffer, int index, tfl_tensor *x)
{
    if (buffer < 0 || (size_t)buffer >= r->buffers.n)
        return FAIL(r->e, ERR_INPUT, "tensor %d: there is no buffer %d", index, buffer);
    fb_list data = fb_elements(&r->f, fb_item(&r->f, r->buffers, (size_t)buffer), BUFFER_DATA, 1);
    if (r->f.damaged) return damaged(r, "buffer", buffer);
    if (data.n == 0) return OK;
    size_t bytes;
    if (!tfl_tensor_size(x->type, x->rank, x->dim, &bytes) || bytes != data.n)
        return FAIL(r->e, ERR_INPUT,
                    "tensor %d: its shape asks for another number of bytes than the "
                    "%zu of buffer %d",
                    index, data.n, buffer);
    size_t size = tfl_type_bytes(x->type);
    x->bytes = bytes;
    return borrow(r, (fb_list){data.at, data.n / size}, size, &x->data);
}

static status read_tensor(reader *r, fb_table t, int index, tfl_tensor *x)
{
    fb_file *f = &r->f;
    fb_list shape = fb_elements(f, t, TENSOR_SHAPE, 4);
    *x = (tfl_tensor){.type = (tfl_type)fb_byte(f, t, TENSOR_TYPE, 0)};
    if (f->damaged) return damaged(r, "tensor", index);
    if (shape.n > TFL_MAX_RANK)
        return FAIL(r->e, ERR_INPUT, "tensor %d: %zu dimensions; at most %d are supported", index,
                    shape.n, TFL_MAX_RANK);
    x->rank = (int)shape.n;
    for (int i = 0; i < x->rank; i++) x->dim[i] = fb_item_int(f, shape, (size_t)i);
    size_t bytes;
    if (tfl_type_bytes(x->type) == 0)
        return FAIL(r->e, ERR_INPUT, "tensor %d: type %d is not supported", index, (int)x->type);
    if (!tfl_tensor_size(x->type, x->rank, x->dim, &bytes))
        return FAIL(r->e, ERR_INPUT, "tensor %d: its shape is negative or too large", index);
    if (fb_has(f, t, TENSOR_SPARSITY))
        return FAIL(r->e, ERR_INPUT, "tensor %d: sparse storage is not supported", index);
    x->name = fb_text(f, t, TENSOR_NAME, r->a);
    x->is_variable = fb_byte(f, t, TENSOR_IS_VARIABLE, 0) != 0;
    TRY(read_quant(r, t, index, x));
    return read_constant(r, fb_int(f, t, TENSOR_BUFFER, 0), index, x);
}

/* Tensor indexes, each in range; -1 is let through for inputs. */
static status read_indexes(reader *r, fb_table t, int field, int least, const char *what, int index,
                           const int **out, int *n)
{
    fb_list list = fb_elements(&r->f, t, field, 4);
    if (r->f.damaged) return damaged(r, what, index);
    if (list.n > TFL_MAX_OPERANDS)
        return FAIL(r->e, ERR_INPUT, "%s %d: %zu tensors; at most %d are supported", what, index,
                    list.n, TFL_MAX_OPERANDS);
    int *p = ARENA_NEW(r->a, int, list.n);
    if (!p) return no_memory(r);
    for (size_t i = 0; i < list.n; i++) {
        p[i] = fb_item_int(&r->f, list, i);
        if (p[i] < least || p[i] >= r->g->n_tensors)
            return FAIL(r->e, ERR_INPUT, "%s %d: there is no tensor %d", what, index, p[i]);
    }
    *out = p;
    *n = (int)list.n;
    return OK;
}

static status read_list(reader *r, fb_table t, int field, tfl_options *o)
{
    fb_list list = fb_elements(&r->f, t, field, 4);
    if (list.n > TFL_MAX_RANK)
        return FAIL(r->e, ERR_INPUT, "an operator's option lists %zu dimensions", list.n);
    o->n_list = (int)list.n;
    for (size_t i = 0; i < list.n; i++) o->list[i] = fb_item_int(&r->f, list, i);
    return OK;
}

static status read_options(reader *r, fb_table t, const option_table *rows, tfl_options *o)
{
    tfl_options_init(o, rows);
    if (!rows || rows->union_member == OPTIONS_NONE ||
        fb_byte(&r->f, t, OPERATOR_OPTIONS_TYPE, 0) != rows->union_member)
        return OK;
    fb_table table = fb_child(&r->f, t, OPERATOR_OPTIONS);
    for (int i = 0; i < rows->n_rows; i++) {
        const option_row *row = &rows->rows[i];
        char *at = (char *)o + row->offset;
        float real = row->kind == OPTION_FLOAT ? fb_float(&r->f, table, row->field) : 0;
        int whole = row->kind == OPTION_BYTE  ? fb_byte(&r->f, table, row->field, row->def)
                    : row->kind == OPTION_INT ? fb_int(&r->f, table, row->field, row->def)
                                              : 0;
        if (row->kind == OPTION_LIST)
            TRY(read_list(r, table, row->field, o));
        else if (row->kind == OPTION_FLOAT)
            memcpy(at, &real, sizeof real);
        else
            memcpy(at, &whole, sizeof whole);
    }
    return OK;
}

static status read_op(reader *r, fb_table t, int index, tfl_op *op)
{
    int code = fb_int(&r->f, t, OPERATOR_CODE, 0);
    if (r->f.damaged) return damaged(r, "operator", index);
    if (code < 0 || code >= r->n_codes)
        return FAIL(r->e, ERR_INPUT, "operator %d: there is no operator code %d", index, code);
    op->code = r->code[code];
    op->version = r->version[code];
    TRY(read_indexes(r, t, OPERATOR_INPUTS, -1, "operator", index, &op->in, &op->n_in));
    TRY(read_indexes(r, t, OPERATOR_OUTPUTS, 0, "operator", index, &op->out, &op->n_out));
    TRY(read_options(r, t, tfl_options_of(op->code), &op->options));
    return r->f.damaged ? damaged(r, "options of operator", index) : OK;
}

/* The first entry of the file's metadata; the others are of no use here. */
static status read_metadata(reader *r, fb_table model)
{
    fb_list entries = fb_elements(&r->f, model, MODEL_METADATA, 4);
    if (r->f.damaged || entries.n == 0) return r->f.damaged ? damaged(r, "metadata", 0) : OK;
    fb_table t = fb_item(&r->f, entries, 0);
    int buffer = fb_int(&r->f, t, METADATA_BUFFER, 0);
    if (r->f.damaged || buffer < 0 || (size_t)buffer >= r->buffers.n)
        return damaged(r, "metadata", 0);
    fb_list data = fb_elements(&r->f, fb_item(&r->f, r->buffers, (size_t)buffer), BUFFER_DATA, 1);
    r->g->metadata_name = fb_text(&r->f, t, METADATA_NAME, r->a);
    r->g->metadata = data.n ? (const char *)r->f.bytes + data.at : NULL;
    r->g->metadata_bytes = data.n;
    return r->f.damaged ? damaged(r, "metadata", 0) : OK;
}

static status read_subgraph(reader *r, fb_table sub)
{
    tfl_graph *g = r->g;
    fb_list tensors = fb_elements(&r->f, sub, SUBGRAPH_TENSORS, 4);
    fb_list ops = fb_elements(&r->f, sub, SUBGRAPH_OPERATORS, 4);
    if (r->f.damaged) return damaged(r, "subgraph", 0);
    if (tensors.n > TFL_MAX_TENSORS || ops.n > TFL_MAX_OPS)
        return FAIL(r->e, ERR_INPUT, "%zu tensors and %zu operators; at most %d of each are read",
                    tensors.n, ops.n, TFL_MAX_OPS);
    g->tensor = ARENA_NEW(r->a, tfl_tensor, tensors.n);
    g->op = ARENA_NEW(r->a, tfl_op, ops.n);
    if (!g->tensor || !g->op) return no_memory(r);
    for (; g->n_tensors < (int)tensors.n; g->n_tensors++)
        TRY(read_tensor(r, fb_item(&r->f, tensors, (size_t)g->n_tensors), g->n_tensors,
                        &g->tensor[g->n_tensors]));
    TRY(read_indexes(r, sub, SUBGRAPH_INPUTS, 0, "inputs of subgraph", 0, &g->in, &g->n_in));
    TRY(read_indexes(r, sub, SUBGRAPH_OUTPUTS, 0, "outputs of subgraph", 0, &g->out, &g->n_out));
    for (; g->n_ops < (int)ops.n; g->n_ops++)
        TRY(read_op(r, fb_item(&r->f, ops, (size_t)g->n_ops), g->n_ops, &g->op[g->n_ops]));
    return OK;
}

status tfl_read(arena *a, const void *file, size_t n, tfl_graph *out, err *e)
{
    *out = (tfl_graph){0};
    reader r = {.a = a, .e = e, .g = out};
    fb_table model;
    TRY(fb_open(&r.f, file, n, SCHEMA_IDENTIFIER, &model, e));
    int version = fb_int(&r.f, model, MODEL_VERSION, 0);
    if (version != SCHEMA_VERSION)
        return FAIL(e, ERR_INPUT, "schema version %d; only version %d is supported", version,
                    SCHEMA_VERSION);
    r.buffers = fb_elements(&r.f, model, MODEL_BUFFERS, 4);
    fb_list codes = fb_elements(&r.f, model, MODEL_OPERATOR_CODES, 4);
    fb_list subgraphs = fb_elements(&r.f, model, MODEL_SUBGRAPHS, 4);
    if (r.f.damaged) return damaged(&r, "the root table's field", 0);
    if (subgraphs.n == 0) return FAIL(e, ERR_INPUT, "damaged file: it has no subgraph");
    TRY(read_codes(&r, codes));
    TRY(read_subgraph(&r, fb_item(&r.f, subgraphs, 0)));
    return read_metadata(&r, model);
}
