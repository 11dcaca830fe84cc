/* Keyword spaces: which settings matter, what their stages are asked for, what their networks are. */
#include "engine/nn/spec.h"
#include "search/plan_parts.h"
#include "search/stop.h"
#include "tests/support/space_files.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"

#define HEAD "space: 1\ntask: keywords\n"
#define MADE_UP "data: {source: synthetic-keywords, clips: 80, speakers: 10, "
#define TAIL "objectives: {accuracy: maximize, size: minimize}\n"

static arena a;

static void open_arena(void)
{
    arena_init(&a, 0);
}

static void close_arena(void)
{
    arena_free(&a);
}

TestSuite(keyword_plan, .init = open_arena, .fini = close_arena);

static plan *plan_of(const space *s)
{
    plan *p = NULL;
    err e = {0};
    cr_assert_eq(plan_make(s, &a, &p, &e), OK, "%s", e.msg);
    return p;
}

static chain *chain_of(const plan *p, int64_t i)
{
    chain *c = ARENA_NEW(&a, chain, 1);
    err e = {0};
    cr_assert_eq(plan_chain(p, i, 0, &a, c, &e), OK, "%s", e.msg);
    return c;
}

static const char *data_of(const chain *c)
{
    return c->stage[0].request.params;
}

Test(keyword_plan, the_data_stage_is_asked_for_in_its_canonical_form)
{
    space *s = space_of(&a,
                        HEAD MADE_UP "frame_ms: 16, hop_ms: 8, rate: 8000, mel_bins: 20}\n"
                                     "model: {architecture: mlp-kws, alpha: 0.1}\n" TAIL,
                        0, NULL);
    cr_expect_str_eq(
        data_of(chain_of(plan_of(s), 0)),
        "{\"task\":\"keywords\",\"source\":\"synthetic-keywords\",\"clips\":80,\"speakers\":10,"
        "\"val_percent\":10,\"test_percent\":10,\"seed\":1,\"features\":{\"kind\":\"mfcc\","
        "\"clip_rate\":16000,\"clip_samples\":16000,\"full_scale\":32768,\"rate\":8000,"
        "\"frame\":128,\"hop\":64,\"fft\":128,\"mel_bins\":20,\"mel_low\":20,\"mel_high\":4000,"
        "\"log_offset\":1e-06,\"coefficients\":10},\"storage\":\"float16\"}");
}

Test(keyword_plan, the_training_is_asked_for_with_what_keywords_have)
{
    space *s = space_of(&a,
                        HEAD MADE_UP "feature: log-mel, mel_bins: 4}\n"
                                     "model: {architecture: mlp-kws, alpha: 0.004}\n"
                                     "train: {label_smoothing: 0.1, keep: best, epochs: 4}\n" TAIL,
                        0, NULL);
    cr_expect_str_eq(
        chain_of(plan_of(s), 0)->stage[1].request.params,
        "{\"net\":{\"input\":[49,4,1],\"layers\":[{\"kind\":\"flatten\"},"
        "{\"kind\":\"dense\",\"units\":1,\"activation\":\"relu\",\"bias\":true},"
        "{\"kind\":\"dense\",\"units\":1,\"activation\":\"relu\",\"bias\":true},"
        "{\"kind\":\"dense\",\"units\":1,\"activation\":\"relu\",\"bias\":true},"
        "{\"kind\":\"dense\",\"units\":8,\"activation\":\"none\",\"bias\":true}]},"
        "\"loss\":\"cross-entropy\",\"labels\":\"physical\",\"label_smoothing\":0.1,\"batch\":32,"
        "\"optimizer\":{\"kind\":\"adam\",\"beta1\":0.9,\"beta2\":0.999,\"epsilon\":1e-07},"
        "\"learning_rate\":{\"schedule\":\"constant\",\"initial\":0.001},\"shuffle_buffer\":100,"
        "\"keep\":\"best\",\"early_stop\":0,\"prune\":null,\"seed\":1,\"from_epoch\":0,"
        "\"to_epoch\":4}");
}

