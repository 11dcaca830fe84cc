#include "engine/base/half.h"
#include "engine/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* The value of a half from its fields. */
static double value_of(uint16_t h)
{
    int sign = h >> 15, exponent = h >> 10 & 31, fraction = h & 1023;
    double v = exponent == 31 ? (fraction ? NAN : INFINITY)
               : exponent     ? ldexp(1024 + fraction, exponent - 25)
                              : ldexp(fraction, -24);
    return sign ? -v : v;
}

Test(half, every_value_widens_exactly_and_rounds_to_itself)
{
    for (uint32_t h = 0; h < 65536; h++) {
        double want = value_of((uint16_t)h), got = (double)half_widen((uint16_t)h);
        if (isnan(want)) {
            cr_assert(isnan(got), "%04x", h);
            cr_assert(isnan(half_widen(half_round((float)got))), "%04x", h);
        } else {
            cr_assert(got == want && signbit(got) == signbit(want), "%04x is %g, not %g", h, got,
                      want);
            cr_assert_eq(half_round((float)got), h);
        }
    }
}

static float from_bits(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* The nearest half, found among all: the smallest distance, on a tie the even one. */
static uint16_t nearest_half(float v)
{
    uint16_t best = 0;
    for (uint32_t h = 0; h < 0x7c00; h++) {
        const double d = fabs((double)half_widen((uint16_t)h) - fabs((double)v));
        const double least = fabs((double)half_widen(best) - fabs((double)v));
        if (d < least || (d == least && h % 2 == 0)) best = (uint16_t)h;
    }
    return (uint16_t)(best | (signbit(v) ? 0x8000 : 0));
}

Test(half, rounding_goes_to_the_nearest_half)
{
    rng r = rng_stream(1, RNG_TEST, 0);
    for (int i = 0; i < 300; i++) {
        /* Any sign and significand, exponents from below the subnormals to just below the top. */
        const uint32_t exponent = 100 + (uint32_t)rng_below(&r, 42);
        const float v = from_bits(((uint32_t)rng_u64(&r) & 0x807fffff) | exponent << 23);
        cr_assert_eq(half_round(v), nearest_half(v), "%a", (double)v);
    }
}

Test(half, midpoints_go_to_the_even_neighbour)
{
    for (uint32_t h = 0; h < 0x7bff; h++) {
        double low = value_of((uint16_t)h), high = value_of((uint16_t)(h + 1)),
               mid = 0.5 * (low + high);
        uint16_t even = (uint16_t)(h % 2 ? h + 1 : h);
        cr_assert_eq(half_round((float)mid), even, "midpoint above %04x", h);
        cr_assert_eq(half_round(nextafterf((float)mid, 0)), h);
        cr_assert_eq(half_round(nextafterf((float)-mid, -1e9f)), 0x8000 | (h + 1));
    }
}

Test(half, the_ends_of_the_range)
{
    cr_expect_eq(half_round(65504.0f), 0x7bff);
    cr_expect_eq(half_round(65519.99f), 0x7bff);
    cr_expect_eq(half_round(65520.0f), 0x7c00);
    cr_expect_eq(half_round(-1e38f), 0xfc00);
    cr_expect_eq(half_round(INFINITY), 0x7c00);
    cr_expect_eq(half_round(0x1p-25f), 0);
    cr_expect_eq(half_round(0x1.8p-25f), 1);
}
