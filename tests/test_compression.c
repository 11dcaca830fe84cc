/* Compressions from the space to the file: what a plan foresees of a fine-tuned network, and what the
 * exported file holds. */
#include "engine/base/file.h"
#include "engine/base/half.h"
#include "engine/tflite/tfl_reader.h"
#include "engine/tflite/tfl_schema.h"
#include "tests/support/space_files.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A limit that nothing meets, so that every candidate's own floor of the packed size is worked out. */
#define FLOOR "search: {static_filter: false}\nversions: {a: {size_zlib: < 100 B}}\n"
#define FORECAST                                                                \
    "space: 1\ntask: forecast\ndata: {source: synthetic-climate, rows: 1500}\n" \
    "model: {architecture: mlp-2, units: 24}\ntrain: {epochs: 2}\n"             \
    "" FLOOR "objectives: {T_mae: minimize}\n"
#define WORDS                                                                                \
    "space: 1\ntask: keywords\ndata: {source: synthetic-keywords, clips: 96, speakers: 12, " \
    "mel_bins: 12, coefficients: 8}\n"                                                       \
    "model: {architecture: ds-cnn, alpha: 0.05, padding: same, bn_momentum: 0.5}\n"          \
    "train: {epochs: 2, learning_rate: 0.01}\n" FLOOR "objectives: {accuracy: maximize}\n"

typedef struct {
    arena a;
    char folder[64];
    stage_result result[CHAIN_MAX];
    chain *chain;
    stage_forecast known;
    hash exported;
} fixture;

static void setup(fixture *f)
{
    memset(f, 0, sizeof *f);
    arena_init(&f->a, 0);
    snprintf(f->folder, sizeof f->folder, "/tmp/paretune-squeeze-XXXXXX");
    cr_assert(mkdtemp(f->folder));
}

static void teardown(fixture *f)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    cr_assert_eq(system(command), 0);
    for (int i = 0; f->chain && i < f->chain->n; i++) buf_free(&f->result[i].detail);
    arena_free(&f->a);
}

/* Builds every stage of the only candidate. */
static void build(fixture *f, const char *yaml, int n, const char *const *sets)
{
    err e = {0};
    plan *p;
    space *s = space_of(&f->a, yaml, n, sets);
    f->chain = ARENA_NEW(&f->a, chain, 1);
    cr_assert_eq(plan_make(s, &f->a, &p, &e), OK, "%s", e.msg);
    cr_assert_eq(plan_forecast(p, 0, &f->known, &e), OK, "%s", e.msg);
    cr_assert_eq(plan_chain(p, 0, 0, &f->a, f->chain, &e), OK, "%s", e.msg);
    for (int i = 0; i < f->chain->n; i++) {
        stage_request *rq = &f->chain->stage[i].request;
        rq->folder = f->folder;
        cr_assert_eq(stage_run(rq, NULL, NULL, &f->a, &f->result[i], &e), OK, "%s: %s",
                     stage_kind_name(rq->kind), e.msg);
        if (rq->kind == STAGE_EXPORT) f->exported = rq->key;
    }
}

static double metric(const fixture *f, stage_kind kind, const char *name)
{
    double found = (double)NAN;
    for (int i = 0; i < f->chain->n; i++)
        for (int j = 0; j < f->result[i].n_metrics; j++)
            if (f->chain->stage[i].request.kind == kind &&
                strcmp(f->result[i].metric[j].name, name) == 0)
                found = f->result[i].metric[j].value; /* the last one's */
    return found;
}

static void expect_foreseen(const fixture *f)
{
    cr_expect_eq(metric(f, STAGE_EXPORT, "n_params"), f->known.n_params);
    cr_expect_eq(metric(f, STAGE_EXPORT, "macs"), f->known.macs);
    cr_expect_eq(metric(f, STAGE_EXPORT, "arena"), f->known.arena_bytes);
    cr_expect_eq(metric(f, STAGE_EXPORT, "size_flat"), f->known.flat_bytes);
    cr_expect_geq(metric(f, STAGE_EXPORT, "size_zlib"), f->known.packed_floor);
    cr_expect_eq(metric(f, STAGE_TRAIN, "epochs"), 5);
}

static float element(const tfl_tensor *t, int i)
{
    if (t->type == TFL_FLOAT32) return ((const float *)t->data)[i];
    if (t->type == TFL_FLOAT16) return half_widen(((const uint16_t *)t->data)[i]);
    return ((const int8_t *)t->data)[i];
}

static int distinct(const tfl_tensor *t, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        bool seen = false;
        for (int j = 0; j < i && !seen; j++) seen = element(t, j) == element(t, i);
        count += !seen;
    }
    return count;
}

/* Every kernel of a convolution or dense layer has at most k values; returns how many kernels there are.
 */
static int expect_values(fixture *f, int k)
{
    tfl_graph g;
    char *bytes;
    size_t n;
    err e = {0};
    int kernels = 0;
    const char *path = stage_path(&f->a, f->folder, STAGE_EXPORT, &f->exported);
    cr_assert_eq(file_read(&f->a, path, 1 << 24, &bytes, &n, &e), OK, "%s", e.msg);
    cr_assert_eq(tfl_read(&f->a, bytes, n, &g, &e), OK, "%s", e.msg);
    for (int i = 0; i < g.n_ops; i++) {
        if (g.op[i].code != OP_CONV_2D && g.op[i].code != OP_FULLY_CONNECTED) continue;
        const tfl_tensor *t = &g.tensor[g.op[i].in[1]];
        for (int j = 0; j < g.n_ops && !t->data; j++) /* float16: behind its conversion */
            if (g.op[j].out[0] == g.op[i].in[1]) t = &g.tensor[g.op[j].in[0]];
        cr_assert(t->data);
        int size = 1;
        for (int d = 0; d < t->rank; d++) size *= t->dim[d];
        cr_expect_leq(distinct(t, size), k, "%d values of %d in kernel %d", distinct(t, size), size,
                      kernels);
        kernels++;
    }
    return kernels;
}

