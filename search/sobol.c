#include "search/sobol.h"

#include "engine/base/rng.h"

enum { BITS = 32 };

/* A primitive polynomial (its degree and inner coefficients) and the first direction numbers. */
typedef struct {
    int degree;
    unsigned inner;
    uint32_t m[7];
} direction;

static const direction directions[SOBOL_DIMENSIONS] = {
    {0, 0, {0}}, /* the first dimension: van der Corput's */
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
};

static void fill_directions(int dimension, uint32_t v[BITS])
{
    const direction *d = &directions[dimension];
    for (int i = 0; i < BITS; i++) {
        if (dimension == 0 || i < d->degree) {
            v[i] = (dimension == 0 ? 1 : d->m[i]) << (BITS - 1 - i);
            continue;
        }
        v[i] = v[i - d->degree] ^ (v[i - d->degree] >> d->degree);
        for (int k = 1; k < d->degree; k++)
            if (d->inner >> (d->degree - 1 - k) & 1) v[i] ^= v[i - k];
    }
}

double sobol(uint64_t seed, uint32_t n, int dimension)
{
    rng shift = rng_stream(seed, RNG_SAMPLE, (uint64_t)dimension);
    if (dimension >= SOBOL_DIMENSIONS) {
        rng own = rng_stream(rng_u64(&shift), RNG_SAMPLE, n);
        return rng_double(&own);
    }
    uint32_t v[BITS], x = (uint32_t)(rng_u64(&shift) >> 32);
    fill_directions(dimension, v);
    for (int i = 0; i < BITS; i++)
        if (n >> i & 1) x ^= v[i];
    return x / 4294967296.0;
}
