/* The stages end to end on synthetic weather: what a worker does, without workers. */
#include "engine/base/file.h"
#include "engine/nn/kernel.h"
#include "engine/stage.h"
#include "engine/tflite/pack.h"
#include "tests/support/failing_zlib.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char data_params[] =
    "{\"source\":\"synthetic-climate\",\"rows\":2000,\"seed\":1,\"names\":[\"T\",\"RH\"],"
    "\"units\":[\"°C\",\"%\"],\"steps_in\":6,\"steps_out\":3,\"split\":[0.7,0.2,0.1]}";

#define NET                                                                   \
    "{\"input\":[6,2],\"layers\":[{\"kind\":\"flatten\"},"                    \
    "{\"kind\":\"dense\",\"units\":8,\"activation\":\"relu\",\"bias\":true}," \
    "{\"kind\":\"dense\",\"units\":6,\"activation\":\"none\",\"bias\":true}," \
    "{\"kind\":\"reshape\",\"to\":[3,2]}]}"

#define PRUNING                                                                                   \
    "{\"initial\":0.3,\"final\":0.75,\"begin\":2,\"end\":4,\"unit\":\"epochs\",\"frequency\":10," \
    "\"power\":3}"

static const char export_params[] = "{\"storage\":\"float32\",\"dynamic_min_elements\":1024,\"per_"
                                    "channel\":true,\"pack\":\"zlib\"}";

typedef struct {
    arena a;
    char folder[64];
} fixture;

static void setup(fixture *f)
{
    arena_init(&f->a, 0);
    snprintf(f->folder, sizeof f->folder, "/tmp/paretune-stage-XXXXXX");
    cr_assert(mkdtemp(f->folder));
}

static void teardown(fixture *f)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    cr_assert(system(command) == 0);
    arena_free(&f->a);
}

static const char *train_params(fixture *f, int from, int to, const char *prune)
{
    return arena_printf(
        &f->a,
        "{\"net\":" NET ",\"loss\":\"mae\",\"labels\":\"standardized\",\"batch\":32,"
        "\"optimizer\":{\"kind\":\"adam\",\"beta1\":0.9,\"beta2\":0.999,\"epsilon\":1e-07},"
        "\"learning_rate\":{\"schedule\":\"cosine\",\"initial\":0.01,\"final\":0,\"epochs\":6},"
        "\"shuffle_buffer\":100,\"keep\":\"last\",\"early_stop\":0,\"prune\":%s,\"seed\":1,"
        "\"from_epoch\":%d,\"to_epoch\":%d}",
        prune, from, to);
}

/* Runs a stage and returns its key. */
static hash run(fixture *f, stage_kind kind, const char *params, const hash *parent, int n,
                stage_result *out)
{
    stage_request rq = {.kind = kind,
                        .params = params,
                        .input = "",
                        .folder = f->folder,
                        .n_parents = n,
                        .key = stage_key(kind, params, parent, n)};
    for (int i = 0; i < n; i++) rq.parent[i] = parent[i];
    err e = {0};
    cr_assert_eq(stage_run(&rq, NULL, NULL, &f->a, out, &e), OK, "%s", e.msg);
    buf_free(&out->detail);
    return rq.key;
}

static double metric(const stage_result *r, const char *name)
{
    for (int i = 0; i < r->n_metrics; i++)
        if (strcmp(r->metric[i].name, name) == 0) return r->metric[i].value;
    cr_assert_fail("no metric %s", name);
    return NAN;
}

