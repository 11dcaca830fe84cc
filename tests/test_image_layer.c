/* Layers on images: gradients against finite differences, outputs against hand-made sums and the
 * formulas, parts of a batch against the whole. */
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

static const char *padding_of(uint64_t seed)
{
    return seed % 2 ? "same" : "valid";
}

/* An image of any size behind a pointwise layer, so that the layer's input gradient is tested too. */
static void check_image(const char *layers, uint64_t seed, int least)
{
    char json[900];
    rng r = rng_stream(seed, RNG_TEST, 2);
    snprintf(json, sizeof json,
             "{\"input\":[%d,%d,%d],\"layers\":[{\"kind\":\"dense\",\"units\":%d},%s]}",
             between(&r, least, 7), between(&r, least, 6), between(&r, 1, 3), between(&r, 1, 19),
             layers);
    check_gradients(json, seed);
}

static void check_conv2d(const char *act, uint64_t seed)
{
    char layer[400];
    rng r = rng_stream(seed, RNG_TEST, 3);
    snprintf(layer, sizeof layer,
             "{\"kind\":\"conv2d\",\"filters\":%d,\"kernel\":[%d,%d],\"stride\":[%d,%d],"
             "\"padding\":\"%s\",\"activation\":\"%s\",\"bias\":%s}",
             between(&r, 1, 20), between(&r, 1, 3), between(&r, 1, 3), between(&r, 1, 2),
             between(&r, 1, 3), padding_of(seed), act, seed % 3 ? "true" : "false");
    check_image(layer, seed, 3);
}

Test(image_layer, conv2d_gradient_matches_finite_differences)
{
    sweep_kernels(check_conv2d);
}

/* The shape that has a method of its own: 3 x 3, stride 1, not too few channels. */
static void check_conv3x3(const char *act, uint64_t seed)
{
    char json[900];
    rng r = rng_stream(seed, RNG_TEST, 3);
    if (seed >= 6) return;
    snprintf(json, sizeof json,
             "{\"input\":[%d,%d,2],\"layers\":[{\"kind\":\"dense\",\"units\":%d},{\"kind\":"
             "\"conv2d\",\"filters\":%d,\"kernel\":[3,3],\"padding\":\"%s\",\"activation\":\"%s\","
             "\"bias\":%s}]}",
             between(&r, 3, 7), between(&r, 3, 7), between(&r, 16, 35), between(&r, 16, 40),
             padding_of(seed), act, seed % 3 ? "true" : "false");
    check_gradients(json, seed);
}

Test(image_layer, conv3x3_gradient_matches_finite_differences)
{
    sweep_kernels(check_conv3x3);
}

static void check_depthwise(const char *act, uint64_t seed)
{
    char layer[400];
    rng r = rng_stream(seed, RNG_TEST, 3);
    bool usual = seed % 4 > 1; /* 3 x 3, stride 1 */
    snprintf(layer, sizeof layer,
             "{\"kind\":\"depthwise-conv2d\",\"kernel\":[%d,%d],\"stride\":[%d,%d],\"padding\":"
             "\"%s\",\"activation\":\"%s\",\"bias\":%s}",
             usual ? 3 : between(&r, 1, 3), usual ? 3 : between(&r, 1, 3),
             usual ? 1 : between(&r, 1, 2), usual ? 1 : between(&r, 1, 3), padding_of(seed), act,
             seed % 3 ? "true" : "false");
    check_image(layer, seed, 3);
}

Test(image_layer, depthwise_gradient_matches_finite_differences)
{
    sweep_kernels(check_depthwise);
}

static void check_batch_norm(const char *act, uint64_t seed)
{
    char layer[400];
    snprintf(layer, sizeof layer,
             "{\"kind\":\"batch-norm\",\"epsilon\":0.1,\"activation\":\"%s\"},{\"kind\":\"conv2d\","
             "\"filters\":4,\"kernel\":[2,2]},{\"kind\":\"batch-norm\",\"momentum\":0.1}",
             act);
    check_image(layer, seed, 3);
    if (seed % 2 == 0) return;
    char json[400];
    snprintf(
        json, sizeof json,
        "{\"input\":[7],\"layers\":[{\"kind\":\"batch-norm\",\"epsilon\":0.2},{\"kind\":"
        "\"dense\",\"units\":5},{\"kind\":\"batch-norm\",\"activation\":\"%s\",\"epsilon\":0.3},"
        "{\"kind\":\"dense\",\"units\":3}]}",
        act);
    check_gradients(json, seed);
}

