/* Keyed random streams.
 *
 * A stream is named by (seed, purpose, index): the weights of layer 3, the batch order of epoch 7.
 * It never depends on what was drawn elsewhere, so a shared prefix of a training is the same prefix
 * and any worker gives the same bits. The generator is SplitMix64 (Steele, Lea & Flood, OOPSLA 2014)
 * started at a hash of the name; its output passes BigCrush and needs eight bytes of state. */
#ifndef PARETUNE_ENGINE_BASE_RNG_H
#define PARETUNE_ENGINE_BASE_RNG_H

#include <stdint.h>

typedef enum {
    RNG_INIT = 1, /* initial weights; index = tensor */
    RNG_SHUFFLE,  /* order of batches; index = epoch */
    RNG_DROPOUT,
    RNG_AUGMENT,
    RNG_SPLIT,   /* data splits */
    RNG_SYNTH,   /* synthetic data; index = component */
    RNG_SAMPLE,  /* samplers; index = trial */
    RNG_TEST,    /* tests and benchmarks */
    RNG_CLUSTER, /* first centroids; index = tensor */
    RNG_AUDIT,   /* which candidates are finished though a rule would stop them; index = trial */
    RNG_BRACKET  /* which bracket of Hyperband a trial belongs to; index = trial */
} rng_purpose;

typedef struct {
    uint64_t state;
} rng;

rng rng_stream(uint64_t seed, rng_purpose purpose, uint64_t index);
uint64_t rng_u64(rng *r);
/* 0 .. n-1 without bias (n > 0). */
uint64_t rng_below(rng *r, uint64_t n);
/* [0,1) with 24 random bits: the same float on every machine. */
float rng_float(rng *r);
/* [0,1) with 53 random bits. */
double rng_double(rng *r);
/* Standard normal by Box and Muller in float functions, which give the same bits with and without
 * FMA in glibc. */
float rng_normal(rng *r);

#endif
