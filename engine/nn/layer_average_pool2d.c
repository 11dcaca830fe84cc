/* The mean of each window, channel by channel, over the numbers that lie inside of the image. */
#include "engine/nn/geometry.h"

#include <stddef.h>
#include <string.h>

const param_row layer_average_pool2d_params[] = {
    {"size", PARAM_SHAPE, 0, 0, NULL, "[2,2]", "height and width of a window"},
    {"stride", PARAM_SHAPE, 0, 0, NULL, "[2,2]", "steps between two windows"},
    LAYER_PARAM_PADDING,
    {0},
};

static status average_pool_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    TRY(geometry_check(s, in, e));
    image_window g = geometry_of(s, in);
    out->out = (shape){3, {g.Ho, g.Wo, in.dim[2]}};
    return OK;
}

typedef struct {
    int h, w, rows, cols;
} area;

static area seen_by(const image_window *s, int o)
{
    area a;
    int skip;
    a.rows = geometry_overlap(o / s->Wo, s->Sh, s->top, s->Kh, s->H, &a.h, &skip);
    a.cols = geometry_overlap(o % s->Wo, s->Sw, s->left, s->Kw, s->W, &a.w, &skip);
    return a;
}

static void average_pool_forward(const layer_pass *p)
{
    image_window s = geometry_of(p->spec, p->in);
    int C = p->in.dim[2];
    float *y = p->y;
    for (int b = 0; b < p->B; b++)
        for (int o = 0; o < s.Ho * s.Wo; o++, y += C) {
            area a = seen_by(&s, o);
            const float *x = p->x + (ptrdiff_t)b * shape_size(p->in);
            memset(y, 0, (size_t)C * sizeof *y);
            for (int i = 0; i < a.rows * a.cols; i++) {
                const float *at = x + ((a.h + i / a.cols) * s.W + a.w + i % a.cols) * C;
                for (int c = 0; c < C; c++) y[c] += at[c];
            }
            for (int c = 0; c < C; c++) y[c] /= (float)(a.rows * a.cols);
        }
}

static void average_pool_backward(const layer_pass *p)
{
    if (!p->dx) return;
    image_window s = geometry_of(p->spec, p->in);
    int C = p->in.dim[2];
    const float *dy = p->dy;
    memset(p->dx, 0, (size_t)p->B * (size_t)shape_size(p->in) * sizeof *p->dx);
    for (int b = 0; b < p->B; b++)
        for (int o = 0; o < s.Ho * s.Wo; o++, dy += C) {
            area a = seen_by(&s, o);
            float *dx = p->dx + (ptrdiff_t)b * shape_size(p->in);
            for (int i = 0; i < a.rows * a.cols; i++) {
                float *at = dx + ((a.h + i / a.cols) * s.W + a.w + i % a.cols) * C;
                for (int c = 0; c < C; c++) at[c] += dy[c] / (float)(a.rows * a.cols);
            }
        }
}

const layer_ops layer_average_pool2d = {
    .field = {offsetof(layer_spec, window), offsetof(layer_spec, step), offsetof(layer_spec, pad)},
    .plan = average_pool_plan,
    .forward = average_pool_forward,
    .backward = average_pool_backward,
    .by_parts = true,
    .ignores_x = true,
};
