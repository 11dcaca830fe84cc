/* What int8 storage does to an activation, in float32, so that training can adapt to it:
 * with u = x * stretch + shift, q = round(u / scale) + zero held within [-128,127],
 *   y = ((q - zero) * scale - shift) / stretch
 * Column c of the last dimension has the numbers of column c % units; w[0] is [4, units]: scale, zero
 * point, stretch and shift. No optimizer touches them: their gradient is never written.
 *
 * The gradient goes straight through where q was not held (Bengio et al. 2013; TensorFlow's
 * FakeQuantWithMinMaxVars), and is 0 elsewhere. No parameters in JSON: networks get these layers from
 * compress/fake_quant.h. */
#include "engine/nn/layer.h"

#include <math.h>

static status fake_quant_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    (void)e;
    out->out = in;
    out->n_tensors = 1;
    out->tensor[0] = (tensor_plan){ROLE_STEPS, {2, {4, s->units}}, .never_pruned = true};
    return OK;
}

/* The steps of one column. */
typedef struct {
    float scale, zero, stretch, shift;
} steps;

static steps steps_of(const layer_pass *p, int column)
{
    const int n = p->spec->units;
    const float *w = p->w[0] + column;
    return (steps){w[0], w[n], w[2 * n], w[3 * n]};
}

/* Half away from zero, without a call: v is first held not far outside of int8, where the difference does
 * not show, so that it fits an int. NaN becomes an end. */
static inline float rounded(float v)
{
    v = v > 1000.0F ? 1000.0F : v > -1000.0F ? v : -1000.0F;
    return (float)(int)(v + (v < 0 ? -0.5F : 0.5F));
}

static inline float held(float q)
{
    return q > 127.0F ? 127.0F : q < -128.0F ? -128.0F : q;
}

/* Nearly all layers: one column, as it is. Apart, so that the loops are over neighbours. */
static bool is_plain(const layer_pass *p, steps s)
{
    return p->spec->units == 1 && s.stretch == 1 && s.shift == 0;
}

static void forward_plain(const float *restrict x, float *restrict y, int n, steps s)
{
    for (int i = 0; i < n; i++) y[i] = (held(rounded(x[i] / s.scale) + s.zero) - s.zero) * s.scale;
}

static void forward_column(const float *restrict x, float *restrict y, int n, int step, steps s)
{
    for (int i = 0; i < n; i++) {
        const float u = x[i * step] * s.stretch + s.shift;
        const float q = held(rounded(u / s.scale) + s.zero);
        y[i * step] = ((q - s.zero) * s.scale - s.shift) / s.stretch;
    }
}

static void fake_quant_forward(const layer_pass *p)
{
    const int columns = p->spec->units, n = p->B * shape_size(p->in) / columns;
    if (is_plain(p, steps_of(p, 0))) {
        forward_plain(p->x, p->y, n, steps_of(p, 0));
        return;
    }
    for (int c = 0; c < columns; c++)
        forward_column(p->x + c, p->y + c, n, columns, steps_of(p, c));
}

static void backward_plain(const float *restrict x, const float *restrict dy, float *restrict dx,
                           int n, float least, float most)
{
    for (int i = 0; i < n; i++) {
        const float d = dy[i];
        dx[i] = x[i] < least || x[i] > most ? 0 : d;
    }
}

static void backward_column(const layer_pass *p, int column, int n)
{
    const int step = p->spec->units;
    const steps s = steps_of(p, column);
    const float least = (-128.0F - s.zero) * s.scale, most = (127.0F - s.zero) * s.scale;
    if (is_plain(p, s)) {
        backward_plain(p->x, p->dy, p->dx, n, least, most);
        return;
    }
    for (int i = column; i < n * step; i += step) {
        const float u = p->x[i] * s.stretch + s.shift;
        p->dx[i] = u < least || u > most ? 0 : p->dy[i];
    }
}

static void fake_quant_backward(const layer_pass *p)
{
    const int columns = p->spec->units, n = p->B * shape_size(p->in) / columns;
    for (int c = 0; p->dx && c < columns; c++) backward_column(p, c, n);
}

const layer_ops layer_fake_quant = {
    .plan = fake_quant_plan,
    .forward = fake_quant_forward,
    .backward = fake_quant_backward,
    .by_parts = true,
};
