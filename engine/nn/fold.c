#include "engine/nn/fold.h"

#include "engine/nn/layer.h"

#include <math.h>
#include <string.h>

static bool takes_norm(const layer_spec *s)
{
    return s->act == ACT_NONE &&
           (s->kind == LAYER_CONV2D || s->kind == LAYER_DEPTHWISE_CONV2D || s->kind == LAYER_DENSE);
}

/* An add layer reads one of the layers [first, last]. */
static bool read_elsewhere(const net_spec *net, int first, int last)
{
    for (int i = first + 1; i < net->n; i++) {
        const layer_spec *s = &net->layer[i];
        if (s->kind == LAYER_ADD && s->from >= first && s->from <= last) return true;
    }
    return false;
}

static void append(net_folding *f, const layer_spec *s, int source, int normed)
{
    f->source[f->folded.n] = source;
    f->normed[f->folded.n] = normed;
    f->folded.layer[f->folded.n++] = *s;
}

static status fold_norm(net_folding *f, int i, shape in, err *e)
{
    const layer_spec *norm = &f->net.layer[i];
    int last = f->folded.n - 1;
    if (last >= 0 && f->source[last] >= 0 && f->normed[last] < 0 &&
        takes_norm(&f->folded.layer[last]) && !read_elsewhere(&f->net, f->source[last], i - 1)) {
        f->folded.layer[last].act = norm->act;
        f->folded.layer[last].bias = true;
        f->normed[last] = i;
        return OK;
    }
    if (in.rank != 3)
        return FAIL(e, ERR_INPUT,
                    "layer %d (batch-norm): cannot be exported: put it directly behind a dense "
                    "layer or convolution without activation",
                    i);
    layer_spec one = {.kind = LAYER_DEPTHWISE_CONV2D,
                      .act = norm->act,
                      .window = {2, {1, 1}},
                      .step = {2, {1, 1}},
                      .bias = true};
    append(f, &one, -1, i);
    return OK;
}

static status fold_layers(net_folding *f, err *e)
{
    f->folded.in = f->net.in;
    f->folded.n = 0;
    f->place[0] = -1;
    for (int i = 0; i < f->net.n; i++) {
        layer_spec s = f->net.layer[i];
        if (s.kind == LAYER_BATCH_NORM) {
            TRY(fold_norm(f, i, f->from.shape_in[i], e));
        } else if (s.kind != LAYER_DROPOUT) {
            if (s.kind == LAYER_ADD) s.from = f->place[s.from + 1];
            append(f, &s, i, -1);
        }
        f->place[i + 1] = f->folded.n - 1;
    }
    return OK;
}

/* Layer's first tensor of this role, or NULL. */
static const net_tensor *find(const net_layout *l, int layer, tensor_role role)
{
    for (int i = 0; i < l->n_tensors; i++)
        if (l->tensor[i].layer == layer && l->tensor[i].role == role) return &l->tensor[i];
    return NULL;
}

static void copy_tensors(const net_layout *from, int source, const float *params,
                         const net_layout *to, int layer, float *out)
{
    for (int i = 0; i < to->n_tensors; i++) {
        const net_tensor *t = &to->tensor[i], *old;
        if (t->layer != layer || source < 0) continue;
        old = find(from, source, t->role);
        if (old) memcpy(out + t->offset, params + old->offset, (size_t)t->size * sizeof *out);
    }
}

/* Channel c's weights of a kernel: rows of dense and conv2d, columns of depthwise. */
static void scale_channel(const net_tensor *kernel, bool depthwise, int C, int c, double scale,
                          float *w)
{
    int n = kernel->size / C;
    for (int i = 0; i < n; i++) {
        float *at = w + kernel->offset + (depthwise ? i * C + c : c * n + i);
        *at = (float)((double)*at * scale);
    }
}

static void apply_norm(const net_layout *from, int norm, double epsilon, const float *params,
                       const net_layout *to, int layer, bool depthwise, float *out)
{
    const net_tensor *kernel = find(to, layer, ROLE_KERNEL), *bias = find(to, layer, ROLE_BIAS);
    const float *gamma = params + find(from, norm, ROLE_GAMMA)->offset,
                *beta = params + find(from, norm, ROLE_BETA)->offset,
                *mean = params + find(from, norm, ROLE_MOVING_MEAN)->offset,
                *variance = params + find(from, norm, ROLE_MOVING_VARIANCE)->offset;
    for (int c = 0; c < bias->size; c++) {
        double scale = (double)gamma[c] / sqrt((double)variance[c] + epsilon);
        float *b = out + bias->offset + c;
        scale_channel(kernel, depthwise, bias->size, c, scale, out);
        *b = (float)((double)beta[c] + ((double)*b - (double)mean[c]) * scale);
    }
}

status net_folding_make(net_folding *f, const net_spec *net, err *e)
{
    memset(f, 0, sizeof *f);
    f->net = *net;
    TRY(net_layout_make(net, &f->from, e));
    TRY(fold_layers(f, e));
    return net_layout_make(&f->folded, &f->to, e);
}

