/* What the stage kinds share, private to engine/stage*.c: a job with its parameters read, and the
 * builders, each of which appends its artifact's bytes and fills in metrics and detail. */
#ifndef PARETUNE_ENGINE_STAGE_KINDS_H
#define PARETUNE_ENGINE_STAGE_KINDS_H

#include "engine/base/file.h"
#include "engine/data/clip_set.h"
#include "engine/data/series.h"
#include "engine/stage.h"

typedef struct {
    const stage_request *rq;
    const node *params;
    arena *a; /* scratch for the whole job */
    stage_progress progress;
    void *user;
} stage_job;

typedef status stage_builder(const stage_job *job, buf *artifact, stage_result *out, err *e);

stage_builder stage_build_data, stage_build_train, stage_build_export, stage_build_score,
    stage_build_latency, stage_build_device, stage_build_grade;

/* Maps the artifact of the job's i-th parent, which must be of this kind; ERR_LOST when it is gone. */
status stage_open_parent(const stage_job *job, int i, stage_kind kind, file_map *map, err *e);
/* Passes on the outcome of reading a parent's artifact: what would be a user's mistake in a user's
 * file (ERR_INPUT) is damage here, ERR_LOST, and the artifact is to be built again. */
status stage_distrust(status s, err *e);

/* What a data stage made, as examples. */
typedef struct {
    file_map map;
    series series;  /* of a forecasting task */
    clip_set clips; /* of a keyword task: ex.n_classes > 0 */
    examples ex;    /* borrows the others: leave the struct where it is */
} stage_examples;

/* Opens the artifact of the job's i-th parent, a data stage; closed even when opening failed. */
status stage_open_examples(const stage_job *job, int i, stage_examples *out, err *e);
void stage_close_examples(stage_examples *x);

/* Sets of clips: shards, waveforms. */
typedef struct {
    int n;
    file_map map[STAGE_MAX_PARENTS];
    clip_set set[STAGE_MAX_PARENTS];
} stage_clips;

/* Opens the artifacts of `n` of the job's parents, data stages, from the first-th on; closed even when
 * opening failed. */
status stage_open_clips(const stage_job *job, int first, int n, stage_clips *out, err *e);
void stage_close_clips(stage_clips *x);

/* The metrics of a file's sizes; the job's parameters are those of an export stage. */
status stage_put_sizes(const stage_job *job, const buf *file, stage_result *out, err *e);

/* Adds a metric; the table of metrics (stage_metrics.c) must know its name. */
void stage_put_metric(stage_result *out, const char *name, double value);

#endif
