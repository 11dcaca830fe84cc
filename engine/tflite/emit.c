/* What makes the file small, with the bytes that each saves per use:
 *   - tensors that are described alike (type, shape, buffer) are one table, 12 and more;
 *   - vectors of equal numbers are one vector: a shape is also the list of inputs [1,6] if need be;
 *   - option tables of equal content are one table;
 *   - activations name buffer 0 by leaving the field out;
 *   - constants begin on 4-byte boundaries, where the format's attribute force_align says 16:
 * readers that map the file get float alignment, which is all that TensorFlow Lite's kernels need.
 */
#include "engine/tflite/emit.h"

#include "engine/tflite/flatbuffer.h"

#include <string.h>

typedef struct {
    const tfl_graph *g;
    arena *a;
    fb_builder b;
    fb_ref *refs; /* scratch for vectors of tables: as long as the longest */
    int n_codes;
    const tfl_op **code_of; /* the first operator with each code and version */
    fb_ref *buffers;
    int n_buffers;
    const float *
        *quantized;   /* scales written so far, and where: tensors that share the pointer share */
    fb_ref *quant_at; /* the table */
    int n_quantized;
} emitter;

static fb_ref ints(emitter *m, const int *v, int n)
{
    return fb_vector(&m->b, v, (size_t)n, sizeof *v, 4, true);
}

static size_t alignment_of(tfl_type t)
{
    size_t n = tfl_type_bytes(t);
    return n < 4 ? 4 : n;
}

static int put_buffer(emitter *m, const void *data, size_t n, size_t align, bool shared)
{
    fb_ref vector = fb_vector(&m->b, data, n, 1, align, shared);
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, BUFFER_DATA, vector);
    fb_ref table = fb_table_end(&m->b, shared);
    for (int i = 1; shared && i < m->n_buffers; i++)
        if (m->buffers[i] == table) return i;
    m->buffers[m->n_buffers] = table;
    return m->n_buffers++;
}

/* Zero points of constants are all zero in what we write, so they may be shared; scales and the zero
 * points of activations follow from the weights, and sharing them would let values decide the size.
 */
static fb_ref put_quant(emitter *m, const tfl_quant *q, bool constant)
{
    if (q->n == 0) return 0;
    for (int i = 0; i < m->n_quantized; i++)
        if (m->quantized[i] == q->scale) return m->quant_at[i];
    bool zeros = constant;
    for (int i = 0; i < q->n; i++) zeros = zeros && q->zero_point[i] == 0;
    fb_ref zero = fb_vector(&m->b, q->zero_point, (size_t)q->n, 8, 8, zeros);
    fb_ref scale = fb_vector(&m->b, q->scale, (size_t)q->n, 4, 4, false);
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, QUANT_SCALE, scale);
    fb_put_ref(&m->b, QUANT_ZERO_POINT, zero);
    fb_put_int(&m->b, QUANT_AXIS, q->n > 1 ? q->axis : 0, 0);
    m->quantized[m->n_quantized] = q->scale;
    return m->quant_at[m->n_quantized++] = fb_table_end(&m->b, false);
}

static fb_ref put_tensor(emitter *m, const tfl_tensor *t)
{
    int buffer =
        t->data ? put_buffer(m, t->data, t->bytes, alignment_of(t->type), t->is_structural) : 0;
    fb_ref quant = put_quant(m, &t->quant, t->data != NULL);
    fb_ref shape = ints(m, t->dim, t->rank);
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, TENSOR_SHAPE, shape);
    fb_put_byte(&m->b, TENSOR_TYPE, (int)t->type, TFL_FLOAT32);
    fb_put_int(&m->b, TENSOR_BUFFER, buffer, 0);
    fb_put_ref(&m->b, TENSOR_QUANTIZATION, quant);
    fb_put_byte(&m->b, TENSOR_IS_VARIABLE, t->is_variable, 0);
    return fb_table_end(&m->b, true);
}

static fb_ref put_options(emitter *m, const option_table *t, const tfl_options *o)
{
    fb_ref list = 0;
    for (int i = 0; i < t->n_rows; i++)
        if (t->rows[i].kind == OPTION_LIST && o->n_list) list = ints(m, o->list, o->n_list);
    fb_table_begin(&m->b);
    for (int i = 0; i < t->n_rows; i++) {
        const option_row *row = &t->rows[i];
        const char *at = (const char *)o + row->offset;
        int whole;
        float real;
        memcpy(&whole, at, sizeof whole);
        memcpy(&real, at, sizeof real);
        if (row->kind == OPTION_LIST) fb_put_ref(&m->b, row->field, list);
        if (row->kind == OPTION_FLOAT) fb_put_float(&m->b, row->field, real);
        if (row->kind == OPTION_INT) fb_put_int(&m->b, row->field, whole, row->def);
        if (row->kind == OPTION_BYTE) fb_put_byte(&m->b, row->field, whole, row->def);
    }
    return fb_table_end(&m->b, true);
}

/* The row of operator_codes for `op`, added when it is new. */
static int code_index(emitter *m, const tfl_op *op)
{
    for (int i = 0; i < m->n_codes; i++)
        if (m->code_of[i]->code == op->code && m->code_of[i]->version == op->version) return i;
    m->code_of[m->n_codes] = op;
    return m->n_codes++;
}

