#include "search/progress.h"
#include "engine/base/node.h"
#include "engine/base/quantity.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

Test(progress, durations_are_for_people)
{
    static const struct {
        double seconds;
        const char *text;
    } rows[] = {{0, "0 s"},           {89, "89 s"},         {90, "2 min"},       {3600, "60 min"},
                {5400, "1 h 30 min"}, {7500, "2 h 05 min"}, {200000, "2 d 8 h"}, {NAN, "?"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[32];
        quantity_duration(rows[i].seconds, text, sizeof text);
        cr_expect_str_eq(text, rows[i].text);
    }
}

/* A descriptor of this process points to another file for a while; what was written comes back. */
typedef struct {
    int fd, saved, read_end;
} capture;

static capture capture_open(int fd, int write_end, int read_end)
{
    capture c = {fd, dup(fd), read_end};
    fflush(NULL);
    dup2(write_end, fd);
    close(write_end);
    return c;
}

static char *capture_close(capture *c)
{
    static char text[20000];
    fflush(NULL);
    dup2(c->saved, c->fd);
    close(c->saved);
    size_t at =
        0; /* nobody writes any more: reading ends with an end of file, or EIO of a terminal */
    for (ssize_t n; (n = read(c->read_end, text + at, sizeof text - 1 - at)) > 0;) at += (size_t)n;
    text[at] = '\0';
    close(c->read_end);
    return text;
}

static capture capture_pipe(int fd)
{
    int p[2];
    cr_assert(zero(int, pipe(p)));
    return capture_open(fd, p[1], p[0]);
}

static capture capture_terminal(int columns)
{
    int master, slave;
    struct winsize w = {.ws_row = 24, .ws_col = (unsigned short)columns};
    cr_assert(zero(int, openpty(&master, &slave, NULL, NULL, &w)));
    return capture_open(STDERR_FILENO, slave, master);
}

static sched_figures figures(double elapsed)
{
    return (sched_figures){.trials = 400,
                           .most_trials = 400,
                           .trials_done = 118,
                           .trials_failed = 2,
                           .stages = 900,
                           .stages_done = 333,
                           .running = 2,
                           .elapsed_seconds = elapsed,
                           .eta_seconds = 360};
}

static void tell(progress *p, sched_event_kind kind, double elapsed)
{
    sched_figures f = figures(elapsed);
    progress_watch(p, &(sched_event){.kind = kind, .now = &f, .stage = "", .code = "", .text = ""});
}

static void tell_failure(progress *p, const char *text)
{
    sched_figures f = figures(5);
    progress_watch(p, &(sched_event){.kind = SCHED_STAGE_FAILED,
                                     .now = &f,
                                     .stage = "train",
                                     .key = hash_bytes("x", 1),
                                     .trial = 7,
                                     .code = "numeric",
                                     .text = text});
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)); text += strlen(what)) n++;
    return n;
}

Test(progress, a_narrow_terminal_gets_one_short_line)
{
    static const int widths[] = {10, 30, 80, 200};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        progress p;
        setenv("NO_COLOR", "1", 1);
        capture c = capture_terminal(widths[i]);
        cr_expect(eq(int, (int)progress_choose(false, false), PROGRESS_TERMINAL));
        progress_open(&p, PROGRESS_TERMINAL, NULL);
        snprintf(p.versions, sizeof p.versions, ", ä ok, b not yet");
        tell(&p, SCHED_TICK, 10);
        cr_expect(p.drawn);
        p.drawn = false; /* no line end: only the line itself is looked at */
        progress_close(&p);
        char *text = capture_close(&c);
        cr_assert_eq(text[0], '\r');
        char *end = strstr(text, "\033[K");
        cr_assert_not_null(end);
        *end = '\0';
        int n = 0;
        for (char *q = text + 1; *q; q++) n += ((unsigned char)*q & 0xc0) != 0x80;
        int room = widths[i] < 20 ? 20 : widths[i];
        cr_expect(lt(int, n, room), "%d columns in a terminal of %d: %s", n, widths[i], text);
        if (widths[i] == 200) cr_expect(count(text, "118/400 done, 2 failed") == 1, "%s", text);
    }
}

Test(progress, the_line_is_rewritten_once_a_second_at_most)
{
    progress p;
    setenv("NO_COLOR", "1", 1);
    capture c = capture_terminal(100);
    progress_open(&p, PROGRESS_TERMINAL, NULL);
    for (int i = 0; i <= 50; i++) tell(&p, SCHED_STAGE_DONE, 10 + 0.1 * i);
    progress_close(&p);
    char *text = capture_close(&c);
    int n = count(text, "118/400");
    cr_expect(n >= 5 && n <= 6, "%d times in 5 s", n);
    cr_expect_null(strstr(text, "\033[1m"), "colour although NO_COLOR is set");
}

Test(progress, without_a_terminal_there_are_few_plain_lines)
{
    progress p;
    capture c = capture_pipe(STDERR_FILENO);
    cr_expect(eq(int, (int)progress_choose(false, false), PROGRESS_LINES));
    progress_open(&p, PROGRESS_LINES, NULL);
    tell(&p, SCHED_STARTED, 0);
    for (int i = 1; i < 100; i++) tell(&p, SCHED_TICK, i);
    tell(&p, SCHED_ENDED, 100);
    progress_close(&p);
    char *text = capture_close(&c);
    cr_expect(eq(int, count(text, "118/400"), 1 + 3 + 1), "%s", text);
    cr_expect_null(strchr(text, '\033'));
    cr_expect_null(strchr(text, '\r'));
}

Test(progress, failures_stay_and_are_not_endless)
{
    progress p;
    capture c = capture_pipe(STDERR_FILENO);
    progress_open(&p, PROGRESS_LINES, NULL);
    for (int i = 0; i < 100; i++) tell_failure(&p, "the loss is not a number");
    progress_close(&p);
    char *text = capture_close(&c);
    cr_expect(eq(int, count(text, "trial 7 failed: the loss is not a number"), 20), "%s", text);
    cr_expect(eq(int, count(text, "paretune status"), 1));
}

Test(progress, json_is_one_object_a_line)
{
    progress p;
    capture c = capture_pipe(STDOUT_FILENO);
    progress_open(&p, progress_choose(true, false), NULL);
    for (sched_event_kind k = SCHED_PLANNED; k <= SCHED_ENDED; k++) tell(&p, k, 1.5);
    tell_failure(&p, "a \"quoted\"\nline");
    progress_close(&p);
    char *text = capture_close(&c);
    arena a;
    arena_init(&a, 0);
    int n = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), n++) {
        node *o;
        const char *event, *reason;
        double done;
        cr_assert(eq(int, node_read_json(&a, line, strlen(line), &o, NULL), OK), "%s", line);
        cr_expect(eq(int, node_string(o, "event", &event, NULL), OK));
        cr_expect(eq(int, node_double(o, "trials_done", &done, NULL), OK));
        cr_expect(eq(dbl, done, 118));
        if (strcmp(event, "stage_failed") != 0 || !node_get(o, "text")) continue;
        cr_expect(eq(int, node_string(o, "text", &reason, NULL), OK));
        cr_expect_str_eq(reason, "a \"quoted\"\nline");
    }
    cr_expect(eq(int, n, SCHED_ENDED + 2));
    arena_free(&a);
}
