/* The numbers in memory order under another shape: nothing moves. */
#include "engine/nn/layer.h"

#include <stddef.h>

const param_row layer_reshape_params[] = {
    {"to", PARAM_SHAPE, 0, 0, NULL, NULL, "shape of one example"},
    {0},
};

static status reshape_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    if (shape_size(s->to) != shape_size(in))
        return FAIL(e, ERR_INPUT, "'to' has %d elements, its input %d", shape_size(s->to),
                    shape_size(in));
    out->out = s->to;
    out->view = true;
    return OK;
}

const layer_ops layer_reshape = {
    .field = {offsetof(layer_spec, to)},
    .plan = reshape_plan,
};
