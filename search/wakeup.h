/* SIGINT and SIGTERM as something to read: a byte for each that came in. */
#ifndef PARETUNE_SEARCH_WAKEUP_H
#define PARETUNE_SEARCH_WAKEUP_H

#include "engine/base/err.h"

#include <signal.h>
#include <stdbool.h>

typedef struct {
    int fd; /* to be polled and read, never blocks; -1: closed */
    struct sigaction interrupt, terminate, pipe; /* as they were before */
} wakeup;

/* Takes SIGINT and SIGTERM over, and ignores SIGPIPE. Of one caller at a time. */
status wakeup_open(wakeup *w, err *e);
/* Signals that came in since the last call. */
int wakeup_count(wakeup *w);
/* Gives the signals back. */
void wakeup_close(wakeup *w);

#endif
