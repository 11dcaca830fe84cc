/* The static filter may leave out only what cannot meet a limit: the floor of the packed size that a
 * plan foresees must hold for what is then trained, however strange the pruning. */
#include "engine/base/rng.h"
#include "search/space.h"
#include "tests/support/space_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Small, so that it is trained at once. Nothing meets its limit, so the plan asks for floors. */
static const char base[] =
    "space: 1\ntask: forecast\ndata: {source: synthetic-climate, rows: 600}\n"
    "model: {architecture: mlp-2, units: 24}\ntrain: {learning_rate: 0.01}\n"
    "export: {dynamic_min_elements: 0}\n"
    "search: {static_filter: false}\nversions: {a: {size_zlib: \"< 2 B\"}}\n"
    "objectives: {T_mae: minimize, size: minimize}\n";

/* Runs the chain in `folder`; returns the bytes as `metric` counts them. */
static double build(const chain *c, const char *metric, const char *folder, arena *a)
{
    double size = -1;
    for (int i = 0; i < c->n; i++) {
        stage_request rq = c->stage[i].request;
        stage_result r;
        err e = {0};
        rq.folder = folder;
        cr_assert_eq(stage_run(&rq, NULL, NULL, a, &r, &e), OK, "%s", e.msg);
        for (int m = 0; m < r.n_metrics; m++)
            if (strcmp(r.metric[m].name, metric) == 0) size = r.metric[m].value;
        buf_free(&r.detail);
    }
    return size;
}

/* The floor and the size of one candidate; false when it is not to be built. */
static bool compare(const char *const *sets, int n, const char *metric, const char *folder,
                    double *floor, double *size)
{
    arena a;
    arena_init(&a, 0);
    space *s = space_of(&a, base, n, sets);
    plan *p;
    err e = {0};
    stage_forecast known;
    cr_assert_eq(plan_make(s, &a, &p, &e), OK, "%s", e.msg);
    bool built = plan_state(p, 0) == CAND_OK;
    if (built) {
        chain *c = ARENA_NEW(&a, chain, 1);
        cr_assert_eq(plan_forecast(p, 0, &known, &e), OK, "%s", e.msg);
        cr_assert_eq(plan_chain(p, 0, 0, &a, c, &e), OK, "%s", e.msg);
        *floor = known.packed_floor;
        *size = build(c, metric, folder, &a);
    }
    arena_free(&a);
    return built;
}

static double share(rng *r)
{
    return (double)rng_below(r, 20) / 20;
}

Test(floor, no_pruning_brings_a_file_below_it)
{
    static const char *const storages[] = {"float32", "float16", "dynamic"};
    static const char *const packings[] = {"pack=zlib", "zlib_level=9", "pack=zopfli"};
    char folder[] = "/tmp/paretune-floor-XXXXXX", command[64];
    int built = 0, falling = 0;
    cr_assert(mkdtemp(folder));
    for (int i = 0; i < 40; i++) {
        rng r = rng_stream(7, RNG_TEST, (uint64_t)i);
        char set[8][64];
        const char *sets[8];
        double initial = share(&r), final = share(&r) + 0.05, floor, size;
        int epochs = 2 + (int)rng_below(&r, 5), begin = (int)rng_below(&r, (uint64_t)epochs);
        bool steps = rng_below(&r, 2); /* an end in steps may lie behind the training's */
        snprintf(set[0], sizeof *set, "prune.initial_sparsity=%g", initial);
        snprintf(set[1], sizeof *set, "prune.final_sparsity=%g", final > 0.95 ? 0.95 : final);
        snprintf(set[2], sizeof *set, "train.epochs=%d", epochs);
        snprintf(set[3], sizeof *set, "prune.begin=%d%s", steps ? begin * 13 + 1 : begin,
                 steps ? " steps" : "");
        snprintf(set[4], sizeof *set, "prune.end=%d%s", steps ? begin * 13 + 900 : begin + 1,
                 steps ? " steps" : "");
        snprintf(set[5], sizeof *set, "export.storage=%s", storages[i % 3]);
        const int packing = i / 3 % 3;
        snprintf(set[6], sizeof *set, "export.%s", packings[packing]);
        /* zopfli takes 0.1 s for a network of 24 units, and a tenth of that for one of 10 */
        snprintf(set[7], sizeof *set, "model.units=%d", packing == 2 ? 10 : 24);
        for (int k = 0; k < 8; k++) sets[k] = set[k];
        if (!compare(sets, 8, packing == 2 ? "size_zopfli" : "size_zlib", folder, &floor, &size))
            continue;
        cr_expect_leq(floor, size, "%s %s %s %s %s %s %s %s: %g below %g", set[0], set[1], set[2],
                      set[3], set[4], set[5], set[6], set[7], size, floor);
        built++;
        falling += initial > final;
    }
    cr_expect_gt(built, 30);
    cr_expect_gt(falling, 10);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert(system(command) == 0);
}
