/* Quantization-aware training: its gradients, its state, and the files that come of it. */
#include "engine/base/rng.h"
#include "engine/compress/fake_quant.h"
#include "engine/nn/fold.h"
#include "engine/nn/net.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/writer.h"
#include "tests/support/nets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { B = 6 };

#define IMAGE_NET(pool)                                                                         \
    "{\"input\":[6,5,2],\"layers\":["                                                           \
    "{\"kind\":\"conv2d\",\"filters\":5,\"kernel\":[3,3],\"padding\":\"same\",\"bias\":false}," \
    "{\"kind\":\"batch-norm\",\"activation\":\"relu\"},"                                        \
    "{\"kind\":\"depthwise-conv2d\",\"kernel\":[3,3],\"padding\":\"same\",\"activation\":"      \
    "\"tanh\"},"                                                                                \
    "{\"kind\":\"batch-norm\"},"                                                                \
    "{\"kind\":\"add\",\"from\":1},"                                                            \
    "{\"kind\":\"" pool "-pool2d\",\"size\":[2,2],\"stride\":[2,2]},"                           \
    "{\"kind\":\"conv2d\",\"filters\":6,\"kernel\":[1,1]},"                                     \
    "{\"kind\":\"batch-norm\",\"activation\":\"relu6\"},"                                       \
    "{\"kind\":\"global-average-pool2d\"},{\"kind\":\"dense\",\"units\":4}]}"

static const char series_net[] =
    "{\"input\":[6,2],\"layers\":["
    "{\"kind\":\"conv1d\",\"filters\":6,\"kernel\":3,\"activation\":\"relu\"},{\"kind\":"
    "\"flatten\"},"
    "{\"kind\":\"dense\",\"units\":8,\"activation\":\"sigmoid\"},"
    "{\"kind\":\"dense\",\"units\":6},{\"kind\":\"reshape\",\"to\":[3,2]}]}";

static void fetch_noise(const examples *ex, part p, int first, int count, float *x, float *y)
{
    const int n = shape_size(ex->in);
    for (int i = 0; i < count; i++) {
        rng r = rng_stream((uint64_t)(first + i), RNG_TEST, (uint64_t)p + 20);
        for (int k = 0; k < n; k++) x[i * n + k] = rng_normal(&r);
        if (y) y[i] = (float)(first % 4);
    }
}

typedef struct {
    arena a;
    train_config c;
    examples ex;
    checkpoint state;
    train_surrogate g;
    net ran;
} setting;

/* Parameters as training could leave them. */
static void stir(checkpoint *s, rng *r)
{
    net_layout l;
    cr_assert_eq(net_layout_make(&s->net, &l, NULL), OK);
    for (int i = 0; i < l.n_tensors; i++)
        for (int j = 0; j < l.tensor[i].size; j++) {
            const tensor_role role = l.tensor[i].role;
            const bool positive = role == ROLE_MOVING_VARIANCE || role == ROLE_GAMMA;
            s->params[l.tensor[i].offset + j] =
                positive ? 0.5F + rng_float(r) : 0.4F * rng_normal(r);
        }
}

static void open_setting(setting *s, const char *json, bool standardized, bool heads, uint64_t seed)
{
    err e = {0};
    const fake_quant_config q = {.calibration = {20, 100}, .decay = 0.9, .heads = heads};
    arena_init(&s->a, 0);
    s->c = toy_config(json);
    s->ex = (examples){.in = s->c.net.in, .n = {40, 10, 0}, .n_classes = 4, .fetch = fetch_noise};
    cr_assert_eq(checkpoint_make(&s->state, &s->c.net, 2, &s->a, &e), OK, "%s", e.msg);
    s->state.standardized = standardized;
    s->state.n_outputs = 2;
    s->state.label_mean[0] = 9;
    s->state.label_mean[1] = 76;
    s->state.label_std[0] = 8;
    s->state.label_std[1] = 16;
    rng r = rng_stream(seed, RNG_TEST, 0);
    stir(&s->state, &r);
    cr_assert_eq(fake_quant_open(&q, &s->c, &s->ex, &s->state, &s->a, &s->g, &e), OK, "%s", e.msg);
    cr_assert_eq(net_build(&s->ran, s->g.net, B, NULL, &s->a, &e), OK, "%s", e.msg);
    fetch_noise(&s->ex, PART_VAL, 0, B, s->ran.input, NULL);
    s->g.derive(s->g.user, s->state.params, s->ran.params);
}

