/* y[B,C] = the mean of x[B,H,W,C] over the places of the image. */
#include "engine/nn/layer.h"

#include <string.h>

const param_row layer_global_average_pool2d_params[] = {{0}};

static status global_average_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    (void)s;
    if (in.rank != 3)
        return FAIL(e, ERR_INPUT, "its input must be [height, width, channels], not of rank %d",
                    in.rank);
    out->out = (shape){1, {in.dim[2]}};
    return OK;
}

static void global_average_forward(const layer_pass *p)
{
    int C = p->in.dim[2], places = p->in.dim[0] * p->in.dim[1];
    memset(p->y, 0, (size_t)p->B * (size_t)C * sizeof *p->y);
    for (int b = 0; b < p->B; b++) {
        float *y = p->y + (ptrdiff_t)b * C;
        p->k->column_sums(p->x + (ptrdiff_t)b * places * C, NULL, places, C, y, NULL);
        for (int c = 0; c < C; c++) y[c] /= (float)places;
    }
}

static void global_average_backward(const layer_pass *p)
{
    if (!p->dx) return;
    int C = p->in.dim[2], places = p->in.dim[0] * p->in.dim[1];
    for (int b = 0; b < p->B; b++) {
        float *dy = p->dy + (ptrdiff_t)b * C, *dx = p->dx + (ptrdiff_t)b * places * C;
        for (int c = 0; c < C; c++) dx[c] = dy[c] / (float)places;
        for (int i = 1; i < places; i++) memcpy(dx + (ptrdiff_t)i * C, dx, (size_t)C * sizeof *dx);
    }
}

const layer_ops layer_global_average_pool2d = {
    .plan = global_average_plan,
    .forward = global_average_forward,
    .backward = global_average_backward,
    .by_parts = true,
    .ignores_x = true,
    .cheap_back = true,
};
