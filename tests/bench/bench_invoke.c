/* Microseconds per inference, one thread: our interpreter and, when it is there, TensorFlow Lite
 * with its built-in kernels and with XNNPACK, on the laboratories' networks and on the recorded
 * models (PARETUNE_DATA/oracles). The three run in turns; the best of many short rounds counts. A word
 * as argument keeps the models whose names contain it. */
#include "engine/base/file.h"
#include "engine/nn/fold.h"
#include "engine/tflite/foreign.h"
#include "engine/tflite/interpreter.h"
#include "engine/tflite/writer.h"
#include "tests/support/nets.h"
#include "tests/support/random_net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_ROUNDS = 60 };
static const double ROUND_SECONDS = 0.001; /* short: what else runs here leaves gaps */

typedef struct {
    interpreter *it;
    foreign *rival[2]; /* built-in kernels, XNNPACK; NULL when not there */
    const void *x;
    void *y;
} subject;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One inference by runner 0 (ours), 1 or 2, input and output copied. */
static void infer(subject *s, int runner)
{
    if (runner > 0) {
        foreign_invoke(s->rival[runner - 1], s->x, s->y, NULL);
        return;
    }
    memcpy(interpreter_input(s->it, 0)->data, s->x, interpreter_input(s->it, 0)->bytes);
    interpreter_invoke(s->it);
    memcpy(s->y, interpreter_output(s->it, 0)->data, interpreter_output(s->it, 0)->bytes);
}

/* Microseconds of one round. */
static double round_of(subject *s, int runner)
{
    const double start = now();
    double end;
    long n = 0, batch = 1;
    do {
        for (long i = 0; i < batch; i++) infer(s, runner);
        n += batch;
        batch = batch < 64 ? 2 * batch : batch;
        end = now();
    } while (end - start < ROUND_SECONDS);
    return 1e6 * (end - start) / (double)n;
}

static const char *wanted = ""; /* set once, by main */

static void measure(const char *name, const void *file, size_t n, arena *a)
{
    err e = {0};
    subject s = {0};
    double best[3] = {INFINITY, INFINITY, INFINITY};
    const char *library = real_library();
    if (!strstr(name, wanted)) return;
    if (interpreter_open(a, file, n, &s.it, &e) != OK) {
        printf("%-22s %s\n", name, e.msg);
        return;
    }
    for (int i = 0; library && i < 2; i++)
        foreign_open(a, library, file, n, i == 1, &s.rival[i], NULL);
    s.x = arena_take(a, interpreter_input(s.it, 0)->bytes, 1);
    s.y = arena_take(a, interpreter_output(s.it, 0)->bytes, 1);
    for (int r = 0; r < N_ROUNDS; r++)
        for (int k = 0; k < 3; k++)
            if (k == 0 || s.rival[k - 1]) best[k] = fmin(best[k], round_of(&s, k));
    printf("%-22s %10.0f %9.2f", name, interpreter_macs(s.it), best[0]);
    for (int k = 1; k < 3; k++)
        if (isfinite(best[k])) printf(" %9.2f %6.2fx", best[k], best[0] / best[k]);
    printf("\n");
    foreign_close(s.rival[0]);
    foreign_close(s.rival[1]);
}

static layer_spec dense(int units, activation act)
{
    return (layer_spec){.kind = LAYER_DENSE, .units = units, .act = act, .bias = true};
}

static void measure_forecaster(const char *name, const net_spec *net, weight_storage storage)
{
    arena a;
    buf file = {0};
    arena_init(&a, 0);
    rng r = rng_stream(1, RNG_TEST, 0);
    net_layout *layout = ARENA_NEW(&a, net_layout, 1);
    const tflite_options options = {storage, 1024, true, NULL};
    if (net_layout_make(net, layout, NULL) == OK &&
        tflite_write(net, random_floats(&r, &a, layout->n_params, 0.1F), &options, &a, &file,
                     NULL) == OK)
        measure(name, file.data, file.len, &a);
    buf_free(&file);
    arena_free(&a);
}

