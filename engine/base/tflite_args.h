/* What every command that can use the real TensorFlow Lite takes on its command line. */
#ifndef PARETUNE_ENGINE_BASE_TFLITE_ARGS_H
#define PARETUNE_ENGINE_BASE_TFLITE_ARGS_H

#include "engine/base/opt.h"

#include <stdbool.h>

typedef struct {
    const char *library; /* NULL: not given */
    bool xnnpack;
} tflite_args;

/* Rows for an option table; `args` is a static tflite_args. */
#define TFLITE_OPTIONS(args)                                                                  \
    {.name = "tflite-lib",                                                                    \
     .type = OPT_STRING,                                                                      \
     .arg = "PATH",                                                                           \
     .value = &(args).library,                                                                \
     .help = "run networks in TensorFlow Lite's own libtensorflowlite_c.so instead of this "  \
             "interpreter"},                                                                  \
    {                                                                                         \
        .name = "xnnpack", .type = OPT_FLAG, .value = &(args).xnnpack,                        \
        .help = "with --tflite-lib: use the XNNPACK delegate instead of the built-in kernels" \
    }

/* --xnnpack without a library is the user's mistake. */
static inline status tflite_args_check(const tflite_args *args, err *e)
{
    if (!args->xnnpack || args->library) return OK;
    return FAIL(e, ERR_INPUT, "--xnnpack needs --tflite-lib, the library that has it");
}

#endif
