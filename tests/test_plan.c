#include "search/plan_parts.h"
#include "tests/support/space_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "space: 1\ntask: forecast\ndata: {source: synthetic-climate, rows: 400}\n"
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

TestSuite(plan, .init = open_arena, .fini = close_arena);

static plan *plan_of(const space *s)
{
    plan *p = NULL;
    err e = {0};
    cr_assert_eq(plan_make(s, &a, &p, &e), OK, "%s", e.msg);
    return p;
}

static plan_summary summary_of(const plan *p)
{
    plan_summary t;
    cr_assert_eq(plan_summarize(p, &t, NULL), OK);
    return t;
}

static chain *chain_of(const plan *p, int64_t i, int seed)
{
    chain *c = ARENA_NEW(&a, chain, 1);
    err e = {0};
    cr_assert_eq(plan_chain(p, i, seed, &a, c, &e), OK, "%s", e.msg);
    return c;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(x, y);
}

/* Distinct keys of one kind of stage over all chains. */
static int64_t count_keys(const space *s, const plan *p, stage_kind kind)
{
    int cap = (int)space_size(s) * space_n_seeds(s) * CHAIN_MAX, n = 0, distinct = 0;
    hash *keys = ARENA_NEW(&a, hash, cap);
    for (int64_t i = 0; i < space_size(s); i++) {
        if (plan_state(p, i) != CAND_OK) continue;
        for (int k = 0; k < space_n_seeds(s); k++) {
            const chain *c = chain_of(p, i, k);
            for (int j = 0; j < c->n; j++)
                if (c->stage[j].request.kind == kind) keys[n++] = c->stage[j].request.key;
        }
    }
    qsort(keys, (size_t)n, sizeof *keys, by_text);
    for (int i = 0; i < n; i++) distinct += i == 0 || strcmp(keys[i].text, keys[i - 1].text) != 0;
    return distinct;
}

/* The plan counts as many stages of each kind as the chains have keys. */
static void expect_counts(space *s, plan *p, const plan_summary *t)
{
    for (int k = 0; k < N_STAGE_KINDS; k++) {
        arena_mark_t mark = arena_mark(&a);
        cr_expect_eq(t->stages[k], count_keys(s, p, (stage_kind)k), "%s",
                     stage_kind_name((stage_kind)k));
        arena_release(&a, mark);
    }
}

/* As many kinds of sharing as fit into one small space. */
static const char *const rich = HEAD
    "model: {architecture: [mlp, mlp-deep], alpha: [0.05, 0.0505, 0.1], depth: [0, 1], units: 4}\n"
    "train: {epochs: [6, 9], schedule: [constant, cosine], keep: [last, best], optimizer: [adam, "
    "sgd]}\n"
    "prune: {final_sparsity: [0, 0.5, 0.9], begin: [2, \"50 %\"], end: 6}\n"
    "export: {storage: [float32, dynamic], dynamic_min_elements: [0, 10000], pack: [zlib, flat]}\n"
    "seeds: [1, 2]\n" TAIL;

Test(plan, counted_stages_are_the_distinct_keys_of_all_chains)
{
    space *s = space_of(&a, rich, 0, NULL);
    plan *p = plan_of(s);
    plan_summary t = summary_of(p);
    cr_assert_gt(t.count[CAND_OK], 500);
    cr_assert_gt(t.count[CAND_DUPLICATE], 100);
    expect_counts(s, p, &t);
}

/* Two phases, with and without pruning in either. */
static const char *const tuned = HEAD
    "model: {architecture: mlp-2, units: [3, 4]}\n"
    "train: {epochs: [4, 6], schedule: [constant, cosine], keep: [last, best]}\n"
    "prune: {final_sparsity: [0, 0.5, 0.9], during: [training, fine-tune], begin: [1, \"50 %\"], "
    "end: \"100 %\"}\n"
    "fine_tune: {epochs: [0, 3, 5], learning_rate: [1e-4, 1e-3]}\n"
    "seeds: [1, 2]\n" TAIL;

Test(plan, fine_tuning_counts_the_distinct_keys_of_all_chains)
{
    space *s = space_of(&a, tuned, 0, NULL);
    plan *p = plan_of(s);
    plan_summary t = summary_of(p);
    cr_assert_gt(t.count[CAND_OK], 100);
    cr_expect_gt(plan_excluded(p, 0), 0, "pruning in a fine-tuning of no epochs");
    expect_counts(s, p, &t);
}

