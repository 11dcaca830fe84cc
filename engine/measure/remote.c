#include "engine/measure/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/clock.h"

enum { MOST_COMPLAINT = 4096 };

/* --- the command --- */

static void put_quoted(buf *b, const char *path)
{
    buf_char(b, '\'');
    for (; *path; path++) {
        if (*path == '\'')
            buf_text(b, "'\\''");
        else
            buf_char(b, *path);
    }
    buf_char(b, '\'');
}

const char *remote_command(const char *words, const char *model, latency_protocol p, arena *a)
{
    const char *year = latency_protocol_name(p);
    if (!strstr(words, "{model}"))
        return arena_printf(a, "%s bench - --record --protocol %s", words, year);
    buf b = {0};
    for (const char *w = words; *w;) {
        if (strncmp(w, "{model}", 7) == 0) {
            put_quoted(&b, model);
            w += 7;
        } else if (strncmp(w, "{protocol}", 10) == 0) {
            buf_text(&b, year);
            w += 10;
        } else {
            buf_char(&b, *w++);
        }
    }
    const char *command = buf_check(&b, NULL) == OK ? arena_copy(a, b.data, b.len) : NULL;
    buf_free(&b);
    return command;
}

/* --- running it --- */

/* A started command; `from` holds its standard output and standard error, -1 when at their end. */
typedef struct {
    pid_t pid;
    int from[2];
} started;

