/* Training speed of the lab's keyword networks at batch 32: fetching a batch, forward, cross-entropy,
 * backward, Adam (tests/support/training_bench.h says how it is timed). FLOPs are those of the
 * textbook products; a faster algorithm may do fewer. The peak is measured in the same run. DS-CNN
 * has padding `same`, as the rival's model.
 *
 *   bench_train_keywords [BLOCKS [TORCH_SCRIPT|- [NETWORK|all [FEATURE [ALPHA]]]]] [profile]
 * TORCH_SCRIPT is the rival, tests/bench/train_keywords_torch.py unless given; - leaves it out. With `profile`, each
 * layer's passes over parts of the batch that stay in the cache are timed alone. */
#include "engine/base/arena.h"
#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/nn/loss.h"
#include "engine/nn/net.h"
#include "engine/nn/optim.h"
#include "tests/support/nets.h"
#include "tests/support/training_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32, N_CLIPS = 640, CLASSES = 8 };

/* --- what is timed --- */

typedef struct {
    net n;
    optim_spec optimizer;
    float *clips, *labels, *wanted, *moments;
    int64_t step;
    rng order;
} trainer;

static void fetch(trainer *t)
{
    int size = shape_size(t->n.spec.in);
    int first = (int)rng_below(&t->order, N_CLIPS - BATCH);
    memcpy(t->n.input, t->clips + (ptrdiff_t)first * size, BATCH * (size_t)size * sizeof(float));
    memcpy(t->wanted, t->labels + first, BATCH * sizeof(float));
}

static void train_step(void *data)
{
    trainer *t = data;
    net *n = &t->n;
    fetch(t);
    net_forward_training(n, BATCH, &(train_pass){1, ++t->step});
    int right;
    loss_classes(n->logits, t->wanted, BATCH, CLASSES, 0, n->logits_gradient, &right);
    net_backward_logits(n, BATCH);
    optim_step(&t->optimizer, n->k, 0.001, t->step, n->params, n->gradients, t->moments,
               n->layout.n_params);
}

static void open_trainer(trainer *t, arena *a, const char *json)
{
    err e = {0};
    net_spec spec;
    if (net_from_text(json, &spec, &e) != OK || net_build(&t->n, &spec, BATCH, NULL, a, &e) != OK ||
        net_init_weights(&t->n, 1, a, &e) != OK) {
        fprintf(stderr, "bench_train_keywords: %s\n", e.msg);
        exit(1);
    }
    int size = shape_size(spec.in);
    t->optimizer = (optim_spec){.kind = OPTIM_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7};
    t->clips = ARENA_NEW(a, float, N_CLIPS *size);
    t->labels = ARENA_NEW(a, float, N_CLIPS);
    t->wanted = ARENA_NEW(a, float, BATCH);
    t->moments = ARENA_NEW(a, float, 2 * optim_stride(t->n.layout.n_params));
    rng r = rng_stream(1, RNG_TEST, 0);
    for (int i = 0; i < N_CLIPS * size; i++) t->clips[i] = rng_normal(&r);
    for (int i = 0; i < N_CLIPS; i++) t->labels[i] = (float)rng_below(&r, CLASSES);
    t->order = rng_stream(1, RNG_SHUFFLE, 0);
    t->step = 0;
}

/* --- the profile --- */

static void run_forward(const layer_ops *ops, const layer_pass *p)
{
    if (ops->observe) ops->observe(p);
    if (ops->forward) ops->forward(p);
}

static void run_backward(const layer_ops *ops, const layer_pass *p)
{
    if (ops->observe_back) ops->observe_back(p);
    if (ops->backward) ops->backward(p);
}

static double pass_seconds(void (*run)(const layer_ops *, const layer_pass *), const layer_ops *ops,
                           const layer_pass *p)
{
    double best = INFINITY;
    for (int b = 0; b < 5; b++) {
        enum { TIMES = 40 };
        double start = clock_cpu();
        for (int i = 0; i < TIMES; i++) run(ops, p);
        best = fmin(best, (clock_cpu() - start) / TIMES);
    }
    return best * BATCH / p->B;
}

