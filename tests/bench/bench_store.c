/* What bookkeeping costs: 20,000 invented trials of 4 stages (the first shared) and 15 metrics,
 * added, marked, closed and judged as a run does it. Prints milliseconds per trial, to be compared
 * with the bound of 0.5, and what readers wait for at 10,000 and 20,000 trials. The file lies in
 * TMPDIR or the present folder: give it the disk that studies will lie on.
 *
 * usage: bench_store [TRIALS] */
#include "engine/base/hash.h"
#include "engine/base/rng.h"
#include "store/handle.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { N_METRICS = 15 };
static const char *const kinds[] = {"data", "train", "export", "score"};
static const char *const metric_names[N_METRICS] = {
    "T_mae",     "RH_mae",   "T_mae_test", "RH_mae_test", "mse",   "mse_test", "size",  "size_flat",
    "size_zlib", "size_zip", "n_params",   "macs",        "arena", "val_loss", "epochs"};
static const int metrics_of[] = {0, 2, 7, 6}; /* val_loss, epochs; seven of export; six of score */
static const int first_metric[] = {0, 13, 6, 0};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void check(status s, const err *e)
{
    if (s == OK) return;
    fprintf(stderr, "bench_store: %s\n", e->msg);
    exit(1);
}

static hash key_of(int kind, int trial)
{
    char text[32];
    snprintf(text, sizeof text, "%s %d", kinds[kind], kind ? trial : 0);
    return hash_bytes(text, strlen(text));
}

static void add(store *s, int trial, err *e)
{
    hash key[4];
    for (int i = 0; i < 4; i++) {
        key[i] = key_of(i, trial);
        store_stage stage = {.kind = kinds[i],
                             .params = "{\"of\":\"some 300 bytes in a real study\"}",
                             .version = 1,
                             .key = key[i],
                             .n_parents = i > 0};
        if (i) stage.parent = &key[i - 1];
        check(store_add_stage(s, &stage, e), e);
    }
    char config[96];
    snprintf(config, sizeof config, "{\"candidate\":%d,\"rest\":\"of the settings\"}", trial);
    store_knob knob[] = {{"alpha", true, trial * 0.01, NULL},
                         {"epochs", true, 20, NULL},
                         {"final_sparsity", true, 0.9, NULL},
                         {"storage", false, 0, "float32"}};
    const char *known[] = {"n_params", "macs", "size_flat"};
    double value[] = {trial, trial * 2, trial * 4};
    store_trial t = {.candidate = trial,
                     .config_hash = hash_bytes(config, strlen(config)),
                     .config = config,
                     .seed = 1,
                     .n_knobs = 4,
                     .knob = knob,
                     .n_stages = 4,
                     .stage = key,
                     .n_known = 3,
                     .known_name = known,
                     .known_value = value};
    int64_t id;
    check(store_add_trial(s, &t, &id, e), e);
}

static void run(store *s, int trial, rng *r, bool grouped, err *e)
{
    if (grouped) check(store_begin(s, e), e);
    check(store_trial_running(s, trial + 1, e), e);
    for (int i = 0; i < 4; i++) {
        hash key = key_of(i, trial);
        store_metric m[N_METRICS];
        for (int k = 0; k < metrics_of[i]; k++)
            m[k] = (store_metric){metric_names[first_metric[i] + k], rng_double(r)};
        store_outcome o = {.run_id = 1,
                           .artifact_bytes = 1000,
                           .artifact_hash = key.text,
                           .cpu_seconds = 1,
                           .wall_seconds = 1,
                           .tries = 1,
                           .n_metrics = metrics_of[i],
                           .metric = m,
                           .detail = "{\"curve\":[1,2,3]}"};
        check(store_stage_running(s, &key, e), e);
        check(store_stage_done(s, &key, &o, e), e);
    }
    check(store_trial_done(s, trial + 1, e), e);
    if (grouped) check(store_commit(s, e), e);
}

