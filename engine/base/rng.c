#include "engine/base/rng.h"

#include <math.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

rng rng_stream(uint64_t seed, rng_purpose purpose, uint64_t index)
{
    uint64_t s = mix(seed + 0x9e3779b97f4a7c15u);
    s = mix(s ^ mix((uint64_t)purpose * 0xd6e8feb86659fd93u + 1));
    s = mix(s ^ mix(index + 0xa0761d6478bd642fu));
    return (rng){s};
}

uint64_t rng_u64(rng *r)
{
    r->state += 0x9e3779b97f4a7c15u;
    return mix(r->state);
}

uint64_t rng_below(rng *r, uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, x; /* reject the uneven tail */
    do x = rng_u64(r);
    while (x >= limit);
    return x % n;
}

float rng_float(rng *r)
{
    return (float)(rng_u64(r) >> 40) * 0x1p-24f;
}

double rng_double(rng *r)
{
    return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

float rng_normal(rng *r)
{
    float u = 1.0f - rng_float(r), v = rng_float(r); /* u in (0,1]: the log is finite */
    return sqrtf(-2.0f * logf(u)) * cosf(6.28318530717958647692f * v);
}
