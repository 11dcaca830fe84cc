/* Models written as C give the numbers of the interpreter and of the front end. */
#include "engine/base/file.h"
#include "engine/base/rng.h"
#include "engine/data/speech.h"
#include "engine/nn/fold.h"
#include "engine/signal/feature.h"
#include "engine/stage.h"
#include "engine/tflite/interpreter.h"
#include "tests/support/c_model.h"
#include "tests/support/random_net.h"
#include "tests/support/test_clip.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_RANDOM = 20 };
static const size_t MOST = (size_t)16 << 20;

typedef struct {
    const char *name;
    c_model c;
    interpreter *it;
    bool is_hybrid;   /* quantizes activations as they come */
    double magnitude; /* errors are a part of this, or of the largest output where that is larger */
} pair;

/* The greatest difference as a part of the largest value, which is `most` at least. */
static double distance(const float *got, const float *want, int n, double most)
{
    double worst = 0;
    for (int i = 0; i < n; i++) {
        if (!isfinite(got[i]) || !isfinite(want[i])) return got[i] == want[i] ? 0 : INFINITY;
        worst = fmax(worst, fabs((double)got[i] - (double)want[i]));
        most = fmax(most, fabs((double)want[i]));
    }
    return worst / most;
}

static double distance_at(pair *p, const void *x, arena *a)
{
    tfl_port *in = interpreter_input(p->it, 0);
    const tfl_port *out = interpreter_output(p->it, 0);
    memcpy(in->data, x, in->bytes);
    interpreter_invoke(p->it);
    void *y = ARENA_NEW(a, char, out->bytes);
    if (in->type == TFL_INT8) {
        cr_assert(p->c.run_int8);
        p->c.run_int8(x, y);
        return memcmp(y, out->data, out->bytes) == 0 ? 0 : INFINITY;
    }
    cr_assert_eq(p->c.run(x, y), 0);
    return distance(y, out->data, (int)(out->bytes / sizeof(float)), p->magnitude);
}

/* Sums run in other orders than the interpreter's vectors, and its kernels fuse multiplication and
 * addition where the machine can. Where activations become int8 on the way, one on the edge of two steps
 * may then fall to the other side; an input a few units in its last place away agrees. */
static void compare(pair *p, const void *x, arena *a)
{
    const tfl_port *in = interpreter_input(p->it, 0);
    const size_t n = in->bytes / sizeof(float);
    double far = distance_at(p, x, a);
    float *near = ARENA_NEW(a, float, n + 1);
    for (int ulps = -4; far > 1e-6 && p->is_hybrid && ulps <= 4; ulps++) {
        memcpy(near, x, in->bytes);
        for (size_t i = 0; i < n; i++) near[i] *= 1 + (float)ulps * 0x1p-23F;
        far = distance_at(p, near, a);
    }
    cr_expect_leq(far, 1e-6, "%s: off by %g", p->name, far);
}

/* Noise, or any bytes. */
static void compare_random(pair *p, arena *a, uint64_t seed)
{
    const tfl_port *in = interpreter_input(p->it, 0);
    rng r = rng_stream(seed, 0, RNG_INIT);
    for (int k = 0; k < N_RANDOM; k++) {
        arena_mark_t mark = arena_mark(a);
        if (in->type == TFL_INT8) {
            int8_t *x = ARENA_NEW(a, int8_t, in->bytes);
            for (size_t i = 0; i < in->bytes; i++) x[i] = (int8_t)((int)rng_below(&r, 256) - 128);
            compare(p, x, a);
        } else {
            compare(p, random_floats(&r, a, (int)(in->bytes / sizeof(float)), 1), a);
        }
        arena_release(a, mark);
    }
}

static void check_file(pair *p, const void *file, size_t n, arena *a, uint64_t seed)
{
    err e = {0};
    p->c = c_model_make(a, file, n, NULL);
    cr_assert_eq(interpreter_open(a, file, n, &p->it, &e), OK, "%s: %s", p->name, e.msg);
    compare_random(p, a, seed);
}

static bool is_hybrid(const char *line)
{
    static const char *const versions[] = {"CONV_2Dv2", "CONV_2Dv5", "FULLY_CONNECTEDv3",
                                           "FULLY_CONNECTEDv9"};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (strstr(line, versions[i])) return true;
    return false;
}

