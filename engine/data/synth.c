/* State is advanced row by row. All transcendental functions are the float ones, whose results in
 * glibc do not depend on whether the processor has FMA; periods are counted in whole rows, so that
 * phases never drift. Amplitudes are those of Central European stations: 8.5 °C of yearly and 1 to
 * 6 °C of daily half-swing. */
#include "engine/data/synth.h"

#include "engine/base/rng.h"

#include <math.h>
#include <stdbool.h>

enum { DAY = 144, YEAR = 52596 /* 365.25 days */, MEAN_CALM = 2 * DAY };
enum { STREAM_FRONTS, STREAM_AIR, STREAM_SKY, STREAM_TEMPERATURE, STREAM_HUMIDITY, N_STREAMS };

static const float TURN = 6.28318530717958647692f;

typedef struct {
    rng random[N_STREAMS];
    int rows_to_front;
    /* A front moves the air over the station towards its own within `passage` rows. */
    float passage, air_target, dryness_target, cloud_target, rain;
    float air;     /* °C off the season's mean */
    float dryness; /* °C from the dew point to the air's mean temperature */
    float cloud;   /* 0 clear .. 1 overcast, beyond for thick or thin */
    float warmth;  /* °C that the ground has gathered from the sun, or lost to the sky */
    float drift;   /* slow wandering of the air mass, °C */
    float gust, unrest_t, unrest_d; /* minutes to an hour: turbulence and what it makes of both */
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
    w->air_target = cold ? uniform(r, -7, 1) : uniform(r, 0, 6);
    w->dryness_target = cold ? uniform(r, 2, 6) : uniform(r, 1, 5);
    w->cloud_target = cold ? uniform(r, -0.2f, 0.6f) : uniform(r, 0.3f, 1);
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

static float draw(weather *w, int stream, float deviation)
{
    return deviation * rng_normal(&w->random[stream]);
}

static void advance(weather *w)
{
    if (w->rows_to_front-- == 0) meet_front(w);
    float pull = 1 / w->passage;
    w->air += (w->air_target - w->air) * pull;
    w->dryness += (w->dryness_target - w->dryness) * pull;
    w->rain -= w->rain * pull * 0.4f;
    w->cloud += (w->cloud_target + w->rain - w->cloud) * 0.03f + draw(w, STREAM_SKY, 0.09f);
    w->drift += -0.004f * w->drift + draw(w, STREAM_AIR, 0.12f);
    w->gust += -0.25f * w->gust + draw(w, STREAM_TEMPERATURE, 0.06f);
    w->unrest_t += -0.12f * w->unrest_t + w->gust;
    w->unrest_d += -0.08f * w->unrest_d + draw(w, STREAM_HUMIDITY, 0.14f) - 0.3f * w->gust;
}

/* Warming by day, cooling by night; both less under clouds. The ground forgets within half a day.
 */
static void warm_ground(weather *w, float sun, float season)
{
    float cover = fminf(fmaxf(w->cloud, 0), 1);
    float gain = (0.5f + 0.1f * season) * sun * (1 - 0.8f * cover);
    float loss = 0.14f * (1 - 0.8f * cover);
    w->warmth += gain - loss - 0.014f * w->warmth;
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

/* x where it is large, a little above 0 where it is negative: air gives off the water that it
 * cannot hold, and so comes near saturation without passing it. */
static float above_zero(float x)
{
    return 0.5f * (x + sqrtf(x * x + 1));
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
        float season = -cosf(TURN * (float)(row % YEAR) / YEAR); /* -1 on 1 January */
        advance(&w);
        warm_ground(&w, sunshine(row, season), season);
        float celsius = 8 + 8.5f * season + w.air + w.drift + w.warmth - 1.5f * w.rain + w.unrest_t;
        float spread =
            1 + w.dryness * (1 - w.rain) + 0.75f * w.warmth + 1.2f * w.unrest_t - w.unrest_d;
        float dew = celsius - above_zero(spread);
        float humidity = 100 * vapour_pressure(dew) / vapour_pressure(celsius);
        value[2 * row] = rounded(celsius, 100);
        value[2 * row + 1] = rounded(humidity, 10);
    }
}