Test(keyword_plan, large_sets_are_joined_from_shards_and_sounds_stand_behind_the_earlier_training)
{
    space *s = space_of(&a,
                        HEAD "data: {source: synthetic-keywords, clips: 2001, speakers: 10}\n"
                             "model: {architecture: mlp-kws, alpha: 0.1}\n"
                             "augment: {shift_ms: 100, noise: 0.5, snr_low: 3}\n"
                             "train: {epochs: [2, 4]}\n" TAIL,
                        0, NULL);
    plan *p = plan_of(s);
    chain *c = chain_of(p, 1);
    const char *list = "{\"task\":\"keywords\",\"source\":\"synthetic-keywords\",\"clips\":2001,"
                       "\"speakers\":10,\"val_percent\":10,\"test_percent\":10,\"seed\":1";
    cr_assert_eq(c->n, 3 + 1 + 2 + 2 + 2, "shards, data, waveforms, trainings, export, score");
    for (int i = 0; i < 3; i++) {
        const char *end = arena_printf(&a, "\"storage\":\"float16\",\"shard\":[%d,3]}", i);
        cr_expect(strncmp(c->stage[i].request.params, list, strlen(list)) == 0);
        cr_expect(strstr(c->stage[i].request.params, end), "%s", c->stage[i].request.params);
        cr_expect_str_eq(c->stage[3].request.parent[i].text, c->stage[i].request.key.text);
    }
    cr_expect_eq(c->stage[3].request.n_parents, 3);
    cr_expect_not(strstr(c->stage[3].request.params, "shard"));
    cr_expect_str_eq(c->stage[5].request.params,
                     arena_printf(&a, "%s,\"storage\":\"int16\",\"shard\":[1,2]}", list));
    const stage_request *second = &c->stage[7].request;
    cr_assert(second->kind == STAGE_TRAIN && second->n_parents == 4);
    static const int parents[] = {3, 6, 4, 5};
    for (int i = 0; i < 4; i++)
        cr_expect_str_eq(second->parent[i].text, c->stage[parents[i]].request.key.text);
    cr_expect(strstr(second->params,
                     ",\"early_stop\":0,\"augment\":{\"shift_ms\":100,\"noise\":0.5,\"noise_kind\":"
                     "\"pink\",\"snr_low\":3,\"snr_high\":25},\"prune\":null,\"seed\":1,"
                     "\"from_epoch\":2,\"to_epoch\":4,\"sounds\":2}"),
              "%s", second->params);
    plan_summary t;
    cr_assert_eq(plan_summarize(p, &t, NULL), OK);
    cr_expect_eq(t.stages[STAGE_DATA], 6);
    cr_expect_eq(t.unshared[STAGE_DATA], 12);
}

Test(keyword_plan, hearing_costs_time_and_masking_needs_no_waveforms)
{
    const char *const how[] = {"", "augment: {time_masks: 1, frequency_masks: 2}\n",
                               "augment: {gain_db: 3}\n"};
    plan_summary t[3];
    for (int i = 0; i < 3; i++) {
        space *s = space_of(
            &a,
            arena_printf(
                &a,
                HEAD MADE_UP
                "}\ntrain: {epochs: 2000}\nmodel: {architecture: mlp-kws, alpha: 0.1}\n%s" TAIL,
                how[i]),
            0, NULL);
        plan *p = plan_of(s);
        cr_assert_eq(plan_summarize(p, &t[i], NULL), OK);
        const char *params = chain_of(p, 0)->stage[chain_of(p, 0)->n - 3].request.params;
        cr_expect_eq(strstr(params, "\"sounds\":1") != NULL, i == 2);
        cr_expect_eq(strstr(params, "\"augment\"") != NULL, i > 0);
    }
    cr_expect(t[0].stages[STAGE_DATA] == 1 && t[1].stages[STAGE_DATA] == 1 &&
              t[2].stages[STAGE_DATA] == 2);
    cr_expect_eq(t[0].cpu_seconds, t[1].cpu_seconds);
    cr_expect_gt(t[2].cpu_seconds, t[1].cpu_seconds + 64 * 2000 * 2e-5);
}

Test(keyword_plan, settings_of_another_feature_do_not_make_another_candidate)
{
    space *s =
        space_of(&a,
                 HEAD MADE_UP "feature: [mfcc, log-mel, stft-resized], coefficients: [8, 10], "
                              "mel_bins: [20, 30], resize: [16, 24]}\n"
                              "model: {architecture: mlp-kws, alpha: 0.1}\n" TAIL,
                 0, NULL);
    plan *p = plan_of(s);
    plan_summary t;
    cr_assert_eq(plan_summarize(p, &t, NULL), OK);
    cr_expect_eq(t.candidates, 24);
    cr_expect_eq(t.count[CAND_OK], 4 + 2 + 2);
    cr_expect_eq(t.stages[STAGE_DATA], 8);
    const char *config = chain_of(p, 8)->row.config; /* log-mel, 8, 20, 16 */
    cr_expect(strstr(config, "\"mel_bins\":20") && !strstr(config, "coefficients") &&
                  !strstr(config, "resize") && !strstr(config, "steps_in"),
              "%s", config);
}

