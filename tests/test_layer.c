/* Gradients of every layer kind and activation against finite differences, and outputs against
 * hand-made sums. A tested layer stands behind a dense one, so that its input's gradient is tested
 * too. */
#include "engine/base/rng.h"
#include "engine/nn/net.h"
#include "tests/support/gradient.h"
#include "tests/support/nets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int between(rng *r, int least, int most)
{
    return least + (int)rng_below(r, (uint64_t)(most - least + 1));
}

static void check_dense(const char *act, uint64_t seed)
{
    char json[600];
    rng r = rng_stream(seed, RNG_TEST, 2);
    snprintf(
        json, sizeof json,
        "{\"input\":[%d,%d],\"layers\":[{\"kind\":\"dense\",\"units\":%d,\"activation\":\"%s\"},"
        "{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":%d,\"bias\":%s,\"activation\":"
        "\"%s\"},{\"kind\":\"dense\",\"units\":%d}]}",
        between(&r, 1, 3), between(&r, 1, 9), between(&r, 1, 20), act, between(&r, 1, 40),
        seed % 2 ? "true" : "false", act, between(&r, 1, 5));
    check_gradients(json, seed);
}

Test(layer, dense_gradient_matches_finite_differences)
{
    sweep_kernels(check_dense);
}

static void check_conv1d(const char *act, uint64_t seed)
{
    char json[600];
    rng r = rng_stream(seed, RNG_TEST, 3);
    int T = between(&r, 1, 9), K = between(&r, 1, T);
    snprintf(
        json, sizeof json,
        "{\"input\":[%d,%d],\"layers\":[{\"kind\":\"dense\",\"units\":%d},{\"kind\":\"conv1d\","
        "\"filters\":%d,\"kernel\":%d,\"stride\":%d,\"padding\":\"%s\",\"activation\":\"%s\","
        "\"bias\":%s},{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":3}]}",
        T, between(&r, 1, 4), between(&r, 1, 5), between(&r, 1, 20),
        seed % 3 ? K : K + (int)(seed % 2) * 3, between(&r, 1, 3), seed % 2 ? "same" : "valid", act,
        seed % 5 ? "true" : "false");
    check_gradients(json, seed);
}

Test(layer, conv1d_gradient_matches_finite_differences)
{
    sweep_kernels(check_conv1d);
}

static void check_lstm(const char *act, uint64_t seed)
{
    char json[600];
    rng r = rng_stream(seed, RNG_TEST, 4);
    snprintf(
        json, sizeof json,
        "{\"input\":[%d,%d],\"layers\":[{\"kind\":\"dense\",\"units\":%d,\"activation\":\"%s\"},"
        "{\"kind\":\"lstm\",\"units\":%d},{\"kind\":\"dense\",\"units\":3}]}",
        between(&r, 1, 6), between(&r, 1, 4), between(&r, 1, 5), act, between(&r, 1, 20));
    check_gradients(json, seed);
}

Test(layer, lstm_gradient_matches_finite_differences)
{
    sweep_kernels(check_lstm);
}

static void check_activation(const char *act, uint64_t seed)
{
    char json[600];
    rng r = rng_stream(seed, RNG_TEST, 5);
    int T = between(&r, 1, 4), C = between(&r, 1, 9);
    snprintf(
        json, sizeof json,
        "{\"input\":[%d,3],\"layers\":[{\"kind\":\"dense\",\"units\":%d},{\"kind\":"
        "\"activation\",\"function\":\"%s\"},{\"kind\":\"reshape\",\"to\":[%d,1,%d]},{\"kind\":"
        "\"flatten\"},{\"kind\":\"dense\",\"units\":2}]}",
        T, C, act, C, T);
    check_gradients(json, seed);
}

Test(layer, activation_gradient_matches_finite_differences)
{
    sweep_kernels(check_activation);
}

/* Runs a net with given weights on one example; the outputs are borrowed from `a`. */
static const float *run_once(arena *a, const char *json, const float *weights, const float *x)
{
    err e = {0};
    net_spec spec;
    net *n = ARENA_NEW(a, net, 1);
    cr_assert(net_from_text(json, &spec, &e) == OK, "%s", e.msg);
    cr_assert(net_build(n, &spec, 1, NULL, a, &e) == OK, "%s", e.msg);
    memcpy(n->params, weights, (size_t)n->layout.n_params * sizeof *weights);
    memcpy(n->input, x, (size_t)shape_size(spec.in) * sizeof *x);
    net_forward(n, 1);
    return n->output;
}

/* One unit, kernel and bias in gate order i, f, g, o, for three steps; the values were computed in
 * double precision from the formulas of layer_lstm.c. */
Test(layer, lstm_gives_the_golden_state)
{
    static const float weights[] = {0.1f, 0.5f,  -0.2f, 0.6f,
                                    0.3f, -0.7f, 0.4f,  0.8f, /* [4,2]: a row per gate */
                                    0.2f, -0.1f, 0.05f, 0.3f, /* recurrent */
                                    0,    1,     0,     0};   /* bias */
    static const double h[] = {-0.2551196, -0.2971500, -0.1998002};
    arena a;
    arena_init(&a, 0);
    float x[6];
    for (int t = 0; t < 3; t++)
        x[2 * t] = 0.5f * (float)t - 0.3f, x[2 * t + 1] = 1 - 0.4f * (float)t;
    for (int T = 1; T <= 3; T++) {
        const char *json =
            arena_printf(&a, "{\"input\":[%d,2],\"layers\":[{\"kind\":\"lstm\",\"units\":1}]}", T);
        const float *y = run_once(&a, json, weights, x);
        cr_expect(fabs((double)y[0] - h[T - 1]) < 2e-7, "%d steps: %.8f", T, (double)y[0]);
    }
    arena_free(&a);
}

Test(layer, conv1d_pads_as_tensorflow_does)
{
    /* one filter of ones over 1..5: with stride 2 and kernel 4, the padding of 3 is 1 before, 2
     * after */
    static const float weights[] = {1, 1, 1, 1, 0}, x[] = {1, 2, 3, 4, 5};
    static const float same[] = {6, 14, 9}, valid[] = {10, 14};
    arena a;
    arena_init(&a, 0);
    const float *y = run_once(&a,
                              "{\"input\":[5,1],\"layers\":[{\"kind\":\"conv1d\",\"filters\":1,"
                              "\"kernel\":4,\"stride\":2,\"padding\":\"same\"}]}",
                              weights, x);
    for (int i = 0; i < 3; i++) cr_expect(y[i] == same[i], "same %d: %g", i, (double)y[i]);
    y = run_once(&a,
                 "{\"input\":[5,1],\"layers\":[{\"kind\":\"conv1d\",\"filters\":1,\"kernel\":4}]}",
                 weights, x);
    for (int i = 0; i < 2; i++) cr_expect(y[i] == valid[i], "valid %d: %g", i, (double)y[i]);
    arena_free(&a);
}

Test(layer, conv1d_does_not_flip_its_filter)
{
    static const float weights[] = {1, 10, 100, 1000, 0.5f}; /* [1, K=2, Ci=2], bias */
    static const float x[] = {1, 2, 3, 4};
    arena a;
    arena_init(&a, 0);
    const float *y = run_once(
        &a, "{\"input\":[2,2],\"layers\":[{\"kind\":\"conv1d\",\"filters\":1,\"kernel\":2}]}",
        weights, x);
    cr_expect(y[0] == 4321.5f, "%g", (double)y[0]);
    arena_free(&a);
}
