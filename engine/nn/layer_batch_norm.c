/* Batch norm as Keras 2 has it: y = act((x - m) / sqrt(v + epsilon) * gamma + beta) for each
 * channel, with m and v the batch's mean and biased variance over examples and places in training,
 * else the moving ones. A training pass moves those: moving = momentum * moving + (1 - momentum) *
 * batch, where images take the unbiased variance, v * n / (n - 1), like TensorFlow's fused kernel
 * (fused_batch_norm_op.cc), and other shapes v itself.
 *
 * m and v come from sums of x - x0 and of its squares, x0 being the batch's first row (Chan, Golub
 * and LeVeque 1983): floats within an example, doubles over the batch.
 * Backward, with g = dy * act':
 *   dgamma = sum g (x - m) / sd,  dbeta = sum g,
 *   dx = gamma / sd * (g - dbeta / n - (x - m) / sd * dgamma / n). */
#include "engine/nn/layer.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

const param_row layer_batch_norm_params[] = {
    {"momentum", PARAM_NUMBER, 0, 1, NULL, "0.99", "share of the old moving statistics kept"},
    {"epsilon", PARAM_NUMBER, 1e-12, 1, NULL, "0.001", "added to the variance"},
    LAYER_PARAM_ACTIVATION,
    {0},
};

enum { GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE };

/* Rows of C floats in `fixed`; the last four hold doubles. */
enum { SCALE, SHIFT, MEAN, INV_STD, FIRST_ROW, PULL, LEVEL, PARTIAL, PARTIAL_2, SUMS, N_ROWS = 13 };

static int row_floats(int C)
{
    return (C + 15) / 16 * 16;
}

static status batch_norm_plan(const layer_spec *s, shape in, layer_plan *out, err *e)
{
    (void)s, (void)e;
    int C = in.dim[in.rank - 1];
    static const tensor_role roles[] = {ROLE_GAMMA, ROLE_BETA, ROLE_MOVING_MEAN,
                                        ROLE_MOVING_VARIANCE};
    out->out = in;
    out->n_tensors = 4;
    for (int i = 0; i < 4; i++) {
        bool one = i == GAMMA || i == MOVING_VARIANCE;
        out->tensor[i] = (tensor_plan){
            .role = roles[i], .dims = {1, {C}}, .fill = one ? 1 : 0, .fill_to = one ? C : 0};
    }
    out->saved.fixed = (long long)N_ROWS * row_floats(C);
    return OK;
}

static int channels(const layer_pass *p)
{
    return p->in.dim[p->in.rank - 1];
}

static float *row(const layer_pass *p, int index)
{
    return p->fixed + (ptrdiff_t)index * row_floats(channels(p));
}

/* sums[0..C) and sums[C..2C): of two quantities, over the batch. */
static double *sums(const layer_pass *p)
{
    return (double *)(void *)row(p, SUMS);
}

static void clear_sums(const layer_pass *p)
{
    memset(sums(p), 0, 2 * (size_t)channels(p) * sizeof(double));
}

/* The rows PARTIAL join the sums and are zero again. */
static void take_partials(const layer_pass *p)
{
    int C = channels(p);
    float *one = row(p, PARTIAL), *two = row(p, PARTIAL_2);
    double *sum = sums(p);
    for (int c = 0; c < C; c++) {
        sum[c] += (double)one[c];
        sum[C + c] += (double)two[c];
        one[c] = two[c] = 0;
    }
}

static void batch_norm_begin(const layer_pass *p)
{
    clear_sums(p);
    if (p->training) return;
    for (int c = 0; c < channels(p); c++) {
        double scale =
            (double)p->w[GAMMA][c] / sqrt((double)p->w[MOVING_VARIANCE][c] + p->spec->epsilon);
        row(p, SCALE)[c] = (float)scale;
        row(p, SHIFT)[c] = (float)((double)p->w[BETA][c] - (double)p->w[MOVING_MEAN][c] * scale);
    }
}

static void batch_norm_observe(const layer_pass *p)
{
    int C = channels(p), size = shape_size(p->in);
    if (p->first == 0) memcpy(row(p, FIRST_ROW), p->x, (size_t)C * sizeof(float));
    for (int b = 0; b < p->B; b++) {
        p->k->column_sums(p->x + (ptrdiff_t)b * size, row(p, FIRST_ROW), size / C, C,
                          row(p, PARTIAL), row(p, PARTIAL_2));
        take_partials(p);
    }
}

static float moved(float moving, double batch, double momentum)
{
    return (float)(momentum * (double)moving + (1 - momentum) * batch);
}

