/* What the benchmarks of training share: the least time of a step, the FLOPs it has, the machine's
 * peak and the rival. Times are process CPU time, minima over blocks of about 0.1 s, so that other
 * processes cost little. */
#ifndef PARETUNE_TESTS_SUPPORT_TRAINING_BENCH_H
#define PARETUNE_TESTS_SUPPORT_TRAINING_BENCH_H

#include "engine/nn/net.h"

typedef struct {
    void (*step)(void *trainer); /* one training step */
    void *trainer;
    int blocks;
    const char *rival; /* a Python script that prints its milliseconds per step; NULL for none */
    const char *arguments; /* for it */
} race;

typedef struct {
    double seconds; /* of our step */
    double rival;   /* of the rival's; NaN when it cannot run */
} race_result;

/* Ours is timed on both sides of the rival, so that a change of the machine's pace shows less. */
race_result race_run(const race *r);

/* The script, unless the word is "-" or no such file can be read. */
const char *race_rival(const char *word);

/* FLOPs of layer i in a training step over B examples: two for each multiply-add of the textbook
 * products, forward, weight gradients and input gradients, of which the first layer needs none (an
 * LSTM still those of its states). */
double layer_flops(const net *n, int i, int B);
double step_flops(const net *n, int B);

/* FLOPs a second of multiply-adds in registers. */
double peak_flops(const kernels *k);

#endif
