/* Every instruction set of this machine against the naive kernels, or against double precision. */
#include "engine/base/arena.h"
#include "engine/base/rng.h"
#include "engine/nn/kernel.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"generic", "avx2", "avx512", "neon"};
enum { N_NAMES = 4 };

#define FOR_EACH_SET(k)                        \
    for (int set_ = 0; set_ < N_NAMES; set_++) \
        for (const kernels *k = kernel_find(names[set_]); k; k = NULL)

static void fill(float *v, int n, rng *r)
{
    for (int i = 0; i < n; i++) v[i] = 2 * rng_float(r) - 1;
}

typedef struct {
    arena a;
    gemm g;
    int guard; /* floats behind c that must survive */
} gemm_case;

static int between(rng *r, int least, int most)
{
    return least + (int)rng_below(r, (uint64_t)(most - least + 1));
}

/* A random product with random strides and options; c is filled with numbers. */
static void make_gemm(gemm_case *s, rng *r)
{
    arena_init(&s->a, 0);
    gemm *g = &s->g;
    bool big = rng_below(r, 8) == 0;
    *g = (gemm){.M = between(r, 1, big ? 150 : 20),
                .N = between(r, 1, big ? 150 : 40),
                .K = between(r, 0, big ? 150 : 20)};
    if (big && rng_below(r, 4) == 0) g->K = between(r, 500, 700); /* cut into blocks of rows */
    g->a_transposed = rng_below(r, 2);
    g->add = rng_below(r, 2);
    g->relu = rng_below(r, 2);
    bool thin = rng_below(r, 4) == 0; /* a weight gradient with few columns */
    if (thin) {
        g->M = between(r, 1, 150), g->N = between(r, 1, 8);
        g->a_transposed = g->add = true, g->relu = false;
    }
    g->lda = (g->a_transposed ? g->M : g->K) + (int)rng_below(r, 3);
    g->ldb = g->N + (int)rng_below(r, 3);
    g->ldc = g->N + (int)rng_below(r, 3);
    int na = (g->a_transposed ? g->K : g->M) * g->lda + 1, nb = g->K * g->ldb + 1;
    float *a = ARENA_NEW(&s->a, float, na), *b = ARENA_NEW(&s->a, float, nb);
    float *c = ARENA_NEW(&s->a, float, g->M * g->ldc), *bias = ARENA_NEW(&s->a, float, g->N);
    fill(a, na, r), fill(b, nb, r), fill(c, g->M * g->ldc, r), fill(bias, g->N, r);
    g->a = a, g->b = b, g->c = c;
    if (!thin && rng_below(r, 2)) g->bias = bias;
}

/* What c[m,n] must be, in double, and the sum of magnitudes that bounds its rounding. */
static double exact(const gemm *g, const float *c, int m, int n, double *size)
{
    double sum = 0;
    *size = 0;
    for (int k = 0; k < g->K; k++) {
        double p = (double)g->a[g->a_transposed ? k * g->lda + m : m * g->lda + k] *
                   (double)g->b[k * g->ldb + n];
        sum += p;
        *size += fabs(p);
    }
    if (g->add) sum += c[m * g->ldc + n], *size += fabs((double)c[m * g->ldc + n]);
    if (g->bias) sum += g->bias[n], *size += fabs((double)g->bias[n]);
    return g->relu && sum < 0 ? 0 : sum;
}

static void check_gemm(const kernels *k, gemm g, arena *a, unsigned long long seed)
{
    int n = g.M * g.ldc;
    float *before = g.c, *c = ARENA_NEW(a, float, n);
    memcpy(c, before, (size_t)n * sizeof *c);
    g.c = c;
    k->gemm(&g);
    for (int m = 0; m < g.M; m++) {
        for (int j = 0; j < g.N; j++) {
            double size, want = exact(&g, before, m, j, &size);
            double bound = (g.K + 3) * (double)FLT_EPSILON * size + 1e-30;
            cr_assert(fabs(c[m * g.ldc + j] - want) <= bound,
                      "%s seed %llu %dx%dx%d at %d,%d: %g, not %g", k->name, seed, g.M, g.N, g.K, m,
                      j, (double)c[m * g.ldc + j], want);
        }
        for (int j = g.N; j < g.ldc; j++)
            cr_assert(c[m * g.ldc + j] == before[m * g.ldc + j], "%s wrote beside c", k->name);
    }
}

