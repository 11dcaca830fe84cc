/* Writes a network as a .tflite file (schema version 3): our own FlatBuffer writer, no more bytes
 * than the format asks for. */
#ifndef PARETUNE_ENGINE_TFLITE_WRITER_H
#define PARETUNE_ENGINE_TFLITE_WRITER_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/compress/quantize.h"
#include "engine/nn/spec.h"

typedef enum {
    STORE_FLOAT32,
    STORE_FLOAT16,
    STORE_DYNAMIC,
    STORE_INT8,
    STORE_INT8_WEIGHTS,
    N_STORAGES
} weight_storage;

typedef struct {
    weight_storage storage;
    int dynamic_min_elements; /* STORE_DYNAMIC, STORE_INT8_WEIGHTS: smaller tensors stay float32 (the
                                 converter: 1024) */
    bool per_channel;         /* STORE_DYNAMIC: which converter's dynamic range, see below;
                                 STORE_INT8_WEIGHTS: a scale for each filter */
    const char *metadata;     /* text about the front end, kept in the file; NULL for none */
    bool int8_io;             /* STORE_INT8: the file takes and gives int8 */
    const affine *points;     /* STORE_INT8: parameters of the network's points
                                 (compress/calibrate.h); NULL: any, for sizes before training */
    bool heads; /* STORE_INT8: each column of the output is multiplied and shifted by its own */
    const float *head_scale,
        *head_shift; /* numbers, behind all else, in float32 (compress/calibrate.h);
                                             NULL: any, for sizes */
    bool converter_like;      /* write what TensorFlow's converter would, see converter.h */
} tflite_options;

/* No batch norms: fold them first (nn/fold.h); ERR_ARG. Dropout is left out, softmax stays.
 * `params` is the parameter block of `net_layout` (final weights, output scaling folded in); NULL
 * means zeros, for sizes before training. Appends the file to `out`; `a` is scratch. The file's
 * size depends on the network and the options only, never on the weights. The batch is fixed at 1.
 *
 * STORE_FLOAT16: weights and biases as halves, each with a DEQUANTIZE, arithmetic in float32.
 * STORE_DYNAMIC: weight tensors of `dynamic_min_elements` and more as symmetric int8, biases
 * float32, activations quantized on the fly. Two generations of TensorFlow's converter differ, in
 * the operators' arithmetic too, and `per_channel` chooses: true   CONV_2D v5 with a scale per
 * filter, DEPTHWISE_CONV_2D v6 with one per channel, FULLY_CONNECTED v9 and LSTM v3 with one scale and asymmetric activations (TensorFlow 2.5
 * and later) false  CONV_2D v2, FULLY_CONNECTED v3, LSTM v2: one scale per tensor, symmetric
 * activations; depthwise filters int8 behind a DEQUANTIZE, computed in float32. An LSTM is quantized when all eight of its weight tensors are large enough, as the
 * converter does.
 *
 * STORE_INT8: full integers (int8_graph.h). The network must be a spread one (compress/calibrate.h);
 * an LSTM has no such form: ERR_INPUT.
 * STORE_INT8_WEIGHTS: weight tensors of `dynamic_min_elements` and more as symmetric int8, each
 * behind a DEQUANTIZE (version 2 with one scale, 5 with a scale for each filter or channel), all
 * arithmetic in float32.
 *
 * A network with an LSTM keeps its state inside the file's variable tensors: other runtimes must
 * reset them before each inference (TfLiteInterpreterResetVariableTensors, reset_all_variables). */
status tflite_write(const net_spec *net, const float *params, const tflite_options *options,
                    arena *a, buf *out, err *e);

#endif
