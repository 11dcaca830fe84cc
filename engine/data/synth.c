/* State is advanced row by row. All transcendental functions are the float ones, whose results in
 * glibc do not depend on whether the processor has FMA; periods are counted in whole rows, so that
 * phases never drift. Amplitudes are those of Central European stations: 8.5 °C of yearly and 1 to
 * 6 °C of daily half-swing. */
#include "engine/data/synth.h"

#include "engine/base/rng.h"

#include <math.h>
#include <stdbool.h>

enum { DAY = 144, YEAR = 52596 /* 365.25 days */, MEAN_CALM = 3 * DAY };
enum { STREAM_FRONTS, STREAM_AIR, STREAM_SKY, STREAM_TEMPERATURE, STREAM_HUMIDITY, N_STREAMS };

static const float TURN = 6.28318530717958647692f;

typedef struct {
    rng random[N_STREAMS];
    int rows_to_front;
    /* A passing front moves the air mass and the clouds towards its own within `passage` rows. */
    float passage, air_target, dryness_target, cloud_target, rain;
    float air, dryness; /* °C off the season's mean; °C of dew point below the mean temperature */
    float cloud;        /* 0 clear .. 1 overcast */
    float warmth, noise_t,
        noise_h; /* autocorrelated: heat kept by the ground; the sensors' unrest */
} weather;

static float uniform(rng *r, float least, float most)
{
    return least + (most - least) * rng_float(r);
}

/* Draws the next front: two in three are cold (sudden, showers, then dry and clear), the others
 * warm (slow, rain, then moist and grey). */
static void meet_front(weather *w)
{
    rng *r = &w->random[STREAM_FRONTS];
    bool cold = rng_below(r, 3) < 2;
    w->passage = cold ? uniform(r, 6, 24) : uniform(r, 40, 120);
    w->air_target = cold ? uniform(r, -7, -1) : uniform(r, 1, 6);
    w->dryness_target = cold ? uniform(r, 3, 7) : uniform(r, 0.5f, 4);
    w->cloud_target = cold ? uniform(r, 0, 0.5f) : uniform(r, 0.5f, 1);
    w->rain = uniform(r, 0.4f, 1);
    float calm = -logf(1 - rng_float(r)) * (float)MEAN_CALM;
    w->rows_to_front = DAY / 2 + (int)fminf(calm, 20 * (float)MEAN_CALM);
}

static void start(weather *w, uint64_t seed)
{
    *w = (weather){0};
    for (int i = 0; i < N_STREAMS; i++) w->random[i] = rng_stream(seed, RNG_SYNTH, (uint64_t)i);
    meet_front(w);
    w->air = w->air_target;
    w->dryness = w->dryness_target;
    w->cloud = w->cloud_target;
    w->rain = 0;
}

static void advance(weather *w)
{
    if (w->rows_to_front-- == 0) meet_front(w);
    float pull = 1 / w->passage;
    w->air += (w->air_target - w->air) * pull + 0.03f * rng_normal(&w->random[STREAM_AIR]);
    w->dryness += (w->dryness_target - w->dryness) * pull;
    w->rain -= w->rain * pull * 0.5f;
    float sky = w->cloud_target + w->rain - w->cloud;
    w->cloud += sky * 0.08f + 0.03f * rng_normal(&w->random[STREAM_SKY]);
    w->cloud = fminf(fmaxf(w->cloud, 0), 1);
    w->noise_t += -0.15f * w->noise_t + 0.12f * rng_normal(&w->random[STREAM_TEMPERATURE]);
    w->noise_h += -0.3f * w->noise_h + 0.15f * rng_normal(&w->random[STREAM_HUMIDITY]);
}

/* Sunshine over the day, 0 at night: days are 8 hours in midwinter, 16 in midsummer. */
static float sunshine(int row, float season)
{
    float hour_angle = TURN * ((float)(row % DAY) / DAY - 0.5f);
    return fmaxf(cosf(hour_angle) + 0.5f * season, 0);
}

/* Vapour pressure over water in hPa (Magnus's formula with the constants of WMO-No. 8, annex 4.B).
 */
static float vapour_pressure(float celsius)
{
    return 6.112f * expf(17.62f * celsius / (243.12f + celsius));
}

static float rounded(float v, float steps)
{
    return rintf(v * steps) / steps;
}

void synth_climate(int rows, uint64_t seed, float *value)
{
    weather w;
    start(&w, seed);
    for (int row = 0; row < rows; row++) {
        advance(&w);
        float season = -cosf(TURN * (float)(row % YEAR) / YEAR); /* -1 on 1 January */
        float sun = sunshine(row, season) * (1 - 0.75f * w.cloud) * (0.65f + 0.35f * season);
        float loss = (0.12f + 0.012f * w.warmth) * (1 - 0.8f * w.cloud);
        w.warmth += 0.28f * sun - 0.35f * loss - 0.012f * w.warmth;
        float mean = 9 + 8.5f * season + w.air;
        float celsius = mean + w.warmth - 2 * w.rain + w.noise_t;
        float dew = mean - w.dryness * (1 - w.rain) - 1.5f + 0.35f * w.warmth + w.noise_h;
        float humidity = 100 * vapour_pressure(dew) / vapour_pressure(celsius);
        value[2 * row] = rounded(celsius, 100);
        value[2 * row + 1] = rounded(fminf(humidity, 100), 10);
    }
}
