/* The stages of the keyword task end to end: what a worker does, without workers. */
#include "engine/base/file.h"
#include "engine/nn/spec.h"
#include "engine/stage.h"
#include "engine/tflite/writer.h"
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRONT_END                                                                \
    "\"features\":{\"kind\":\"mfcc\",\"frame\":640,\"hop\":640,\"mel_bins\":20," \
    "\"coefficients\":8}"
#define FEATURES FRONT_END ",\"storage\":\"float16\""

static const char made_up[] =
    "{\"task\":\"keywords\",\"source\":\"synthetic-keywords\",\"clips\":240,\"speakers\":20,"
    "\"val_percent\":20,\"test_percent\":20,\"seed\":1," FEATURES "}";
static const char export_params[] =
    "{\"storage\":\"float32\",\"dynamic_min_elements\":1024,\"per_channel\":true,\"pack\":"
    "\"zlib\"}";

#define DENSE(units, activation) \
    "{\"kind\":\"dense\",\"units\":" units ",\"activation\":\"" activation "\",\"bias\":true}"
#define MLP(end) "{\"kind\":\"flatten\"}," DENSE("24", "relu") "," DENSE("8", "none") end
#define SEPARABLE(classes)                                                                         \
    "{\"kind\":\"conv2d\",\"filters\":12,\"kernel\":[3,3],\"stride\":[1,2],\"padding\":\"valid\"," \
    "\"activation\":\"none\",\"bias\":false},"                                                     \
    "{\"kind\":\"batch-norm\",\"momentum\":0.9,\"epsilon\":0.001,\"activation\":\"relu\"},"        \
    "{\"kind\":\"depthwise-conv2d\",\"kernel\":[3,3],\"stride\":[1,1],\"padding\":\"same\","       \
    "\"activation\":\"none\",\"bias\":false},"                                                     \
    "{\"kind\":\"conv2d\",\"filters\":16,\"kernel\":[1,1],\"stride\":[1,1],\"padding\":\"valid\"," \
    "\"activation\":\"none\",\"bias\":false},"                                                     \
    "{\"kind\":\"batch-norm\",\"momentum\":0.9,\"epsilon\":0.001,\"activation\":\"relu\"},"        \
    "{\"kind\":\"global-average-pool2d\"}," DENSE(classes, "none")

static arena memory;
static char folder[SCRATCH_PATH];

static void start(void)
{
    arena_init(&memory, 0);
    scratch_make(folder);
}

static void end(void)
{
    scratch_remove(folder);
    arena_free(&memory);
}

TestSuite(keyword_stage, .init = start, .fini = end);

static const char *train_params(const char *layers, int epochs)
{
    return arena_printf(
        &memory,
        "{\"net\":{\"input\":[25,8,1],\"layers\":[%s]},\"loss\":\"cross-entropy\","
        "\"labels\":\"physical\",\"label_smoothing\":0,\"batch\":16,"
        "\"optimizer\":{\"kind\":\"adam\",\"beta1\":0.9,\"beta2\":0.999,\"epsilon\":1e-07},"
        "\"learning_rate\":{\"schedule\":\"constant\",\"initial\":0.01},"
        "\"shuffle_buffer\":100,\"keep\":\"best\",\"early_stop\":0,\"prune\":null,\"seed\":1,"
        "\"from_epoch\":0,\"to_epoch\":%d}",
        layers, epochs);
}

static status try_run(stage_kind kind, const char *params, const char *input, const hash *parent,
                      int n, hash *key, stage_result *out, err *e)
{
    stage_request rq = {.kind = kind,
                        .params = params,
                        .input = input,
                        .folder = folder,
                        .n_parents = n,
                        .key = stage_key(kind, params, parent, n)};
    for (int i = 0; i < n; i++) rq.parent[i] = parent[i];
    *key = rq.key;
    return stage_run(&rq, NULL, NULL, &memory, out, e);
}

/* Runs a stage and returns its key; the detail is kept in `memory`. */
static hash run(stage_kind kind, const char *params, const char *input, const hash *parent, int n,
                stage_result *out, const char **detail)
{
    hash key;
    err e = {0};
    cr_assert_eq(try_run(kind, params, input, parent, n, &key, out, &e), OK, "%s", e.msg);
    if (detail) *detail = arena_string(&memory, out->detail.data);
    buf_free(&out->detail);
    return key;
}

