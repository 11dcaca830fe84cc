/* A network ready to train: a specification, one block of parameters, one of gradients and one of
 * everything a pass writes, all planned and taken once. Passes allocate nothing.
 *
 *   net n;
 *   net_build(&n, &spec, 32, NULL, arena, e);
 *   net_init_weights(&n, seed);
 *   ... fill n.input[B, in] ... net_forward(&n, B) ... read n.output[B, out]
 *   ... fill n.output_gradient[B, out] ... net_backward(&n, B) adds to n.gradients
 *
 * An example's outputs have the same bits in any batch, at any place in it. Gradients are sums over
 * the batch in the order of its examples. */
#ifndef PARETUNE_ENGINE_NN_NET_H
#define PARETUNE_ENGINE_NN_NET_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/nn/layer.h"
#include "engine/nn/spec.h"

#include <stdint.h>

enum { NET_MAX_BATCH = 65536 };

typedef struct {
    net_spec spec;
    net_layout layout;
    const kernels *k;
    int max_batch;
    float *params;    /* layout.n_params, as net_layout says */
    float *gradients; /* beside params; zero after net_build */
    float *input, *output;
    float *output_gradient;
    layer_pass pass[NET_MAX_LAYERS];
} net;

/* Plans for passes over up to `max_batch` examples and takes the memory from `a`. `params` is the
 * caller's block of layout.n_params floats (64-byte aligned), or NULL for a new one. ERR_INPUT when
 * a size is out of bounds, ERR_MEM when `a` is full. */
status net_build(net *n, const net_spec *spec, int max_batch, float *params, arena *a, err *e);

/* Initial weights as Keras 2 draws them: kernels glorot_uniform, recurrent kernels orthogonal,
 * biases zero (1 for the LSTM's forget gate). Tensor i uses the stream (seed, RNG_INIT, i). `a` is
 * scratch and is back at its mark afterwards. */
status net_init_weights(net *n, uint64_t seed, arena *a, err *e);

void net_forward(net *n, int B);
/* Behind a forward over the same B. Overwrites output_gradient. */
void net_backward(net *n, int B);

#endif
