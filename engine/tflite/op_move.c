/* Operators that move values: STRIDED_SLICE, SLICE, TRANSPOSE, PAD, PADV2, PACK, CONCATENATION, SPLIT.
 *
 * The first five walk a view: a block of elements with a stride for each axis, in the input (slices,
 * transposition) or in the output (padding), while the other side is walked in order. */
#include "engine/tflite/op_move.h"

#include <string.h>

typedef struct {
    int rank, count[TFL_MAX_RANK];
    int64_t start, stride[TFL_MAX_RANK]; /* in elements; `start` of the first */
} view;

/* Elements between neighbours of each axis. */
static void steps_of(const tensor *t, int64_t *step)
{
    int64_t n = 1;
    for (int i = t->rank; i-- > 0; n *= t->dim[i]) step[i] = n;
}

/* Copies the elements of the axes from `axis` on between the view at `strided` and `packed`, `size`
 * bytes each; returns the end of the latter. */
static char *walk_view(const view *v, int axis, char *strided, char *packed, size_t size,
                       bool to_view)
{
    const ptrdiff_t step = axis < v->rank ? (ptrdiff_t)(v->stride[axis] * (int64_t)size) : 0;
    const int n = axis < v->rank ? v->count[axis] : 1;
    if (axis + 1 < v->rank) {
        for (int k = 0; k < n; k++)
            packed = walk_view(v, axis + 1, strided + k * step, packed, size, to_view);
        return packed;
    }
    const size_t run = n == 1 || step == (ptrdiff_t)size ? (size_t)n * size : size;
    for (char *end = packed + (size_t)n * size; packed < end; packed += run, strided += step)
        memcpy(to_view ? strided : packed, to_view ? packed : strided, run);
    return packed;
}

static void run_gather(const op_node *op)
{
    const view *v = op->state;
    const tensor *x = op->in[0];
    const size_t size = tfl_type_bytes(x->type);
    if (op->out[0]->n > 0)
        walk_view(v, 0, (char *)x->data + v->start * (int64_t)size, op->out[0]->data, size, false);
}

/* One axis of the input as start, stride and count (strided_slice_logic.h); its neighbours are `step` elements
 * apart. */
static status slice_axis(const op_node *op, int i, int64_t step, view *v, err *e)
{
    const tfl_options *o = op->options;
    const int n = op->in[0]->dim[i], bit = 1 << i;
    const int64_t stride = ((const int *)op->in[3]->data)[i];
    int64_t start = ((const int *)op->in[1]->data)[i], end = ((const int *)op->in[2]->data)[i];
    if (stride == 0) return FAIL(e, ERR_INPUT, "stride 0 on axis %d", i);
    const int64_t least = stride > 0 ? 0 : -1, most = stride > 0 ? n : n - 1;
    if (start < 0) start += n;
    if (end < 0) end += n;
    start = start < least ? least : start > most ? most : start;
    end = end < least ? least : end > most ? most : end;
    if (o->begin_mask & bit) start = stride > 0 ? 0 : n - 1;
    if (o->end_mask & bit) end = stride > 0 ? n : -1;
    int64_t count =
        stride > 0 ? (end - start + stride - 1) / stride : (start - end - stride - 1) / -stride;
    if (o->shrink_axis_mask & bit) {
        if (start < 0 || start >= n)
            return FAIL(e, ERR_INPUT, "index %lld is outside of axis %d", (long long)start, i);
        count = 1;
    }
    v->count[i] = count > 0 ? (int)count : 0;
    v->stride[i] = count > 1 ? stride * step : 0;
    if (count > 0) v->start += start * step;
    return OK;
}

