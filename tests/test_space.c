#include "search/candidate.h"
#include "search/plan_parts.h"
#include "tests/support/space_files.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "space: 1\ntask: forecast\ndata: {source: synthetic-climate}\n"
#define TAIL "objectives: {T_mae: minimize, size: minimize}\n"

static arena a;

static void open_arena(void)
{
    arena_init(&a, 0);
}

static void close_arena(void)
{
    arena_free(&a);
}

TestSuite(space, .init = open_arena, .fini = close_arena);

static const value *values_of(const space *s, int64_t i)
{
    value *v = ARENA_NEW(&a, value, N_SLOTS);
    err e = {0};
    digits d = candidate_digits(s, i);
    memcpy(v, s->base, sizeof s->base);
    cr_assert_eq(candidate_fill(s, &d, v, &e), OK, "%s", e.msg);
    return v;
}

static const char *config_of(const space *s, int64_t i)
{
    buf b = {0};
    err e = {0};
    cr_assert_eq(candidate_put_config(s, values_of(s, i), "{}", NULL, &b, &e), OK, "%s", e.msg);
    const char *text = arena_string(&a, b.data);
    buf_free(&b);
    return text;
}

Test(space, axes_stand_in_the_order_written_and_the_last_varies_fastest)
{
    space *s = space_of(&a,
                        HEAD "train: {batch: [32, 64]}\n"
                             "model: {alpha: [0.1, 0.2, 0.3], architecture: mlp}\n"
                             "export: {storage: [float32, dynamic]}\n" TAIL,
                        0, NULL);
    static const char *const names[] = {"batch", "alpha", "storage"};
    cr_assert_eq(space_n_axes(s), 3);
    for (int i = 0; i < 3; i++) cr_expect_str_eq(space_axis_name(s, i), names[i]);
    cr_assert_eq(space_size(s), 12);
    const value *v = values_of(s, 9); /* 9 = (1 * 3 + 1) * 2 + 1 */
    cr_expect_eq(v[SET_BATCH].number, 64);
    cr_expect_eq(v[SLOT_KNOBS].number, 0.2);
    cr_expect_str_eq(v[SET_STORAGE].text, "dynamic");
}

Test(space, walking_gives_the_same_values_as_jumping)
{
    space *s =
        space_of(&a,
                 HEAD "model: {architecture: [mlp, mlp-2, mlp-deep], alpha: [0.1, 0.2], units: "
                      "[4, 8], depth: {values: [1, 2], when: units > 4}}\n"
                      "train: {epochs: [10, 20], optimizer: [adam, sgd], momentum: [0.8, 0.9]}\n"
                      "prune: {final_sparsity: {values: [0.5, 0.9], when: alpha > 0.1}, begin: "
                      "\"20 %\", end: [\"50 %\", 8]}\n" TAIL,
                 0, NULL);
    value v[N_SLOTS];
    memcpy(v, s->base, sizeof v);
    digits d = candidate_digits(s, 0);
    for (int64_t i = 0; i < space_size(s); i++, candidate_next(s, &d)) {
        const value *want = values_of(s, i);
        cr_assert_eq(candidate_fill(s, &d, v, NULL), OK);
        for (int k = 0; k < N_SLOTS; k++)
            if (s->slot[k].name)
                cr_assert_eq(v[k].id, want[k].id, "candidate %d, %s", (int)i, s->slot[k].name);
    }
}

Test(space, settings_that_cannot_matter_are_left_out_of_the_configuration)
{
    space *s = space_of(&a,
                        HEAD "model: {architecture: [mlp, mlp-2], alpha: [0.1, 0.2]}\n"
                             "train: {optimizer: [adam, sgd], momentum: [0.5, 0.9]}\n"
                             "prune: {final_sparsity: [0, 0.5], begin: [5, 10]}\n" TAIL,
                        0, NULL);
    const char *plain = config_of(s, 0);
    cr_expect(!strstr(plain, "momentum"), "%s", plain);
    cr_expect(!strstr(plain, "begin"), "%s", plain);
    cr_expect(strstr(plain, "\"model\":{\"architecture\":\"mlp\",\"alpha\":0.1,\"net\":"), "%s",
              plain);
    /* the last candidate: mlp-2, 0.2, sgd, 0.9, 0.5, 10 */
    const char *full = config_of(s, space_size(s) - 1);
    cr_expect(strstr(full, "\"momentum\":0.9"), "%s", full);
    cr_expect(strstr(full, "\"begin\":10"), "%s", full);
    cr_expect(!strstr(full, "alpha"), "%s", full);
    cr_expect(strstr(full, "\"units\":16"), "a knob's default is part of it: %s", full);
    cr_expect_str_eq(config_of(s, 1), plain, "begin does not matter without pruning");
}

