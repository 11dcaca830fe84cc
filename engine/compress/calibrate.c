/* Two passes when bounds are percentiles: the first finds the extremes, between which the second
 * counts. Extremes alone need one. */
#include "engine/compress/calibrate.h"

#include "engine/nn/checkpoint.h"
#include "engine/nn/net.h"

#include <math.h>
#include <string.h>

enum { BATCH = 16, BINS = 4096 };

static bool is_spread(activation act)
{
    return act == ACT_TANH || act == ACT_SIGMOID;
}

static bool has_integer_form(layer_kind kind)
{
    return kind != LAYER_LSTM && kind != LAYER_BATCH_NORM && kind != LAYER_DROPOUT;
}

static status append(net_spec *out, const layer_spec *l, err *e)
{
    if (out->n == NET_MAX_LAYERS)
        return FAIL(e, ERR_INPUT,
                    "with tanh and sigmoid as layers of their own, which int8 needs, "
                    "the network has more than %d layers",
                    NET_MAX_LAYERS);
    out->layer[out->n++] = *l;
    return OK;
}

bool calibrate_is_spread(const net_spec *s)
{
    for (int i = 0; i < s->n; i++) {
        const layer_spec *l = &s->layer[i];
        if (!has_integer_form(l->kind) || (l->kind != LAYER_ACTIVATION && is_spread(l->act)))
            return false;
    }
    return true;
}

status calibrate_spread(const net_spec *folded, net_spec *out, err *e)
{
    const net_spec whole = *folded;
    int place[NET_MAX_LAYERS + 1] = {-1}; /* [i + 1]: the layer that gives what layer i gave */
    *out = (net_spec){.in = whole.in};
    for (int i = 0; i < whole.n; i++) {
        layer_spec l = whole.layer[i];
        if (!has_integer_form(l.kind))
            return FAIL(e, ERR_INPUT,
                        "layer %d (%s) cannot be stored as int8; use storage dynamic, int8-weights "
                        "or float16 for this network",
                        i, layer_table()[l.kind].name);
        if (l.kind == LAYER_ADD) l.from = place[l.from + 1];
        const activation act = l.act;
        const bool apart = l.kind != LAYER_ACTIVATION && is_spread(act);
        if (apart) l.act = ACT_NONE;
        TRY(append(out, &l, e));
        if (apart) TRY(append(out, &(layer_spec){.kind = LAYER_ACTIVATION, .act = act}, e));
        place[i + 1] = out->n - 1;
    }
    return OK;
}

point_kind calibrate_point(const net_spec *spread, int i, affine *fixed)
{
    static const bool tied[N_LAYER_KINDS] = {[LAYER_FLATTEN] = true,
                                             [LAYER_RESHAPE] = true,
                                             [LAYER_MAX_POOL2D] = true,
                                             [LAYER_AVERAGE_POOL2D] = true,
                                             [LAYER_GLOBAL_MAX_POOL2D] = true};
    if (i == 0) return POINT_OWN;
    const layer_spec *l = &spread->layer[i - 1];
    if (tied[l->kind] || (l->kind == LAYER_ACTIVATION && l->act == ACT_NONE)) return POINT_TIED;
    if (l->kind == LAYER_SOFTMAX || l->act == ACT_SIGMOID) *fixed = (affine){1.0F / 256, -128};
    if (l->act == ACT_TANH) *fixed = (affine){1.0F / 128, 0};
    return l->kind == LAYER_SOFTMAX || is_spread(l->act) ? POINT_FIXED : POINT_OWN;
}

void calibrate_affine(const net_spec *spread, const value_range *ranges, affine *out)
{
    for (int i = 0; i <= spread->n; i++) {
        const point_kind kind = calibrate_point(spread, i, &out[i]);
        if (kind == POINT_OWN) out[i] = affine_of_range(ranges[i]);
        if (kind == POINT_TIED) out[i] = out[i - 1];
    }
}

status calibration_parse(const node *json, calibration *out, err *e)
{
    static const char *const methods[] = {"min-max", "percentile"};
    int method;
    *out = (calibration){.percentile = 100};
    TRY(node_choice(json, "method", methods, 2, &method, e));
    TRY(node_int(json, "examples", 1, 1 << 30, &out->examples, e));
    if (method == 0) return OK;
    TRY(node_double(json, "percentile", &out->percentile, e));
    if (out->percentile > 50 && out->percentile <= 100) return OK;
    return FAIL(e, ERR_ARG, "parameter 'percentile' is %g; it must be above 50 and at most 100",
                out->percentile);
}

