#include "engine/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const words[] = {
    [OK] = "ok",          [ERR_ARG] = "argument", [ERR_INPUT] = "input", [ERR_IO] = "io",
    [ERR_MEM] = "memory", [ERR_NUM] = "numeric",  [ERR_STATE] = "state", [ERR_LOST] = "lost",
};

status err_set_at(err *e, status code, const char *file, int line, const char *format, ...)
{
    if (!e || e->code != OK) return code;
    e->code = code;
    e->file = file;
    e->line = line;
    va_list ap;
    va_start(ap, format);
    vsnprintf(e->msg, sizeof e->msg, format, ap);
    va_end(ap);
    return code;
}

status err_wrap(err *e, const char *format, ...)
{
    if (!e) return ERR_STATE;
    char old[sizeof e->msg];
    memcpy(old, e->msg, sizeof old);
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(e->msg, sizeof e->msg, format, ap);
    va_end(ap);
    int room = (int)sizeof e->msg - n - (int)sizeof ": ";
    if (n >= 0 && room > 0) snprintf(e->msg + n, sizeof e->msg - (size_t)n, ": %.*s", room, old);
    return e->code;
}

const char *err_word(status code)
{
    return (unsigned)code < sizeof words / sizeof *words ? words[code] : "unknown";
}

status err_from_word(const char *word)
{
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], word) == 0) return (status)i;
    return ERR_STATE;
}
