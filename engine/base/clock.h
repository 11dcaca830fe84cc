/* Seconds that passed: of the clock on the wall, which nobody sets, and of this process's work. */
#ifndef PARETUNE_ENGINE_BASE_CLOCK_H
#define PARETUNE_ENGINE_BASE_CLOCK_H

#include <time.h>

static inline double clock_read(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Differences alone mean something: its zero is arbitrary. */
static inline double clock_wall(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

static inline double clock_cpu(void)
{
    return clock_read(CLOCK_PROCESS_CPUTIME_ID);
}

#endif