Test(keyword_plan, front_ends_that_only_differ_in_the_network_s_eyes_share_nothing)
{
    space *s = space_of(&a,
                        HEAD MADE_UP "mel_high: [3000, 4000]}\n"
                                     "model: {architecture: mlp-kws, alpha: [0.1, 0.2]}\n"
                                     "train: {epochs: 4}\n" TAIL,
                        0, NULL);
    plan *p = plan_of(s);
    plan_summary t;
    cr_assert_eq(plan_summarize(p, &t, NULL), OK);
    cr_expect_eq(t.stages[STAGE_DATA], 2);
    cr_expect_eq(t.stages[STAGE_TRAIN], 4);
    cr_expect_eq(p->n_nets, 2, "the same shape: the same networks");
    cr_expect_str_neq(chain_of(p, 0)->stage[1].request.key.text,
                      chain_of(p, 2)->stage[1].request.key.text);
}

/* A folder of recordings, named only: planning does not open them. */
static const char *make_names(void)
{
    static char folder[] = "/tmp/paretune-names-XXXXXX";
    cr_assert(mkdtemp(folder));
    static const char *const words[] = {"go", "no", "yes"};
    for (int i = 0; i < 60; i++) {
        const char *path =
            arena_printf(&a, "%s/clips/%s/s%d_nohash_0.wav", folder, words[i % 3], i);
        cr_assert_eq(file_make_folder(file_folder(&a, path), NULL), OK);
        cr_assert_eq(file_write(path, "sound", 5, NULL), OK);
    }
    return folder;
}

static const char *const of_folders =
    HEAD "data: {source: speech-folders, folder: clips, words: [yes, no], split: [random, "
         "speaker-hash], val_percent: 20, test_percent: 20, coefficients: [6, 10]}\n"
         "model: {architecture: mlp-kws, alpha: 0.1}\n" TAIL;

static space *space_in(const char *folder, const char *yaml)
{
    diag d;
    diag_init(&d, &a);
    space_options o = {.architectures = "spaces/architectures", .data = folder};
    space *s = space_parse(&a, "test.yaml", yaml, strlen(yaml), &o, &d);
    if (!s) diag_print(&d, stderr);
    cr_assert(s, "the space has mistakes");
    return s;
}

Test(keyword_plan, recordings_are_told_by_a_hash_and_their_folder_beside_it)
{
    const char *folder = make_names();
    plan *p = plan_of(space_in(folder, of_folders));
    const chain *random = chain_of(p, 0), *other = chain_of(p, 1), *hashed = chain_of(p, 2);
    const char *input = arena_printf(&a, "%s/clips", folder), *files = "\"files_hash\":\"";
    cr_expect_str_eq(random->stage[0].request.input, input);
    cr_expect(!strstr(data_of(random), folder), "%s", data_of(random));
    cr_expect(strstr(data_of(random), "\"words\":[\"yes\",\"no\"],\"split\":\"random\""), "%s",
              data_of(random));
    cr_expect(strstr(random->stage[1].request.params, "\"units\":2,\"activation\":\"none\""),
              "two classes");
    const char *x = strstr(data_of(random), files), *y = strstr(data_of(other), files),
               *z = strstr(data_of(hashed), files);
    cr_assert(x && y && z);
    cr_expect_eq(strncmp(x, y, 46), 0, "one list for both front ends");
    cr_expect_neq(strncmp(x, z, 46), 0);
    cr_expect(strstr(random->row.config, arena_printf(&a, "%.46s", x)), "%s", random->row.config);
    const data_record *d = p->data;
    cr_expect_eq(d->n[0] + d->n[1] + d->n[2], 40);
    cr_assert_eq(system(arena_printf(&a, "rm -rf %s", folder)), 0);
}

/* --- architectures --- */

typedef struct {
    const char *name;
    double number; /* of a knob of numbers, true being 1 */
    const char *text;
} given;