/* What fine-tuning may do besides. */
static const char *const squeezed =
    HEAD "model: {architecture: mlp-2, units: [3, 6]}\n"
         "train: {epochs: 4, labels: [physical, standardized]}\n"
         "prune: {pattern: [unstructured, \"2:4\"], final_sparsity: [0, 0.5], during: [training, "
         "fine-tune], begin: 1, end: 3, channels: [0, 0.5], channel_norm: [l1, l2]}\n"
         "fine_tune: {epochs: [0, 3, 5]}\n"
         "cluster: {clusters: [0, 2, 8], init: [kmeans++, linear], preserve_sparsity: [true, "
         "false]}\n" TAIL;

Test(plan, compressions_count_the_distinct_keys_of_all_chains)
{
    space *s = space_of(&a, squeezed, 0, NULL);
    plan *p = plan_of(s);
    plan_summary t = summary_of(p);
    cr_assert_gt(t.count[CAND_OK], 200);
    cr_assert_gt(t.count[CAND_DUPLICATE], 200);
    expect_counts(s, p, &t);
}

Test(plan, each_compression_makes_a_candidate_of_its_own)
{
    static const struct {
        const char *axis;
        int candidates;
    } row[] = {{"prune.pattern=[unstructured, \"2:4\", \"1:4\"]", 3},
               {"prune.channels=[0, 0.25, 0.5]", 3},
               {"cluster.clusters=[0, 8, 16]", 3},
               {"cluster.init=[kmeans++, linear, random, density]", 4},
               {"cluster.gradient=[sum, average]", 2},
               {"cluster.preserve_sparsity=[true, false]", 1}, /* nothing is pruned */
               {"prune.channel_norm=[l1, l2]", 1}};
    for (int i = 0; i < 7; i++) {
        const char *sets[] = {"cluster.clusters=4", row[i].axis};
        space *s = space_of(&a,
                            HEAD "model: {architecture: mlp-2, units: 12}\n"
                                 "fine_tune: {epochs: 2}\n" TAIL,
                            2, sets);
        cr_expect_eq(summary_of(plan_of(s)).count[CAND_OK], row[i].candidates, "%s", row[i].axis);
    }
}

Test(plan, what_fine_tuning_does_is_told_as_agreed_on)
{
    space *s = space_of(&a,
                        HEAD "model: {architecture: mlp-2, units: 8}\n"
                             "prune: {pattern: \"2:4\", begin: 5, end: 15, channels: 0.25}\n"
                             "fine_tune: {epochs: [3, 5]}\n"
                             "cluster: {clusters: 16}\n" TAIL,
                        0, NULL);
    const chain *c = chain_of(plan_of(s), 1, 0);
    static const char cluster[] = "\"cluster\":{\"clusters\":16,\"init\":\"kmeans++\",\"gradient\":"
                                  "\"sum\",\"preserve_sparsity\":true},\"seed\":1,";
    cr_assert_eq(c->n, 7);
    cr_expect(strstr(c->stage[2].request.params,
                     "\"prune\":{\"pattern\":\"2:4\",\"begin\":5,\"end\":15,\"unit\":\"epochs\","
                     "\"frequency\":100},\"seed\":1,\"from_epoch\":5,\"to_epoch\":20}"),
              "%s", c->stage[2].request.params);
    cr_expect(strstr(c->stage[2].request.params, "\"units\":8,"));
    const char *want =
        arena_printf(&a,
                     "\"prune\":null,\"start\":\"weights\",\"channels\":{\"remove\":0.25,"
                     "\"norm\":\"l1\"},%s\"from_epoch\":0,\"to_epoch\":3}",
                     cluster);
    cr_expect(strstr(c->stage[3].request.params, want), "%s", c->stage[3].request.params);
    cr_expect(strstr(c->stage[3].request.params, "\"units\":6,"), "the network without channels");
    want = arena_printf(&a, "\"prune\":null,%s\"from_epoch\":3,\"to_epoch\":5}", cluster);
    cr_expect(strstr(c->stage[4].request.params, want), "%s", c->stage[4].request.params);
}

Test(plan, what_makes_no_sense_is_left_out_with_a_reason)
{
    static const struct {
        const char *axis, *why;
        int candidate;
    } row[] = {{"fine_tune.epochs=[0, 2]", "clustering needs fine_tune.epochs", 0},
               {"prune.during=[training, fine-tune]",
                "clustering and pruning cannot share a fine-tuning: prune during training", 1},
               {"cluster.clusters=[2, 3]",
                "clusters that preserve sparsity are at least 3: one of them is zero", 0},
               {"train.labels=[physical, standardized]",
                "clustering needs physical labels: others are scaled back in the last layer, each "
                "output by "
                "its own factor, which would pull its clusters apart",
                1}};
    for (int i = 0; i < 4; i++) {
        space *s = space_of(&a,
                            HEAD "model: {architecture: mlp-2}\ncluster: {clusters: 4}\n"
                                 "prune: {final_sparsity: 0.5, begin: 0, end: 2}\n"
                                 "fine_tune: {epochs: 2}\n" TAIL,
                            1, &row[i].axis);
        plan *p = plan_of(s);
        cr_expect_eq(plan_state(p, row[i].candidate), CAND_EXCLUDED, "%s", row[i].axis);
        cr_expect_eq(plan_state(p, 1 - row[i].candidate), CAND_OK, "%s", row[i].axis);
        cr_expect_str_eq(plan_why(p, row[i].candidate, &a), row[i].why);
    }
    const char *channels = "fine_tune.epochs=[0, 2]";
    plan *p = plan_of(space_of(
        &a, HEAD "model: {architecture: mlp-2}\nprune: {channels: 0.5}\n" TAIL, 1, &channels));
    cr_expect_str_eq(plan_why(p, 0, &a), "removing channels needs fine_tune.epochs");
}

