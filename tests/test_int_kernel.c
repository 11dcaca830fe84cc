/* Every set of int8 kernels that this machine has against the plainest loops. */
#include "engine/base/arena.h"
#include "engine/base/rng.h"
#include "engine/tflite/int_kernel.h"
#include "tests/support/random_net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { N_SEEDS = 60 };

static int pick(rng *r, int least, int most)
{
    return least + (int)rng_below(r, (uint64_t)(most - least + 1));
}

/* Every third time all at the end of the range, where narrow sums would wrap. */
static int8_t *random_bytes(rng *r, arena *a, int n, uint64_t seed)
{
    int8_t *p = ARENA_NEW(a, int8_t, n);
    for (int i = 0; i < n; i++) p[i] = seed % 3 ? (int8_t)rng_below(r, 256) : INT8_MIN;
    return p;
}

static int32_t *random_ints(rng *r, arena *a, int n)
{
    int32_t *p = ARENA_NEW(a, int32_t, n);
    for (int i = 0; i < n; i++) p[i] = (int32_t)(rng_u64(r) >> (32 + rng_below(r, 32)));
    return p;
}

static void check_products(const int_kernels *k, uint64_t seed)
{
    arena a;
    arena_init(&a, 0);
    rng r = rng_stream(seed, RNG_TEST, 1);
    const int M = pick(&r, 1, 30), N = pick(&r, 1, 150);
    const int K = seed % 7 ? pick(&r, 1, 90) : pick(&r, 500, 1500), ldx = K + pick(&r, 0, 9);
    const int8_t *w = random_bytes(&r, &a, N * K, seed),
                 *x = random_bytes(&r, &a, (M - 1) * ldx + K, seed);
    const int32_t *offset = seed % 5 ? random_ints(&r, &a, N) : NULL;
    int32_t *start = ARENA_NEW(&a, int32_t, INT_PITCH(N)),
            *acc = ARENA_NEW(&a, int32_t, M * INT_PITCH(N));
    void *packed = arena_take(&a, k->matrix_bytes(N, K), 1);
    k->pack_matrix(packed, start, w, offset, N, K);
    const int_matrix m = {N, K, start, packed};
    k->products(acc, x, ldx, &m, M);
    for (int i = 0; i < M; i++)
        for (int o = 0; o < N; o++) {
            int32_t sum = 0;
            for (int c = 0; c < K; c++) sum += x[i * ldx + c] * w[o * K + c];
            cr_assert_eq(acc[i * INT_PITCH(N) + o], wrapping_sum(sum, offset ? offset[o] : 0),
                         "%s seed %d: [%d,%d] of %d x %d x %d", k->name, (int)seed, i, o, M, N, K);
        }
    arena_free(&a);
}

/* The image is exactly as long as its taps say. */
static void check_taps(const int_kernels *k, uint64_t seed)
{
    enum { MOST = 32, MOST_STEP = 50 };
    arena a;
    arena_init(&a, 0);
    rng r = rng_stream(seed, RNG_TEST, 2);
    const int n = pick(&r, 1, 200), n_taps = pick(&r, 1, MOST), M = pick(&r, 1, 5),
              step = pick(&r, 0, MOST_STEP);
    ptrdiff_t offset[MOST] = {0}, most = 0;
    for (int t = 0; t < n_taps; t++) {
        offset[t] = pick(&r, 0, 300);
        most = offset[t] > most ? offset[t] : most;
    }
    const int8_t *w = random_bytes(&r, &a, n * n_taps, seed),
                 *x = random_bytes(&r, &a, (int)most + (M - 1) * step + n, seed);
    const int32_t *first = seed % 5 ? random_ints(&r, &a, n) : NULL;
    int32_t *start = ARENA_NEW(&a, int32_t, INT_PITCH(n)),
            *acc = ARENA_NEW(&a, int32_t, M * INT_PITCH(n));
    void *packed = arena_take(&a, k->taps_bytes(n, n_taps), 1);
    k->pack_taps(packed, start, w, first, n, n_taps);
    const int_taps m = {n, n_taps, offset, start, packed};
    k->taps(acc, x, step, &m, M);
    for (int i = 0; i < M * n; i++) {
        const int row = i / n, c = i % n;
        int32_t sum = 0;
        for (int t = 0; t < n_taps; t++) sum += x[row * step + offset[t] + c] * w[t * n + c];
        cr_assert_eq(acc[row * INT_PITCH(n) + c], wrapping_sum(sum, first ? first[c] : 0),
                     "%s seed %d: channel %d of %d, %d taps", k->name, (int)seed, c, n, n_taps);
    }
    arena_free(&a);
}

