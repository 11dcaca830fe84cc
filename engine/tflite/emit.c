/* What makes the file small, with the bytes that each saves per use (docs/packing.md measures them):
 *   - tensors that are described alike (type, shape, buffer) are one table, 12 and more;
 *   - vectors of equal numbers are one vector: a shape is also the list of inputs [1,6] if need be;
 *   - option tables of equal content are one table;
 *   - objects of one kind stand together: nothing flat, 1 % of small files after deflate;
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
    bool writes_zero; /* as an operator's code */
    emit_style style;
} emitter;

static fb_ref ints(emitter *m, const int *v, int n)
{
    return fb_vector(&m->b, v, (size_t)n, sizeof *v, 4, m->style.shares);
}

static size_t alignment_of(const emitter *m, tfl_type t)
{
    size_t n = tfl_type_bytes(t);
    return n < m->style.align ? m->style.align : n;
}

/* The number of a buffer table, which is new or, when `shared`, may be an equal one. */
static int put_buffer(emitter *m, fb_ref data, bool shared)
{
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, BUFFER_DATA, data);
    fb_ref table = fb_table_end(&m->b, shared);
    for (int i = 1; shared && i < m->n_buffers; i++)
        if (m->buffers[i] == table) return i;
    m->buffers[m->n_buffers] = table;
    return m->n_buffers++;
}

static fb_ref put_data(emitter *m, const tfl_tensor *t)
{
    return t->data ? fb_vector(&m->b, t->data, t->bytes, 1, alignment_of(m, t->type),
                               t->is_structural && m->style.shares)
                   : 0;
}

/* The converter gives every tensor a buffer, with values or without; of these all may be one table,
 * or each has its own. */
static int put_empty_buffer(emitter *m)
{
    if (!m->style.extras) return 0;
    m->buffers[m->n_buffers] = m->buffers[0];
    if (m->style.align == 4) return m->n_buffers++;
    fb_align(&m->b, m->style.align);
    return put_buffer(m, 0, false);
}

/* Zero points of constants are all zero in what we write, so they may be shared; scales and the zero
 * points of activations follow from the weights, and sharing them would let values decide the size.
 */
static fb_ref put_quant(emitter *m, const tfl_quant *q, bool constant)
{
    if (q->n == 0 && !m->style.extras) return 0;
    if (q->n == 0) {
        fb_table_begin(&m->b);
        return fb_table_end(&m->b, false);
    }
    for (int i = 0; m->style.shares && i < m->n_quantized; i++)
        if (m->quantized[i] == q->scale) return m->quant_at[i];
    bool zeros = constant;
    for (int i = 0; i < q->n; i++) zeros = zeros && q->zero_point[i] == 0 && m->style.shares;
    fb_ref zero = fb_vector(&m->b, q->zero_point, (size_t)q->n, 8, 8, zeros);
    fb_ref scale = fb_vector(&m->b, q->scale, (size_t)q->n, 4, 4, false);
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, QUANT_SCALE, scale);
    fb_put_ref(&m->b, QUANT_ZERO_POINT, zero);
    fb_put_int(&m->b, QUANT_AXIS, q->n > 1 ? q->axis : 0, 0);
    m->quantized[m->n_quantized] = q->scale;
    return m->quant_at[m->n_quantized++] = fb_table_end(&m->b, false);
}

/* What a tensor's table refers to. */
typedef struct {
    fb_ref data, quant, shape, name;
    int buffer;
} tensor_refs;

static fb_ref put_tensor(emitter *m, const tfl_tensor *t, const tensor_refs *r)
{
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, TENSOR_SHAPE, r->shape);
    fb_put_byte(&m->b, TENSOR_TYPE, (int)t->type, TFL_FLOAT32);
    fb_put_int(&m->b, TENSOR_BUFFER, r->buffer, 0);
    fb_put_ref(&m->b, TENSOR_NAME, r->name);
    fb_put_ref(&m->b, TENSOR_QUANTIZATION, r->quant);
    fb_put_byte(&m->b, TENSOR_IS_VARIABLE, t->is_variable, 0);
    return fb_table_end(&m->b, m->style.shares);
}

typedef enum {
    KIND_DATA,
    KIND_BUFFER,
    KIND_NAME,
    KIND_QUANT,
    KIND_SHAPE,
    KIND_TABLE,
    N_TENSOR_KINDS
} tensor_kind;

static void put_kind(emitter *m, int i, int kind, tensor_refs *r)
{
    const tfl_tensor *t = &m->g->tensor[i];
    switch ((tensor_kind)kind) {
    case KIND_DATA:
        r->data = put_data(m, t);
        break;
    case KIND_BUFFER:
        r->buffer = t->data ? put_buffer(m, r->data, t->is_structural && m->style.shares)
                            : put_empty_buffer(m);
        break;
    case KIND_NAME:
        r->name = !m->style.names ? 0 : fb_string(&m->b, t->name);
        break;
    case KIND_QUANT:
        r->quant = put_quant(m, &t->quant, t->data != NULL);
        break;
    case KIND_SHAPE:
        r->shape = ints(m, t->dim, t->rank);
        break;
    default:
        m->refs[i] = put_tensor(m, t, r);
    }
}

