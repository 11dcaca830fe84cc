#include "tests/support/random_net.h"

#include "engine/base/file.h"
#include "engine/base/half.h"
#include "engine/compress/calibrate.h"
#include "engine/compress/quantize.h"
#include "engine/nn/fold.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int between(rng *r, int least, int most)
{
    return least + (int)rng_below(r, (uint64_t)(most - least + 1));
}

/* A window over the image and its step; changes the image's height and width. */
static void random_window(rng *r, layer_spec *l, shape *in)
{
    l->window = l->step = (shape){2, {1, 1}};
    l->pad = rng_below(r, 2) ? PAD_SAME : PAD_VALID;
    for (int i = 0; i < 2; i++) {
        const int n = in->dim[i], k = between(r, 1, n < 3 ? n : 3), s = between(r, 1, 2);
        l->window.dim[i] = k;
        l->step.dim[i] = s;
        in->dim[i] = l->pad == PAD_SAME ? (n + s - 1) / s : (n - k) / s + 1;
    }
}

static layer_spec random_image_layer(rng *r, layer_spec l, shape *in)
{
    static const layer_kind kinds[] = {LAYER_CONV2D,
                                       LAYER_CONV2D,
                                       LAYER_CONV2D,
                                       LAYER_DEPTHWISE_CONV2D,
                                       LAYER_DEPTHWISE_CONV2D,
                                       LAYER_ADD,
                                       LAYER_MAX_POOL2D,
                                       LAYER_AVERAGE_POOL2D,
                                       LAYER_GLOBAL_AVERAGE_POOL2D,
                                       LAYER_GLOBAL_MAX_POOL2D,
                                       LAYER_FLATTEN};
    l.kind = kinds[rng_below(r, sizeof kinds / sizeof *kinds)];
    const bool is_filter = l.kind == LAYER_CONV2D || l.kind == LAYER_DEPTHWISE_CONV2D;
    if (!is_filter) l.bias = false;
    if (!is_filter && l.kind != LAYER_ADD) l.act = ACT_NONE;
    if (l.kind == LAYER_CONV2D) in->dim[2] = l.units = between(r, 1, 40);
    if (is_filter || l.kind == LAYER_MAX_POOL2D || l.kind == LAYER_AVERAGE_POOL2D)
        random_window(r, &l, in);
    if (l.kind == LAYER_GLOBAL_AVERAGE_POOL2D || l.kind == LAYER_GLOBAL_MAX_POOL2D)
        *in = (shape){1, {in->dim[2]}};
    if (l.kind == LAYER_FLATTEN) *in = (shape){1, {shape_size(*in)}};
    return l;
}

/* A layer that accepts `in`; changes `in` to its output. */
static layer_spec random_layer(rng *r, shape *in)
{
    layer_spec l = {.act = (activation)rng_below(r, N_ACTIVATIONS), .bias = rng_below(r, 8) > 0};
    const int pick = between(r, 0, 9);
    if (in->rank == 3 && pick <= 8) return random_image_layer(r, l, in);
    if (pick == 9) {
        l = (layer_spec){.kind = rng_below(r, 2) ? LAYER_SOFTMAX : LAYER_DROPOUT, .rate = 0.5};
    } else if (in->rank == 2 && pick <= 3) {
        l.kind = LAYER_CONV1D;
        l.units = between(r, 1, 24);
        l.kernel = between(r, 1, in->dim[0] < 4 ? in->dim[0] : 4);
        l.stride = between(r, 1, 2);
        l.pad = rng_below(r, 2) ? PAD_SAME : PAD_VALID;
        const int T = in->dim[0];
        in->dim[0] =
            l.pad == PAD_SAME ? (T + l.stride - 1) / l.stride : (T - l.kernel) / l.stride + 1;
        in->dim[1] = l.units;
    } else if (in->rank == 2 && pick <= 5) {
        l = (layer_spec){.kind = LAYER_LSTM, .units = between(r, 1, 24), .bias = true};
        *in = (shape){1, {l.units}};
    } else if (in->rank == 2 && pick <= 7) {
        l = (layer_spec){.kind = LAYER_FLATTEN};
        *in = (shape){1, {shape_size(*in)}};
    } else if (in->rank == 1 && pick == 0 && in->dim[0] % 2 == 0) {
        l = (layer_spec){.kind = LAYER_RESHAPE, .to = {2, {in->dim[0] / 2, 2}}};
        *in = l.to;
    } else if (pick == 1) {
        l = (layer_spec){.kind = LAYER_ACTIVATION,
                         .act = (activation)between(r, ACT_RELU, N_ACTIVATIONS - 1)};
    } else {
        l.kind = LAYER_DENSE;
        l.units = between(r, 1, 40);
        in->dim[in->rank - 1] = l.units;
    }
    return l;
}

