/* What the stage kinds share, private to engine/stage*.c: a job with its parameters read, and the
 * builders, each of which appends its artifact's bytes and fills in metrics and detail. */
#ifndef PARETUNE_ENGINE_STAGE_KINDS_H
#define PARETUNE_ENGINE_STAGE_KINDS_H

#include "engine/base/file.h"
#include "engine/stage.h"

typedef struct {
    const stage_request *rq;
    const node *params;
    arena *a; /* scratch for the whole job */
    stage_progress progress;
    void *user;
} stage_job;

typedef status stage_builder(const stage_job *job, buf *artifact, stage_result *out, err *e);

stage_builder stage_build_data, stage_build_train, stage_build_export, stage_build_score;

/* Maps the artifact of the job's i-th parent, which must be of this kind; ERR_LOST when it is gone. */
status stage_open_parent(const stage_job *job, int i, stage_kind kind, file_map *map, err *e);
/* Passes on the outcome of reading a parent's artifact: what would be a user's mistake in a user's
 * file (ERR_INPUT) is damage here, ERR_LOST, and the artifact is to be built again. */
status stage_distrust(status s, err *e);

/* Adds a metric; the table of metrics (stage_metrics.c) must know its name. */
void stage_put_metric(stage_result *out, const char *name, double value);

#endif
