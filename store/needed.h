/* Which artifacts a study still needs. Part of store.h's door, read-only.
 *
 * Needed are: of every trial that is not finished, all that is built of its chain, since what is missing is built from
 * it; of the finished trials that are to be kept, what is behind the training (models and what was measured of
 * them). Datasets and checkpoints of finished trials are needed by nobody: a later trial that shares them has them
 * built again. */
#ifndef PARETUNE_STORE_NEEDED_H
#define PARETUNE_STORE_NEEDED_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/hash.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/* Finished trials to keep. */
typedef struct {
    bool all;   /* of all spaces of the study */
    bool front; /* on the front of the last run's space */
    bool picks; /* what its versions chose, or came closest */
    int n;      /* and those named */
    const int64_t *trial;
} store_keep;

typedef struct {
    hash key;
    const char *kind; /* "train" */
    bool needed;
} store_artifact;

/* Every stage that is done, by key. ERR_INPUT for a named trial that is not there. */
status store_needed(struct store *s, const store_keep *keep, arena *a, int *n,
                    const store_artifact **out, err *e);

/* Whether the folder of artifacts was given by hand (run --artifacts), so that another study may have it, too. */
bool store_artifacts_are_shared(struct store *s);

#endif