Test(plan, quantization_counts_the_distinct_keys_of_all_chains)
{
    space *s =
        space_of(&a,
                 HEAD "model: {architecture: mlp-2, units: 3}\ntrain: {epochs: 4}\n"
                      "fine_tune: {epochs: [0, 2]}\nquantize: {aware: [true, false]}\n"
                      "export: {storage: [float32, int8, int8-weights], io: [float32, int8], "
                      "heads: [joint, per-output], calibration: [min-max, percentile], "
                      "calibration_percentile: [99, 99.9], calibration_examples: [10, 20]}\n"
                      "seeds: [1, 2]\n" TAIL,
                 0, NULL);
    plan *p = plan_of(s);
    plan_summary t = summary_of(p);
    expect_counts(s, p, &t);
    /* Six calibrations; three ends: float32 joint, float32 per output, int8. Without fine-tuning and
     * with an unaware one: one file of float32 and one of int8 weights, which equals it, no tensor
     * being large enough. Aware: the calibration and the heads decide the training, the ends the file. */
    cr_expect_eq(t.count[CAND_OK], 2 * (1 + 6 * 3) + 6 * 3);
    cr_expect_eq(t.stages[STAGE_TRAIN], 2 * (1 + 1 + 6 * 2));
}

Test(plan, calibration_reads_the_data_and_an_aware_training_replaces_it)
{
    space *s =
        space_of(&a,
                 HEAD "model: {architecture: mlp-2, units: 3}\ntrain: {epochs: 4}\n"
                      "fine_tune: {epochs: 2}\nquantize: {aware: [false, true]}\n"
                      "export: {storage: int8, calibration: percentile, heads: per-output}\n" TAIL,
                 0, NULL);
    const plan *p = plan_of(s);
    const chain *c = chain_of(p, 0, 0), *aware = chain_of(p, 1, 0);
    const stage_request *x = &c->stage[3].request, *y = &aware->stage[3].request;
    cr_assert_eq(x->kind, STAGE_EXPORT);
    cr_expect_str_eq(x->params, "{\"storage\":\"int8\",\"dynamic_min_elements\":1024,"
                                "\"per_channel\":true,\"calibration\":{\"method\":\"percentile\","
                                "\"percentile\":99.9,\"examples\":500},\"heads\":\"per-output\","
                                "\"pack\":\"zlib\"}");
    cr_assert_eq(x->n_parents, 2);
    cr_expect_str_eq(x->parent[1].text, c->stage[0].request.key.text);
    cr_expect_not(strstr(c->stage[2].request.params, "fake_quant"));
    cr_expect_str_eq(y->params, "{\"storage\":\"int8\",\"dynamic_min_elements\":1024,"
                                "\"per_channel\":true,\"heads\":\"per-output\",\"pack\":\"zlib\"}");
    cr_expect_eq(y->n_parents, 1);
    cr_expect(strstr(aware->stage[2].request.params,
                     "\"start\":\"weights\",\"fake_quant\":{\"calibration\":{\"method\":"
                     "\"percentile\",\"percentile\":99.9,\"examples\":500},\"decay\":0.5,"
                     "\"heads\":\"per-output\"},\"seed\":1"),
              "%s", aware->stage[2].request.params);
    cr_expect_str_eq(aware->stage[1].request.key.text, c->stage[1].request.key.text);
}

