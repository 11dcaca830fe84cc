/* Kernels of images: every instruction set against the naive twins. */
#include "engine/base/arena.h"
#include "engine/base/rng.h"
#include "engine/nn/kernel.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const char *const names[] = {"generic", "avx2", "avx512", "neon"};
enum { N_NAMES = 4 };

#define FOR_EACH_SET(k)                        \
    for (int set_ = 0; set_ < N_NAMES; set_++) \
        for (const kernels *k = kernel_find(names[set_]); k; k = NULL)

static int between(rng *r, int least, int most)
{
    return least + (int)rng_below(r, (uint64_t)(most - least + 1));
}

/* n random numbers, and 16 behind them that a kernel must not touch. */
static float *numbers(arena *a, int n, rng *r)
{
    float *v = ARENA_NEW(a, float, n + 16);
    for (int i = 0; i < n + 16; i++) v[i] = 2 * rng_float(r) - 1;
    return v;
}

static float *copy_of(arena *a, const float *v, int n)
{
    float *c = ARENA_NEW(a, float, n + 16);
    memcpy(c, v, (size_t)(n + 16) * sizeof *c);
    return c;
}

static void expect_near(const float *got, const float *want, int n, double bound, const char *set,
                        const char *what, unsigned long long seed)
{
    for (int i = 0; i < n; i++)
        cr_assert(fabs((double)got[i] - (double)want[i]) <= bound,
                  "%s %s seed %llu at %d: %g, not %g", set, what, seed, i, (double)got[i],
                  (double)want[i]);
    cr_assert(memcmp(got + n, want + n, 16 * sizeof *got) == 0, "%s %s seed %llu wrote behind", set,
              what, seed);
}

/* Every other case the common 3 x 3 with stride 1. */
static image_window random_window(rng *r, bool usual)
{
    image_window s = {.Kh = usual ? 3 : between(r, 1, 4), .Kw = usual ? 3 : between(r, 1, 4)};
    s.Sh = usual ? 1 : between(r, 1, 3), s.Sw = usual ? 1 : between(r, 1, 3);
    s.H = between(r, s.Kh, 9), s.W = between(r, s.Kw, 12);
    s.top = (int)rng_below(r, (uint64_t)s.Kh), s.left = (int)rng_below(r, (uint64_t)s.Kw);
    int bottom = (int)rng_below(r, (uint64_t)s.Kh), right = (int)rng_below(r, (uint64_t)s.Kw);
    s.Ho = (s.H + s.top + bottom - s.Kh) / s.Sh + 1;
    s.Wo = (s.W + s.left + right - s.Kw) / s.Sw + 1;
    return s;
}

Test(image_kernel, depthwise_equals_the_naive_one)
{
    for (unsigned long long seed = 0; seed < 300; seed++) {
        arena a;
        arena_init(&a, 0);
        rng r = rng_stream(seed, RNG_TEST, 0);
        image_window s = random_window(&r, seed % 2);
        int C = between(&r, 1, 70), nx = s.H * s.W * C, ny = s.Ho * s.Wo * C, nw = s.Kh * s.Kw * C;
        float *x = numbers(&a, nx, &r), *w = numbers(&a, nw, &r), *y = numbers(&a, ny, &r);
        float *bias = rng_below(&r, 2) ? numbers(&a, C, &r) : NULL;
        bool flipped = rng_below(&r, 2), relu = rng_below(&r, 2);
        float *want_y = copy_of(&a, y, ny), *want_x = copy_of(&a, x, nx),
              *want_w = copy_of(&a, w, nw);
        kernel_naive.depthwise(want_y, x, w, bias, flipped, relu, C, &s);
        kernel_naive.depthwise_dx(want_x, y, w, C, &s);
        kernel_naive.depthwise_dw(want_w, x, y, C, &s);
        FOR_EACH_SET(k)
        {
            float *got_y = copy_of(&a, y, ny), *got_x = copy_of(&a, x, nx),
                  *got_w = copy_of(&a, w, nw);
            k->depthwise(got_y, x, w, bias, flipped, relu, C, &s);
            k->depthwise_dx(got_x, y, w, C, &s);
            k->depthwise_dw(got_w, x, y, C, &s);
            expect_near(got_y, want_y, ny, 1e-5, k->name, "depthwise", seed);
            expect_near(got_x, want_x, nx, 1e-5, k->name, "depthwise_dx", seed);
            expect_near(got_w, want_w, nw, 5e-5, k->name, "depthwise_dw", seed);
        }
        arena_free(&a);
    }
}

