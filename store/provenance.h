/* Where a trial comes from: its space, its stages and what made them. Part of store.h's door, read-only. */
#ifndef PARETUNE_STORE_PROVENANCE_H
#define PARETUNE_STORE_PROVENANCE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/hash.h"

#include <stdint.h>

struct store;

typedef struct {
    hash key;
    const char *kind, *params, *state;
    int version; /* of the code of this kind */
    /* Of the run that built it; "" when none did. */
    const char *program, *compiler, *cpu, *kernels, *system;
} store_origin;

typedef struct {
    int64_t trial, candidate;
    uint64_t seed;
    const char *state;
    const char *space_path,
        *space_text; /* store_space's path and text: the latest that has the trial */
    hash space_hash;
    int n;
    const store_origin *stage; /* the chain, root first */
} store_provenance;

/* All in `a`. ERR_INPUT for a number that no trial has. */
status store_read_provenance(struct store *s, int64_t trial, arena *a, store_provenance *out,
                             err *e);

#endif
