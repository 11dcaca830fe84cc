/* The largest number of each window, channel by channel; padding never wins. Its gradient goes to
 * the first of equal numbers, as in TensorFlow. */
#include "engine/nn/geometry.h"

#include <stddef.h>
#include <string.h>

const param_row layer_max_pool2d_params[] = {
    {"size", PARAM_SHAPE, 0, 0, NULL, "[2,2]", "height and width of a window"},
    {"stride", PARAM_SHAPE, 0, 0, NULL, "[2,2]", "steps between two windows"},
    LAYER_PARAM_PADDING,
    {0},
};

static status max_pool_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    TRY(geometry_check(s, in, e));
    image_window g = geometry_of(s, in);
    out->out = (shape){3, {g.Ho, g.Wo, in.dim[2]}};
    return OK;
}

/* The place in x of the largest number that output o sees in channel c. */
static int largest(const image_window *s, int C, const float *x, int o, int c)
{
    int h, w, skip, best = -1;
    int rows = geometry_overlap(o / s->Wo, s->Sh, s->top, s->Kh, s->H, &h, &skip);
    int cols = geometry_overlap(o % s->Wo, s->Sw, s->left, s->Kw, s->W, &w, &skip);
    for (int i = h; i < h + rows; i++)
        for (int j = w; j < w + cols; j++) {
            int at = (i * s->W + j) * C + c;
            if (best < 0 || x[at] > x[best]) best = at;
        }
    return best;
}

static void max_pool_forward(const layer_pass *p)
{
    image_window s = geometry_of(p->spec, p->in);
    int C = p->in.dim[2];
    for (int b = 0; b < p->B; b++) {
        const float *x = p->x + (ptrdiff_t)b * shape_size(p->in);
        float *y = p->y + (ptrdiff_t)b * shape_size(p->out);
        for (int o = 0; o < s.Ho * s.Wo; o++)
            for (int c = 0; c < C; c++) y[o * C + c] = x[largest(&s, C, x, o, c)];
    }
}

static void max_pool_backward(const layer_pass *p)
{
    if (!p->dx) return;
    image_window s = geometry_of(p->spec, p->in);
    int C = p->in.dim[2];
    memset(p->dx, 0, (size_t)p->B * (size_t)shape_size(p->in) * sizeof *p->dx);
    for (int b = 0; b < p->B; b++) {
        const float *x = p->x + (ptrdiff_t)b * shape_size(p->in);
        const float *dy = p->dy + (ptrdiff_t)b * shape_size(p->out);
        float *dx = p->dx + (ptrdiff_t)b * shape_size(p->in);
        for (int o = 0; o < s.Ho * s.Wo; o++)
            for (int c = 0; c < C; c++) dx[largest(&s, C, x, o, c)] += dy[o * C + c];
    }
}

const layer_ops layer_max_pool2d = {
    .field = {offsetof(layer_spec, window), offsetof(layer_spec, step), offsetof(layer_spec, pad)},
    .plan = max_pool_plan,
    .forward = max_pool_forward,
    .backward = max_pool_backward,
    .by_parts = true,
};
