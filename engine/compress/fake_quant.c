#include "engine/compress/fake_quant.h"

#include "engine/nn/fold.h"

#include <string.h>

typedef struct {
    fake_quant_config config;
    checkpoint *state;
    const examples *ex;
    arena *a;
    net_folding fold;
    net_spec spread, ran;
    net_layout layout;            /* of `ran` */
    int place[NET_MAX_POINTS];    /* the layer of `ran` that gives each point; -1: the input */
    int point_of[NET_MAX_LAYERS]; /* of a fake-quant layer in `ran`: its point */
    int scaled;  /* spread layer whose rows take turns among the columns; -1: none */
    int columns; /* of the output; 1 when nothing tells them apart */
    float *folded, *d_folded, *scales;
    int8_t *q;
} fake_quant;

status fake_quant_parse(const node *json, fake_quant_config *out, err *e)
{
    static const char *const heads[] = {"joint", "per-output"};
    node *map;
    int head = 0;
    TRY(node_map(json, "calibration", &map, e));
    TRY(calibration_parse(map, &out->calibration, e));
    TRY(node_double(json, "decay", &out->decay, e));
    if (node_get(json, "heads")) TRY(node_choice(json, "heads", heads, 2, &head, e));
    out->heads = head == 1;
    if (out->decay >= 0 && out->decay < 1) return OK;
    return FAIL(e, ERR_ARG, "parameter 'decay' is %g; it must be from 0 to below 1", out->decay);
}

/* --- the network that runs --- */

static status append(net_spec *s, const layer_spec *l, err *e)
{
    if (s->n == NET_MAX_LAYERS)
        return FAIL(e, ERR_INPUT,
                    "quantization-aware training adds a layer behind each; this network would have "
                    "more than %d",
                    NET_MAX_LAYERS);
    s->layer[s->n++] = *l;
    return OK;
}

/* A softmax at the end is left to the loss, which works on what it reads. */
static bool has_steps(const net_spec *spread, int point)
{
    affine fixed;
    const layer_kind kind = point > 0 ? spread->layer[point - 1].kind : LAYER_FLATTEN;
    if (kind == LAYER_SOFTMAX) return point < spread->n;
    return kind == LAYER_AVERAGE_POOL2D || calibrate_point(spread, point, &fixed) != POINT_TIED;
}

static status append_steps(fake_quant *f, int point, err *e)
{
    const bool apart = f->scaled >= 0 && point == f->scaled + 1;
    if (has_steps(&f->spread, point)) {
        f->point_of[f->ran.n] = point;
        const layer_spec l = {.kind = LAYER_FAKE_QUANT, .units = apart ? f->columns : 1};
        TRY(append(&f->ran, &l, e));
    }
    f->place[point] = f->ran.n - 1;
    return OK;
}

static status derive_net(fake_quant *f, err *e)
{
    f->ran.in = f->spread.in;
    TRY(append_steps(f, 0, e));
    for (int i = 0; i < f->spread.n; i++) {
        layer_spec l = f->spread.layer[i];
        if (l.kind == LAYER_ADD) l.from = f->place[l.from + 1];
        TRY(append(&f->ran, &l, e));
        TRY(append_steps(f, i + 1, e));
    }
    return net_layout_make(&f->ran, &f->layout, e);
}

/* --- steps --- */

/* From what is trained to physical units. */
static float label_std(const checkpoint *s, int column)
{
    return s->standardized ? s->label_std[column] : 1;
}

static float label_mean(const checkpoint *s, int column)
{
    return s->standardized ? s->label_mean[column] : 0;
}

/* x * stretch + shift is what the file's integers stand for in a column of the output. */
static void column_steps(const fake_quant *f, int column, float *stretch, float *shift)
{
    const float std = label_std(f->state, column), mean = label_mean(f->state, column);
    float scale = 1, middle = 0;
    if (f->config.heads) calibrate_head(f->state->range[f->spread.n + 1 + column], &scale, &middle);
    *stretch = std / scale;
    *shift = (mean - middle) / scale;
}

