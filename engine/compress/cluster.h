/* Weight clustering while fine-tuning, to the letter of tfmot (tensorflow_model_optimization/python/
 * core/clustering/keras: clustering_centroids.py, clustering_algorithm.py, cluster_wrapper.py).
 *
 * Each kernel (as with pruning: not depthwise ones, biases, batch norms) has K centroids on its own.
 * Before each pass every weight is replaced by the nearest centroid, of equally near ones the first;
 * gradients go to the centroids, as sum or mean over their members, and unchanged ("straight through")
 * to the weights behind, so that these keep learning and may change cluster. Both are moved by the
 * optimizer. A tensor with fewer weights than K gets a centroid for each.
 *
 * To preserve sparsity one centroid is held at zero; the others are shared out between negative and
 * positive weights by their counts, and each side is clustered alone. Weights that the first assignment
 * puts to zero stay there.
 *
 * First centroids:
 *   linear    K values from the least to the largest weight at equal distances
 *   random    drawn evenly between them
 *   kmeans++  weights, each drawn with a chance that grows with the square of its distance to the
 *             nearest one so far: of 3 + floor(ln K) draws the one that leaves the smallest sum of
 *             squares (tensorflow/core/kernels/clustering_ops.cc)
 *   density   of 30 grid points a little beyond the range, those where the weights' distribution
 *             function passes K probabilities at equal distances from 0.01 to 1 */
#ifndef PARETUNE_ENGINE_COMPRESS_CLUSTER_H
#define PARETUNE_ENGINE_COMPRESS_CLUSTER_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/base/rng.h"
#include "engine/nn/checkpoint.h"
#include "engine/nn/train.h"

typedef enum {
    CENTROIDS_KMEANS,
    CENTROIDS_LINEAR,
    CENTROIDS_RANDOM,
    CENTROIDS_DENSITY,
    N_CENTROID_INITS
} centroid_init;

typedef struct {
    int clusters; /* 2 to CHECKPOINT_MAX_CLUSTERS; with preserve_sparsity from 3 */
    centroid_init init;
    bool average; /* of the members' gradients, not their sum */
    bool preserve_sparsity;
} cluster_config;

/* {"clusters":16,"init":"kmeans++","gradient":"sum","preserve_sparsity":true} */
status cluster_config_parse(const node *json, cluster_config *out, err *e);

/* First centroids for w[n] (n > 0) in out[clusters]; returns which of them is held at zero, -1 for none.
 * `a` is scratch. */
status cluster_centroids(const cluster_config *c, const float *w, int n, rng *r, arena *a,
                         float *out, int *zero, err *e);

/* index[i] = the centroid nearest to w[i], of equally near ones the first. */
void cluster_assign(const float *w, int n, const float *centroid, int clusters, int *index);

/* Clusters the weights that a training begins with; tensor i draws from the stream (seed, RNG_CLUSTER,
 * i). Without preserve_sparsity earlier pruning ends. The state's blocks are taken from `a`. */
status cluster_begin(const cluster_config *c, uint64_t seed, checkpoint *state, arena *a, err *e);

/* The training loop's hooks for a state that is clustered; they live in `a`. */
status cluster_hooks(const cluster_config *c, const checkpoint *state, arena *a, train_hooks *out,
                     err *e);

#endif