static void start(store *s, err *e)
{
    static const store_limit limits[] = {{"T_mae", LIMIT_LT, 0.5, "< 0.5"},
                                         {"RH_mae", LIMIT_LT, 0.1, "< 0.1"},
                                         {"size", LIMIT_LT, 0.2, "< 0.2"}};
    static const store_version versions[] = {{"a", "", 3, limits}, {"b", "", 2, limits}};
    static const store_objective objectives[] = {
        {"T_mae", false}, {"RH_mae", false}, {"size", false}};
    static const char *const knobs[] = {"alpha", "epochs", "final_sparsity", "storage"};
    store_metric_info metrics[N_METRICS];
    for (int i = 0; i < N_METRICS; i++)
        metrics[i] = (store_metric_info){metric_names[i], "", "", STORE_LOWER};
    store_space space = {.name = "bench",
                         .task = "forecast",
                         .path = "",
                         .text = "space: 1",
                         .text_hash = hash_bytes("bench", 5),
                         .n_versions = 2,
                         .version = versions,
                         .n_objectives = 3,
                         .objective = objectives,
                         .n_knobs = 4,
                         .knob = knobs,
                         .n_metrics = N_METRICS,
                         .metric = metrics};
    store_run r = {.version = "",
                   .compiler = "",
                   .cpu = "",
                   .kernels = "",
                   .blas = "",
                   .system = "",
                   .workers = 1};
    int64_t id;
    check(store_start_run(s, &space, &r, &id, e), e);
}

static void time_readers(store *s, int n, err *e)
{
    static const store_query all = {.columns = "all"}, best = {.front_only = true},
                             few = {.filter = "T_mae < 0.5 and size < 0.1"};
    static const store_query *const asks[] = {&best, &few, &all};
    static const char *const names[] = {"the front", "T_mae < 0.5 and size < 0.1",
                                        "all columns, all rows"};
    for (int i = 0; i < 3; i++) {
        arena a = {0};
        table t;
        double from = now_ms();
        check(store_trials(s, asks[i], &a, &t, e), e);
        printf("  query, %d trials, %-27s %7.1f ms, %d rows\n", n, names[i], now_ms() - from,
               t.n_rows);
        arena_free(&a);
    }
    double from = now_ms();
    check(store_update_picks(s, e), e);
    printf("  store_update_picks, %d trials %23.1f ms\n", n, now_ms() - from);
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Milliseconds per trial for all of it. */
static void measure(const char *path, int n, bool grouped, const char *synchronous)
{
    store *s;
    err e = {0};
    rng r = rng_stream(1, RNG_TEST, 0);
    char pragma[64];
    check(store_open(path, STORE_WRITE, &s, &e), &e);
    snprintf(pragma, sizeof pragma, "PRAGMA synchronous = %s", synchronous);
    check(db_run(&s->d, pragma, &e), &e);
    double from = now_ms(), cpu = cpu_ms();
    start(s, &e);
    check(store_begin(s, &e), &e);
    for (int i = 0; i < n; i++) add(s, i, &e);
    check(store_commit(s, &e), &e);
    double added = now_ms();
    for (int i = 0; i < n; i++) run(s, i, &r, grouped, &e);
    double done = now_ms();
    printf("%d trials, %s, %s: add %.3f + run %.3f = %.3f ms per trial (%.3f of CPU time)\n", n,
           synchronous, grouped ? "a transaction per trial" : "a transaction per put",
           (added - from) / n, (done - added) / n, (done - from) / n, (cpu_ms() - cpu) / n);
    if (grouped) time_readers(s, n, &e);
    store_close(s);
    unlink(path);
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 20000;
    const char *folder = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/bench_store_%ld.db", folder ? folder : ".", (long)getpid());
    if (n < 100) n = 100;
    measure(path, n, true, "NORMAL");
    measure(path, n / 2, true, "NORMAL");
    measure(path, n, false, "NORMAL");
    measure(path, n / 20, true, "FULL");
    return 0;
}