Test(space, every_configuration_is_valid_json_with_keys_in_the_schemas_order)
{
    space *s = space_of(&a, HEAD "model: {architecture: lstm}\n" TAIL, 0, NULL);
    const char *want = arena_printf(
        &a,
        "{\"task\":\"forecast\",\"data\":{\"source\":\"synthetic-climate\",\"rows\":20000,\"seed\":"
        "1,"
        "\"steps_in\":6,\"steps_out\":6},\"model\":{\"architecture\":\"lstm\",\"alpha\":1,\"net\":"
        "\"%s\"},\"train\":{\"loss\":\"mse\",\"labels\":\"physical\","
        "\"batch\":32,\"optimizer\":\"adam\",\"beta1\":0.9,\"beta2\":0.999,\"epsilon\":1e-07,"
        "\"schedule\":\"constant\",\"learning_rate\":0.001,\"epochs\":20,\"shuffle_buffer\":100,"
        "\"keep\":\"last\",\"early_stop\":0},\"prune\":{\"final_sparsity\":0},\"export\":{"
        "\"storage\":"
        "\"float32\",\"pack\":\"zlib\",\"zlib_level\":6,\"writer\":\"minimal\"},\"device\":{\"model\":\"none\",\"run\":\"\"},\"latency\":{"
        "\"protocol\":\"none\"}}",
        hash_bytes("{}", 2).text);
    cr_expect_str_eq(config_of(s, 0), want);
}

/* So that a study from before a setting was there goes on with its own trials. */
Test(space, later_settings_are_in_a_configuration_only_when_used)
{
    space *s = space_of(&a,
                        HEAD "model: {architecture: lstm}\n"
                             "prune: {pattern: [unstructured, \"2:4\"], channels: [0, 0.5]}\n"
                             "fine_tune: {epochs: [0, 3]}\n" TAIL,
                        0, NULL);
    cr_expect(strstr(config_of(s, 0), "\"prune\":{\"final_sparsity\":0},\"export\""), "%s",
              config_of(s, 0));
    cr_expect(strstr(config_of(s, 3),
                     "\"channels\":0.5,\"channel_norm\":\"l1\"},\"fine_tune\":{\"epochs\":3,"),
              "%s", config_of(s, 3));
    cr_expect(strstr(config_of(s, 4), "\"prune\":{\"pattern\":\"2:4\","), "%s", config_of(s, 4));
}

Test(space, a_device_by_its_name_is_short_for_a_model_of_it)
{
    static const char *const written[] = {
        "device: raspberry-pi-4\n",
        "device: {model: raspberry-pi-4}\n",
        "device:\n  model: {values: [raspberry-pi-4], when: 'steps_in == 6'}\n",
        "device: {values: [raspberry-pi-4], when: 'steps_in == 6'}\n",
        "",
    };
    static const char *const sets[] = {"device=raspberry-pi-4", "device.run=ssh pi x"};
    for (int i = 0; i < 5; i++) {
        const char *text =
            arena_printf(&a, HEAD "model: {architecture: lstm}\n%s" TAIL, written[i]);
        /* One setting by --set leaves the other where it was. */
        const char *const *used = sets + (i < 4);
        space *s = space_of(&a, text, i < 4 ? 1 : 2, used);
        const char *config = config_of(s, 0);
        cr_expect(strstr(config, "\"device\":{\"model\":\"raspberry-pi-4\",\"run\":\"ssh pi x\","
                                 "\"run_protocol\":\"2024\"}"),
                  "%s: %s", written[i], config);
    }
}

Test(space, a_condition_puts_the_otherwise_value_in_place)
{
    space *s =
        space_of(&a,
                 HEAD "model: {architecture: mlp, alpha: [0.05, 0.1]}\n"
                      "train: {epochs: {values: [5, 10], when: 'alpha >= 0.1', otherwise: 7}}\n"
                      "prune: {final_sparsity: {values: [0.5, 0.9], when: epochs > 5}}\n" TAIL,
                 0, NULL);
    static const double epochs[] = {7, 7, 7, 7, 5, 5, 10, 10};
    static const double sparsity[] = {0.5, 0.9, 0.5, 0.9, 0, 0, 0.5, 0.9};
    cr_assert_eq(space_size(s), 8);
    for (int i = 0; i < 8; i++) {
        cr_expect_eq(values_of(s, i)[SET_EPOCHS].number, epochs[i], "candidate %d", i);
        cr_expect_eq(values_of(s, i)[SET_FINAL_SPARSITY].number, sparsity[i], "candidate %d", i);
    }
}

