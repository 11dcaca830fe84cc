/* What the search accepts for a setting the engine must take: else `check` is content and every trial
 * fails. Each setting's ends and choices go through a plan into the engine's own readers. */
#include "engine/compress/cluster.h"
#include "engine/compress/fake_quant.h"
#include "engine/compress/prune.h"
#include "engine/compress/shrink.h"
#include "engine/data/series.h"
#include "engine/nn/train.h"
#include "search/schema.h"
#include "search/space.h"
#include "tests/support/space_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char base[] = "space: 1\ntask: forecast\ndata: {source: synthetic-climate}\n"
                           "model: {architecture: mlp-2}\nseeds: [0, 9007199254740992]\n"
                           "objectives: {T_mae: minimize, size: minimize}\n";

enum { MAX_SETS = 8 };

/* Among them every setting matters somewhere. Periods have their ends here, since one alone is none. */
static const char *const contexts[][MAX_SETS] = {
    {"train.schedule=polynomial", "data.steps_in=1", "data.steps_out=1"},
    {"train.optimizer=sgd", "train.schedule=cosine"},
    {"train.schedule=exponential", "export.storage=dynamic"},
    {"train.epochs=2", "prune.final_sparsity=0.5", "prune.begin=0 %", "prune.end=100 %"},
    {"train.epochs=2", "prune.final_sparsity=0.5", "prune.begin=0", "prune.end=2"},
    {"prune.final_sparsity=0.5", "prune.begin=0 steps", "prune.end=10000000 steps"},
    {"fine_tune.epochs=3", "prune.channels=0.5"},
    {"fine_tune.epochs=3", "cluster.clusters=3", "prune.pattern=\"2:4\""},
    {"prune.final_sparsity=0.5", "prune.during=fine-tune", "fine_tune.epochs=3", "prune.begin=1",
     "prune.end=100 %"},
    {"fine_tune.epochs=2", "export.storage=int8"},
    {"export.storage=int8", "export.calibration=percentile"},
    {"fine_tune.epochs=2", "quantize.aware=true", "export.storage=int8",
     "export.calibration=percentile", "export.heads=per-output"},
};
enum { N_CONTEXTS = sizeof contexts / sizeof *contexts };

static status read_train(const node *params, err *e)
{
    train_config config;
    prune_config pruning;
    shrink_config channels;
    cluster_config clusters;
    const node *prune = node_get(params, "prune");
    TRY(train_config_parse(params, &config, e));
    const node *aware = node_get(params, "fake_quant");
    fake_quant_config quantization;
    if (aware) TRY(fake_quant_parse(aware, &quantization, e));
    if (node_get(params, "channels"))
        TRY(shrink_config_parse(node_get(params, "channels"), &channels, e));
    if (node_get(params, "cluster"))
        TRY(cluster_config_parse(node_get(params, "cluster"), &clusters, e));
    return prune->kind == NODE_NULL ? OK : prune_config_parse(prune, 100, &pruning, e);
}

static status read_export(const node *params, const node *net, arena *a, err *e)
{
    stage_forecast known;
    return stage_foresee(net, params, 1, 0, a, &known, e);
}

static status read_stages(const chain *c, arena *a, err *e)
{
    const node *net = NULL;
    for (int i = 0; i < c->n; i++) {
        const stage_request *rq = &c->stage[i].request;
        node *params;
        int n[3];
        TRY(node_read_json(a, rq->params, strlen(rq->params), &params, e));
        if (rq->kind == STAGE_DATA) TRY(series_count(params, rq->input, a, n, e));
        if (rq->kind == STAGE_TRAIN) TRY(read_train(params, e));
        if (rq->kind == STAGE_TRAIN) net = node_get(params, "net");
        if (rq->kind == STAGE_EXPORT) TRY(read_export(params, net, a, e));
    }
    return OK;
}

/* True when the candidate is one to build; then the engine must read all its stages. */
static bool try_context(const char *path, const char *set, const char *const *context)
{
    const char *sets[MAX_SETS + 1] = {set};
    int n = 1;
    for (int i = 0; i < MAX_SETS && context[i]; i++)
        if (strncmp(context[i], path, strlen(path)) != 0 || context[i][strlen(path)] != '=')
            sets[n++] = context[i];
    arena a;
    arena_init(&a, 0);
    space_options o = {.architectures = "spaces/architectures", .n_sets = n, .sets = sets};
    diag d;
    diag_init(&d, &a);
    space *s = space_parse(&a, "test.yaml", base, strlen(base), &o, &d);
    plan *p;
    bool planned = s && plan_make(s, &a, &p, NULL) == OK && plan_state(p, 0) == CAND_OK;
    for (int seed = 0; planned && seed < space_n_seeds(s); seed++) {
        chain *c = ARENA_NEW(&a, chain, 1);
        err e = {0};
        cr_assert_eq(plan_chain(p, 0, seed, &a, c, &e), OK, "%s: %s", set, e.msg);
        cr_expect_eq(read_stages(c, &a, &e), OK, "%s: %s", set, e.msg);
    }
    arena_free(&a);
    return planned;
}

static void try_value(const char *path, const char *value)
{
    char set[100];
    int planned = 0;
    snprintf(set, sizeof set, "%s=%s", path, value);
    for (int i = 0; i < N_CONTEXTS; i++) planned += try_context(path, set, contexts[i]);
    cr_expect_gt(planned, 0, "%s: in no plan", set);
}

static void try_number(const char *path, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", value);
    try_value(path, text);
}

static void try_choices(const setting_row *row)
{
    char word[40];
    for (const char *s = row->choices; s; s = strchr(s, '|') ? strchr(s, '|') + 1 : NULL) {
        snprintf(word, sizeof word, "%.*s", (int)strcspn(s, "|"), s);
        if (!schema_allows(row, word, "forecast")) continue;
        if (strcmp(word, "jena-csv") != 0) try_value(row->path, word); /* has settings of its own */
    }
}

Test(settings, the_engine_takes_whatever_the_search_accepts)
{
    for (int i = 0; i < N_SETTINGS; i++) {
        const setting_row *row = schema_row((setting)i);
        if (!row->stages || !schema_has(row, "forecast")) continue;
        if (row->type == TYPE_CHOICE) try_choices(row);
        if (row->type == TYPE_INT || row->type == TYPE_NUMBER) {
            try_number(row->path, row->min);
            try_number(row->path, row->max);
        }
        if (row->type == TYPE_BOOL) {
            try_value(row->path, "true");
            try_value(row->path, "false");
        }
    }
}
