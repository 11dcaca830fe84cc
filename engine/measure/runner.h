/* What runs the network while it is timed, by name: "paretune", our interpreter; "tflite", the real
 * TensorFlow Lite with its built-in kernels; "tflite-xnnpack", the same with that delegate. */
#ifndef PARETUNE_ENGINE_MEASURE_RUNNER_H
#define PARETUNE_ENGINE_MEASURE_RUNNER_H

#include "engine/measure/latency.h"
#include "engine/tflite/foreign.h"

typedef enum { RUNTIME_OWN, RUNTIME_TFLITE, RUNTIME_XNNPACK, N_RUNTIMES } runtime;
/* In the order of the enum. */
extern const char *const runtime_names[N_RUNTIMES];

typedef struct {
    latency_runner runner;
    foreign *library; /* NULL for our own */
    void *y;
    err failed; /* the first failure while it ran */
} timed_model;

/* `library` is the path of libtensorflowlite_c.so, not used by our own interpreter. ERR_INPUT when the
 * model does not have one input, or TensorFlow Lite takes another input than we do. `out` borrows
 * `file` and lives in `a`; closed even when opening failed. It must not move while it is open. */
status timed_model_open(arena *a, runtime r, const char *library, const void *file, size_t n,
                        timed_model *out, err *e);
/* The failure of an inference while it was timed, if there was one. */
status timed_model_check(const timed_model *m, err *e);
void timed_model_close(timed_model *m);

#endif