Test(compression, clustered_kernels_have_their_few_values_in_the_file)
{
    static const char *const storages[] = {"export.storage=float32", "export.storage=float16",
                                           "export.storage=dynamic"};
    for (int k = 0; k < 6; k++) {
        fixture f;
        setup(&f);
        const char *const sets[] = {"fine_tune.epochs=3", "cluster.clusters=6", storages[k % 3],
                                    "export.dynamic_min_elements=0", "export.per_channel=false"};
        build(&f, k < 3 ? FORECAST : WORDS, k % 3 == 2 ? 5 : 3, sets);
        expect_foreseen(&f);
        cr_expect_geq(expect_values(&f, 6), 2);
        teardown(&f);
    }
}

Test(compression, pruned_zeros_are_among_the_values_of_clusters)
{
    for (int k = 0; k < 2; k++) {
        fixture f;
        setup(&f);
        static const char *const sets[] = {
            "fine_tune.epochs=3", "cluster.clusters=6", "prune.final_sparsity=0.6",
            "prune.begin=0",      "prune.end=2",        "prune.frequency=1"};
        build(&f, k ? WORDS : FORECAST, 6, sets);
        expect_foreseen(&f);
        expect_values(&f, 6);
        cr_expect_geq(metric(&f, STAGE_EXPORT, "sparsity"), 57);
        teardown(&f);
    }
}

Test(compression, a_network_without_half_its_channels_is_the_one_foreseen)
{
    for (int k = 0; k < 4; k++) {
        fixture wide, narrow;
        setup(&wide), setup(&narrow);
        const char *const sets[] = {"fine_tune.epochs=3", "prune.channels=0.5",
                                    k / 2 ? "cluster.clusters=6" : "prune.channel_norm=l2"};
        build(&wide, k % 2 ? WORDS : FORECAST, 1, sets);
        build(&narrow, k % 2 ? WORDS : FORECAST, 3, sets);
        expect_foreseen(&wide), expect_foreseen(&narrow);
        if (k / 2) expect_values(&narrow, 6);
        cr_expect_lt(narrow.known.flat_bytes, wide.known.flat_bytes - 100);
        cr_expect_lt(narrow.known.macs, 0.6 * wide.known.macs);
        teardown(&wide), teardown(&narrow);
    }
}

Test(compression, zeros_stay_when_channels_go)
{
    fixture f;
    setup(&f);
    static const char *const sets[] = {
        "fine_tune.epochs=3", "prune.channels=0.25", "prune.final_sparsity=0.6",
        "prune.begin=0",      "prune.end=2",         "prune.frequency=1"};
    build(&f, WORDS, 6, sets);
    expect_foreseen(&f);
    /* What is removed had more zeros than what stays. */
    cr_expect_geq(metric(&f, STAGE_EXPORT, "sparsity"), 45);
    teardown(&f);
}

Test(compression, a_pattern_leaves_half_of_the_weights_along_long_rows)
{
    fixture f;
    setup(&f);
    static const char *const sets[] = {"fine_tune.epochs=3", "prune.pattern=\"2:4\"",
                                       "prune.during=fine-tune", "prune.begin=0", "prune.end=3"};
    build(&f, FORECAST, 5, sets);
    expect_foreseen(&f);
    cr_expect_eq(metric(&f, STAGE_EXPORT, "sparsity"), 50, "12 and 24 inputs are multiples of 4");
    const char *detail = NULL;
    for (int i = 0; i < f.chain->n; i++)
        if (f.chain->stage[i].request.kind == STAGE_EXPORT) detail = f.result[i].detail.data;
    cr_expect(strncmp(detail,
                      "{\"sparsity\":[{\"layer\":1,\"weights\":\"kernel\",\"n\":288,\"zeros\":144},"
                      "{\"layer\":2,\"weights\":\"kernel\",\"n\":288,\"zeros\":144}],\"tensors\":[",
                      120) == 0,
              "%s", detail);
    teardown(&f);
}

static double metric_of(const stage_result *r, const char *name)
{
    for (int i = 0; i < r->n_metrics; i++)
        if (strcmp(r->metric[i].name, name) == 0) return r->metric[i].value;
    return (double)NAN;
}

/* With almost as many values as weights and next to no learning, the folded and clustered network is the
 * trained one. */
Test(compression, folding_before_clustering_keeps_what_was_learnt)
{
    fixture f;
    setup(&f);
    static const char *const sets[] = {"fine_tune.epochs=1", "cluster.clusters=256",
                                       "fine_tune.learning_rate=1e-8"};
    build(&f, WORDS, 3, sets);
    cr_assert_eq(f.chain->stage[1].request.kind, STAGE_TRAIN);
    cr_assert_eq(f.chain->stage[2].request.kind, STAGE_TRAIN);
    const double before = metric_of(&f.result[1], "val_loss"),
                 after = metric_of(&f.result[2], "val_loss");
    cr_expect_float_eq(after, before, 1e-4 * before, "%g became %g", before, after);
    teardown(&f);
}