static void current_points(const fake_quant *f, affine *points)
{
    value_range ranges[NET_MAX_POINTS];
    memcpy(ranges, f->state->range, (size_t)(f->spread.n + 1) * sizeof *ranges);
    if (f->config.heads) ranges[f->scaled + 1] = (value_range){-1, 1};
    calibrate_affine(&f->spread, ranges, points);
}

static void put_steps(const fake_quant *f, int layer, const affine *points, float *w)
{
    const int n = f->ran.layer[layer].units, point = f->point_of[layer];
    const bool apart = f->scaled >= 0 && point == f->scaled + 1;
    for (int c = 0; c < n; c++) {
        w[c] = points[point].scale;
        w[n + c] = (float)points[point].zero;
        w[2 * n + c] = 1;
        w[3 * n + c] = 0;
        if (apart) column_steps(f, c, &w[2 * n + c], &w[3 * n + c]);
    }
}

/* --- weights --- */

static scale_axis axis_of(layer_kind kind)
{
    return kind == LAYER_DENSE              ? SCALE_TENSOR
           : kind == LAYER_DEPTHWISE_CONV2D ? SCALE_COLUMNS
                                            : SCALE_ROWS;
}

/* Rows to the units that the file has them in, or back. */
static void stretch_rows(const fake_quant *f, const net_tensor *t, bool back, float *w)
{
    const int rows = t->dims.dim[0], n = t->size / rows;
    for (int r = 0; r < rows; r++) {
        float stretch, shift;
        column_steps(f, r % f->columns, &stretch, &shift);
        for (int i = 0; i < n; i++) w[r * n + i] *= back ? 1 / stretch : stretch;
    }
}

/* A kernel as the file will hold it. */
static void settle_kernel(const fake_quant *f, const net_tensor *t, float *w)
{
    const scale_axis axis = axis_of(f->ran.layer[t->layer].kind);
    const int last = t->dims.dim[t->dims.rank - 1];
    const int n = axis == SCALE_TENSOR ? 1 : axis == SCALE_ROWS ? t->dims.dim[0] : last;
    const bool apart = f->scaled >= 0 && f->place[f->scaled + 1] == t->layer + 1;
    if (apart) stretch_rows(f, t, false, w);
    int8_encode_kernel(f->q, f->scales, w, (size_t)t->size, axis, n, NULL);
    for (int i = 0; i < t->size; i++)
        w[i] = f->scales[axis == SCALE_COLUMNS ? i % n : i / (t->size / n)] * (float)f->q[i];
    if (apart) stretch_rows(f, t, true, w);
}

static void derive(void *user, const float *trained, float *params)
{
    const fake_quant *f = user;
    affine points[NET_MAX_POINTS];
    net_folding_apply(&f->fold, trained, f->folded);
    current_points(f, points);
    for (int i = 0, k = 0; i < f->layout.n_tensors; i++) {
        const net_tensor *t = &f->layout.tensor[i];
        float *w = params + t->offset;
        if (t->role == ROLE_STEPS) {
            put_steps(f, t->layer, points, w);
            continue;
        }
        /* The others are those of the folded network, in order. */
        memcpy(w, f->folded + f->fold.to.tensor[k++].offset, (size_t)t->size * sizeof *w);
        if (t->role == ROLE_KERNEL) settle_kernel(f, t, w);
    }
}

static void carry_back(void *user, const float *trained, float *gradients, float *of_trained)
{
    const fake_quant *f = user;
    for (int i = 0, k = 0; i < f->layout.n_tensors; i++) {
        const net_tensor *t = &f->layout.tensor[i];
        if (t->role != ROLE_STEPS)
            memcpy(f->d_folded + f->fold.to.tensor[k++].offset, gradients + t->offset,
                   (size_t)t->size * sizeof *gradients);
    }
    net_folding_carry_back(&f->fold, trained, f->d_folded, of_trained);
    memset(gradients, 0, (size_t)f->layout.n_params * sizeof *gradients);
}

/* --- ranges --- */

