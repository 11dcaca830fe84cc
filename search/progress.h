/* How a run shows its progress: the watcher of a scheduler.
 *
 *   terminal  one line on standard error, rewritten at most once a second and cut to the width
 *   lines     a line on standard error at the start, every 30 seconds and at the end
 *   json      an object on a line of standard output for every event, nothing on standard error
 *   quiet     nothing: its user tells the number of failures and the first one at the end
 *
 * Failed stages and retries are told at once and stay, in every other style (json: as events). */
#ifndef PARETUNE_SEARCH_PROGRESS_H
#define PARETUNE_SEARCH_PROGRESS_H

#include "engine/base/arena.h"
#include "search/scheduler.h"
#include "store/store.h"

#include <stdbool.h>

typedef enum { PROGRESS_TERMINAL, PROGRESS_LINES, PROGRESS_JSON, PROGRESS_QUIET } progress_style;

enum { PROGRESS_LINE = 400 };

typedef struct {
    progress_style style;
    bool colour;
    store *results; /* asked for the versions' picks now and then; NULL: never */
    arena memory;
    double last_line, last_picks;
    bool drawn; /* the terminal's line has something on it */
    int n_reported;
    char first_failure[200];          /* what the first failed stage said; "" while there is none */
    int n_damaged;                    /* artifacts, in a row */
    char versions[PROGRESS_LINE / 2]; /* "a ok 1.4 kB, b no" */
} progress;

/* The style that fits: json and quiet when asked for, else what standard error is. */
progress_style progress_choose(bool json, bool quiet);
void progress_open(progress *p, progress_style style, store *results);
/* A sched_watch; `user` is the progress. */
void progress_watch(void *user, const sched_event *ev);
/* Leaves the terminal's line behind. */
void progress_close(progress *p);

/* The events as JSON, for the last words of a run: one line on standard output. */
void progress_put_event_json(const sched_event *ev);
void progress_put_pick_json(const pick *p);

#endif