Test(stage, chain_from_data_to_score_gives_every_metric_of_forecasts)
{
    fixture f;
    setup(&f);
    stage_result r[6];
    static const char all[] = "{\"storage\":\"float32\",\"dynamic_min_elements\":1024,"
                              "\"per_channel\":true,\"pack\":\"zopfli\","
                              "\"device\":\"raspberry-pi-4\"}";
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r[0]);
    hash train = run(&f, STAGE_TRAIN, train_params(&f, 0, 6, "null"), &data, 1, &r[1]);
    hash export = run(&f, STAGE_EXPORT, all, &train, 1, &r[2]);
    hash both[2] = {export, data};
    run(&f, STAGE_SCORE, "{\"batch\":32}", both, 2, &r[3]);
    run(&f, STAGE_LATENCY, "{\"protocol\":\"2024\"}", &export, 1, &r[4]);
    run(&f, STAGE_DEVICE,
        "{\"run\":\"cat {model} >/dev/null && echo '{\\\"protocol\\\":\\\"{protocol}\\\","
        "\\\"inference_ms\\\":3,\\\"total_ms\\\":4}'\",\"protocol\":\"2020\"}",
        &export, 1, &r[5]);
    for (const metric_row *m = stage_metrics(); m->name; m++)
        if (strcmp(m->task, "keywords") != 0)
            cr_expect(isfinite(metric(&r[m->stage], m->name)), "%s", m->name);
    cr_expect_eq(metric(&r[2], "n_params"), 12 * 8 + 8 + 8 * 6 + 6);
    cr_expect_eq(metric(&r[2], "macs"), 12 * 8 + 8 * 6);
    cr_expect_eq(metric(&r[2], "size"), metric(&r[2], "size_zopfli"));
    cr_expect_lt(metric(&r[2], "size_zopfli"), metric(&r[2], "size_zlib"));
    cr_expect_lt(metric(&r[2], "size_zlib"), metric(&r[2], "size_converter_zlib"));
    cr_expect_eq(metric(&r[2], "size_flat"), (double)r[2].artifact_bytes);
    teardown(&f);
}

Test(stage, training_in_two_parts_gives_the_bytes_of_training_at_once)
{
    fixture f;
    setup(&f);
    stage_result r, parts, whole;
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    run(&f, STAGE_TRAIN, train_params(&f, 0, 6, PRUNING), &data, 1, &whole);
    hash parent[2] = {data, run(&f, STAGE_TRAIN, train_params(&f, 0, 2, "null"), &data, 1, &r)};
    run(&f, STAGE_TRAIN, train_params(&f, 2, 6, PRUNING), parent, 2, &parts);
    cr_expect_str_eq(parts.artifact_hash.text, whole.artifact_hash.text);
    teardown(&f);
}

Test(stage, pruning_leaves_the_asked_share_of_exact_zeros)
{
    fixture f;
    setup(&f);
    stage_result r;
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    hash train = run(&f, STAGE_TRAIN, train_params(&f, 0, 6, PRUNING), &data, 1, &r);
    run(&f, STAGE_EXPORT, export_params, &train, 1, &r);
    /* frequency 10 divides begin to end: 96 keep 24, 48 keep 12 */
    cr_expect_float_eq(metric(&r, "sparsity"), 75.0, 1e-9);
    teardown(&f);
}

/* Parameters of a fine-tuning: train_params with "start":"weights" for its first part. */
static const char *tune_params(fixture *f, int from, int to, const char *prune)
{
    const char *p = train_params(f, from, to, prune), *seed = strstr(p, "\"seed\"");
    if (from > 0) return p;
    return arena_printf(&f->a, "%.*s\"start\":\"weights\",%s", (int)(seed - p), p, seed);
}

Test(stage, fine_tuning_in_two_parts_gives_the_bytes_of_fine_tuning_at_once)
{
    fixture f;
    setup(&f);
    stage_result r, parts, whole;
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    hash parent[2] = {data, run(&f, STAGE_TRAIN, train_params(&f, 0, 3, "null"), &data, 1, &r)};
    hash first = run(&f, STAGE_TRAIN, tune_params(&f, 0, 6, PRUNING), parent, 2, &whole);
    cr_expect_eq(metric(&whole, "epochs"), 9, "both trainings count");
    cr_expect_eq(metric(&whole, "best_epoch"), 9);
    run(&f, STAGE_EXPORT, export_params, &first, 1, &r);
    cr_expect_float_eq(metric(&r, "sparsity"), 75.0, 1e-9);
    parent[1] = run(&f, STAGE_TRAIN, tune_params(&f, 0, 2, "null"), parent, 2, &r);
    run(&f, STAGE_TRAIN, tune_params(&f, 2, 6, PRUNING), parent, 2, &parts);
    cr_expect_str_eq(parts.artifact_hash.text, whole.artifact_hash.text);
    teardown(&f);
}