void net_folding_apply(const net_folding *f, const float *params, float *folded)
{
    for (int i = 0; i < f->folded.n; i++) {
        bool depthwise = f->folded.layer[i].kind == LAYER_DEPTHWISE_CONV2D;
        for (int t = 0; t < f->to.n_tensors; t++) /* a bias that the fold brings begins at 0 */
            if (f->to.tensor[t].layer == i)
                memset(folded + f->to.tensor[t].offset, 0,
                       (size_t)f->to.tensor[t].size * sizeof *folded);
        copy_tensors(&f->from, f->source[i], params, &f->to, i, folded);
        if (f->normed[i] < 0) continue;
        const net_tensor *kernel = find(&f->to, i, ROLE_KERNEL);
        for (int j = 0; j < kernel->size && f->source[i] < 0; j++) folded[kernel->offset + j] = 1;
        apply_norm(&f->from, f->normed[i], f->net.layer[f->normed[i]].epsilon, params, &f->to, i,
                   depthwise, folded);
    }
}

/* --- gradients --- */

/* Weights that were copied. */
static void carry_copied(const net_folding *f, int layer, const float *d_folded, float *d_params)
{
    for (int i = 0; i < f->to.n_tensors; i++) {
        const net_tensor *t = &f->to.tensor[i];
        if (t->layer != layer) continue;
        const net_tensor *old = find(&f->from, f->source[layer], t->role);
        for (int j = 0; old && j < t->size; j++)
            d_params[old->offset + j] += d_folded[t->offset + j];
    }
}

/* Of channel c's weights w * s: s times their gradient to w; returns the gradient of s. Without w, a
 * batch norm of its own, the only weight is s. */
static double carry_channel(const net_tensor *kernel, bool depthwise, int C, int c, double s,
                            const float *w, const float *d_folded, float *d_w)
{
    const int n = kernel->size / C;
    double d_scale = 0;
    for (int i = 0; i < n; i++) {
        const int at = depthwise ? i * C + c : c * n + i;
        const double d = (double)d_folded[kernel->offset + at];
        d_scale += d * (w ? (double)w[at] : 1);
        if (w) d_w[at] += (float)(d * s);
    }
    return d_scale;
}

/* With s = gamma / deviation: weights w * s, bias beta + (b - mean) * s. */
static void carry_norm(const net_folding *f, int layer, const float *params, const float *d_folded,
                       float *d_params)
{
    const int norm = f->normed[layer], source = f->source[layer];
    const bool depthwise = f->folded.layer[layer].kind == LAYER_DEPTHWISE_CONV2D;
    const net_tensor *kernel = find(&f->to, layer, ROLE_KERNEL);
    const net_tensor *bias = find(&f->to, layer, ROLE_BIAS);
    const net_tensor *w = source < 0 ? NULL : find(&f->from, source, ROLE_KERNEL);
    const net_tensor *b = source < 0 ? NULL : find(&f->from, source, ROLE_BIAS);
    const int gamma = find(&f->from, norm, ROLE_GAMMA)->offset,
              beta = find(&f->from, norm, ROLE_BETA)->offset,
              mean = find(&f->from, norm, ROLE_MOVING_MEAN)->offset,
              variance = find(&f->from, norm, ROLE_MOVING_VARIANCE)->offset;
    for (int c = 0; c < bias->size; c++) {
        const double deviation = sqrt((double)params[variance + c] + f->net.layer[norm].epsilon);
        const double s = (double)params[gamma + c] / deviation;
        const double d_bias = (double)d_folded[bias->offset + c];
        const double centred = (b ? (double)params[b->offset + c] : 0) - (double)params[mean + c];
        double d_scale = d_bias * centred;
        d_scale += carry_channel(kernel, depthwise, bias->size, c, s, w ? params + w->offset : NULL,
                                 d_folded, w ? d_params + w->offset : NULL);
        d_params[gamma + c] += (float)(d_scale / deviation);
        d_params[beta + c] += (float)d_bias;
        if (b) d_params[b->offset + c] += (float)(d_bias * s);
    }
}

void net_folding_carry_back(const net_folding *f, const float *params, const float *d_folded,
                            float *d_params)
{
    for (int i = 0; i < f->folded.n; i++)
        if (f->normed[i] >= 0)
            carry_norm(f, i, params, d_folded, d_params);
        else
            carry_copied(f, i, d_folded, d_params);
}

status net_fold(const net_spec *net, const float *params, arena *a, net_spec *out, float **folded,
                err *e)
{
    *folded = NULL;
    net_folding *f = ARENA_NEW(a, net_folding, 1);
    if (!f) return FAIL(e, ERR_MEM, "out of memory to fold a network");
    TRY(net_folding_make(f, net, e));
    *out = f->folded;
    if (!params) return OK;
    *folded = ARENA_NEW(a, float, f->to.n_params);
    if (!*folded) return FAIL(e, ERR_MEM, "no memory for %d parameters", f->to.n_params);
    net_folding_apply(f, params, *folded);
    return OK;
}