/* Kind by kind, all values at the file's end: runs of equal objects at equal distances repeat bytes
 * that deflate then copies. The converter writes tensor by tensor. */
static fb_ref put_tensors(emitter *m)
{
    const tfl_graph *g = m->g;
    tensor_refs *r = ARENA_NEW(m->a, tensor_refs, g->n_tensors);
    if (!r) {
        m->b.failed = true;
        return 0;
    }
    if (m->style.groups) {
        for (int k = 0; k < N_TENSOR_KINDS; k++)
            for (int i = 0; i < g->n_tensors; i++) put_kind(m, i, k, &r[i]);
    } else {
        for (int i = 0; i < g->n_tensors; i++)
            for (int k = 0; k < N_TENSOR_KINDS; k++) put_kind(m, i, k, &r[i]);
    }
    return fb_refs(&m->b, m->refs, (size_t)g->n_tensors);
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
    return fb_table_end(&m->b, m->style.shares);
}

/* The row of operator_codes for `op`, added when it is new. */
static int code_index(emitter *m, const tfl_op *op)
{
    for (int i = 0; i < m->n_codes; i++)
        if (m->code_of[i]->code == op->code && m->code_of[i]->version == op->version) return i;
    m->code_of[m->n_codes] = op;
    return m->n_codes++;
}

static int count_uses(const emitter *m, const tfl_op *of)
{
    int n = 0;
    for (int i = 0; i < m->g->n_ops; i++)
        n += m->g->op[i].code == of->code && m->g->op[i].version == of->version;
    return n;
}

static bool has_options(const tfl_op *op)
{
    const option_table *t = tfl_options_of(op->code);
    return t && t->union_member != OPTIONS_NONE &&
           !(op->code == OP_RESHAPE && op->options.n_list == 0);
}

/* Numbers the codes as they come; then one of them changes places with number 0, which is the default
 * and as a rule left out. Tables without it have another form than the rest. That costs nothing where
 * their form is another one anyway, having no options: of such codes the most used becomes number 0.
 * Without one it is the least used, and the number is written: four bytes more, and a vtable less. */
static void number_codes(emitter *m)
{
    int zero = -1, most = 0, least = 0;
    for (int i = 0; i < m->g->n_ops; i++) code_index(m, &m->g->op[i]);
    if (!m->style.numbers || m->n_codes == 0) return;
    for (int i = 0; i < m->n_codes; i++) {
        const int uses = count_uses(m, m->code_of[i]);
        if (uses < count_uses(m, m->code_of[least])) least = i;
        if (has_options(m->code_of[i]) || uses <= most) continue;
        most = uses;
        zero = i;
    }
    m->writes_zero = zero < 0;
    if (zero < 0) zero = least;
    const tfl_op *first = m->code_of[0];
    m->code_of[0] = m->code_of[zero];
    m->code_of[zero] = first;
}

static fb_ref put_op(emitter *m, const tfl_op *op)
{
    const option_table *t = has_options(op) ? tfl_options_of(op->code) : NULL;
    fb_ref options = t ? put_options(m, t, &op->options) : 0;
    fb_ref in = ints(m, op->in, op->n_in), out = ints(m, op->out, op->n_out);
    fb_table_begin(&m->b);
    fb_put_int(&m->b, OPERATOR_CODE, code_index(m, op), m->writes_zero ? -1 : 0);
    fb_put_ref(&m->b, OPERATOR_INPUTS, in);
    fb_put_ref(&m->b, OPERATOR_OUTPUTS, out);
    fb_put_byte(&m->b, OPERATOR_OPTIONS_TYPE, t ? t->union_member : 0, 0);
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
        fb_put_int(&m->b, CODE_BUILTIN, code < 127 && !m->style.extras ? 0 : code, 0);
        fb_put_int(&m->b, CODE_VERSION, m->code_of[i]->version, 1);
        m->refs[i] = fb_table_end(&m->b, false);
    }
    return fb_refs(&m->b, m->refs, (size_t)m->n_codes);
}

