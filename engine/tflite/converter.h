/* What TensorFlow's converter makes of a network, so that sizes compare with published ones.
 *
 * Reference: files that TensorFlow 2.5 to 2.7 converted from Keras models with a batch of one. Beside
 * what our own writer spends, the converter writes names of layers, a signature, a description and
 * the oldest runtime's version; Flatten as an operator, new shapes as constants; a buffer for every
 * tensor and a quantization table for each, empty or not; nothing is shared but the forms of tables.
 * Files whose weights it stores in int8 or float16 are written anew once more, with values on
 * 16-byte boundaries. Later versions add some 150 bytes of conversion metadata, earlier ones lack
 * the signature and write each name twice. Names are those of a Sequential model with batch norms
 * behind convolutions; a model with longer names makes a longer file. */
#ifndef PARETUNE_ENGINE_TFLITE_CONVERTER_H
#define PARETUNE_ENGINE_TFLITE_CONVERTER_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/tflite/tfl_graph.h"

/* Turns our writer's graph into the converter's: same values, same results. `out` borrows from `g`
 * and `a`; it is to be emitted with `like_converter` set, which it is. */
status converter_dress(const tfl_graph *g, arena *a, tfl_graph *out, err *e);

#endif