/* --- the gradient --- */

/* Straight-through gradients are those of a smooth function: at the point where it is derived, each
 * quantization adds the constant that it changed its value by, or gives a constant where it held it. */
typedef struct {
    setting s;
    float *weight_offset; /* of the running network's parameters */
    float *offset[NET_MAX_LAYERS],
        *held[NET_MAX_LAYERS]; /* of fake-quant layers; held: a value, or NaN */
    float *slope;
} smooth;

static bool is_steps(const smooth *m, int i)
{
    return m->s.g.net->layer[i].kind == LAYER_FAKE_QUANT;
}

static void freeze(smooth *m)
{
    net *n = &m->s.ran;
    arena *a = &m->s.a;
    net_folding *f = ARENA_NEW(a, net_folding, 1);
    cr_assert_eq(net_folding_make(f, &m->s.c.net, NULL), OK);
    float *folded = ARENA_NEW(a, float, f->to.n_params);
    net_folding_apply(f, m->s.state.params, folded);
    m->weight_offset = ARENA_NEW(a, float, n->layout.n_params);
    for (int i = 0, k = 0; i < n->layout.n_tensors; i++) {
        const net_tensor *t = &n->layout.tensor[i];
        if (t->role == ROLE_STEPS) continue;
        const float *from = folded + f->to.tensor[k++].offset;
        for (int j = 0; j < t->size; j++)
            m->weight_offset[t->offset + j] = n->params[t->offset + j] - from[j];
    }
    net_forward(n, B);
    for (int i = 0; i < m->s.g.net->n; i++) {
        if (!is_steps(m, i)) continue;
        const layer_pass *p = &n->pass[i];
        const int size = B * shape_size(p->in), columns = p->spec->units;
        m->offset[i] = ARENA_NEW(a, float, size);
        m->held[i] = ARENA_NEW(a, float, size);
        for (int j = 0; j < size; j++) {
            const float *w = p->w[0] + j % columns;
            const float u = p->x[j] * w[2 * columns] + w[3 * columns];
            const bool out = u < (-128 - w[columns]) * w[0] || u > (127 - w[columns]) * w[0];
            m->offset[i][j] = p->y[j] - p->x[j];
            m->held[i][j] = out ? p->y[j] : NAN;
        }
    }
}

/* The smooth function's weighted outputs with these trained parameters. */
static double smooth_value(smooth *m, const net_folding *f, const float *params, float *folded)
{
    net *n = &m->s.ran;
    net_folding_apply(f, params, folded);
    for (int i = 0, k = 0; i < n->layout.n_tensors; i++) {
        const net_tensor *t = &n->layout.tensor[i];
        if (t->role == ROLE_STEPS) continue;
        const float *from = folded + f->to.tensor[k++].offset;
        for (int j = 0; j < t->size; j++)
            n->params[t->offset + j] = from[j] + m->weight_offset[t->offset + j];
    }
    for (int i = 0; i < m->s.g.net->n; i++) {
        layer_pass *p = &n->pass[i];
        const layer_ops *ops = layer_find(m->s.g.net->layer[i].kind);
        p->B = B;
        if (ops->begin) ops->begin(p);
        if (ops->forward && !is_steps(m, i)) ops->forward(p);
        for (int j = 0; is_steps(m, i) && j < B * shape_size(p->in); j++)
            p->y[j] = isnan(m->held[i][j]) ? p->x[j] + m->offset[i][j] : m->held[i][j];
    }
    double sum = 0;
    const int outputs = B * shape_size(n->layout.shape_out[n->spec.n - 1]);
    for (int i = 0; i < outputs; i++) sum += (double)n->output[i] * (double)m->slope[i];
    return sum;
}

