#include "fake_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[64], path[96];

/* A helper that fails ends the test: benchmarks link this too, so it is not Criterion that does. */
static void must(bool fine, const char *what)
{
    if (fine) return;
    fprintf(stderr, "fake study: %s\n", what);
    abort();
}

const char *fake_path(void)
{
    snprintf(folder, sizeof folder, "/tmp/paretune-test-XXXXXX");
    must(mkdtemp(folder) != NULL, "cannot make a folder");
    snprintf(path, sizeof path, "%s/study.db", folder);
    return path;
}

void fake_remove(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    must(system(command) == 0, "cannot remove the folder");
}

store_space fake_space(int variant)
{
    static const store_limit a[] = {{"T_mae", LIMIT_LT, 0.5, "< 0.5 °C"},
                                    {"RH_mae", LIMIT_LT, 1.8, "< 1.8 %"},
                                    {"size", LIMIT_LT, 2000, "< 2 kB"}};
    static const store_limit b[] = {{"T_mae", LIMIT_LT, 0.1, "< 0.1 °C"},
                                    {"size", LIMIT_LT, 1000, "< 1 kB"}};
    static const store_version versions[] = {{"a", "first", 3, a}, {"b", "second", 2, b}};
    static const store_objective objectives[] = {
        {"T_mae", false}, {"RH_mae", false}, {"size", false}};
    static const store_metric_info metrics[] = {
        {"T_mae", "°C", "mean absolute error of T", STORE_LOWER},
        {"RH_mae", "%", "mean absolute error of RH", STORE_LOWER},
        {"T_mae_test", "°C", "the same, test part", STORE_LOWER},
        {"RH_mae_test", "%", "the same, test part", STORE_LOWER},
        {"size", "B", "bytes of the packed file", STORE_LOWER},
        {"n_params", "", "weights and biases", STORE_NEITHER}};
    static const char *const knobs[] = {"alpha", "storage"};
    static char text[64];
    snprintf(text, sizeof text, "space: 1  # variant %d", variant);
    return (store_space){.name = "fake",
                         .task = "forecast",
                         .path = "spaces/fake.yaml",
                         .text = text,
                         .text_hash = hash_bytes(text, strlen(text)),
                         .n_versions = 2,
                         .version = versions,
                         .n_objectives = 3,
                         .objective = objectives,
                         .n_knobs = 2,
                         .knob = knobs,
                         .n_metrics = 6,
                         .metric = metrics};
}

store_run fake_run_row(void)
{
    return (store_run){.version = "0.1",
                       .compiler = "gcc",
                       .cpu = "a cpu",
                       .kernels = "avx2",
                       .blas = "openblas",
                       .system = "linux",
                       .workers = 2};
}

store *fake_open(void)
{
    store *s;
    store_space space = fake_space(1);
    store_run run = fake_run_row();
    int64_t id;
    err e = {0};
    must(store_open(fake_path(), STORE_WRITE, &s, &e) == OK, e.msg);
    must(store_start_run(s, &space, &run, &id, &e) == OK, e.msg);
    return s;
}

hash fake_hash(const char *name, int64_t i)
{
    char text[64];
    snprintf(text, sizeof text, "%s %lld", name, (long long)i);
    return hash_bytes(text, strlen(text));
}

static const char *const kinds[] = {"data", "train", "export", "score"};

static void chain_keys(int64_t candidate, uint64_t seed, hash key[4])
{
    key[0] = fake_hash("data", 0);
    for (int i = 1; i < 4; i++) key[i] = fake_hash(kinds[i], candidate * 100 + (int64_t)seed);
}

int64_t fake_add(store *s, int64_t candidate, uint64_t seed)
{
    hash key[4];
    err e = {0};
    chain_keys(candidate, seed, key);
    for (int i = 0; i < 4; i++) {
        store_stage stage = {
            .kind = kinds[i], .params = "{}", .version = 1, .key = key[i], .n_parents = i > 0};
        if (i > 0) stage.parent = &key[i - 1];
        must(store_add_stage(s, &stage, &e) == OK, e.msg);
    }
    char config[64];
    snprintf(config, sizeof config, "{\"candidate\":%lld}", (long long)candidate);
    store_knob knob[] = {{"alpha", true, (double)candidate / 10, NULL},
                         {"storage", false, 0, candidate % 2 ? "float16" : "float32"}};
    const char *known[] = {"n_params"};
    double value[] = {(double)candidate * 7};
    store_trial t = {.candidate = candidate,
                     .config_hash = fake_hash("config", candidate),
                     .config = config,
                     .seed = seed,
                     .n_knobs = 2,
                     .knob = knob,
                     .n_stages = 4,
                     .stage = key,
                     .n_known = 1,
                     .known_name = known,
                     .known_value = value};
    int64_t id = 0;
    must(store_add_trial(s, &t, &id, &e) == OK, e.msg);
    return id;
}

void fake_finish(store *s, int64_t trial, int64_t candidate, uint64_t seed, const fake_figures *f)
{
    hash key[4];
    err e = {0};
    chain_keys(candidate, seed, key);
    store_metric size[] = {{"size", f->size}};
    store_metric errors[] = {{"T_mae", f->T_mae},
                             {"RH_mae", f->RH_mae},
                             {"T_mae_test", f->T_mae_test != 0 ? f->T_mae_test : f->T_mae},
                             {"RH_mae_test", f->RH_mae_test != 0 ? f->RH_mae_test : f->RH_mae}};
    for (int i = 0; i < 4; i++) {
        store_outcome o = {.run_id = 1,
                           .artifact_bytes = 10,
                           .artifact_hash = "00",
                           .cpu_seconds = 0.5,
                           .wall_seconds = 1,
                           .tries = 1,
                           .n_metrics = i == 2   ? 1
                                        : i == 3 ? 4
                                                 : 0,
                           .metric = i == 2 ? size : errors};
        must(store_stage_done(s, &key[i], &o, &e) == OK, e.msg);
    }
    must(store_trial_done(s, trial, &e) == OK, e.msg);
}

int64_t fake_trial(store *s, int64_t candidate, const fake_figures *f)
{
    int64_t id = fake_add(s, candidate, 1);
    fake_finish(s, id, candidate, 1, f);
    return id;
}

double fake_number(store *s, const char *sql)
{
    arena a = {0};
    table t;
    err e = {0};
    must(store_sql(s, sql, &a, &t, &e) == OK, e.msg);
    must(t.n_rows > 0, sql);
    double v = t.cells[0].kind == CELL_NUMBER ? t.cells[0].number : (double)NAN;
    arena_free(&a);
    return v;
}
