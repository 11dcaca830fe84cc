/* The stages of all trials as one graph: each distinct key once, an edge from a stage to each stage
 * that reads its artifact.
 *
 * Stages are numbered in the order in which trials first need them, a parent always before its
 * children. Of the stages that could run, the one with the smallest number comes first: trials are
 * finished in their order and depth first, whatever the number of workers. A stage takes 64 bytes
 * and a trial 32, since a space may hold hundreds of thousands: what a stage's request says is not
 * kept but planned again when it runs. Stages that run alone (stage_runs_alone) come when no other
 * is ready or running, one at a time.
 *
 * Trials may come while stages run: graph_settle takes in what was added since it was last called. What a
 * new trial shares with earlier ones stays what it is, be it running or built, and is looked at once.
 *
 * A trial may be built step by step: added with the first stages of its chain only, it pauses when these are
 * there, at once when these are none, and goes on with more or is stopped. The stages behind may be
 * in the graph from the start; they are not needed until a trial leads to them.
 *
 * The life of a stage:  OPEN -> (settle) -> NOT_NEEDED | WAITING -> READY -> RUNNING -> DONE |
 * FAILED; NOT_NEEDED and DONE -> WAITING when a later trial needs what is not there */
#ifndef PARETUNE_SEARCH_GRAPH_H
#define PARETUNE_SEARCH_GRAPH_H

#include "engine/base/err.h"
#include "engine/base/hash.h"
#include "engine/stage.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct graph graph; /* opaque */

typedef enum {
    BUILD_OPEN,       /* to be built if anything needs it */
    BUILD_NOT_NEEDED, /* no open trial leads here */
    BUILD_WAITING,    /* for a parent */
    BUILD_READY,
    BUILD_RUNNING,
    BUILD_DONE,
    BUILD_FAILED,
    N_BUILD_STATES
} build_state;

typedef enum {
    TRIAL_OPEN,
    TRIAL_PAUSED, /* what was asked for is built; whether it goes on is to be decided */
    TRIAL_DONE,
    TRIAL_STOPPED,
    TRIAL_FAILED,
    N_TRIAL_STATES
} trial_state;

typedef struct {
    int64_t candidate, id; /* id: the row in the store */
    int32_t seed_index;
    int32_t leaves_left; /* last stages of its chain that are not built yet */
    trial_state state;
    bool pauses; /* built so far, it is TRIAL_PAUSED and not TRIAL_DONE */
    bool is_new; /* the graph's own: added or gone on with since the last graph_settle */
} graph_trial;

typedef struct {
    stage_kind kind;
    build_state state;
    int trial,
        position; /* the first trial that needs it, and where in that trial's chain it stands */
    int tries;
    double predicted_seconds;
} graph_stage;

status graph_new(graph **out, err *e);
void graph_free(graph *g); /* NULL is accepted */

/* --- filling --- */

/* The stage's number. A new key is put in as BUILD_OPEN of `trial` at `position`, and *is_new is
 * set. All parents must be in the graph already; ERR_ARG otherwise. */
status graph_add_stage(graph *g, const stage_request *rq, double predicted_seconds, int trial,
                       int position, int *number, bool *is_new, err *e);
/* The stage's number; -1 when it was never added. */
int graph_find_stage(const graph *g, const hash *key);
/* What the store knows of a stage from earlier runs: BUILD_DONE or BUILD_FAILED. */
void graph_set_known(graph *g, int stage, build_state state);
/* The next trial's number is graph_n_trials before the call; `stages` are the numbers of its chain, as far as
 * it is to be built now; one that pauses may have none. */
status graph_add_trial(graph *g, const graph_trial *t, const int *stages, int n, err *e);
/* A paused trial goes on to the first n stages of its chain, which graph_settle then takes in. */
status graph_go_on(graph *g, int trial, const int *stages, int n, bool pauses, err *e);
/* A paused trial ends. */
void graph_stop(graph *g, int trial);

/* Asked about a stage that an earlier run finished and somebody needs: is its artifact whole? When
 * it answers no (*whole = false) the stage is built again. */
typedef status graph_inspect(void *user, int stage, bool *whole, err *e);

/* Takes in the trials and stages that were added since the last call. Decides what is to be built: what
 * open trials lead to, and the parents of what is to be built when their artifacts are damaged; an
 * export's artifact is inspected always, being what the user came for. No artifact is inspected twice,
 * and none that this run built. Then queues what can start. Open trials that need nothing more are in graph_take_closed
 * as done or paused; those that an earlier failure closes as failed, and the stages behind it in
 * graph_take_spoiled. */
status graph_settle(graph *g, graph_inspect *inspect, void *user, err *e);

/* --- running --- */

/* The ready stage with the smallest number, now BUILD_RUNNING; -1 when none may start. */
int graph_start(graph *g);
/* Back to ready, for another try; counts the try that was lost when `lost` holds. */
status graph_retry(graph *g, int stage, bool lost, err *e);
/* The stage is built: children may become ready, trials done. */
status graph_finish(graph *g, int stage, err *e);
/* The stage cannot be built: all that waits for it becomes BUILD_FAILED, its trials TRIAL_FAILED.
 */
status graph_fail(graph *g, int stage, err *e);

/* Trials closed or paused since they were last asked for, one a call in the order of their numbers as far as
 * they are known; -1 at the end. One that paused may be TRIAL_OPEN again, when graph_settle has found out
 * meanwhile that what it ended in is damaged: it will pause a second time. */
int graph_take_closed(graph *g);
/* Stages that failed because of another, in the same manner. */
int graph_take_spoiled(graph *g);

/* --- asking --- */

graph_stage graph_get_stage(const graph *g, int stage);
const graph_trial *graph_get_trial(const graph *g, int trial);
hash graph_key(const graph *g, int stage);
int graph_n_stages(const graph *g);
int graph_n_trials(const graph *g);
int graph_count(const graph *g, build_state state);
int graph_count_trials(const graph *g, trial_state state);
/* Predicted seconds of all stages that are still to be built or running. */
double graph_seconds_left(const graph *g);

#endif
