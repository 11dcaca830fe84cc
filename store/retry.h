/* Failed trials taken up again. Part of store.h's door.
 *
 * A run tries again by itself what failed for a reason that may have passed (store_stage_is_hopeless). What the
 * parameters of a stage decide it takes as final; with `hopeless` that is given another chance, too, as one wants
 * after mending the program or what it reads. */
#ifndef PARETUNE_STORE_RETRY_H
#define PARETUNE_STORE_RETRY_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/table.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

typedef struct {
    int trials;      /* ready again: those named, and others that failed by the same stages alone */
    int stages;      /* to be built anew */
    int left_failed; /* named, and left: what failed would fail again */
} store_retried;

/* Makes the failed stages of `n` failed trials ready, and every trial that no failed stage is left of, in one
 * transaction. `what` gets a row for each of the n: trial, stage, code, reason, action. ERR_INPUT for a number
 * that no trial has, or of a trial that has not failed; then nothing is changed. */
status store_retry(struct store *s, const int64_t *trial, int n, bool hopeless, arena *a,
                   table *what, store_retried *out, err *e);

#endif
