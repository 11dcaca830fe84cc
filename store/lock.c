#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* The holder's text, one line; "another process" when it wrote none yet. */
static void read_holder(int fd, char *text, size_t n)
{
    ssize_t got = pread(fd, text, n - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20) *p = ' ';
    if (!text[0]) snprintf(text, n, "another process");
}

static status write_holder(const lock *l, err *e)
{
    struct utsname u;
    struct tm tm;
    char when[32], text[256];
    time_t now = time(NULL);
    if (uname(&u) != 0) snprintf(u.nodename, sizeof u.nodename, "this machine");
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now, &tm));
    int n = snprintf(text, sizeof text, "process %ld on %.100s since %s\n", (long)getpid(),
                     u.nodename, when);
    if (ftruncate(l->fd, 0) != 0 || pwrite(l->fd, text, (size_t)n, 0) != n)
        return FAIL(e, ERR_IO, "cannot write %s: %s", l->path, strerror(errno));
    return OK;
}

/* A holder removes the file as it leaves: an open descriptor may then be of a file that has no name
 * any more, and its lock would keep nobody out. */
static bool still_named(const lock *l)
{
    struct stat held, named;
    return fstat(l->fd, &held) == 0 && stat(l->path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static status lock_once(lock *l, const char *path, err *e)
{
    l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (l->fd < 0) return FAIL(e, ERR_IO, "cannot make %s: %s", l->path, strerror(errno));
    if (flock(l->fd, LOCK_EX | LOCK_NB) == 0) return OK;
    int why = errno;
    char holder[256];
    read_holder(l->fd, holder, sizeof holder);
    close(l->fd);
    l->fd = -1;
    if (why != EWOULDBLOCK) return FAIL(e, ERR_IO, "cannot lock %s: %s", l->path, strerror(why));
    return FAIL(e, ERR_STATE,
                "%s is being written by %s; wait for it or end it first (readers such as query and "
                "report need not wait)",
                path, holder);
}

status lock_take(lock *l, const char *path, arena *a, err *e)
{
    *l = (lock){.fd = -1, .path = arena_printf(a, "%s-lock", path)};
    if (!l->path) return FAIL(e, ERR_MEM, "no memory for a lock's name");
    for (;;) {
        TRY(lock_once(l, path, e));
        if (still_named(l)) break;
        close(l->fd);
    }
    status s = write_holder(l, e);
    if (s != OK) lock_drop(l);
    return s;
}

void lock_drop(lock *l)
{
    if (l->fd < 0) return;
    unlink(l->path);
    close(l->fd);
    l->fd = -1;
}