status op_strided_slice_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 4, 4, 1, e));
    const tensor *x = op->in[0];
    view *v = op->state = ARENA_NEW(a, view, 1);
    if (!v) return FAIL(e, ERR_MEM, "out of memory for STRIDED_SLICE");
    TRY(op_expect_type(op->out[0], "the output", x->type, e));
    if (op->options->ellipsis_mask || op->options->new_axis_mask || x->rank == 0)
        return FAIL(e, ERR_INPUT, "ellipsis, new axes and scalars are not supported");
    int dim[TFL_MAX_RANK], rank = 0;
    for (int i = 1; i < 4; i++) {
        TRY(op_expect_numbers(op->in[i], "begin, end and strides", e));
        if (op->in[i]->n != x->rank)
            return FAIL(e, ERR_INPUT, "input %d has %d numbers for %d dimensions", i, op->in[i]->n,
                        x->rank);
    }
    int64_t step[TFL_MAX_RANK];
    steps_of(x, step);
    v->rank = x->rank;
    for (int i = 0; i < x->rank; i++) {
        TRY(slice_axis(op, i, step[i], v, e));
        if (!(op->options->shrink_axis_mask & 1 << i)) dim[rank++] = v->count[i];
    }
    op->run = run_gather;
    return op_set_shape(op->out[0], rank, dim, e);
}

/* Inputs: the tensor, where to begin, how many (-1: to the end). */
status op_slice_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 3, 3, 1, e));
    const tensor *x = op->in[0];
    view *v = op->state = ARENA_NEW(a, view, 1);
    if (!v) return FAIL(e, ERR_MEM, "out of memory for SLICE");
    TRY(op_expect_type(op->out[0], "the output", x->type, e));
    for (int i = 1; i < 3; i++) {
        TRY(op_expect_numbers(op->in[i], "begin and size", e));
        if (op->in[i]->n != x->rank || x->rank == 0)
            return FAIL(e, ERR_INPUT, "input %d has %d numbers for %d dimensions", i, op->in[i]->n,
                        x->rank);
    }
    steps_of(x, v->stride);
    v->rank = x->rank;
    for (int i = 0; i < x->rank; i++) {
        const int begin = ((const int *)op->in[1]->data)[i], n = ((const int *)op->in[2]->data)[i];
        const int count = n == -1 ? x->dim[i] - begin : n;
        if (begin < 0 || count < 0 || begin > x->dim[i] || count > x->dim[i] - begin)
            return FAIL(e, ERR_INPUT, "%d values from %d on do not fit axis %d", n, begin, i);
        v->count[i] = count;
        v->start += begin * v->stride[i];
    }
    op->run = run_gather;
    return op_set_shape(op->out[0], x->rank, v->count, e);
}

/* Axis i of the output is axis perm[i] of the input. */
status op_transpose_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 2, 2, 1, e));
    const tensor *x = op->in[0], *perm = op->in[1];
    view *v = op->state = ARENA_NEW(a, view, 1);
    if (!v) return FAIL(e, ERR_MEM, "out of memory for TRANSPOSE");
    TRY(op_expect_type(op->out[0], "the output", x->type, e));
    TRY(op_expect_numbers(perm, "the permutation", e));
    if (perm->n != x->rank)
        return FAIL(e, ERR_INPUT, "%d axes are named for %d dimensions", perm->n, x->rank);
    int64_t step[TFL_MAX_RANK];
    unsigned seen = 0;
    steps_of(x, step);
    v->rank = x->rank;
    for (int i = 0; i < x->rank; i++) {
        const int p = ((const int *)perm->data)[i], axis = p < 0 ? p + x->rank : p;
        if (axis < 0 || axis >= x->rank || seen >> axis & 1)
            return FAIL(e, ERR_INPUT, "axis %d is not there or named twice", p);
        seen |= 1U << axis;
        v->count[i] = x->dim[axis];
        v->stride[i] = step[axis];
    }
    op->run = run_gather;
    return op_set_shape(op->out[0], x->rank, v->count, e);
}

typedef struct {
    view v;
    char fill[8]; /* an element of PAD; that of PADV2 is an input */
} padding;

static void run_pad(const op_node *op)
{
    const padding *p = op->state;
    const tensor *x = op->in[0], *y = op->out[0];
    const size_t size = tfl_type_bytes(x->type);
    const char *fill = op->n_in > 2 ? op->in[2]->data : p->fill;
    char *to = y->data;
    for (int i = 0; i < y->n; i++) memcpy(to + (size_t)i * size, fill, size);
    if (x->n > 0) walk_view(&p->v, 0, to + p->v.start * (int64_t)size, x->data, size, true);
}

