/* The front end and a network that other people trained on TensorFlow's own features: if ours were
 * not the same, its answers would not be either. */
#include "engine/data/speech.h"
#include "engine/signal/feature.h"
#include "engine/tflite/foreign.h"
#include "engine/tflite/interpreter.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "tests/support/random_net.h"
#include "tests/support/test_clip.h"

static arena memory;
static interpreter *staff; /* the course's DS-CNN: MFCC 49 x 10 in, eight logits out */
static char *staff_file;
static size_t staff_bytes;
static feature_plan plan;

static const char *data(const char *name)
{
    const char *folder = getenv("PARETUNE_DATA");
    if (!folder) cr_skip("PARETUNE_DATA is not set: the staff model is not tested");
    return file_join(&memory, folder, name);
}

static void open_staff(void)
{
    err e = {0};
    feature_settings s = feature_defaults(FEATURE_MFCC);
    cr_assert(file_read(&memory, data("oracles/20bf6f434c58.tflite"), 1 << 20, &staff_file,
                        &staff_bytes, &e) == OK,
              "%s", e.msg);
    cr_assert(interpreter_open(&memory, staff_file, staff_bytes, &staff, &e) == OK, "%s", e.msg);
    cr_assert(feature_plan_make(&plan, &s, &memory, &e) == OK, "%s", e.msg);
}

static void start(void)
{
    arena_init(&memory, 0);
}

static void end(void)
{
    arena_free(&memory);
}

TestSuite(front_end, .init = start, .fini = end);

/* The eight logits for 490 features; valid until the next call. */
static const float *infer(const float *features)
{
    memcpy(interpreter_input(staff, 0)->data, features, 490 * sizeof *features);
    interpreter_invoke(staff);
    return interpreter_output(staff, 0)->data;
}

static int best(const float *logits)
{
    int b = 0;
    for (int i = 1; i < 8; i++)
        if (logits[i] > logits[b]) b = i;
    return b;
}

Test(front_end, the_staff_model_gives_the_golden_logits_on_the_test_clip)
{
    static const double want[8] = {1.934665, -4.424532,  -7.589976, -3.596240,
                                   7.516416, -12.425165, 1.955580,  -11.563164};
    float features[490];
    open_staff();
    feature_run(&plan, features, test_clip(&memory));
    const float *got = infer(features);
    for (int i = 0; i < 8; i++)
        cr_expect(fabs((double)got[i] - want[i]) <= 1e-4 * fabs(want[i]) + 5e-7,
                  "logit %d is %.7g, not %.7g", i, (double)got[i], want[i]);
}

/* The clips of the random split, 705 of them for testing. */
static void open_clips(clips *c)
{
    const char **word;
    int n_words;
    err e = {0};
    cr_assert(speech_read_words(data("course_splits/labels.txt"), &word, &n_words, &memory, &e) ==
                  OK,
              "%s", e.msg);
    speech_options o = {.n_words = n_words,
                        .word = word,
                        .split = SPLIT_LISTS,
                        .list = {data("speech_commands/splits/random_train.txt"),
                                 data("speech_commands/splits/random_val.txt"),
                                 data("speech_commands/splits/random_test.txt")}};
    cr_assert(speech_open(c, data("speech_commands"), &o, NULL, &memory, &e) == OK, "%s", e.msg);
}

/* Features of a clip by our front end, and by the definitions in double. */
static void features_of(const clips *c, int i, float *ours, float *exact)
{
    err e = {0};
    float x[16000];
    double precise[490];
    cr_assert(c->samples(c, i, &(audio_options){.full_scale = 32768}, 16000, x, 16000, &memory,
                         NULL, &e) == OK,
              "%s", e.msg);
    feature_run(&plan, ours, x);
    cr_assert(feature_naive(&plan.s, precise, x, &memory, &e) == OK, "%s", e.msg);
    for (int k = 0; k < 490; k++) exact[k] = (float)precise[k];
}

/* Its accuracy on recordings that it has mostly seen, and equal decisions on both features. */
Test(front_end, the_staff_model_knows_real_clips_by_our_features)
{
    enum { EVERY = 10 };
    int n = 0, right = 0, same = 0;
    clips c;
    float ours[490], exact[490];
    open_staff();
    open_clips(&c);
    for (int i = c.n - c.n_part[PART_TEST]; i < c.n; i += EVERY, n++) {
        features_of(&c, i, ours, exact);
        const int heard = best(infer(ours));
        same += best(infer(exact)) == heard;
        right += heard == c.clip[i].label;
    }
    cr_expect(n == 71 && same == n && right > 60, "%d clips, %d decided alike, %d right", n, same,
              right);
}

/* All of the test part, judged by TensorFlow Lite itself: on our features it is right as often as on
 * those of the definitions, within 0.3 points, and our interpreter on our features decides as it does. */
Test(front_end, the_staff_model_in_tensorflow_lite_scores_the_same_by_our_features, .timeout = 900)
{
    enum { OURS, OURS_IN_REAL, EXACT_IN_REAL, N_WAYS };
    int n = 0, right[N_WAYS] = {0}, alike = 0;
    clips c;
    float ours[490], exact[490], y[8];
    err e = {0};
    foreign *real;
    if (!real_library()) cr_skip("TensorFlow Lite is not here");
    open_staff();
    open_clips(&c);
    cr_assert(foreign_open(&memory, real_library(), staff_file, staff_bytes, false, &real, &e) ==
                  OK,
              "%s", e.msg);
    for (int i = c.n - c.n_part[PART_TEST]; i < c.n; i++, n++) {
        int heard[N_WAYS];
        features_of(&c, i, ours, exact);
        heard[OURS] = best(infer(ours));
        cr_assert_eq(foreign_invoke(real, ours, y, &e), OK, "%s", e.msg);
        heard[OURS_IN_REAL] = best(y);
        cr_assert_eq(foreign_invoke(real, exact, y, &e), OK, "%s", e.msg);
        heard[EXACT_IN_REAL] = best(y);
        for (int w = 0; w < N_WAYS; w++) right[w] += heard[w] == c.clip[i].label;
        alike += heard[OURS] == heard[OURS_IN_REAL];
    }
    foreign_close(real);
    fprintf(stderr,
            "note: of %d clips the staff model knows %d; in TensorFlow Lite %d, on features in "
            "double %d\n",
            n, right[OURS], right[OURS_IN_REAL], right[EXACT_IN_REAL]);
    cr_expect(n == 705 && alike == n, "%d clips, %d decided alike", n, alike);
    cr_expect(abs(right[OURS_IN_REAL] - right[EXACT_IN_REAL]) <= 0.003 * n);
    cr_expect(abs(right[OURS] - right[EXACT_IN_REAL]) <= 0.003 * n);
    cr_expect(right[EXACT_IN_REAL] > 0.9 * n);
}