static void batch_norm_settle(const layer_pass *p)
{
    int C = channels(p);
    const int pixels = shape_size(p->in) / C;
    double n = (double)p->B * pixels, *sum = sums(p);
    double unbiased = p->in.rank == 3 && n > 1 ? n / (n - 1) : 1;
    for (int c = 0; c < C; c++) {
        double off = sum[c] / n, mean = (double)row(p, FIRST_ROW)[c] + off;
        double variance = fmax(0, sum[C + c] / n - off * off);
        double inv_std = 1 / sqrt(variance + p->spec->epsilon);
        double scale = (double)p->w[GAMMA][c] * inv_std;
        row(p, MEAN)[c] = (float)mean;
        row(p, INV_STD)[c] = (float)inv_std;
        row(p, SCALE)[c] = (float)scale;
        row(p, SHIFT)[c] = (float)((double)p->w[BETA][c] - mean * scale);
        p->w[MOVING_MEAN][c] = moved(p->w[MOVING_MEAN][c], mean, p->spec->momentum);
        p->w[MOVING_VARIANCE][c] =
            moved(p->w[MOVING_VARIANCE][c], variance * unbiased, p->spec->momentum);
    }
}

/* The kernels know the rectifiers; other activations are passes of their own. */
static activation fused(const layer_pass *p)
{
    activation act = p->spec->act;
    return act == ACT_RELU || act == ACT_RELU6 ? act : ACT_NONE;
}

static bool batch_norm_changes_dy(const layer_spec *s)
{
    return s->act != ACT_NONE && s->act != ACT_RELU && s->act != ACT_RELU6;
}

static batch_norm kernel_of(const layer_pass *p)
{
    return (batch_norm){.rows = p->B * (shape_size(p->in) / channels(p)),
                        .cols = channels(p),
                        .act = fused(p),
                        .x = p->x,
                        .scale = row(p, SCALE),
                        .shift = row(p, SHIFT),
                        .mean = row(p, MEAN),
                        .pull = row(p, PULL),
                        .level = row(p, LEVEL),
                        .dy = p->dy,
                        .sum_g = row(p, PARTIAL),
                        .sum_gx = row(p, PARTIAL_2)};
}

static void batch_norm_forward(const layer_pass *p)
{
    batch_norm s = kernel_of(p);
    s.y = p->y;
    p->k->batch_norm(&s);
    if (fused(p) != p->spec->act) p->k->activate(p->y, p->B * shape_size(p->out), p->spec->act);
}

static void batch_norm_begin_back(const layer_pass *p)
{
    assert(p->training);
    clear_sums(p);
}

static void batch_norm_observe_back(const layer_pass *p)
{
    int size = shape_size(p->in), C = channels(p);
    if (fused(p) != p->spec->act)
        p->k->activate_back(p->dy, p->y, p->spec->act, p->B * size / C, C, NULL);
    batch_norm s = kernel_of(p);
    s.rows = size / C;
    for (int b = 0; b < p->B; b++, s.x += size, s.dy += size) {
        p->k->batch_norm_sums(&s);
        take_partials(p);
    }
}

static void batch_norm_settle_back(const layer_pass *p)
{
    int C = channels(p);
    const int pixels = shape_size(p->in) / C;
    double n = (double)p->B * pixels, *sum = sums(p);
    for (int c = 0; c < C; c++) {
        double inv_std = (double)row(p, INV_STD)[c], scale = (double)row(p, SCALE)[c];
        p->dw[BETA][c] += (float)sum[c];
        p->dw[GAMMA][c] += (float)(sum[C + c] * inv_std);
        row(p, PULL)[c] = (float)(-scale * inv_std * inv_std * sum[C + c] / n);
        row(p, LEVEL)[c] = (float)(-scale * sum[c] / n);
    }
}

static void batch_norm_backward(const layer_pass *p)
{
    if (!p->dx) return;
    batch_norm s = kernel_of(p);
    s.y = p->dx;
    p->k->batch_norm_back(&s);
}

const layer_ops layer_batch_norm = {
    .field = {offsetof(layer_spec, momentum), offsetof(layer_spec, epsilon),
              offsetof(layer_spec, act)},
    .plan = batch_norm_plan,
    .forward = batch_norm_forward,
    .backward = batch_norm_backward,
    .by_parts = true,
    .cheap = true,
    .begin = batch_norm_begin,
    .begin_back = batch_norm_begin_back,
    .observe = batch_norm_observe,
    .settle = batch_norm_settle,
    .observe_back = batch_norm_observe_back,
    .settle_back = batch_norm_settle_back,
    .changes_dy = batch_norm_changes_dy,
};