static double metric(const stage_result *r, const char *name)
{
    for (int i = 0; i < r->n_metrics; i++)
        if (strcmp(r->metric[i].name, name) == 0) return r->metric[i].value;
    cr_assert_fail("no metric %s", name);
    return NAN;
}

/* From clips to score. r[3]: train, export, score. */
static const char *run_chain(const char *data_params, const char *input, const char *layers,
                             int epochs, stage_result *r)
{
    const char *detail;
    stage_result unused;
    hash data = run(STAGE_DATA, data_params, input, NULL, 0, &unused, NULL);
    hash train = run(STAGE_TRAIN, train_params(layers, epochs), "", &data, 1, &r[0], NULL);
    hash both[2] = {run(STAGE_EXPORT, export_params, "", &train, 1, &r[1], NULL), data};
    run(STAGE_SCORE, "{\"batch\":32}", "", both, 2, &r[2], &detail);
    return detail;
}

Test(keyword_stage, chain_from_clips_to_score_gives_every_metric_of_keywords)
{
    stage_result r[3];
    run_chain(made_up, "", MLP(""), 4, r);
    static const int place[] = {[STAGE_TRAIN] = 0, [STAGE_EXPORT] = 1, [STAGE_SCORE] = 2};
    for (const metric_row *m = stage_metrics(); m->name; m++)
        if (strcmp(m->task, "keywords") == 0)
            cr_expect(isfinite(metric(&r[place[m->stage]], m->name)), "%s", m->name);
    /* Weights are stored as trained, so the file hears what the trainer heard. */
    cr_expect_eq(metric(&r[2], "accuracy"), metric(&r[0], "val_accuracy"));
    cr_expect_float_eq(metric(&r[2], "loss"), metric(&r[0], "val_loss"), 1e-5);
    cr_expect_gt(metric(&r[2], "accuracy"), 100.0 / 8);
}

Test(keyword_stage, accuracies_are_the_diagonals_of_the_confusion_matrices)
{
    static const char *const parts[] = {"val", "test"};
    static const char *const names[] = {"accuracy", "accuracy_test"};
    stage_result r[3];
    node *tree;
    const char *detail = run_chain(made_up, "", MLP(""), 2, r);
    cr_assert_eq(node_read_json(&memory, detail, strlen(detail), &tree, NULL), OK, "%s", detail);
    cr_expect_eq(node_get(tree, "words")->n, 8);
    for (int p = 0; p < 2; p++) {
        const node *rows = node_get(node_get(tree, "confusion"), parts[p]);
        double right = 0, all = 0;
        cr_assert_eq(rows->n, 8);
        for (int i = 0; i < 64; i++) {
            double n = rows->item[i / 8]->item[i % 8]->number;
            all += n;
            if (i / 8 == i % 8) right += n;
        }
        cr_expect_eq(metric(&r[2], names[p]), 100 * right / all);
    }
}

Test(keyword_stage, probabilities_score_as_their_logits_do)
{
    stage_result logits[3], probabilities[3];
    run_chain(made_up, "", MLP(""), 3, logits);
    run_chain(made_up, "", MLP(",{\"kind\":\"softmax\"}"), 3, probabilities);
    cr_expect_eq(metric(&logits[2], "accuracy"), metric(&probabilities[2], "accuracy"));
    cr_expect_float_eq(metric(&logits[2], "loss_test"), metric(&probabilities[2], "loss_test"),
                       1e-4);
}

Test(keyword_stage, batch_norm_is_in_the_file_as_the_trainer_had_it)
{
    stage_result r[3];
    run_chain(made_up, "", SEPARABLE("8"), 3, r);
    cr_expect_eq(metric(&r[2], "accuracy"), metric(&r[0], "val_accuracy"));
    cr_expect_float_eq(metric(&r[2], "loss"), metric(&r[0], "val_loss"), 1e-4);
    cr_expect_eq(metric(&r[1], "n_params"), 9 * 12 + 48 + 9 * 12 + 12 * 16 + 64 + 16 * 8 + 8);
}

/* A fine-tuning of trained weights as the full-integer file computes. */
static const char *aware_params(const char *layers, int epochs)
{
    const char *p = train_params(layers, epochs), *seed = strstr(p, "\"seed\"");
    return arena_printf(&memory,
                        "%.*s\"start\":\"weights\",\"fake_quant\":{\"calibration\":{\"method\":"
                        "\"percentile\",\"percentile\":99.9,\"examples\":100},\"decay\":0.5},%s",
                        (int)(seed - p), p, seed);
}

