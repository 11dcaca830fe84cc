#include "engine/data/augment.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/rng.h"

static arena memory;

/* A made-up set: its features, and its training part's waveforms in two shards. */
static struct {
    clips list;
    feature_settings front_end;
    buf bytes[3];
    clip_set data, wave[2];
    augment_sounds sounds;
    examples plain;
} f;

/* Multiples of 1/32768, so that 16 bits hold them. */
static status rounded_samples(const clips *c, int i, const audio_options *o, int rate, float *x,
                              int n, arena *a, audio_fault *fault, err *e)
{
    (void)c, (void)o, (void)rate, (void)a, (void)fault, (void)e;
    rng r = rng_stream((uint64_t)i, RNG_TEST, 0);
    for (int k = 0; k < n; k++)
        x[k] = rintf(8000 * sinf((float)k * (0.02f + 0.01f * (float)i)) + 100 * rng_normal(&r)) /
               32768;
    return OK;
}

enum { TRAIN = 8, VAL = 3, TEST = 2, N = TRAIN + VAL + TEST, FRAMES = 49, BANDS = 12 };

static buf built(clip_storage storage, int first, int count, clip_set *out)
{
    buf b = {0};
    err e = {0};
    clip_set_options o = {.features = f.front_end, .storage = storage};
    cr_assert_eq(clip_set_build(&f.list, &o, first, count, &memory, &b, &e), OK, "%s", e.msg);
    cr_assert_eq(clip_set_read(out, b.data, b.len, "set", &e), OK, "%s", e.msg);
    return b;
}

static void start(void)
{
    static const char *const words[] = {"go", "stop"};
    static clip list[N];
    arena_init(&memory, 0);
    for (int i = 0; i < N; i++)
        list[i] = (clip){"x", i % 2, 0,
                         i < TRAIN         ? PART_TRAIN
                         : i < TRAIN + VAL ? PART_VAL
                                           : PART_TEST};
    f.list = (clips){.n_words = 2,
                     .word = words,
                     .n_speakers = 1,
                     .n = N,
                     .clip = list,
                     .n_part = {TRAIN, VAL, TEST},
                     .samples = rounded_samples};
    f.front_end = feature_defaults(FEATURE_LOG_MEL);
    f.front_end.mel_bins = BANDS;
    f.bytes[0] = built(CLIP_FLOAT16, 0, N, &f.data);
    f.bytes[1] = built(CLIP_INT16, 0, 3, &f.wave[0]);
    f.bytes[2] = built(CLIP_INT16, 3, TRAIN - 3, &f.wave[1]);
    f.sounds = (augment_sounds){f.wave, 2, NULL};
    clip_set_examples(&f.data, &f.plain);
}

static void end(void)
{
    for (int i = 0; i < 3; i++) buf_free(&f.bytes[i]);
    arena_free(&memory);
}

TestSuite(augment, .init = start, .fini = end);

static examples augmented(const augment_config *c, uint64_t seed)
{
    examples ex;
    err e = {0};
    cr_assert_eq(augment_examples(c, &f.data, &f.sounds, seed, &memory, &ex, &e), OK, "%s", e.msg);
    return ex;
}

enum { SIZE = FRAMES * BANDS };

static const augment_config everything = {.shift_ms = 100,
                                          .noise = 0.5,
                                          .noise_kind = NOISE_PINK,
                                          .snr_low = 0,
                                          .snr_high = 20,
                                          .gain_db = 6,
                                          .time_masks = 2,
                                          .time_width = 8,
                                          .frequency_masks = 1,
                                          .frequency_width = 3};

/* --- what is drawn --- */

static augment_draw draw(const augment_config *c, uint64_t seed, int epoch, int index)
{
    return augment_draw_one(c, 16000, (shape){3, {FRAMES, BANDS, 1}}, seed, epoch, index);
}

Test(augment, draws_are_even_over_their_ranges)
{
    enum { DRAWS = 20000 };
    int quarter[4] = {0}, noisy = 0, width[9] = {0}, ends = 0;
    double gain = 0, snr = 0;
    for (int i = 0; i < DRAWS; i++) {
        augment_draw d = draw(&everything, 1, i % 20, i / 20);
        cr_assert(d.shift >= -1600 && d.shift <= 1600);
        cr_assert(fabsf(d.gain_db) <= 6 && d.snr_db >= 0 && d.snr_db <= 20);
        quarter[(d.shift + 1600) * 4 / 3201]++;
        ends += abs(d.shift) > 1590;
        noisy += d.noisy;
        gain += (double)d.gain_db;
        snr += (double)d.snr_db;
        for (int m = 0; m < 2; m++) {
            cr_assert(d.time[m].from >= 0 && d.time[m].count >= 0 && d.time[m].count <= 8 &&
                      d.time[m].from + d.time[m].count <= FRAMES);
            width[d.time[m].count]++;
        }
    }
    for (int q = 0; q < 4; q++) cr_expect_float_eq(quarter[q], DRAWS / 4.0, 300);
    for (int w = 0; w < 9; w++) cr_expect_float_eq(width[w], 2 * DRAWS / 9.0, 300);
    cr_expect_gt(ends, 50, "the ends of the range are reached");
    cr_expect_float_eq(noisy, DRAWS / 2.0, 350);
    cr_expect_float_eq(gain / DRAWS, 0, 0.15);
    cr_expect_float_eq(snr / DRAWS, 10, 0.25);
}