/* Factors from 2^-34 to 2^`most`, and the ends of what a file may say. */
static fixed_factor random_factor(rng *r, double most)
{
    if (rng_below(r, 16) == 0) return fixed_factor_of(most > 0 ? 1e12 : 0x1p-40);
    return fixed_factor_of(exp2((most + 34) * rng_double(r) - 34));
}

static void check_requantize(const int_kernels *k, uint64_t seed)
{
    arena a;
    arena_init(&a, 0);
    rng g = rng_stream(seed, RNG_TEST, 3);
    const int n = pick(&g, 1, 200);
    int32_t *acc = random_ints(&g, &a, INT_PITCH(n)),
            *multiplier = ARENA_NEW(&a, int32_t, INT_PITCH(n)),
            *left = ARENA_NEW(&a, int32_t, INT_PITCH(n)),
            *right = ARENA_NEW(&a, int32_t, INT_PITCH(n));
    int8_t *y = ARENA_NEW(&a, int8_t, n);
    requantizer q = {multiplier,       left,     right, pick(&g, -128, 127), pick(&g, -128, -1),
                     pick(&g, 0, 127), seed % 2, false};
    for (int i = 0; i < n; i++) {
        const fixed_factor f = random_factor(&g, seed % 4 < 2 ? 0 : 31);
        multiplier[i] = f.multiplier;
        left[i] = f.shift > 0 ? f.shift : 0;
        right[i] = f.shift < 0 ? -f.shift : 0;
        q.any_left |= left[i] > 0;
        if (i % 3) acc[i] = -acc[i];
        if (i % 17 == 0) acc[i] = i % 2 ? INT32_MIN : INT32_MAX;
    }
    k->requantize(y, acc, 1, n, &q);
    for (int i = 0; i < n; i++) {
        const fixed_factor f = {multiplier[i], left[i] - right[i]};
        const int32_t v = q.is_up ? fixed_multiply_up(acc[i], f) : fixed_multiply_away(acc[i], f);
        cr_assert_eq(y[i], clamp_int(v + q.zero, q.least, q.most), "%s seed %d: %d by %d, 2^%d",
                     k->name, (int)seed, acc[i], f.multiplier, f.shift);
    }
    arena_free(&a);
}

static void check_dequantize(const int_kernels *k, uint64_t seed)
{
    arena a;
    arena_init(&a, 0);
    rng r = rng_stream(seed, RNG_TEST, 4);
    const int n = pick(&r, 1, 200), zero = pick(&r, -128, 127);
    const int32_t *acc = random_ints(&r, &a, INT_PITCH(n));
    int32_t *sum = ARENA_NEW(&a, int32_t, INT_PITCH(n));
    for (int i = 0; i < n; i++) sum[i] = pick(&r, -9000, 9000);
    const float *scale = random_floats(&r, &a, INT_PITCH(n), 0.01F),
                *bias = random_floats(&r, &a, INT_PITCH(n), 1), scale_x = rng_float(&r);
    const dequantizer d = {sum, scale, bias, seed % 2 ? 0 : -INFINITY, seed % 3 ? INFINITY : 6};
    float *y = ARENA_NEW(&a, float, n);
    k->dequantize(y, acc, 1, n, &d, scale_x, zero);
    for (int i = 0; i < n; i++) {
        const float v = (float)wrapping_sum(acc[i], -zero * sum[i]), factor = scale_x * scale[i];
        const float product = v * factor, want = clamp_float(product + bias[i], d.least, d.most);
        cr_assert(memcmp(&want, &y[i], sizeof want) == 0, "%s seed %d: %a, not %a", k->name,
                  (int)seed, (double)y[i], (double)want);
    }
    arena_free(&a);
}

static void check_all_sets(void (*check)(const int_kernels *k, uint64_t seed))
{
    const int_kernels *k;
    for (int i = 0; (k = int_kernel_at(i)) != NULL; i++)
        for (uint64_t seed = 0; seed < N_SEEDS; seed++) check(k, seed);
}

Test(int_kernel, products_of_matrices_are_exact)
{
    check_all_sets(check_products);
}

Test(int_kernel, sums_over_taps_are_exact)
{
    check_all_sets(check_taps);
}

Test(int_kernel, requantized_values_are_those_of_the_single_function)
{
    check_all_sets(check_requantize);
}

Test(int_kernel, dequantized_values_have_the_documented_bits)
{
    check_all_sets(check_dequantize);
}
