/* What the front end costs, on one thread, in CPU time: kissfft's transforms alone, then each kind
 * of feature, and a training example under augmentation, all over the same clip in the same run.
 * Figures are minima over repeated blocks, as the machine may be shared; the ratio in the last column
 * is to the transforms alone. */
#include "engine/base/clock.h"
#include "engine/data/augment.h"
#include "engine/signal/feature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test_clip.h"

typedef struct {
    const float *x;
    float *y;
    fft kiss;
    feature_plan plan;
    examples augmented;
} bench;

static void transforms_alone(const bench *b)
{
    for (int f = 0; f < 49; f++) fft_real(&b->kiss, b->y, b->x + 320 * f);
}

static void features(const bench *b)
{
    feature_run(&b->plan, b->y, b->x);
}

static void augmented_example(const bench *b)
{
    b->augmented.fetch(&b->augmented, PART_TRAIN, 0, 1, b->y, NULL);
}

/* Least CPU time of one call, in microseconds, over blocks of about 20 ms. */
static double best_us(void (*run)(const bench *), const bench *b)
{
    enum { CALLS = 200, BLOCKS = 40 };
    double best = 1e9;
    for (int i = 0; i < BLOCKS; i++) {
        double t = clock_cpu();
        for (int k = 0; k < CALLS; k++) run(b);
        t = (clock_cpu() - t) / CALLS * 1e6;
        if (t < best) best = t;
    }
    return best;
}

static void show(const char *what, const char *set, double us, double alone)
{
    printf("%-34s %-9s %8.1f us/clip %9.0f clips/s %6.2f\n", what, set, us, 1e6 / us, us / alone);
    fflush(stdout);
}

static void check(status s, const err *e)
{
    if (s == OK) return;
    fprintf(stderr, "bench_feature: %s\n", e->msg);
    exit(1);
}

static void bench_kind(bench *b, const char *what, feature_settings s, double alone, arena *a)
{
    static const char *const sets[] = {"baseline", "avx2"};
    err e = {0};
    check(feature_plan_make(&b->plan, &s, a, &e), &e);
    for (int i = 0; i < 2; i++) {
        const lanes_ops *ops = lanes_find(sets[i]);
        if (!ops) continue;
        b->plan.ops = b->plan.resample.ops = ops;
        show(what, ops->name, best_us(features, b), alone);
    }
}

static status samples_of_test_clip(const clips *c, int i, const audio_options *o, int rate,
                                   float *x, int n, arena *a, audio_fault *fault, err *e)
{
    (void)i, (void)o, (void)rate, (void)a, (void)fault, (void)e;
    memcpy(x, c->source, (size_t)n * sizeof *x);
    return OK;
}

/* What a trainer pays for an example that it hears anew in every epoch. */
static void bench_augmented(bench *b, double alone, arena *a)
{
    static const char *const words[] = {"go"};
    static const clip one = {"clip", 0, 0, PART_TRAIN};
    const clips list = {1, words, 1, 1, &one, {1}, samples_of_test_clip, b->x};
    clip_set_options o = {.features = feature_defaults(FEATURE_MFCC), .storage = CLIP_FLOAT16};
    const augment_config c = {.shift_ms = 100,
                              .noise = 1,
                              .noise_kind = NOISE_PINK,
                              .snr_low = 5,
                              .snr_high = 25,
                              .gain_db = 6,
                              .time_masks = 1,
                              .time_width = 5};
    clip_set data, wave;
    buf bytes[2] = {{0}};
    err e = {0};
    check(clip_set_build(&list, &o, 0, 1, a, &bytes[0], &e), &e);
    o.storage = CLIP_INT16;
    check(clip_set_build(&list, &o, 0, 1, a, &bytes[1], &e), &e);
    check(clip_set_read(&data, bytes[0].data, bytes[0].len, "features", &e), &e);
    check(clip_set_read(&wave, bytes[1].data, bytes[1].len, "waveforms", &e), &e);
    augment_sounds sounds = {&wave, 1, NULL};
    check(augment_examples(&c, &data, &sounds, 1, a, &b->augmented, &e), &e);
    show("MFCC 49x10, augmented", "-", best_us(augmented_example, b), alone);
    buf_free(&bytes[0]);
    buf_free(&bytes[1]);
}

int main(void)
{
    arena a;
    arena_init(&a, 0);
    err e = {0};
    bench b = {.x = test_clip(&a), .y = ARENA_NEW(&a, float, 1 << 20)};
    check(fft_plan(&b.kiss, 640, &a, &e), &e);
    double alone = best_us(transforms_alone, &b);
    show("49 kissfft transforms of 640", "-", alone, alone);
    bench_kind(&b, "STFT magnitude 49x321", feature_defaults(FEATURE_STFT), alone, &a);
    bench_kind(&b, "log-mel 49x40", feature_defaults(FEATURE_LOG_MEL), alone, &a);
    bench_kind(&b, "MFCC 49x10", feature_defaults(FEATURE_MFCC), alone, &a);
    bench_augmented(&b, alone, &a);
    bench_kind(&b, "STFT 256/128 resized 32x32", feature_defaults(FEATURE_STFT_RESIZED), alone, &a);
    feature_settings low = feature_defaults(FEATURE_MFCC);
    low.rate = 8000;
    low.frame = low.fft = 320;
    low.hop = 160;
    bench_kind(&b, "MFCC 49x10 at 8 kHz, resampled", low, alone, &a);
    feature_settings course = feature_defaults(FEATURE_MFCC);
    course.clip_rate = course.clip_samples = 48000;
    float *second = ARENA_NEW(&a, float, 48000);
    for (int i = 0; i < 48000; i++) second[i] = b.x[i % 16000];
    b.x = second;
    bench_kind(&b, "MFCC 49x10 from 48 kHz, resampled", course, alone, &a);
    arena_free(&a);
    return 0;
}
