/* Quantization-aware training: a trained network is trained on as the full-integer file will compute.
 *
 * The passes run on a network derived from the trained one before each of them:
 *   - batch norms are folded into the layers before with their moving statistics, which stay as they
 *     are: "static folding" (Nagel et al. 2021, A White Paper on Neural Network Quantization, section
 *     5.2.1, who find it at least as good as folding batch statistics). What is trained then is what is
 *     exported; gamma, beta and the weights keep their own gradients through the fold;
 *   - dropout is left out;
 *   - kernels lie on the steps that export gives them, the gradient goes straight through;
 *   - behind the input and every layer whose output gets steps of its own stands a fake-quant layer
 *     (nn/layer_fake_quant.c).
 * Ranges of activations begin as calibrated on the given weights. At the end of each epoch the network
 * is calibrated again, and the ranges follow by a moving average. (tfmot averages the extremes of each
 * batch. Where the members of a batch are neighbours in time, as in forecasts, these are far narrower
 * than those of the data: ranges would close in, and the loss rise.) They are in the checkpoint, so a
 * training goes on from it to the bit; export takes them in place of a calibration.
 * Biases, int32 in the file, are left alone. */
#ifndef PARETUNE_ENGINE_COMPRESS_FAKE_QUANT_H
#define PARETUNE_ENGINE_COMPRESS_FAKE_QUANT_H

#include "engine/compress/calibrate.h"
#include "engine/nn/train.h"

typedef struct {
    calibration calibration;
    double decay; /* what an epoch leaves of a range */
    bool heads;   /* each column of the output on steps of its own */
} fake_quant_config;

/* {"calibration":{...},"decay":0.5} and, when wanted, "heads":"per-output" */
status fake_quant_parse(const node *json, fake_quant_config *out, err *e);

/* What a training of c->net on fake-quantized passes needs, in `a`; `state` is the training's own and
 * stays borrowed. A state without ranges gets them from a calibration. ERR_INPUT for a network that
 * has no integer form. */
status fake_quant_open(const fake_quant_config *q, const train_config *c, const examples *ex,
                       checkpoint *state, arena *a, train_surrogate *out, err *e);

/* The ranges of a spread network's points, and of the output's columns when they have their own, as the
 * kept weights of a training need them. ERR_ARG when it was not trained so. */
status fake_quant_ranges(const checkpoint *state, const net_spec *spread, int columns,
                         value_range *ranges, value_range *of_column, err *e);

#endif