Test(augment, a_draw_is_named_by_seed_epoch_and_index)
{
    augment_draw base = draw(&everything, 1, 2, 3), same = draw(&everything, 1, 2, 3);
    cr_expect_eq(memcmp(&base, &same, sizeof base), 0);
    cr_expect_neq(base.shift, draw(&everything, 2, 2, 3).shift);
    cr_expect_neq(base.shift, draw(&everything, 1, 3, 3).shift);
    cr_expect_neq(base.shift, draw(&everything, 1, 2, 4).shift);
}

Test(augment, masks_wider_than_the_features_are_cut)
{
    augment_config c = {
        .time_masks = 1, .time_width = 1000, .frequency_masks = 1, .frequency_width = 1000};
    bool all = false;
    for (int i = 0; i < 1000; i++) {
        augment_draw d = draw(&c, 1, 0, i);
        cr_assert(d.time[0].from + d.time[0].count <= FRAMES);
        cr_assert(d.frequency[0].from + d.frequency[0].count <= BANDS);
        all |= d.time[0].count == FRAMES;
    }
    cr_expect(all);
}

/* --- examples --- */

Test(augment, fetching_is_the_same_in_any_order_and_differs_between_epochs)
{
    examples ex = augmented(&everything, 5), other = augmented(&everything, 5);
    float whole[TRAIN * SIZE], one[SIZE], again[TRAIN * SIZE];
    ex.fetch(&ex, PART_TRAIN, 0, TRAIN, whole, NULL);
    for (int i = TRAIN - 1; i >= 0; i--) {
        float label;
        other.fetch(&other, PART_TRAIN, i, 1, one, &label);
        cr_expect_eq(memcmp(one, whole + i * SIZE, sizeof one), 0, "clip %d", i);
        cr_expect_eq(label, (float)(i % 2));
    }
    ex.epoch = 1;
    ex.fetch(&ex, PART_TRAIN, 0, TRAIN, again, NULL);
    cr_expect_neq(memcmp(whole, again, sizeof whole), 0);
    ex.epoch = 0;
    ex.fetch(&ex, PART_TRAIN, 0, TRAIN, again, NULL);
    cr_expect_eq(memcmp(whole, again, sizeof whole), 0);
}

Test(augment, validation_and_test_are_never_touched)
{
    examples ex = augmented(&everything, 5);
    float x[VAL * SIZE], y[VAL * SIZE];
    for (int epoch = 0; epoch < 3; epoch++)
        for (int p = PART_VAL; p <= PART_TEST; p++) {
            int n = p == PART_VAL ? VAL : TEST;
            ex.epoch = epoch;
            ex.fetch(&ex, (part)p, 0, n, x, NULL);
            f.plain.fetch(&f.plain, (part)p, 0, n, y, NULL);
            cr_expect_eq(memcmp(x, y, (size_t)(n * SIZE) * sizeof *x), 0);
        }
}

Test(augment, a_shift_of_no_sample_gives_the_stored_features)
{
    augment_config c = {.shift_ms = 0.01};
    examples ex = augmented(&c, 5);
    float x[TRAIN * SIZE], y[TRAIN * SIZE];
    ex.fetch(&ex, PART_TRAIN, 0, TRAIN, x, NULL);
    f.plain.fetch(&f.plain, PART_TRAIN, 0, TRAIN, y, NULL);
    cr_expect_eq(memcmp(x, y, sizeof x), 0);
}

/* The same from the definition, in double. */
static void hear_naively(const augment_config *c, uint64_t seed, int epoch, int index, double *y)
{
    enum { S = 16000 };
    augment_draw d = draw(c, seed, epoch, index);
    static float x[S], heard[S];
    static int16_t noise[AUGMENT_NOISE_SECONDS * S];
    noise_make(c->noise_kind, seed, noise, AUGMENT_NOISE_SECONDS * S);
    rounded_samples(NULL, index, NULL, 0, x, S, NULL, NULL, NULL);
    int chunk = (int)(d.noise_chunk * AUGMENT_NOISE_SECONDS);
    const int16_t *v =
        noise + chunk * S + (chunk + 1 < AUGMENT_NOISE_SECONDS ? (int)(d.noise_at * S) : 0);
    double signal = 0, hum = 0;
    for (int t = 0; t < S; t++) {
        heard[t] = t - d.shift >= 0 && t - d.shift < S ? x[t - d.shift] : 0;
        signal += (double)heard[t] * (double)heard[t];
        hum += v[t] / 32768.0 * v[t] / 32768.0;
    }
    double scale = d.noisy ? sqrt(signal / hum / pow(10, (double)d.snr_db / 10)) : 0;
    for (int t = 0; t < S; t++)
        heard[t] = (float)fmin(1, fmax(-1, pow(10, (double)d.gain_db / 20) *
                                               ((double)heard[t] + scale * v[t] / 32768)));
    cr_assert_eq(feature_naive(&f.front_end, y, heard, &memory, NULL), OK);
}

