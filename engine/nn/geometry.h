/* The shapes of convolutions and pools over images [H,W,C]. As in TensorFlow, `valid` has
 * floor((n - k) / s) + 1 outputs and `same` ceil(n / s), padded by max((out - 1) * s + k - n, 0) of
 * which the smaller half comes first. */
#ifndef PARETUNE_ENGINE_NN_GEOMETRY_H
#define PARETUNE_ENGINE_NN_GEOMETRY_H

#include "engine/base/err.h"
#include "engine/nn/kernel.h"
#include "engine/nn/layer.h"

#include <stdbool.h>

/* Checks the layer's window and stride against its input. ERR_INPUT says what does not fit. */
status geometry_check(const layer_spec *s, shape in, err *e);

/* What geometry_check accepted. */
image_window geometry_of(const layer_spec *s, shape in);

/* The part of the window at output `o` that lies inside [0, size): its first index there and how
 * much of the window comes before. Returns its length. */
int geometry_overlap(int o, int stride, int before, int kernel, int size, int *first, int *skip);

#define LAYER_PARAM_PADDING                                          \
    {                                                                \
        "padding", PARAM_CHOICE, 0, 0, "valid|same", "valid",        \
            "zeros around the image: none, or size / stride outputs" \
    }

#endif
