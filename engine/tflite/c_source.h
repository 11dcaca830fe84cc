/* Turns a .tflite file into C: one function that computes what the interpreter does, for devices
 * without TensorFlow Lite.
 *
 * The source is C11 without dependencies but the C library's math. Constants are tables, activations
 * lie in static arrays whose size is known (the memory plan of the interpreter, one for each type),
 * nothing is allocated, and nothing depends on what ran before. It is generated operator by operator
 * from the opened file, so any file that the interpreter reads will do, whoever made it; what the
 * interpreter computes in advance (float16 weights, shapes) is written as results.
 *
 * int8 networks agree with the interpreter exactly, float ones within the rounding of their sums, which
 * it forms in vectors and with fused operations where the machine has them. */
#ifndef PARETUNE_ENGINE_TFLITE_C_SOURCE_H
#define PARETUNE_ENGINE_TFLITE_C_SOURCE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stddef.h>

/* Appends declarations to `header` (sizes, `model_run`, for files of bytes `model_run_int8` or `model_run_uint8`) and
 * definitions to `source`, without the lines around them: guards and #include of <math.h>, <stdint.h>
 * and <string.h> are the caller's. One input and one output of float32, int8 or uint8. ERR_INPUT as
 * interpreter_open, and for an operator that has no C text (named). `a` is scratch. */
status c_source_put(const void *file, size_t n, arena *a, buf *header, buf *source, err *e);

#endif
