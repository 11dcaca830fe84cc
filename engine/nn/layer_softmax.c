/* y = exp(x - max x) / sum of the same, over the last dimension. Backward: dx = y (dy - sum y dy).
 * With a loss of the logits, net_backward_logits leaves a softmax at the end out. */
#include "engine/nn/layer.h"

#include <math.h>

const param_row layer_softmax_params[] = {{0}};

static status softmax_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    (void)s, (void)e;
    out->out = in;
    return OK;
}

static void softmax_forward(const layer_pass *p)
{
    int C = p->in.dim[p->in.rank - 1], rows = p->B * shape_size(p->in) / C;
    for (int r = 0; r < rows; r++) {
        const float *x = p->x + (ptrdiff_t)r * C;
        float *y = p->y + (ptrdiff_t)r * C, most = x[0], sum = 0;
        for (int c = 1; c < C; c++) most = x[c] > most ? x[c] : most;
        for (int c = 0; c < C; c++) sum += y[c] = expf(x[c] - most);
        for (int c = 0; c < C; c++) y[c] /= sum;
    }
}

static void softmax_backward(const layer_pass *p)
{
    if (!p->dx) return;
    int C = p->in.dim[p->in.rank - 1], rows = p->B * shape_size(p->in) / C;
    for (int r = 0; r < rows; r++) {
        const float *y = p->y + (ptrdiff_t)r * C, *dy = p->dy + (ptrdiff_t)r * C;
        float *dx = p->dx + (ptrdiff_t)r * C, sum = 0;
        for (int c = 0; c < C; c++) sum += y[c] * dy[c];
        for (int c = 0; c < C; c++) dx[c] = y[c] * (dy[c] - sum);
    }
}

const layer_ops layer_softmax = {
    .plan = softmax_plan,
    .forward = softmax_forward,
    .backward = softmax_backward,
};
