/* A forecasting data set: rows of a few channels, cut in time into a training, a validation and a
 * test part, and served as windows: `steps_in` rows to look at, the `steps_out` rows after them to
 * forecast.
 *
 * With n rows the parts are [0, int(0.7 n)), [int(0.7 n), int(0.9 n)), [int(0.9 n), n); windows
 * begin at every row of a part and stay inside it, so a part of r rows has r - (in + out) + 1. What
 * is looked at is normalised, (x - mean) / (std + 1e-6) with the training part's mean and
 * population standard deviation per channel; what is forecast stays in physical units. All as in
 * the course's pipelines, in float32.
 *
 * An artifact holds all of it and is used in place, so a worker maps the file and starts. */
#ifndef PARETUNE_ENGINE_DATA_SERIES_H
#define PARETUNE_ENGINE_DATA_SERIES_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/node.h"
#include "engine/data/climate.h"
#include "engine/data/examples.h"

#include <stddef.h>

enum { SERIES_MAX_CHANNELS = CLIMATE_MAX_COLUMNS, SERIES_MAX_STEPS = 4096 };

typedef struct {
    char name[28];   /* "RH" */
    char unit[12];   /* "%" */
    float mean, std; /* over the training part's rows, physical */
} series_channel;

typedef struct {
    int n_rows, n_channels, steps_in, steps_out;
    int first[N_PARTS + 1]; /* part p is rows [first[p], first[p + 1]) */
    series_channel channel[SERIES_MAX_CHANNELS];
    const float *physical, *normalised; /* [n_rows, n_channels]; borrowed, see below */
    climate_notes notes; /* what the dates of a table gave rise to; not part of the artifact */
} series;

/* Builds the set that `params` describe: a data stage's JSON,
 *   {"source":"jena-csv","file_hash":"..","columns":["T (degC)","rh (%)"],"names":["T","RH"],
 *    "units":["°C","%"],"steps_in":6,"steps_out":6,"split":[0.7,0.2,0.1]}   read from `input`, or
 *   {"source":"synthetic-climate","rows":20000,"seed":1, names, units, steps and split as above}.
 * The rows lie in `a`. ERR_INPUT when the table makes no sense or is too short for one window in
 * each part, ERR_IO when it is gone, ERR_STATE when it is not the one that was hashed; ERR_ARG when
 * `params` are not as above. */
status series_build(const node *params, const char *input, arena *a, series *out, err *e);

/* How many windows each part will have, from a glance at the table: rows are counted, not read. */
status series_count(const node *params, const char *input, arena *a, int n[N_PARTS], err *e);

/* The artifact: see series.c for the format. series_open borrows `bytes`, 4-byte aligned, for as
 * long as the series is used, and refuses with ERR_INPUT whatever series_save did not write. */
void series_save(const series *s, buf *out);
status series_open(const void *bytes, size_t n, series *out, err *e);

/* The windows; `ex` borrows `s`. */
void series_examples(const series *s, examples *ex);

/* A line about what was noticed in the dates of the table `file`; nothing when nothing was. */
void series_put_notes(const series *s, const char *file, buf *out);

/* JSON for people: rows, parts, statistics and what was noticed in the dates. */
void series_detail(const series *s, buf *out);

#endif