/* With random weights: times do not depend on them. */
static void measure_keywords(const char *arch, const char *feature, double alpha,
                             weight_storage storage)
{
    arena a;
    buf file = {0};
    err e = {0};
    float *folded;
    arena_init(&a, 0);
    rng r = rng_stream(1, RNG_TEST, 0);
    net_spec *net = ARENA_NEW(&a, net_spec, 2);
    net_layout *layout = ARENA_NEW(&a, net_layout, 1);
    const tflite_options options = {storage, 1024, true, NULL};
    status s = net_from_text(keyword_net(&a, arch, feature, alpha, "valid"), net, &e);
    if (s == OK) s = net_fold(net, NULL, &a, net + 1, &folded, &e);
    if (s == OK) s = net_layout_make(net + 1, layout, &e);
    if (s == OK)
        s = tflite_write(net + 1, random_floats(&r, &a, layout->n_params, 0.1F), &options, &a,
                         &file, &e);
    const char *name = arena_printf(&a, "%s %s %g%s", arch, feature, alpha,
                                    storage == STORE_DYNAMIC ? " dynamic" : "");
    if (s == OK)
        measure(name, file.data, file.len, &a);
    else
        printf("%s: %s\n", name, e.msg);
    buf_free(&file);
    arena_free(&a);
}

static void measure_all_keywords(void)
{
    static const char *const archs[] = {"ds-cnn", "cnn", "mlp"};
    static const double alphas[] = {0.25, 0.5, 1};
    for (int i = 0; i < 9; i++)
        measure_keywords(archs[i / 3], "mfcc", alphas[i % 3], STORE_FLOAT32);
    for (int i = 0; i < 3; i++) measure_keywords("ds-cnn", "log-mel", alphas[i], STORE_FLOAT32);
    for (int i = 0; i < 9; i++)
        measure_keywords(archs[i / 3], "mfcc", alphas[i % 3], STORE_DYNAMIC);
}

static void measure_oracle(const char *line)
{
    arena a;
    char *file;
    size_t n;
    arena_init(&a, 0);
    const char *path = arena_printf(&a, "%s/oracles/%.12s.tflite", getenv("PARETUNE_DATA"), line);
    if (file_read(&a, path, (size_t)1 << 26, &file, &n, NULL) == OK)
        measure(arena_printf(&a, "%.12s", line), file, n, &a);
    arena_free(&a);
}

int main(int argc, char **argv)
{
    if (argc > 1) wanted = argv[1];
    const layer_spec flat = {.kind = LAYER_FLATTEN},
                     steps = {.kind = LAYER_RESHAPE, .to = {2, {6, 2}}};
    const layer_spec conv = {
        .kind = LAYER_CONV1D, .act = ACT_RELU, .units = 64, .kernel = 3, .stride = 1, .bias = true};
    const layer_spec lstm = {.kind = LAYER_LSTM, .units = 64, .bias = true};
    const net_spec mlp = {
        {2, {6, 2}},
        5,
        {flat, dense(128, ACT_RELU), dense(128, ACT_RELU), dense(12, ACT_NONE), steps}};
    const net_spec cnn = {
        {2, {6, 2}}, 5, {conv, flat, dense(64, ACT_RELU), dense(12, ACT_NONE), steps}};
    const net_spec rnn = {{2, {6, 2}}, 4, {lstm, flat, dense(12, ACT_NONE), steps}};
    printf("%-22s %10s %9s %9s %7s %9s %7s   (microseconds; x = ours / theirs)\n", "model", "MACs",
           "ours", "built-in", "", "XNNPACK", "");
    measure_forecaster("mlp float32", &mlp, STORE_FLOAT32);
    measure_forecaster("mlp float16", &mlp, STORE_FLOAT16);
    measure_forecaster("mlp dynamic", &mlp, STORE_DYNAMIC);
    measure_forecaster("cnn float32", &cnn, STORE_FLOAT32);
    measure_forecaster("lstm float32", &rnn, STORE_FLOAT32);
    measure_all_keywords();
    arena a;
    char *index;
    size_t n;
    arena_init(&a, 0);
    const char *folder = getenv("PARETUNE_DATA");
    if (folder && file_read(&a, arena_printf(&a, "%s/oracles/index.csv", folder), 1 << 20, &index,
                            &n, NULL) == OK)
        for (char *line = strchr(index, '\n'); line && line[1]; line = strchr(line, '\n'))
            measure_oracle(++line);
    else
        fprintf(stderr, "note: PARETUNE_DATA is not set; the recorded models are left out\n");
    arena_free(&a);
    return 0;
}
