/* Ranges of activations, and the steps that they give. */
#include "engine/base/rng.h"
#include "engine/compress/calibrate.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { SIZE = 21 };

/* Example i is i - 50 everywhere but in one place: 1000 in example 7. */
static void fetch_ramp(const examples *ex, part p, int first, int count, float *x, float *y)
{
    (void)ex, (void)p, (void)y;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < SIZE; k++)
            x[i * SIZE + k] = first + i == 7 && k == 3 ? 1000 : (float)(first + i - 50);
}

static void fetch_nan(const examples *ex, part p, int first, int count, float *x, float *y)
{
    fetch_ramp(ex, p, first, count, x, y);
    if (first == 60) x[5] = NAN;
}

/* One dense unit that sums its inputs, then tanh. */
static const net_spec net_of_sum = {
    .in = {1, {SIZE}},
    .n = 2,
    .layer = {{.kind = LAYER_DENSE, .units = 1, .act = ACT_TANH, .bias = true},
              {.kind = LAYER_RESHAPE, .to = {2, {1, 1}}}}};

static status observe(int n_examples, double percentile,
                      void (*fetch)(const examples *, part, int, int, float *, float *),
                      value_range *ranges, err *e)
{
    arena a;
    arena_init(&a, 0);
    float params[SIZE + 1];
    for (int i = 0; i <= SIZE; i++) params[i] = 1;
    net_spec spread;
    cr_assert_eq(calibrate_spread(&net_of_sum, &spread, NULL), OK);
    cr_assert_eq(spread.n, 3, "tanh is a layer of its own");
    const examples ex = {.in = spread.in, .n = {101}, .fetch = fetch};
    const calibration how = {n_examples, percentile};
    status s = calibrate(&spread, params, &ex, &how, 0, &a, ranges, NULL, e);
    cr_expect_eq(a.used, 0, "scratch is given back");
    arena_free(&a);
    return s;
}

Test(calibrate, extremes_are_those_of_the_examples)
{
    value_range r[4];
    cr_assert_eq(observe(1000, 100, fetch_ramp, r, NULL), OK);
    cr_expect(r[0].least == -50 && r[0].most == 1000, "%g to %g", (double)r[0].least,
              (double)r[0].most);
    cr_expect_eq(r[1].least, -50 * SIZE + 1);
    cr_expect_eq(r[1].most, 50 * SIZE + 1);
    cr_expect(fabsf(r[2].least + 1) < 1e-6F && fabsf(r[2].most - 1) < 1e-6F);
}

Test(calibrate, examples_are_spread_evenly)
{
    value_range r[4];
    cr_assert_eq(observe(2, 100, fetch_ramp, r, NULL), OK); /* examples 0 and 50 */
    cr_expect(r[0].least == -50 && r[0].most == 0, "%g to %g", (double)r[0].least,
              (double)r[0].most);
}

Test(calibrate, percentiles_leave_rare_values_out)
{
    value_range r[4];
    cr_assert_eq(observe(101, 99.5, fetch_ramp, r, NULL), OK);
    const float bin = 1050.0F / 4096;
    cr_expect(fabsf(r[0].most - 50) <= 1 + bin && r[0].least >= -50 && r[0].least <= -49 + bin,
              "%g to %g", (double)r[0].least, (double)r[0].most);
}

Test(calibrate, an_activation_that_is_not_finite_is_an_error)
{
    value_range r[4];
    err e = {0};
    cr_expect_eq(observe(101, 100, fetch_nan, r, &e), ERR_NUM);
    cr_expect(strstr(e.msg, "not finite"), "%s", e.msg);
}

/* real = scale * (q - zero): both ends within half a step, zero exact (TensorFlow Lite's rule). */
Test(calibrate, steps_hold_the_range_and_zero)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 0);
        const float p = 10 * rng_normal(&r), q = 10 * rng_normal(&r);
        const value_range range = {fminf(p, q), fmaxf(p, q)};
        const affine a = affine_of_range(range);
        cr_expect(a.zero >= -128 && a.zero <= 127);
        cr_expect_eq(affine_decode(a, affine_encode(a, 0)), 0.0F);
        const float ends[2] = {fminf(range.least, 0), fmaxf(range.most, 0)};
        for (int i = 0; i < 2; i++) {
            const float off = fabsf(affine_decode(a, affine_encode(a, ends[i])) - ends[i]);
            cr_expect_leq(off, 0.502F * a.scale, "seed %d: %g steps", (int)seed,
                          (double)(off / a.scale));
        }
    }
    const affine dead = affine_of_range((value_range){0, 0});
    cr_expect(dead.scale == 1 && dead.zero == -128);
}

Test(calibrate, a_recurrent_layer_is_refused_with_advice)
{
    err e = {0};
    net_spec out;
    const net_spec net = {.in = {2, {6, 2}}, .n = 1, .layer = {{.kind = LAYER_LSTM, .units = 3}}};
    cr_expect_eq(calibrate_spread(&net, &out, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "layer 0 (lstm) cannot be stored as int8; use storage dynamic, "
                            "int8-weights or float16 for this network");
}
