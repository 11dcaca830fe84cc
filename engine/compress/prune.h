/* Magnitude pruning while training, to the letter of tfmot
 * (tensorflow_model_optimization/python/core/ sparsity/keras: pruning_schedule.py, pruning_impl.py,
 * pruning_wrapper.py).
 *
 * Sparsity rises by PolynomialDecay: s(t) = final + (initial - final) * (1 - p)^power with
 * p = clip((t - begin) / (end - begin), 0, 1). Before training step t (from 1), when begin <= t <=
 * end and (t - begin) is a multiple of `frequency`, each prunable tensor on its own gets a new
 * mask: of n weights the k = max(round(n * (1 - s)), 1) largest by magnitude are kept, and those as
 * large as the k-th. Weights outside the mask are zeroed before each forward pass and at the end of
 * an epoch; gradients and moments are not touched. After `end` the mask stays.
 *
 * An N:M pattern instead fixes the share from the first mask on: of every M consecutive weights along
 * the inputs (the last dimension of TFLite's order; a shorter rest is a block of its own) the N largest
 * by magnitude stay, of equals the first. tfmot counts the zeros: its sparsity_m_by_n (2, 4) is 2:4
 * here, its (3, 4) is 1:4. */
#ifndef PARETUNE_ENGINE_COMPRESS_PRUNE_H
#define PARETUNE_ENGINE_COMPRESS_PRUNE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/nn/spec.h"
#include "engine/nn/train.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double initial, final, power;
    int64_t begin, end; /* steps */
    int frequency;      /* steps between two updates */
    int kept, block; /* pattern: of each `block` weights `kept` stay; 0: none, the share decides */
} prune_config;

/* {"initial":..,"final":..,"begin":..,"end":..,"unit":"epochs"|"steps","frequency":..,"power":..};
 * in steps, both are step numbers as tfmot counts them. In epochs (fractions are rounded to whole
 * steps) they stand for the step behind that many epochs, so that `begin` whole epochs are trained
 * exactly as without pruning. With "pattern":"2:4" or "1:4" there are no initial, final and power. */
status prune_config_parse(const node *json, int steps_per_epoch, prune_config *out, err *e);

bool prune_due(const prune_config *c, int64_t step);
/* In float, as TensorFlow computes it. */
float prune_sparsity(const prune_config *c, int64_t step);
/* Weights of n kept at a sparsity; halves round to even. Before ties. */
int prune_kept(int n, float sparsity);
/* keep[n] = ~0 for the `kept` largest magnitudes and those equal to the least of them, else 0.
 * `magnitudes` is scratch of n. */
void prune_mask(const float *w, int n, int kept, uint32_t *keep, float *magnitudes);

/* The same for w[rows, cols] by the pattern kept:block. */
void prune_mask_pattern(const float *w, int rows, int cols, int kept, int block, uint32_t *keep);

/* The training loop's hooks for this pruning; they live in `a`. ERR_MEM. */
status prune_hooks(const prune_config *c, const net_layout *layout, arena *a, train_hooks *out,
                   err *e);

/* What was reached, per tensor of the layout and in all. */
typedef struct {
    int n_weights, n_zeros; /* of prunable tensors */
    int zeros[NET_MAX_TENSORS];
} prune_report;
void prune_count(const net_layout *layout, const float *params, prune_report *out);

#endif
