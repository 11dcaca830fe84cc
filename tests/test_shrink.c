#include "engine/compress/shrink.h"
#include "engine/nn/net.h"
#include "tests/support/nets.h"
#include "tests/support/random_net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static int kept_of(int channels, double remove)
{
    const int kept = (int)floor(channels * (1 - remove) + 0.5);
    return kept > 1 ? kept : 1;
}

/* Functions that do not keep zero at zero would give a removed channel's followers something. */
static void without_sigmoid(net_spec *s)
{
    for (int i = 0; i < s->n; i++)
        if (s->layer[i].act == ACT_SIGMOID) s->layer[i].act = ACT_TANH;
}

/* Zeroes the filters, biases and batch norms of the last channels of every layer, so many that exactly
 * they are to go. */
static void silence(const net_spec *s, double remove, float *params)
{
    net_layout l;
    cr_assert_eq(net_layout_make(s, &l, NULL), OK);
    for (int i = 0; i < l.n_tensors; i++) {
        const net_tensor *t = &l.tensor[i];
        const int rows = t->dims.dim[0], per_row = t->size / rows;
        if (s->layer[t->layer].kind == LAYER_LSTM ||
            (s->layer[t->layer].kind == LAYER_DEPTHWISE_CONV2D && t->role == ROLE_KERNEL))
            continue;
        for (int r = kept_of(rows, remove); r < rows; r++)
            for (int k = 0; k < per_row; k++)
                params[t->offset + r * per_row + k] = t->role == ROLE_MOVING_VARIANCE;
    }
}

static const float *outputs(const net_spec *s, float *params, const float *x, arena *a, int *n)
{
    net *built = ARENA_NEW(a, net, 1);
    err e = {0};
    cr_assert_eq(net_build(built, s, 1, params, a, &e), OK, "%s", e.msg);
    memcpy(built->input, x, (size_t)shape_size(s->in) * sizeof *x);
    net_forward(built, 1);
    *n = shape_size(built->layout.shape_out[s->n - 1]);
    return built->output;
}

/* Returns the parameters that went. */
static int expect_same_function(const net_spec *wide, float *params, double remove, rng *r,
                                arena *a, const char *what)
{
    net_spec narrow, known;
    net_layout before, after;
    float *shrunk;
    err e = {0};
    int n, m;
    silence(wide, remove, params);
    const shrink_config c = {remove, rng_below(r, 2) ? CHANNEL_L1 : CHANNEL_L2};
    cr_assert_eq(shrink_weights(wide, params, &c, a, &narrow, &shrunk, &e), OK, "%s", e.msg);
    cr_assert_eq(shrink_net(wide, remove, &known, &e), OK, "%s", e.msg);
    cr_expect(memcmp(&narrow, &known, sizeof narrow) == 0, "%s: not the net foreseen", what);
    cr_assert_eq(net_layout_make(wide, &before, NULL), OK);
    cr_assert_eq(net_layout_make(&narrow, &after, NULL), OK);
    const float *x = random_floats(r, a, shape_size(wide->in), 1);
    const float *y = outputs(wide, params, x, a, &n), *z = outputs(&narrow, shrunk, x, a, &m);
    cr_assert_eq(n, m, "%s", what);
    for (int i = 0; i < n; i++)
        cr_expect_float_eq(z[i], y[i], 1e-4 * (1 + fabs((double)y[i])), "%s: output %d: %g, not %g",
                           what, i, (double)z[i], (double)y[i]);
    return before.n_params - after.n_params;
}

Test(shrink, removing_zero_channels_keeps_the_function_of_random_networks)
{
    int smaller = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        arena a;
        arena_init(&a, 0);
        rng r = rng_stream(seed, RNG_TEST, 0);
        net_spec wide = random_net(&r);
        net_layout l;
        cr_assert_eq(net_layout_make(&wide, &l, NULL), OK);
        without_sigmoid(&wide);
        float *params = random_floats(&r, &a, l.n_params, 0.5f);
        const double remove = (double)rng_below(&r, 95) / 100;
        smaller += expect_same_function(&wide, params, remove, &r, &a,
                                        arena_printf(&a, "seed %d", (int)seed)) > 0;
        arena_free(&a);
    }
    cr_expect_gt(smaller, 100, "only %d of the networks became smaller", smaller);
}

