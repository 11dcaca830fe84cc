#include "engine/base/rng.h"
#include "engine/base/half.h"
#include "engine/compress/quantize.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

Test(quantize, large_weights_are_clamped_but_infinity_can_be_converted)
{
    const float w[3] = {1e6F, -INFINITY, 65519.0F};
    uint16_t h[3];
    half_encode(h, w, 3);
    cr_expect_eq(h[0], 0x7bff);
    cr_expect_eq(h[1], 0xfbff);
    cr_expect_eq(h[2], 0x7bff);
    cr_expect_eq(half_round(65520.0F), 0x7c00);
    cr_expect_eq(half_round(-INFINITY), 0xfc00);
}

Test(quantize, int8_is_symmetric_and_within_half_a_step)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        float w[40];
        int8_t q[40];
        rng r = rng_stream(seed, RNG_TEST, 1);
        for (int i = 0; i < 40; i++) w[i] = rng_normal(&r);
        const float scale = int8_encode(q, w, 40);
        int most = 0;
        for (int i = 0; i < 40; i++) {
            most = abs(q[i]) > most ? abs(q[i]) : most;
            cr_expect_leq(fabs((double)w[i] - (double)scale * q[i]), 0.5001 * (double)scale);
        }
        cr_expect_eq(most, 127, "the largest weight uses the whole range");
    }
}

Test(quantize, ties_go_away_from_zero)
{
    const float w[4] = {127, 2.5F, -2.5F, 0.5F};
    int8_t q[4];
    cr_expect_eq(int8_encode(q, w, 4), 1.0F);
    cr_expect_eq(q[1], 3);
    cr_expect_eq(q[2], -3);
    cr_expect_eq(q[3], 1);
}

Test(quantize, rows_have_scales_of_their_own)
{
    const float w[6] = {1.27F, -0.01F, 0, 0, 254, 2};
    int8_t q[6];
    float scale[3];
    int8_encode_rows(q, scale, w, 3, 2);
    cr_expect_float_eq(scale[0], 0.01F, 1e-9F);
    cr_expect_eq(scale[1], 1.0F, "a row of zeros has scale 1");
    cr_expect_eq(scale[2], 2.0F);
    const int8_t want[6] = {127, -1, 0, 0, 127, 1};
    cr_expect_arr_eq(q, want, sizeof want);
}

Test(quantize, strange_weights_do_no_harm)
{
    const float w[3] = {NAN, 1, -1}, tiny[2] = {1e-45F, 0}, inf[2] = {INFINITY, 1};
    int8_t q[3];
    int8_encode(q, w, 3);
    cr_expect_eq(q[0], 0);
    cr_expect_eq(q[1], 127);
    cr_expect_eq(int8_encode(q, tiny, 2), 1.0F);
    cr_expect_eq(q[0], 0);
    const float scale = int8_encode(q, inf, 2);
    cr_expect(isfinite(scale));
}