Test(plan, fine_tuning_is_a_training_of_trained_weights_behind_the_first)
{
    space *s =
        space_of(&a,
                 HEAD "model: {architecture: mlp-2, units: 3}\n"
                      "train: {schedule: cosine, epochs: 30, keep: best}\n"
                      "prune: {final_sparsity: 0.9, during: fine-tune, begin: 0, end: 50 %}\n"
                      "fine_tune: {epochs: 30, learning_rate: 0.002}\n" TAIL,
                 0, NULL);
    const chain *c = chain_of(plan_of(s), 0, 0);
    cr_assert_eq(c->n, 5);
    const char *first = c->stage[1].request.params, *second = c->stage[2].request.params;
    cr_expect(strstr(first, "\"keep\":\"best\",\"early_stop\":0,\"prune\":null,\"seed\":1,"
                            "\"from_epoch\":0,\"to_epoch\":30}"),
              "%s", first);
    cr_expect(strstr(second, "\"learning_rate\":{\"schedule\":\"constant\",\"initial\":0.002},"
                             "\"shuffle_buffer\":100,\"keep\":\"best\",\"early_stop\":0,\"prune\":{"
                             "\"initial\":0.3,\"final\":0.9,\"begin\":0,\"end\":15,\"unit\":"
                             "\"epochs\",\"frequency\":100,\"power\":3},\"start\":\"weights\","
                             "\"seed\":1,\"from_epoch\":0,\"to_epoch\":30}"),
              "%s", second);
    cr_expect_str_eq(c->stage[2].request.parent[1].text, c->stage[1].request.key.text);
    cr_expect_float_eq(c->stage[2].predicted_seconds, c->stage[1].predicted_seconds, 1e-12);
}

Test(plan, candidates_share_the_first_training_and_the_fine_tuning_before_pruning)
{
    space *s = space_of(&a,
                        HEAD "model: {architecture: mlp-2}\ntrain: {epochs: 30}\n"
                             "prune: {final_sparsity: [0, 0.7, 0.9], during: fine-tune, begin: 2, "
                             "end: 10}\n"
                             "fine_tune: {epochs: [10, 20], learning_rate: [1e-4, 1e-3]}\n" TAIL,
                        0, NULL);
    plan_summary t = summary_of(plan_of(s));
    cr_expect_eq(t.count[CAND_OK], 3 * 2 * 2);
    /* 30; for each rate the 2 before pruning, and for each share from 2 to 10 and from there to 20 */
    cr_expect_eq(t.epochs, 30 + 2 * (2 + 3 * (8 + 10)));
    cr_expect_eq(t.epochs_unshared, 2 * 3 * (40 + 50));
}

Test(plan, storages_that_write_the_same_file_are_duplicates)
{
    /* The tensors of the network have 96, 64 and 96 weights. */
    space *s =
        space_of(&a,
                 HEAD "model: {architecture: mlp, alpha: 0.0625}\n"
                      "export: {storage: [float32, float16, dynamic], "
                      "dynamic_min_elements: [60, 64, 1024], per_channel: [true, false]}\n" TAIL,
                 0, NULL);
    plan *p = plan_of(s);
    for (int64_t i = 0; i < space_size(s); i++) {
        value v[N_SLOTS];
        cr_assert_eq(plan_values(p, i, v, NULL), OK);
        bool quantized = strcmp(v[SET_STORAGE].text, "dynamic") == 0;
        if (quantized && v[SET_DYNAMIC_MIN].number > 96)
            cr_expect_str_eq(plan_why(p, i, &a), "builds the same files as candidate 0");
    }
    /* float32, float16, and both kinds of dynamic */
    cr_expect_eq(summary_of(p).count[CAND_OK], 4);
}

Test(plan, epochs_and_unshared_counts_are_the_sums_over_chains)
{
    space *s = space_of(&a, rich, 0, NULL);
    plan *p = plan_of(s);
    plan_summary t = summary_of(p);
    double epochs = 0;
    int64_t n[N_STAGE_KINDS] = {0};
    for (int64_t i = 0; i < space_size(s); i++) {
        if (plan_state(p, i) != CAND_OK) continue;
        arena_mark_t mark = arena_mark(&a);
        const chain *c = chain_of(p, i, 0);
        for (int j = 0; j < c->n; j++) {
            n[c->stage[j].request.kind] += 2; /* two seeds */
            const char *from = strstr(c->stage[j].request.params, "\"from_epoch\":");
            const char *to = strstr(c->stage[j].request.params, "\"to_epoch\":");
            if (from && to) epochs += 2 * (atof(to + 11) - atof(from + 13));
        }
        arena_release(&a, mark);
    }
    cr_expect_eq(t.epochs_unshared, epochs);
    for (int k = 0; k < N_STAGE_KINDS; k++) cr_expect_eq(t.unshared[k], n[k]);
    cr_expect_lt(t.epochs, t.epochs_unshared);
    cr_expect_eq(t.trials, 2 * t.count[CAND_OK]);
}