Test(kernel, gemm_equals_the_exact_product)
{
    for (unsigned long long seed = 0; seed < 400; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 0);
        gemm_case s;
        make_gemm(&s, &r);
        check_gemm(&kernel_naive, s.g, &s.a, seed);
        FOR_EACH_SET(k) check_gemm(k, s.g, &s.a, seed);
        arena_free(&s.a);
    }
}

static void check_packed(const kernels *k, const gemm_case *s, bool transposed,
                         unsigned long long seed)
{
    gemm g = s->g, h = s->g;
    arena *a = (arena *)(uintptr_t)&s->a;
    int n = g.M * g.ldc;
    float *plain = ARENA_NEW(a, float, n), *packed_c = ARENA_NEW(a, float, n);
    float *packed = ARENA_NEW(a, float, gemm_packed_size(g.K, g.N)),
          *w = ARENA_NEW(a, float, g.N *(g.K + 1));
    for (int i = 0; i < g.K; i++)
        for (int j = 0; j < g.N; j++) w[j * (g.K + 1) + i] = g.b[i * g.ldb + j];
    memcpy(plain, g.c, (size_t)n * sizeof *plain);
    memcpy(packed_c, g.c, (size_t)n * sizeof *plain);
    if (transposed)
        k->pack_transposed(packed, w, g.K + 1, g.K, g.N);
    else
        k->pack(packed, g.b, g.ldb, g.K, g.N);
    g.c = plain, h.c = packed_c, h.b = packed, h.b_packed = true;
    k->gemm(&g);
    k->gemm(&h);
    cr_assert(memcmp(plain, packed_c, (size_t)n * sizeof *plain) == 0, "%s seed %llu %dx%dx%d",
              k->name, seed, g.M, g.N, g.K);
}

Test(kernel, packing_changes_no_bit)
{
    for (unsigned long long seed = 0; seed < 200; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 1);
        gemm_case s;
        make_gemm(&s, &r);
        for (int transposed = 0; transposed < 2; transposed++) {
            check_packed(&kernel_naive, &s, transposed, seed);
            FOR_EACH_SET(k) check_packed(k, &s, transposed, seed);
        }
        arena_free(&s.a);
    }
}

static void run_fetching(const kernels *k, gemm g, arena *a, unsigned long long seed)
{
    enum { SOON = 1000 };
    float *soon = ARENA_NEW(a, float, SOON), *want = ARENA_NEW(a, float, g.M *g.ldc),
          *got = ARENA_NEW(a, float, g.M *g.ldc);
    size_t bytes = (size_t)(g.M * g.ldc) * sizeof *got;
    memcpy(want, g.c, bytes), memcpy(got, g.c, bytes);
    g.c = want;
    k->gemm(&g);
    fetch_list f = {0};
    fetch_add(&f, soon, SOON - 3), fetch_add(&f, soon, 0), fetch_add(&f, soon + SOON - 3, 3);
    g.c = got, g.fetch = &f;
    k->gemm(&g);
    cr_assert(memcmp(got, want, bytes) == 0, "%s seed %llu", k->name, seed);
    for (int i = 0; i < f.n; i++)
        cr_assert(f.span[i].at >= soon && f.span[i].at + f.span[i].floats <= soon + SOON,
                  "%s seed %llu leaves the span", k->name, seed);
    bool plain = !(g.a_transposed && g.add && g.N <= 6); /* those with few columns fetch nothing */
    if (plain && g.K > 100 && g.K < SOON && g.M > 100)
        cr_assert(f.n == 0 || f.span[f.n - 1].floats < g.K, "%s seed %llu: %d spans left", k->name,
                  seed, f.n);
}