static void print_profile(trainer *t, double step, double peak)
{
    double all = 0;
    net *n = &t->n;
    train_step(t);
    printf("    %-24s %10s %10s %8s %7s\n", "layer", "forward us", "back us", "% step", "% peak");
    for (int i = 0; i < n->spec.n; i++) {
        const layer_ops *ops = layer_find(n->spec.layer[i].kind);
        layer_pass p = n->pass[i];
        p.B = ops->by_parts ? n->part : BATCH;
        double forward = pass_seconds(run_forward, ops, &p);
        double back = pass_seconds(run_backward, ops, &p);
        all += forward + back;
        printf("    %2d %-21s %10.1f %10.1f %8.1f %7.1f\n", i,
               layer_table()[n->spec.layer[i].kind].name, forward * 1e6, back * 1e6,
               100 * (forward + back) / step,
               100 * layer_flops(n, i, BATCH) / (forward + back) / peak);
    }
    printf("    %-24s %10s %10s %8.1f\n", "rest: Adam, packing, cache", "", "",
           100 * (1 - all / step));
}

typedef struct {
    int blocks;
    const char *rival, *arch, *feature;
    double alpha;
    bool profile;
} options;

static options read_options(int argc, char **argv)
{
    options o = {.blocks = 20, .rival = "tests/bench/train_keywords_torch.py"};
    if (argc > 1 && strcmp(argv[argc - 1], "profile") == 0) o.profile = true, argc--;
    if (argc > 1) o.blocks = atoi(argv[1]);
    if (argc > 2) o.rival = argv[2];
    o.rival = race_rival(o.rival);
    if (argc > 3 && strcmp(argv[3], "all") != 0) o.arch = argv[3];
    if (argc > 4) o.feature = argv[4];
    if (argc > 5) o.alpha = strtod(argv[5], NULL);
    return o;
}

static void measure(const options *o, arena *a, const char *arch, const char *feature, double alpha,
                    double peak)
{
    arena_mark_t m = arena_mark(a);
    trainer t;
    bool ds = strcmp(arch, "ds-cnn") == 0;
    open_trainer(&t, a, keyword_net(a, arch, feature, alpha, ds ? "same" : "valid"));
    char arguments[80];
    snprintf(arguments, sizeof arguments, "%s %s %g", arch, feature, alpha);
    race_result r = race_run(&(race){train_step, &t, o->blocks, o->rival, arguments});
    double s = r.seconds, flops = step_flops(&t.n, BATCH);
    printf("%-7s %-8s %5g %8d %9.3f %9.0f %8.1f %7.1f %10.3f %6.2f\n", arch, feature, alpha,
           t.n.layout.n_params, s * 1e3, BATCH / s, flops / s * 1e-9, 100 * flops / s / peak,
           r.rival * 1e3, r.rival / s);
    if (o->profile) print_profile(&t, s, peak);
    fflush(stdout);
    arena_release(a, m);
}

int main(int argc, char **argv)
{
    static const char *const arch[] = {"ds-cnn", "cnn", "mlp"};
    static const char *const feature[] = {"mfcc", "log-mel"};
    static const double alpha[] = {0.25, 0.5, 1};
    options o = read_options(argc, argv);
    err e = {0};
    const kernels *k;
    if (kernel_choose(&k, &e) != OK) {
        fprintf(stderr, "bench_train_keywords: %s\n", e.msg);
        return 1;
    }
    arena a;
    arena_init(&a, 0);
    kernel_flush_denormals();
    double peak = peak_flops(k);
    printf("kernels %s, peak %.0f GFLOP/s, batch %d\n", k->name, peak * 1e-9, BATCH);
    printf("%-7s %-8s %5s %8s %9s %9s %8s %7s %10s %6s\n", "network", "feature", "alpha", "params",
           "ms/step", "clips/s", "GFLOP/s", "% peak", "torch ms", "ratio");
    for (int i = 0; i < 3; i++)
        for (int f = 0; f < 2; f++)
            for (int j = 0; j < 3; j++) {
                if (o.arch && strcmp(o.arch, arch[i]) != 0) continue;
                if (o.feature && strcmp(o.feature, feature[f]) != 0) continue;
                if (o.alpha > 0 && o.alpha != alpha[j]) continue;
                measure(&o, &a, arch[i], feature[f], alpha[j], peak);
            }
    arena_free(&a);
    return 0;
}