Test(plan, parts_of_a_training_are_contiguous_and_each_continues_the_one_before)
{
    space *s = space_of(&a, rich, 0, NULL);
    plan *p = plan_of(s);
    for (int64_t i = 0; i < space_size(s); i += 7) {
        if (plan_state(p, i) != CAND_OK) continue;
        const chain *c = chain_of(p, i, 1);
        double at = 0;
        for (int j = 0; j < c->n; j++) {
            const stage_request *r = &c->stage[j].request;
            hash key = stage_key(r->kind, r->params, r->parent, r->n_parents);
            cr_expect_str_eq(key.text, r->key.text);
            cr_expect_str_eq(c->row.stage[j].text, r->key.text);
            node *tree;
            cr_assert_eq(node_read_json(&a, r->params, strlen(r->params), &tree, NULL), OK);
            if (r->kind != STAGE_TRAIN) continue;
            cr_expect_eq(node_get(tree, "from_epoch")->number, at);
            at = node_get(tree, "to_epoch")->number;
            cr_expect_str_eq(r->parent[0].text, c->stage[0].request.key.text);
            if (j > 1) cr_expect_str_eq(r->parent[1].text, c->stage[j - 1].request.key.text);
        }
        cr_expect(strstr(c->row.config, "\"epochs\":"));
        cr_expect_eq(at, atof(strstr(c->row.config, "\"epochs\":") + 9));
    }
}

Test(plan, the_parameters_of_stages_are_those_agreed_on)
{
    space *s = space_of(&a,
                        HEAD "model: {architecture: mlp-2, units: 3}\n"
                             "train: {schedule: polynomial, keep: best}\n"
                             "prune: {final_sparsity: 0.9}\n"
                             "export: {storage: dynamic}\n" TAIL,
                        0, NULL);
    const chain *c = chain_of(plan_of(s), 0, 0);
    static const char net[] = "{\"net\":{\"input\":[6,2],\"layers\":[{\"kind\":\"flatten\"},{"
                              "\"kind\":\"dense\",\"units\":3,"
                              "\"activation\":\"relu\",\"bias\":true},{\"kind\":\"dense\","
                              "\"units\":12,\"activation\":\"none\","
                              "\"bias\":true},{\"kind\":\"reshape\",\"to\":[6,2]}]},\"loss\":"
                              "\"mse\",\"labels\":\"physical\","
                              "\"batch\":32,\"optimizer\":{\"kind\":\"adam\",\"beta1\":0.9,"
                              "\"beta2\":0.999,\"epsilon\":1e-07},"
                              "\"learning_rate\":{\"schedule\":\"polynomial\",\"initial\":0.001,"
                              "\"final\":1e-05,\"power\":1,"
                              "\"epochs\":20},\"shuffle_buffer\":100,";
    cr_assert_eq(c->n, 5);
    cr_expect_str_eq(
        c->stage[0].request.params,
        "{\"source\":\"synthetic-climate\",\"rows\":400,\"seed\":1,\"names\":[\"T\",\"RH\"],"
        "\"units\":[\"°C\",\"%\"],\"steps_in\":6,\"steps_out\":6,\"split\":[0.7,0.2,0.1]}");
    const char *first =
        arena_printf(&a,
                     "%s\"keep\":\"last\",\"early_stop\":0,\"prune\":null,\"seed\":1,"
                     "\"from_epoch\":0,\"to_epoch\":5}",
                     net);
    cr_expect_str_eq(c->stage[1].request.params, first);
    const char *second = arena_printf(
        &a,
        "%s\"keep\":\"best\",\"early_stop\":0,\"prune\":{\"initial\":0.3,\"final\":0.9,\"begin\":5,"
        "\"end\":15,\"unit\":\"epochs\",\"frequency\":100,\"power\":3},\"seed\":1,\"from_epoch\":5,"
        "\"to_epoch\":20}",
        net);
    cr_expect_str_eq(c->stage[2].request.params, second);
    cr_expect_str_eq(c->stage[3].request.params,
                     "{\"storage\":\"dynamic\",\"dynamic_min_elements\":1024,\"per_channel\":true,"
                     "\"pack\":\"zlib\"}");
    cr_expect_str_eq(c->stage[4].request.params, "{\"batch\":32}");
}

Test(plan, pruning_in_steps_is_told_in_steps_and_is_not_cut)
{
    space *s =
        space_of(&a,
                 HEAD "model: {architecture: mlp-2}\n"
                      "prune: {final_sparsity: 0.9, begin: 100 steps, end: 1500 steps}\n" TAIL,
                 0, NULL);
    const chain *c = chain_of(plan_of(s), 0, 0);
    cr_assert_eq(c->n, 4);
    cr_expect(strstr(c->stage[1].request.params, "\"begin\":100,\"end\":1500,\"unit\":\"steps\""),
              "%s", c->stage[1].request.params);
}

