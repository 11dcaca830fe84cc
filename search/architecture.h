/* A network as a file: knobs, and layers whose numbers are expressions over them.
 *
 * A candidate's values turn it into the JSON of engine/nn/spec.h. Whole numbers are made by
 * truncation, as the course's int() does, and are at least 1; a layer whose `when` is false is left
 * out. */
#ifndef PARETUNE_SEARCH_ARCHITECTURE_H
#define PARETUNE_SEARCH_ARCHITECTURE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/diag.h"
#include "engine/base/err.h"
#include "search/expr.h"

enum { ARCHITECTURE_MAX_KNOBS = 24 };

typedef struct {
    const char *name, *help;
    value def;
    double min, max;     /* numbers: inclusive range */
    const char *choices; /* words: "relu|tanh" */
} knob;

typedef struct architecture architecture; /* opaque */

/* Reads and checks the file at `path`; `name` is how the space calls it (borrowed). NULL when
 * anything was reported to `d`. */
architecture *architecture_read(arena *a, const char *name, const char *path, diag *d);

const char *architecture_name(const architecture *x);
const char *architecture_path(const architecture *x);
const char *architecture_text(const architecture *x); /* the file, for the record of a study */
int architecture_n_knobs(const architecture *x);
const knob *architecture_knob(const architecture *x, int i);

/* Appends the network for `values` (one for each knob, in order) on examples of [steps_in,
 * features] and forecasts of [steps_out, outputs]. ERR_INPUT, with the place in the file, when an
 * expression fails or gives a number out of its layer's range. */
typedef struct {
    int steps_in, features, steps_out, outputs;
} architecture_io;
status architecture_put_net(const architecture *x, const value *values, architecture_io io, buf *b,
                            err *e);

#endif
