/* Turns a graph into the bytes of a .tflite file, no more of them than the format asks for: no
 * names, vtables and equal objects shared, constants on 4-byte boundaries. */
#ifndef PARETUNE_ENGINE_TFLITE_EMIT_H
#define PARETUNE_ENGINE_TFLITE_EMIT_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/tflite/tfl_graph.h"

/* Appends the file to `out`; `a` is scratch. Names are not written, unless the graph asks for what
 * TensorFlow's converter would write. The size depends on shapes,
 * operators and the values of structural constants, on no other value. */
status tfl_emit(const tfl_graph *g, arena *a, buf *out, err *e);

#endif