static fb_ref put_op(emitter *m, const tfl_op *op)
{
    const option_table *t = tfl_options_of(op->code);
    bool has_options = t && t->union_member != OPTIONS_NONE &&
                       !(op->code == OP_RESHAPE && op->options.n_list == 0);
    fb_ref options = has_options ? put_options(m, t, &op->options) : 0;
    fb_ref in = ints(m, op->in, op->n_in), out = ints(m, op->out, op->n_out);
    fb_table_begin(&m->b);
    fb_put_int(&m->b, OPERATOR_CODE, code_index(m, op), 0);
    fb_put_ref(&m->b, OPERATOR_INPUTS, in);
    fb_put_ref(&m->b, OPERATOR_OUTPUTS, out);
    fb_put_byte(&m->b, OPERATOR_OPTIONS_TYPE, has_options ? t->union_member : 0, 0);
    fb_put_ref(&m->b, OPERATOR_OPTIONS, options);
    return fb_table_end(&m->b, false);
}

/* The byte is enough for codes below 127: readers take the greater of byte and int. */
static fb_ref put_codes(emitter *m)
{
    for (int i = 0; i < m->n_codes; i++) {
        fb_table_begin(&m->b);
        const int code = m->code_of[i]->code;
        fb_put_byte(&m->b, CODE_DEPRECATED, code < 127 ? code : 127, 0);
        fb_put_int(&m->b, CODE_BUILTIN, code < 127 ? 0 : code, 0);
        fb_put_int(&m->b, CODE_VERSION, m->code_of[i]->version, 1);
        m->refs[i] = fb_table_end(&m->b, false);
    }
    return fb_refs(&m->b, m->refs, (size_t)m->n_codes);
}

static fb_ref put_subgraph(emitter *m)
{
    const tfl_graph *g = m->g;
    for (int i = 0; i < g->n_tensors; i++) m->refs[i] = put_tensor(m, &g->tensor[i]);
    fb_ref tensors = fb_refs(&m->b, m->refs, (size_t)g->n_tensors);
    for (int i = 0; i < g->n_ops; i++) m->refs[i] = put_op(m, &g->op[i]);
    fb_ref ops = fb_refs(&m->b, m->refs, (size_t)g->n_ops);
    fb_ref in = ints(m, g->in, g->n_in), out = ints(m, g->out, g->n_out);
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, SUBGRAPH_TENSORS, tensors);
    fb_put_ref(&m->b, SUBGRAPH_INPUTS, in);
    fb_put_ref(&m->b, SUBGRAPH_OUTPUTS, out);
    fb_put_ref(&m->b, SUBGRAPH_OPERATORS, ops);
    fb_ref sub = fb_table_end(&m->b, false);
    return fb_refs(&m->b, &sub, 1);
}

static fb_ref put_metadata(emitter *m)
{
    if (!m->g->metadata) return 0;
    int buffer = put_buffer(m, m->g->metadata, m->g->metadata_bytes, 4, false);
    fb_ref name = fb_string(&m->b, m->g->metadata_name);
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, METADATA_NAME, name);
    fb_put_int(&m->b, METADATA_BUFFER, buffer, 0);
    fb_ref entry = fb_table_end(&m->b, false);
    return fb_refs(&m->b, &entry, 1);
}

static fb_ref put_model(emitter *m)
{
    fb_table_begin(&m->b);
    m->buffers[m->n_buffers++] =
        fb_table_end(&m->b, false); /* buffer 0 is empty by the format's rule */
    fb_ref subgraphs = put_subgraph(m), codes = put_codes(m), metadata = put_metadata(m);
    fb_ref buffers = fb_refs(&m->b, m->buffers, (size_t)m->n_buffers);
    fb_table_begin(&m->b);
    fb_put_int(&m->b, MODEL_VERSION, SCHEMA_VERSION, 0);
    fb_put_ref(&m->b, MODEL_OPERATOR_CODES, codes);
    fb_put_ref(&m->b, MODEL_SUBGRAPHS, subgraphs);
    fb_put_ref(&m->b, MODEL_BUFFERS, buffers);
    fb_put_ref(&m->b, MODEL_METADATA, metadata);
    return fb_table_end(&m->b, false);
}

status tfl_emit(const tfl_graph *g, arena *a, buf *out, err *e)
{
    size_t most = (size_t)(g->n_tensors > g->n_ops ? g->n_tensors : g->n_ops) + 2;
    emitter m = {.g = g, .a = a};
    m.refs = ARENA_NEW(a, fb_ref, most);
    m.buffers = ARENA_NEW(a, fb_ref, most);
    m.code_of = ARENA_NEW(a, const tfl_op *, most);
    m.quantized = ARENA_NEW(a, const float *, most);
    m.quant_at = ARENA_NEW(a, fb_ref, most);
    if (!m.refs || !m.buffers || !m.code_of || !m.quantized || !m.quant_at)
        return FAIL(e, ERR_MEM, "out of memory while writing a model");
    fb_init(&m.b, a);
    status s = fb_finish(&m.b, put_model(&m), SCHEMA_IDENTIFIER, out, e);
    fb_free(&m.b);
    return s;
}
