/* Commands that measure elsewhere: what they get, what they may answer, and how they fail. */
#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/measure/remote.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static arena a;
static char model[64];

static void begin(void)
{
    arena_init(&a, 0);
    snprintf(model, sizeof model, "/tmp/paretune-remote-%d.tflite", (int)getpid());
    cr_assert_eq(file_write(model, "weights", 7, NULL), OK);
}

static void end(void)
{
    unlink(model);
    arena_free(&a);
}

TestSuite(remote, .init = begin, .fini = end, .timeout = 60);

static void expect_answer(const char *command, const char *want)
{
    buf b = {0};
    err e = {0};
    cr_assert_eq(remote_run(command, model, 30, 100, &b, &e), OK, "%s: %s", command, e.msg);
    cr_expect_str_eq(b.len ? b.data : "", want);
    buf_free(&b);
}

static void expect_failure(const char *command, double seconds, const char *want)
{
    buf b = {0};
    err e = {0};
    cr_assert_eq(remote_run(command, model, seconds, 100, &b, &e), ERR_IO, "%s", command);
    cr_expect_str_eq(e.msg, want);
    cr_expect_eq(b.len, 0);
    buf_free(&b);
}

Test(remote, a_command_gets_the_model_and_its_answer_comes_back)
{
    expect_answer("cat", "weights");
    expect_answer("wc -c | tr -d ' \\n'", "7");
    expect_answer("true", "");
    expect_answer("echo beside >&2; printf answer", "answer");
}

Test(remote, a_command_that_fails_is_told_in_its_last_words)
{
    expect_failure("echo first >&2; echo 'no route to pi' >&2; exit 7", 30,
                   "the device's command ended with code 7: no route to pi");
    expect_failure("printf half; exit 1", 30,
                   "the device's command ended with code 1: it said nothing");
    expect_failure("kill -9 $$", 30, "the device's command was ended by signal 9: it said nothing");
}

Test(remote, an_answer_without_end_is_not_waited_for)
{
    expect_failure("yes", 30, "the device's answer is over 100 bytes");
    expect_failure("yes >&2 | sleep 30 | cat", 0.2, "the device did not answer within 0.2 s");
}

Test(remote, a_silent_command_is_killed_with_what_it_started)
{
    char command[200];
    snprintf(command, sizeof command, "(sleep 1; rm %s) & sleep 30", model);
    expect_failure(command, 0.2, "the device did not answer within 0.2 s");
    expect_failure("exec >&- 2>&-; sleep 30", 0.2, "the device did not answer within 0.2 s");
    sleep(2);
    cr_expect(file_exists(model), "a part of the command lives on");
}

/* Whether a byte, or the end when `want` is 0, comes within 20 s. */
static bool reads(int fd, ssize_t want)
{
    char byte;
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 20000) == 1 && read(fd, &byte, 1) == want;
}

/* Of the worker that asks and of what the command starts, all hold the writing end. */
Test(remote, a_command_dies_with_the_worker_that_asked)
{
    int held[2];
    char command[80];
    cr_assert_eq(pipe(held), 0);
    snprintf(command, sizeof command, "(printf x >/dev/fd/%d; sleep 60; true); true", held[1]);
    const pid_t worker = fork();
    if (worker == 0) {
        buf b = {0};
        remote_run(command, model, 60, 100, &b, NULL);
        _exit(0);
    }
    close(held[1]);
    cr_assert(reads(held[0], 1), "the command does not start");
    kill(worker, SIGKILL);
    waitpid(worker, NULL, 0);
    cr_expect(reads(held[0], 0), "a part of the command lives on");
    close(held[0]);
}

Test(remote, a_command_is_completed_or_filled_in)
{
    cr_expect_str_eq(remote_command("ssh pi paretune-bench", "m", LATENCY_2020, &a),
                     "ssh pi paretune-bench bench - --record --protocol 2020");
    cr_expect_str_eq(remote_command("time {model} {protocol} {model}", "it's", LATENCY_2024, &a),
                     "time 'it'\\''s' 2024 'it'\\''s'");
    /* A path is data, whatever the shell would make of it. */
    expect_answer(remote_command("printf %s {model}", "$(date) `x`;'\"", LATENCY_2024, &a),
                  "$(date) `x`;'\"");
}
