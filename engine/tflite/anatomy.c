/* A walk over the tables of the file that marks each byte with the part it belongs to; the first mark
 * stays. What the walk does not know or cannot follow, newer fields and damage in places that
 * tfl_read does not look at, is left unmarked. */
#include "engine/tflite/anatomy.h"

#include "engine/tflite/deflate_bits.h"
#include "engine/tflite/flatbuffer.h"
#include "engine/tflite/pack.h"

#include <string.h>

static const char *const piece_names[N_PIECES] = {
    [PIECE_PADDING] = "padding",
    [PIECE_UNREACHED] = "unreached",
    [PIECE_HEAD] = "head",
    [PIECE_CODES] = "operator codes",
    [PIECE_SUBGRAPH] = "subgraph",
    [PIECE_TENSORS] = "tensors",
    [PIECE_NAMES] = "names",
    [PIECE_QUANTIZATION] = "quantization",
    [PIECE_OPERATORS] = "operators",
    [PIECE_BUFFERS] = "buffers",
    [PIECE_DATA] = "values",
    [PIECE_METADATA] = "metadata",
    [PIECE_SIGNATURES] = "signatures",
    [PIECE_VTABLES] = "vtables",
    [PIECE_TABLES] = "code tables",
    [PIECE_FRAME] = "frame",
};

const char *anatomy_piece_name(piece p)
{
    return piece_names[p];
}

typedef struct {
    fb_file f;
    uint16_t *mark; /* of each byte: its part, or N_PIECES and the index of a tensor; 0 for none */
    size_t
        budget; /* bytes that may still be marked: a hostile file refers to the same ones without end */
} walk;

static void mark(walk *w, size_t at, size_t n, uint16_t with)
{
    if (n >= w->budget) w->f.damaged = true;
    if (w->f.damaged) return;
    w->budget -= n + 1;
    for (size_t i = at; i < at + n; i++)
        if (!w->mark[i]) w->mark[i] = with;
}

static void mark_table(walk *w, fb_table t, piece p)
{
    if (!t.at) return;
    mark(w, t.vtable, t.vtable_bytes, PIECE_VTABLES);
    mark(w, t.at, t.table_bytes, (uint16_t)p);
}

/* A vector's count and its elements of `size` bytes; a text's NUL, too. */
static fb_list mark_list(walk *w, fb_table t, int field, size_t size, piece p)
{
    fb_list list = fb_elements(&w->f, t, field, size);
    if (!w->f.damaged && list.at) mark(w, list.at - 4, 4 + list.n * size, (uint16_t)p);
    return list;
}

static void mark_text(walk *w, fb_table t, int field, piece p)
{
    fb_list text = mark_list(w, t, field, 1, p);
    if (!w->f.damaged && text.at && text.at + text.n < w->f.n)
        mark(w, text.at + text.n, 1, (uint16_t)p);
}

static fb_table mark_child(walk *w, fb_table t, int field, piece p)
{
    fb_table child = fb_child(&w->f, t, field);
    mark_table(w, child, p);
    return child;
}

static fb_table mark_item(walk *w, fb_list list, size_t i, piece p)
{
    fb_table t = fb_item(&w->f, list, i);
    mark_table(w, t, p);
    return t;
}

static void walk_codes(walk *w, fb_table model)
{
    fb_list codes = mark_list(w, model, MODEL_OPERATOR_CODES, 4, PIECE_HEAD);
    for (size_t i = 0; i < codes.n && !w->f.damaged; i++)
        mark_text(w, mark_item(w, codes, i, PIECE_CODES), CODE_CUSTOM, PIECE_CODES);
}

static void walk_tensors(walk *w, fb_table sub)
{
    fb_list tensors = mark_list(w, sub, SUBGRAPH_TENSORS, 4, PIECE_TENSORS);
    for (size_t i = 0; i < tensors.n && !w->f.damaged; i++) {
        fb_table t = mark_item(w, tensors, i, PIECE_TENSORS);
        mark_list(w, t, TENSOR_SHAPE, 4, PIECE_TENSORS);
        mark_list(w, t, TENSOR_SHAPE_SIGNATURE, 4, PIECE_TENSORS);
        mark_text(w, t, TENSOR_NAME, PIECE_NAMES);
        fb_table q = mark_child(w, t, TENSOR_QUANTIZATION, PIECE_QUANTIZATION);
        for (int field = QUANT_MIN; field <= QUANT_SCALE; field++)
            mark_list(w, q, field, 4, PIECE_QUANTIZATION);
        mark_list(w, q, QUANT_ZERO_POINT, 8, PIECE_QUANTIZATION);
    }
}

