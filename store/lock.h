/* The lock that makes one process the writer of a study: an flock on PATH-lock, whose text says who
 * holds it and, in a second line, when that process started, in ticks since the machine did. The system drops it when the process ends, however that ends. SQLite's own locks serve
 * single transactions and name nobody; a POSIX lock on the database itself would break them. */
#ifndef PARETUNE_STORE_LOCK_H
#define PARETUNE_STORE_LOCK_H

#include "engine/base/arena.h"
#include "engine/base/err.h"

#include <stdbool.h>

typedef struct {
    int fd; /* -1: not held */
    const char *path;
} lock;

/* Takes PATH-lock for the database `path`; ERR_STATE with process, machine and time of the holder
 * when another has it. The lock's name lives in `a`. */
status lock_take(lock *l, const char *path, arena *a, err *e);
void lock_drop(lock *l); /* does nothing when it is not held */
/* Whether the process that the text of the lock file `name` tells of lives on this machine. The lock
 * itself is left alone, since trying it could turn a run away that starts at this moment. */
bool lock_names_living(const char *name);

#endif
