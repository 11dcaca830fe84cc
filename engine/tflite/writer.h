/* Writes a network as a .tflite file (schema version 3): our own FlatBuffer writer, no more bytes than
 * the format asks for. */
#ifndef PARETUNE_ENGINE_TFLITE_WRITER_H
#define PARETUNE_ENGINE_TFLITE_WRITER_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/nn/spec.h"

typedef enum { STORE_FLOAT32, STORE_FLOAT16, STORE_DYNAMIC, N_STORAGES } weight_storage;

typedef struct {
    weight_storage storage;
    int dynamic_min_elements; /* STORE_DYNAMIC: smaller tensors stay float32 (the converter: 1024) */
    bool per_channel;         /* STORE_DYNAMIC convolutions: newer converter (true) or per tensor */
    const char *metadata;     /* JSON about the front end, kept in the file; NULL for none */
} tflite_options;

/* `params` is the parameter block of `net_layout` (final weights, output scaling folded in). Appends
 * the file to `out`. Its size depends on the network and the options only, never on the weights. */
status tflite_write(const net_spec *net, const float *params, const tflite_options *options,
                    arena *a, buf *out, err *e);

#endif
