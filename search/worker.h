/* The worker's side: jobs come in, stages are built one after the other, replies go out. */
#ifndef PARETUNE_SEARCH_WORKER_H
#define PARETUNE_SEARCH_WORKER_H

#include "engine/base/err.h"
#include "engine/stage.h"

/* What builds a stage: stage_run, or a stand-in of a test. */
typedef status stage_builder_fn(const stage_request *rq, stage_progress progress, void *user,
                                arena *a, stage_result *out, err *e);

/* Serves jobs from descriptor `in` with replies on `out` until `in` ends, which is OK. A stage that
 * fails is a reply, not a failure of the worker; what ends it early is a malformed message
 * (ERR_INPUT) or a coordinator that does not listen any more (ERR_IO). */
status worker_serve(int in, int out, stage_builder_fn *build, err *e);

/* Makes this process a worker on its standard input and output, then serves: it leads a process
 * group of its own, ignores interrupts (the coordinator decides what they mean), is killed when its
 * parent dies, and whatever a library prints goes to standard error instead of into the stream. */
status worker_main(stage_builder_fn *build, err *e);

#endif