Test(stage, weights_pruned_before_stay_zero_while_fine_tuning)
{
    fixture f;
    setup(&f);
    stage_result r;
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    hash parent[2] = {data, run(&f, STAGE_TRAIN, train_params(&f, 0, 6, PRUNING), &data, 1, &r)};
    hash tuned = run(&f, STAGE_TRAIN, tune_params(&f, 0, 3, "null"), parent, 2, &r);
    run(&f, STAGE_EXPORT, export_params, &tuned, 1, &r);
    cr_expect_float_eq(metric(&r, "sparsity"), 75.0, 1e-9);
    teardown(&f);
}

Test(stage, what_is_foreseen_is_what_is_built)
{
    fixture f;
    setup(&f);
    const char *storage[] = {"float32", "float16", "dynamic"};
    stage_result r;
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    hash train = run(&f, STAGE_TRAIN, train_params(&f, 0, 2, "null"), &data, 1, &r);
    for (int i = 0; i < 3; i++) {
        err e = {0};
        node *net, *export;
        stage_forecast known;
        const char *params = arena_printf(
            &f.a,
            "{\"storage\":\"%s\",\"dynamic_min_elements\":0,\"per_channel\":true,\"pack\":\"zip\"}",
            storage[i]);
        run(&f, STAGE_EXPORT, params, &train, 1, &r);
        cr_assert_eq(node_read_json(&f.a, NET, strlen(NET), &net, &e), OK);
        cr_assert_eq(node_read_json(&f.a, params, strlen(params), &export, &e), OK);
        cr_assert_eq(stage_foresee(net, export, 32, 0, &f.a, &known, &e), OK, "%s", e.msg);
        cr_expect_eq(known.flat_bytes, (int)r.artifact_bytes, "%s", storage[i]);
        cr_expect_eq(known.converter_bytes, (int)metric(&r, "size_converter"));
        cr_expect_eq(known.n_params, (int)metric(&r, "n_params"));
        cr_expect_eq(known.arena_bytes, (int)metric(&r, "arena"));
        cr_expect_eq(known.macs, metric(&r, "macs"));
        cr_expect_leq(known.packed_floor, (int)metric(&r, "size_zlib"));
        cr_expect_gt(known.packed_floor, (int)metric(&r, "size_zlib") / 2);
    }
    teardown(&f);
}

#define CALIBRATION "\"calibration\":{\"method\":\"min-max\",\"examples\":1400}"