Test(keyword_stage, an_aware_training_hears_what_its_int8_file_hears)
{
    stage_result r, trained;
    hash data = run(STAGE_DATA, made_up, "", NULL, 0, &r, NULL);
    const char *layers = SEPARABLE("8") ",{\"kind\":\"softmax\"}";
    hash parent[2] = {data, run(STAGE_TRAIN, train_params(layers, 4), "", &data, 1, &r, NULL)};
    hash tuned = run(STAGE_TRAIN, aware_params(layers, 3), "", parent, 2, &trained, NULL);
    for (int io = 0; io < 2; io++) {
        const char *params = arena_printf(&memory,
                                          "{\"storage\":\"int8\",\"dynamic_min_elements\":1024,"
                                          "\"per_channel\":true%s,\"pack\":\"zlib\"}",
                                          io ? ",\"io\":\"int8\"" : "");
        hash both[2] = {run(STAGE_EXPORT, params, "", &tuned, 1, &r, NULL), data};
        cr_expect_eq(metric(&r, "n_params"), 9 * 12 + 48 + 9 * 12 + 12 * 16 + 64 + 16 * 8 + 8);
        run(STAGE_SCORE, "{\"batch\":32}", "", both, 2, &r, NULL);
        /* 48 clips: one may be heard differently, by a tie. */
        cr_expect_float_eq(metric(&r, "accuracy"), metric(&trained, "val_accuracy"), 100.0 / 48);
        cr_expect_float_eq(metric(&r, "loss"), metric(&trained, "val_loss"),
                           0.02 * metric(&trained, "val_loss"));
    }
}

Test(keyword_stage, what_is_foreseen_is_what_is_built)
{
    static const char *const storage[] = {"float32", "float16", "dynamic"};
    stage_result r;
    err e = {0};
    node *tree;
    hash data = run(STAGE_DATA, made_up, "", NULL, 0, &r, NULL);
    const char *params = train_params(SEPARABLE("8"), 1);
    hash train = run(STAGE_TRAIN, params, "", &data, 1, &r, NULL);
    cr_assert_eq(node_read_json(&memory, params, strlen(params), &tree, &e), OK);
    const node *net = node_get(tree, "net");
    for (int i = 0; i < 3; i++) {
        stage_forecast known;
        node *export;
        params = arena_printf(
            &memory,
            "{\"storage\":\"%s\",\"dynamic_min_elements\":100,\"per_channel\":true,\"pack\":"
            "\"zip\",\"device\":\"raspberry-pi-4\"," FRONT_END "}",
            storage[i]);
        run(STAGE_EXPORT, params, "", &train, 1, &r, NULL);
        cr_assert_eq(node_read_json(&memory, params, strlen(params), &export, &e), OK);
        cr_assert_eq(stage_foresee(net, export, 32, 0, &memory, &known, &e), OK, "%s", e.msg);
        cr_expect_eq(known.flat_bytes, (int)r.artifact_bytes, "%s", storage[i]);
        cr_expect_eq(known.n_params, (int)metric(&r, "n_params"));
        cr_expect_eq(known.arena_bytes, (int)metric(&r, "arena"));
        cr_expect_eq(known.macs, metric(&r, "macs"));
        cr_expect_eq(known.modelled_total_ms, metric(&r, "modelled_total_ms"));
        cr_expect_leq(known.packed_floor, (int)metric(&r, "size_zlib"));
    }
}

Test(keyword_stage, a_model_that_answers_with_nan_is_a_failed_score)
{
    static const char net_json[] =
        "{\"input\":[25,8,1],\"layers\":[{\"kind\":\"flatten\"}," DENSE("8", "none") "]}";
    stage_result r;
    err e = {0};
    node *tree;
    hash key, data = run(STAGE_DATA, made_up, "", NULL, 0, &r, NULL);
    net_spec *net = ARENA_NEW(&memory, net_spec, 1);
    float *weights = ARENA_NEW(&memory, float, 1608);
    for (int i = 0; i < 1608; i++) weights[i] = NAN;
    cr_assert_eq(node_read_json(&memory, net_json, strlen(net_json), &tree, &e), OK);
    cr_assert_eq(net_spec_parse(tree, net, &e), OK, "%s", e.msg);
    buf file = {0};
    tflite_options o = {.storage = STORE_FLOAT32};
    cr_assert_eq(tflite_write(net, weights, &o, &memory, &file, &e), OK, "%s", e.msg);
    hash both[2] = {hash_bytes("made by hand", 12), data};
    const char *path = stage_path(&memory, folder, STAGE_EXPORT, &both[0]);
    cr_assert_eq(file_make_folder(file_folder(&memory, path), &e), OK);
    cr_assert_eq(file_write(path, file.data, file.len, &e), OK);
    buf_free(&file);
    cr_expect_eq(try_run(STAGE_SCORE, "{\"batch\":32}", "", both, 2, &key, &r, &e), ERR_NUM);
    cr_expect(strstr(e.msg, "clip 0 is not finite"), "%s", e.msg);
}