Test(kernel, fetching_ahead_changes_no_bit_and_comes_to_an_end)
{
    for (unsigned long long seed = 0; seed < 400; seed++) {
        gemm_case s;
        rng r = rng_stream(seed, RNG_TEST, 0);
        make_gemm(&s, &r);
        FOR_EACH_SET(k) run_fetching(k, s.g, &s.a, seed);
        arena_free(&s.a);
    }
}

Test(kernel, sets_with_fused_multiply_add_agree_bit_for_bit)
{
    const kernels *wide = kernel_find("avx512"), *narrow = kernel_find("avx2");
    if (!wide || !narrow) cr_skip_test("this machine has not both avx2 and avx512");
    for (unsigned long long seed = 0; seed < 100; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 2);
        gemm_case s;
        make_gemm(&s, &r);
        gemm g = s.g;
        int n = g.M * g.ldc;
        float *one = ARENA_NEW(&s.a, float, n), *two = ARENA_NEW(&s.a, float, n);
        memcpy(one, g.c, (size_t)n * sizeof *one), memcpy(two, g.c, (size_t)n * sizeof *two);
        g.c = one, wide->gemm(&g);
        g.c = two, narrow->gemm(&g);
        wide->activate(one, n, ACT_TANH), narrow->activate(two, n, ACT_TANH);
        wide->activate(one, n, ACT_SIGMOID), narrow->activate(two, n, ACT_SIGMOID);
        cr_assert(memcmp(one, two, (size_t)n * sizeof *one) == 0, "seed %llu", seed);
        arena_free(&s.a);
    }
}

Test(kernel, a_row_has_the_same_bits_alone_and_among_others)
{
    FOR_EACH_SET(k)
    {
        for (unsigned long long seed = 0; seed < 50; seed++) {
            rng r = rng_stream(seed, RNG_TEST, 3);
            gemm_case s;
            make_gemm(&s, &r);
            gemm g = s.g;
            int n = g.M * g.ldc, row = (int)rng_below(&r, (uint64_t)g.M);
            float *all = ARENA_NEW(&s.a, float, n), *alone = ARENA_NEW(&s.a, float, g.N);
            memcpy(all, g.c, (size_t)n * sizeof *all);
            memcpy(alone, g.c + row * g.ldc, (size_t)g.N * sizeof *alone);
            g.c = all, k->gemm(&g);
            g.c = alone, g.M = 1, g.a += g.a_transposed ? row : row * g.lda, k->gemm(&g);
            cr_assert(memcmp(all + row * g.ldc, alone, (size_t)g.N * sizeof *alone) == 0,
                      "%s seed %llu", k->name, seed);
            arena_free(&s.a);
        }
    }
}

/* Distance in units in the last place of the exact value (of the smallest normal number below). */
static double ulps(float got, double want)
{
    int exponent;
    frexp(want, &exponent);
    if (exponent < FLT_MIN_EXP) exponent = FLT_MIN_EXP;
    return fabs((double)got - want) / ldexp(1, exponent - FLT_MANT_DIG);
}

static double function(activation act, double x)
{
    if (act == ACT_TANH) return tanh(x);
    if (act == ACT_SIGMOID) return 1 / (1 + exp(-x));
    return x < 0 ? 0 : act == ACT_RELU6 ? fmin(x, 6) : x;
}

static double worst_ulps(const kernels *k, activation act, float *at)
{
    enum { N = 1003 };
    double worst = 0;
    rng r = rng_stream(7, RNG_TEST, 4);
    for (int round = 0; round < 200; round++) {
        float x[N], y[N];
        for (int i = 0; i < N; i++) { /* all magnitudes from 2^-20 to 2^6.4 */
            float size = exp2f(rng_float(&r) * 26.4f - 20);
            x[i] = rng_below(&r, 2) ? size : -size;
        }
        memcpy(y, x, sizeof y);
        k->activate(y, N, act);
        for (int i = 0; i < N; i++) {
            double u = ulps(y[i], function(act, x[i]));
            if (u > worst) worst = u, *at = x[i];
        }
    }
    return worst;
}

