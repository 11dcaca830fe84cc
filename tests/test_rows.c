#include "engine/base/arena.h"
#include "engine/base/rng.h"
#include "engine/tflite/memory_plan.h"
#include "engine/tflite/rows.h"
#include "tests/support/random_net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { MOST_ROWS = 20, MOST = 200 };

/* The documented order: eight lanes, then their tree. */
static float lane_sum(const float *x, const float *w, int n)
{
    float lane[8] = {0};
    for (int i = 0; i < n; i++) {
        const float product = x[i] * w[i];
        lane[i % 8] += product;
    }
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

Test(rows, float_sums_have_the_documented_bits)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        arena a;
        arena_init(&a, 0);
        rng r = rng_stream(seed, RNG_TEST, 0);
        const int n_rows = 1 + (int)rng_below(&r, MOST_ROWS), n = 1 + (int)rng_below(&r, MOST);
        const float *x = random_floats(&r, &a, n, 1), *w = random_floats(&r, &a, n * n_rows, 1);
        float y[MOST_ROWS], before[MOST_ROWS];
        for (int o = 0; o < n_rows; o++) y[o] = before[o] = rng_normal(&r);
        rows_float(y, x, w, n_rows, n);
        for (int o = 0; o < n_rows; o++) {
            const float want = before[o] + lane_sum(x, w + o * n, n);
            cr_expect(memcmp(&want, &y[o], sizeof want) == 0,
                      "seed %d row %d of %d, n %d: %a, not %a", (int)seed, o, n_rows, n,
                      (double)y[o], (double)want);
        }
        arena_free(&a);
    }
}

Test(rows, packed_sums_have_the_documented_bits)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        arena a;
        arena_init(&a, 0);
        rng r = rng_stream(seed, RNG_TEST, 6);
        const int N = 1 + (int)rng_below(&r, 200), n = 1 + (int)rng_below(&r, 90);
        const float *x = random_floats(&r, &a, n, 1), *w = random_floats(&r, &a, n * N, 1),
                    *bias = random_floats(&r, &a, ROWS_PITCH(N), 1);
        const float least = seed % 2 ? 0 : -INFINITY, most = seed % 3 ? INFINITY : 1;
        float *packed = ARENA_NEW(&a, float, n *ROWS_PITCH(N)), *y = ARENA_NEW(&a, float, N);
        rows_pack(packed, w, N, n);
        rows_matrix(y, x, packed, bias, N, n, least, most);
        for (int o = 0; o < N; o++) {
            float sum[2] = {0};
            for (int i = 0; i < n; i++) {
                const float product = w[o * n + i] * x[i];
                sum[i % 2] += product;
            }
            const float want = clamp_float(bias[o] + (sum[0] + sum[1]), least, most);
            cr_assert(memcmp(&want, &y[o], sizeof want) == 0, "seed %d output %d of %d: %a, not %a",
                      (int)seed, o, N, (double)y[o], (double)want);
        }
        arena_free(&a);
    }
}

Test(rows, taps_have_the_bits_of_plain_loops)
{
    enum { TAPS = 9, STEP = 7, M = 3 };
    for (uint64_t seed = 0; seed < 100; seed++) {
        arena a;
        arena_init(&a, 0);
        rng r = rng_stream(seed, RNG_TEST, 3);
        const int C = 1 + (int)rng_below(&r, 200), n = (int)rng_below(&r, TAPS + 1);
        ptrdiff_t offset[TAPS];
        for (int t = 0; t < TAPS; t++) offset[t] = (ptrdiff_t)rng_below(&r, 300);
        row_taps taps = {.C = C, .n_taps = n, .offset = offset};
        const float *x = random_floats(&r, &a, 300 + C + M * STEP, 1);
        taps.w = random_floats(&r, &a, TAPS * C, 1);
        taps.bias = seed % 5 ? random_floats(&r, &a, C, 1) : NULL;
        taps.least = seed % 2 ? 0 : -INFINITY;
        taps.most = seed % 3 ? INFINITY : 1;
        float *y = ARENA_NEW(&a, float, M *C);
        rows_taps(y, x, STEP, &taps, M);
        for (int i = 0; i < M * C; i++) {
            const int c = i % C;
            float sum = taps.bias ? taps.bias[c] : 0;
            for (int t = 0; t < n; t++) {
                const float product = x[i / C * STEP + offset[t] + c] * taps.w[t * C + c];
                sum += product;
            }
            const float want = clamp_float(sum, taps.least, taps.most);
            cr_assert(memcmp(&want, &y[i], sizeof want) == 0, "seed %d channel %d: %a, not %a",
                      (int)seed, c, (double)y[i], (double)want);
        }
        arena_free(&a);
    }
}