net_spec random_net(rng *r)
{
    net_spec s = {.in = {2, {between(r, 1, 12), between(r, 1, 6)}}};
    if (rng_below(r, 2)) s.in = (shape){3, {between(r, 2, 12), between(r, 2, 9), between(r, 1, 6)}};
    shape now = s.in, was[NET_MAX_LAYERS + 1] = {s.in};
    for (int n = between(r, 1, 6); s.n < n; was[++s.n] = now) {
        s.layer[s.n] = random_layer(r, &now);
        if (s.layer[s.n].kind != LAYER_ADD) continue;
        int from =
            between(r, 0, s.n); /* the nearest earlier output of this shape; itself if none */
        while (memcmp(&was[from], &now, sizeof now) != 0) from = from < s.n ? from + 1 : s.n;
        s.layer[s.n].from = from - 1;
    }
    return s;
}

float *random_floats(rng *r, arena *a, int n, float deviation)
{
    float *p = ARENA_NEW(a, float, n);
    for (int i = 0; i < n; i++) p[i] = deviation * rng_normal(r);
    return p;
}

/* What one layer needs: weights as stored, and how its inputs are rounded. */
typedef struct {
    const tflite_options *o;
    arena *a;
    double *tie;
    bool quantized; /* the layer's weights are int8 */
    bool asymmetric;
    double *scale;     /* of the weights stored last */
    float input_scale; /* STORE_INT8: of the layer's input */
} pass;

static double *zeros(pass *p, int n)
{
    return ARENA_NEW(p->a, double, n);
}

/* Weights after storage: halves, int8 with one scale for each of `rows` groups, or as they are. */
static double *stored(pass *p, const float *w, int n, bool int8, int rows)
{
    double *out = zeros(p, n);
    p->scale = zeros(p, rows);
    for (int i = 0; i < n; i++) {
        out[i] = (double)w[i];
        if (p->o->storage == STORE_FLOAT16) out[i] = (double)half_widen(half_round(w[i]));
    }
    for (int g = 0; int8 && g < rows; g++) {
        double range = 0;
        for (int i = g * (n / rows); i < (g + 1) * (n / rows); i++)
            range = fmax(range, fabs(out[i]));
        p->scale[g] = range > 0 ? (double)((float)range / 127.0F) : 1;
        for (int i = g * (n / rows); i < (g + 1) * (n / rows); i++)
            if (range > 0) out[i] = round((double)(w[i] * (127.0F / (float)range))) * p->scale[g];
    }
    return out;
}

/* Biases; of a full-integer network in steps of the input's scale times that of the weights that were
 * stored last. */
static double *stored_bias(pass *p, const float *b, int n, int rows)
{
    const double *scale = p->scale;
    double *out = stored(p, b, n, false, 1);
    for (int i = 0; p->o->storage == STORE_INT8 && i < n; i++) {
        const float step = p->input_scale * (float)scale[rows == 1 ? 0 : i];
        out[i] = round(out[i] / (double)step) * (double)step;
    }
    return out;
}

/* x as the runtime sees it after rounding to int8 steps of its own range. */
static double *rounded(pass *p, const double *x, int n, bool quantized, bool asymmetric)
{
    double *out = zeros(p, n), least = 0, most = 0;
    for (int i = 0; i < n; i++) {
        least = fmin(least, x[i]);
        most = fmax(most, x[i]);
    }
    memcpy(out, x, sizeof *x * (size_t)n);
    if (!quantized || p->o->storage != STORE_DYNAMIC || (least == 0 && most == 0)) return out;
    double scale = fmax(-least, most) / 127, zero = 0;
    if (asymmetric) {
        scale = (most - least) / 255;
        const double near_least = 128 - least / scale, near_most = 127 + most / scale;
        const double exact = near_least < near_most ? -128 - least / scale : 127 - most / scale;
        zero = fmin(127, fmax(-128, round(exact)));
        *p->tie = fmin(*p->tie, fabs(fabs(exact - trunc(exact)) - 0.5));
    }
    for (int i = 0; i < n; i++) {
        const double q = zero + x[i] / scale;
        *p->tie = fmin(*p->tie, fabs(fabs(q - trunc(q)) - 0.5));
        out[i] = (fmin(127, fmax(asymmetric ? -128 : -127, round(q))) - zero) * scale;
    }
    return out;
}

