/* How long a .tflite file takes on this machine, one thread: the front end that its metadata
 * describes, and the network.
 *
 * Two answers. The protocol's figures follow what a year's script did, with our front end and
 * interpreter in place of Python and TensorFlow:
 *   2020  (kws_latency.py of 2020-21 and 2021-22) one second of noise at 48 kHz, resampled to the
 *         front end's rate, features, inference; the mean of 100 runs, none of them discarded
 *   2024  (hw2_latency.py) one second of noise at the clips' own rate; the median of 100 runs after
 *         100 that are discarded
 * In both, `total` is the whole chain and `inference` what follows when the input stands in the
 * model. The scripts' pauses of 0.1 s between runs are left out. Then, whatever the protocol, at
 * least 200 warm runs give the least, the median and the spread of each part.
 *
 * A file without a front end in its metadata has no features: total is inference, with the input
 * copied. Inputs are noise from a fixed stream, so runs differ in time only. Times are facts about
 * a machine and a moment: they are no part of what paretune promises to repeat bit for bit. */
#ifndef PARETUNE_ENGINE_MEASURE_LATENCY_H
#define PARETUNE_ENGINE_MEASURE_LATENCY_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/base/table.h"
#include "engine/signal/feature.h"
#include "engine/tflite/interpreter.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum { LATENCY_2020, LATENCY_2024, N_LATENCY_PROTOCOLS } latency_protocol;
/* "2020", "2024"; ERR_INPUT names the choices. */
status latency_protocol_parse(const char *word, latency_protocol *out, err *e);
const char *latency_protocol_name(latency_protocol p);

/* Microseconds of one run each. */
typedef struct {
    int n;
    double least, median, mean, most, deviation;
} latency_spread;
/* Sorts `us`. n > 0. */
latency_spread latency_spread_of(double *us, int n);

typedef struct {
    double inference_ms, total_ms; /* by the protocol */
    latency_spread inference, resampling, features,
        total;          /* warm; n = 0 for a part that is not there */
    double quickest_us; /* least time of one inference among blocks of many: finer than the clock */
} latency_figures;

/* What runs the network: our interpreter, or TensorFlow Lite. */
typedef struct {
    void *self;
    void (*invoke)(void *self); /* from `port.data` */
    tfl_port port;              /* the input; data is where it goes */
} latency_runner;
latency_runner latency_own_runner(interpreter *it);

/* The front end described in the file's metadata; *found is false when there is none. ERR_INPUT for
 * a damaged file or a description that makes no sense. `a` is scratch. */
status latency_front_end(const void *file, size_t n, arena *a, feature_settings *out, bool *found,
                         err *e);

/* `front_end` NULL: the network alone. ERR_INPUT when the features do not fit the input. Takes
 * about 500 runs. `a` is scratch. */
status latency_measure(const latency_runner *r, const feature_settings *front_end,
                       latency_protocol p, arena *a, latency_figures *out, err *e);

/* The record of a measurement as JSON, in which devices answer and studies keep it:
 *   {"protocol":"2024","runtime":"paretune","inference_ms":..,"total_ms":..,"unit":"us",
 *    "inference":{"runs":200,"least":..,"median":..,"mean":..,"most":..,"deviation":..},"total":{..},
 *    "inference_least_of_blocks":..}
 * with "resampling" and "resampling_and_features" before "inference" where there are such. `runtime`
 * names what ran the network. */
void latency_put_json(buf *b, latency_protocol p, const char *runtime, const latency_figures *f);
/* The two figures of somebody else's record: ERR_INPUT unless it is of protocol `p` and they are finite
 * and above 0. The year may be text or a number; other members do not matter. */
status latency_read_json(const node *record, latency_protocol p, double *inference_ms,
                         double *total_ms, err *e);

/* A row for each operator: place, name, output, multiply-adds, least, median and deviation of at
 * least 200 warm inferences, share of the sum. The texts are in the table's arena. */
status latency_operator_table(interpreter *it, arena *a, table *out, err *e);

#endif
