/* Starting a worker process, here or elsewhere.
 *
 * A launcher is a command and its limits. The command must end up running `paretune worker` with
 * its standard input and output joined to ours: this very program by default, or later `srun ...
 * paretune worker` on a cluster. Nobody else knows where a worker runs. */
#ifndef PARETUNE_SEARCH_LAUNCH_H
#define PARETUNE_SEARCH_LAUNCH_H

#include "engine/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    /* Ended by NULL. The first is looked up in PATH unless it holds a slash. Borrowed. */
    const char *const *words;
    uint64_t memory_bytes; /* address space the process may have; 0 = no limit */
} launcher;

typedef struct {
    pid_t pid; /* also its process group */
    int to;    /* write jobs here: O_NONBLOCK, closed on exec */
    int from;  /* read replies here: O_NONBLOCK, closed on exec */
} launched;

/* The words that start this program as a worker on this machine. */
extern const char *const launch_local[];

/* Starts a process: in a process group of its own, no signal blocked, SIGINT ignored,
 * OPENBLAS_NUM_THREADS=1, and no open descriptor of ours besides the two pipes and standard error. A
 * command that cannot be executed is ERR_INPUT. */
status launch_start(const launcher *l, launched *out, err *e);

/* False in builds under a sanitizer, which reserve more address space than any limit allows. */
bool launch_can_limit_memory(void);

#endif