static double activate(double v, activation act)
{
    return act == ACT_RELU      ? fmax(v, 0)
           : act == ACT_RELU6   ? fmin(fmax(v, 0), 6)
           : act == ACT_TANH    ? tanh(v)
           : act == ACT_SIGMOID ? 1 / (1 + exp(-v))
                                : v;
}

/* Whether weights are. */
static bool is_int8(const pass *p, int n)
{
    const weight_storage s = p->o->storage;
    return s == STORE_INT8 ||
           ((s == STORE_DYNAMIC || s == STORE_INT8_WEIGHTS) && n >= p->o->dynamic_min_elements);
}

/* Scales of a convolution's weights with n filters. */
static int filter_scales(const pass *p, int n)
{
    return p->o->storage == STORE_INT8 || p->o->per_channel ? n : 1;
}

/* Of a matrix, in as many parts as it is stored in. */
static int matrix_scales(const pass *p, int parts, int rows)
{
    return p->o->storage == STORE_INT8_WEIGHTS && p->o->per_channel ? rows : parts;
}

static double *dense_naive(pass *p, const layer_spec *l, const double *x, int B, int Ci,
                           const float *w)
{
    const bool int8 = is_int8(p, l->units * Ci);
    const int rows = matrix_scales(p, 1, l->units);
    const double *k = stored(p, w, l->units * Ci, int8, rows);
    const double *bias =
        l->bias ? stored_bias(p, w + l->units * Ci, l->units, rows) : zeros(p, l->units);
    double *y = zeros(p, B * l->units);
    for (int b = 0; b < B; b++) {
        const double *row = rounded(p, x + b * Ci, Ci, int8, p->o->per_channel);
        for (int o = 0; o < l->units; o++) {
            double v = bias[o];
            for (int i = 0; i < Ci; i++) v += row[i] * k[o * Ci + i];
            y[b * l->units + o] = activate(v, l->act);
        }
    }
    return y;
}

static double *conv_naive(pass *p, const layer_spec *l, const double *x, shape in, shape out,
                          const float *w)
{
    const int T = in.dim[0], Ci = in.dim[1], n = l->units * l->kernel * Ci;
    const bool int8 = is_int8(p, n);
    const double *k = stored(p, w, n, int8, filter_scales(p, l->units));
    const double *bias =
        l->bias ? stored_bias(p, w + n, l->units, filter_scales(p, l->units)) : zeros(p, l->units);
    /* The runtime calls it per channel when the scales differ: not with a single filter. */
    const double *q = rounded(p, x, T * Ci, int8, p->o->per_channel && l->units > 1);
    const int total = (out.dim[0] - 1) * l->stride + l->kernel - T;
    const int before = l->pad == PAD_SAME && total > 0 ? total / 2 : 0;
    double *y = zeros(p, shape_size(out));
    for (int t = 0; t < out.dim[0]; t++)
        for (int o = 0; o < l->units; o++) {
            double v = bias[o];
            for (int j = 0; j < l->kernel; j++) {
                const int at = t * l->stride - before + j;
                for (int i = 0; i < Ci && at >= 0 && at < T; i++)
                    v += q[at * Ci + i] * k[(o * l->kernel + j) * Ci + i];
            }
            y[t * l->units + o] = activate(v, l->act);
        }
    return y;
}