static fb_ref put_subgraph(emitter *m)
{
    const tfl_graph *g = m->g;
    number_codes(m);
    fb_ref tensors = put_tensors(m);
    for (int i = 0; i < g->n_ops; i++) m->refs[i] = put_op(m, &g->op[i]);
    fb_ref ops = fb_refs(&m->b, m->refs, (size_t)g->n_ops);
    fb_ref in = ints(m, g->in, g->n_in), out = ints(m, g->out, g->n_out);
    fb_ref name = m->style.extras ? fb_string(&m->b, "main") : 0;
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, SUBGRAPH_NAME, name);
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
    fb_ref data = fb_vector(&m->b, m->g->metadata, m->g->metadata_bytes, 1, m->style.align, false);
    int buffer = put_buffer(m, data, false);
    fb_ref name = fb_string(&m->b, m->g->metadata_name);
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, METADATA_NAME, name);
    fb_put_int(&m->b, METADATA_BUFFER, buffer, 0);
    fb_ref entry = fb_table_end(&m->b, false);
    return fb_refs(&m->b, &entry, 1);
}

static fb_ref put_port(emitter *m, const char *text, int tensor)
{
    fb_ref name = fb_string(&m->b, text);
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, PORT_NAME, name);
    fb_put_int(&m->b, PORT_TENSOR, tensor, 0);
    fb_ref port = fb_table_end(&m->b, false);
    return fb_refs(&m->b, &port, 1);
}

static fb_ref put_signature(emitter *m)
{
    if (!m->style.extras) return 0;
    fb_ref in = put_port(m, "x", m->g->in[0]), out = put_port(m, "output_0", m->g->out[0]);
    fb_ref key = fb_string(&m->b, "serving_default");
    fb_table_begin(&m->b);
    fb_put_ref(&m->b, SIGNATURE_INPUTS, in);
    fb_put_ref(&m->b, SIGNATURE_OUTPUTS, out);
    fb_put_ref(&m->b, SIGNATURE_KEY, key);
    fb_ref signature = fb_table_end(&m->b, false);
    return fb_refs(&m->b, &signature, 1);
}

static fb_ref put_model(emitter *m)
{
    fb_table_begin(&m->b);
    m->buffers[m->n_buffers++] =
        fb_table_end(&m->b, false); /* buffer 0 is empty by the format's rule */
    fb_ref subgraphs = put_subgraph(m), codes = put_codes(m), metadata = put_metadata(m);
    fb_ref signature = put_signature(m);
    fb_ref description = m->style.extras ? fb_string(&m->b, "MLIR Converted.") : 0;
    fb_ref buffers = fb_refs(&m->b, m->buffers, (size_t)m->n_buffers);
    fb_table_begin(&m->b);
    fb_put_int(&m->b, MODEL_VERSION, SCHEMA_VERSION, 0);
    fb_put_ref(&m->b, MODEL_OPERATOR_CODES, codes);
    fb_put_ref(&m->b, MODEL_SUBGRAPHS, subgraphs);
    fb_put_ref(&m->b, MODEL_BUFFERS, buffers);
    fb_put_ref(&m->b, MODEL_METADATA, metadata);
    fb_put_ref(&m->b, MODEL_DESCRIPTION, description);
    fb_put_ref(&m->b, MODEL_SIGNATURES, signature);
    return fb_table_end(&m->b, false);
}

emit_style emit_style_minimal(void)
{
    return (emit_style){
        .shares = true, .shares_vtables = true, .groups = true, .numbers = true, .align = 4};
}

/* The converter's second pass, over what it stores in less than 32 bits, aligns as the schema says. */
emit_style emit_style_converter(const tfl_graph *g)
{
    emit_style style = {.shares_vtables = true, .names = true, .extras = true, .align = 4};
    for (int i = 0; i < g->n_tensors; i++)
        if (g->tensor[i].data && tfl_type_bytes(g->tensor[i].type) < 4) style.align = 16;
    return style;
}

status tfl_emit_styled(const tfl_graph *g, const emit_style *style, arena *a, buf *out, err *e)
{
    size_t most = (size_t)(g->n_tensors > g->n_ops ? g->n_tensors : g->n_ops) + 3;
    emitter m = {.g = g, .a = a, .style = *style};
    m.refs = ARENA_NEW(a, fb_ref, most);
    m.buffers = ARENA_NEW(a, fb_ref, most);
    m.code_of = ARENA_NEW(a, const tfl_op *, most);
    m.quantized = ARENA_NEW(a, const float *, most);
    m.quant_at = ARENA_NEW(a, fb_ref, most);
    if (!m.refs || !m.buffers || !m.code_of || !m.quantized || !m.quant_at)
        return FAIL(e, ERR_MEM, "out of memory while writing a model");
    fb_init(&m.b, a);
    m.b.repeats_vtables = !style->shares_vtables;
    status s = fb_finish(&m.b, put_model(&m), SCHEMA_IDENTIFIER, out, e);
    fb_free(&m.b);
    return s;
}

status tfl_emit(const tfl_graph *g, arena *a, buf *out, err *e)
{
    const emit_style style = g->like_converter ? emit_style_converter(g) : emit_style_minimal();
    return tfl_emit_styled(g, &style, a, out, e);
}
