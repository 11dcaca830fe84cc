/* A network ready to train: a specification, one block of parameters, one of gradients and one of
 * everything a pass writes, all planned and taken once. Passes allocate nothing.
 *
 *   net n;
 *   net_build(&n, &spec, 32, NULL, arena, e);
 *   net_init_weights(&n, seed);
 *   ... fill n.input[B, in] ... net_forward(&n, B) ... read n.output[B, out]
 *   ... fill n.output_gradient[B, out] ... net_backward(&n, B) adds to n.gradients
 *
 * An example's outputs by net_forward have the same bits in any batch, at any place in it. Gradients
 * are sums over the batch in an order that network and batch size decide; where no layer works by
 * parts, in the order of its examples. */
#ifndef PARETUNE_ENGINE_NN_NET_H
#define PARETUNE_ENGINE_NN_NET_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/nn/layer.h"
#include "engine/nn/spec.h"

#include <stdbool.h>
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
    const float *logits; /* what a softmax at the end reads; else the output */
    float *logits_gradient;
    layer_pass pass[NET_MAX_LAYERS];

    int part; /* examples that layers with `by_parts` get at a time */
    int saved_per_example[NET_MAX_LAYERS];
    bool fleeting[NET_MAX_LAYERS];     /* the output is there for a part only */
    bool whole_dy[NET_MAX_LAYERS];     /* dy is there for the whole batch, not for a part only */
    float *branch[NET_MAX_LAYERS + 1]; /* [i + 1]: gradient of layer i's output by add layers */
} net;

/* The dropout of a training step is drawn from the stream (seed, RNG_DROPOUT, step and layer). */
typedef struct {
    uint64_t seed;
    int64_t step;
} train_pass;

/* Plans for passes over up to `max_batch` examples and takes the memory from `a`. `params` is the
 * caller's block of layout.n_params floats (64-byte aligned), or NULL for a new one. ERR_INPUT when
 * a size is out of bounds, ERR_MEM when `a` is full. */
status net_build(net *n, const net_spec *spec, int max_batch, float *params, arena *a, err *e);

/* Initial weights as Keras 2 draws them: kernels glorot_uniform, recurrent kernels orthogonal,
 * biases zero (1 for the LSTM's forget gate), gamma and moving variance 1. Tensor i uses the stream (seed, RNG_INIT, i). `a` is
 * scratch and is back at its mark afterwards. */
status net_init_weights(net *n, uint64_t seed, arena *a, err *e);

/* As a finished network computes: batch norm by its moving statistics, no dropout. */
void net_forward(net *n, int B);
/* As training computes: batch norm by the batch, which also renews the moving statistics. */
void net_forward_training(net *n, int B, const train_pass *training);
/* Behind net_forward_training over the same B; behind net_forward in networks where the two are
 * the same. Overwrites output_gradient. */
void net_backward(net *n, int B);
/* The same from logits_gradient: what a loss of the logits needs. */
void net_backward_logits(net *n, int B);

#endif