static double *lstm_naive(pass *p, const layer_spec *l, const double *x, shape in, const float *w)
{
    const int T = in.dim[0], Ci = in.dim[1], u = l->units;
    const bool apart = p->o->storage == STORE_INT8_WEIGHTS; /* else all or nothing */
    const bool int8_x = is_int8(p, u * Ci) && (apart || is_int8(p, u * u));
    const bool int8_h = is_int8(p, u * u) && (apart || is_int8(p, u * Ci));
    const double *kernel = stored(p, w, 4 * u * Ci, int8_x, matrix_scales(p, 4, 4 * u));
    const double *recurrent =
        stored(p, w + 4 * u * Ci, 4 * u * u, int8_h, matrix_scales(p, 4, 4 * u));
    const double *bias = stored(p, w + 4 * u * (Ci + u), 4 * u, false, 1);
    double *h = zeros(p, u), *c = zeros(p, u), *gate = zeros(p, 4 * u);
    for (int t = 0; t < T; t++) {
        const double *xt = rounded(p, x + t * Ci, Ci, int8_x, p->o->per_channel);
        const double *ht = rounded(p, h, u, int8_h, p->o->per_channel);
        for (int g = 0; g < 4 * u; g++) {
            gate[g] = bias[g];
            for (int i = 0; i < Ci; i++) gate[g] += xt[i] * kernel[g * Ci + i];
            for (int i = 0; i < u; i++) gate[g] += ht[i] * recurrent[g * u + i];
        }
        for (int i = 0; i < u; i++) {
            c[i] = activate(gate[u + i], ACT_SIGMOID) * c[i] +
                   activate(gate[i], ACT_SIGMOID) * tanh(gate[2 * u + i]);
            h[i] = activate(gate[3 * u + i], ACT_SIGMOID) * tanh(c[i]);
        }
    }
    return h;
}

/* Where the window at output (oy,ox) begins in the image. */
typedef struct {
    int y, x;
} corner;

static corner corner_at(const layer_spec *l, shape in, shape out, int oy, int ox)
{
    int before[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        const int total = (out.dim[i] - 1) * l->step.dim[i] + l->window.dim[i] - in.dim[i];
        if (l->pad == PAD_SAME && total > 0) before[i] = total / 2;
    }
    return (corner){oy * l->step.dim[0] - before[0], ox * l->step.dim[1] - before[1]};
}

/* Calls for every value under the window; `tap` is its place in the window. */
#define FOR_WINDOW(l, in, at)                                                                    \
    for (int tap = 0; tap < (l)->window.dim[0] * (l)->window.dim[1]; tap++)                      \
        for (int iy = (at).y + tap / (l)->window.dim[1], ix = (at).x + tap % (l)->window.dim[1], \
                 inside = iy >= 0 && iy < (in).dim[0] && ix >= 0 && ix < (in).dim[1];            \
             inside; inside = 0)

static double *conv2d_naive(pass *p, const layer_spec *l, const double *x, shape in, shape out,
                            const float *w)
{
    const int taps = l->window.dim[0] * l->window.dim[1], Ci = in.dim[2], n = l->units * taps * Ci;
    const bool int8 = is_int8(p, n);
    const double *k = stored(p, w, n, int8, filter_scales(p, l->units));
    const double *bias =
        l->bias ? stored_bias(p, w + n, l->units, filter_scales(p, l->units)) : zeros(p, l->units);
    const double *q = rounded(p, x, shape_size(in), int8, p->o->per_channel && l->units > 1);
    double *y = zeros(p, shape_size(out));
    for (int i = 0; i < shape_size(out); i++) {
        const int o = i % l->units, pixel = i / l->units;
        const corner at = corner_at(l, in, out, pixel / out.dim[1], pixel % out.dim[1]);
        double v = bias[o];
        FOR_WINDOW(l, in, at)
        for (int c = 0; c < Ci; c++)
            v += q[(iy * in.dim[1] + ix) * Ci + c] * k[(o * taps + tap) * Ci + c];
        y[i] = activate(v, l->act);
    }
    return y;
}

/* Int8 filters have a scale for each channel and meet int8 images; those of the older converter have
 * one and meet the image as it is. */
static double *depthwise_naive(pass *p, const layer_spec *l, const double *x, shape in, shape out,
                               const float *w)
{
    const int taps = l->window.dim[0] * l->window.dim[1], C = in.dim[2];
    const bool int8 = is_int8(p, taps * C), rows = int8 && p->o->per_channel;
    const int n_scales = int8 ? filter_scales(p, C) : 1;
    float *by_channel = ARENA_NEW(p->a, float, taps *C);
    for (int i = 0; i < taps * C; i++) by_channel[i % C * taps + i / C] = w[i];
    const double *k = stored(p, by_channel, taps * C, int8, n_scales);
    const double *bias = l->bias ? stored_bias(p, w + taps * C, C, n_scales) : zeros(p, C);
    const double *q = rounded(p, x, shape_size(in), rows, true);
    double *y = zeros(p, shape_size(out));
    for (int i = 0; i < shape_size(out); i++) {
        const int c = i % C, pixel = i / C;
        const corner at = corner_at(l, in, out, pixel / out.dim[1], pixel % out.dim[1]);
        double v = bias[c];
        FOR_WINDOW(l, in, at)
        v += q[(iy * in.dim[1] + ix) * C + c] * k[c * taps + tap];
        y[i] = activate(v, l->act);
    }
    return y;
}

