/* A handler takes no argument: the write end of the pipe that it wakes us by is this file's only state.
 * A handler and not signalfd, since threads of a library (OpenBLAS has some from the start) do not
 * block the signals that we block, and would die of them. */
#include "search/wakeup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int wake_end = -1;

static void wake_up(int signal_number)
{
    int kept = errno;
    ssize_t n = write(wake_end, "", 1); /* when the pipe is full there are signals enough in it */
    (void)n, (void)signal_number;
    errno = kept;
}

static bool open_pipe(wakeup *w)
{
    int fd[2];
    if (pipe(fd) != 0) return false;
    w->fd = fd[0];
    wake_end = fd[1];
    for (int i = 0; i < 2; i++)
        if (fcntl(fd[i], F_SETFL, O_NONBLOCK) != 0 || fcntl(fd[i], F_SETFD, FD_CLOEXEC) != 0)
            return false;
    return true;
}

static void close_pipe(wakeup *w)
{
    if (w->fd >= 0) close(w->fd);
    if (wake_end >= 0) close(wake_end);
    w->fd = wake_end = -1;
}

status wakeup_open(wakeup *w, err *e)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction wake = {.sa_handler = wake_up, .sa_flags = SA_RESTART};
    w->fd = -1;
    if (!open_pipe(w)) {
        close_pipe(w);
        return FAIL(e, ERR_IO, "cannot watch signals: %s", strerror(errno));
    }
    sigaction(SIGPIPE, &ignore, &w->pipe);
    sigaction(SIGINT, &wake, &w->interrupt);
    sigaction(SIGTERM, &wake, &w->terminate);
    return OK;
}

int wakeup_count(wakeup *w)
{
    char each[16];
    ssize_t n;
    int count = 0;
    while ((n = read(w->fd, each, sizeof each)) > 0) count += (int)n;
    return count;
}

void wakeup_close(wakeup *w)
{
    sigaction(SIGINT, &w->interrupt, NULL);
    sigaction(SIGTERM, &w->terminate, NULL);
    sigaction(SIGPIPE, &w->pipe, NULL);
    close_pipe(w);
}
