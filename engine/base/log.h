/* Talk on standard error: "12:04:31 run: 118/400 done". Standard output is for data only. */
#ifndef PARETUNE_ENGINE_BASE_LOG_H
#define PARETUNE_ENGINE_BASE_LOG_H

#include <stdbool.h>
#include <stdio.h>

typedef enum { LOG_QUIET = -1, LOG_NORMAL = 0, LOG_VERBOSE = 1 } log_level;

/* Set by a subcommand that has -q and -v, before it says anything. */
void log_set_level(log_level level);
log_level log_get_level(void);

/* A line with the time of day and the speaker, unless quiet. */
void log_say(const char *who, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line shown only with -v. */
void log_detail(const char *who, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line shown always: errors and warnings. No time in front. */
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* True when `f` is a terminal that takes colour (NO_COLOR unset, TERM not dumb). */
bool log_colour(FILE *f);

#endif
