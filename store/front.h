/* The front of a space, kept while its trials finish: the members' figures in memory, the
 * membership in trials.on_front. Adding a trial costs one comparison per member. */
#ifndef PARETUNE_STORE_FRONT_H
#define PARETUNE_STORE_FRONT_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "store/db.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    arena a;
    int64_t space_id;
    int m; /* objectives; 0: no front */
    const char **metric;
    double *sign; /* -1 for what is maximised */
    int n, cap;
    int64_t *trial;
    double *point; /* n x m, to be minimised */
    bool stale;    /* set from outside when trials joined or left otherwise than by front_add */
} front;

void front_free(front *f); /* accepts a zeroed struct */

/* Reads the objectives and all finished trials of the space, finds the front afresh and corrects
 * on_front where it differs. Inside a transaction of the caller's. */
status front_load(front *f, db *d, int64_t space_id, err *e);

/* A trial that has just finished: updates on_front of it and of the members it beats. A trial
 * without one of the objectives never belongs. Loads instead when stale or when it is a member
 * already. */
status front_add(front *f, db *d, int64_t trial, err *e);
bool front_has(const front *f, int64_t trial);

/* store_read_points for a given space. */
status points_read(db *d, int64_t space_id, int n_metrics, const char *const *metric, arena *a,
                   store_points *out, err *e);

#endif
