/* A program on a pseudo terminal of its own, and what it writes there. */
#ifndef PARETUNE_TESTS_SUPPORT_TERMINAL_H
#define PARETUNE_TESTS_SUPPORT_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>

typedef struct {
    pid_t pid;
    int fd; /* our end */
    struct termios before;
    char text[1 << 18]; /* everything written so far, a string; the oldest goes when it is full */
    size_t n;
} terminal;

/* `argv` ends with NULL; argv[0] is the program's path. */
void terminal_start(terminal *t, int columns, int rows, const char *const *argv);
/* Reads until `what` was written behind the first `from` bytes; false after half a minute without it, or when the
 * program ended before. */
bool terminal_wait(terminal *t, size_t from, const char *what);
void terminal_resize(terminal *t, int columns, int rows);
void terminal_type(terminal *t, const char *keys);
/* Waits for the program's end, reading; its exit code, or 1000 + the signal. Closes the terminal. *settings_back:
 * whether keys and echo are as they were. */
int terminal_end(terminal *t, bool *settings_back);

#endif
