/* fork and exec, with the two things that are easy to forget: a failed exec is reported through a
 * third pipe that a successful one closes, and every descriptor of ours is closed on exec, or a
 * worker would hold another worker's input open and keep it from seeing its end. */
#include "search/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

const char *const launch_local[] = {"/proc/self/exe", "worker", NULL};

bool launch_can_limit_memory(void)
{
    return !UNDER_SANITIZER;
}

enum { READ_END, WRITE_END };

typedef struct {
    int jobs[2], replies[2], trouble[2];
} pipes;

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void close_pipes(pipes *p)
{
    for (int i = 0; i < 2; i++) {
        close_fd(&p->jobs[i]);
        close_fd(&p->replies[i]);
        close_fd(&p->trouble[i]);
    }
}

static bool open_pipe(int fd[2])
{
    if (pipe(fd) != 0) {
        fd[0] = fd[1] = -1;
        return false;
    }
    return fcntl(fd[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd[1], F_SETFD, FD_CLOEXEC) == 0;
}

/* --- in the child: a library may have threads, so only calls that are safe after fork --- */

static bool limit_memory(uint64_t bytes)
{
    struct rlimit limit = {(rlim_t)bytes, (rlim_t)bytes};
    return bytes == 0 || UNDER_SANITIZER || setrlimit(RLIMIT_AS, &limit) == 0;
}

static bool join_pipes(const pipes *p)
{
    return dup2(p->jobs[READ_END], STDIN_FILENO) >= 0 &&
           dup2(p->replies[WRITE_END], STDOUT_FILENO) >= 0;
}

static void become_command(const launcher *l, const pipes *p)
{
    char *const *words; /* execvp does not change them, but was declared before const was */
    sigset_t none;
    memcpy(&words, &l->words, sizeof words);
    sigemptyset(&none);
    setpgid(0, 0);
    signal(SIGINT, SIG_IGN); /* stays so after exec: no moment at which Ctrl-C ends a worker */
    signal(SIGPIPE, SIG_DFL);
    if (sigprocmask(SIG_SETMASK, &none, NULL) == 0 && join_pipes(p) &&
        limit_memory(l->memory_bytes))
        execvp(words[0], words);
    int why = errno;
    ssize_t n = write(p->trouble[WRITE_END], &why, sizeof why);
    _exit(n == sizeof why ? 127 : 126);
}

/* --- in the parent --- */

/* The child's errno when it could not start, 0 when it did. Waits until one is known. */
static int read_trouble(int fd)
{
    int why = 0;
    ssize_t n;
    do {
        n = read(fd, &why, sizeof why);
    } while (n < 0 && errno == EINTR);
    return n == sizeof why ? why : 0;
}

static status finish_start(const launcher *l, pipes *p, pid_t pid, launched *out, err *e)
{
    setpgid(pid, pid); /* here too: we may want to kill the group before the child has run */
    close_fd(&p->trouble[WRITE_END]);
    int why = read_trouble(p->trouble[READ_END]);
    if (why) {
        waitpid(pid, NULL, 0);
        return FAIL(e, ERR_INPUT, "cannot start a worker with '%s': %s", l->words[0],
                    strerror(why));
    }
    *out = (launched){pid, p->jobs[WRITE_END], p->replies[READ_END]};
    p->jobs[WRITE_END] = p->replies[READ_END] = -1;
    return OK;
}

status launch_start(const launcher *l, launched *out, err *e)
{
    pipes p = {{-1, -1}, {-1, -1}, {-1, -1}};
    status s = OK;
    /* Set here, since the child must not: our own OpenBLAS has read it long ago. */
    if (setenv("OPENBLAS_NUM_THREADS", "1", 1) != 0 || !open_pipe(p.jobs) ||
        !open_pipe(p.replies) || !open_pipe(p.trouble) ||
        fcntl(p.jobs[WRITE_END], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(p.replies[READ_END], F_SETFL, O_NONBLOCK) != 0) {
        s = FAIL(e, ERR_IO, "cannot prepare a worker: %s", strerror(errno));
    } else {
        pid_t pid = fork();
        if (pid == 0) become_command(l, &p);
        s = pid < 0 ? FAIL(e, ERR_IO, "cannot start a worker: %s", strerror(errno))
                    : finish_start(l, &p, pid, out, e);
    }
    close_pipes(&p);
    return s;
}
