#include "engine/base/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static log_level level_now = LOG_NORMAL;

void log_set_level(log_level level)
{
    level_now = level;
}

log_level log_get_level(void)
{
    return level_now;
}

static void __attribute__((format(printf, 2, 0)))
say(const char *who, const char *format, va_list ap)
{
    char clock_text[16];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(clock_text, sizeof clock_text, "%H:%M:%S", &tm);
    fprintf(stderr, "%s %s: ", clock_text, who);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
}

void log_say(const char *who, const char *format, ...)
{
    if (level_now < LOG_NORMAL) return;
    va_list ap;
    va_start(ap, format);
    say(who, format, ap);
    va_end(ap);
}

void log_detail(const char *who, const char *format, ...)
{
    if (level_now < LOG_VERBOSE) return;
    va_list ap;
    va_start(ap, format);
    say(who, format, ap);
    va_end(ap);
}

void log_warn(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
}

bool log_colour(FILE *f)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(f)) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}
