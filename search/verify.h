/* Building trials a second time, from nothing but what their study says of them, and comparing bits.
 *
 * The space is read back from the study (recall.h), planned, and the trials' stages are built by the scheduler in an
 * empty folder with a database of its own. Equal are then: the key of each stage, which names its code, parameters
 * and parents; the hash of its artifact; its metrics, bit for bit. Times of any kind are facts of a moment: stages
 * that measure them (stage_runs_alone) are neither built nor compared. */
#ifndef PARETUNE_SEARCH_VERIFY_H
#define PARETUNE_SEARCH_VERIFY_H

#include "search/scheduler.h"
#include "search/space.h"
#include "store/store.h"

#include <stdbool.h>

typedef enum {
    VERIFY_SAME,
    VERIFY_TIMES,  /* not compared */
    VERIFY_DIFFERS /* `how` says in what */
} verify_outcome;

typedef struct {
    int64_t trial;
    const char *kind;
    hash key; /* in the study */
    verify_outcome outcome;
    const char *how; /* "the artifact has other bytes", ...; "" */
    const char *why; /* what may be the reason, as far as can be told; "" */
} verify_row;

typedef struct {
    int n, n_different; /* rows: trials in the order given, their stages root first */
    const verify_row *row;
    bool interrupted; /* before all was built: nothing is said */
} verify_report;

typedef struct {
    store *study;
    int n_trials;
    const int64_t *trial;
    const char *data;    /* folder, as in space_options */
    const char *scratch; /* an empty folder */
    int n_workers;
    sched_watch *watch; /* may be NULL */
    void *watch_user;
} verify_options;

/* ERR_INPUT for a trial that is unknown or not done, trials of several spaces, and a space that cannot be read any
 * more. A chain whose keys differ already is not built: what differs is in the report. */
status verify_trials(const verify_options *o, arena *a, verify_report *out, err *e);

#endif
