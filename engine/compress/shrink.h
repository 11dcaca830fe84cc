/* Structured pruning: whole channels leave a trained network, which really becomes smaller.
 *
 * Every convolution and dense layer but the last gives up the share `remove` of its output channels,
 * those whose filters are smallest: of C channels max(1, round(C * (1 - remove))) stay, of equal ones
 * the first. What follows loses the same channels: depthwise kernels, batch norms, biases, the columns
 * of the next kernel, behind a flatten those of every pixel. Layers joined by `add` keep the same
 * channels, those with the largest sum of norms. Stay whole: the network's outputs, what a softmax or an
 * LSTM gives, and channels that a reshape mixes with other dimensions.
 *
 * Which channels go depends on the weights; how many does not, so the smaller network is known before
 * anything is trained. Weights that stay are copied: nothing is computed. */
#ifndef PARETUNE_ENGINE_COMPRESS_SHRINK_H
#define PARETUNE_ENGINE_COMPRESS_SHRINK_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/nn/spec.h"

/* A filter's norm: the sum of its magnitudes, or the root of the sum of its squares. */
typedef enum { CHANNEL_L1, CHANNEL_L2, N_CHANNEL_NORMS } channel_norm;

typedef struct {
    double remove; /* from 0 to below 1 */
    channel_norm norm;
} shrink_config;

/* {"remove":0.25,"norm":"l1"} */
status shrink_config_parse(const node *json, shrink_config *out, err *e);

/* The smaller network. */
status shrink_net(const net_spec *net, double remove, net_spec *out, err *e);

/* The same with its parameters, taken from `params` of `net`; *shrunk lives in `a`. */
status shrink_weights(const net_spec *net, const float *params, const shrink_config *c, arena *a,
                      net_spec *out, float **shrunk, err *e);

#endif
