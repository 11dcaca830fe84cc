/* The front end and a network that other people trained on TensorFlow's own features: if ours were
 * not the same, its answers would not be either. */
#include "engine/data/speech.h"
#include "engine/signal/feature.h"
#include "engine/tflite/interpreter.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "tests/support/test_clip.h"

static arena memory;
static interpreter *staff; /* the course's DS-CNN: MFCC 49 x 10 in, eight logits out */
static feature_plan plan;

static const char *data(const char *name)
{
    const char *folder = getenv("PARETUNE_DATA");
    if (!folder) cr_skip("PARETUNE_DATA is not set: the staff model is not tested");
    return file_join(&memory, folder, name);
}

static void open_staff(void)
{
    char *file;
    size_t n;
    err e = {0};
    feature_settings s = feature_defaults(FEATURE_MFCC);
    cr_assert(file_read(&memory, data("oracles/20bf6f434c58.tflite"), 1 << 20, &file, &n, &e) == OK,
              "%s", e.msg);
    cr_assert(interpreter_open(&memory, file, n, &staff, &e) == OK, "%s", e.msg);
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

/* Its accuracy on recordings that it has mostly seen, and equal decisions on features from the
 * definitions in double. */
Test(front_end, the_staff_model_knows_real_clips_by_our_features)
{
    enum { EVERY = 10 };
    const char **word;
    int n_words, n = 0, right = 0, same = 0;
    err e = {0};
    open_staff();
    cr_assert(speech_read_words(data("course_splits/labels.txt"), &word, &n_words, &memory, &e) ==
                  OK,
              "%s", e.msg);
    speech_options o = {.n_words = n_words,
                        .word = word,
                        .split = SPLIT_LISTS,
                        .list = {data("speech_commands/splits/random_train.txt"),
                                 data("speech_commands/splits/random_val.txt"),
                                 data("speech_commands/splits/random_test.txt")}};
    clips c;
    cr_assert(speech_open(&c, data("speech_commands"), &o, NULL, &memory, &e) == OK, "%s", e.msg);
    float x[16000], features[490];
    double exact[490];
    for (int i = c.n - c.n_part[PART_TEST]; i < c.n; i += EVERY, n++) {
        cr_assert(c.samples(&c, i, &(audio_options){.full_scale = 32768}, 16000, x, 16000, &memory,
                            NULL, &e) == OK,
                  "%s", e.msg);
        feature_run(&plan, features, x);
        int ours = best(infer(features));
        cr_assert(feature_naive(&plan.s, exact, x, &memory, &e) == OK, "%s", e.msg);
        for (int k = 0; k < 490; k++) features[k] = (float)exact[k];
        same += best(infer(features)) == ours;
        right += ours == c.clip[i].label;
    }
    cr_expect(n == 71 && same == n && right > 60, "%d clips, %d decided alike, %d right", n, same,
              right);
}
