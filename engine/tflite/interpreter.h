/* Runs .tflite files: the reader checks every offset before it is followed, the interpreter plans
 * its memory once and then runs without allocating. Reference: TensorFlow Lite 2.9.0, built-in
 * kernels. */
#ifndef PARETUNE_ENGINE_TFLITE_INTERPRETER_H
#define PARETUNE_ENGINE_TFLITE_INTERPRETER_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/tflite/tfl_schema.h"

#include <stddef.h>

typedef struct interpreter interpreter; /* opaque */

typedef struct {
    tfl_type type;
    int rank, dim[8]; /* the batch dimension included */
    size_t bytes;
    float scale; /* 0 when not quantized */
    int zero_point;
    const char *name; /* "" when the file has none */
    void *data;       /* the caller writes inputs and reads outputs here */
} tfl_port;

/* `file` stays borrowed until `a` is released; a zlib stream or a zip is not unpacked here
 * (pack.h). ERR_INPUT for a damaged file or an operator, version or type that is not supported
 * (named). */
status interpreter_open(arena *a, const void *file, size_t n, interpreter **out, err *e);
int interpreter_n_inputs(const interpreter *it);
int interpreter_n_outputs(const interpreter *it);
tfl_port *interpreter_input(interpreter *it, int i);
const tfl_port *interpreter_output(const interpreter *it, int i);
/* The height of the plan of activations, and what the hungriest operator of this interpreter works
 * in besides; neither depends on the machine. */
size_t interpreter_arena_bytes(const interpreter *it);
size_t interpreter_scratch_bytes(const interpreter *it);
double interpreter_macs(const interpreter *it);
/* One inference. Variable tensors (the state of an LSTM) start at zero each time: an inference is
 * one window, and gives the same result whatever came before. Cannot fail: interpreter_open checked
 * all. */
void interpreter_invoke(interpreter *it);

/* How many numbers a port holds, when they are float32, or int8 or uint8 with a scale; 0 for others. */
int tfl_port_count(const tfl_port *p);
/* The first n real numbers into and out of such a port: as they are, or in its steps. */
void tfl_port_put(const tfl_port *p, const float *x, int n);
void tfl_port_get(const tfl_port *p, float *y, int n);

/* An inference one operator at a time, for measuring: interpreter_reset, then every step in order,
 * is interpreter_invoke. Operators whose results are known in advance are no steps. */
typedef struct {
    int code;         /* op_code */
    const char *name; /* "CONV_2D"; static */
    double macs;
    int rank, dim[8]; /* of the first output */
} interpreter_step;
int interpreter_n_steps(const interpreter *it);
interpreter_step interpreter_get_step(const interpreter *it, int i);
void interpreter_reset(interpreter *it);
void interpreter_run_step(interpreter *it, int i);

#endif