Test(image_layer, batch_norm_gradient_matches_finite_differences)
{
    sweep_kernels(check_batch_norm);
}

static void check_pools(const char *act, uint64_t seed)
{
    char layer[400];
    rng r = rng_stream(seed, RNG_TEST, 3);
    static const char *const global[] = {"average", "max"};
    snprintf(
        layer, sizeof layer,
        "{\"kind\":\"%s-pool2d\",\"size\":[%d,%d],\"stride\":[%d,%d],\"padding\":\"%s\"},"
        "{\"kind\":\"activation\",\"function\":\"%s\"},{\"kind\":\"global-%s-pool2d\"},{\"kind\":"
        "\"dense\",\"units\":3}",
        global[seed % 4 > 1], between(&r, 1, 3), between(&r, 1, 3), between(&r, 1, 3),
        between(&r, 1, 3), padding_of(seed), act, global[seed % 3 > 0]);
    check_image(layer, seed, 3);
}

Test(image_layer, pool_gradients_match_finite_differences)
{
    sweep_kernels(check_pools);
}

/* The gradient behind the mean is made again for the layer in front of it. */
static void check_batch_norm_and_mean(const char *act, uint64_t seed)
{
    char layer[400];
    snprintf(layer, sizeof layer,
             "{\"kind\":\"batch-norm\",\"epsilon\":0.1,\"activation\":\"%s\"},{\"kind\":"
             "\"global-average-pool2d\"}%s",
             act, seed % 2 ? ",{\"kind\":\"dense\",\"units\":3}" : "");
    check_image(layer, seed, 1);
}

Test(image_layer, gradients_through_a_mean_match_finite_differences)
{
    sweep_kernels(check_batch_norm_and_mean);
}

static void check_softmax_and_dropout(const char *act, uint64_t seed)
{
    char layer[400];
    snprintf(
        layer, sizeof layer,
        "{\"kind\":\"dropout\",\"rate\":0.4},{\"kind\":\"dense\",\"units\":5,\"activation\":"
        "\"%s\"},{\"kind\":\"softmax\"},{\"kind\":\"dropout\",\"rate\":0.2},{\"kind\":\"dense\","
        "\"units\":4},{\"kind\":\"softmax\"}",
        act);
    check_image(layer, seed, 1);
}

Test(image_layer, softmax_and_dropout_gradients_match_finite_differences)
{
    sweep_kernels(check_softmax_and_dropout);
}

/* Two branches from one layer, one over a view, one from the input, and a sum with itself. */
static void check_add(const char *act, uint64_t seed)
{
    char json[900];
    snprintf(
        json, sizeof json,
        "{\"input\":[4,3,5],\"layers\":[{\"kind\":\"conv2d\",\"filters\":5,\"kernel\":[3,3],"
        "\"padding\":\"same\"},{\"kind\":\"add\",\"from\":-1,\"activation\":\"%s\"},"
        "{\"kind\":\"batch-norm\",\"epsilon\":0.1},{\"kind\":\"depthwise-conv2d\",\"kernel\":"
        "[3,3],\"padding\":\"same\"},{\"kind\":\"add\",\"from\":1},{\"kind\":\"dense\",\"units\":"
        "5},{\"kind\":\"add\",\"from\":1,\"activation\":\"%s\"},{\"kind\":\"flatten\"},{\"kind\":"
        "\"dense\",\"units\":60},{\"kind\":\"add\",\"from\":7},{\"kind\":\"add\",\"from\":9},"
        "{\"kind\":\"dense\",\"units\":3}]}",
        act, act);
    if (seed < 6) check_gradients(json, seed);
}

Test(image_layer, gradients_of_sums_match_finite_differences)
{
    sweep_kernels(check_add);
}

