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

#endif