/* Epochs [from, to) of a training that hears shifts, noise, gains and masks. */
static const char *augmented_params(int from, int to, int n_sounds)
{
    const char *plain = train_params(SEPARABLE("8"), to), *prune = strstr(plain, "\"prune\":null");
    return arena_printf(&memory,
                        "%.*s\"augment\":{\"shift_ms\":100,\"noise\":0.5,\"noise_kind\":\"white\","
                        "\"snr_low\":5,\"snr_high\":25,\"gain_db\":6,\"time_masks\":1,"
                        "\"time_mask_width\":4},\"prune\":null,\"seed\":1,\"from_epoch\":%d,"
                        "\"to_epoch\":%d,\"sounds\":%d}",
                        (int)(prune - plain), plain, from, to, n_sounds);
}

Test(keyword_stage, augmented_epochs_are_the_same_at_once_and_one_by_one)
{
    static const char waves[] =
        "{\"task\":\"keywords\",\"source\":\"synthetic-keywords\",\"clips\":240,\"speakers\":20,"
        "\"val_percent\":20,\"test_percent\":20,\"seed\":1,\"storage\":\"int16\",\"shard\":[%d,2]}";
    stage_result once, first, second, plain;
    hash parent[4] = {run(STAGE_DATA, made_up, "", NULL, 0, &once, NULL)}, wave[2];
    for (int i = 0; i < 2; i++)
        wave[i] = run(STAGE_DATA, arena_printf(&memory, waves, i), "", NULL, 0, &once, NULL);
    parent[1] = wave[0], parent[2] = wave[1];
    run(STAGE_TRAIN, augmented_params(0, 3, 2), "", parent, 3, &once, NULL);
    parent[1] = run(STAGE_TRAIN, augmented_params(0, 1, 2), "", parent, 3, &first, NULL);
    parent[2] = wave[0], parent[3] = wave[1];
    run(STAGE_TRAIN, augmented_params(1, 3, 2), "", parent, 4, &second, NULL);
    cr_expect_str_eq(once.artifact_hash.text, second.artifact_hash.text);
    run(STAGE_TRAIN, train_params(SEPARABLE("8"), 3), "", parent, 1, &plain, NULL);
    cr_expect_neq(metric(&plain, "train_loss"), metric(&once, "train_loss"));
}

/* Two words of the real recordings, no speaker in two parts: a small network must learn them. (Three
 * in four clips are of one word.) */
Test(keyword_stage, real_clips_are_told_apart)
{
    const char *data = getenv("PARETUNE_DATA");
    if (!data) cr_skip("PARETUNE_DATA is not set: real recordings are not trained on");
    static const char params[] =
        "{\"task\":\"keywords\",\"source\":\"speech-folders\",\"words\":[\"go\",\"stop\"],"
        "\"split\":\"lists\",\"shuffle\":true,\"seed\":1,\"missing_clips\":\"error\","
        "\"bad_clips\":\"error\"," FEATURES "}";
    const char *clips = file_join(&memory, data, "speech_commands");
    const char *input = arena_printf(&memory,
                                     "%s\n%s/splits/speaker_train.txt\n%s/splits/speaker_val.txt\n"
                                     "%s/splits/speaker_test.txt",
                                     clips, clips, clips, clips);
    stage_result r[3];
    run_chain(params, input, SEPARABLE("2"), 10, r);
    cr_expect_gt(metric(&r[2], "accuracy"), 85);
    cr_expect_gt(metric(&r[2], "accuracy_test"), 85);
    cr_expect_lt(metric(&r[2], "loss_test"), 0.4);
}