Test(image_kernel, column_sums_equal_the_naive_ones)
{
    for (unsigned long long seed = 0; seed < 100; seed++) {
        arena a;
        arena_init(&a, 0);
        rng r = rng_stream(seed, RNG_TEST, 1);
        int rows = between(&r, 0, 40), cols = between(&r, 1, 150);
        float *x = numbers(&a, rows * cols, &r), *shift = numbers(&a, cols, &r);
        float *sum = numbers(&a, cols, &r), *square = numbers(&a, cols, &r);
        bool shifted = rng_below(&r, 2), squared = rng_below(&r, 2);
        float *want = copy_of(&a, sum, cols), *want_2 = copy_of(&a, square, cols);
        kernel_naive.column_sums(x, shifted ? shift : NULL, rows, cols, want,
                                 squared ? want_2 : NULL);
        FOR_EACH_SET(k)
        {
            float *got = copy_of(&a, sum, cols), *got_2 = copy_of(&a, square, cols);
            k->column_sums(x, shifted ? shift : NULL, rows, cols, got, squared ? got_2 : NULL);
            expect_near(got, want, cols, 2e-5, k->name, "sum", seed);
            expect_near(got_2, want_2, cols, 5e-5, k->name, "square", seed);
        }
        arena_free(&a);
    }
}

Test(image_kernel, batch_norm_equals_the_naive_one)
{
    static const activation acts[] = {ACT_NONE, ACT_RELU, ACT_RELU6};
    for (unsigned long long seed = 0; seed < 100; seed++) {
        arena a;
        arena_init(&a, 0);
        rng r = rng_stream(seed, RNG_TEST, 2);
        batch_norm s = {.rows = between(&r, 1, 30), .cols = between(&r, 1, 150)};
        int n = s.rows * s.cols;
        s.act = acts[seed % 3];
        float *scale = numbers(&a, s.cols, &r), *y = numbers(&a, n, &r);
        for (int c = 0; c < s.cols && seed % 2; c++) scale[c] *= 10; /* so that relu6 clips */
        s.x = numbers(&a, n, &r), s.shift = numbers(&a, s.cols, &r),
        s.mean = numbers(&a, s.cols, &r);
        s.pull = numbers(&a, s.cols, &r), s.level = numbers(&a, s.cols, &r), s.scale = scale;
        s.dy = numbers(&a, n, &r);
        float *sum = numbers(&a, s.cols, &r), *product = numbers(&a, s.cols, &r);
        batch_norm want[3] = {s, s, s};
        for (int i = 0; i < 3; i++) want[i].y = copy_of(&a, y, n);
        want[1].sum_g = copy_of(&a, sum, s.cols), want[1].sum_gx = copy_of(&a, product, s.cols);
        kernel_naive.batch_norm(&want[0]);
        kernel_naive.batch_norm_sums(&want[1]);
        kernel_naive.batch_norm_back(&want[2]);
        FOR_EACH_SET(k)
        {
            batch_norm got = s;
            got.y = copy_of(&a, y, n);
            k->batch_norm(&got);
            expect_near(got.y, want[0].y, n, 2e-6, k->name, "batch_norm", seed);
            got.sum_g = copy_of(&a, sum, s.cols), got.sum_gx = copy_of(&a, product, s.cols);
            k->batch_norm_sums(&got);
            expect_near(got.sum_g, want[1].sum_g, s.cols, 2e-5, k->name, "sum_g", seed);
            expect_near(got.sum_gx, want[1].sum_gx, s.cols, 4e-5, k->name, "sum_gx", seed);
            got.y = copy_of(&a, y, n);
            k->batch_norm_back(&got);
            expect_near(got.y, want[2].y, n, 1e-5, k->name, "batch_norm_back", seed);
        }
        arena_free(&a);
    }
}
