/* The model of a device. No test here depends on this machine's speed. */
#include "engine/measure/cost.h"
#include "engine/measure/device.h"
#include "tests/support/nets.h"

#include <criterion/criterion.h>
#include <math.h>

static device_model model(void)
{
    device_model m;
    err e = {0};
    cr_assert_eq(device_fit("raspberry-pi-4", &m, &e), OK, "%s", e.msg);
    return m;
}

Test(device, an_unknown_one_is_refused_by_name)
{
    device_model m;
    err e = {0};
    cr_expect_eq(device_fit("toaster", &m, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "device 'toaster' is not known; use raspberry-pi-4");
}

/* What is written in the table, from the networks themselves. */
Test(device, lab_networks_are_modelled_near_their_published_times)
{
    static const struct {
        const char *arch, *feature;
        double alpha, ms;
    } rows[] = {{"ds-cnn", "mfcc", 1, 4.92}, {"ds-cnn", "mfcc", 0.5, 1.65},
                {"ds-cnn", "stft", 1, 6.95}, {"cnn", "mfcc", 1, 7.44},
                {"cnn", "stft", 0.5, 2.82},  {"cnn", "stft", 1, 10.37}};
    const device_model m = model();
    const tflite_options o = {.storage = STORE_FLOAT32};
    arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        net_spec s;
        net_cost cost;
        const char *json = keyword_net(&a, rows[i].arch, rows[i].feature, rows[i].alpha, "valid");
        cr_assert_eq(net_from_text(json, &s, NULL), OK);
        cr_assert_eq(cost_of_net(&s, &o, 0, &a, &cost, NULL), OK);
        const double ms = device_inference_ms(&m, &cost.work);
        cr_expect_lt(fabs(ms / rows[i].ms - 1), 0.08, "%s %s %g: %g ms, published %g", rows[i].arch,
                     rows[i].feature, rows[i].alpha, ms, rows[i].ms);
    }
    arena_free(&a);
}

Test(device, the_fit_is_at_its_minimum)
{
    arena a;
    table t;
    device_model m = model();
    arena_init(&a, 0);
    cr_expect_lt(m.inference_error, 0.2);
    cr_expect_lt(m.front_end_error, 0.2);
    double best = 0;
    for (int k = -1; k < 2 * DEVICE_INFERENCE_TERMS; k++) { /* any step away makes it worse */
        device_model other = m;
        if (k >= 0) other.inference[k / 2] *= k % 2 ? 1.01 : 0.99;
        cr_assert_eq(device_table(&other, &a, &t, NULL), OK);
        double sum = 0;
        for (int i = 0; i < t.n_rows; i++) {
            const cell *c = &t.cells[i * t.n_columns];
            if (c[0].text[0] == 'i') sum += pow(c[2].number / c[1].number - 1, 2);
        }
        if (k < 0) best = sum;
        cr_expect_geq(sum, best, "coefficient %d: %.9g, not %.9g", k / 2, sum, best);
    }
    arena_free(&a);
}

Test(device, front_ends_cost_more_with_a_larger_mel_matrix)
{
    const device_model m = model();
    feature_settings s = feature_defaults(FEATURE_MFCC), small = s;
    small.mel_bins = 10;
    const double full = device_front_end_ms(&m, &s);
    const feature_settings magnitudes = feature_defaults(FEATURE_STFT_RESIZED);
    cr_expect_gt(full, device_front_end_ms(&m, &small));
    cr_expect_gt(device_front_end_ms(&m, &small), device_front_end_ms(&m, &magnitudes));
    cr_expect_lt(fabs(full / 56.0 - 1), 0.1, "%g ms, published 56", full);
}