Test(kernel, activations_are_within_four_units_in_the_last_place)
{
    FOR_EACH_SET(k)
    {
        for (int act = ACT_RELU; act < N_ACTIVATIONS; act++) {
            float at = 0;
            double worst = worst_ulps(k, (activation)act, &at);
            cr_log_info("%s: function %d: %.2f ulp", k->name, act, worst);
            cr_expect(worst <= 4, "%s: function %d is off by %.1f ulp at %a", k->name, act, worst,
                      (double)at);
        }
    }
}

Test(kernel, activations_keep_nan_and_their_limits)
{
    FOR_EACH_SET(k)
    {
        for (int act = ACT_RELU; act < N_ACTIVATIONS; act++) {
            float y[5] = {NAN, INFINITY, -INFINITY, 0, 1e30f};
            k->activate(y, 5, (activation)act);
            cr_expect(isnan(y[0]), "%s: function %d loses a NaN", k->name, act);
            float most = act == ACT_RELU ? INFINITY : act == ACT_RELU6 ? 6 : 1;
            cr_expect(y[1] == most, "%s %d", k->name, act);
            cr_expect(fabsf(y[2] - (act == ACT_TANH ? -1 : 0)) < 1e-30f, "%s %d", k->name, act);
            cr_expect(y[3] == (act == ACT_SIGMOID ? 0.5f : 0), "%s %d", k->name, act);
        }
    }
}

static void expect_near(const char *who, const float *got, const float *want, int n, double bound)
{
    for (int i = 0; i < n; i++)
        cr_assert(fabs((double)got[i] - (double)want[i]) <= bound * (1 + fabs((double)want[i])),
                  "%s: [%d] is %.9g, not %.9g", who, i, (double)got[i], (double)want[i]);
}

enum { BLOCK = 40 * 40 };

Test(kernel, gradients_of_activations_equal_the_naive_ones)
{
    static float dy[2][BLOCK], y[BLOCK], db[2][40];
    FOR_EACH_SET(k)
    {
        for (unsigned long long seed = 0; seed < 60; seed++) {
            rng r = rng_stream(seed, RNG_TEST, 5);
            int rows = between(&r, 1, 40), cols = between(&r, 1, 40), n = rows * cols;
            activation act = (activation)rng_below(&r, N_ACTIVATIONS);
            fill(dy[0], n, &r), fill(y, n, &r), fill(db[0], cols, &r);
            memcpy(dy[1], dy[0], sizeof dy[1]), memcpy(db[1], db[0], sizeof db[1]);
            bool bias = rng_below(&r, 2);
            kernel_naive.activate_back(dy[0], y, act, rows, cols, bias ? db[0] : NULL);
            k->activate_back(dy[1], y, act, rows, cols, bias ? db[1] : NULL);
            expect_near(k->name, dy[1], dy[0], n, 1e-6);
            expect_near(k->name, db[1], db[0], cols, 1e-5);
        }
    }
}

typedef struct {
    float gates[BLOCK], c_before[BLOCK], c[BLOCK], tanh_c[BLOCK], h[BLOCK], dh[BLOCK], dc[BLOCK];
} cell_memory;

static lstm_cell cell_of(cell_memory *m, int B, int u)
{
    return (lstm_cell){.B = B,
                       .u = u,
                       .gates = m->gates,
                       .c_before = m->c_before,
                       .c = m->c,
                       .tanh_c = m->tanh_c,
                       .h = m->h,
                       .ldh = u + 1,
                       .dh = m->dh,
                       .dc = m->dc};
}