static void become_shell(const char *command, int input, const int out[2], const int said[2])
{
    signal(SIGPIPE, SIG_DFL);
    if (dup2(input, STDIN_FILENO) >= 0 && dup2(out[1], STDOUT_FILENO) >= 0 &&
        dup2(said[1], STDERR_FILENO) >= 0)
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static void end_group(int number)
{
    (void)number;
    kill(0, SIGKILL);
}

static noreturn void end_as(int how)
{
    if (WIFEXITED(how)) _exit(WEXITSTATUS(how));
    signal(WTERMSIG(how), SIG_DFL);
    raise(WTERMSIG(how));
    _exit(127);
}

/* In the child: leads the command's group and ends as the command does. The worker that asked may be
 * killed at any time; all that the command started dies with it, which a shell by itself would not
 * see to. */
static noreturn void guard_shell(const char *command, pid_t worker, int input, const int out[2],
                                 const int said[2])
{
    int how = 0;
    setpgid(0, 0);
    signal(SIGTERM, end_group);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const pid_t shell = getppid() == worker ? fork() : -1;
    if (shell == 0) become_shell(command, input, out, said);
    if (shell < 0) _exit(127);
    const int fds[] = {input, out[0], out[1], said[0], said[1]}; /* the command's own */
    for (int i = 0; i < 5; i++) close(fds[i]);
    while (waitpid(shell, &how, 0) < 0 && errno == EINTR) continue;
    end_as(how);
}

static bool open_pipe(int fd[2])
{
    return pipe(fd) == 0 && fcntl(fd[0], F_SETFD, FD_CLOEXEC) == 0 &&
           fcntl(fd[1], F_SETFD, FD_CLOEXEC) == 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static status start(const char *command, const char *input, started *s, err *e)
{
    int in = open(input, O_RDONLY | O_CLOEXEC), out[2] = {-1, -1}, said[2] = {-1, -1};
    const pid_t worker = getpid();
    s->pid = -1;
    if (in >= 0 && open_pipe(out) && open_pipe(said)) s->pid = fork();
    if (s->pid == 0) guard_shell(command, worker, in, out, said);
    const int why = errno;
    if (s->pid > 0)
        setpgid(s->pid, s->pid); /* here too: it may have to be killed before it has run */
    close_fd(&in);
    close_fd(&out[1]);
    close_fd(&said[1]);
    s->from[0] = out[0];
    s->from[1] = said[0];
    if (s->pid > 0) return OK;
    close_fd(&s->from[0]);
    close_fd(&s->from[1]);
    return FAIL(e, ERR_IO, "the device's command cannot be started: %s", strerror(why));
}

/* One piece from `fd` into `b`, which keeps `most` bytes; *over when there were more. */
static void take_piece(int *fd, buf *b, size_t most, bool *over)
{
    char piece[4096];
    const ssize_t n = read(*fd, piece, sizeof piece);
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) {
        close_fd(fd);
        return;
    }
    const size_t room = most - b->len, taken = (size_t)n < room ? (size_t)n : room;
    buf_put(b, piece, taken);
    *over |= taken < (size_t)n;
}

static status listen_to(started *s, double seconds, size_t most, buf *out, buf *said, err *e)
{
    const double until = clock_wall() + seconds;
    bool over = false, unheard = false;
    while ((s->from[0] >= 0 || s->from[1] >= 0) && !over) {
        struct pollfd fds[2] = {{s->from[0], POLLIN, 0}, {s->from[1], POLLIN, 0}};
        const double left = until - clock_wall();
        const int n = left <= 0 ? 0 : poll(fds, 2, (int)(left * 1e3) + 1);
        if (n < 0 && errno != EINTR)
            return FAIL(e, ERR_IO, "cannot wait for the device: %s", strerror(errno));
        if (n == 0) return FAIL(e, ERR_IO, "the device did not answer within %.6g s", seconds);
        if (n > 0 && fds[0].revents) take_piece(&s->from[0], out, most, &over);
        if (n > 0 && fds[1].revents) take_piece(&s->from[1], said, MOST_COMPLAINT, &unheard);
    }
    return over ? FAIL(e, ERR_IO, "the device's answer is over %zu bytes", most) : OK;
}

/* The last line of what was said, without its end; scripts say most just before they give up. */
static const char *last_line(buf *said)
{
    while (said->len && strchr(" \r\n", said->data[said->len - 1])) said->data[--said->len] = '\0';
    if (!said->len) return "it said nothing";
    const char *line = strrchr(said->data, '\n');
    return line ? line + 1 : said->data;
}

/* Waits for the end of a command whose output has ended, no longer than until `until`. */
static bool await_end(pid_t pid, double until, int *how)
{
    const struct timespec moment = {0, 5000000};
    for (;;) {
        const pid_t got = waitpid(pid, how, WNOHANG);
        if (got == pid) return true;
        if (got < 0 && errno != EINTR) return true;
        if (clock_wall() >= until) return false;
        nanosleep(&moment, NULL);
    }
}

static status judge(int how, buf *said, err *e)
{
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0) return OK;
    if (WIFEXITED(how))
        return FAIL(e, ERR_IO, "the device's command ended with code %d: %s", WEXITSTATUS(how),
                    last_line(said));
    return FAIL(e, ERR_IO, "the device's command was ended by signal %d: %s", WTERMSIG(how),
                last_line(said));
}

status remote_run(const char *command, const char *input, double seconds, size_t most, buf *out,
                  err *e)
{
    started s;
    buf said = {0}, answer = {0};
    int how = 0;
    const double until = clock_wall() + seconds;
    TRY(start(command, input, &s, e));
    status code = listen_to(&s, seconds, most, &answer, &said, e);
    if (code == OK && !await_end(s.pid, until, &how))
        code = FAIL(e, ERR_IO, "the device did not answer within %.6g s", seconds);
    else if (code == OK)
        code = judge(how, &said, e);
    kill(-s.pid, SIGKILL); /* what is left of it: all of it, or what it started */
    if (code != OK) waitpid(s.pid, NULL, 0);
    close_fd(&s.from[0]);
    close_fd(&s.from[1]);
    if (code == OK) code = buf_check(&answer, e);
    if (code == OK) buf_put(out, answer.data, answer.len);
    buf_free(&answer);
    buf_free(&said);
    return code == OK ? buf_check(out, e) : code;
}
