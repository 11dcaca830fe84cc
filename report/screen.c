/* Handlers only write the number of their signal into a pipe, which the wait polls beside the keyboard: threads of
 * libraries may be the ones that a signal reaches, so an interrupted poll is nothing to rely on. Lines are drawn over
 * what was there and the rest of each cleared, which does not flicker as clearing the screen would. */
#include "report/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"

static const int watched[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT};
enum { N_WATCHED = sizeof watched / sizeof *watched };

struct screen {
    arena memory; /* this struct */
    buf frame;
    bool has_keys, taken, keys_ended;
    struct termios before;
    struct sigaction old[N_WATCHED];
    int signals; /* read end of the pipe */
    int signal;  /* that asked to leave */
};

/* A handler takes no argument: the write end is this file's only state. */
static int wake_end = -1;

static void wake_up(int number)
{
    const int kept = errno;
    const unsigned char byte = (unsigned char)number;
    ssize_t n = write(wake_end, &byte, 1);
    (void)n;
    errno = kept;
}

static status write_all(const char *p, size_t n, err *e)
{
    while (n > 0) {
        const ssize_t w = write(STDOUT_FILENO, p, n);
        if (w < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (w <= 0) return FAIL(e, ERR_IO, "cannot write to the terminal: %s", strerror(errno));
        p += w;
        n -= (size_t)w;
    }
    return OK;
}

static status write_text(const char *text, err *e)
{
    return write_all(text, strlen(text), e);
}

/* --- taking the terminal and giving it back --- */

static status take(screen *s, err *e)
{
    struct termios raw = s->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (s->has_keys && tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
        return FAIL(e, ERR_IO, "cannot set the terminal: %s", strerror(errno));
    s->taken = true;
    return write_text("\033[?1049h\033[?25l\033[2J", e);
}

static void give_back(screen *s)
{
    if (!s->taken) return;
    s->taken = false;
    write_text("\033[?25h\033[?1049l", NULL);
    if (s->has_keys) tcsetattr(STDIN_FILENO, TCSADRAIN, &s->before);
}

static void watch_signals(screen *s)
{
    struct sigaction wake = {.sa_handler = wake_up, .sa_flags = SA_RESTART};
    for (int i = 0; i < N_WATCHED; i++) sigaction(watched[i], &wake, &s->old[i]);
}

static void unwatch_signals(screen *s)
{
    for (int i = 0; i < N_WATCHED; i++) sigaction(watched[i], &s->old[i], NULL);
}

static status open_pipe(screen *s, err *e)
{
    int fd[2];
    if (pipe(fd) != 0) return FAIL(e, ERR_IO, "cannot watch signals: %s", strerror(errno));
    s->signals = fd[0];
    wake_end = fd[1];
    for (int i = 0; i < 2; i++) {
        fcntl(fd[i], F_SETFL, O_NONBLOCK);
        fcntl(fd[i], F_SETFD, FD_CLOEXEC);
    }
    return OK;
}

status screen_open(screen **out, err *e)
{
    arena memory;
    arena_init(&memory, 0);
    *out = NULL;
    screen *s = ARENA_NEW(&memory, screen, 1);
    if (!s) return FAIL(e, ERR_MEM, "out of memory");
    s->memory = memory;
    s->has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &s->before) == 0;
    status st = open_pipe(s, e);
    if (st != OK) {
        arena_free(&memory);
        return st;
    }
    watch_signals(s);
    st = take(s, e);
    if (st != OK) {
        screen_close(s);
        return st;
    }
    *out = s;
    return OK;
}

void screen_close(screen *s)
{
    if (!s) return;
    give_back(s);
    unwatch_signals(s);
    close(s->signals);
    close(wake_end);
    wake_end = -1;
    buf_free(&s->frame);
    arena memory = s->memory; /* s lies in it */
    arena_free(&memory);
}

int screen_signal(const screen *s)
{
    return s->signal;
}

/* --- drawing --- */

void screen_size(const screen *s, int *width, int *height)
{
    struct winsize w;
    (void)s;
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0;
    *width = known ? w.ws_col : 80;
    *height = known ? w.ws_row : 24;
}

/* No line end behind the last line: at the foot of the screen it would scroll. */
status screen_draw(screen *s, const char *lines, size_t n, err *e)
{
    buf *b = &s->frame;
    buf_clear(b);
    buf_text(b, "\033[H");
    for (size_t at = 0; at < n;) {
        const char *end = memchr(lines + at, '\n', n - at);
        const size_t length = end ? (size_t)(end - lines) - at : n - at;
        buf_put(b, lines + at, length);
        at += length + 1;
        buf_text(b, at < n ? "\033[K\r\n" : "\033[K");
    }
    buf_text(b, "\033[J");
    TRY(buf_check(b, e));
    return write_all(b->data, b->len, e);
}

/* --- waiting --- */

/* Stops as the shell expects, with the terminal given back, and takes it up again when continued. */
static void suspend(screen *s)
{
    struct sigaction standard = {.sa_handler = SIG_DFL}, ours;
    sigset_t set, old;
    give_back(s);
    sigaction(SIGTSTP, &standard, &ours);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, &old);
    kill(getpid(), SIGTSTP);
    sigprocmask(SIG_SETMASK, &old, NULL);
    sigaction(SIGTSTP, &ours, NULL);
}

static screen_event hear_signals(screen *s)
{
    unsigned char number;
    screen_event what = SCREEN_TIME;
    while (what != SCREEN_LEAVE && read(s->signals, &number, 1) == 1) {
        if (number == SIGTSTP) suspend(s);
        if (number == SIGTSTP || number == SIGCONT) {
            if (!s->taken && take(s, NULL) != OK) return SCREEN_LEAVE;
        }
        const bool draws = number == SIGWINCH || number == SIGCONT || number == SIGTSTP;
        what = draws ? SCREEN_RESIZED : SCREEN_LEAVE;
        if (!draws) s->signal = number;
    }
    return what;
}

screen_event screen_wait(screen *s, double seconds, char *key)
{
    struct pollfd fds[] = {{s->signals, POLLIN, 0},
                           {s->has_keys && !s->keys_ended ? STDIN_FILENO : -1, POLLIN, 0}};
    const int n = poll(fds, 2, (int)(seconds * 1000));
    if (n < 0 && errno != EINTR) return SCREEN_LEAVE;
    const screen_event what = hear_signals(s);
    if (what != SCREEN_TIME) return what;
    if (n <= 0 || !fds[1].revents) return SCREEN_TIME;
    if (read(STDIN_FILENO, key, 1) == 1) return SCREEN_KEY;
    return SCREEN_LEAVE; /* the terminal hung up */
}
