/* y[B,Ho,Wo,C] = act(sum over the window of x * w[Kh,Kw,C] + b[C]): each channel has a filter of
 * its own, and one output. */
#include "engine/nn/geometry.h"

#include <stddef.h>

const param_row layer_depthwise_conv2d_params[] = {
    {"kernel", PARAM_SHAPE, 0, 0, NULL, NULL, "height and width that a filter covers"},
    {"stride", PARAM_SHAPE, 0, 0, NULL, "[1,1]", "steps between two outputs"},
    LAYER_PARAM_PADDING,
    LAYER_PARAM_ACTIVATION,
    LAYER_PARAM_BIAS,
    {0},
};

static status depthwise_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    TRY(geometry_check(s, in, e));
    int C = in.dim[2], window = s->window.dim[0] * s->window.dim[1];
    if ((long long)window * C > LAYER_MAX_ELEMENTS)
        return FAIL(e, ERR_INPUT, "its filters have more than %d weights", LAYER_MAX_ELEMENTS);
    image_window g = geometry_of(s, in);
    out->out = (shape){3, {g.Ho, g.Wo, C}};
    out->tensor[0] = (tensor_plan){.role = ROLE_KERNEL,
                                   .dims = {3, {g.Kh, g.Kw, C}},
                                   .fan_in = window * C,
                                   .fan_out = window,
                                   .never_pruned = true};
    out->tensor[1] = (tensor_plan){.role = ROLE_BIAS, .dims = {1, {C}}};
    out->n_tensors = s->bias ? 2 : 1;
    out->macs = (double)g.Ho * g.Wo * C * window;
    return OK;
}

static void depthwise_forward(const layer_pass *p)
{
    image_window s = geometry_of(p->spec, p->in);
    ptrdiff_t in = shape_size(p->in), out = shape_size(p->out);
    bool relu = p->spec->act == ACT_RELU;
    for (int b = 0; b < p->B; b++)
        p->k->depthwise(p->y + b * out, p->x + b * in, p->w[0], p->w[1], false, relu, p->in.dim[2],
                        &s);
    if (!relu) p->k->activate(p->y, p->B * (int)out, p->spec->act);
}

static void depthwise_backward(const layer_pass *p)
{
    image_window s = geometry_of(p->spec, p->in);
    ptrdiff_t in = shape_size(p->in), out = shape_size(p->out);
    int C = p->in.dim[2];
    p->k->activate_back(p->dy, p->y, p->spec->act, p->B * s.Ho * s.Wo, C, p->dw[1]);
    for (int b = 0; b < p->B; b++) {
        p->k->depthwise_dw(p->dw[0], p->x + b * in, p->dy + b * out, C, &s);
        if (p->dx) p->k->depthwise_dx(p->dx + b * in, p->dy + b * out, p->w[0], C, &s);
    }
}

const layer_ops layer_depthwise_conv2d = {
    .field = {offsetof(layer_spec, window), offsetof(layer_spec, step), offsetof(layer_spec, pad),
              offsetof(layer_spec, act), offsetof(layer_spec, bias)},
    .plan = depthwise_plan,
    .forward = depthwise_forward,
    .backward = depthwise_backward,
    .by_parts = true,
};
