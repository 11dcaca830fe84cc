/* How long answers take: a study of 10,000 invented keyword trials (seven knobs, three seeds, 26 metrics, details as real
 * stages leave them) is written through the store, then each command is run as a user runs it, process start included.
 * Prints the least and the median of nine runs by the clock, to be compared with the bound of 100 ms, and the least of
 * processor time, which a busy machine lengthens less.
 *
 * usage: bench_ask [TRIALS]    PARETUNE_BIN: the program (default build/release/paretune); TMPDIR: where the study lies */
#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "engine/base/rng.h"
#include "store/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    N_STAGES = 4,
    N_METRICS = 26,
    N_KNOBS = 7,
    N_SEEDS = 3,
    N_RUNS = 9,
    N_WORDS = 8,
    N_EPOCHS = 30
};
static const char *const kinds[N_STAGES] = {"data", "train", "export", "score"};
static const struct {
    const char *name, *unit;
    store_better better;
    int stage;
} metrics[N_METRICS] = {
    {"accuracy", "%", STORE_HIGHER, 3},
    {"accuracy_test", "%", STORE_HIGHER, 3},
    {"size", "B", STORE_LOWER, 2},
    {"modelled_total_ms", "ms", STORE_LOWER, 2},
    {"modelled_inference_ms", "ms", STORE_LOWER, 2},
    {"macs", "", STORE_LOWER, 2},
    {"loss", "", STORE_LOWER, 3},
    {"loss_test", "", STORE_LOWER, 3},
    {"size_flat", "B", STORE_LOWER, 2},
    {"size_zlib", "B", STORE_LOWER, 2},
    {"size_zip", "B", STORE_LOWER, 2},
    {"size_zopfli", "B", STORE_LOWER, 2},
    {"size_zopfli_zip", "B", STORE_LOWER, 2},
    {"size_converter", "B", STORE_LOWER, 2},
    {"size_converter_zlib", "B", STORE_LOWER, 2},
    {"n_params", "", STORE_LOWER, 2},
    {"arena", "B", STORE_LOWER, 2},
    {"sparsity", "%", STORE_NEITHER, 2},
    {"val_loss", "", STORE_LOWER, 1},
    {"val_accuracy", "%", STORE_HIGHER, 1},
    {"train_loss", "", STORE_NEITHER, 1},
    {"epochs", "", STORE_NEITHER, 1},
    {"best_epoch", "", STORE_NEITHER, 1},
    {"inference_ms", "ms", STORE_LOWER, 2},
    {"total_ms", "ms", STORE_LOWER, 2},
    {"zeros", "", STORE_NEITHER, 2},
};

static void check(status s, const err *e)
{
    if (s == OK) return;
    fprintf(stderr, "bench_ask: %s\n", e->msg);
    exit(1);
}

/* --- one trial --- */

typedef struct {
    int candidate, seed;
    hash key[N_STAGES];
    double value[N_METRICS];
} invented;

static hash key_of(int stage, int candidate, int seed)
{
    char text[48];
    snprintf(text, sizeof text, "%s %d %d", kinds[stage], stage ? candidate : 0, stage ? seed : 0);
    return hash_bytes(text, strlen(text));
}

/* More width means more bytes and more right answers, with some luck. */
static invented invent(int i)
{
    invented t = {.candidate = i / N_SEEDS, .seed = 1 + i % N_SEEDS};
    rng r = rng_stream(1, RNG_TEST, (uint64_t)t.candidate),
        luck = rng_stream(2, RNG_TEST, (uint64_t)i);
    double width = rng_double(&r), quality = rng_double(&r);
    for (int k = 0; k < N_METRICS; k++) t.value[k] = 1 + rng_double(&r);
    t.value[0] = 80 + 12 * sqrt(width) + 4 * quality + rng_double(&luck);
    t.value[1] = t.value[0] + rng_double(&luck) - 0.7;
    t.value[2] = floor(3000 + 60000 * width * (0.6 + 0.4 * rng_double(&r)));
    t.value[3] = 35 + 20 * rng_double(&r);
    t.value[4] = 0.1 + width;
    t.value[5] = floor(1e4 + 1e6 * width);
    for (int s = 0; s < N_STAGES; s++) t.key[s] = key_of(s, t.candidate, t.seed);
    return t;
}

