/* A growing table of 64-bit identities, each with a small number: open addressing, linear probing.
 *
 * Identities come from identity_mix (value.h). Of the few million in a plan, two different things
 * have the same one with a chance of about one in a million; a plan may then count a stage too few,
 * and keys of stages, which are 128 bits, still tell them apart. */
#ifndef PARETUNE_SEARCH_IDENTITY_H
#define PARETUNE_SEARCH_IDENTITY_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    arena *a;
    uint64_t *key; /* 0: free */
    uint32_t *number;
    size_t cap, n;
} identity_table;

/* Room for `expected` without growing. Lives in `a`, where outgrown memory stays too. */
status identity_init(identity_table *t, arena *a, size_t expected, err *e);
/* The number kept under `id`, NULL when there is none. Valid until the next put. */
const uint32_t *identity_find(const identity_table *t, uint64_t id);
/* Keeps `number` under `id` unless something is; *added says which. */
status identity_put(identity_table *t, uint64_t id, uint32_t number, bool *added, err *e);

#endif
