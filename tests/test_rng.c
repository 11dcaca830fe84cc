/* The streams: fixed for ever (artifacts depend on them), even, and independent of one another. */
#include "engine/base/rng.h"
#include "tests/support/expect.h"

#include <criterion/new/assert.h>

#include <math.h>

Test(rng, the_generator_is_splitmix64)
{
    /* The published first outputs of SplitMix64 from state 1234567. */
    static const uint64_t want[] = {6457827717110365317u, 3203168211198807973u,
                                    9817491932198370423u, 4593380528125082431u,
                                    16408922859458223821u};
    rng r = {1234567};
    for (int i = 0; i < 5; i++) cr_expect(eq(u64, rng_u64(&r), want[i]));
}

Test(rng, streams_never_change)
{
    /* Computed apart from this code, in Python's integers, from the formulas of rng.c. */
    rng r = rng_stream(1, RNG_INIT, 0);
    cr_expect(eq(u64, rng_u64(&r), 11590361515627425646u));
    r = rng_stream(42, RNG_SHUFFLE, 7);
    cr_expect(eq(u64, rng_u64(&r), 12782376063588647215u));
    r = rng_stream(1, RNG_SYNTH, 2);
    cr_expect(eq(flt, rng_normal(&r), -0.139555857f));
}

Test(rng, streams_of_different_names_differ)
{
    enum { N = 4096 };
    static uint64_t first[N];
    int n = 0;
    for (uint64_t seed = 0; seed < 16; seed++)
        for (int purpose = RNG_INIT; purpose <= RNG_TEST; purpose++)
            for (uint64_t index = 0; index < 16; index++)
                first[n++] = rng_stream(seed, (rng_purpose)purpose, index).state;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) cr_assert(first[i] != first[j], "streams %d and %d", i, j);
}

/* Pearson's statistic of `n` draws into `bins` equally likely bins. */
static double chi_square(const int *count, int bins, int n)
{
    double sum = 0, expected = (double)n / bins;
    for (int i = 0; i < bins; i++) sum += (count[i] - expected) * (count[i] - expected) / expected;
    return sum;
}

/* 99.99 % of chi-square variables with k degrees of freedom lie below (Wilson and Hilferty). */
static double chi_square_limit(int k)
{
    double a = 2.0 / (9.0 * k), z = 3.719;
    return k * pow(1 - a + z * sqrt(a), 3);
}

Test(rng, draws_below_n_are_even)
{
    static const uint64_t sizes[] = {2, 3, 7, 10, 64, 100};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int count[100] = {0}, bins = (int)sizes[s], n = 1000 * bins;
        rng r = rng_stream(s, RNG_TEST, 1);
        for (int i = 0; i < n; i++) {
            uint64_t x = rng_below(&r, sizes[s]);
            cr_assert(x < sizes[s]);
            count[x]++;
        }
        double got = chi_square(count, bins, n);
        cr_expect(got < chi_square_limit(bins - 1), "%d bins: %g", bins, got);
    }
    rng r = {0};
    cr_expect(eq(u64, rng_below(&r, 1), 0));
    cr_expect(rng_below(&r, UINT64_MAX) < UINT64_MAX);
}

Test(rng, a_large_range_is_not_biased_to_its_lower_half)
{
    rng r = rng_stream(3, RNG_TEST, 0);
    uint64_t n = UINT64_MAX / 3 * 2; /* a plain remainder would hit the lower half twice as often */
    int low = 0;
    for (int i = 0; i < 30000; i++) low += rng_below(&r, n) < n / 2;
    cr_expect(abs(low - 15000) < 5 * 87, "%d of 30000 in the lower half", low);
}

Test(rng, fractions_are_even_in_the_unit_interval)
{
    enum { BINS = 64, N = 64000 };
    int single[BINS] = {0}, twice[BINS] = {0};
    rng r = rng_stream(9, RNG_TEST, 0);
    for (int i = 0; i < N; i++) {
        float f = rng_float(&r);
        double d = rng_double(&r);
        cr_assert(f >= 0 && f < 1 && d >= 0 && d < 1);
        single[(int)(f * BINS)]++;
        twice[(int)(d * BINS)]++;
    }
    cr_expect(chi_square(single, BINS, N) < chi_square_limit(BINS - 1));
    cr_expect(chi_square(twice, BINS, N) < chi_square_limit(BINS - 1));
}

Test(rng, normals_have_the_moments_of_the_normal_law)
{
    enum { N = 400000 };
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    rng r = rng_stream(11, RNG_TEST, 0);
    for (int i = 0; i < N; i++) {
        double x = (double)rng_normal(&r);
        cr_assert(isfinite(x));
        m1 += x;
        m2 += x * x;
        m3 += x * x * x;
        m4 += x * x * x * x;
    }
    double five = 5 / sqrt(N); /* five standard deviations of each mean */
    cr_expect(fabs(m1 / N) < five, "mean %g", m1 / N);
    cr_expect(fabs(m2 / N - 1) < five * sqrt(2), "variance %g", m2 / N);
    cr_expect(fabs(m3 / N) < five * sqrt(15), "third moment %g", m3 / N);
    cr_expect(fabs(m4 / N - 3) < five * sqrt(96), "fourth moment %g", m4 / N);
}

Test(rng, neighbouring_streams_are_uncorrelated)
{
    enum { N = 20000 };
    for (uint64_t index = 0; index < 8; index++) {
        rng x = rng_stream(5, RNG_SHUFFLE, index), y = rng_stream(5, RNG_SHUFFLE, index + 1);
        double xy = 0;
        for (int i = 0; i < N; i++) xy += (rng_double(&x) - 0.5) * (rng_double(&y) - 0.5) * 12;
        cr_expect(fabs(xy / N) < 4.5 / sqrt(N), "streams %d: %g", (int)index, xy / N);
    }
}
