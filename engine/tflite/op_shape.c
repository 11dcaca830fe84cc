/* Operators that move values or only look at shapes: RESHAPE, EXPAND_DIMS, SQUEEZE (which share
 * their input's memory), SHAPE, STRIDED_SLICE, PACK. */
#include "engine/tflite/op.h"

#include <string.h>

/* Replaces one -1 by what is left over. */
static status fill_wildcard(int n, int rank, int *dim, err *e)
{
    int64_t known = 1;
    int wildcard = -1;
    for (int i = 0; i < rank; i++) {
        if (dim[i] == -1 && wildcard < 0)
            wildcard = i;
        else if (dim[i] < 0 || (known *= dim[i]) > INT32_MAX)
            return FAIL(e, ERR_INPUT, "the new shape is negative or too large");
    }
    if (wildcard < 0) return OK;
    if (known == 0) return FAIL(e, ERR_INPUT, "the new shape leaves one dimension undefined");
    dim[wildcard] = (int)(n / known);
    return OK;
}

status op_reshape_prepare(op_node *op, arena *a, err *e)
{
    (void)a;
    TRY(op_expect(op, 1, 2, 1, e));
    int dim[TFL_MAX_RANK], rank = op->options->n_list;
    memcpy(dim, op->options->list, sizeof dim);
    if (op->n_in > 1 && op->in[1]) {
        TRY(op_expect_numbers(op->in[1], "the new shape", e));
        rank = op->in[1]->n;
        memcpy(dim, op->in[1]->data, op->in[1]->bytes);
    }
    TRY(fill_wildcard(op->in[0]->n, rank, dim, e));
    return op_share(op, rank, dim, e);
}

status op_expand_dims_prepare(op_node *op, arena *a, err *e)
{
    (void)a;
    TRY(op_expect(op, 2, 2, 1, e));
    const tensor *x = op->in[0];
    TRY(op_expect_numbers(op->in[1], "the axis", e));
    int axis = op->in[1]->n == 1 ? *(const int *)op->in[1]->data : -100;
    if (axis < 0) axis += x->rank + 1;
    if (axis < 0 || axis > x->rank || x->rank == TFL_MAX_RANK)
        return FAIL(e, ERR_INPUT, "the axis does not fit %d dimensions", x->rank);
    int dim[TFL_MAX_RANK];
    for (int i = 0; i <= x->rank; i++)
        dim[i] = i < axis ? x->dim[i] : i == axis ? 1 : x->dim[i - 1];
    return op_share(op, x->rank + 1, dim, e);
}

status op_squeeze_prepare(op_node *op, arena *a, err *e)
{
    (void)a;
    TRY(op_expect(op, 1, 1, 1, e));
    const tensor *x = op->in[0];
    bool drop[TFL_MAX_RANK] = {false};
    for (int i = 0; op->options->n_list == 0 && i < x->rank; i++) drop[i] = x->dim[i] == 1;
    for (int i = 0; i < op->options->n_list; i++) {
        int axis = op->options->list[i] + (op->options->list[i] < 0 ? x->rank : 0);
        if (axis < 0 || axis >= x->rank || x->dim[axis] != 1)
            return FAIL(e, ERR_INPUT, "dimension %d cannot be squeezed", op->options->list[i]);
        drop[axis] = true;
    }
    int dim[TFL_MAX_RANK], rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (!drop[i]) dim[rank++] = x->dim[i];
    return op_share(op, rank, dim, e);
}

static void run_shape(const op_node *op)
{
    memcpy(op->out[0]->data, op->in[0]->dim, op->out[0]->bytes);
}

status op_shape_prepare(op_node *op, arena *a, err *e)
{
    (void)a;
    TRY(op_expect(op, 1, 1, 1, e));
    TRY(op_expect_type(op->out[0], "the output", TFL_INT32, e));
    op->is_shape_only = true;
    op->run = run_shape;
    return op_set_shape(op->out[0], 1, &op->in[0]->rank, e);
}

typedef struct {
    int start[TFL_MAX_RANK], stride[TFL_MAX_RANK], count[TFL_MAX_RANK];
} slice;

/* One axis of the input as start, stride and count (strided_slice_logic.h). */
static status slice_axis(const op_node *op, int i, slice *s, err *e)
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
    s->start[i] = (int)start;
    s->stride[i] = (int)stride;
    s->count[i] = count > 0 ? (int)count : 0;
    return OK;
}

/* Copies the chosen elements in order, axis by axis. */
static char *copy_slice(const slice *s, const tensor *x, int axis, const char *from, size_t size,
                        char *to)
{
    size_t step = size;
    for (int i = axis + 1; i < x->rank; i++) step *= (size_t)x->dim[i];
    for (int k = 0; k < s->count[axis]; k++) {
        const char *at = from + (size_t)(s->start[axis] + (int64_t)k * s->stride[axis]) * step;
        if (axis + 1 < x->rank) {
            to = copy_slice(s, x, axis + 1, at, size, to);
        } else {
            memcpy(to, at, size);
            to += size;
        }
    }
    return to;
}

static void run_slice(const op_node *op)
{
    const tensor *x = op->in[0];
    if (op->out[0]->n > 0)
        copy_slice(op->state, x, 0, x->data, tfl_type_bytes(x->type), op->out[0]->data);
}

status op_strided_slice_prepare(op_node *op, arena *a, err *e)
{
    TRY(op_expect(op, 4, 4, 1, e));
    const tensor *x = op->in[0];
    slice *s = op->state = ARENA_NEW(a, slice, 1);
    if (!s) return FAIL(e, ERR_MEM, "out of memory for STRIDED_SLICE");
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
    for (int i = 0; i < x->rank; i++) {
        TRY(slice_axis(op, i, s, e));
        if (!(op->options->shrink_axis_mask & 1 << i)) dim[rank++] = s->count[i];
    }
    op->run = run_slice;
    return op_set_shape(op->out[0], rank, dim, e);
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
