#include "engine/nn/fold.h"

#include "engine/nn/layer.h"

#include <math.h>
#include <string.h>

/* Which layer of the folded network computes what layer i did: [i + 1], so that [0] is the input;
 * and for a batch norm that went into it, which one: normed[new layer], -1 for none. */
typedef struct {
    const net_spec *net;
    net_spec *out;
    int place[NET_MAX_LAYERS + 1];
    int source[NET_MAX_LAYERS]; /* the old layer that gives new layer its weights, -1 for none */
    int normed[NET_MAX_LAYERS];
} folding;

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

static void append(folding *f, const layer_spec *s, int source, int normed)
{
    f->source[f->out->n] = source;
    f->normed[f->out->n] = normed;
    f->out->layer[f->out->n++] = *s;
}

static status fold_norm(folding *f, int i, shape in, err *e)
{
    const layer_spec *norm = &f->net->layer[i];
    int last = f->out->n - 1;
    if (last >= 0 && f->source[last] >= 0 && f->normed[last] < 0 &&
        takes_norm(&f->out->layer[last]) && !read_elsewhere(f->net, f->source[last], i - 1)) {
        f->out->layer[last].act = norm->act;
        f->out->layer[last].bias = true;
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

static status fold_layers(folding *f, const net_layout *l, err *e)
{
    f->out->in = f->net->in;
    f->out->n = 0;
    f->place[0] = -1;
    for (int i = 0; i < f->net->n; i++) {
        layer_spec s = f->net->layer[i];
        if (s.kind == LAYER_BATCH_NORM) {
            TRY(fold_norm(f, i, l->shape_in[i], e));
        } else if (s.kind != LAYER_DROPOUT) {
            if (s.kind == LAYER_ADD) s.from = f->place[s.from + 1];
            append(f, &s, i, -1);
        }
        f->place[i + 1] = f->out->n - 1;
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

static void fold_params(const folding *f, const net_layout *from, const float *params,
                        const net_layout *to, float *out)
{
    for (int i = 0; i < f->out->n; i++) {
        bool depthwise = f->out->layer[i].kind == LAYER_DEPTHWISE_CONV2D;
        copy_tensors(from, f->source[i], params, to, i, out);
        if (f->normed[i] < 0) continue;
        const net_tensor *kernel = find(to, i, ROLE_KERNEL);
        for (int j = 0; j < kernel->size && f->source[i] < 0; j++) out[kernel->offset + j] = 1;
        apply_norm(from, f->normed[i], f->net->layer[f->normed[i]].epsilon, params, to, i,
                   depthwise, out);
    }
}

status net_fold(const net_spec *net, const float *params, arena *a, net_spec *out, float **folded,
                err *e)
{
    folding f = {.net = net, .out = out};
    net_layout from, to;
    *folded = NULL;
    TRY(net_layout_make(net, &from, e));
    TRY(fold_layers(&f, &from, e));
    TRY(net_layout_make(out, &to, e));
    if (!params) return OK;
    *folded = ARENA_NEW(a, float, to.n_params);
    if (!*folded) return FAIL(e, ERR_MEM, "no memory for %d parameters", to.n_params);
    fold_params(&f, &from, params, &to, *folded);
    return OK;
}