static void check_gradient(const char *json, bool standardized, bool heads, uint64_t seed)
{
    smooth *m = calloc(1, sizeof *m);
    open_setting(&m->s, json, standardized, heads, seed);
    arena *a = &m->s.a;
    net *n = &m->s.ran;
    const int params = m->s.state.n_params;
    const int outputs = B * shape_size(n->layout.shape_out[n->spec.n - 1]);
    rng r = rng_stream(seed, RNG_TEST, 1);
    m->slope = ARENA_NEW(a, float, outputs);
    for (int i = 0; i < outputs; i++) m->slope[i] = rng_normal(&r);
    freeze(m);
    memcpy(n->output_gradient, m->slope, (size_t)outputs * sizeof *m->slope);
    net_backward(n, B);
    float *gradient = ARENA_NEW(a, float, params), *direction = ARENA_NEW(a, float, params);
    m->s.g.carry_back(m->s.g.user, m->s.state.params, n->gradients, gradient);
    net_folding *f = ARENA_NEW(a, net_folding, 1);
    cr_assert_eq(net_folding_make(f, &m->s.c.net, NULL), OK);
    float *folded = ARENA_NEW(a, float, f->to.n_params), *moved = ARENA_NEW(a, float, params);
    for (int k = 0; k < 4; k++) {
        double got = 0, size = 0, value[3];
        const double step = 0x1p-9;
        for (int i = 0; i < params; i++) direction[i] = rng_normal(&r) / sqrtf((float)params);
        for (int i = 0; i < f->from.n_tensors; i++) /* frozen */
            for (int j = 0;
                 f->from.tensor[i].role >= ROLE_MOVING_MEAN && j < f->from.tensor[i].size; j++)
                direction[f->from.tensor[i].offset + j] = 0;
        for (int i = 0; i < params; i++) {
            const double term = (double)gradient[i] * (double)direction[i];
            got += term, size += term * term;
        }
        for (int v = -1; v <= 1; v++) {
            for (int i = 0; i < params; i++)
                moved[i] = m->s.state.params[i] + (float)(v * step) * direction[i];
            value[v + 1] = smooth_value(m, f, moved, folded);
        }
        const double want = (value[2] - value[0]) / (2 * step);
        const double kink = fabs(value[2] + value[0] - 2 * value[1]) / step;
        const double bound = 4e-3 * sqrt(size) + kink + 1e-3;
        cr_expect_leq(fabs(got - want), bound, "seed %d: %g, finite difference %g (bound %g)",
                      (int)seed, got, want, bound);
    }
    arena_free(&m->s.a);
    free(m);
}

Test(fake_quant, gradients_are_those_of_the_straight_through_function)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        check_gradient(IMAGE_NET("average"), false, false, seed);
        check_gradient(series_net, seed % 2, seed % 4 > 1, seed);
    }
}

/* --- what runs is what is exported: but averages of a few values, which come to ties in an order
 * of sums --- */