Test(stage, int8_files_are_foreseen_and_forecast_about_the_same)
{
    fixture f;
    setup(&f);
    static const char *const more[] = {"", ",\"io\":\"int8\"", ",\"heads\":\"per-output\""};
    stage_result r;
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    hash train = run(&f, STAGE_TRAIN, train_params(&f, 0, 6, "null"), &data, 1, &r);
    hash both[2] = {run(&f, STAGE_EXPORT, export_params, &train, 1, &r), data};
    run(&f, STAGE_SCORE, "{\"batch\":32}", both, 2, &r);
    const double real = metric(&r, "T_mae"), real_rh = metric(&r, "RH_mae");
    double found[3], found_rh[3];
    for (int i = 0; i < 3; i++) {
        err e = {0};
        node *net, *export;
        stage_forecast known;
        const char *params =
            arena_printf(&f.a,
                         "{\"storage\":\"int8\",\"dynamic_min_elements\":1024,"
                         "\"per_channel\":true," CALIBRATION "%s,\"pack\":\"zip\"}",
                         more[i]);
        hash parents[2] = {train, data};
        both[0] = run(&f, STAGE_EXPORT, params, parents, 2, &r);
        cr_assert_eq(node_read_json(&f.a, NET, strlen(NET), &net, &e), OK);
        cr_assert_eq(node_read_json(&f.a, params, strlen(params), &export, &e), OK);
        cr_assert_eq(stage_foresee(net, export, 32, 0, &f.a, &known, &e), OK, "%s", e.msg);
        cr_expect_eq(known.flat_bytes, (int)r.artifact_bytes, "%s", params);
        cr_expect_eq(known.arena_bytes, (int)metric(&r, "arena"));
        cr_expect_eq(known.macs, metric(&r, "macs"));
        cr_expect_leq(known.packed_floor, (int)metric(&r, "size_zlib"));
        run(&f, STAGE_SCORE, "{\"batch\":32}", both, 2, &r);
        found[i] = metric(&r, "T_mae");
        found_rh[i] = metric(&r, "RH_mae");
        cr_expect_float_eq(found[i], real, 0.1);
        cr_expect_float_eq(found_rh[i], real_rh, 0.2);
    }
    cr_expect_eq(found[0], found[1], "the same integers, converted inside or outside");
    teardown(&f);
}

/* tune_params with "fake_quant". */
static const char *aware_params(fixture *f, int from, int to)
{
    const char *p = tune_params(f, from, to, "null"), *seed = strstr(p, "\"seed\"");
    return arena_printf(&f->a, "%.*s\"fake_quant\":{" CALIBRATION ",\"decay\":0.5},%s",
                        (int)(seed - p), p, seed);
}

Test(stage, an_aware_training_in_two_parts_gives_the_bytes_of_one)
{
    fixture f;
    setup(&f);
    stage_result r, parts, whole;
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    hash parent[2] = {data, run(&f, STAGE_TRAIN, train_params(&f, 0, 3, PRUNING), &data, 1, &r)};
    hash trained = run(&f, STAGE_TRAIN, aware_params(&f, 0, 4), parent, 2, &whole);
    parent[1] = run(&f, STAGE_TRAIN, aware_params(&f, 0, 2), parent, 2, &r);
    run(&f, STAGE_TRAIN, aware_params(&f, 2, 4), parent, 2, &parts);
    cr_expect_str_eq(parts.artifact_hash.text, whole.artifact_hash.text);
    const char *params = "{\"storage\":\"int8\",\"dynamic_min_elements\":1024,\"per_channel\":true,"
                         "\"pack\":\"zlib\"}";
    hash both[2] = {run(&f, STAGE_EXPORT, params, &trained, 1, &r), data};
    cr_expect_gt(metric(&r, "sparsity"), 29, "zeros stay zero");
    run(&f, STAGE_SCORE, "{\"batch\":32}", both, 2, &r);
    cr_expect_lt(metric(&r, "T_mae"), 2);
    teardown(&f);
}

Test(stage, an_int8_export_without_ranges_says_what_is_missing)
{
    fixture f;
    setup(&f);
    stage_result r;
    err e = {0};
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    hash train = run(&f, STAGE_TRAIN, train_params(&f, 0, 1, "null"), &data, 1, &r);
    stage_request rq = {.kind = STAGE_EXPORT,
                        .params = "{\"storage\":\"int8\",\"dynamic_min_elements\":1024,"
                                  "\"per_channel\":true,\"pack\":\"zlib\"}",
                        .input = "",
                        .folder = f.folder,
                        .n_parents = 1,
                        .parent = {train}};
    rq.key = stage_key(rq.kind, rq.params, &train, 1);
    cr_expect_eq(stage_run(&rq, NULL, NULL, &f.a, &r, &e), ERR_ARG);
    cr_expect(strstr(e.msg, "needs a calibration"), "%s", e.msg);
    teardown(&f);
}

