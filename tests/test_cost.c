/* What is known before training is what the exported network then has. */
#include "engine/base/rng.h"
#include "engine/compress/calibrate.h"
#include "engine/measure/cost.h"
#include "engine/nn/fold.h"
#include "engine/nn/net.h"
#include "engine/tflite/interpreter.h"
#include "tests/support/nets.h"
#include "tests/support/random_net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static arena a;

static void open_arena(void)
{
    arena_init(&a, 0);
}

static void close_arena(void)
{
    arena_free(&a);
}

TestSuite(cost, .init = open_arena, .fini = close_arena);

static net_spec net_of(const char *json)
{
    net_spec s;
    err e = {0};
    cr_assert_eq(net_from_text(json, &s, &e), OK, "%s", e.msg);
    return s;
}

/* A network as after training: no statistic of a batch norm is what it began with. */
static void trained(net *n, const net_spec *spec)
{
    err e = {0};
    rng r = rng_stream(1, RNG_TEST, 0);
    cr_assert_eq(net_build(n, spec, 1, NULL, &a, &e), OK, "%s", e.msg);
    cr_assert_eq(net_init_weights(n, 1, &a, &e), OK, "%s", e.msg);
    for (int t = 0; t < n->layout.n_tensors; t++) {
        const net_tensor *p = &n->layout.tensor[t];
        const bool is_positive = p->role == ROLE_MOVING_VARIANCE || p->role == ROLE_GAMMA;
        for (int i = 0; p->role >= ROLE_GAMMA && i < p->size; i++)
            n->params[p->offset + i] = is_positive ? 0.5F + rng_float(&r) : 0.2F * rng_normal(&r);
    }
    for (int i = 0; i < shape_size(spec->in); i++) n->input[i] = rng_normal(&r);
}

static interpreter *exported(const net *n, const tflite_options *o, size_t *bytes)
{
    err e = {0};
    interpreter *it;
    float *folded;
    buf file = {0};
    net_spec *spec = ARENA_NEW(&a, net_spec, 1);
    cr_assert_eq(net_fold(&n->spec, n->params, &a, spec, &folded, &e), OK, "%s", e.msg);
    if (o->storage == STORE_INT8) cr_assert_eq(calibrate_spread(spec, spec, &e), OK, "%s", e.msg);
    cr_assert_eq(tflite_write(spec, folded, o, &a, &file, &e), OK, "%s", e.msg);
    const char *copy = arena_copy(&a, file.data, file.len);
    *bytes = file.len;
    buf_free(&file);
    cr_assert_eq(interpreter_open(&a, copy, *bytes, &it, &e), OK, "%s", e.msg);
    return it;
}

/* Calls with every network of the laboratories, at two widths. */
static void for_each_net(void (*check)(const char *json))
{
    static const char *const forecast[] = {"mlp", "cnn-1d", "lstm"};
    static const char *const words[] = {"mlp", "cnn", "ds-cnn"};
    static const char *const features[] = {"mfcc", "log-mel", "stft"};
    for (int i = 0; i < 18; i++)
        check(keyword_net(&a, words[i % 3], features[i / 3 % 3], 0.1, i < 9 ? "valid" : "same"));
    for (int i = 0; i < 6; i++) check(lab_net(&a, forecast[i % 3], i < 3 ? 0.1 : 0.5, 3));
}

static void check_figures(const char *json)
{
    for (int k = 0; k < 2 * N_STORAGES; k++) {
        net n;
        net_cost cost;
        err e = {0};
        size_t bytes;
        const net_spec spec = net_of(json);
        const tflite_options o = {.storage = (weight_storage)(k / 2),
                                  .dynamic_min_elements = 64,
                                  .per_channel = k % 2,
                                  .metadata = k % 2 ? "{}" : NULL};
        if (o.storage == STORE_INT8 && spec.layer[0].kind == LAYER_LSTM) {
            cr_expect_eq(cost_of_net(&spec, &o, 0, &a, &cost, &e), ERR_INPUT);
            continue;
        }
        trained(&n, &spec);
        interpreter *it = exported(&n, &o, &bytes);
        cr_assert_eq(cost_of_net(&spec, &o, 0, &a, &cost, &e), OK, "%s", e.msg);
        cr_expect_eq(cost.flat_bytes, (int)bytes, "%s: %d, not %d", json, cost.flat_bytes,
                     (int)bytes);
        cr_expect_eq(cost.arena_bytes, (int)interpreter_arena_bytes(it), "%s", json);
        cr_expect_eq(cost.macs, interpreter_macs(it), "%s: %g, not %g", json, cost.macs,
                     interpreter_macs(it));
        cr_expect_eq(cost.n_params, n.layout.n_params, "%s", json);
        cr_expect_eq(cost.work.conv_macs + cost.work.depthwise_macs + cost.work.dense_macs,
                     cost.macs, "%s", json);
    }
}

Test(cost, figures_known_before_training_are_those_of_the_file)
{
    for_each_net(check_figures);
}

static void check_outputs(const char *json)
{
    net n;
    size_t bytes;
    const net_spec spec = net_of(json);
    const tflite_options o = {.storage = STORE_FLOAT32};
    trained(&n, &spec);
    interpreter *it = exported(&n, &o, &bytes);
    memcpy(interpreter_input(it, 0)->data, n.input, interpreter_input(it, 0)->bytes);
    interpreter_invoke(it);
    net_forward(&n, 1);
    const float *y = interpreter_output(it, 0)->data;
    double worst = 0, most = 1e-30;
    for (size_t i = 0; i < interpreter_output(it, 0)->bytes / sizeof *y; i++) {
        worst = fmax(worst, fabs((double)y[i] - (double)n.output[i]));
        most = fmax(most, fabs((double)n.output[i]));
    }
    cr_expect_leq(worst, 1e-5 * most, "%s: off by %g", json, worst / most);
}

Test(cost, exported_files_compute_what_the_trained_network_does)
{
    for_each_net(check_outputs);
}

/* The course's own counts (143,112 and 298,632 parameters, 14.83 and 31.48 million products). */
Test(cost, lab_networks_have_the_published_parameters_and_products)
{
    static const struct {
        const char *arch;
        int n_params;
        double macs;
    } rows[] = {{"ds-cnn", 143112, 14826496}, {"cnn", 298632, 31482880}, {"mlp", 259336, 258560}};
    const tflite_options o = {.storage = STORE_FLOAT32};
    for (int i = 0; i < 3; i++) {
        net_cost cost;
        const net_spec spec = net_of(keyword_net(&a, rows[i].arch, "mfcc", 1, "valid"));
        cr_assert_eq(cost_of_net(&spec, &o, 0, &a, &cost, NULL), OK);
        cr_expect_eq(cost.n_params, rows[i].n_params, "%s: %d", rows[i].arch, cost.n_params);
        cr_expect_eq(cost.macs, rows[i].macs, "%s: %.0f", rows[i].arch, cost.macs);
    }
}