static char *read_data(arena *a, const char *path, size_t *n)
{
    char *bytes = NULL;
    err e = {0};
    cr_assert_eq(file_read(a, path, MOST, &bytes, n, &e), OK, "%s", e.msg);
    return bytes;
}

static void check_oracle(const char *line, const char *folder)
{
    arena a;
    char id[16];
    size_t n, n_x;
    arena_init(&a, 0);
    snprintf(id, sizeof id, "%.12s", line);
    pair p = {.name = id, .is_hybrid = is_hybrid(line), .magnitude = 1e-30};
    const char *file = read_data(&a, arena_printf(&a, "%s/%s.tflite", folder, id), &n);
    check_file(&p, file, n, &a, 1);
    for (int k = 0; k < 3; k++)
        compare(&p, read_data(&a, arena_printf(&a, "%s/%s.%d.in", folder, id, k), &n_x), &a);
    c_model_end(&p.c);
    arena_free(&a);
}

Test(c_source, files_of_other_people_become_c_with_the_interpreters_numbers, .timeout = 300)
{
    arena a;
    size_t n;
    int rows = 0;
    if (!getenv("PARETUNE_DATA")) cr_skip("PARETUNE_DATA is not set");
    arena_init(&a, 0);
    const char *folder = arena_printf(&a, "%s/oracles", getenv("PARETUNE_DATA"));
    char *index = read_data(&a, arena_printf(&a, "%s/index.csv", folder), &n);
    for (char *line = strchr(index, '\n'); line && line[1]; rows++) {
        char *end = strchr(++line, '\n');
        if (end) *end = '\0';
        check_oracle(line, folder);
        line = end;
    }
    cr_expect_gt(rows, 0);
    arena_free(&a);
}

static void check_random_net(weight_storage storage, uint64_t seed)
{
    arena a;
    buf file = {0};
    err e = {0};
    arena_init(&a, 0);
    rng r = rng_stream(seed, 0, RNG_INIT);
    net_spec net;
    tflite_options o = {.storage = storage, .per_channel = seed % 2 == 0};
    const float *params = random_folded_net(&r, storage, 0.3F, &a, &net, &o);
    cr_assert_eq(tflite_write(&net, params, &o, &a, &file, &e), OK, "%s", e.msg);
    pair p = {.name = arena_printf(&a, "storage %d, seed %d", (int)storage, (int)seed),
              .is_hybrid = storage == STORE_DYNAMIC,
              .magnitude = 1};
    check_file(&p, file.data, file.len, &a, seed);
    c_model_end(&p.c);
    buf_free(&file);
    arena_free(&a);
}

Test(c_source, every_storage_of_random_networks_becomes_c, .timeout = 300)
{
    for (int storage = 0; storage < N_STORAGES; storage++)
        for (uint64_t seed = 0; seed < 8; seed++) check_random_net((weight_storage)storage, seed);
}

/* --- the front end --- */

/* A file that any front end may stand before. */
static void put_any_model(arena *a, buf *file)
{
    err e = {0};
    net_spec net = {.in = {1, {4}}, .n = 1};
    net.layer[0] = (layer_spec){.kind = LAYER_DENSE, .units = 2};
    cr_assert_eq(tflite_write(&net, NULL, &(tflite_options){0}, a, file, &e), OK, "%s", e.msg);
}

static const char *const front_ends[] = {
    "{\"kind\":\"mfcc\"}",
    "{\"kind\":\"mfcc\",\"rate\":8000,\"frame_ms\":40,\"hop_ms\":20,\"full_scale\":32767}",
    "{\"kind\":\"log-mel\",\"frame\":480,\"hop\":480,\"mel_bins\":64,\"mel_high\":8000}",
    "{\"kind\":\"log-mel\",\"clip_rate\":48000,\"clip_samples\":48000,\"rate\":16000,\"frame\":400,"
    "\"hop\":160}",
    "{\"kind\":\"stft\",\"frame\":256,\"hop\":128}",
    "{\"kind\":\"stft\",\"frame\":255,\"hop\":300,\"fft\":686}",  /* 343 = 7^3 points */
    "{\"kind\":\"stft\",\"frame\":320,\"hop\":8000,\"fft\":502}", /* 251 is prime */
    "{\"kind\":\"stft-resized\"}",
    "{\"kind\":\"stft-resized\",\"resize\":160,\"hop\":256}", /* more rows than frames */
    "{\"kind\":\"log-mel\",\"clip_rate\":44100,\"clip_samples\":44100,\"rate\":16000,\"frame\":640,"
    "\"hop\":320}",
};

