#include "tests/support/gradient.h"

#include "engine/base/rng.h"
#include "engine/nn/net.h"
#include "tests/support/nets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_SEEDS = 20, MAX_B = 4 };

typedef struct {
    arena a;
    net n;
    int B, outputs;
    float *x, *slope, *direction, *start; /* slope: of the sum that is derived, per output */
} probe;

static void probe_open(probe *p, const char *json, uint64_t seed)
{
    err e = {0};
    net_spec spec;
    arena_init(&p->a, 0);
    cr_assert(net_from_text(json, &spec, &e) == OK, "%s: %s", json, e.msg);
    cr_assert(net_build(&p->n, &spec, MAX_B, NULL, &p->a, &e) == OK, "%s", e.msg);
    cr_assert(net_init_weights(&p->n, seed, &p->a, &e) == OK, "%s", e.msg);
    rng r = rng_stream(seed, RNG_TEST, 0);
    p->B = 1 + (int)rng_below(&r, MAX_B);
    p->outputs = p->B * shape_size(p->n.layout.shape_out[spec.n - 1]);
    int inputs = p->B * shape_size(spec.in), params = p->n.layout.n_params;
    p->x = ARENA_NEW(&p->a, float, inputs);
    p->slope = ARENA_NEW(&p->a, float, p->outputs);
    p->direction = ARENA_NEW(&p->a, float, params);
    p->start = ARENA_NEW(&p->a, float, params);
    for (int i = 0; i < inputs; i++) p->x[i] = rng_normal(&r);
    for (int i = 0; i < p->outputs; i++) p->slope[i] = rng_normal(&r);
    for (int i = 0; i < params; i++) p->n.params[i] += 0.1f * rng_normal(&r); /* biases too */
    memcpy(p->start, p->n.params, (size_t)params * sizeof(float));
}

/* The weighted sum of the outputs at start + t * direction. */
static double value_at(probe *p, float t)
{
    for (int i = 0; i < p->n.layout.n_params; i++)
        p->n.params[i] = p->start[i] + t * p->direction[i];
    memcpy(p->n.input, p->x, (size_t)(p->B * shape_size(p->n.spec.in)) * sizeof(float));
    net_forward_training(&p->n, p->B, &(train_pass){.seed = 9, .step = 3});
    double sum = 0;
    for (int i = 0; i < p->outputs; i++) sum += (double)p->n.output[i] * (double)p->slope[i];
    return sum;
}

/* Compares the derivative along a random direction. The bound follows the observed curvature, which
 * a kink of relu shows as well, what a smaller step changes, and the rounding of the sums. */
static void check_direction(probe *p, const char *json, uint64_t seed, rng *r)
{
    int params = p->n.layout.n_params;
    const float step = 0x1p-8f;
    for (int i = 0; i < params; i++) p->direction[i] = rng_normal(r) / sqrtf((float)params);
    double half = (value_at(p, step / 2) - value_at(p, -step / 2)) / (double)step;
    double up = value_at(p, step), down = value_at(p, -step), here = value_at(p, 0);
    memcpy(p->n.output_gradient, p->slope, (size_t)p->outputs * sizeof(float));
    memset(p->n.gradients, 0, (size_t)params * sizeof(float));
    net_backward(&p->n, p->B);
    double got = 0, size = 0, want = (up - down) / (2 * (double)step);
    for (int i = 0; i < params; i++) {
        double term = (double)p->n.gradients[i] * (double)p->direction[i];
        got += term, size += term * term;
    }
    double kink = fabs(up + down - 2 * here) / (double)step;
    double bound = 2e-3 * sqrt(size) + 0.5 * kink + 2 * fabs(want - half) + 2e-4;
    cr_assert(fabs(got - want) <= bound, "%s seed %llu: %g, finite difference %g (bound %g)", json,
              (unsigned long long)seed, got, want, bound);
}

void check_gradients(const char *json, uint64_t seed)
{
    probe p;
    probe_open(&p, json, seed);
    rng r = rng_stream(seed, RNG_TEST, 1);
    for (int i = 0; i < 4; i++) check_direction(&p, json, seed, &r);
    arena_free(&p.a);
}

static const char *const activations[] = {"none", "relu", "tanh", "sigmoid", "relu6"};
static const char *const sets[] = {"naive", "generic", "avx2", "avx512", "neon"};

void sweep_kernels(void (*check)(const char *act, uint64_t seed))
{
    for (int s = 0; s < 5; s++) {
        if (!kernel_find(sets[s])) continue;
        setenv("PARETUNE_KERNELS", sets[s], 1);
        for (int a = 0; a < 5; a++)
            for (uint64_t seed = 0; seed < N_SEEDS; seed++) check(activations[a], seed);
    }
    unsetenv("PARETUNE_KERNELS");
}