Test(augment, waveforms_are_shifted_mixed_and_amplified_as_defined)
{
    augment_config c = everything;
    c.time_masks = c.frequency_masks = 0;
    examples ex = augmented(&c, 7);
    int noisy = 0;
    for (int epoch = 0; epoch < 2; epoch++)
        for (int i = 0; i < TRAIN; i++) {
            float x[SIZE];
            double want[SIZE];
            ex.epoch = epoch;
            ex.fetch(&ex, PART_TRAIN, i, 1, x, NULL);
            hear_naively(&c, 7, epoch, i, want);
            noisy += draw(&c, 7, epoch, i).noisy;
            for (int k = 0; k < SIZE;
                 k++) /* half a unit of a half, and the front end's own error */
                cr_assert(fabs((double)x[k] - want[k]) < 0.0005 * fabs(want[k]) + 0.002,
                          "clip %d, %d: %g, not %g", i, k, (double)x[k], want[k]);
        }
    cr_expect(noisy > 2 && noisy < 14, "%d", noisy);
}

Test(augment, masked_columns_and_frames_hold_the_mean_and_the_rest_is_as_it_was)
{
    augment_config c = everything;
    c.shift_ms = c.noise = c.gain_db = 0;
    examples ex = augmented(&c, 3);
    int masked = 0;
    for (int i = 0; i < TRAIN; i++) {
        float x[SIZE], y[SIZE];
        augment_draw d = draw(&c, 3, 0, i);
        ex.fetch(&ex, PART_TRAIN, i, 1, x, NULL);
        f.plain.fetch(&f.plain, PART_TRAIN, i, 1, y, NULL);
        for (int b = 0; b < BANDS; b++) {
            double mean = 0;
            for (int t = 0; t < FRAMES; t++) mean += (double)y[t * BANDS + b] / FRAMES;
            for (int t = 0; t < FRAMES; t++) {
                bool in =
                    b >= d.frequency[0].from && b < d.frequency[0].from + d.frequency[0].count;
                for (int m = 0; m < 2; m++)
                    in |= t >= d.time[m].from && t < d.time[m].from + d.time[m].count;
                double want = in ? mean : (double)y[t * BANDS + b];
                cr_assert_float_eq(x[t * BANDS + b], want, in ? 1e-5 : 0, "clip %d, %d, %d", i, t,
                                   b);
                masked += in;
            }
        }
    }
    cr_expect_gt(masked, TRAIN * SIZE / 20);
}

Test(augment, masks_need_no_waveforms_and_the_rest_needs_the_right_ones)
{
    augment_config c = {.time_masks = 1, .time_width = 4};
    augment_sounds none = {0}, half = {f.wave, 1, NULL}, wrong = {&f.wave[1], 1, NULL};
    examples ex;
    err e = {0};
    cr_expect_eq(augment_examples(&c, &f.data, &none, 1, &memory, &ex, &e), OK);
    c.gain_db = 3;
    cr_expect_eq(augment_examples(&c, &f.data, &half, 1, &memory, &ex, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "waveforms of 3 clips, and features of 8 to train on");
    e = (err){0};
    cr_expect_eq(augment_examples(&c, &f.data, &wrong, 1, &memory, &ex, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "the waveforms are not of the clips to train on");
    e = (err){0};
    c.noise = 1, c.noise_kind = NOISE_RECORDINGS;
    cr_expect_eq(augment_examples(&c, &f.data, &f.sounds, 1, &memory, &ex, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg, "there are no recordings of noise as long as a clip");
}

Test(augment, what_cannot_be_meant_is_refused)
{
    static const struct {
        const char *json, *message;
    } rows[] = {
        {"{\"shift_ms\":-1}", "parameter 'shift_ms' is -1; it must be from 0 to 1000"},
        {"{\"noise\":2}", "parameter 'noise' is 2; it must be from 0 to 1"},
        {"{\"gain_db\":41}", "parameter 'gain_db' is 41; it must be from 0 to 40"},
    };
    augment_config c;
    node *tree;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        err e = {0};
        cr_assert_eq(node_read_json(&memory, rows[i].json, strlen(rows[i].json), &tree, NULL), OK);
        cr_expect_eq(augment_parse(tree, &c, &e), ERR_ARG);
        cr_expect_str_eq(e.msg, rows[i].message);
    }
    static const char too_many[] = "{\"time_masks\":17}", nothing[] = "{}";
    cr_assert_eq(node_read_json(&memory, too_many, strlen(too_many), &tree, NULL), OK);
    cr_expect_eq(augment_parse(tree, &c, NULL), ERR_ARG);
    cr_assert_eq(node_read_json(&memory, nothing, strlen(nothing), &tree, NULL), OK);
    cr_assert_eq(augment_parse(tree, &c, NULL), OK);
    cr_expect(!augment_hears(&c) && c.time_masks == 0 && c.frequency_masks == 0);
}