Test(plan, candidates_that_differ_in_pruning_share_what_comes_before)
{
    space *s = space_of(
        &a, HEAD "model: {architecture: mlp-2}\nprune: {final_sparsity: [0, 0.5, 0.9]}\n" TAIL, 0,
        NULL);
    plan *p = plan_of(s);
    const char *first = chain_of(p, 0, 0)->stage[1].request.key.text;
    for (int i = 1; i < 3; i++)
        cr_expect_str_eq(chain_of(p, i, 0)->stage[1].request.key.text, first);
    plan_summary t = summary_of(p);
    cr_expect_eq(t.stages[STAGE_TRAIN], 4);
    cr_expect_eq(t.epochs, 5 + 3 * 15);
}

Test(plan, a_longer_training_continues_a_shorter_one)
{
    space *s = space_of(
        &a, HEAD "model: {architecture: mlp-2}\ntrain: {epochs: [10, 30, 20]}\n" TAIL, 0, NULL);
    plan_summary t = summary_of(plan_of(s));
    cr_expect_eq(t.epochs, 30);
    cr_expect_eq(t.epochs_unshared, 60);
    space *cosine = space_of(
        &a,
        HEAD "model: {architecture: mlp-2}\ntrain: {epochs: [10, 30, 20], schedule: cosine}\n" TAIL,
        0, NULL);
    plan *p = plan_of(cosine);
    cr_expect_eq(summary_of(p).epochs, 60, "its learning rate depends on the length");
    cr_expect_eq(chain_of(p, 1, 0)->n, 4, "so there is no use in cutting it");
}

Test(plan, twins_build_the_same_files_and_keep_the_smaller_index)
{
    space *s = space_of(&a,
                        HEAD "model: {architecture: mlp, alpha: [0.05, 0.0505, 0.1]}\n"
                             "prune: {final_sparsity: [0, 0.9], begin: [5, 6]}\n" TAIL,
                        0, NULL);
    plan *p = plan_of(s);
    static const cand_state want[] = {
        CAND_OK,        CAND_DUPLICATE, CAND_OK, CAND_OK,        CAND_DUPLICATE, CAND_DUPLICATE,
        CAND_DUPLICATE, CAND_DUPLICATE, CAND_OK, CAND_DUPLICATE, CAND_OK,        CAND_OK};
    for (int i = 0; i < 12; i++) cr_expect_eq(plan_state(p, i), want[i], "candidate %d", i);
    cr_expect_str_eq(plan_why(p, 6, &a), "builds the same files as candidate 2");
    chain c;
    err e = {0};
    cr_expect_eq(plan_chain(p, 6, 0, &a, &c, &e), ERR_ARG);
    cr_expect(strstr(e.msg, "candidate 2"), "%s", e.msg);
}

Test(plan, packings_are_trials_of_their_own_on_one_training)
{
    space *s = space_of(
        &a, HEAD "model: {architecture: mlp-2}\nexport: {pack: [flat, zlib, zip]}\n" TAIL, 0, NULL);
    plan *p = plan_of(s);
    plan_summary t = summary_of(p);
    cr_expect_eq(t.count[CAND_OK], 3);
    cr_expect_eq(t.stages[STAGE_TRAIN], 1);
    cr_expect_eq(t.stages[STAGE_EXPORT], 3);
    cr_expect(strstr(chain_of(p, 2, 0)->stage[2].request.params, "\"pack\":\"zip\""));
}

Test(plan, each_rule_counts_what_it_excludes_first)
{
    space *s = space_of(&a,
                        HEAD "model: {architecture: [mlp, lstm], alpha: [0.1, 0.2, 0.3]}\n"
                             "prune: {final_sparsity: [0, 0.5], begin: [5, 15]}\n"
                             "rules:\n"
                             "  - exclude: architecture == \"lstm\" and alpha > 0.1\n"
                             "    because: slow\n"
                             "  - exclude: alpha == 0.3\n" TAIL,
                        0, NULL);
    plan *p = plan_of(s);
    cr_expect_eq(plan_excluded(p, 0), 8);
    cr_expect_eq(plan_excluded(p, 1), 4);
    cr_expect_eq(plan_excluded(p, 2), 3, "pruning from 15 to 15");
    cr_expect_eq(summary_of(p).count[CAND_EXCLUDED], 15);
    const char *why = plan_why(p, 16, &a);
    cr_expect_str_eq(why, "excluded by line 7: architecture == \"lstm\" and alpha > 0.1 (slow)");
}

