/* Facts about a .tflite file that anyone may bring: what `paretune inspect` shows. */
#ifndef PARETUNE_ENGINE_TFLITE_FACTS_H
#define PARETUNE_ENGINE_TFLITE_FACTS_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/tflite/anatomy.h"
#include "engine/tflite/pack.h"
#include "engine/tflite/tfl_graph.h"

#include <stdbool.h>
#include <stddef.h>

/* A tensor's values; those of half and float by their bits, so that 0 and -0 differ. */
typedef struct {
    bool is_constant;
    size_t n, n_zeros, n_distinct;
} tensor_facts;

typedef struct {
    tfl_graph g;
    packing form;       /* of the file as it was given */
    size_t given_bytes; /* as it was given */
    const void *flat;
    size_t n_flat;
    anatomy parts; /* of the file as it was given; of a flat file as zlib at level 6 packs it */
    tensor_facts *tensor;
    double *macs;              /* of each operator, by the shapes in the file */
    double total_macs;         /* as the interpreter counts; NaN when it does not take the file */
    double arena_bytes;        /* likewise */
    size_t n_weights, n_zeros; /* trained constants, and zeros among them */
    const char *refusal;       /* why our interpreter does not run it; NULL when it does */
} model_facts;

/* `bytes` may be flat, a zlib stream or a ZIP. All results are in `a` or borrowed from `bytes`.
 * ERR_INPUT for what is no .tflite file or a damaged one; operators that are not supported are no
 * error. */
status facts_of(arena *a, const void *bytes, size_t n, model_facts *out, err *e);

/* "[1,49,10,1]" in `a`; NULL when out of memory. */
const char *facts_shape(arena *a, const tfl_tensor *t);

#endif
