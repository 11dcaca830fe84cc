/* The made-up climate: repeatable, bounded, and like weather in what a forecaster would notice. */
#include "engine/base/hash.h"
#include "engine/data/synth.h"
#include "tests/support/expect.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DAY = 144, ROWS = 52596 };

static float *make(int rows, uint64_t seed)
{
    float *v = malloc((size_t)rows * 2 * sizeof *v);
    synth_climate(rows, seed, v);
    return v;
}

static double mean(const float *v, int first, int n, int step)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)v[2 * (first + i * step)];
    return sum / n;
}

static double correlation(const float *x, const float *y, int n)
{
    double mx = mean(x, 0, n, 1), my = mean(y, 0, n, 1), xy = 0, xx = 0, yy = 0;
    for (int i = 0; i < n; i++) {
        double dx = (double)x[2 * i] - mx, dy = (double)y[2 * i] - my;
        xy += dx * dy;
        xx += dx * dx;
        yy += dy * dy;
    }
    return xy / sqrt(xx * yy);
}

Test(synth, same_seed_same_rows_and_a_longer_series_begins_alike)
{
    float *v = make(1000, 7), *again = make(1000, 7), *longer = make(1500, 7),
          *other = make(1000, 8);
    size_t bytes = 1000 * 2 * sizeof *v;
    cr_expect(memcmp(v, again, bytes) == 0);
    cr_expect(memcmp(v, longer, bytes) == 0);
    cr_expect(memcmp(v, other, bytes) != 0);
    free(v), free(again), free(longer), free(other);
}

Test(synth, values_are_possible_weather)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        float *v = make(ROWS, seed);
        float low = 100, high = -100, dry = 100;
        int saturated = 0;
        for (int i = 0; i < ROWS; i++) {
            low = fminf(low, v[2 * i]);
            high = fmaxf(high, v[2 * i]);
            dry = fminf(dry, v[2 * i + 1]);
            cr_assert(v[2 * i + 1] > 0 && v[2 * i + 1] <= 100, "seed %d row %d", (int)seed, i);
            saturated += v[2 * i + 1] >= 97;
        }
        cr_expect(low > -30 && low < 0, "seed %d: coldest %g", (int)seed, (double)low);
        cr_expect(high > 20 && high < 45, "seed %d: hottest %g", (int)seed, (double)high);
        cr_expect(dry > 10 && dry < 50, "seed %d: driest %g", (int)seed, (double)dry);
        cr_expect(saturated > ROWS / 100 && saturated < ROWS / 4, "seed %d: %d rows of fog",
                  (int)seed, saturated);
        free(v);
    }
}

Test(synth, summers_and_afternoons_are_warm_and_dry)
{
    float *v = make(ROWS, 1);
    double winter = mean(v, 0, 30 * DAY, 1), summer = mean(v, ROWS / 2 - 15 * DAY, 30 * DAY, 1);
    double night = mean(v, 182 * DAY + 4 * DAY / 24, 60, DAY);
    double afternoon = mean(v, 182 * DAY + 15 * DAY / 24, 60, DAY);
    cr_expect(summer - winter > 18 && summer - winter < 30, "%g and %g", winter, summer);
    cr_expect(afternoon - night > 4 && afternoon - night < 16, "%g and %g", night, afternoon);
    double r = correlation(v + 2 * (ROWS / 3), v + 2 * (ROWS / 3) + 1, 60 * DAY);
    cr_expect(r < -0.4, "correlation of temperature and humidity %g", r);
    free(v);
}

Test(synth, fronts_drop_the_temperature_within_hours)
{
    float *v = make(ROWS, 1);
    int drops = 0;
    for (int i = 0; i + 12 < ROWS; i++) {
        if (v[2 * i] - v[2 * (i + 12)] < 5) continue;
        drops++;
        i += DAY;
    }
    cr_expect(drops > 5 && drops < 120, "%d drops of 5 °C in two hours in a year", drops);
    free(v);
}