Test(kernel, lstm_cells_equal_the_naive_ones)
{
    static cell_memory one, two;
    FOR_EACH_SET(k)
    {
        for (unsigned long long seed = 0; seed < 60; seed++) {
            rng r = rng_stream(seed, RNG_TEST, 6);
            int B = between(&r, 1, 8), u = between(&r, 1, 40);
            fill((float *)&one, (int)(sizeof one / sizeof(float)), &r);
            two = one;
            lstm_cell a = cell_of(&one, B, u), b = cell_of(&two, B, u);
            kernel_naive.lstm_forward(&a), k->lstm_forward(&b);
            expect_near(k->name, (float *)&two, (float *)&one, (int)(sizeof one / sizeof(float)),
                        1e-6);
            kernel_naive.lstm_backward(&a), k->lstm_backward(&b);
            expect_near(k->name, (float *)&two, (float *)&one, (int)(sizeof one / sizeof(float)),
                        2e-6);
        }
    }
}

Test(kernel, optimizers_equal_the_naive_ones_and_clear_the_gradient)
{
    static float start[4][BLOCK], one[4][BLOCK], two[4][BLOCK];
    FOR_EACH_SET(k)
    {
        for (unsigned long long seed = 0; seed < 60; seed++) {
            rng r = rng_stream(seed, RNG_TEST, 7);
            int n = between(&r, 1, 100), kind = (int)rng_below(&r, 4);
            for (int i = 0; i < 4; i++) fill(start[i], BLOCK, &r);
            for (int i = 0; i < BLOCK; i++) start[3][i] = fabsf(start[3][i]);
            memcpy(one, start, sizeof one), memcpy(two, start, sizeof two);
            adam_step adam = {0.01f, 0.1f, 0.001f, 1e-7f};
            sgd_step sgd = {0.1f, 0.9f, kind == 2};
            if (kind == 0) {
                kernel_naive.adam(one[0], one[1], one[2], one[3], n, &adam);
                k->adam(two[0], two[1], two[2], two[3], n, &adam);
            } else {
                kernel_naive.sgd(one[0], one[1], kind == 3 ? NULL : one[2], n, &sgd);
                k->sgd(two[0], two[1], kind == 3 ? NULL : two[2], n, &sgd);
            }
            for (int i = 0; i < 4; i++) expect_near(k->name, two[i], one[i], BLOCK, 1e-6);
            for (int i = 0; i < n; i++) cr_assert(two[1][i] == 0, "%s keeps a gradient", k->name);
            cr_assert(two[0][n] == start[0][n] && two[1][n] == start[1][n], "%s runs on", k->name);
        }
    }
}

Test(kernel, masked_parameters_are_positive_zeros)
{
    FOR_EACH_SET(k)
    {
        float w[37];
        uint32_t keep[37];
        for (int i = 0; i < 37; i++) w[i] = -1 - (float)i, keep[i] = i % 3 ? UINT32_MAX : 0;
        k->mask(w, keep, 36);
        for (int i = 0; i < 37; i++) {
            float want = i % 3 || i == 36 ? -1 - (float)i : 0.0f;
            cr_expect(memcmp(&w[i], &want, sizeof want) == 0, "%s: [%d] is %g", k->name, i,
                      (double)w[i]);
        }
    }
}

Test(kernel, the_environment_overrides_the_choice)
{
    err e = {0};
    const kernels *k;
    setenv("PARETUNE_KERNELS", "generic", 1);
    cr_expect(kernel_choose(&k, &e) == OK && strcmp(k->name, "generic") == 0);
    setenv("PARETUNE_KERNELS", "abacus", 1);
    cr_expect(kernel_choose(&k, &e) == ERR_STATE);
    cr_expect(strstr(e.msg, "PARETUNE_KERNELS=abacus"), "%s", e.msg);
    unsetenv("PARETUNE_KERNELS");
    cr_expect(kernel_choose(&k, &e) == OK && k->lanes >= 4);
}
