/* A network as data: an input shape and a list of layers with every number resolved.
 *
 * The JSON form is the one that search spaces produce and stages receive:
 *   {"input":[6,2],"layers":[{"kind":"flatten"},
 *     {"kind":"dense","units":6,"activation":"relu","bias":true},
 *     {"kind":"conv1d","filters":8,"kernel":3,"stride":1,"padding":"valid","activation":"relu","bias":true},
 *     {"kind":"lstm","units":64},
 *     {"kind":"activation","function":"tanh"},
 *     {"kind":"reshape","to":[3,2]}]}
 * and of networks on images [H,W,C]:
 *   {"kind":"conv2d","filters":256,"kernel":[3,3],"stride":[2,1],"padding":"valid","activation":"none","bias":false}
 *   {"kind":"depthwise-conv2d","kernel":[3,3],"stride":[1,1],"padding":"same","activation":"none","bias":false}
 *   {"kind":"batch-norm","momentum":0.99,"epsilon":0.001,"activation":"relu"}
 *   {"kind":"max-pool2d","size":[2,2],"stride":[2,2],"padding":"valid"}, also average-pool2d
 *   {"kind":"global-average-pool2d"}, {"kind":"global-max-pool2d"}, {"kind":"softmax"}
 *   {"kind":"dropout","rate":0.1}
 *   {"kind":"add","from":2,"activation":"none"}
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
    LAYER_CONV2D,
    LAYER_DEPTHWISE_CONV2D,
    LAYER_BATCH_NORM,
    LAYER_MAX_POOL2D,
    LAYER_AVERAGE_POOL2D,
    LAYER_GLOBAL_AVERAGE_POOL2D,
    LAYER_GLOBAL_MAX_POOL2D,
    LAYER_DROPOUT,
    LAYER_SOFTMAX,
    LAYER_ADD,
    N_LAYER_KINDS,
    LAYER_FAKE_QUANT = N_LAYER_KINDS /* behind the table: only compress/fake_quant.h makes it */
} layer_kind;

typedef enum { ACT_NONE, ACT_RELU, ACT_TANH, ACT_SIGMOID, ACT_RELU6, N_ACTIVATIONS } activation;
typedef enum { PAD_VALID, PAD_SAME } padding;

typedef struct {
    layer_kind kind;
    activation act;     /* fused behind the layer */
    int units;          /* dense, lstm; conv1d, conv2d: filters; fake-quant: columns */
    int kernel, stride; /* conv1d */
    padding pad;
    bool bias;
    shape to;                 /* reshape */
    shape window, step;       /* on images: [height, width] of kernel or pool, and of the stride */
    double momentum, epsilon; /* batch-norm: moving = momentum * moving + (1 - momentum) * batch */
    double rate;              /* dropout: share of zeroed numbers */
    int from;                 /* add: the layer whose output is added; -1: the network's input */
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

/* A tensor inside a network's parameter block. Weights lie in TFLite's order, so export is a copy:
 * dense [Co,Ci]; conv1d [Co,K,Ci]; conv2d [Co,Kh,Kw,Ci]; depthwise-conv2d [Kh,Kw,C]; lstm kernel
 * [4u,Ci] and recurrent [4u,u] with the gates i, f, g, o one below the other; biases [Co] and [4u];
 * batch-norm gamma, beta, moving mean and moving variance [C]. The moving ones are no weights: they
 * have no gradient, so optimizers leave them alone, and a training pass renews them. */
typedef enum {
    ROLE_KERNEL,
    ROLE_RECURRENT,
    ROLE_BIAS,
    ROLE_GAMMA,
    ROLE_BETA,
    ROLE_MOVING_MEAN,
    ROLE_MOVING_VARIANCE,
    ROLE_STEPS /* fake-quant [4, columns]: see layer_fake_quant.c */
} tensor_role;
typedef struct {
    int layer;
    tensor_role role;
    shape dims;
    int offset, size; /* floats, inside the parameter block */
    int fan_in, fan_out;
    bool prunable; /* kernels and recurrent kernels, but not depthwise ones (tfmot's registry) */
} net_tensor;

/* What a network is before it is trained. */
typedef struct {
    shape shape_in[NET_MAX_LAYERS], shape_out[NET_MAX_LAYERS];
    int n_tensors;
    net_tensor tensor[NET_MAX_TENSORS];
    int n_params; /* floats in the parameter block */
    double macs;  /* multiply-adds of one inference: dense, convolution, recurrent products */
} net_layout;

status net_layout_make(const net_spec *s, net_layout *out, err *e);

#endif