Test(rows, quantized_values_are_the_nearest_steps)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        arena a;
        int8_t q[MOST];
        arena_init(&a, 0);
        rng r = rng_stream(seed, RNG_TEST, 2);
        const int n = 1 + (int)rng_below(&r, MOST);
        const float *x = random_floats(&r, &a, n, 3);
        const bool symmetric = seed % 2;
        const row_quant rq =
            symmetric ? row_quantize_symmetric(q, x, n) : row_quantize_asymmetric(q, x, n);
        for (int i = 0; i < n; i++) {
            const double real = (double)rq.scale * (q[i] - rq.zero);
            /* Half a step; a whole one where a rounded zero point pushes the end out of range. */
            cr_expect_leq(fabs(real - (double)x[i]), (symmetric ? 0.501 : 1.01) * (double)rq.scale);
        }
        cr_expect(!symmetric || rq.zero == 0);
        arena_free(&a);
    }
}

Test(rows, nothing_but_zeros_has_scale_one)
{
    const float x[3] = {0, -0.0F, 0};
    int8_t q[3] = {9, 9, 9};
    cr_expect_eq(row_quantize_symmetric(q, x, 3).scale, 1.0F);
    cr_expect_eq(q[1], 0);
    cr_expect_eq(row_quantize_asymmetric(q, x, 3).zero, 0);
}

Test(rows, fixed_point_factors_multiply_like_real_ones)
{
    for (uint64_t seed = 0; seed < 2000; seed++) {
        rng r = rng_stream(seed, RNG_TEST, 3);
        const double m = exp(12 * rng_double(&r) - 10);
        const int32_t v = (int32_t)(rng_u64(&r) >> 44) - (1 << 19);
        const fixed_factor f = fixed_factor_of(m);
        cr_expect_leq(fabs((double)v * m - fixed_multiply_up(v, f)), 1.0);
        cr_expect_leq(fabs((double)v * m - fixed_multiply_away(v, f)), 1.0);
    }
    const fixed_factor quarter = fixed_factor_of(0.25);
    cr_expect_eq(fixed_multiply_up(6, quarter), 2);
    cr_expect_eq(fixed_multiply_up(-6, quarter), -1, "a tie below zero goes up");
    cr_expect_eq(fixed_multiply_away(-6, quarter), -2, "or away from zero");
    cr_expect_eq(fixed_multiply_up(INT32_MIN, fixed_factor_of(1e9)), -(1 << 30), "bounded");
}

Test(memory_plan, blocks_that_live_together_do_not_overlap)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        enum { N = 20 };
        memory_block b[N];
        arena a;
        size_t peak, most = 0, all = 0;
        arena_init(&a, 0);
        rng r = rng_stream(seed, RNG_TEST, 4);
        for (int i = 0; i < N; i++) {
            const int first = (int)rng_below(&r, 10);
            b[i] = (memory_block){rng_below(&r, 300), first, first + (int)rng_below(&r, 4), 0};
            all += (b[i].bytes + MEMORY_ALIGN - 1) / MEMORY_ALIGN * MEMORY_ALIGN;
        }
        cr_assert_eq(memory_plan(b, N, &a, &peak, NULL), OK);
        for (int i = 0; i < N; i++) {
            cr_expect_eq(b[i].offset % MEMORY_ALIGN, (size_t)0);
            cr_expect_leq(b[i].offset + b[i].bytes, peak);
            for (int k = 0; k < i; k++) {
                const bool together = b[i].first <= b[k].last && b[k].first <= b[i].last;
                const bool apart = b[i].offset + b[i].bytes <= b[k].offset ||
                                   b[k].offset + b[k].bytes <= b[i].offset;
                cr_expect(!together || apart || !b[i].bytes || !b[k].bytes, "seed %d: %d and %d",
                          (int)seed, i, k);
            }
        }
        for (int t = 0; t < 14; t++) { /* no plan can be lower than what lives at one time */
            size_t at_once = 0;
            for (int i = 0; i < N; i++)
                at_once += b[i].first <= t && t <= b[i].last ? b[i].bytes : 0;
            most = at_once > most ? at_once : most;
        }
        cr_expect_geq(peak, most);
        cr_expect_lt(peak, all);
        arena_free(&a);
    }
}

/* Each tensor of a chain lives until the next one is written. */
Test(memory_plan, a_chain_needs_no_more_than_its_widest_pair)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        enum { N = 20 };
        memory_block b[N];
        arena a;
        size_t peak, most = 0;
        arena_init(&a, 0);
        rng r = rng_stream(seed, RNG_TEST, 5);
        for (int i = 0; i < N; i++) {
            b[i] = (memory_block){MEMORY_ALIGN * (1 + rng_below(&r, 100)), i, i + 1, 0};
            const size_t pair = b[i].bytes + (i > 0 ? b[i - 1].bytes : 0);
            most = pair > most ? pair : most;
        }
        cr_assert_eq(memory_plan(b, N, &a, &peak, NULL), OK);
        cr_expect_eq(peak, most, "seed %d: %zu bytes, not %zu", (int)seed, peak, most);
        arena_free(&a);
    }
}
