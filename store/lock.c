#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

/* When a process started, in ticks since the machine did; 0 when that is not known. The second field,
 * its command in brackets, may hold anything; this is the 20th behind it. */
static unsigned long long start_of_process(long pid)
{
    char path[40], text[1024];
    unsigned long long ticks = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    const char *at = strrchr(text, ')');
    for (int field = 0; at && field < 20; field++) at = strchr(at + 1, ' ');
    if (at) ticks = strtoull(at, NULL, 10);
    return ticks;
}

static status write_holder(const lock *l, err *e)
{
    struct utsname u;
    struct tm tm;
    char when[32], text[256];
    time_t now = time(NULL);
    if (uname(&u) != 0) snprintf(u.nodename, sizeof u.nodename, "this machine");
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now, &tm));
    int n = snprintf(text, sizeof text, "process %ld on %.100s since %s\nstarted %llu\n",
                     (long)getpid(), u.nodename, when, start_of_process(getpid()));
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

static bool is_this_machine(const char *rest)
{
    struct utsname u;
    if (uname(&u) != 0 || strncmp(rest, " on ", 4) != 0) return false;
    size_t n = strlen(u.nodename);
    return strncmp(rest + 4, u.nodename, n) == 0 && strncmp(rest + 4 + n, " since ", 7) == 0;
}

/* A number that another process has by now does not count. */
static bool is_living(long pid, const char *second_line)
{
    unsigned long long noted = 0, found = start_of_process(pid);
    if (pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno != EPERM)) return false;
    if (strncmp(second_line, "started ", 8) == 0) noted = strtoull(second_line + 8, NULL, 10);
    return noted == 0 || found == 0 || noted == found;
}

bool lock_names_living(const char *name)
{
    char first[256], second[64] = "", *rest;
    FILE *f = fopen(name, "r");
    if (!f) return false;
    bool is_text = fgets(first, sizeof first, f) && strncmp(first, "process ", 8) == 0;
    if (is_text && !fgets(second, sizeof second, f)) second[0] = '\0'; /* an older paretune's */
    fclose(f);
    if (!is_text) return false;
    long pid = strtol(first + 8, &rest, 10);
    return is_this_machine(rest) && is_living(pid, second);
}
