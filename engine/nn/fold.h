/* A trained network as it is exported: batch norm folded into the layer before, dropout left out.
 *
 * With s = gamma / sqrt(moving variance + epsilon), a convolution's or dense layer's weights w and
 * bias b become w * s and beta + (b - moving mean) * s, channel by channel; the layer takes over
 * the batch norm's activation. A batch norm over an image that has no such layer in front (or whose
 * layer's own activation or another reader stands between) becomes a depthwise convolution of
 * 1 x 1; elsewhere it is refused. */
#ifndef PARETUNE_ENGINE_NN_FOLD_H
#define PARETUNE_ENGINE_NN_FOLD_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/nn/spec.h"

/* The folded network in *out and its parameters, in `a`, in *folded. `params` may be NULL when only
 * the network is wanted; *folded is then NULL. ERR_INPUT for a batch norm that cannot be folded. */
status net_fold(const net_spec *net, const float *params, arena *a, net_spec *out, float **folded,
                err *e);

/* --- the same again and again, for whoever trains the folded network --- */

typedef struct {
    net_spec net, folded;
    net_layout from, to; /* their layouts */
    /* Which layer of the folded network computes what layer i did: [i + 1], so that [0] is the input. */
    int place[NET_MAX_LAYERS + 1];
    int source[NET_MAX_LAYERS]; /* the old layer that gives new layer its weights, -1 for none */
    int normed[NET_MAX_LAYERS]; /* the batch norm that went into it, -1 for none */
} net_folding;

status net_folding_make(net_folding *f, const net_spec *net, err *e);
/* folded[to.n_params] from params[from.n_params] */
void net_folding_apply(const net_folding *f, const float *params, float *folded);
/* The gradient of a folded network's parameters as one of `params`, to which it is added. Moving means
 * and variances are constants: their part is 0. */
void net_folding_carry_back(const net_folding *f, const float *params, const float *d_folded,
                            float *d_params);

#endif
