/* The stages end to end on synthetic weather: what a worker does, without workers. */
#include "engine/base/file.h"
#include "engine/nn/kernel.h"
#include "engine/stage.h"
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
    const char *modelled = arena_printf(&f.a, "%.*s,\"device\":\"raspberry-pi-4\"}",
                                        (int)strlen(export_params) - 1, export_params);
    hash data = run(&f, STAGE_DATA, data_params, NULL, 0, &r[0]);
    hash train = run(&f, STAGE_TRAIN, train_params(&f, 0, 6, "null"), &data, 1, &r[1]);
    hash export = run(&f, STAGE_EXPORT, modelled, &train, 1, &r[2]);
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
    cr_expect_eq(metric(&r[2], "size"), metric(&r[2], "size_zlib"));
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
        cr_expect_eq(known.n_params, (int)metric(&r, "n_params"));
        cr_expect_eq(known.arena_bytes, (int)metric(&r, "arena"));
        cr_expect_eq(known.macs, metric(&r, "macs"));
        cr_expect_leq(known.packed_floor, (int)metric(&r, "size_zlib"));
        cr_expect_gt(known.packed_floor, (int)metric(&r, "size_zlib") / 2);
    }
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

/* An export packs the file three times (a stream, a zip, and for the floor), then each constant. */
Test(stage, an_export_that_cannot_pack_gives_no_figures_and_leaks_nothing)
{
    enum { FOR_SIZES = 2, CALLS = 5, ROUNDS = 100 };
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
    const char text[] = "score 2\n{}\n0123456789abcdef0123456789abcdef\n";
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
