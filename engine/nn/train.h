/* The training loop: epochs [from, to) of one training.
 *
 *   train_config_parse(json, &config, e);
 *   train_begin(&config, examples, arena, &state, e);            or checkpoint_read(...)
 *   train_run(&config, examples, &state, 0, 5, NULL, ..., arena, e);
 *   train_run(&config, examples, &state, 5, 20, hooks, ..., arena, e);
 *   train_begin_trained(&fine_config, &state, arena, &fine, e);   and again from epoch 0
 *
 * Batches are consecutive examples, formed once; their order is new in each epoch, drawn by
 * tf.data's buffer rule from the stream (seed, RNG_SHUFFLE, epoch). The last batch may be smaller.
 * Stopping at the end of any epoch and going on from the checkpoint changes no bit. The best epoch
 * is the one of the lowest validation loss, for classes of the highest validation accuracy; the first
 * of equal ones. */
#ifndef PARETUNE_ENGINE_NN_TRAIN_H
#define PARETUNE_ENGINE_NN_TRAIN_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/data/examples.h"
#include "engine/nn/checkpoint.h"
#include "engine/nn/loss.h"
#include "engine/nn/optim.h"
#include "engine/nn/spec.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    net_spec net;
    loss_kind loss;
    double label_smoothing; /* cross-entropy */
    bool standardized;      /* train on (label - mean) / std of each output */
    int batch;
    optim_spec optimizer;
    rate_spec rate;
    int shuffle_buffer; /* batches; 0 and 1 keep their order */
    bool keep_best;     /* final weights: those of the best epoch instead of the last */
    int early_stop;     /* stop after so many epochs without a better one; 0 = never */
    uint64_t seed;
    bool from_weights;        /* a training of trained weights: see train_begin_trained */
    int from_epoch, to_epoch; /* as the JSON says; train_run goes by its arguments */
} train_config;

/* The JSON of a train stage; "prune" is read by compress/prune.h. "start":"weights", when there, says
 * that the earlier training gives its weights only. */
status train_config_parse(const node *json, train_config *out, err *e);

/* A training whose passes run on another network than the trained one, which it is derived from before
 * each pass: what is trained stays what the checkpoint's network says. */
typedef struct {
    void *user;
    const net_spec *net; /* that runs: takes and gives the trained one's shapes */
    /* Fills the parameters of `net` from the trained ones. */
    void (*derive)(void *user, const float *trained, float *params);
    /* Adds the gradient of `net` to that of the trained parameters, and leaves it zero. */
    void (*carry_back)(void *user, const float *trained, float *gradients, float *of_trained);
    /* At the end of each epoch, before it is validated. */
    status (*settle)(void *user, err *e);
} train_surrogate;

/* What other rooms do to a training. Whoever continues a training gives hooks that act alike. */
typedef struct {
    void *user;
    /* NULL, or: before the forward pass of step `step` (from 1): may renew `keep` (~0 keeps a parameter, 0
     * zeroes it) from the parameters. Returns whether masks are in force; they are then applied
     * before this pass and at the end of the epoch. `step` alone may decide when. May be NULL. */
    bool (*before_step)(void *user, int64_t step, const net_layout *layout, const float *params,
                        uint32_t *keep);
    /* For weights that stand for others, both or none. `arrange` writes the parameters of a pass, before
     * each training step and at the end of an epoch; `learn`, in place of the optimizer's step over the
     * parameters, moves what is behind them, and leaves the gradients zero. */
    void (*arrange)(void *user, checkpoint *state);
    void (*learn)(void *user, checkpoint *state, const optim_spec *optimizer, const kernels *k,
                  double rate, float *gradients);
    int64_t
        settled; /* epochs that end before this step do not count for keep_best and early_stop */
    const train_surrogate *surrogate; /* NULL: the trained network itself runs */
} train_hooks;

/* After each epoch, with the validation loss; returning false stops with ERR_STATE "stopped". */
typedef bool (*train_progress)(void *user, double done, double total, double val_loss);

int train_steps_per_epoch(const train_config *c, const examples *ex);

/* Initial weights and an empty state in `a`. ERR_INPUT when network and examples do not fit. */
status train_begin(const train_config *c, const examples *ex, arena *a, checkpoint *state, err *e);

/* A new training of the weights that `earlier` kept: epochs, steps, optimizer and learning curve from
 * the beginning; shuffling and dropout go on drawing where the earlier training ended. Pruned weights
 * stay pruned. ERR_ARG when it was of another network, or of other labels. */
status train_begin_trained(const train_config *c, const checkpoint *earlier, arena *a,
                           checkpoint *state, err *e);

/* Trains epochs [from, to); `state->epoch` must be `from`, unless the training has stopped early:
 * then nothing is done. `hooks` and `progress` may be NULL. The state's curve grows in `a`; all
 * else taken from `a` is given back. ERR_NUM, with the epoch, when a loss is not finite; the state
 * is then of no use. */
status train_run(const train_config *c, const examples *ex, checkpoint *state, int from, int to,
                 const train_hooks *hooks, train_progress progress, void *user, arena *a, err *e);

/* The figures of a train stage, of the epoch whose weights are final. */
typedef struct {
    double train_loss, val_loss; /* on what was trained: standardized labels count as such */
    double val_accuracy;         /* share of right classes; NaN for forecasts */
    int epochs, best_epoch;      /* run; of the final weights, from 1; earlier trainings count */
} train_summary;
train_summary train_summarise(const checkpoint *state);

/* The order of n batches drawn with a buffer of `buffer`: order[n], `slots` scratch of `buffer`, but
 * of one at least: buffers of 0 and 1 keep the order.
 * tf.data's shuffle: the buffer holds the next batches; one of them is drawn, and the next batch
 * takes its place. */
void train_shuffle(uint64_t seed, int epoch, int n, int buffer, int *order, int *slots);

#endif