static void add(store *s, const invented *t, err *e)
{
    static const char *const words[] = {"ds-cnn", "cnn", "temporal-residual"}, *const storages[] = {
                                                                                   "float32",
                                                                                   "float16",
                                                                                   "int8"};
    const int c = t->candidate;
    char config[96];
    snprintf(config, sizeof config, "{\"candidate\":%d,\"rest\":\"of the settings\"}", c);
    store_knob knob[N_KNOBS] = {{"architecture", false, 0, words[c % 3]},
                                {"alpha", true, 0.05 * (1 + c / 3 % 10), NULL},
                                {"learning_rate", true, c / 30 % 2 ? 0.01 : 0.001, NULL},
                                {"final_sparsity", true, 0.3 * (c / 60 % 4), NULL},
                                {"rate", true, c / 240 % 2 ? 16000 : 8000, NULL},
                                {"coefficients", true, 10 * (1 + c / 480 % 4), NULL},
                                {"storage", false, 0, storages[c / 1100 % 3]}};
    store_trial row = {.candidate = c,
                       .config_hash = hash_bytes(config, strlen(config)),
                       .config = config,
                       .seed = (uint64_t)t->seed,
                       .n_knobs = N_KNOBS,
                       .knob = knob,
                       .n_stages = N_STAGES,
                       .stage = t->key};
    int64_t id;
    for (int i = 0; i < N_STAGES; i++) {
        store_stage stage = {
            .kind = kinds[i],
            .params = i == 2 ? "{\"storage\":\"float32\",\"pack\":\"zlib\"}"
                             : "{\"net\":{\"layers\":[{\"kind\":\"dense\",\"units\":8}]}}",
            .version = 1,
            .key = t->key[i],
            .n_parents = i > 0,
            .parent = i ? &t->key[i - 1] : NULL};
        check(store_add_stage(s, &stage, e), e);
    }
    check(store_add_trial(s, &row, &id, e), e);
}

/* --- details, as long as real ones --- */

static const char *curve(buf *b)
{
    buf_clear(b);
    buf_text(b, "{\"curve\":[");
    for (int i = 0; i < N_EPOCHS; i++)
        buf_printf(b, "%s[%.15g,%.15g,0.001,%.15g]", i ? "," : "", 1 / (i + 1.5), 1.1 / (i + 1.7),
                   1 - 1 / (i + 3.3));
    buf_text(b, "]}");
    return b->data;
}

static const char *anatomy(buf *b)
{
    buf_clear(b);
    buf_text(b, "{\"tensors\":[");
    for (int i = 0; i < 12; i++)
        buf_printf(b,
                   "%s{\"tensor\":%d,\"type\":\"float32\",\"shape\":[16,16],\"bytes\":1024,"
                   "\"packed\":%d.25,\"zlib_alone\":900}",
                   i ? "," : "", i, 900 + i);
    buf_text(b,
             "],\"container_bytes\":1500,\"parts\":[{\"part\":\"values\",\"bytes\":1,\"packed\":1},"
             "{\"part\":\"head\",\"bytes\":900,\"packed\":700}]}");
    return b->data;
}

static void put_matrix(buf *b, const char *name)
{
    buf_printf(b, "\"%s\":[", name);
    for (int i = 0; i < N_WORDS; i++)
        for (int j = 0; j < N_WORDS; j++)
            buf_printf(b, "%s%d%s",
                       j   ? ","
                       : i ? ",["
                           : "[",
                       i == j ? 80 : (i + j) % 5, j == N_WORDS - 1 ? "]" : "");
    buf_char(b, ']');
}

static const char *words_heard(buf *b)
{
    buf_clear(b);
    buf_text(b, "{\"words\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"],\"confusion\":{");
    put_matrix(b, "val");
    buf_char(b, ',');
    put_matrix(b, "test");
    buf_text(b, "}}");
    return b->data;
}

static void finish(store *s, const invented *t, int64_t trial, buf *b, err *e)
{
    for (int i = 0; i < N_STAGES; i++) {
        store_metric m[N_METRICS];
        int n = 0;
        for (int k = 0; k < N_METRICS; k++)
            if (metrics[k].stage == i) m[n++] = (store_metric){metrics[k].name, t->value[k]};
        store_outcome o = {.run_id = 1,
                           .artifact_bytes = 1000,
                           .artifact_hash = t->key[i].text,
                           .cpu_seconds = 1,
                           .wall_seconds = 1,
                           .tries = 1,
                           .n_metrics = n,
                           .metric = m,
                           .detail = i == 1   ? curve(b)
                                     : i == 2 ? anatomy(b)
                                     : i == 3 ? words_heard(b)
                                              : NULL};
        check(store_stage_done(s, &t->key[i], &o, e), e);
    }
    check(store_trial_done(s, trial, e), e);
}

/* --- the study --- */

