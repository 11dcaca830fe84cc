/* In training y = x * m with m = 1 / (1 - rate), or 0 with probability `rate`; else y = x. A
 * batch's masks are drawn in the order of its numbers. */
#include "engine/nn/layer.h"

#include <stddef.h>
#include <string.h>

const param_row layer_dropout_params[] = {
    {"rate", PARAM_NUMBER, 0, 0.999, NULL, NULL, "share of numbers set to zero"},
    {0},
};

static status dropout_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    (void)s, (void)e;
    out->out = in;
    out->saved.per_example = shape_size(in);
    return OK;
}

static void dropout_begin(const layer_pass *p)
{
    if (!p->training) return;
    rng r = p->random;
    float rate = (float)p->spec->rate, scale = (float)(1 / (1 - p->spec->rate));
    for (int i = 0; i < p->B * shape_size(p->in); i++)
        p->saved[i] = rng_float(&r) < rate ? 0 : scale;
}

static void dropout_forward(const layer_pass *p)
{
    int n = p->B * shape_size(p->in);
    if (!p->training) memcpy(p->y, p->x, (size_t)n * sizeof *p->y);
    for (int i = 0; i < n && p->training; i++) p->y[i] = p->x[i] * p->saved[i];
}

static void dropout_backward(const layer_pass *p)
{
    if (!p->dx) return;
    int n = p->B * shape_size(p->in);
    if (!p->training) memcpy(p->dx, p->dy, (size_t)n * sizeof *p->dx);
    for (int i = 0; i < n && p->training; i++) p->dx[i] = p->dy[i] * p->saved[i];
}

const layer_ops layer_dropout = {
    .field = {offsetof(layer_spec, rate)},
    .plan = dropout_plan,
    .forward = dropout_forward,
    .backward = dropout_backward,
    .by_parts = true,
    .ignores_x = true,
    .begin = dropout_begin,
};