/* What is watched: the points and, behind them, the columns of the output. */
typedef struct {
    const examples *ex;
    const calibration *how;
    net net;
    int n_points, columns;
    value_range *range; /* [n_points + columns] */
    int64_t *bins;      /* [n_points + columns, BINS]; NULL in the first pass */
} watch;

static void extend_by(value_range *r, float v)
{
    if (v < r->least) r->least = v;
    if (v > r->most) r->most = v;
    if (isnan(v)) r->least = -HUGE_VALF; /* which no later value undoes */
}

/* Neighbours in eight lanes, which become vectors; NaN shows in the lanes' sums of nothing. */
static void extend_run(value_range *r, const float *x, int n)
{
    enum { LANES = 8 };
    float least[LANES], most[LANES], nothing[LANES] = {0};
    for (int l = 0; l < LANES; l++) least[l] = most[l] = x[l];
    for (int i = 0; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) {
            const float v = x[i + l];
            least[l] = v < least[l] ? v : least[l];
            most[l] = v > most[l] ? v : most[l];
            nothing[l] += v * 0;
        }
    for (int l = 0; l < LANES; l++) {
        extend_by(r, least[l]);
        extend_by(r, most[l]);
        extend_by(r, isnan(nothing[l]) ? nothing[l] : least[l]);
    }
    for (int i = n - n % LANES; i < n; i++) extend_by(r, x[i]);
}

static void extend(value_range *r, const float *x, int n, int stride)
{
    if (stride == 1 && n >= 8)
        extend_run(r, x, n);
    else
        for (int i = 0; i < n; i++) extend_by(r, x[(ptrdiff_t)i * stride]);
}

static void count(int64_t *bins, value_range r, const float *x, int n, int stride)
{
    const double width = ((double)r.most - (double)r.least) / BINS;
    for (int i = 0; i < n && width > 0; i++) {
        int bin = (int)(((double)x[(ptrdiff_t)i * stride] - (double)r.least) / width);
        bins[bin < 0 ? 0 : bin < BINS ? bin : BINS - 1]++;
    }
}

static void see(watch *w, int i, const float *x, int n, int stride)
{
    if (w->bins)
        count(w->bins + (ptrdiff_t)i * BINS, w->range[i], x, n, stride);
    else
        extend(&w->range[i], x, n, stride);
}

static void see_batch(watch *w, int B)
{
    const net *n = &w->net;
    see(w, 0, n->input, B * shape_size(n->spec.in), 1);
    for (int i = 0; i < n->spec.n; i++)
        see(w, i + 1, n->pass[i].y, B * shape_size(n->layout.shape_out[i]), 1);
    const int outputs = shape_size(n->layout.shape_out[n->spec.n - 1]);
    for (int c = 0; c < w->columns; c++)
        see(w, w->n_points + c, n->output + c, B * (outputs / w->columns), w->columns);
}

/* Example k of m stands at k * n / m of the training part. */
static void see_examples(watch *w)
{
    const int n = w->ex->n[PART_TRAIN], size = shape_size(w->ex->in);
    const int m = w->how->examples < n ? w->how->examples : n;
    for (int first = 0; first < m; first += BATCH) {
        const int B = m - first < BATCH ? m - first : BATCH;
        for (int b = 0; b < B; b++)
            w->ex->fetch(w->ex, PART_TRAIN, (int)((int64_t)(first + b) * n / m), 1,
                         w->net.input + (ptrdiff_t)b * size, NULL);
        net_forward(&w->net, B);
        see_batch(w, B);
    }
}

/* The bounds outside of which `share` of the counted values lie, on each side. */
static value_range cut_tails(const int64_t *bins, value_range r, double share)
{
    int64_t total = 0, seen = 0;
    int first = 0, last = BINS - 1;
    for (int i = 0; i < BINS; i++) total += bins[i];
    while (first < last && (double)(seen + bins[first]) <= share * (double)total)
        seen += bins[first++];
    for (seen = 0; last > first && (double)(seen + bins[last]) <= share * (double)total;)
        seen += bins[last--];
    const double width = ((double)r.most - (double)r.least) / BINS;
    return (value_range){(float)((double)r.least + first * width),
                         (float)((double)r.least + (last + 1) * width)};
}