Test(stage, trained_files_stay_above_the_packed_floor)
{
    fixture f;
    setup(&f);
    const char *storage[] = {"float32", "float16", "dynamic"};
    const struct {
        const char *prune;
        double sparsity;
    } pruning[] = {{"null", 0}, {PRUNING, 0.75}};
    stage_result r;
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    for (int i = 0; i < 6; i++) {
        err e = {0};
        node *net, *export;
        stage_forecast known;
        double sparsity = pruning[i / 3].sparsity;
        const char *params = arena_printf(&f.a,
                                          "{\"storage\":\"%s\",\"dynamic_min_elements\":0,\"per_"
                                          "channel\":true,\"pack\":\"zlib\"}",
                                          storage[i % 3]);
        hash train =
            run(&f, STAGE_TRAIN, train_params(&f, 0, 6, pruning[i / 3].prune), &data, 1, &r);
        run(&f, STAGE_EXPORT, params, &train, 1, &r);
        cr_assert_eq(node_read_json(&f.a, NET, strlen(NET), &net, &e), OK);
        cr_assert_eq(node_read_json(&f.a, params, strlen(params), &export, &e), OK);
        cr_assert_eq(stage_foresee(net, export, 32, sparsity, &f.a, &known, &e), OK, "%s", e.msg);
        cr_expect_leq(known.packed_floor, (int)metric(&r, "size_zlib"), "%s", params);
    }
    teardown(&f);
}

/* Of every packing: the files that are written have the bytes that were counted, open, and lie above
 * the floor. */
Test(stage, what_is_written_is_what_was_counted)
{
    fixture f;
    setup(&f);
    static const struct {
        const char *pack, *zlib, *zip;
    } rows[] = {{"\"zlib\"", "size_zlib", "size_zip"},
                {"\"zlib\",\"zlib_level\":9", "size_zlib", "size_zip"},
                {"\"zip\",\"zlib_level\":1", "size_zlib", "size_zip"},
                {"\"zopfli\"", "size_zopfli", "size_zopfli_zip"},
                {"\"zopfli-zip\"", "size_zopfli", "size_zopfli_zip"},
                {"\"flat\",\"writer\":\"converter-like\"", "size_zlib", "size_zip"}};
    stage_result r;
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    hash train = run(&f, STAGE_TRAIN, train_params(&f, 0, 6, PRUNING), &data, 1, &r);
    const char *path = arena_printf(&f.a, "%s/model.tflite", f.folder);
    for (int i = 0; i < 6; i++) {
        node *net, *params;
        stage_forecast known;
        char *flat, *packed;
        void *opened;
        size_t n, n_packed, n_opened;
        const char *text = arena_printf(&f.a,
                                        "{\"storage\":\"float32\",\"dynamic_min_elements\":0,"
                                        "\"per_channel\":true,\"pack\":%s}",
                                        rows[i].pack);
        hash key = run(&f, STAGE_EXPORT, text, &train, 1, &r);
        cr_assert_eq(node_read_json(&f.a, NET, strlen(NET), &net, NULL), OK);
        cr_assert_eq(node_read_json(&f.a, text, strlen(text), &params, NULL), OK);
        cr_assert_eq(file_read(&f.a, stage_path(&f.a, f.folder, STAGE_EXPORT, &key), 1 << 20, &flat,
                               &n, NULL),
                     OK);
        cr_assert_eq(stage_write_model(path, flat, n, params, NULL), OK);
        for (int zip = 0; zip < 2; zip++) {
            cr_assert_eq(file_read(&f.a, arena_printf(&f.a, "%s.%s", path, zip ? "zip" : "zlib"),
                                   1 << 20, &packed, &n_packed, NULL),
                         OK);
            cr_expect_eq(n_packed, (size_t)metric(&r, zip ? rows[i].zip : rows[i].zlib), "%s",
                         rows[i].pack);
            cr_assert_eq(pack_open(&f.a, packed, n_packed, 1 << 20, &opened, &n_opened, NULL), OK);
            cr_expect(n_opened == n && memcmp(opened, flat, n) == 0, "%s", rows[i].pack);
        }
        cr_assert_eq(stage_foresee(net, params, 32, 0.75, &f.a, &known, NULL), OK);
        cr_expect_leq(known.packed_floor, (int)metric(&r, rows[i].zlib), "%s", rows[i].pack);
        cr_expect_eq(known.flat_bytes, (int)n, "%s", rows[i].pack);
        if (i == 5) cr_expect_eq((int)n, known.converter_bytes);
    }
    teardown(&f);
}

