/* How far a study has come: what `status` shows. Part of store.h's door, read-only. */
#ifndef PARETUNE_STORE_CENSUS_H
#define PARETUNE_STORE_CENSUS_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/table.h"

#include <stdbool.h>
#include <stddef.h>

struct store;

/* One row for the trials of the last run's space and one for each kind of stage they need: how many
 * in each state, processor seconds spent, bytes of artifacts. */
status store_census(struct store *s, arena *a, table *out, err *e);

/* What went wrong, most frequent first: kind of stage, code, reason, how many stages, and how many
 * trials of the last run's space they stopped. At most `limit` rows. */
status store_failures(struct store *s, int limit, arena *a, table *out, err *e);

/* The last run: its number, when it started (UTC), how it ended ("" when it did not), workers. */
typedef struct {
    long long id;
    const char *started, *ended, *ending;
    int workers;
} store_run_note;
status store_last_run(struct store *s, arena *a, store_run_note *out, err *e);

/* Of the last run's space: trials that the stop rule ended, how many of them before they began, those it would have
 * ended that were finished to check it, and in how many of these it would have been wrong. */
typedef struct {
    int stopped, unbegun, audited, wrong;
} store_stop_counts;
status store_count_stops(struct store *s, store_stop_counts *out, err *e);

/* Whether a process on this machine is writing the study now. */
bool store_has_writer(struct store *s);

#endif
