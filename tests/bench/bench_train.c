/* Training speed: forward, backward, Adam and the fetching of a batch, for the lab's forecasting
 * networks at batch 32 with six steps in and out (tests/support/training_bench.h says how it is
 * timed). The peak is measured in the same run.
 *
 *   bench_train [BLOCKS [TORCH_SCRIPT|- [NETWORK [ALPHA]]]]
 * TORCH_SCRIPT is tests/bench/train_torch.py, the rival; - leaves it out. */
#include "engine/base/arena.h"
#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/nn/loss.h"
#include "engine/nn/net.h"
#include "engine/nn/optim.h"
#include "engine/nn/train.h"
#include "tests/support/nets.h"
#include "tests/support/training_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32, STEPS = 6, N_SERIES = 294000 };

/* --- what is timed --- */

typedef struct {
    net n;
    train_config config;
    float *series, *wanted, *moments;
    int64_t step;
    rng order;
} trainer;

/* A window of a series of pairs: what the data room's fetch does. */
static void gather(trainer *t)
{
    int first = (int)rng_below(&t->order, N_SERIES - BATCH - 12);
    for (int i = 0; i < BATCH; i++) {
        memcpy(t->n.input + i * 12, t->series + (first + i) * 2, 12 * sizeof(float));
        memcpy(t->wanted + i * 12, t->series + (first + i + 6) * 2, 12 * sizeof(float));
    }
}

static void train_step(void *data)
{
    trainer *t = data;
    gather(t);
    net_forward(&t->n, BATCH);
    loss_sum(LOSS_MSE, t->n.output, t->wanted, BATCH * 2 * STEPS, t->n.output_gradient);
    net_backward(&t->n, BATCH);
    optim_step(&t->config.optimizer, t->n.k, 0.001, ++t->step, t->n.params, t->n.gradients,
               t->moments, t->n.layout.n_params);
}

static void open_trainer(trainer *t, arena *a, const char *arch, double alpha)
{
    err e = {0};
    t->config = toy_config(lab_net(a, arch, alpha, STEPS));
    if (net_build(&t->n, &t->config.net, BATCH, NULL, a, &e) != OK ||
        net_init_weights(&t->n, 1, a, &e) != OK) {
        fprintf(stderr, "bench_train: %s\n", e.msg);
        exit(1);
    }
    t->series = ARENA_NEW(a, float, 2 * N_SERIES);
    t->wanted = ARENA_NEW(a, float, BATCH * 2 * STEPS);
    t->moments = ARENA_NEW(a, float, 2 * optim_stride(t->n.layout.n_params));
    rng r = rng_stream(1, RNG_TEST, 0);
    for (int i = 0; i < 2 * N_SERIES; i++) t->series[i] = rng_normal(&r);
    t->order = rng_stream(1, RNG_SHUFFLE, 0);
    t->step = 0;
}

int main(int argc, char **argv)
{
    static const char *const arch[] = {"mlp", "cnn-1d", "lstm"};
    static const double alpha[] = {1, 0.25, 0.05};
    int blocks = argc > 1 ? atoi(argv[1]) : 20;
    const char *rival = race_rival(argc > 2 ? argv[2] : "tests/bench/train_torch.py");
    err e = {0};
    const kernels *k;
    if (kernel_choose(&k, &e) != OK) {
        fprintf(stderr, "bench_train: %s\n", e.msg);
        return 1;
    }
    arena a;
    arena_init(&a, 0);
    double peak = peak_flops(k);
    printf("kernels %s, peak %.0f GFLOP/s, batch %d\n", k->name, peak * 1e-9, BATCH);
    printf("%-8s %6s %8s %10s %8s %7s %10s %7s\n", "network", "alpha", "params", "ms/step",
           "GFLOP/s", "% peak", "torch ms", "ratio");
    for (int i = 0; i < 3; i++) {
        if (argc > 3 && strcmp(argv[3], arch[i]) != 0) continue;
        for (int j = 0; j < 3; j++) {
            if (argc > 4 && strtod(argv[4], NULL) != alpha[j]) continue;
            arena_mark_t m = arena_mark(&a);
            trainer t;
            open_trainer(&t, &a, arch[i], alpha[j]);
            char arguments[64];
            snprintf(arguments, sizeof arguments, "%s %g", arch[i], alpha[j]);
            race_result r = race_run(&(race){train_step, &t, blocks, rival, arguments});
            double s = r.seconds, flops = step_flops(&t.n, BATCH);
            printf("%-8s %6g %8d %10.4f %8.1f %7.1f %10.4f %7.1f\n", arch[i], alpha[j],
                   t.n.layout.n_params, s * 1e3, flops / s * 1e-9, 100 * flops / s / peak,
                   r.rival * 1e3, r.rival / s);
            fflush(stdout);
            arena_release(&a, m);
        }
    }
    arena_free(&a);
    return 0;
}
