/* Examples ready to train on, in three parts, whatever they were made from.
 *
 * A trainer asks for runs of consecutive examples: in the course's pipelines a batch is formed once
 * from consecutive examples and only the order of batches is shuffled afterwards. */
#ifndef PARETUNE_ENGINE_DATA_EXAMPLES_H
#define PARETUNE_ENGINE_DATA_EXAMPLES_H

#include "engine/base/shape.h"

typedef enum { PART_TRAIN, PART_VAL, PART_TEST, N_PARTS } part;

typedef struct examples examples;
struct examples {
    shape in, out; /* of one example; out = [steps, outputs] for forecasts, [classes] for classes */
    int n[N_PARTS]; /* examples in each part */
    int n_classes;  /* classification: more than 0, and n_outputs is 0; forecasts: 0 */
    int n_outputs;  /* channels of the last dimension of `out`, each with a name and a unit */
    const char *output_name[8];        /* "T", "RH" */
    const char *output_unit[8];        /* "°C", "%" */
    float label_mean[8], label_std[8]; /* per output, over the training part's rows */
    int epoch; /* of the training that asks for them: augmented ones differ from epoch to epoch */
    /* Writes `count` examples from `first` on: x[count, size(in)], y[count, size(out)], or y[count]
     * class numbers for classes; y may be NULL. Pure: safe to call in any order and number. */
    void (*fetch)(const examples *ex, part p, int first, int count, float *x, float *y);
    const void *source; /* what fetch reads; owned by whoever opened the examples */
};

#endif