/* Ranges of the network as it is now, in its own arithmetic and physical units. */
static status observe(const fake_quant *f, value_range *ranges, err *e)
{
    arena_mark_t mark = arena_mark(f->a);
    const int columns = f->config.heads ? f->columns : 0;
    float *weights = ARENA_NEW(f->a, float, f->state->n_params);
    status code = weights ? OK : FAIL(e, ERR_MEM, "out of memory for a calibration");
    if (code == OK) {
        checkpoint_scale_weights(f->state, f->state->params, weights);
        net_folding_apply(&f->fold, weights, f->folded);
        code = calibrate(&f->spread, f->folded, f->ex, &f->config.calibration, columns, f->a, ranges,
                         ranges + f->spread.n + 1, e);
    }
    arena_release(f->a, mark);
    return code;
}

static int count_ranges(const fake_quant *f)
{
    return f->spread.n + 1 + (f->config.heads ? f->columns : 0);
}

static status settle(void *user, err *e)
{
    fake_quant *f = user;
    value_range seen[CHECKPOINT_MAX_RANGES];
    const float keep = (float)f->config.decay;
    TRY(observe(f, seen, e));
    for (int i = 0; i < f->state->n_ranges; i++) {
        value_range *r = &f->state->range[i];
        r->least = keep * r->least + (1 - keep) * seen[i].least;
        r->most = keep * r->most + (1 - keep) * seen[i].most;
    }
    return OK;
}

static status begin_ranges(fake_quant *f, err *e)
{
    if (f->state->epoch > 0)
        return FAIL(e, ERR_ARG, "the earlier epochs were not quantization-aware");
    TRY(observe(f, f->state->range, e));
    f->state->n_ranges = count_ranges(f);
    return OK;
}

/* --- making it --- */

static status take_scratch(fake_quant *f, arena *a, err *e)
{
    int most = 1;
    for (int i = 0; i < f->layout.n_tensors; i++)
        if (f->layout.tensor[i].size > most) most = f->layout.tensor[i].size;
    f->folded = ARENA_NEW(a, float, f->fold.to.n_params);
    f->d_folded = ARENA_NEW(a, float, f->fold.to.n_params);
    f->q = ARENA_NEW(a, int8_t, most);
    f->scales = ARENA_NEW(a, float, most);
    if (f->folded && f->d_folded && f->q && f->scales) return OK;
    return FAIL(e, ERR_MEM, "out of memory for quantization-aware training");
}

static status find_columns(fake_quant *f, err *e)
{
    f->columns = 1;
    f->scaled = -1;
    if (f->config.heads) TRY(calibrate_columns(&f->spread, &f->columns, e));
    if (f->state->standardized) f->columns = f->state->n_outputs;
    if (f->config.heads || f->state->standardized)
        f->scaled = checkpoint_scaled_layer(&f->spread, f->columns);
    return OK;
}

status fake_quant_open(const fake_quant_config *q, const train_config *c, const examples *ex,
                       checkpoint *state, arena *a, train_surrogate *out, err *e)
{
    fake_quant *f = ARENA_NEW(a, fake_quant, 1);
    if (!f) return FAIL(e, ERR_MEM, "out of memory for quantization-aware training");
    f->config = *q;
    f->state = state;
    f->ex = ex;
    f->a = a;
    TRY(net_folding_make(&f->fold, &c->net, e));
    TRY(calibrate_spread(&f->fold.folded, &f->spread, e));
    TRY(find_columns(f, e));
    TRY(derive_net(f, e));
    TRY(take_scratch(f, a, e));
    if (state->n_ranges == 0) TRY(begin_ranges(f, e));
    if (state->n_ranges != count_ranges(f))
        return FAIL(e, ERR_ARG, "the earlier epochs followed other ranges");
    *out = (train_surrogate){f, &f->ran, derive, carry_back, settle};
    return OK;
}

status fake_quant_ranges(const checkpoint *state, const net_spec *spread, int columns,
                         value_range *ranges, value_range *of_column, err *e)
{
    const value_range *kept = checkpoint_kept_ranges(state);
    const int n_points = spread->n + 1;
    if (state->n_ranges != n_points + columns)
        return FAIL(e, ERR_ARG,
                    state->n_ranges
                        ? "the training was aware of other heads than the file is to have"
                        : "a training that was not quantization-aware needs a calibration");
    memcpy(ranges, kept, (size_t)n_points * sizeof *kept);
    memcpy(of_column, kept + n_points, (size_t)columns * sizeof *kept);
    return OK;
}