Test(stage, errors_are_named_and_leave_nothing_behind)
{
    fixture f;
    setup(&f);
    stage_result r;
    err e = {0};
    stage_request rq = {.kind = STAGE_EXPORT,
                        .params = export_params,
                        .input = "",
                        .folder = f.folder,
                        .n_parents = 1};
    rq.parent[0] = hash_bytes("absent", 6);
    rq.key = stage_key(rq.kind, rq.params, rq.parent, 1);
    cr_expect_eq(stage_run(&rq, NULL, NULL, &f.a, &r, &e), ERR_LOST, "its parent is not there");
    cr_expect(strstr(e.msg, "cannot read"), "%s", e.msg);
    const char *parent = stage_path(&f.a, f.folder, STAGE_TRAIN, &rq.parent[0]);
    e = (err){0};
    cr_assert_eq(file_make_folder(file_folder(&f.a, parent), &e), OK, "%s", e.msg);
    cr_assert_eq(file_write(parent, "torn", 4, &e), OK, "%s", e.msg);
    cr_expect_eq(stage_run(&rq, NULL, NULL, &f.a, &r, &e), ERR_LOST, "its parent is damaged");
    rq.params = "{\"storage\":\"float64\"}";
    e = (err){0};
    cr_expect_eq(stage_run(&rq, NULL, NULL, &f.a, &r, &e), ERR_STATE, "a key that does not fit");
    rq.key = stage_key(rq.kind, rq.params, rq.parent, 1);
    cr_expect_not(file_exists(stage_path(&f.a, f.folder, rq.kind, &rq.key)));
    cr_expect_eq(f.a.used > 0, true);
    teardown(&f);
}

/* An export packs the file five times (a stream, a zip, as the converter's, for the floor, and for its
 * parts), then each constant. */
Test(stage, an_export_that_cannot_pack_gives_no_figures_and_leaks_nothing)
{
    enum { FOR_SIZES = 1, CALLS = 6, ROUNDS = 100 };
    size_t warm = 0;
    fixture f;
    setup(&f);
    stage_result r;
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r);
    hash train = run(&f, STAGE_TRAIN, train_params(&f, 0, 1, "null"), &data, 1, &r);
    stage_request rq = {.kind = STAGE_EXPORT,
                        .params = export_params,
                        .input = "",
                        .folder = f.folder,
                        .n_parents = 1,
                        .parent = {train}};
    rq.key = stage_key(rq.kind, rq.params, &train, 1);
    for (int i = 0; i < 2 * ROUNDS * CALLS; i++) {
        err e = {0};
        zlib_fail_after(i % CALLS);
        cr_assert_eq(stage_run(&rq, NULL, NULL, &f.a, &r, &e), ERR_MEM, "%d: %s", i, e.msg);
        if (i % CALLS < FOR_SIZES) cr_assert_eq(r.n_metrics, 0, "call %d", i);
        if (i == ROUNDS * CALLS - 1) warm = mallinfo2().uordblks;
    }
    /* Freed pieces that malloc keeps at hand count as used: it has had time to fill its lists. */
    cr_expect_lt(mallinfo2().uordblks, warm + ROUNDS * 64);
    zlib_fail_after(-1);
    run(&f, STAGE_EXPORT, export_params, &train, 1, &r);
    teardown(&f);
}