Test(space, percentages_of_a_training_become_epochs)
{
    space *s = space_of(&a,
                        HEAD "model: {architecture: mlp}\ntrain: {epochs: [20, 30]}\n"
                             "prune: {final_sparsity: 0.5, begin: 20 %, end: 80%}\n" TAIL,
                        0, NULL);
    cr_expect_eq(values_of(s, 0)[SET_PRUNE_BEGIN].number, 4);
    cr_expect_eq(values_of(s, 0)[SET_PRUNE_END].number, 16);
    cr_expect_eq(values_of(s, 1)[SET_PRUNE_BEGIN].number, 6);
    cr_expect_eq(values_of(s, 1)[SET_PRUNE_BEGIN].kind, VALUE_NUMBER);
}

Test(space, settings_by_hand_override_the_file)
{
    static const char *const sets[] = {"train.epochs=3", "batch=[16, 32]", "model.alpha=0.5",
                                       "limits.stage_time=2 min"};
    space *s = space_of(&a, HEAD "model: {architecture: mlp, alpha: [0.1, 0.2]}\n" TAIL, 4, sets);
    cr_expect_eq(space_size(s), 2);
    cr_expect_eq(values_of(s, 1)[SET_EPOCHS].number, 3);
    cr_expect_eq(values_of(s, 1)[SET_BATCH].number, 32);
    cr_expect_eq(values_of(s, 1)[SLOT_KNOBS].number, 0.5);
    cr_expect_eq(space_get_budget(s).stage_seconds, 120);
    cr_expect(strstr(space_for_store(s)->text, "# --set train.epochs=3"));
}

Test(space, mistakes_in_settings_by_hand_are_placed_there)
{
    static const char *const sets[] = {"train.epochs=x", "nothing", "trian.epochs=1", "batch=[1"};
    space_options o = {.architectures = "spaces/architectures", .n_sets = 4, .sets = sets};
    const char *got = space_mistakes(&a, "spaces/demo.yaml", &o);
    cr_expect(strstr(got, "--set train.epochs=x:1:1: train.epochs is a whole number"), "%s", got);
    cr_expect(strstr(got, "--set nothing:1:1: write a setting and its value"), "%s", got);
    cr_expect(strstr(got, "unknown key 'trian'; did you mean 'train'?"), "%s", got);
    cr_expect(strstr(got, "--set batch=[1:"), "%s", got);
}

Test(space, budgets_limits_and_objectives_are_read_in_base_units)
{
    space *s = space_of(&a,
                        HEAD "model: {architecture: mlp}\n"
                             "search: {max_trials: 7, max_time: 2 h}\n"
                             "limits: {stage_time: 5 min, worker_memory: 1 GiB, retries: 3}\n"
                             "versions:\n"
                             "  a: {size: '< 2 kB', T_mae: '<= 0.5'}\n"
                             "  b: {title: small, limits: {size: '< 1 KiB'}}\n"
                             "seeds: [3, 1]\n" TAIL,
                        0, NULL);
    space_budget b = space_get_budget(s);
    cr_expect_eq(b.max_trials, 7);
    cr_expect_eq(b.max_seconds, 7200);
    cr_expect_eq(b.stage_seconds, 300);
    cr_expect_eq(b.worker_bytes, 1073741824u);
    cr_expect_eq(b.retries, 3);
    const store_space *t = space_for_store(s);
    cr_assert_eq(t->n_versions, 2);
    cr_expect_str_eq(t->version[0].limit[0].metric, "size");
    cr_expect_eq(t->version[0].limit[0].bound, 2000);
    cr_expect_eq(t->version[0].limit[0].op, LIMIT_LT);
    cr_expect_eq(t->version[0].limit[1].op, LIMIT_LE);
    cr_expect_str_eq(t->version[1].title, "small");
    cr_expect_eq(t->version[1].limit[0].bound, 1024);
    cr_expect_eq(t->n_objectives, 2);
    cr_expect_not(t->objective[0].maximize);
    cr_expect_eq(space_n_seeds(s), 2);
    cr_expect_eq(space_seed(s, 0), 3u);
}

Test(space, the_text_for_the_record_holds_the_architectures)
{
    space *s = space_of(&a, HEAD "model: {architecture: mlp}\n" TAIL, 0, NULL);
    const store_space *t = space_for_store(s);
    cr_expect(strstr(t->text, "# architecture mlp\n"));
    cr_expect(strstr(t->text, "units: 128 * alpha"));
    hash h = hash_bytes(t->text, strlen(t->text));
    cr_expect_str_eq(t->text_hash.text, h.text);
}