static void walk_operators(walk *w, fb_table sub, const tfl_graph *g)
{
    fb_list ops = mark_list(w, sub, SUBGRAPH_OPERATORS, 4, PIECE_OPERATORS);
    for (size_t i = 0; i < ops.n && i < (size_t)g->n_ops && !w->f.damaged; i++) {
        fb_table t = mark_item(w, ops, i, PIECE_OPERATORS);
        mark_list(w, t, OPERATOR_INPUTS, 4, PIECE_OPERATORS);
        mark_list(w, t, OPERATOR_OUTPUTS, 4, PIECE_OPERATORS);
        fb_table options = mark_child(w, t, OPERATOR_OPTIONS, PIECE_OPERATORS);
        const option_table *rows = tfl_options_of(g->op[i].code);
        for (int k = 0; rows && k < rows->n_rows; k++)
            if (rows->rows[k].kind == OPTION_LIST)
                mark_list(w, options, rows->rows[k].field, 4, PIECE_OPERATORS);
    }
}

static void walk_subgraphs(walk *w, fb_table model, const tfl_graph *g)
{
    fb_list subs = mark_list(w, model, MODEL_SUBGRAPHS, 4, PIECE_HEAD);
    for (size_t i = 0; i < subs.n && !w->f.damaged; i++) {
        fb_table sub = mark_item(w, subs, i, PIECE_SUBGRAPH);
        mark_list(w, sub, SUBGRAPH_INPUTS, 4, PIECE_SUBGRAPH);
        mark_list(w, sub, SUBGRAPH_OUTPUTS, 4, PIECE_SUBGRAPH);
        mark_text(w, sub, SUBGRAPH_NAME, PIECE_NAMES);
        walk_tensors(w, sub);
        walk_operators(w, sub, g);
    }
}

/* A buffer whose values a tensor of the first subgraph has, or the metadata. */
static void walk_buffer(walk *w, fb_table t, uint16_t with)
{
    fb_list data = fb_elements(&w->f, t, BUFFER_DATA, 1);
    if (w->f.damaged || !data.at) return;
    mark(w, data.at - 4, 4, PIECE_BUFFERS);
    mark(w, data.at, data.n, with);
}

static void walk_metadata(walk *w, fb_table model, fb_list buffers)
{
    fb_list entries = mark_list(w, model, MODEL_METADATA, 4, PIECE_METADATA);
    for (size_t i = 0; i < entries.n && !w->f.damaged; i++) {
        fb_table t = mark_item(w, entries, i, PIECE_METADATA);
        mark_text(w, t, METADATA_NAME, PIECE_METADATA);
        const size_t buffer = (size_t)(uint32_t)fb_int(&w->f, t, METADATA_BUFFER, 0);
        if (buffer >= buffers.n) continue;
        fb_list data = fb_elements(&w->f, fb_item(&w->f, buffers, buffer), BUFFER_DATA, 1);
        mark(w, data.at, data.n, PIECE_METADATA);
    }
}

static void walk_signatures(walk *w, fb_table model)
{
    fb_list all = mark_list(w, model, MODEL_SIGNATURES, 4, PIECE_SIGNATURES);
    for (size_t i = 0; i < all.n && !w->f.damaged; i++) {
        fb_table t = mark_item(w, all, i, PIECE_SIGNATURES);
        mark_text(w, t, SIGNATURE_KEY, PIECE_SIGNATURES);
        for (int field = SIGNATURE_INPUTS; field <= SIGNATURE_OUTPUTS; field++) {
            fb_list ports = mark_list(w, t, field, 4, PIECE_SIGNATURES);
            for (size_t k = 0; k < ports.n && !w->f.damaged; k++)
                mark_text(w, mark_item(w, ports, k, PIECE_SIGNATURES), PORT_NAME, PIECE_SIGNATURES);
        }
    }
}