Test(stage, leftovers_go_when_their_process_is_gone)
{
    fixture f;
    setup(&f);
    err e = {0};
    pid_t gone = fork();
    if (gone == 0) _exit(0);
    siginfo_t ended; /* it stays a zombie: nobody has waited for it */
    cr_assert_eq(waitid(P_PID, (id_t)gone, &ended, WEXITED | WNOWAIT), 0);
    hash name = hash_bytes("key", 3);
    const char *key = name.text, *folder = arena_printf(&f.a, "%s/%.2s", f.folder, key);
    const char *old = arena_printf(&f.a, "%s/%s.tflite.%ld.tmp", folder, key, (long)gone);
    const char *mine = arena_printf(&f.a, "%s/%s.tflite.%ld.tmp", folder, key, (long)getpid());
    const char *other = arena_printf(&f.a, "%s/notes.%ld.tmp", folder, (long)gone);
    cr_assert_eq(file_make_folder(folder, &e), OK);
    cr_assert_eq(file_write(old, "x", 1, &e), OK);
    cr_assert_eq(file_write(mine, "x", 1, &e), OK);
    cr_assert_eq(file_write(other, "x", 1, &e), OK);
    stage_remove_leftovers(f.folder);
    cr_expect_not(file_exists(old), "a dead process's");
    cr_expect(file_exists(mine), "a living process's");
    cr_expect(file_exists(other), "somebody's own file");
    cr_expect_eq(file_write(old, "x", 1, &e), OK);
    cr_expect_eq(waitpid(gone, NULL, 0), gone);
    stage_remove_leftovers(f.folder);
    cr_expect_not(file_exists(old), "a process's that was waited for");
    teardown(&f);
}

Test(stage, keys_change_with_kind_parameters_and_parents)
{
    const hash p = {"0123456789abcdef0123456789abcdef"}, q = hash_bytes("q", 1);
    const char text[] = "score 3\n{}\n0123456789abcdef0123456789abcdef\n";
    hash base = stage_key(STAGE_SCORE, "{}", &p, 1);
    cr_expect_str_eq(base.text, hash_bytes(text, sizeof text - 1).text);
    cr_expect_str_neq(base.text, stage_key(STAGE_EXPORT, "{}", &p, 1).text);
    cr_expect_str_neq(base.text, stage_key(STAGE_SCORE, "{ }", &p, 1).text);
    cr_expect_str_neq(base.text, stage_key(STAGE_SCORE, "{}", &q, 1).text);
    cr_expect_str_neq(base.text, stage_key(STAGE_SCORE, "{}", &p, 0).text);
}

static hash key_under(const char *set, stage_kind kind)
{
    hash p = hash_bytes("p", 1);
    setenv("PARETUNE_KERNELS", set, 1);
    hash key = stage_key(kind, "{}", &p, 1);
    unsetenv("PARETUNE_KERNELS");
    return key;
}

/* Trained under other rounding is another network: it must not be taken over or continued. */
Test(stage, a_trainings_key_says_how_its_kernels_round)
{
    static const char *const sets[] = {"avx512", "avx2", "neon"};
    hash naive = key_under("naive", STAGE_TRAIN), generic = key_under("generic", STAGE_TRAIN);
    cr_expect_str_neq(naive.text, generic.text);
    for (int i = 0; i < 3; i++) {
        const kernels *k = kernel_find(sets[i]);
        if (!k) continue; /* the machine does not have it */
        cr_expect(k->fused);
        cr_expect_str_neq(key_under(sets[i], STAGE_TRAIN).text, naive.text);
        cr_expect_str_neq(key_under(sets[i], STAGE_TRAIN).text, generic.text);
        cr_expect_str_eq(key_under(sets[i], STAGE_TRAIN).text, key_under("", STAGE_TRAIN).text);
    }
    for (int kind = 0; kind < N_STAGE_KINDS; kind++)
        if (kind != STAGE_TRAIN)
            cr_expect_str_eq(key_under("naive", kind).text, key_under("", kind).text);
}
