/* A network as data: an input shape and a list of layers with every number resolved.
 *
 * The JSON form is the one that search spaces produce and stages receive:
 *   {"input":[6,2],"layers":[{"kind":"flatten"},
 *     {"kind":"dense","units":6,"activation":"relu","bias":true},
 *     {"kind":"conv1d","filters":8,"kernel":3,"stride":1,"padding":"valid","activation":"relu","bias":true},
 *     {"kind":"lstm","units":64},
 *     {"kind":"activation","function":"tanh"},
 *     {"kind":"reshape","to":[3,2]}]}
 * Each layer kind owns a row of `layer_ops` (layer.h) with its parameters, so the JSON reader, the
 * checks of a space file and the documentation come from one table. */
#ifndef PARETUNE_ENGINE_NN_SPEC_H
#define PARETUNE_ENGINE_NN_SPEC_H

#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/base/shape.h"

#include <stdbool.h>

enum { NET_MAX_LAYERS = 64, NET_MAX_TENSORS = 192 };

typedef enum {
    LAYER_DENSE,
    LAYER_CONV1D,
    LAYER_LSTM,
    LAYER_FLATTEN,
    LAYER_RESHAPE,
    LAYER_ACTIVATION,
    N_LAYER_KINDS
} layer_kind;

typedef enum { ACT_NONE, ACT_RELU, ACT_TANH, ACT_SIGMOID, N_ACTIVATIONS } activation;
typedef enum { PAD_VALID, PAD_SAME } padding;

typedef struct {
    layer_kind kind;
    activation act;   /* fused behind the layer */
    int units;        /* dense, lstm; conv1d: filters */
    int kernel, stride;
    padding pad;
    bool bias;
    shape to;         /* reshape */
} layer_spec;

typedef struct {
    shape in;
    int n;
    layer_spec layer[NET_MAX_LAYERS];
} net_spec;

/* Reads and checks the JSON form; on success every layer accepts its input's shape and all sizes
 * fit an int. ERR_INPUT names the layer by its index and kind. */
status net_spec_parse(const node *json, net_spec *out, err *e);
/* Appends the canonical JSON form (every parameter written, fixed order). */
void net_spec_put_json(buf *b, const net_spec *s);

/* A trained tensor inside a network's parameter block. Weights lie in TFLite's order, so export is a
 * copy: dense [Co,Ci]; conv1d [Co,K,Ci]; lstm kernel [4u,Ci] and recurrent [4u,u] with the gates
 * i, f, g, o one below the other; biases [Co] and [4u]. */
typedef enum { ROLE_KERNEL, ROLE_RECURRENT, ROLE_BIAS } tensor_role;
typedef struct {
    int layer;
    tensor_role role;
    shape dims;
    int offset, size; /* floats, inside the parameter block */
    int fan_in, fan_out;
    bool prunable;    /* kernels and recurrent kernels, not biases (tfmot's registry) */
} net_tensor;

/* What a network is before it is trained. */
typedef struct {
    shape shape_in[NET_MAX_LAYERS], shape_out[NET_MAX_LAYERS];
    int n_tensors;
    net_tensor tensor[NET_MAX_TENSORS];
    int n_params;   /* floats in the parameter block */
    double macs;    /* multiply-adds of one inference: dense, convolution, recurrent products */
} net_layout;

status net_layout_make(const net_spec *s, net_layout *out, err *e);

#endif
