/* Training speed: forward, backward, Adam and the fetching of a batch, for the lab's forecasting
 * networks at batch 32 with six steps in and out. Times are process CPU time, the minimum over
 * blocks of 0.1 s, so that other processes cost little. FLOPs count two per multiply-add: forward,
 * weight gradients and input gradients, those of the first layer left out; the peak is measured in
 * the same run.
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

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static double train_step(trainer *t)
{
    gather(t);
    net_forward(&t->n, BATCH);
    double loss =
        loss_sum(LOSS_MSE, t->n.output, t->wanted, BATCH * 2 * STEPS, t->n.output_gradient);
    net_backward(&t->n, BATCH);
    optim_step(&t->config.optimizer, t->n.k, 0.001, ++t->step, t->n.params, t->n.gradients,
               t->moments, t->n.layout.n_params);
    return loss;
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

static double step_seconds(trainer *t, int blocks)
{
    double best = INFINITY;
    int steps = 20;
    for (int b = 0; b < blocks; b++) {
        double start = clock_cpu();
        for (int i = 0; i < steps; i++) train_step(t);
        double took = clock_cpu() - start;
        if (took / steps < best) best = took / steps;
        steps = (int)fmax(20, 0.1 / best);
    }
    return best;
}

/* All products of a step but the first layer's input gradient. */
static double step_flops(const net *n)
{
    double macs = 0;
    bool first = true;
    for (int i = 0; i < n->spec.n; i++) {
        layer_plan plan = {0};
        layer_find(n->spec.layer[i].kind)
            ->plan(&n->spec.layer[i], n->layout.shape_in[i], &plan, NULL);
        if (plan.macs <= 0) continue;
        double own = plan.macs * 3;
        if (first) { /* an LSTM still needs the gradients of its states */
            double inputs = plan.macs;
            if (n->spec.layer[i].kind == LAYER_LSTM)
                inputs *= (double)n->layout.shape_in[i].dim[1] /
                          (n->layout.shape_in[i].dim[1] + n->spec.layer[i].units);
            own -= inputs;
        }
        macs += own;
        first = false;
    }
    return 2 * macs * BATCH;
}

/* FLOPs a second of multiply-adds in registers. */
static double peak_flops(const kernels *k)
{
    float sink = 0.5f;
    double best = 0;
    for (int block = 0; block < 10; block++) {
        double start = clock_cpu(), done = k->spin(2000000, &sink);
        best = fmax(best, done / (clock_cpu() - start));
    }
    return best;
}

/* --- the rival --- */

/* ms per step by the script, or NaN when it cannot run. */
static double torch_ms(const char *script, const char *arch, double alpha)
{
    char command[512], line[64];
    snprintf(command, sizeof command, "/usr/bin/python3 %s %s %g 2>/dev/null", script, arch, alpha);
    FILE *f = popen(command, "r");
    if (!f) return NAN;
    double ms = fgets(line, sizeof line, f) ? strtod(line, NULL) : 0;
    return pclose(f) == 0 && ms > 0 ? ms : (double)NAN;
}

int main(int argc, char **argv)
{
    static const char *const arch[] = {"mlp", "cnn-1d", "lstm"};
    static const double alpha[] = {1, 0.25, 0.05};
    int blocks = argc > 1 ? atoi(argv[1]) : 20;
    const char *rival = argc > 2 ? argv[2] : "tests/bench/train_torch.py";
    if (strcmp(rival, "-") == 0 || access(rival, R_OK) != 0) rival = NULL;
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
            double s = step_seconds(&t, blocks), flops = step_flops(&t.n);
            double torch = rival ? torch_ms(rival, arch[i], alpha[j]) : (double)NAN;
            printf("%-8s %6g %8d %10.4f %8.1f %7.1f %10.4f %7.1f\n", arch[i], alpha[j],
                   t.n.layout.n_params, s * 1e3, flops / s * 1e-9, 100 * flops / s / peak, torch,
                   torch / (s * 1e3));
            fflush(stdout);
            arena_release(&a, m);
        }
    }
    arena_free(&a);
    return 0;
}