static status observe(watch *w, arena *a, err *e)
{
    const int n = w->n_points + w->columns;
    see_examples(w);
    for (int i = 0; i < n; i++)
        if (!isfinite(w->range[i].least) || !isfinite(w->range[i].most))
            return FAIL(e, ERR_NUM,
                        "an activation is not finite: the network cannot be calibrated");
    if (w->how->percentile >= 100) return OK;
    w->bins = ARENA_NEW(a, int64_t, n * BINS);
    if (!w->bins) return FAIL(e, ERR_MEM, "out of memory for a calibration");
    see_examples(w);
    for (int i = 0; i < n; i++)
        w->range[i] =
            cut_tails(w->bins + (ptrdiff_t)i * BINS, w->range[i], 1 - w->how->percentile / 100);
    return OK;
}

status calibrate(const net_spec *spread, const float *params, const examples *ex,
                 const calibration *how, int columns, arena *a, value_range *ranges,
                 value_range *of_column, err *e)
{
    const int n_points = spread->n + 1, n = n_points + columns;
    if (ex->n[PART_TRAIN] < 1) return FAIL(e, ERR_INPUT, "there are no examples to calibrate with");
    arena_mark_t mark = arena_mark(a);
    watch *w = ARENA_NEW(a, watch, 1);
    float *own = NULL;
    status s = w ? OK : FAIL(e, ERR_MEM, "out of memory for a calibration");
    if (s == OK) {
        *w = (watch){.ex = ex, .how = how, .n_points = n_points, .columns = columns};
        w->range = ARENA_NEW(a, value_range, n);
        s = net_build(&w->net, spread, BATCH, NULL, a, e);
        own = w->net.params;
    }
    if (s == OK && !w->range) s = FAIL(e, ERR_MEM, "out of memory for a calibration");
    if (s == OK) {
        memcpy(own, params, (size_t)w->net.layout.n_params * sizeof *own);
        for (int i = 0; i < n; i++) w->range[i] = (value_range){HUGE_VALF, -HUGE_VALF};
        s = observe(w, a, e);
    }
    if (s == OK) memcpy(ranges, w->range, (size_t)n_points * sizeof *ranges);
    if (s == OK && columns)
        memcpy(of_column, w->range + n_points, (size_t)columns * sizeof *ranges);
    arena_release(a, mark);
    return s;
}

status calibrate_columns(const net_spec *s, int *columns, err *e)
{
    net_layout *l = &(net_layout){0};
    TRY(net_layout_make(s, l, e));
    const shape out = l->shape_out[s->n - 1];
    *columns = out.dim[out.rank - 1];
    if (out.rank == 2 && *columns <= CHECKPOINT_MAX_OUTPUTS &&
        checkpoint_scaled_layer(s, *columns) >= 0)
        return OK;
    return FAIL(
        e, ERR_INPUT,
        "heads: per-output needs an output of steps times columns from a dense layer with a "
        "bias and without activation; use heads: joint for this network");
}

/* Rows of the kernel and of the bias take turns among the columns. */
static void rescale_rows(const net_tensor *t, int columns, const float *scale, const float *shift,
                         float *w)
{
    const int rows = t->dims.dim[0], n = t->size / rows;
    for (int r = 0; r < rows; r++) {
        const int c = r % columns;
        if (t->role == ROLE_BIAS) w[r] -= shift[c];
        for (int i = 0; i < n; i++) w[r * n + i] /= scale[c];
    }
}

void calibrate_head(value_range r, float *scale, float *shift)
{
    const float half = (r.most - r.least) / 2;
    *shift = r.least + half;
    *scale = half > 0 ? half : 1;
}

status calibrate_heads(const net_spec *spread, int columns, const value_range *of_column,
                       float *params, value_range *ranges, float *scale, float *shift, err *e)
{
    const int layer = checkpoint_scaled_layer(spread, columns);
    net_layout *l = &(net_layout){0};
    TRY(net_layout_make(spread, l, e));
    for (int c = 0; c < columns; c++) calibrate_head(of_column[c], &scale[c], &shift[c]);
    for (int i = 0; i < l->n_tensors; i++)
        if (l->tensor[i].layer == layer)
            rescale_rows(&l->tensor[i], columns, scale, shift, params + l->tensor[i].offset);
    ranges[layer + 1] = (value_range){-1, 1};
    return OK;
}
