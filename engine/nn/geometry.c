#include "engine/nn/geometry.h"

enum { MAX_WINDOW = 4096 };

static bool is_pair(shape s)
{
    return s.rank == 2 && s.dim[0] <= MAX_WINDOW && s.dim[1] <= MAX_WINDOW;
}

status geometry_check(const layer_spec *s, shape in, err *e)
{
    if (in.rank != 3)
        return FAIL(e, ERR_INPUT, "its input must be [height, width, channels], not of rank %d",
                    in.rank);
    if (!is_pair(s->window) || !is_pair(s->step))
        return FAIL(e, ERR_INPUT, "its window and stride must be [height, width] of at most %d",
                    MAX_WINDOW);
    if (s->pad == PAD_VALID && (s->window.dim[0] > in.dim[0] || s->window.dim[1] > in.dim[1]))
        return FAIL(e, ERR_INPUT, "its window of %d x %d is larger than its input of %d x %d",
                    s->window.dim[0], s->window.dim[1], in.dim[0], in.dim[1]);
    return OK;
}

static int outputs(padding pad, int n, int kernel, int stride)
{
    return pad == PAD_SAME ? (n - 1) / stride + 1 : (n - kernel) / stride + 1;
}

static int before(padding pad, int n, int out, int kernel, int stride)
{
    int total = (out - 1) * stride + kernel - n;
    return pad == PAD_SAME && total > 0 ? total / 2 : 0;
}

image_window geometry_of(const layer_spec *s, shape in)
{
    image_window g = {.H = in.dim[0],
                      .W = in.dim[1],
                      .Kh = s->window.dim[0],
                      .Kw = s->window.dim[1],
                      .Sh = s->step.dim[0],
                      .Sw = s->step.dim[1]};
    g.Ho = outputs(s->pad, g.H, g.Kh, g.Sh);
    g.Wo = outputs(s->pad, g.W, g.Kw, g.Sw);
    g.top = before(s->pad, g.H, g.Ho, g.Kh, g.Sh);
    g.left = before(s->pad, g.W, g.Wo, g.Kw, g.Sw);
    return g;
}

int geometry_overlap(int o, int stride, int front, int kernel, int size, int *first, int *skip)
{
    int start = o * stride - front, end = start + kernel;
    *first = start < 0 ? 0 : start;
    *skip = *first - start;
    if (end > size) end = size;
    return end > *first ? end - *first : 0;
}
