/* y = act(x), each number alone. Backward takes the derivative from y. */
#include "engine/nn/layer.h"

#include <stddef.h>
#include <string.h>

const param_row layer_activation_params[] = {
    {"function", PARAM_CHOICE, 0, 0, LAYER_ACTIVATIONS, NULL, "which function"},
    {0},
};

static status activation_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    (void)s, (void)e;
    out->out = in;
    return OK;
}

static void activation_forward(const layer_pass *p)
{
    int n = p->B * shape_size(p->in);
    memcpy(p->y, p->x, (size_t)n * sizeof *p->y);
    p->k->activate(p->y, n, p->spec->act);
}

static void activation_backward(const layer_pass *p)
{
    if (!p->dx) return;
    int n = shape_size(p->in);
    p->k->activate_back(p->dy, p->y, p->spec->act, p->B, n, NULL);
    memcpy(p->dx, p->dy, (size_t)p->B * (size_t)n * sizeof *p->dx);
}

const layer_ops layer_activation = {
    .field = {offsetof(layer_spec, act)},
    .plan = activation_plan,
    .forward = activation_forward,
    .backward = activation_backward,
};
