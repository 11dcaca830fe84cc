/* The state of a training at the end of an epoch: all that is needed to go on as if it had never
 * stopped, and the weights to export. As bytes it holds no times, paths or machine names: the same
 * training gives the same bytes.
 *
 * The artifact, little-endian:
 *   8 bytes  "PTCHKPT1"
 *   u32      bytes of the network's JSON (nn/spec.h), then that JSON
 *   u32 n    parameters;  u32 k: blocks of n floats that the optimizer keeps
 *   u32      flags: 1 masked, 2 keeps the best, 4 has best weights, 8 stopped early,
 *            16 standardized, 32 classes, 64 began with the weights of an earlier training,
 *            128 clustered, 256 has ranges
 *   u32 E    epochs done;  u64: steps done;  u32: epochs since the best;  u32: the best epoch, from 1
 *   f64      best validation loss, with flag 32 best share of wrong classes
 *   u32      epochs of the earlier trainings, when flag 64
 *   u32 c    centroids, u32 t: tensors that are clustered, when flag 128
 *   u32 r    ranges of activations, when flag 256
 *   u32 o    outputs, then o times f32 mean, f32 standard deviation of the labels
 *   E times  f64 training loss, f64 validation loss (NaN without validation part), f64 learning
 *            rate; with flag 32 also f64 validation accuracy
 *   n f32    parameters, then k*n f32 of the optimizer
 *   n f32    best parameters, when flag 4
 *   r times  f32 least, f32 greatest; the same of the best epoch when flag 4
 *   n bits   1 where a parameter is kept, in bytes, lowest bit first, when flag 1
 *   c f32    centroids, k*c f32 of the optimizer, t u32: which of a tensor's is held at zero (all ones:
 *            none), n f32: the weights before they were moved to their centroids; when flag 128
 *   32 bytes hash_bytes of all before, as text */
#ifndef PARETUNE_ENGINE_NN_CHECKPOINT_H
#define PARETUNE_ENGINE_NN_CHECKPOINT_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/value_range.h"
#include "engine/nn/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHECKPOINT_MAX_OUTPUTS = 8,
    CHECKPOINT_MAX_EPOCHS = 1 << 20,
    CHECKPOINT_MAX_CLUSTERS = 256,
    CHECKPOINT_MAX_RANGES = NET_MAX_LAYERS + 1 + CHECKPOINT_MAX_OUTPUTS
};

typedef struct {
    double train_loss, val_loss; /* val_loss: NaN when there is no validation part */
    double val_accuracy;         /* of classes: share of right ones; NaN like val_loss */
    double rate;                 /* learning rate of the epoch's first step */
} curve_point;

/* Weights that share values (compress/cluster.h). */
typedef struct {
    int n;         /* centroids of all tensors; 0: nothing is clustered, and the rest is NULL */
    int n_tensors; /* clustered ones, in the order of the layout, each with n / n_tensors centroids */
    float *centroid; /* n */
    float *moments;  /* n_blocks times optim_stride(n) */
    int *zero;       /* n_tensors: which of a tensor's centroids is held at zero; -1: none */
    float *original; /* n_params: the weights before they were moved to their centroids */
} cluster_state;

typedef struct {
    net_spec net;
    int n_params, n_blocks;
    float *params;  /* n_params, 64-byte aligned */
    float *moments; /* n_blocks times optim_stride(n_params) */
    float *best;    /* n_params: weights of best_epoch, when has_best */
    uint32_t *keep; /* n_params: ~0 kept, 0 pruned; meaningful when masked */
    cluster_state clusters;
    bool masked, keep_best, has_best, stopped, standardized;
    bool classes;       /* classification: the curve has accuracies */
    int epoch;          /* epochs done */
    int earlier_epochs; /* of the trainings before, whose weights this one began with */
    int64_t step;
    int best_epoch;   /* from 1; 0 for none yet */
    int wait;         /* epochs since then that counted */
    double best_loss; /* validation loss; for classes the share of wrong ones */
    int n_outputs;
    float label_mean[CHECKPOINT_MAX_OUTPUTS], label_std[CHECKPOINT_MAX_OUTPUTS];
    curve_point *curve; /* `epoch` points */
    int n_ranges;       /* of activations, that quantization-aware training follows; 0 for none */
    value_range range[CHECKPOINT_MAX_RANGES], best_range[CHECKPOINT_MAX_RANGES];
} checkpoint;

/* Takes the blocks of a state for this network from `a`, all zero, nothing masked. */
status checkpoint_make(checkpoint *c, const net_spec *net, int n_blocks, arena *a, err *e);

/* Takes the blocks of the clusters from `a`. */
status checkpoint_make_clusters(checkpoint *c, int n, int n_tensors, arena *a, err *e);

status checkpoint_write(const checkpoint *c, buf *out, err *e);
/* ERR_INPUT for bytes that are no whole and undamaged checkpoint. */
status checkpoint_read(arena *a, const void *bytes, size_t n, checkpoint *out, err *e);

/* The parameters to export: the best epoch's when those are kept, else the last; with standardized
 * labels the last layer is rescaled so that the outputs are physical. out[n_params]. */
void checkpoint_final_weights(const checkpoint *c, float *out);
/* The same of any other weights of this training. */
void checkpoint_scale_weights(const checkpoint *c, const float *weights, float *out);

/* The weights that training found: the best epoch's when those are kept, else the last. n_params. */
const float *checkpoint_kept_weights(const checkpoint *c);
/* The ranges that belong to them. */
const value_range *checkpoint_kept_ranges(const checkpoint *c);
/* What the state holds now is the best so far. */
void checkpoint_keep_best(checkpoint *c);

/* The layer that takes the scaling of standardized labels: the last one with weights, when it is
 * dense, linear, with a bias and only reshaped afterwards; -1 when there is none. `n_outputs` must
 * divide its units. */
int checkpoint_scaled_layer(const net_spec *net, int n_outputs);

#endif