static float *run_file(setting *s, bool heads, float *x, int n_out, float *step)
{
    err e = {0};
    net_spec spread;
    float *weights = ARENA_NEW(&s->a, float, s->state.n_params), *folded;
    affine points[NET_MAX_POINTS];
    value_range ranges[NET_MAX_POINTS], columns[2];
    float head_scale[2], head_shift[2];
    buf file = {0};
    interpreter *it;
    checkpoint_final_weights(&s->state, weights);
    cr_assert_eq(net_fold(&s->c.net, weights, &s->a, &spread, &folded, &e), OK, "%s", e.msg);
    cr_assert_eq(calibrate_spread(&spread, &spread, &e), OK, "%s", e.msg);
    cr_assert_eq(fake_quant_ranges(&s->state, &spread, heads ? 2 : 0, ranges, columns, &e), OK,
                 "%s", e.msg);
    if (heads)
        cr_assert_eq(
            calibrate_heads(&spread, 2, columns, folded, ranges, head_scale, head_shift, &e), OK,
            "%s", e.msg);
    calibrate_affine(&spread, ranges, points);
    const tflite_options o = {.storage = STORE_INT8,
                              .points = points,
                              .heads = heads,
                              .head_scale = head_scale,
                              .head_shift = head_shift};
    cr_assert_eq(tflite_write(&spread, folded, &o, &s->a, &file, &e), OK, "%s", e.msg);
    const char *copy = arena_copy(&s->a, file.data, file.len);
    cr_assert_eq(interpreter_open(&s->a, copy, file.len, &it, &e), OK, "%s", e.msg);
    buf_free(&file);
    float *y = ARENA_NEW(&s->a, float, B *n_out);
    for (int b = 0; b < B; b++) {
        tfl_port_put(interpreter_input(it, 0), x + b * shape_size(s->c.net.in),
                     shape_size(s->c.net.in));
        interpreter_invoke(it);
        tfl_port_get(interpreter_output(it, 0), y + b * n_out, n_out);
    }
    for (int c = 0; c < 2; c++) step[c] = points[spread.n].scale * (heads ? head_scale[c] : 1);
    return y;
}

/* Counts outputs that are off, and checks that none is by more than a few steps. */
static int count_different(const char *json, bool standardized, bool heads, uint64_t seed,
                           int *total)
{
    setting *s = calloc(1, sizeof *s);
    int different = 0;
    float step[2];
    open_setting(s, json, standardized, heads, seed);
    const int n_out = shape_size(s->ran.layout.shape_out[s->ran.spec.n - 1]);
    float *x = ARENA_NEW(&s->a, float, B *shape_size(s->c.net.in));
    fetch_noise(&s->ex, PART_VAL, 0, B, x, NULL);
    net_forward(&s->ran, B);
    const float *got = run_file(s, heads, x, n_out, step);
    for (int i = 0; i < B * n_out; i++) {
        const int c = i % 2;
        const float mean = standardized ? s->state.label_mean[c] : 0;
        const float std = standardized ? s->state.label_std[c] : 1;
        const float off = fabsf(got[i] - (s->ran.output[i] * std + mean)) / step[c];
        cr_expect_lt(off, 6.5, "seed %d output %d: %g steps off", (int)seed, i, (double)off);
        different += off > 0.5F;
    }
    *total += B * n_out;
    arena_free(&s->a);
    free(s);
    return different;
}

Test(fake_quant, files_compute_what_the_trained_passes_do)
{
    int different = 0, total = 0;
    for (uint64_t seed = 0; seed < 25; seed++) {
        different += count_different(IMAGE_NET("max"), false, false, seed, &total);
        for (int k = 0; k < 4; k++)
            different += count_different(series_net, k % 2, k > 1, seed, &total);
    }
    cr_expect_leq(different, total / 40, "%d of %d outputs are off", different, total);
}

/* Mean error of the first column's outputs, the temperature's, that the file's integers bring. */
static double column_error(bool heads, uint64_t seed)
{
    setting *s = calloc(1, sizeof *s);
    net whole;
    float step[2];
    double sum = 0;
    open_setting(s, series_net, true, heads, seed);
    float *x = ARENA_NEW(&s->a, float, B * 12);
    fetch_noise(&s->ex, PART_TRAIN, 0, B, x, NULL); /* calibration has seen them */
    cr_assert_eq(net_build(&whole, &s->c.net, B, NULL, &s->a, NULL), OK);
    checkpoint_final_weights(&s->state, whole.params);
    memcpy(whole.input, x, B * 12 * sizeof *x);
    net_forward(&whole, B);
    const float *got = run_file(s, heads, x, 6, step);
    for (int i = 0; i < B * 6; i += 2) sum += fabs((double)got[i] - (double)whole.output[i]);
    arena_free(&s->a);
    free(s);
    return sum / (B * 3);
}

