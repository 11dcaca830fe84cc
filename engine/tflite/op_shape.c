/* Operators that only look at shapes: RESHAPE, EXPAND_DIMS, SQUEEZE (which share their input's memory),
 * SHAPE. */
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
