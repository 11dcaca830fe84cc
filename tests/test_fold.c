/* Folded networks against the trained ones. */
#include "engine/base/rng.h"
#include "engine/nn/fold.h"
#include "engine/nn/net.h"
#include "tests/support/nets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { B = 5 };

/* Parameters as training could leave them: none at its first value, variances positive. */
static void stir(net *n, rng *r)
{
    for (int i = 0; i < n->layout.n_tensors; i++) {
        const net_tensor *t = &n->layout.tensor[i];
        for (int j = 0; j < t->size; j++) {
            float *w = n->params + t->offset + j;
            bool positive = t->role == ROLE_MOVING_VARIANCE;
            *w = positive ? 0.3f + rng_float(r) : *w + 0.2f * rng_normal(r);
        }
    }
}

static double largest_difference(const char *json, uint64_t seed, int *norms_left)
{
    arena a;
    net whole, thin;
    net_spec s, folded;
    float *params;
    err e = {0};
    arena_init(&a, 0);
    cr_assert(net_from_text(json, &s, &e) == OK, "%s: %s", json, e.msg);
    cr_assert(net_build(&whole, &s, B, NULL, &a, &e) == OK);
    cr_assert(net_init_weights(&whole, seed, &a, &e) == OK);
    rng r = rng_stream(seed, RNG_TEST, 0);
    stir(&whole, &r);
    cr_assert(net_fold(&s, whole.params, &a, &folded, &params, &e) == OK, "%s", e.msg);
    cr_assert(net_build(&thin, &folded, B, params, &a, &e) == OK, "%s", e.msg);
    for (int i = 0; i < B * shape_size(s.in); i++) whole.input[i] = thin.input[i] = rng_normal(&r);
    net_forward(&whole, B);
    net_forward(&thin, B);
    double worst = 0, size = 0;
    int n = B * shape_size(whole.layout.shape_out[s.n - 1]);
    for (int i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)whole.output[i] - (double)thin.output[i]));
        size = fmax(size, fabs((double)whole.output[i]));
    }
    *norms_left = 0;
    for (int i = 0; i < folded.n; i++)
        *norms_left +=
            folded.layer[i].kind == LAYER_BATCH_NORM || folded.layer[i].kind == LAYER_DROPOUT;
    arena_free(&a);
    cr_assert(size > 1e-3);
    return worst / fmax(1, size);
}

/* A random stack: every layer kind that a batch norm may follow, branches before and behind it. */
static const char *random_net(arena *a, uint64_t seed)
{
    rng r = rng_stream(seed, RNG_TEST, 1);
    const char *layers =
        "{\"kind\":\"conv2d\",\"filters\":6,\"kernel\":[3,3],\"padding\":\"same\"}";
    for (int i = 0, at = 0; i < 5; i++) {
        static const char *const kinds[] = {
            "{\"kind\":\"conv2d\",\"filters\":6,\"kernel\":[3,3],\"padding\":\"same\",\"bias\":"
            "false}",
            "{\"kind\":\"depthwise-conv2d\",\"kernel\":[3,3],\"padding\":\"same\",\"bias\":false}",
            "{\"kind\":\"depthwise-conv2d\",\"kernel\":[3,3],\"padding\":\"same\",\"activation\":"
            "\"relu\"}",
            "{\"kind\":\"dense\",\"units\":6}",
            "{\"kind\":\"dropout\",\"rate\":0.5}",
            "{\"kind\":\"max-pool2d\",\"size\":[2,2],\"stride\":[1,1],\"padding\":\"same\"}"};
        layers = arena_printf(a, "%s,%s", layers, kinds[rng_below(&r, 6)]);
        at++;
        if (rng_below(&r, 4) > 0) {
            layers = arena_printf(a, "%s,{\"kind\":\"batch-norm\",\"activation\":\"%s\"}", layers,
                                  rng_below(&r, 2) ? "relu" : "none");
            at++;
        }
        if (rng_below(&r, 2)) {
            layers = arena_printf(a, "%s,{\"kind\":\"add\",\"from\":%d}", layers,
                                  (int)rng_below(&r, (uint64_t)at + 1));
            at++;
        }
    }
    return arena_printf(a,
                        "{\"input\":[5,4,2],\"layers\":[%s,{\"kind\":\"global-average-pool2d\"},"
                        "{\"kind\":\"dense\",\"units\":3}]}",
                        layers);
}

Test(fold, folded_networks_compute_what_the_trained_ones_do)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        arena a;
        int left;
        arena_init(&a, 0);
        const char *json = random_net(&a, seed);
        double worst = largest_difference(json, seed, &left);
        cr_expect(worst < 1e-5, "seed %llu: %g: %s", (unsigned long long)seed, worst, json);
        cr_expect(left == 0);
        arena_free(&a);
    }
}

Test(fold, lab_networks_lose_no_more_than_rounding)
{
    static const char *const arch[] = {"mlp", "cnn", "ds-cnn"};
    for (int k = 0; k < 3; k++) {
        arena a;
        int left;
        arena_init(&a, 0);
        double worst =
            largest_difference(keyword_net(&a, arch[k], "mfcc", 0.25, "valid"), 1, &left);
        cr_expect(worst < 1e-5 && left == 0, "%s: %g", arch[k], worst);
        arena_free(&a);
    }
}

Test(fold, layers_take_over_norms_and_their_activations)
{
    arena a;
    net_spec s, folded;
    float *params;
    err e = {0};
    arena_init(&a, 0);
    cr_assert(net_from_text(keyword_net(&a, "ds-cnn", "mfcc", 1, "valid"), &s, &e) == OK);
    cr_assert(net_fold(&s, NULL, &a, &folded, &params, &e) == OK && !params);
    static const layer_kind kinds[] = {
        LAYER_CONV2D, LAYER_DEPTHWISE_CONV2D,      LAYER_CONV2D, LAYER_DEPTHWISE_CONV2D,
        LAYER_CONV2D, LAYER_GLOBAL_AVERAGE_POOL2D, LAYER_DENSE};
    cr_assert(folded.n == 7);
    for (int i = 0; i < 7; i++) {
        cr_expect(folded.layer[i].kind == kinds[i], "layer %d", i);
        bool conv = folded.layer[i].kind == LAYER_CONV2D;
        cr_expect(folded.layer[i].act == (conv ? ACT_RELU : ACT_NONE), "layer %d", i);
        if (conv) cr_expect(folded.layer[i].bias);
    }
    arena_free(&a);
}

Test(fold, a_norm_behind_nothing_that_can_take_it_is_refused)
{
    arena a;
    net_spec s, folded;
    float *params;
    err e = {0};
    arena_init(&a, 0);
    cr_assert(net_from_text("{\"input\":[4],\"layers\":[{\"kind\":\"batch-norm\"}]}", &s, &e) ==
              OK);
    cr_expect(net_fold(&s, NULL, &a, &folded, &params, &e) == ERR_INPUT);
    cr_expect(strcmp(e.msg,
                     "layer 0 (batch-norm): cannot be exported: put it directly behind a dense "
                     "layer or convolution without activation") == 0,
              "%s", e.msg);
    arena_free(&a);
}
