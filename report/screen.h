/* A terminal taken over for a view that is drawn again and again: another screen without a cursor, keys as they are
 * pressed. It is given back as it was by screen_close, on suspension (Ctrl-Z), and when a signal ends the wait; so a
 * user who always closes it leaves every terminal whole. */
#ifndef PARETUNE_REPORT_SCREEN_H
#define PARETUNE_REPORT_SCREEN_H

#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct screen screen; /* opaque; one at a time in a process, since signals belong to it */

typedef enum {
    SCREEN_TIME,    /* nothing happened */
    SCREEN_KEY,     /* *key was pressed */
    SCREEN_RESIZED, /* or the terminal was taken up again: draw anew */
    SCREEN_LEAVE    /* Ctrl-C, SIGTERM, SIGHUP, or the terminal is gone */
} screen_event;

/* Standard output must be a terminal; keys come from standard input, if that is one, too. */
status screen_open(screen **out, err *e);
void screen_close(screen *s); /* NULL is accepted */

void screen_size(const screen *s, int *width, int *height);
/* Replaces what is shown: lines of at most `width` columns, at most `height` of them. */
status screen_draw(screen *s, const char *lines, size_t n, err *e);
screen_event screen_wait(screen *s, double seconds, char *key);
/* The signal that asked to leave; 0 without one. */
int screen_signal(const screen *s);

#endif