/* Batch norms, depthwise kernels, and what a residual connection ties. */
Test(shrink, keyword_networks_lose_the_same_channels_everywhere)
{
    static const char *const nets[] = {
        "{\"input\":[12,9,1],\"layers\":[{\"kind\":\"conv2d\",\"filters\":12,\"kernel\":[3,3],"
        "\"bias\":"
        "false},{\"kind\":\"batch-norm\",\"activation\":\"relu\"},{\"kind\":\"depthwise-conv2d\","
        "\"kernel\":[3,3],\"padding\":\"same\",\"bias\":false},{\"kind\":\"batch-norm\","
        "\"activation\":"
        "\"relu\"},{\"kind\":\"conv2d\",\"filters\":12,\"kernel\":[1,1]},{\"kind\":\"add\","
        "\"from\":1},"
        "{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":9,\"activation\":\"relu\"},"
        "{\"kind\":\"dense\",\"units\":4},{\"kind\":\"softmax\"}]}"};
    arena a;
    arena_init(&a, 0);
    rng r = rng_stream(1, RNG_TEST, 0);
    for (int k = 0; k < 3; k++) {
        err e = {0};
        net_spec wide;
        net_layout l;
        const char *json =
            k ? keyword_net(&a, "ds-cnn", k == 1 ? "mfcc" : "stft", 0.1, "same") : nets[0];
        cr_assert_eq(net_from_text(json, &wide, &e), OK, "%s", e.msg);
        cr_assert_eq(net_layout_make(&wide, &l, &e), OK);
        float *params = random_floats(&r, &a, l.n_params, 0.5f);
        for (int i = 0; i < l.n_tensors; i++)
            for (int j = 0; j < l.tensor[i].size && l.tensor[i].role == ROLE_MOVING_VARIANCE; j++)
                params[l.tensor[i].offset + j] = 1 + fabsf(params[l.tensor[i].offset + j]);
        cr_expect_gt(expect_same_function(&wide, params, 0.5, &r, &a, json), l.n_params / 3);
    }
    arena_free(&a);
}

Test(shrink, the_smallest_filters_go_and_of_equal_ones_the_last)
{
    arena a;
    arena_init(&a, 0);
    err e = {0};
    net_spec wide, narrow;
    cr_assert_eq(net_from_text("{\"input\":[2],\"layers\":[{\"kind\":\"dense\",\"units\":4},"
                               "{\"kind\":\"dense\",\"units\":1}]}",
                               &wide, &e),
                 OK);
    /* By sums of magnitudes 3 4 4 3.5, by roots of squares 3 2.83 2.83 3.5. */
    float params[] = {3, 0, -2, 2, 2, -2, 0, -3.5f, 10, 20, 30, 40, 5, 6, 7, 8, 9}, *w;
    static const float l1[] = {-2, 2, 2, -2, 20, 30, 6, 7, 9},
                       l2[] = {3, 0, 0, -3.5f, 10, 40, 5, 8, 9};
    shrink_config c = {0.5, CHANNEL_L1};
    cr_assert_eq(shrink_weights(&wide, params, &c, &a, &narrow, &w, &e), OK, "%s", e.msg);
    cr_expect_eq(narrow.layer[0].units, 2);
    cr_expect_eq(narrow.layer[1].units, 1, "the output stays");
    cr_expect(memcmp(w, l1, sizeof l1) == 0);
    c.norm = CHANNEL_L2;
    cr_assert_eq(shrink_weights(&wide, params, &c, &a, &narrow, &w, &e), OK, "%s", e.msg);
    cr_expect(memcmp(w, l2, sizeof l2) == 0);
    c = (shrink_config){0.75, CHANNEL_L2};
    params[1] = 3.5f, params[0] = 0; /* equal norms: 3.5 twice */
    cr_assert_eq(shrink_weights(&wide, params, &c, &a, &narrow, &w, &e), OK, "%s", e.msg);
    cr_expect_eq(w[1], 3.5f, "the first of equals stays");
    arena_free(&a);
}

Test(shrink, one_channel_always_stays)
{
    err e = {0};
    net_spec wide, narrow;
    cr_assert_eq(net_from_text("{\"input\":[3],\"layers\":[{\"kind\":\"dense\",\"units\":3},"
                               "{\"kind\":\"dense\",\"units\":5}]}",
                               &wide, &e),
                 OK);
    cr_assert_eq(shrink_net(&wide, 0.99, &narrow, &e), OK);
    cr_expect(narrow.layer[0].units == 1 && narrow.layer[1].units == 5);
    cr_assert_eq(shrink_net(&wide, 0, &narrow, &e), OK);
    cr_expect(memcmp(&narrow, &wide, sizeof wide) == 0);
}

Test(shrink, layers_joined_by_add_keep_the_channels_of_the_largest_sum)
{
    arena a;
    arena_init(&a, 0);
    err e = {0};
    net_spec wide, narrow;
    cr_assert_eq(
        net_from_text(
            "{\"input\":[2,2,1],\"layers\":[{\"kind\":\"conv2d\",\"filters\":2,\"kernel\":["
            "1,1]},{\"kind\":\"conv2d\",\"filters\":2,\"kernel\":[1,1]},{\"kind\":\"add\","
            "\"from\":0},{\"kind\":\"flatten\"},{\"kind\":\"dense\",\"units\":1}]}",
            &wide, &e),
        OK, "%s", e.msg);
    /* Norms 3 1 and 1 4: together the second is larger. Behind the flatten it is every other one. */
    static const float params[] = {3, 1, 10, 11, 0.5f, 0.5f, 2, 2, 20, 21,
                                   1, 2, 3,  4,  5,    6,    7, 8, 9};
    static const float want[] = {1, 11, 2, 21, 2, 4, 6, 8, 9};
    const shrink_config c = {0.5, CHANNEL_L1};
    float *w;
    cr_assert_eq(shrink_weights(&wide, params, &c, &a, &narrow, &w, &e), OK, "%s", e.msg);
    cr_expect(memcmp(w, want, sizeof want) == 0);
    arena_free(&a);
}