static void start(store *s, int64_t *run_id, err *e)
{
    static const store_limit a[] = {{"accuracy", LIMIT_GT, 90, "> 90 %"},
                                    {"size", LIMIT_LT, 25000, "< 25 kB"}},
                             b[] = {{"accuracy", LIMIT_GT, 92, "> 92 %"},
                                    {"modelled_inference_ms", LIMIT_LT, 0.4, "< 0.4 ms"}},
                             c[] = {{"accuracy", LIMIT_GT, 95, "> 95 %"},
                                    {"size", LIMIT_LT, 20000, "< 20 kB"},
                                    {"modelled_total_ms", LIMIT_LT, 40, "< 40 ms"}};
    static const store_version versions[] = {{"a", "", 2, a}, {"b", "", 2, b}, {"c", "", 3, c}};
    static const store_objective objectives[] = {
        {"accuracy", true}, {"size", false}, {"modelled_total_ms", false}};
    static const char *const knobs[N_KNOBS] = {"architecture",   "alpha", "learning_rate",
                                               "final_sparsity", "rate",  "coefficients",
                                               "storage"};
    store_metric_info info[N_METRICS];
    for (int i = 0; i < N_METRICS; i++)
        info[i] = (store_metric_info){metrics[i].name, metrics[i].unit, "", metrics[i].better};
    store_space space = {.name = "bench",
                         .task = "keywords",
                         .path = "",
                         .text = "space: 1",
                         .text_hash = hash_bytes("bench", 5),
                         .n_versions = 3,
                         .version = versions,
                         .n_objectives = 3,
                         .objective = objectives,
                         .n_knobs = N_KNOBS,
                         .knob = knobs,
                         .n_metrics = N_METRICS,
                         .metric = info};
    store_run run = {.version = "",
                     .compiler = "",
                     .cpu = "",
                     .kernels = "",
                     .blas = "",
                     .system = "",
                     .workers = 1};
    check(store_start_run(s, &space, &run, run_id, e), e);
}

static void write_study(const char *path, int n)
{
    store *s;
    err e = {0};
    buf b = {0};
    int64_t run_id;
    double from = clock_wall();
    check(store_open(path, STORE_WRITE, &s, &e), &e);
    start(s, &run_id, &e);
    check(store_begin(s, &e), &e);
    for (int i = 0; i < n; i++) {
        invented t = invent(i);
        add(s, &t, &e);
    }
    for (int i = 0; i < n; i++) {
        invented t = invent(i);
        finish(s, &t, i + 1, &b, &e);
    }
    check(store_commit(s, &e), &e);
    check(store_end_run(s, run_id, "done", &e), &e);
    store_close(s);
    buf_free(&b);
    printf("%d trials written in %.1f s\n", n, clock_wall() - from);
}

/* --- questions --- */

static int by_value(const void *p, const void *q)
{
    double a = *(const double *)p, b = *(const double *)q;
    return (a > b) - (a < b);
}

static double children_cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_CHILDREN, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* Milliseconds of one run; exit statuses 0 and 3 are answers. */
static void ask_once(const char *command, double *wall, double *cpu)
{
    double from = clock_wall(), spent = children_cpu();
    int code = system(command);
    *wall = 1e3 * (clock_wall() - from);
    *cpu = 1e3 * (children_cpu() - spent);
    if (WIFEXITED(code) && (WEXITSTATUS(code) == 0 || WEXITSTATUS(code) == 3)) return;
    fprintf(stderr, "bench_ask: failed: %s\n", command);
    exit(1);
}

static void ask(const char *bin, const char *path, const char *question)
{
    char command[1024], words[256];
    const char *rest = strchr(question, ' ');
    double wall[N_RUNS], cpu[N_RUNS];
    snprintf(words, sizeof words, "%.*s", (int)(rest - question), question);
    snprintf(command, sizeof command, "%s %s %s%s >/dev/null", bin, words, path, rest);
    for (int i = 0; i < N_RUNS; i++) ask_once(command, &wall[i], &cpu[i]);
    qsort(wall, N_RUNS, sizeof *wall, by_value);
    qsort(cpu, N_RUNS, sizeof *cpu, by_value);
    printf("  %-62s %6.1f %6.1f %6.1f ms\n", question, wall[0], wall[N_RUNS / 2], cpu[0]);
}

int main(int argc, char **argv)
{
    static const char *const questions[] = {
        "front ",
        "front --objectives accuracy,n_params --filter 'storage = int8'",
        "pick ",
        "pick --version a --rule knee --limit 'size < 20 kB'",
        "pick --version a --rule fastest --filter 'rate = 8000'",
        "why-not --version c",
        "why-not --version c --format json",
        "explain 4711 --format json",
        "compare 17 4711",
        "query \"accuracy > 93 and size < 20 kB\" --sort size",
        "importance ",
        "status ",
    };
    int n = argc > 1 ? atoi(argv[1]) : 10000;
    const char *folder = getenv("TMPDIR"), *bin = getenv("PARETUNE_BIN");
    char path[512], command[1200];
    snprintf(path, sizeof path, "%s/bench_ask_%ld.db", folder ? folder : "/tmp", (long)getpid());
    write_study(path, n < 5000 ? 5000 : n);
    printf("  %-62s %6s %6s %6s\n", "question", "least", "median", "CPU");
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        ask(bin ? bin : "build/release/paretune", path, questions[i]);
    snprintf(command, sizeof command, "rm -f %s %s-*", path, path);
    return system(command) == 0 ? 0 : 1;
}