/* Runs a net with given weights on one example; the outputs are borrowed from `a`. */
static const float *run_once(arena *a, const char *json, const float *weights, const float *x)
{
    err e = {0};
    net_spec spec;
    net *n = ARENA_NEW(a, net, 1);
    cr_assert(net_from_text(json, &spec, &e) == OK, "%s", e.msg);
    cr_assert(net_build(n, &spec, 1, NULL, a, &e) == OK, "%s", e.msg);
    if (weights) memcpy(n->params, weights, (size_t)n->layout.n_params * sizeof *weights);
    memcpy(n->input, x, (size_t)shape_size(spec.in) * sizeof *x);
    net_forward(n, 1);
    return n->output;
}

static void expect_outputs(const char *json, const float *weights, const float *x,
                           const float *want, int n)
{
    arena a;
    arena_init(&a, 0);
    const float *y = run_once(&a, json, weights, x);
    for (int i = 0; i < n; i++)
        cr_expect(y[i] == want[i], "%s: %d is %g, not %g", json, i, (double)y[i], (double)want[i]);
    arena_free(&a);
}

static const float ramp[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

Test(image_layer, convolutions_pad_as_tensorflow_does)
{
    /* 4 x 4 with stride 2: one row and one column of padding, at the far ends */
    static const float ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const float same[] = {54, 45, 72, 54}, valid[] = {54};
    expect_outputs(
        "{\"input\":[4,4,1],\"layers\":[{\"kind\":\"conv2d\",\"filters\":1,\"kernel\":[3,"
        "3],\"stride\":[2,2],\"padding\":\"same\",\"bias\":false}]}",
        ones, ramp, same, 4);
    expect_outputs("{\"input\":[4,4,1],\"layers\":[{\"kind\":\"depthwise-conv2d\",\"kernel\":[3,3],"
                   "\"stride\":[2,2],\"padding\":\"same\",\"bias\":false}]}",
                   ones, ramp, same, 4);
    expect_outputs("{\"input\":[4,4,1],\"layers\":[{\"kind\":\"depthwise-conv2d\",\"kernel\":[3,3],"
                   "\"stride\":[2,2],\"padding\":\"valid\",\"bias\":false}]}",
                   ones, ramp, valid, 1);
}

Test(image_layer, convolutions_do_not_flip_their_filters)
{
    static const float w[] = {1, 10, 100, 1000, 0.5f}, want[] = {6521.5f};
    expect_outputs(
        "{\"input\":[4,4,1],\"layers\":[{\"kind\":\"conv2d\",\"filters\":1,\"kernel\":[2,"
        "2],\"stride\":[3,3]}]}",
        w, ramp, want, 1);
    expect_outputs("{\"input\":[4,4,1],\"layers\":[{\"kind\":\"depthwise-conv2d\",\"kernel\":[2,2],"
                   "\"stride\":[3,3]}]}",
                   w, ramp, want, 1);
}

Test(image_layer, pools_leave_padding_out)
{
    static const float below[] = {-1, -2, -3, -4}, most[] = {-1, -2, -3, -4};
    static const float mean[] = {-2.5f, -3, -3.5f, -4};
    expect_outputs("{\"input\":[2,2,1],\"layers\":[{\"kind\":\"max-pool2d\",\"stride\":[1,1],"
                   "\"padding\":\"same\"}]}",
                   NULL, below, most, 4);
    expect_outputs("{\"input\":[2,2,1],\"layers\":[{\"kind\":\"average-pool2d\",\"stride\":[1,1],"
                   "\"padding\":\"same\"}]}",
                   NULL, below, mean, 4);
}

/* Two steps of training statistics from the formulas, for an image and for a row of numbers. */
Test(image_layer, batch_norm_moves_its_statistics_as_keras_does)
{
    for (int image = 0; image < 2; image++) {
        arena a;
        net n;
        net_spec s;
        err e = {0};
        arena_init(&a, 0);
        const char *json = arena_printf(
            &a, "{\"input\":[%s2],\"layers\":[{\"kind\":\"batch-norm\",\"momentum\":0.9}]}",
            image ? "1,1," : "");
        cr_assert(net_from_text(json, &s, &e) == OK && net_build(&n, &s, 3, NULL, &a, &e) == OK);
        cr_assert(net_init_weights(&n, 1, &a, &e) == OK);
        const float x[] = {1, 100, 4, 101, 10, 105};
        memcpy(n.input, x, sizeof x);
        net_forward_training(&n, 3, &(train_pass){1, 1});
        double bessel = image ? 1.5 : 1;
        cr_expect(fabs((double)n.params[4] - 0.1 * 5) < 1e-6, "mean %g", (double)n.params[4]);
        cr_expect(fabs((double)n.params[5] - 10.2) < 1e-5, "mean %g", (double)n.params[5]);
        cr_expect(fabs((double)n.params[6] - (0.9 + 0.1 * 14 * bessel)) < 1e-6, "variance %g",
                  (double)n.params[6]);
        double want = (1 - 5) / sqrt(14 + 0.001); /* normalised by the biased variance */
        cr_expect(fabs((double)n.output[0] - want) < 1e-6, "%g", (double)n.output[0]);
        net_forward(&n, 3);
        want = (1 - 0.5) / sqrt((double)n.params[6] + 0.001);
        cr_expect(fabs((double)n.output[0] - want) < 1e-6, "%g", (double)n.output[0]);
        arena_free(&a);
    }
}

Test(image_layer, batch_norm_keeps_its_precision_far_from_zero)
{
    arena a;
    net n;
    net_spec s;
    err e = {0};
    arena_init(&a, 0);
    cr_assert(net_from_text("{\"input\":[8,8,1],\"layers\":[{\"kind\":\"batch-norm\",\"epsilon\":"
                            "1e-9}]}",
                            &s, &e) == OK);
    cr_assert(net_build(&n, &s, 4, NULL, &a, &e) == OK && net_init_weights(&n, 1, &a, &e) == OK);
    for (int i = 0; i < 256; i++) n.input[i] = 4096 + (i % 2 ? 0.25f : -0.25f);
    net_forward_training(&n, 4, &(train_pass){1, 1});
    for (int i = 0; i < 256; i++)
        cr_assert(fabs((double)n.output[i]) - 1 < 1e-3 && fabs((double)n.output[i]) > 0.999,
                  "%d: %g", i, (double)n.output[i]);
    arena_free(&a);
}

Test(image_layer, dropout_keeps_the_mean_and_depends_on_seed_and_step)
{
    enum { N = 40000 };
    arena a;
    net n;
    net_spec s;
    err e = {0};
    arena_init(&a, 0);
    cr_assert(net_from_text("{\"input\":[10000],\"layers\":[{\"kind\":\"dropout\",\"rate\":0.25}]}",
                            &s, &e) == OK);
    cr_assert(net_build(&n, &s, 4, NULL, &a, &e) == OK);
    float *first = ARENA_NEW(&a, float, N);
    for (int i = 0; i < N; i++) n.input[i] = 3;
    net_forward_training(&n, 4, &(train_pass){7, 1});
    memcpy(first, n.output, N * sizeof *first);
    int zeros = 0;
    for (int i = 0; i < N; i++) {
        zeros += first[i] == 0;
        cr_assert(first[i] == 0 || first[i] == 4, "%g", (double)first[i]);
    }
    cr_expect(abs(zeros - N / 4) < 400, "%d zeros", zeros);
    net_forward_training(&n, 4, &(train_pass){7, 2});
    cr_expect(memcmp(first, n.output, N * sizeof *first) != 0);
    net_forward_training(&n, 4, &(train_pass){8, 1});
    cr_expect(memcmp(first, n.output, N * sizeof *first) != 0);
    net_forward_training(&n, 4, &(train_pass){7, 1});
    cr_expect(memcmp(first, n.output, N * sizeof *first) == 0);
    net_forward(&n, 4);
    for (int i = 0; i < N; i++) cr_assert(n.output[i] == 3);
    arena_free(&a);
}

/* The same network and data with parts of any size: outputs and gradients agree. */
Test(image_layer, parts_of_a_batch_compute_what_the_whole_does)
{
    enum { B = 7, IN = 49 * 10 };
    for (int k = 0; k < 3; k++) {
        arena a;
        net whole, parts;
        net_spec s;
        err e = {0};
        arena_init(&a, 0);
        const char *json =
            k == 2 ? "{\"input\":[49,10,1],\"layers\":[{\"kind\":\"conv2d\",\"filters\":8,"
                     "\"kernel\":[1,1]},{\"kind\":\"batch-norm\",\"activation\":\"tanh\"},"
                     "{\"kind\":\"global-average-pool2d\"}]}"
                   : keyword_net(&a, k ? "cnn" : "ds-cnn", "mfcc", 0.1, "valid");
        cr_assert(net_from_text(json, &s, &e) == OK, "%s", e.msg);
        cr_assert(net_build(&whole, &s, B, NULL, &a, &e) == OK);
        cr_assert(net_build(&parts, &s, B, NULL, &a, &e) == OK);
        cr_assert(net_init_weights(&whole, 1, &a, &e) == OK && whole.part == B);
        memcpy(parts.params, whole.params, (size_t)whole.layout.n_params * sizeof(float));
        parts.part = 1 + k;
        rng r = rng_stream(3, RNG_TEST, 0);
        for (int i = 0; i < B * IN; i++) whole.input[i] = parts.input[i] = rng_normal(&r);
        net_forward_training(&whole, B, &(train_pass){1, 1});
        net_forward_training(&parts, B, &(train_pass){1, 1});
        for (int i = 0; i < B * 8; i++) {
            cr_assert(fabsf(whole.output[i] - parts.output[i]) < 1e-4f, "output %d", i);
            whole.output_gradient[i] = parts.output_gradient[i] = rng_normal(&r);
        }
        net_backward(&whole, B);
        net_backward(&parts, B);
        double off = 0, size = 0;
        for (int i = 0; i < whole.layout.n_params; i++) {
            double d = (double)whole.gradients[i] - (double)parts.gradients[i];
            off += d * d, size += (double)whole.gradients[i] * (double)whole.gradients[i];
        }
        cr_expect(size > 0 && off < 1e-8 * size, "gradients differ by %g of %g", sqrt(off),
                  sqrt(size));
        arena_free(&a);
    }
}

Test(image_layer, an_examples_outputs_have_the_same_bits_in_any_batch)
{
    static const char *const arch[] = {"ds-cnn", "cnn", "mlp"};
    enum { B = 9, IN = 49 * 10 };
    for (int k = 0; k < 3; k++) {
        arena a;
        net many, one;
        net_spec s;
        err e = {0};
        arena_init(&a, 0);
        cr_assert(net_from_text(keyword_net(&a, arch[k], "mfcc", 0.25, "valid"), &s, &e) == OK);
        cr_assert(net_build(&many, &s, B, NULL, &a, &e) == OK);
        cr_assert(net_build(&one, &s, 1, NULL, &a, &e) == OK);
        cr_assert(net_init_weights(&many, 1, &a, &e) == OK);
        memcpy(one.params, many.params, (size_t)many.layout.n_params * sizeof(float));
        rng r = rng_stream(3, RNG_TEST, 0);
        for (int i = 0; i < B * IN; i++) many.input[i] = rng_normal(&r);
        net_forward(&many, B);
        for (int i = 0; i < B; i++) {
            memcpy(one.input, many.input + i * IN, IN * sizeof(float));
            net_forward(&one, 1);
            cr_assert(memcmp(one.output, many.output + i * 8, 8 * sizeof(float)) == 0, "%s %d",
                      arch[k], i);
        }
        arena_free(&a);
    }
}

/* --- kernels against each other, through whole passes --- */

typedef struct {
    arena a;
    net n;
} passed;

/* A training pass, forward and backward, of B random examples with one instruction set. */
static void pass_with(passed *p, const char *set, const char *json, int B, uint64_t seed)
{
    net_spec s;
    err e = {0};
    arena_init(&p->a, 0);
    setenv("PARETUNE_KERNELS", set, 1);
    cr_assert(net_from_text(json, &s, &e) == OK, "%s", e.msg);
    cr_assert(net_build(&p->n, &s, B, NULL, &p->a, &e) == OK, "%s", e.msg);
    unsetenv("PARETUNE_KERNELS");
    cr_assert(net_init_weights(&p->n, seed, &p->a, &e) == OK);
    rng r = rng_stream(seed, RNG_TEST, 5);
    for (int i = 0; i < B * shape_size(s.in); i++) p->n.input[i] = rng_normal(&r);
    net_forward_training(&p->n, B, &(train_pass){seed, 1});
    int outputs = B * shape_size(p->n.layout.shape_out[s.n - 1]);
    for (int i = 0; i < outputs; i++) p->n.output_gradient[i] = rng_normal(&r);
    net_backward(&p->n, B);
}

/* The root of the mean squared difference, over that of the wanted numbers. */
static double distance(const float *got, const float *want, int n)
{
    double off = 0, size = 0;
    for (int i = 0; i < n; i++) {
        double d = (double)got[i] - (double)want[i];
        off += d * d, size += (double)want[i] * (double)want[i];
    }
    return sqrt(off / size);
}

static void compare_with_naive(const char *json, int B, uint64_t seed)
{
    static const char *const sets[] = {"generic", "avx2", "avx512", "neon"};
    passed want;
    pass_with(&want, "naive", json, B, seed);
    int outputs = B * shape_size(want.n.layout.shape_out[want.n.spec.n - 1]);
    for (int i = 0; i < 4; i++) {
        if (!kernel_find(sets[i])) continue;
        passed got;
        pass_with(&got, sets[i], json, B, seed);
        double y = distance(got.n.output, want.n.output, outputs);
        double dw = distance(got.n.gradients, want.n.gradients, want.n.layout.n_params);
        cr_expect(y < 2e-6 && dw < 5e-6, "%s %s: outputs %g, gradients %g", sets[i], json, y, dw);
        arena_free(&got.a);
    }
    arena_free(&want.a);
}

/* Sizes on either side of whole vectors and tiles; the dense layer shows the input's gradient. */
Test(image_layer, convolutions_by_winograd_equal_the_naive_ones)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        char json[600];
        rng r = rng_stream(seed, RNG_TEST, 6);
        snprintf(json, sizeof json,
                 "{\"input\":[%d,%d,3],\"layers\":[{\"kind\":\"dense\",\"units\":%d},{\"kind\":"
                 "\"conv2d\",\"filters\":%d,\"kernel\":[3,3],\"padding\":\"%s\",\"activation\":"
                 "\"%s\",\"bias\":%s}]}",
                 between(&r, 3, 12), between(&r, 3, 9), between(&r, 16, 50), between(&r, 16, 70),
                 padding_of(seed), seed % 3 == 1 ? "tanh" : "none", seed % 4 ? "true" : "false");
        compare_with_naive(json, between(&r, 1, 9), seed);
    }
}

Test(image_layer, sets_with_fused_multiply_add_agree_bit_for_bit)
{
    static const char *const arch[] = {"cnn", "ds-cnn"};
    if (!kernel_find("avx512") || !kernel_find("avx2")) cr_skip_test("needs avx2 and avx512");
    for (int k = 0; k < 4; k++) {
        arena a;
        passed one, two;
        arena_init(&a, 0);
        const char *json = keyword_net(&a, arch[k % 2], "mfcc", 0.22, k < 2 ? "same" : "valid");
        pass_with(&one, "avx512", json, 5, 1);
        pass_with(&two, "avx2", json, 5, 1);
        size_t bytes = (size_t)one.n.layout.n_params * sizeof(float);
        cr_expect(memcmp(one.n.output, two.n.output, 5 * 8 * sizeof(float)) == 0, "%s",
                  arch[k % 2]);
        cr_expect(memcmp(one.n.gradients, two.n.gradients, bytes) == 0, "%s", arch[k % 2]);
        cr_expect(memcmp(one.n.params, two.n.params, bytes) == 0, "%s", arch[k % 2]);
        arena_free(&one.a), arena_free(&two.a);
        arena_free(&a);
    }
}