/* before[i] and after[i] for each axis, a matrix [rank,2]. */
static status read_paddings(const op_node *op, view *v, int *dim, err *e)
{
    const tensor *x = op->in[0], *t = op->in[1];
    TRY(op_expect_type(t, "the paddings", TFL_INT32, e));
    if (!t->is_constant || t->rank != 2 || t->dim[0] != x->rank || t->dim[1] != 2)
        return FAIL(e, ERR_INPUT, "the paddings must be constant, two for each dimension");
    const int *pair = t->data;
    for (int i = 0; i < x->rank; i++, pair += 2) {
        const int64_t n = (int64_t)x->dim[i] + pair[0] + pair[1];
        if (pair[0] < 0 || pair[1] < 0 || n > INT32_MAX)
            return FAIL(e, ERR_INPUT, "paddings %d and %d make no sense", pair[0], pair[1]);
        dim[i] = (int)n;
        v->count[i] = x->dim[i];
    }
    return OK;
}

/* Zeros; in int8, bytes that stand for zero. */
status op_pad_prepare(op_node *op, arena *a, err *e)
{
    TRY(op->kind->code == OP_PAD ? op_expect(op, 2, 2, 1, e) : op_expect(op, 3, 3, 1, e));
    const tensor *x = op->in[0];
    padding *p = op->state = ARENA_NEW(a, padding, 1);
    if (!p) return FAIL(e, ERR_MEM, "out of memory for PAD");
    TRY(op_expect_type(op->out[0], "the output", x->type, e));
    int dim[TFL_MAX_RANK];
    p->v.rank = x->rank;
    TRY(read_paddings(op, &p->v, dim, e));
    TRY(op_set_shape(op->out[0], x->rank, dim, e));
    steps_of(op->out[0], p->v.stride);
    for (int i = 0; i < x->rank; i++)
        p->v.start += ((const int *)op->in[1]->data)[2 * i] * p->v.stride[i];
    if (x->type == TFL_INT8 || x->type == TFL_UINT8) {
        TRY(op_expect_scale(op->out[0], "the output", e));
        p->fill[0] = (char)op->out[0]->quant.zero_point[0];
    }
    if (op->n_in > 2) {
        TRY(op_expect_type(op->in[2], "the filling", x->type, e));
        if (op->in[2]->n != 1) return FAIL(e, ERR_INPUT, "the filling must be one value");
    }
    op->run = run_pad;
    return OK;
}

/* Input k becomes slice k of the new axis. state: bytes of a run, behind the new axis. */
static void run_pack(const op_node *op)
{
    const size_t run = *(const size_t *)op->state, n = op->in[0]->bytes;
    char *y = op->out[0]->data;
    for (size_t at = 0; at < n; at += run)
        for (int k = 0; k < op->n_in; k++, y += run)
            memcpy(y, (const char *)op->in[k]->data + at, run);
}

status op_pack_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, op->n_in, 64, 1, e));
    if (op->n_in < 1) return FAIL(e, ERR_INPUT, "nothing to pack");
    const tensor *x = op->in[0];
    size_t *run = op->state = ARENA_NEW(a, size_t, 1);
    if (!run) return FAIL(e, ERR_MEM, "out of memory for PACK");
    TRY(op_expect_type(op->out[0], "the output", x->type, e));
    const int axis = op->options->axis + (op->options->axis < 0 ? x->rank + 1 : 0);
    if (axis < 0 || axis > x->rank || x->rank == TFL_MAX_RANK)
        return FAIL(e, ERR_INPUT, "axis %d does not fit %d dimensions", op->options->axis, x->rank);
    for (int k = 1; k < op->n_in; k++)
        if (op->in[k]->type != x->type || op->in[k]->rank != x->rank ||
            memcmp(op->in[k]->dim, x->dim, sizeof *x->dim * (size_t)x->rank) != 0)
            return FAIL(e, ERR_INPUT, "inputs 0 and %d have different shapes", k);
    int dim[TFL_MAX_RANK];
    *run = tfl_type_bytes(x->type);
    for (int i = 0; i <= x->rank; i++) {
        dim[i] = i < axis ? x->dim[i] : i == axis ? op->n_in : x->dim[i - 1];
        if (i > axis) *run *= (size_t)dim[i];
    }
    op->run = run_pack;
    return op_set_shape(op->out[0], x->rank + 1, dim, e);
}