Test(fake_quant, columns_with_steps_of_their_own_lose_less)
{
    double joint = 0, apart = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        joint += column_error(false, seed);
        apart += column_error(true, seed);
    }
    cr_expect_lt(apart, 0.6 * joint, "%g and %g", apart, joint);
}

/* --- the state --- */

static void run_epochs(setting *s, int from, int to, const char *json, arena *a, checkpoint *state)
{
    err e = {0};
    const fake_quant_config q = {.calibration = {30, 100}, .decay = 0.99, .heads = true};
    train_surrogate g;
    (void)json;
    cr_assert_eq(fake_quant_open(&q, &s->c, &s->ex, state, a, &g, &e), OK, "%s", e.msg);
    const train_hooks hooks = {.surrogate = &g};
    cr_assert_eq(train_run(&s->c, &s->ex, state, from, to, &hooks, NULL, NULL, a, &e), OK, "%s",
                 e.msg);
}

Test(fake_quant, going_on_from_a_checkpoint_gives_the_bytes_of_training_at_once)
{
    setting s = {0};
    err e = {0};
    checkpoint *half = calloc(1, sizeof *half), *again = calloc(1, sizeof *again);
    buf whole = {0}, first = {0}, parts = {0};
    arena_init(&s.a, 0);
    s.c = toy_config(series_net);
    s.c.standardized = s.c.keep_best = true;
    toy_examples(&s.ex, 200, 50, 3);
    cr_assert_eq(train_begin(&s.c, &s.ex, &s.a, &s.state, &e), OK, "%s", e.msg);
    run_epochs(&s, 0, 4, series_net, &s.a, &s.state);
    cr_assert_eq(checkpoint_write(&s.state, &whole, &e), OK);
    cr_assert_eq(train_begin(&s.c, &s.ex, &s.a, half, &e), OK, "%s", e.msg);
    run_epochs(&s, 0, 2, series_net, &s.a, half);
    cr_assert_eq(checkpoint_write(half, &first, &e), OK);
    cr_assert_eq(checkpoint_read(&s.a, first.data, first.len, again, &e), OK, "%s", e.msg);
    run_epochs(&s, 2, 4, series_net, &s.a, again);
    cr_assert_eq(checkpoint_write(again, &parts, &e), OK);
    cr_expect_gt(s.state.n_ranges, 0);
    cr_assert_eq(whole.len, parts.len);
    cr_expect_arr_eq(whole.data, parts.data, whole.len);
    buf_free(&whole);
    buf_free(&first);
    buf_free(&parts);
    free(half);
    free(again);
    arena_free(&s.a);
}

Test(fake_quant, ranges_follow_the_weights)
{
    err e = {0};
    net_layout l;
    setting *s = calloc(1, sizeof *s);
    open_setting(s, series_net, false, false, 1);
    const value_range input = s->state.range[0], before = s->state.range[1];
    cr_assert_eq(net_layout_make(&s->c.net, &l, NULL), OK);
    for (int i = 0; i < l.n_tensors; i++) /* the first layer gives twice as much */
        for (int j = 0; l.tensor[i].layer == 0 && j < l.tensor[i].size; j++)
            s->state.params[l.tensor[i].offset + j] *= 2;
    cr_assert_eq(s->g.settle(s->g.user, &e), OK, "%s", e.msg);
    cr_expect_eq(s->state.range[0].least, input.least);
    cr_expect_gt(before.most, 0.1F);
    cr_expect_float_eq(s->state.range[1].most, 0.9F * before.most + 0.1F * 2 * before.most, 1e-5);
    arena_free(&s->a);
    free(s);
}

Test(fake_quant, a_training_without_ranges_has_none_to_export)
{
    checkpoint *state = calloc(1, sizeof *state);
    net_spec *spread = calloc(1, sizeof *spread);
    err e = {0};
    cr_expect_eq(fake_quant_ranges(state, spread, 0, NULL, NULL, &e), ERR_ARG);
    cr_expect(strstr(e.msg, "was not quantization-aware"), "%s", e.msg);
    free(state);
    free(spread);
}
