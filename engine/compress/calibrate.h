/* The ranges of a network's activations, which full-integer storage needs: observed on examples.
 *
 * A network is first "spread": activations that integer operators cannot apply on the side (tanh,
 * sigmoid) become layers of their own, so that every tensor that needs a range is the output of a
 * layer. Point 0 is the network's input, point i + 1 the output of layer i. Its parameters stay as
 * they are, since the new layers have none. */
#ifndef PARETUNE_ENGINE_COMPRESS_CALIBRATE_H
#define PARETUNE_ENGINE_COMPRESS_CALIBRATE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/compress/quantize.h"
#include "engine/data/examples.h"
#include "engine/nn/spec.h"

enum { NET_MAX_POINTS = NET_MAX_LAYERS + 1 };

/* `folded` has no batch norm and no dropout (nn/fold.h); `out` may be the same. ERR_INPUT when it holds a layer that has no
 * integer form (lstm, batch-norm), or when the new layers do not fit. */
status calibrate_spread(const net_spec *folded, net_spec *out, err *e);

/* Whether the network is what calibrate_spread makes. */
bool calibrate_is_spread(const net_spec *s);

/* How a point's parameters come about. */
typedef enum {
    POINT_OWN,  /* from its range */
    POINT_TIED, /* those of the point before: the operator moves or picks values, or averages them */
    POINT_FIXED /* known from the function: [-1, 1] of tanh, [0, 1] of sigmoid and softmax */
} point_kind;
/* The kind of point i; of a fixed one also its parameters. */
point_kind calibrate_point(const net_spec *spread, int i, affine *fixed);
/* The parameters of every point from the ranges of its own ones. out[spread->n + 1] */
void calibrate_affine(const net_spec *spread, const value_range *ranges, affine *out);

typedef struct {
    int examples; /* so many of the training part, evenly spread; fewer when it has fewer */
    double
        percentile; /* 100: the least and the largest value; 99.9: bounds that 0.1 % of the values
                          lie below and 0.1 % above, from histograms of 4096 bins */
} calibration;

/* {"method":"min-max","examples":500} or {"method":"percentile","percentile":99.9,"examples":500} */
status calibration_parse(const node *json, calibration *out, err *e);

/* The ranges of all points of a spread network, and for each of `columns` columns of the output
 * that column's own (NULL when none are wanted; the output's last dimension is `columns`). ERR_NUM
 * when an activation is not finite. */
status calibrate(const net_spec *spread, const float *params, const examples *ex,
                 const calibration *how, int columns, arena *a, value_range *ranges,
                 value_range *of_column, err *e);

/* --- outputs with scales of their own --- */

/* Columns of the output [steps, columns] that may get a range each: when all of them come from a dense
 * layer with a bias and without activation that is only reshaped afterwards. ERR_INPUT otherwise. */
status calibrate_columns(const net_spec *s, int *columns, err *e);

/* A range becomes [-1, 1] by (y - shift) / scale. */
void calibrate_head(value_range r, float *scale, float *shift);

/* Rescales the last dense layer in `params` so that every column runs from -1 to 1 over its range, and
 * sets that layer's range: what it gave is u * scale[c] + shift[c]. */
status calibrate_heads(const net_spec *spread, int columns, const value_range *of_column,
                       float *params, value_range *ranges, float *scale, float *shift, err *e);

#endif
