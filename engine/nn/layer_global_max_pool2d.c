/* y[B,C] = the largest number of x[B,H,W,C] over the places of the image; its gradient goes to the
 * first of equal ones. */
#include "engine/nn/layer.h"

#include <string.h>

const param_row layer_global_max_pool2d_params[] = {{0}};

static status global_max_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    (void)s;
    if (in.rank != 3)
        return FAIL(e, ERR_INPUT, "its input must be [height, width, channels], not of rank %d",
                    in.rank);
    out->out = (shape){1, {in.dim[2]}};
    return OK;
}

static void global_max_forward(const layer_pass *p)
{
    int C = p->in.dim[2], places = p->in.dim[0] * p->in.dim[1];
    const float *x = p->x;
    for (int b = 0; b < p->B; b++) {
        float *y = p->y + (ptrdiff_t)b * C;
        memcpy(y, x, (size_t)C * sizeof *y);
        for (int i = 0; i < places; i++, x += C)
            for (int c = 0; c < C; c++) y[c] = x[c] > y[c] ? x[c] : y[c];
    }
}

static void global_max_backward(const layer_pass *p)
{
    if (!p->dx) return;
    int C = p->in.dim[2], size = shape_size(p->in);
    memset(p->dx, 0, (size_t)p->B * (size_t)size * sizeof *p->dx);
    for (int b = 0; b < p->B; b++)
        for (int c = 0; c < C; c++) {
            const float *x = p->x + (ptrdiff_t)b * size;
            int best = c;
            for (int i = c; i < size; i += C)
                if (x[i] > x[best]) best = i;
            p->dx[(ptrdiff_t)b * size + best] = p->dy[(ptrdiff_t)b * C + c];
        }
}

const layer_ops layer_global_max_pool2d = {
    .plan = global_max_plan,
    .forward = global_max_forward,
    .backward = global_max_backward,
    .by_parts = true,
};