/* The network of an architecture file on [h, w, 1], with knobs at their defaults but those given. */
static net_layout layout_of(const char *name, int h, int w, int classes, const given *knobs, int n)
{
    diag d;
    diag_init(&d, &a);
    err e = {0};
    buf b = {0};
    node *tree;
    const char *path = arena_printf(&a, "spaces/architectures/%s.yaml", name);
    architecture *x = architecture_read(&a, name, path, "keywords", &d);
    if (!x) diag_print(&d, stderr);
    cr_assert(x);
    value values[ARCHITECTURE_MAX_KNOBS];
    for (int i = 0; i < architecture_n_knobs(x); i++) {
        const knob *k = architecture_knob(x, i);
        values[i] = k->def;
        for (int j = 0; j < n; j++) {
            if (strcmp(knobs[j].name, k->name) != 0) continue;
            values[i] = knobs[j].text               ? value_text(knobs[j].text)
                        : k->def.kind == VALUE_BOOL ? value_bool(knobs[j].number != 0)
                                                    : value_number(knobs[j].number);
        }
    }
    architecture_io io = {.in = {3, {h, w, 1}}, .outputs = classes};
    cr_assert_eq(architecture_put_net(x, values, io, &b, &e), OK, "%s", e.msg);
    cr_assert_eq(node_read_json(&a, b.data, b.len, &tree, &e), OK, "%s", e.msg);
    buf_free(&b);
    net_spec *spec = ARENA_NEW(&a, net_spec, 1);
    net_layout *layout = ARENA_NEW(&a, net_layout, 1);
    cr_assert_eq(net_spec_parse(tree, spec, &e), OK, "%s", e.msg);
    cr_assert_eq(net_layout_make(spec, layout, &e), OK, "%s", e.msg);
    return *layout;
}

/* Multiply-adds of the published tables are rounded to 10,000. */
static void expect_counts(const char *name, int h, int w, int n_params, double mega_macs,
                          const given *knobs, int n)
{
    net_layout l = layout_of(name, h, w, 8, knobs, n);
    cr_expect_eq(l.n_params, n_params, "%s on %d x %d: %d parameters, not %d", name, h, w,
                 l.n_params, n_params);
    cr_expect(fabs(l.macs / 1e6 - mega_macs) <= 0.005, "%s on %d x %d: %g M, not %g M", name, h, w,
              l.macs / 1e6, mega_macs);
}

Test(keyword_plan, the_labs_networks_have_their_published_counts)
{
    static const given square[] = {{"first_stride_w", 2, NULL}};
    expect_counts("mlp-kws", 49, 10, 259336, 0.259, NULL, 0);
    expect_counts("mlp-kws", 32, 32, 396040, 0.395, NULL, 0);
    expect_counts("cnn", 49, 10, 298632, 31.48, NULL, 0);
    expect_counts("cnn", 32, 32, 298632, 43.02, square, 1);
    expect_counts("ds-cnn", 49, 10, 143112, 14.83, NULL, 0);
    expect_counts("ds-cnn", 32, 32, 143112, 20.19, square, 1);
}

Test(keyword_plan, the_later_edition_has_the_same_number_of_parameters)
{
    static const given later[] = {
        {"first_stride_w", 2, NULL}, {"padding", 0, "same"}, {"softmax", 1, NULL}};
    cr_expect_eq(layout_of("ds-cnn", 49, 10, 8, later, 3).n_params, 143112);
    cr_expect_eq(layout_of("cnn", 49, 10, 8, later, 3).n_params, 298632);
}

Test(keyword_plan, narrower_networks_have_their_published_counts)
{
    static const struct {
        double alpha;
        int n_params;
        double mega_macs; /* 0: not published */
    } rows[] = {{0.25, 11208, 1.10}, {0.30, 15132, 0},    {0.31, 16203, 0},
                {0.33, 18068, 0},    {0.50, 38792, 3.94}, {0.75, 82760, 0}};
    for (int i = 0; i < 6; i++) {
        given alpha = {"alpha", rows[i].alpha, NULL};
        net_layout l = layout_of("ds-cnn", 49, 10, 8, &alpha, 1);
        cr_expect_eq(l.n_params, rows[i].n_params, "alpha %g: %d, not %d", rows[i].alpha,
                     l.n_params, rows[i].n_params);
        if (rows[i].mega_macs > 0)
            cr_expect(fabs(l.macs / 1e6 - rows[i].mega_macs) <= 0.005, "alpha %g: %g M",
                      rows[i].alpha, l.macs / 1e6);
    }
}