Test(plan, pruning_that_ends_behind_the_training_is_left_out)
{
    static const char *const yaml =
        HEAD "model: {architecture: mlp-2}\ntrain: {epochs: [8, 15, 20]}\n"
             "prune:\n  final_sparsity: [0, 0.9]\n" TAIL;
    space *s = space_of(&a, yaml, 0, NULL);
    plan *p = plan_of(s);
    cr_expect_eq(plan_excluded(p, 0), 1, "8 epochs with the default end of 15");
    cr_expect_eq(summary_of(p).count[CAND_OK], 5);
    cr_expect_eq(plan_state(p, 1), CAND_EXCLUDED);
    cr_expect_str_eq(plan_why(p, 1, &a),
                     "pruning must end within the training, as an end in % does at any length");
    const char *place = "", *why;
    int64_t n = 0;
    for (int i = 0; n == 0 && (why = plan_own_reason(p, i, &place, &n)) != NULL; i++) continue;
    cr_expect_eq(n, 1);
    cr_expect_str_eq(place, "test.yaml:7:19", "of final_sparsity, as no end is written");
    static const char *const part[] = {"prune.end=100 %", "prune.begin=50 %"};
    cr_expect_eq(plan_excluded(plan_of(space_of(&a, yaml, 2, part)), 0), 0);
}

Test(plan, what_is_aimed_at_decides_what_is_over_a_limit)
{
    static const char *const yaml =
        HEAD "model: {architecture: mlp, alpha: [0.05, 0.1, 0.2]}\ntrain: {epochs: 5}\n"
             "export: {pack: flat}\n"
             "versions: {small: {size: \"< 2 kB\"}, large: {size: \"< 5 kB\"}}\n" TAIL;
    static const struct {
        const char *aim;
        int over;
    } cases[] = {{"front", 0}, {"versions", 1}, {"large", 1}, {"small", 2}};
    for (int i = 0; i < 4; i++) {
        const char *set = arena_printf(&a, "search.aim=%s", cases[i].aim);
        const plan *p = plan_of(space_of(&a, yaml, 1, &set));
        stage_forecast f[3];
        for (int k = 0; k < 3; k++) cr_assert_eq(plan_forecast(p, k, &f[k], NULL), OK);
        cr_assert(f[0].flat_bytes < 2000 && f[1].flat_bytes > 2000 && f[1].flat_bytes < 5000 &&
                      f[2].flat_bytes > 5000,
                  "%d %d %d", f[0].flat_bytes, f[1].flat_bytes, f[2].flat_bytes);
        cr_expect_eq(summary_of(p).count[CAND_OVER_LIMIT], cases[i].over, "%s", cases[i].aim);
    }
    const char *set = "search.aim=small";
    const char *why = plan_why(plan_of(space_of(&a, yaml, 1, &set)), 1, &a);
    cr_expect(strstr(why, "version small") && !strstr(why, "others"), "%s", why);
}

Test(plan, what_no_version_can_take_is_left_out_and_nothing_else)
{
    static const char *const yaml = HEAD
        "model: {architecture: mlp-2, units: [2, 4, 8, 16, 32, 64, 128]}\n"
        "export: {storage: [float32, float16], pack: %s}\n"
        "versions:\n  a: {n_params: \"< 300\"}\n  b: {size: \"< 2 kB\", T_mae: \"< 1\"}\n" TAIL;
    static const char *const packs[] = {"flat", "zlib"};
    for (int k = 0; k < 2; k++) {
        space *s = space_of(&a, arena_printf(&a, yaml, packs[k]), 0, NULL);
        plan *p = plan_of(s);
        for (int64_t i = 0; i < space_size(s); i++) {
            stage_forecast f;
            cr_assert_eq(plan_forecast(p, i, &f, NULL), OK);
            int size = k == 0 ? f.flat_bytes : f.packed_floor;
            bool hopeless = f.n_params >= 300 && size >= 2000;
            cr_expect_eq(plan_state(p, i), hopeless ? CAND_OVER_LIMIT : CAND_OK, "candidate %d",
                         (int)i);
        }
        int64_t over = summary_of(p).count[CAND_OVER_LIMIT];
        cr_expect(over > 0 && over < space_size(s));
        cr_expect(strstr(plan_why(p, 12, &a), "and version a asks for < 300"), "%s",
                  plan_why(p, 12, &a));
        static const char *const off[] = {"static_filter=false"};
        space *all = space_of(&a, arena_printf(&a, yaml, packs[k]), 1, off);
        cr_expect_eq(summary_of(plan_of(all)).count[CAND_OVER_LIMIT], 0);
    }
}

Test(plan, more_zeros_may_save_a_candidate_from_the_filter)
{
    space *s = space_of(&a,
                        HEAD "model: {architecture: mlp-2, units: 64}\n"
                             "prune: {final_sparsity: [0, 0.95]}\n"
                             "versions: {a: {size: \"< 3 kB\"}}\n" TAIL,
                        0, NULL);
    plan *p = plan_of(s);
    cr_expect_eq(plan_state(p, 0), CAND_OVER_LIMIT);
    cr_expect_eq(plan_state(p, 1), CAND_OK);
}