/* Bytes of a tensor behind axis `axis`, that axis included. */
static size_t run_of(const tensor *t, int axis)
{
    size_t n = tfl_type_bytes(t->type);
    for (int i = axis; i < t->rank; i++) n *= (size_t)t->dim[i];
    return n;
}

/* state: the axis along which parts lie side by side in the whole. */
static void run_concatenation(const op_node *op)
{
    const int axis = *(const int *)op->state;
    const size_t run = run_of(op->out[0], axis);
    size_t at = 0;
    for (int k = 0; k < op->n_in; k++) {
        const size_t part = run_of(op->in[k], axis);
        const char *x = op->in[k]->data;
        char *y = (char *)op->out[0]->data + at;
        for (size_t done = 0; done < op->in[k]->bytes; done += part, y += run)
            memcpy(y, x + done, part);
        at += part;
    }
}

static bool fits_beside(const tensor *t, const tensor *x, int axis)
{
    bool same = t->type == x->type && t->rank == x->rank;
    for (int i = 0; same && i < x->rank; i++) same = i == axis || t->dim[i] == x->dim[i];
    return same;
}

/* The library does not rescale int8 parts either. */
static status check_same_scale(const op_node *op, const tensor *t, err *e)
{
    const tfl_quant *p = &t->quant, *q = &op->out[0]->quant;
    if (t->type != TFL_INT8) return OK;
    TRY(op_expect_scale(t, "each part", e));
    TRY(op_expect_scale(op->out[0], "the output", e));
    if (p->scale[0] != q->scale[0] || p->zero_point[0] != q->zero_point[0])
        return FAIL(e, ERR_INPUT, "int8 parts must have the output's scale and zero point");
    return OK;
}

status op_concatenation_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, op->n_in, 64, 1, e));
    if (op->n_in < 1) return FAIL(e, ERR_INPUT, "nothing to join");
    const tensor *x = op->in[0];
    int *axis = op->state = ARENA_NEW(a, int, 1);
    if (!axis) return FAIL(e, ERR_MEM, "out of memory for CONCATENATION");
    *axis = op->options->axis + (op->options->axis < 0 ? x->rank : 0);
    if (*axis < 0 || *axis >= x->rank || op->options->activation != FUSED_NONE)
        return FAIL(e, ERR_INPUT, "axis %d or activation %d is not supported", op->options->axis,
                    op->options->activation);
    TRY(op_expect_type(op->out[0], "the output", x->type, e));
    int64_t n = 0;
    for (int k = 0; k < op->n_in; k++) {
        if (!fits_beside(op->in[k], x, *axis))
            return FAIL(e, ERR_INPUT, "inputs 0 and %d do not fit beside each other", k);
        TRY(check_same_scale(op, op->in[k], e));
        n += op->in[k]->dim[*axis];
    }
    if (n > INT32_MAX) return FAIL(e, ERR_INPUT, "the output's shape is too large");
    int dim[TFL_MAX_RANK];
    memcpy(dim, x->dim, sizeof dim);
    dim[*axis] = (int)n;
    op->run = run_concatenation;
    return op_set_shape(op->out[0], x->rank, dim, e);
}

static void run_split(const op_node *op)
{
    const int axis = *(const int *)op->state;
    const size_t run = run_of(op->in[1], axis), part = run / (size_t)op->n_out;
    for (int k = 0; k < op->n_out; k++) {
        const char *x = (const char *)op->in[1]->data + (size_t)k * part;
        char *y = op->out[k]->data;
        for (size_t done = 0; done < op->out[k]->bytes; done += part, x += run)
            memcpy(y + done, x, part);
    }
}

