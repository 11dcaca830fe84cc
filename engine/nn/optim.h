/* Optimizers and learning-rate schedules, as Keras 2 has them. */
#ifndef PARETUNE_ENGINE_NN_OPTIM_H
#define PARETUNE_ENGINE_NN_OPTIM_H

#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/nn/kernel.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum { OPTIM_ADAM, OPTIM_SGD } optim_kind;
typedef struct {
    optim_kind kind;
    double beta1, beta2, epsilon; /* adam */
    double momentum;              /* sgd */
    bool nesterov;
} optim_spec;

typedef enum { RATE_CONSTANT, RATE_EXPONENTIAL, RATE_POLYNOMIAL, RATE_COSINE } rate_kind;
typedef struct {
    rate_kind kind;
    double initial;
    double final, power;      /* polynomial, cosine; power: polynomial */
    double epochs;            /* polynomial, cosine: the length of the decay */
    double after_epoch, rate; /* exponential */
} rate_spec;

/* {"kind":"adam","beta1":..,"beta2":..,"epsilon":..} or {"kind":"sgd","momentum":..,"nesterov":..}
 */
status optim_parse(const node *json, optim_spec *out, err *e);
/* {"schedule":"constant","initial":..}, see rate_at for the others' fields. */
status rate_parse(const node *json, rate_spec *out, err *e);

/* Blocks of n_params floats that the optimizer keeps from step to step: adam 2, sgd 1 with
 * momentum. */
int optim_blocks(const optim_spec *s);

/* Floats from one such block to the next: n_params, rounded up to whole cache lines. */
int optim_stride(int n_params);

/* Step `t` (from 1) with learning rate `rate`; leaves the gradient zero. */
void optim_step(const optim_spec *s, const kernels *k, double rate, int64_t t, float *params,
                float *gradients, float *moments, int n_params);

/* The rate of a step; `epoch` and `step` count from 0, `step` over the whole training.
 *   constant     initial
 *   exponential  initial * exp(-rate * max(0, epoch + 1 - after_epoch)): the course's callback,
 * which multiplies by exp(-rate) at each epoch after the after_epoch-th polynomial   (initial -
 * final) * (1 - s/D)^power + final, s = min(step, D), D = epochs in steps cosine       final +
 * (initial - final) * (1 + cos(pi * s/D)) / 2 */
double rate_at(const rate_spec *s, int epoch, int64_t step, int steps_per_epoch);

#endif
