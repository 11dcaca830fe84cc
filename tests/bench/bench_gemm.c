/* Our products against OpenBLAS's, one thread, on the shapes of the networks: y = x * w^T with the
 * packing of w counted as ours. Process CPU time, minimum of eight runs. OPENBLAS_CORETYPE chooses
 * OpenBLAS's kernel; unset, it picks by itself. */
#include "engine/base/arena.h"
#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/nn/kernel.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>

typedef struct {
    int M, N, K;
    const char *what;
} product;

static const product products[] = {
    {32, 128, 12, "forecast mlp, first layer"},
    {32, 128, 128, "forecast mlp, second layer"},
    {32, 12, 128, "forecast mlp, last layer"},
    {128, 128, 32, "forecast mlp, weight gradient"},
    {32, 256, 66, "forecast lstm, a step"},
    {512, 128, 128, "forecast mlp, batch 512"},
    {32, 256, 1960, "keyword mlp, first layer"},
    {1960, 256, 32, "keyword mlp, weight gradient"},
    {14592, 64, 64, "ds-cnn alpha 0.25, pointwise"},
    {14592, 256, 256, "ds-cnn alpha 1, pointwise"},
    {512, 512, 512, "square"},
};

static void run_ours(const kernels *k, const product *p, const float *x, const float *w,
                     float *packed, float *y)
{
    k->pack_transposed(packed, w, p->K, p->K, p->N);
    k->gemm(&(gemm){.M = p->M,
                    .N = p->N,
                    .K = p->K,
                    .a = x,
                    .lda = p->K,
                    .b = packed,
                    .b_packed = true,
                    .c = y,
                    .ldc = p->N});
}

static void measure(const kernels *k, const product *p, arena *a)
{
    arena_mark_t m = arena_mark(a);
    float *x = ARENA_NEW(a, float, p->M * p->K), *w = ARENA_NEW(a, float, p->N * p->K),
          *y = ARENA_NEW(a, float, p->M * p->N),
          *packed = ARENA_NEW(a, float, gemm_packed_size(p->K, p->N));
    rng r = rng_stream(1, RNG_TEST, 0);
    for (int i = 0; i < p->M * p->K; i++) x[i] = rng_float(&r);
    for (int i = 0; i < p->N * p->K; i++) w[i] = rng_float(&r);
    double flops = 2.0 * p->M * p->N * p->K, ours = INFINITY, theirs = INFINITY;
    int times = (int)(2e8 / flops) + 1;
    for (int round = 0; round < 8; round++) {
        double start = clock_cpu();
        for (int i = 0; i < times; i++) run_ours(k, p, x, w, packed, y);
        double middle = clock_cpu();
        for (int i = 0; i < times; i++)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, p->M, p->N, p->K, 1, x, p->K, w,
                        p->K, 0, y, p->N);
        ours = fmin(ours, (middle - start) / times);
        theirs = fmin(theirs, (clock_cpu() - middle) / times);
    }
    printf("%6d x %4d x %4d %8.0f %8.0f %7.2f  %s\n", p->M, p->N, p->K, flops / ours * 1e-9,
           flops / theirs * 1e-9, theirs / ours, p->what);
    arena_release(a, m);
}

int main(void)
{
    const kernels *k;
    err e = {0};
    if (kernel_choose(&k, &e) != OK) {
        fprintf(stderr, "bench_gemm: %s\n", e.msg);
        return 1;
    }
    openblas_set_num_threads(1);
    printf("GFLOP/s of ours (%s) and of OpenBLAS (%s)\n", k->name, openblas_get_corename());
    printf("%20s %8s %8s %7s\n", "M x N x K", "ours", "OpenBLAS", "ratio");
    arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) measure(k, &products[i], &a);
    arena_free(&a);
    return 0;
}
