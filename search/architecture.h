/* A network as a file: knobs, and layers whose numbers are expressions over them.
 *
 * A candidate's values turn it into the JSON of engine/nn/spec.h. Whole numbers are made by
 * truncation, as the course's int() does, and are at least 1; a layer whose `when` is false is left
 * out. A layer may have a name, by which a later one's `from` calls it; the JSON has its index among
 * the layers that are not left out, -1 for the network's input. */
#ifndef PARETUNE_SEARCH_ARCHITECTURE_H
#define PARETUNE_SEARCH_ARCHITECTURE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/diag.h"
#include "engine/base/err.h"
#include "engine/base/shape.h"
#include "search/expr.h"

enum { ARCHITECTURE_MAX_KNOBS = 24 };

typedef struct {
    const char *name, *help;
    value def;
    double min, max;     /* numbers: inclusive range */
    const char *choices; /* words: "relu|tanh" */
} knob;

typedef struct architecture architecture; /* opaque */

/* Reads and checks the file at `path` for a task ("forecast", "keywords"; NULL: forecast), which
 * decides the predefined names; `name` is how the space calls it (borrowed). NULL when anything was
 * reported to `d`. */
architecture *architecture_read(arena *a, const char *name, const char *path, const char *task,
                                diag *d);

const char *architecture_name(const architecture *x);
const char *architecture_path(const architecture *x);
const char *architecture_text(const architecture *x); /* the file, for the record of a study */
int architecture_n_knobs(const architecture *x);
const knob *architecture_knob(const architecture *x, int i);

/* What the network stands between. Expressions know these numbers as steps_in, features, steps_out,
 * outputs (forecast) or as in_h, in_w, in_c, classes (keywords). */
typedef struct {
    shape in;      /* [steps_in, features] or [in_h, in_w, in_c] */
    int steps_out; /* forecast; 0 for keywords */
    int outputs;   /* of each step; or classes */
} architecture_io;

/* Appends the network for `values` (one for each knob, in order) on such examples. ERR_INPUT, with
 * the place in the file, when an expression fails or gives a number out of its layer's range, or a
 * layer is added from one that its own condition leaves out. */
status architecture_put_net(const architecture *x, const value *values, architecture_io io, buf *b,
                            err *e);

#endif