static double *pool_naive(pass *p, const layer_spec *l, const double *x, shape in, shape out)
{
    const int C = in.dim[2];
    double *y = zeros(p, shape_size(out));
    for (int i = 0; i < shape_size(out); i++) {
        const corner at = corner_at(l, in, out, i / C / out.dim[1], i / C % out.dim[1]);
        double sum = 0, most = -INFINITY;
        int n = 0;
        FOR_WINDOW(l, in, at)
        {
            const double v = x[(iy * in.dim[1] + ix) * C + i % C];
            sum += v;
            most = fmax(most, v);
            n++;
        }
        y[i] = l->kind == LAYER_MAX_POOL2D ? most : sum / n;
    }
    return y;
}

static double *global_pool_naive(pass *p, const layer_spec *l, const double *x, shape in)
{
    const int C = in.dim[2], n = in.dim[0] * in.dim[1];
    double *y = zeros(p, C);
    for (int c = 0; c < C; c++) {
        double sum = 0, most = -INFINITY;
        for (int i = 0; i < n; i++) {
            sum += x[i * C + c];
            most = fmax(most, x[i * C + c]);
        }
        y[c] = l->kind == LAYER_GLOBAL_MAX_POOL2D ? most : sum / n;
    }
    return y;
}

static double *softmax_naive(pass *p, const double *x, int n, int C)
{
    double *y = zeros(p, n);
    for (int row = 0; row < n; row += C) {
        double most = -INFINITY, sum = 0;
        for (int c = 0; c < C; c++) most = fmax(most, x[row + c]);
        for (int c = 0; c < C; c++) sum += y[row + c] = exp(x[row + c] - most);
        for (int c = 0; c < C; c++) y[row + c] /= sum;
    }
    return y;
}

static double *sum_naive(pass *p, const layer_spec *l, const double *x, const double *other, int n)
{
    double *y = zeros(p, n);
    for (int i = 0; i < n; i++) y[i] = activate(x[i] + other[i], l->act);
    return y;
}

/* The values of a point of a full-integer network, on their steps. An average is rounded as the whole
 * number that it is, where ties are frequent and all programs agree. */
static void settle(pass *p, double *x, int n, affine point, bool is_average)
{
    for (int i = 0; i < n; i++) {
        double v = x[i] / (double)point.scale, q = round(v) + point.zero;
        if (is_average) {
            v += point.zero;
            q = v < 0 ? -floor(0.5 + 1e-9 - v) : floor(0.5 + 1e-9 + v);
        } else {
            *p->tie = fmin(*p->tie, fabs(fabs(v - trunc(v)) - 0.5));
        }
        x[i] = (fmin(127, fmax(-128, q)) - point.zero) * (double)point.scale;
    }
}

/* `before` holds what each layer from the network's input on gave. */
static double *layer_naive(pass *p, const layer_spec *l, const double *const *before,
                           const double *x, shape in, shape out, const float *w)
{
    const int last = in.dim[in.rank - 1];
    switch (l->kind) {
    case LAYER_DENSE:
        return dense_naive(p, l, x, shape_size(in) / last, last, w);
    case LAYER_CONV1D:
        return conv_naive(p, l, x, in, out, w);
    case LAYER_CONV2D:
        return conv2d_naive(p, l, x, in, out, w);
    case LAYER_DEPTHWISE_CONV2D:
        return depthwise_naive(p, l, x, in, out, w);
    case LAYER_LSTM:
        return lstm_naive(p, l, x, in, w);
    case LAYER_MAX_POOL2D:
    case LAYER_AVERAGE_POOL2D:
        return pool_naive(p, l, x, in, out);
    case LAYER_GLOBAL_AVERAGE_POOL2D:
    case LAYER_GLOBAL_MAX_POOL2D:
        return global_pool_naive(p, l, x, in);
    case LAYER_SOFTMAX:
        return softmax_naive(p, x, shape_size(in), last);
    case LAYER_ADD:
        return sum_naive(p, l, x, before[l->from + 1], shape_size(in));
    default: { /* flatten, reshape, activation, dropout */
        double *y = zeros(p, shape_size(in));
        for (int i = 0; i < shape_size(in); i++) y[i] = activate(x[i], l->act);
        return y;
    }
    }
}