/* --- architectures --- */

static int count_params(const char *name, double alpha, int steps, int outputs)
{
    diag d;
    diag_init(&d, &a);
    err e = {0};
    buf b = {0};
    node *net, *export;
    stage_forecast f = {0};
    const char *path = arena_printf(&a, "spaces/architectures/%s.yaml", name);
    static const char storage[] =
        "{\"storage\":\"float32\",\"dynamic_min_elements\":1024,\"per_channel\":true}";
    architecture *x = architecture_read(&a, name, path, NULL, &d);
    cr_assert(x);
    value knobs[] = {value_number(alpha)};
    architecture_io io = {.in = {2, {6, 2}}, .steps_out = steps, .outputs = outputs};
    cr_assert_eq(architecture_put_net(x, knobs, io, &b, &e), OK, "%s", e.msg);
    cr_assert_eq(node_read_json(&a, b.data, b.len, &net, &e), OK, "%s", e.msg);
    cr_assert_eq(node_read_json(&a, storage, strlen(storage), &export, &e), OK);
    cr_assert_eq(stage_foresee(net, export, 32, 0, &a, &f, &e), OK, "%s", e.msg);
    buf_free(&b);
    return f.n_params;
}

Test(space, the_labs_networks_have_the_published_numbers_of_parameters)
{
    static const struct {
        int steps, outputs, mlp, cnn, lstm;
    } rows[] = {{1, 1, 18305, 16961, 17217},
                {1, 2, 18434, 17026, 17282},
                {3, 2, 18950, 17286, 17542},
                {6, 2, 19724, 17676, 17932},
                {9, 2, 20498, 18066, 18322}};
    for (int i = 0; i < 5; i++) {
        cr_expect_eq(count_params("mlp", 1, rows[i].steps, rows[i].outputs), rows[i].mlp);
        cr_expect_eq(count_params("cnn-1d", 1, rows[i].steps, rows[i].outputs), rows[i].cnn);
        cr_expect_eq(count_params("lstm", 1, rows[i].steps, rows[i].outputs), rows[i].lstm);
    }
}

Test(space, widths_are_truncated_and_at_least_one)
{
    /* int(128 * 0.025) = 3, int(128 * 0.03) = 3, not 4; 128 * 0.001 < 1 gives 1 */
    static const struct {
        double alpha;
        int units;
    } rows[] = {{0.025, 3}, {0.03, 3}, {0.001, 1}, {0.29, 37}};
    for (int i = 0; i < 4; i++) {
        int u = rows[i].units;
        cr_expect_eq(count_params("mlp", rows[i].alpha, 3, 2), 12 * u + u + u * u + u + u * 6 + 6,
                     "alpha %g", rows[i].alpha);
    }
}

/* --- the schema --- */

Test(space, short_names_lead_back_to_their_rows)
{
    for (int i = 0; i < N_SETTINGS; i++) {
        cr_expect_eq(schema_find(schema_row((setting)i)->path), i);
        cr_expect_eq(schema_find(schema_short_name((setting)i)), i);
    }
    cr_expect_eq(schema_find("epochz"), -1);
}

Test(space, the_reference_names_every_setting_layer_and_metric)
{
    buf b = {0};
    schema_put_markdown(&b);
    for (int i = 0; i < N_SETTINGS; i++)
        cr_expect(strstr(b.data, schema_row((setting)i)->path), "%s", schema_row((setting)i)->path);
    for (const layer_row *l = stage_layers(); l->name; l++) cr_expect(strstr(b.data, l->name));
    for (const metric_row *m = stage_metrics(); m->name; m++) cr_expect(strstr(b.data, m->name));
    buf_free(&b);
}

/* --- the spaces we ship --- */

Test(space, the_demo_has_no_mistakes)
{
    cr_expect_str_empty(space_mistakes(&a, "spaces/demo.yaml", NULL));
}

Test(space, the_spaces_of_homeworks_have_no_mistakes)
{
    space_options o = {.data = getenv("PARETUNE_DATA")};
    if (!o.data) cr_skip_test("PARETUNE_DATA is not set");
    glob_t found;
    cr_assert_eq(glob("spaces/*.yaml", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        cr_expect_str_empty(space_mistakes(&a, found.gl_pathv[i], &o), "%s", found.gl_pathv[i]);
    globfree(&found);
}
