/* y = act(x + other), `other` being the output of an earlier layer: a residual connection. The net
 * adds d_other to that layer's gradient when it comes there. */
#include "engine/nn/layer.h"

#include <stddef.h>

const param_row layer_add_params[] = {
    {"from", PARAM_INT, -1, NET_MAX_LAYERS, NULL, NULL, "the layer whose output is added"},
    LAYER_PARAM_ACTIVATION,
    {0},
};

static status add_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    (void)s, (void)e;
    out->out = in;
    return OK;
}

static void add_forward(const layer_pass *p)
{
    int n = p->B * shape_size(p->in);
    for (int i = 0; i < n; i++) p->y[i] = p->x[i] + p->other[i];
    p->k->activate(p->y, n, p->spec->act);
}

static void add_backward(const layer_pass *p)
{
    int size = shape_size(p->in), n = p->B * size;
    p->k->activate_back(p->dy, p->y, p->spec->act, p->B, size, NULL);
    for (int i = 0; i < n; i++) p->d_other[i] = p->add_other ? p->d_other[i] + p->dy[i] : p->dy[i];
    for (int i = 0; i < n && p->dx; i++) p->dx[i] = p->dy[i];
}

const layer_ops layer_add = {
    .field = {offsetof(layer_spec, from), offsetof(layer_spec, act)},
    .plan = add_plan,
    .forward = add_forward,
    .backward = add_backward,
    .by_parts = true,
    .ignores_x = true,
};
