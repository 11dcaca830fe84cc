/* Reads a .tflite file into a graph. Nothing in the file is trusted: every offset is checked before
 * it is followed, counts and sizes are bounded, and each fault is a sentence that names its place.
 */
#ifndef PARETUNE_ENGINE_TFLITE_TFL_READER_H
#define PARETUNE_ENGINE_TFLITE_TFL_READER_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/tflite/tfl_graph.h"

#include <stddef.h>

/* What a file may hold at the most; tiny networks stay far below. */
enum { TFL_MAX_TENSORS = 4096, TFL_MAX_OPS = 4096, TFL_MAX_OPERANDS = 64 };

/* The first subgraph of the file. Constants are borrowed from `file` where they are aligned and
 * copied into `a` where they are not; everything else is in `a`. The result is consistent: indexes
 * are in range, the bytes of a constant are those of its shape, quantization has as many scales as
 * zero points. Operators are only read, not judged: any code and version passes. */
status tfl_read(arena *a, const void *file, size_t n, tfl_graph *out, err *e);

#endif
