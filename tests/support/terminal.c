#define _XOPEN_SOURCE 700 /* pseudo terminals */

#include "tests/support/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/clock.h"

static const double patience_seconds = 30;

static void die_if(bool failed)
{
    if (failed) abort();
}

/* The child gets the terminal as its controlling one: signals of keys and of resizing reach it. */
static void become(const char *name, const char *const *argv)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
    const int fd = open(name, O_RDWR);
    if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) != 0) _exit(126);
    for (int i = 0; i < 3; i++) dup2(fd, i);
    if (fd > 2) close(fd);
    execv(argv[0], (char *const *)(void *)(size_t)(const void *)argv);
    _exit(127);
}

void terminal_start(terminal *t, int columns, int rows, const char *const *argv)
{
    memset(t, 0, sizeof *t);
    t->fd = posix_openpt(O_RDWR | O_NOCTTY);
    die_if(t->fd < 0 || grantpt(t->fd) != 0 || unlockpt(t->fd) != 0);
    const char *name = ptsname(t->fd);
    terminal_resize(t, columns, rows);
    die_if(tcgetattr(t->fd, &t->before) != 0);
    t->pid = fork();
    die_if(t->pid < 0);
    if (t->pid == 0) become(name, argv);
}

/* Some of what was written; false at its end or when nothing comes until then. */
static bool read_some(terminal *t, double until)
{
    const double left = until - clock_wall();
    struct pollfd p = {t->fd, POLLIN, 0};
    if (t->n > sizeof t->text / 2) {
        memmove(t->text, t->text + t->n / 2, t->n - t->n / 2);
        t->n -= t->n / 2;
    }
    if (left <= 0 || poll(&p, 1, (int)(left * 1000) + 1) <= 0) return false;
    const ssize_t n = read(t->fd, t->text + t->n, sizeof t->text - 1 - t->n);
    if (n <= 0) return false;
    t->n += (size_t)n;
    t->text[t->n] = '\0';
    return true;
}

bool terminal_wait(terminal *t, size_t from, const char *what)
{
    const double until = clock_wall() + patience_seconds;
    while (from > t->n || !strstr(t->text + from, what))
        if (!read_some(t, until)) return false;
    return true;
}

void terminal_resize(terminal *t, int columns, int rows)
{
    struct winsize w = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    die_if(ioctl(t->fd, TIOCSWINSZ, &w) != 0);
}

void terminal_type(terminal *t, const char *keys)
{
    die_if(write(t->fd, keys, strlen(keys)) != (ssize_t)strlen(keys));
}

int terminal_end(terminal *t, bool *settings_back)
{
    int how;
    struct termios now;
    const double until = clock_wall() + patience_seconds;
    while (read_some(t, until)) continue;
    if (clock_wall() > until) kill(t->pid, SIGKILL);
    die_if(waitpid(t->pid, &how, 0) != t->pid);
    *settings_back = tcgetattr(t->fd, &now) == 0 && now.c_lflag == t->before.c_lflag;
    close(t->fd);
    return WIFEXITED(how) ? WEXITSTATUS(how) : 1000 + WTERMSIG(how);
}
