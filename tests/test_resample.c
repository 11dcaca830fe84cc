#include "engine/signal/resample.h"

#include <criterion/criterion.h>
#include <math.h>

#include "tests/support/test_clip.h"

static arena memory;

static void start(void)
{
    arena_init(&memory, 0);
}

static void end(void)
{
    arena_free(&memory);
}

TestSuite(resample, .init = start, .fini = end);

static resampler plan_of(int rate_in, int rate_out, int n)
{
    resampler r;
    err e = {0};
    cr_assert(resample_plan(&r, rate_in, rate_out, n, &memory, &e) == OK, "%s", e.msg);
    return r;
}

Test(resample, halving_the_test_clip_equals_the_golden_values)
{
    static const struct {
        int at;
        double want;
    } rows[] = {{0, .011614},    {1, .032463},     {5, .154231},
                {100, -.249603}, {4000, -.008756}, {7999, -.099985}};
    resampler r = plan_of(16000, 8000, 16000);
    cr_assert_eq(r.n_out, 8000);
    float *y = ARENA_NEW(&memory, float, 8000);
    double sum = 0, squares = 0;
    resample_run(&r, y, test_clip(&memory));
    for (int i = 0; i < 8000; i++) {
        sum += (double)y[i];
        squares += (double)y[i] * (double)y[i];
    }
    for (int i = 0; i < 6; i++)
        cr_expect(fabs((double)y[rows[i].at] - rows[i].want) < 1e-4 * fabs(rows[i].want) + 5e-7,
                  "y[%d] = %.8g", rows[i].at, (double)y[rows[i].at]);
    cr_expect(fabs(sum + .941153) < 1e-4, "sum %.8g", sum);
    cr_expect(fabs(squares - 239.082027) < 1e-4 * 239, "squares %.8g", squares);
}

typedef struct {
    int offset;
    double want;
} tap_row;

static void expect_taps(int d, const tap_row *rows, int n, double tolerance)
{
    resampler r = plan_of(d * 8000, 8000, 100);
    cr_assert_eq(r.n_taps, 20 * d + 1);
    for (int i = 0; i < n; i++) {
        float left = r.tap[10 * d - rows[i].offset], right = r.tap[10 * d + rows[i].offset];
        cr_expect(fabs((double)left - rows[i].want) < tolerance, "1/%d, tap %d: %.10g, not %.10g",
                  d, rows[i].offset, (double)left, rows[i].want);
        cr_expect(left == right, "1/%d, taps %d and %d differ", d, -rows[i].offset, rows[i].offset);
    }
    for (int k = d; k <= 10 * d; k += d) cr_expect(r.tap[10 * d + k] == 0, "1/%d, tap %d", d, k);
}

Test(resample, taps_equal_the_golden_values)
{
    static const tap_row half[] = {{0, .5002587353},    {1, .3167003457},    {3, -.1009301974},
                                   {5, .05528828391},   {7, -.03434017988},  {9, .02202312057},
                                   {11, -.01398997324}, {13, .008556559002}, {15, -.004894834339},
                                   {17, .002508966812}, {19, -.001051458773}};
    static const tap_row third[] = {{0, .33353539},     {1, .27514772},      {2, .13655222},
                                    {4, -.066263239},   {5, -.051828092},    {7, .034841339},
                                    {8, .029341038},    {10, -.02138583},    {11, -.018398488},
                                    {13, .01369067},    {14, .011807636},    {16, -.0087291131},
                                    {17, -.0074672886}, {19, .0053827471},   {20, .0045264227},
                                    {22, -.0031211659}, {23, -.0025516902},  {25, .0016363258},
                                    {26, .0012758309},  {28, -.00071716151}, {29, -.00050757581}};
    static const tap_row sixth[] = {{0, .16677634}, {1, .1591609}};
    expect_taps(2, half, 11, 2e-8); /* taps are kept in float */
    expect_taps(3, third, 21, 2e-8);
    expect_taps(6, sixth, 2, 2e-8);
}

Test(resample, zero_taps_cost_nothing)
{
    cr_expect_eq(plan_of(16000, 8000, 16000).macs, 8000.0 * 21);
    cr_expect_eq(plan_of(48000, 16000, 48000).macs, 16000.0 * 41);
}

Test(resample, every_ratio_agrees_with_the_formula)
{
    static const int rates[][2] = {{2, 1},     {3, 1}, {6, 1}, {1, 2}, {1, 3}, {441, 160},
                                   {160, 441}, {3, 2}, {2, 3}, {7, 5}, {1, 1}, {11025, 8000}};
    static const int lengths[] = {1, 2, 3, 7, 50, 1023, 3001};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        for (size_t j = 0; j < sizeof lengths / sizeof *lengths; j++) {
            resampler r = plan_of(rates[i][0], rates[i][1], lengths[j]);
            float *y = ARENA_NEW(&memory, float, r.n_out);
            double *want = ARENA_NEW(&memory, double, r.n_out), worst = 0;
            const float *x = test_clip(&memory);
            for (int twice = 0; twice < 2; twice++)
                resample_run(&r, y, x); /* work space is left clean */
            resample_naive(&r, want, x);
            for (int k = 0; k < r.n_out; k++) worst = fmax(worst, fabs((double)y[k] - want[k]));
            cr_expect(worst < 1e-6, "%d to %d, %d samples: %.3g", rates[i][0], rates[i][1],
                      lengths[j], worst);
            cr_expect_eq(r.n_out, (lengths[j] * r.up + r.down - 1) / r.down);
        }
    }
}

Test(resample, a_constant_stays_a_constant_away_from_the_edges)
{
    resampler r = plan_of(44100, 16000, 44100);
    float *x = ARENA_NEW(&memory, float, 44100), *y = ARENA_NEW(&memory, float, r.n_out);
    for (int i = 0; i < 44100; i++) x[i] = 0.25f;
    resample_run(&r, y, x);
    for (int i = 200; i < r.n_out - 200; i++)
        cr_assert(fabsf(y[i] - 0.25f) < 1e-4f, "y[%d] = %g", i, (double)y[i]);
}

Test(resample, odd_ratios_and_lengths_are_refused)
{
    resampler r;
    err e = {0}, f = {0};
    cr_expect_eq(resample_plan(&r, 44099, 16001, 10, &memory, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg,
                     "44099 Hz to 16001 Hz is the ratio 16001/44099, whose terms are over 16384; "
                     "convert the recordings to a usual rate first");
    cr_expect_eq(resample_plan(&r, 16000, 0, 10, &memory, &f), ERR_ARG);
    cr_expect_eq(resample_plan(&r, 16000, 8000, 0, &memory, &f), ERR_ARG);
}