/* Values of the tensors of the first subgraph by tensor, of others as they come. */
static void walk_buffers(walk *w, fb_table model, fb_list buffers)
{
    fb_list subs = fb_elements(&w->f, model, MODEL_SUBGRAPHS, 4);
    fb_list tensors =
        subs.n ? fb_elements(&w->f, fb_item(&w->f, subs, 0), SUBGRAPH_TENSORS, 4) : (fb_list){0};
    for (size_t i = 0; i < tensors.n && !w->f.damaged; i++) {
        const int buffer = fb_int(&w->f, fb_item(&w->f, tensors, i), TENSOR_BUFFER, 0);
        if (buffer >= 0 && (size_t)buffer < buffers.n)
            walk_buffer(w, fb_item(&w->f, buffers, (size_t)buffer), (uint16_t)(N_PIECES + i));
    }
    for (size_t i = 0; i < buffers.n && !w->f.damaged; i++)
        walk_buffer(w, mark_item(w, buffers, i, PIECE_BUFFERS), PIECE_DATA);
}

static void walk_model(walk *w, fb_table model, const tfl_graph *g)
{
    mark(w, 0, 8, PIECE_HEAD);
    mark_table(w, model, PIECE_HEAD);
    mark_text(w, model, MODEL_DESCRIPTION, PIECE_NAMES);
    walk_codes(w, model);
    walk_subgraphs(w, model, g);
    w->f.damaged = false; /* in another subgraph than the one that was read */
    fb_list buffers = mark_list(w, model, MODEL_BUFFERS, 4, PIECE_BUFFERS);
    walk_metadata(w, model, buffers);
    walk_buffers(w, model, buffers);
    w->f.damaged = false;
    mark_list(w, model, MODEL_METADATA_BUFFER, 4, PIECE_METADATA);
    w->f.damaged = false;
    walk_signatures(w, model);
}

/* Adds up marks and bits. Bytes without a mark are padding when they are zero. */
static void add_up(const walk *w, const deflate_bits *cost, anatomy *out)
{
    for (size_t i = 0; i < w->f.n; i++) {
        const unsigned m = w->mark[i], bits = cost->bits ? cost->bits[i] : 8;
        piece p = m >= N_PIECES ? PIECE_DATA : (piece)m;
        if (!m && w->f.bytes[i]) p = PIECE_UNREACHED;
        out->piece_bytes[p]++;
        out->piece_bits[p] += bits;
        if (m < N_PIECES) continue;
        out->tensor_bytes[m - N_PIECES]++;
        out->tensor_bits[m - N_PIECES] += bits;
    }
}

static status trace(arena *a, size_t n, const void *packed, size_t n_packed, deflate_bits *cost,
                    anatomy *out, err *e)
{
    const pack_form form = pack_form_of(packed, n_packed);
    size_t used = n;
    *cost = (deflate_bits){.n = n};
    if (!form.stored)
        TRY(deflate_bits_trace(a, (const char *)packed + form.start, n_packed - form.start, n, cost,
                               &used, e));
    out->piece_bits[PIECE_TABLES] = cost->table_bits;
    out->piece_bits[PIECE_FRAME] = 8 * (n_packed - used);
    return OK;
}

status anatomy_of(arena *a, const tfl_graph *g, const void *flat, size_t n, const void *packed,
                  size_t n_packed, anatomy *out, err *e)
{
    walk w = {0};
    fb_table model;
    deflate_bits cost;
    *out = (anatomy){.flat = n, .packed = n_packed, .n_tensors = g->n_tensors};
    out->tensor_bytes = ARENA_NEW(a, size_t, g->n_tensors + 1);
    out->tensor_bits = ARENA_NEW(a, uint64_t, g->n_tensors + 1);
    w.mark = ARENA_NEW(a, uint16_t, n);
    w.budget = 64 * n + 4096;
    if (!out->tensor_bytes || !out->tensor_bits || !w.mark)
        return FAIL(e, ERR_MEM, "out of memory for the parts of %zu bytes", n);
    TRY(fb_open(&w.f, flat, n, SCHEMA_IDENTIFIER, &model, e));
    walk_model(&w, model, g);
    TRY(trace(a, n, packed, n_packed, &cost, out, e));
    add_up(&w, &cost, out);
    return OK;
}