const double *naive_forward(const net_spec *net, const float *params, const tflite_options *options,
                            const float *x, arena *a, int *n_out, double *tie)
{
    pass p = {.o = options, .a = a, .tie = tie};
    net_layout *layout = ARENA_NEW(a, net_layout, 1);
    const double *after[NET_MAX_LAYERS + 1];
    if (net_layout_make(net, layout, NULL) != OK) return NULL;
    *tie = 0.5;
    const int n = shape_size(net->in);
    double *first = zeros(&p, n);
    for (int i = 0; i < n; i++) first[i] = (double)x[i];
    after[0] = first;
    const affine *points = options->storage == STORE_INT8 ? options->points : NULL;
    if (points) settle(&p, first, n, points[0], false);
    for (int i = 0; i < net->n; i++) {
        int at = 0; /* a layer's tensors are neighbours: kernel, recurrent, bias */
        for (int t = layout->n_tensors; t-- > 0;)
            if (layout->tensor[t].layer == i) at = layout->tensor[t].offset;
        p.input_scale = points ? points[i].scale : 0;
        double *y = layer_naive(&p, &net->layer[i], after, after[i], layout->shape_in[i],
                                layout->shape_out[i], params + at);
        if (points)
            settle(&p, y, shape_size(layout->shape_out[i]), points[i + 1],
                   net->layer[i].kind == LAYER_AVERAGE_POOL2D);
        after[i + 1] = y;
    }
    *n_out = shape_size(layout->shape_out[net->n - 1]);
    return after[net->n];
}

const char *real_library(void)
{
#ifdef __aarch64__
#define REAL_FOLDER "linux_arm64"
#else
#define REAL_FOLDER "linux_amd64"
#endif
    const char *path = getenv("PARETUNE_TFLITE_LIB");
    if (!path)
        path = "build/tflite/node_modules/tfjs-tflite-node/cc_deps/" REAL_FOLDER
               "/libtensorflowlite_c.so";
    if (file_exists(path)) return path;
    fprintf(
        stderr,
        "note: TensorFlow Lite is not here (make tflite-lib); comparisons with it are skipped\n");
    return NULL;
}

/* Inputs like those that tests feed, for calibration. */
static void fetch_noise(const examples *ex, part p, int first, int count, float *x, float *y)
{
    (void)y;
    const int n = shape_size(ex->in);
    for (int i = 0; i < count; i++) {
        rng r = rng_stream((uint64_t)(first + i), RNG_TEST, (uint64_t)p + 10);
        for (int k = 0; k < n; k++) x[i * n + k] = rng_normal(&r);
    }
}

/* The network as int8 needs it, with the parameters of its points; false when it has no such form. */
static bool make_integer(net_spec *net, const float *params, arena *a, tflite_options *options)
{
    net_spec spread;
    if (calibrate_spread(net, &spread, NULL) != OK) return false;
    *net = spread;
    const examples ex = {.in = spread.in, .n = {20}, .fetch = fetch_noise};
    const calibration how = {.examples = 8, .percentile = 100};
    value_range ranges[NET_MAX_POINTS];
    affine *points = ARENA_NEW(a, affine, NET_MAX_POINTS);
    status s = calibrate(&spread, params, &ex, &how, 0, a, ranges, NULL, NULL);
    assert(points && s == OK);
    (void)s;
    calibrate_affine(&spread, ranges, points);
    options->points = points;
    return true;
}

float *random_folded_net(rng *r, weight_storage storage, float deviation, arena *a, net_spec *net,
                         tflite_options *options)
{
    float *folded;
    do {
        const net_spec whole = random_net(r);
        net_layout *layout = ARENA_NEW(a, net_layout, 1);
        status s = net_layout_make(&whole, layout, NULL);
        const float *params = random_floats(r, a, layout->n_params, deviation);
        if (s == OK) s = net_fold(&whole, params, a, net, &folded, NULL);
        assert(s == OK);
        (void)s;
    } while (net->n == 0 || (storage == STORE_INT8 && !make_integer(net, folded, a, options)));
    return folded;
}