static void compare_features(const c_model *c, const char *json, const int16_t *sound, int n_clips,
                             int n_samples, arena *a)
{
    err e = {0};
    node *tree;
    feature_settings s;
    feature_plan plan;
    cr_assert_eq(node_read_json(a, json, strlen(json), &tree, &e), OK, "%s", e.msg);
    cr_assert_eq(feature_parse(tree, &s, &e), OK, "%s", e.msg);
    cr_assert_eq(feature_plan_make(&plan, &s, a, &e), OK, "%s", e.msg);
    const int n = shape_size(plan.out);
    int16_t *one = ARENA_NEW(a, int16_t, s.clip_samples);
    float *x = ARENA_NEW(a, float, s.clip_samples), *want = ARENA_NEW(a, float, n),
          *got = ARENA_NEW(a, float, n);
    for (int k = 0; k < n_clips; k++) {
        for (int i = 0; i < s.clip_samples; i++) {
            one[i] = sound[(size_t)k * (size_t)n_samples + (size_t)(i % n_samples)];
            x[i] = (float)one[i] / (float)s.full_scale;
        }
        feature_run(&plan, want, x);
        cr_assert_eq(c->features(one, got), 0);
        const double far = distance(got, want, n, 1e-30);
        cr_expect_leq(far, 1e-5, "%s, clip %d: off by %g", json, k, far);
    }
}

static void check_front_ends(const int16_t *sound, int n_clips, int n_samples)
{
    arena a;
    buf file = {0};
    arena_init(&a, 0);
    put_any_model(&a, &file);
    for (size_t i = 0; i < sizeof front_ends / sizeof *front_ends; i++) {
        c_model c = c_model_make(&a, file.data, file.len, front_ends[i]);
        cr_assert(c.features);
        compare_features(&c, front_ends[i], sound, n_clips, n_samples, &a);
        c_model_end(&c);
    }
    buf_free(&file);
    arena_free(&a);
}

Test(c_source, every_kind_of_features_becomes_c, .timeout = 300)
{
    enum { N = 16000 };
    arena a;
    arena_init(&a, 0);
    const float *x = test_clip(&a);
    int16_t *sound =
        ARENA_NEW(&a, int16_t, 3 * N); /* the second all zeros, the third at full scale */
    for (int i = 0; i < N; i++) {
        sound[i] = (int16_t)(x[i] * 32768);
        sound[2 * N + i] = i / 7 % 2 ? INT16_MIN : INT16_MAX;
    }
    check_front_ends(sound, 3, N);
    arena_free(&a);
}

Test(c_source, real_clips_have_the_same_features_in_c, .timeout = 300)
{
    enum { N = 16000, EVERY = 100, MOST_CLIPS = 80 };
    arena a;
    clips c;
    err e = {0};
    int n = 0;
    const char *data = getenv("PARETUNE_DATA");
    if (!data) cr_skip("PARETUNE_DATA is not set");
    arena_init(&a, 0);
    const speech_options o = {.split = SPLIT_RANDOM, .val_percent = 10, .test_percent = 10};
    cr_assert_eq(speech_open(&c, arena_printf(&a, "%s/speech_commands", data), &o, NULL, &a, &e),
                 OK, "%s", e.msg);
    int16_t *sound = ARENA_NEW(&a, int16_t, MOST_CLIPS * N);
    float *x = ARENA_NEW(&a, float, N);
    for (int i = 0; i < c.n && n < MOST_CLIPS; i += EVERY, n++) {
        cr_assert_eq(c.samples(&c, i, &(audio_options){.full_scale = 32768}, N, x, N, &a, NULL, &e),
                     OK, "%s", e.msg);
        for (int k = 0; k < N; k++) sound[n * N + k] = (int16_t)lrintf(x[k] * 32768);
    }
    check_front_ends(sound, n, N);
    arena_free(&a);
}

/* --- what cannot be written --- */

Test(c_source, a_damaged_file_is_refused_with_a_reason)
{
    arena a;
    err e = {0};
    arena_init(&a, 0);
    cr_expect_eq(stage_write_c("/nonexistent", "TFL3 but no model", 17, NULL, &a, &e), ERR_INPUT);
    cr_expect(e.msg[0]);
    arena_free(&a);
}