Test(plan, a_floor_is_of_the_most_zeros_that_pruning_can_leave)
{
    static const char *const yaml =
        HEAD "model: {architecture: mlp-2, units: 64}\nprune: {final_sparsity: [0.2, 0], "
             "initial_sparsity: [0.3, 0.9]}\nversions: {a: {size: \"< 100 B\"}}\n" TAIL;
    plan *p = plan_of(space_of(&a, yaml, 0, NULL));
    double floor[3]; /* at 0.3, at 0.9, and unpruned, where initial_sparsity does not matter */
    for (int i = 0; i < 3; i++) {
        stage_forecast f;
        cr_assert_eq(plan_forecast(p, i, &f, NULL), OK);
        floor[i] = f.packed_floor;
    }
    cr_expect_float_eq(floor[2] - floor[0], (floor[2] - floor[1]) / 3, 2);
    cr_expect_gt(floor[2], floor[0] + 100);
}

Test(plan, the_same_space_gives_the_same_plan)
{
    space *s = space_of(&a, rich, 0, NULL), *t = space_of(&a, rich, 0, NULL);
    plan *p = plan_of(s), *q = plan_of(t);
    plan_summary x = summary_of(p), y = summary_of(q);
    cr_expect_eq(memcmp(&x, &y, sizeof x), 0);
    for (int64_t i = 0; i < space_size(s); i++) cr_assert_eq(plan_state(p, i), plan_state(q, i));
    for (int64_t i = 0; i < space_size(s); i += 41) {
        if (plan_state(p, i) != CAND_OK) continue;
        const chain *c = chain_of(p, i, 0), *d = chain_of(q, i, 0);
        cr_expect_str_eq(c->row.config_hash.text, d->row.config_hash.text);
        cr_expect_str_eq(c->stage[c->n - 1].request.key.text, d->stage[d->n - 1].request.key.text);
    }
}

/* A list "0.001, 0.002, ..." of n values. */
static const char *long_list(int n)
{
    buf b = {0};
    for (int i = 1; i <= n; i++) buf_printf(&b, "%s%g", i > 1 ? ", " : "", i / 1000.0);
    const char *text = arena_string(&a, b.data);
    buf_free(&b);
    return text;
}

Test(plan, a_large_space_takes_little_memory_per_candidate)
{
    const char *yaml = arena_printf(
        &a,
        HEAD "model: {architecture: [mlp, mlp-2], alpha: [0.1, 0.2, 0.3], units: [4, 8]}\n"
             "train: {learning_rate: [%s]}\nprune: {final_sparsity: [0, %s]}\n" TAIL,
        long_list(100), long_list(99));
    space *s = space_of(&a, yaml, 0, NULL);
    cr_assert_eq(space_size(s), 120000);
    arena own;
    arena_init(&own, 0);
    plan *p;
    err e = {0};
    cr_assert_eq(plan_make(s, &own, &p, &e), OK, "%s", e.msg);
    cr_expect_eq(summary_of(p).count[CAND_OK], 50000);
    cr_expect_lt(own.held / 120000, 60u);
    arena_free(&own);
}

Test(plan, an_impossible_network_names_its_candidate)
{
    space *s =
        space_of(&a, HEAD "model: {architecture: cnn-1d-free, kernel: [3, 7]}\n" TAIL, 0, NULL);
    plan *p;
    err e = {0};
    cr_expect_eq(plan_make(s, &a, &p, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, "candidate 1 (kernel=7)"), "%s", e.msg);
    space *t = space_of(&a,
                        HEAD "model: {architecture: cnn-1d-free, kernel: [3, 7]}\n"
                             "rules: [{exclude: kernel > steps_in}]\n" TAIL,
                        0, NULL);
    cr_expect_eq(summary_of(plan_of(t)).count[CAND_OK], 1);
}

Test(plan, a_row_carries_the_axes_that_matter_and_what_is_known)
{
    space *s =
        space_of(&a, HEAD "model: {architecture: [mlp, mlp-2], alpha: [0.1, 0.2], units: 8}\n" TAIL,
                 0, NULL);
    plan *p = plan_of(s);
    const chain *mlp = chain_of(p, 1, 0), *small = chain_of(p, 2, 0);
    cr_assert_eq(mlp->row.n_knobs, 2);
    cr_expect_str_eq(mlp->row.knob[1].name, "alpha");
    cr_expect_eq(mlp->row.knob[1].number, 0.2);
    cr_expect_eq(small->row.n_knobs, 1, "mlp-2 has no alpha");
    cr_expect_str_eq(small->row.knob[0].text, "mlp-2");
    cr_assert_eq(small->row.n_known, 5);
    cr_expect_str_eq(small->row.known_name[0], "n_params");
    cr_expect_eq(small->row.known_value[0], 12 * 8 + 8 + 8 * 12 + 12);
}