Test(keyword_plan, a_submitted_network_has_its_published_number_of_parameters)
{
    cr_expect_eq(layout_of("ds-cnn-128-32", 61, 10, 2, NULL, 0).n_params, 7234);
}

Test(keyword_plan, blocks_that_are_left_out_keep_additions_in_place)
{
    static const int more = 24 * 9 + 24 * 24 + 4 * 24; /* a block of the temporal network */
    int n[6] = {0};
    for (int blocks = 1; blocks <= 5; blocks++) {
        given depth = {"blocks", blocks, NULL};
        n[blocks] = layout_of("temporal-residual", 49, 10, 8, &depth, 1).n_params;
    }
    cr_expect_eq(n[1], 3 * 10 * 24 + 4 * 24 + more + 24 * 8 + 8);
    for (int blocks = 2; blocks <= 5; blocks++) cr_expect_eq(n[blocks] - n[blocks - 1], more);
}

/* Epochs at which a candidate may be stopped, as text, and how many train stages it has. */
static const char *rungs_of(const char *train, int candidate, int *n_trainings)
{
    static char text[200], yaml[600];
    snprintf(yaml, sizeof yaml,
             HEAD MADE_UP "}\nmodel: {architecture: mlp-kws, alpha: 0.1}\n%s" TAIL, train);
    const chain *c = chain_of(plan_of(space_of(&a, yaml, 0, NULL)), candidate);
    text[0] = '\0';
    *n_trainings = 0;
    for (int i = 0; i < c->n; i++) *n_trainings += c->stage[i].request.kind == STAGE_TRAIN;
    for (int i = 0; i < c->n_rungs; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%d ", c->rung[i].epochs);
        if (c->rung[i].epochs == 0)
            cr_expect_eq(c->rung[i].stage, -1, "before the data");
        else
            cr_expect_eq(c->stage[c->rung[i].stage].request.kind, STAGE_TRAIN);
    }
    cr_expect_eq(c->stage[c->training + 1].request.kind, STAGE_EXPORT);
    return text;
}

Test(keyword_plan, a_training_is_cut_where_it_may_be_stopped)
{
    int n;
    cr_expect_str_eq(rungs_of("train: {epochs: 20}\n", 0, &n), "0 6 9 14 ");
    cr_expect_eq(n, 4);
    cr_expect_str_eq(rungs_of("train: {epochs: 20}\nsearch: {stop: none}\n", 0, &n), "0 6 9 14 ");
    cr_expect_eq(n, 4, "the same stages, whether there is a rule or not");
    cr_expect_str_eq(rungs_of("train: {epochs: 20}\nsearch: {rung_factor: 2}\n", 0, &n), "0 5 10 ");
    cr_expect_eq(n, 3);
}

Test(keyword_plan, a_pruned_training_is_not_judged_before_pruning_bites)
{
    static const char pruned[] =
        "train: {epochs: 20}\nprune: {final_sparsity: 0.8, begin: 3, end: 15}\n";
    int n;
    cr_expect_eq(stop_bites_at(3, 15, 3), 5);
    cr_expect_str_eq(rungs_of(pruned, 0, &n), "0 6 9 14 ");
    cr_expect_str_eq(rungs_of("train: {epochs: 20}\nprune: {final_sparsity: 0.8, begin: 5, "
                              "end: 15, power: 1}\n",
                              0, &n),
                     "0 9 14 ", "a quarter of the way is at 7.5");
    cr_expect_str_eq(rungs_of(pruned, 0, &n), "0 6 9 14 ");
    cr_expect_eq(n, 5, "and cut at its begin");
    cr_expect_str_eq(rungs_of("train: {epochs: 20}\nprune: {final_sparsity: 0.8, begin: 300 steps, "
                              "end: 900 steps}\n",
                              0, &n),
                     "0 ", "steps are not compared with epochs");
}

Test(keyword_plan, only_the_longest_trainings_are_stopped)
{
    int n;
    cr_expect_str_eq(rungs_of("train: {epochs: [10, 20]}\n", 0, &n), "");
    cr_expect_str_eq(rungs_of("train: {epochs: [10, 20]}\n", 1, &n), "0 6 9 14 ");
}