/* Inputs: the axis, the tensor. */
status op_split_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 2, 2, op->n_out, e));
    const tensor *x = op->in[1];
    int *axis = op->state = ARENA_NEW(a, int, 1);
    if (!axis) return FAIL(e, ERR_MEM, "out of memory for SPLIT");
    TRY(op_expect_numbers(op->in[0], "the axis", e));
    *axis = op->in[0]->n == 1 ? *(const int *)op->in[0]->data : -100;
    if (*axis < 0) *axis += x->rank;
    if (*axis < 0 || *axis >= x->rank || op->n_out < 1 || op->n_out != op->options->num_splits ||
        x->dim[*axis] % op->n_out != 0)
        return FAIL(e, ERR_INPUT, "%d equal parts along the axis do not fit", op->n_out);
    int dim[TFL_MAX_RANK];
    memcpy(dim, x->dim, sizeof dim);
    dim[*axis] /= op->n_out;
    for (int k = 0; k < op->n_out; k++) {
        TRY(op_expect_type(op->out[k], "each output", x->type, e));
        TRY(op_set_shape(op->out[k], x->rank, dim, e));
    }
    op->run = run_split;
    return OK;
}

/* --- as blocks --- */

int op_n_blocks(const op_node *op)
{
    const int code = op->kind->code;
    return code == OP_PACK || code == OP_CONCATENATION ? op->n_in : op->n_out;
}

static moved_block whole(const tensor *t)
{
    moved_block b = {.rank = t->rank};
    memcpy(b.count, t->dim, sizeof b.count);
    return b;
}

static moved_block packed_block(const op_node *op, int k)
{
    const tensor *x = op->in[k], *y = op->out[0];
    const int axis = op->options->axis + (op->options->axis < 0 ? y->rank : 0);
    moved_block b = whole(x);
    int64_t step[TFL_MAX_RANK] = {0};
    b.from = x, b.to = y;
    steps_of(x, b.x.step);
    steps_of(y, step);
    b.y.start = k * step[axis];
    for (int i = 0; i < x->rank; i++) b.y.step[i] = step[i < axis ? i : i + 1];
    return b;
}

static moved_block joined_block(const op_node *op, int k)
{
    const int axis = *(const int *)op->state;
    moved_block b = whole(op->in[k]);
    b.from = op->in[k], b.to = op->out[0];
    steps_of(b.from, b.x.step);
    steps_of(b.to, b.y.step);
    for (int i = 0; i < k; i++) b.y.start += op->in[i]->dim[axis] * b.y.step[axis];
    return b;
}

static moved_block split_block(const op_node *op, int k)
{
    const int axis = *(const int *)op->state;
    moved_block b = whole(op->out[k]);
    b.from = op->in[1], b.to = op->out[k];
    steps_of(b.from, b.x.step);
    steps_of(b.to, b.y.step);
    b.x.start = k * b.count[axis] * b.x.step[axis];
    return b;
}

/* One side is the state's view, the other the whole of a tensor in order. */
static moved_block viewed_block(const op_node *op, const view *v, bool to_view)
{
    moved_block b = {.from = op->in[0], .to = op->out[0], .rank = v->rank};
    block_side *side = to_view ? &b.y : &b.x, *other = to_view ? &b.x : &b.y;
    int64_t next = 1;
    memcpy(b.count, v->count, sizeof b.count);
    memcpy(side->step, v->stride, sizeof side->step);
    side->start = v->start;
    for (int i = v->rank; i-- > 0; next *= v->count[i]) other->step[i] = next;
    return b;
}

moved_block op_get_block(const op_node *op, int k)
{
    switch (op->kind->code) {
    case OP_PACK:
        return packed_block(op, k);
    case OP_CONCATENATION:
        return joined_block(op, k);
    case OP_SPLIT:
        return split_block(op, k);
    case OP_PAD:
    case OP_PADV2:
        return viewed_block(op, &((const padding *)op->state)->v, true);
    default:
        return viewed_block(op, op->state, false);
    }
}
