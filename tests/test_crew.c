#include "search/crew.h"
#include "tests/support/fake_worker.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The last event that ended a job, and what it said. */
typedef struct {
    int n;
    crew_event_kind kind;
    uint64_t ticket;
    status code;
    char text[700];
    char metric[32];
} ended;

static status note(void *user, const crew_event *ev, err *e)
{
    ended *x = user;
    (void)e;
    if (ev->kind == CREW_PROGRESS) return OK;
    x->n++;
    x->kind = ev->kind;
    x->ticket = ev->ticket;
    x->code = ev->code;
    snprintf(x->text, sizeof x->text, "%s", ev->text);
    if (ev->kind == CREW_RESULT) strcpy(x->metric, ev->result->metric[0].name);
    return OK;
}

static char folder[] = "/tmp/paretune-crew-XXXXXX";

static void make_folder(void)
{
    cr_assert(mkdtemp(folder) != NULL);
}

static void remove_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert(zero(int, system(command)));
}

TestSuite(crew, .init = make_folder, .fini = remove_folder);

static stage_request job(const char *params)
{
    return (stage_request){.kind = STAGE_SCORE,
                           .key = hash_bytes(params, strlen(params)),
                           .params = params,
                           .input = "",
                           .folder = folder};
}

static crew *open_crew(const launcher *l, int n, double seconds)
{
    crew *c;
    crew_options o = {l, n, seconds, PARETUNE_VERSION};
    signal(SIGPIPE, SIG_IGN);
    cr_assert(eq(int, crew_open(&o, &c, NULL), OK));
    return c;
}

/* Gives one job to a fresh worker and waits for its end. */
static ended run_one(const launcher *l, const char *params, double limit_seconds)
{
    ended x = {0};
    err e = {0};
    crew *c = open_crew(l, 1, limit_seconds);
    stage_request rq = job(params);
    cr_assert(eq(int, crew_give(c, crew_free_slot(c), 77, &rq, &e), OK), "%s", e.msg);
    while (x.n == 0) cr_assert(eq(int, crew_poll(c, -1, -1, note, &x, &e), OK), "%s", e.msg);
    crew_close(c);
    cr_expect(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a process was left behind");
    return x;
}

static const launcher fake = {fake_worker_words, 0};

Test(crew, a_job_gives_a_result)
{
    ended x = run_one(&fake, "{\"do\":\"ok\"}", 0);
    cr_expect(eq(int, (int)x.kind, CREW_RESULT));
    cr_expect(eq(u64, x.ticket, 77));
    cr_expect_str_eq(x.metric, "T_mae");
}

Test(crew, a_failing_stage_keeps_its_reason_and_its_worker)
{
    ended x = {0};
    crew *c = open_crew(&fake, 1, 0);
    stage_request bad = job("{\"do\":\"diverge\"}"), good = job("{\"do\":\"ok\"}");
    cr_assert(eq(int, crew_give(c, 0, 1, &bad, NULL), OK));
    while (x.n == 0) cr_assert(eq(int, crew_poll(c, -1, -1, note, &x, NULL), OK));
    cr_expect(eq(int, (int)x.kind, CREW_FAILURE));
    cr_expect(eq(int, (int)x.code, ERR_NUM));
    cr_expect_str_eq(x.text, "the loss is not a number");
    pid_t pid = crew_pid(c, 0);
    cr_assert(eq(int, crew_give(c, 0, 2, &good, NULL), OK));
    while (x.n == 1) cr_assert(eq(int, crew_poll(c, -1, -1, note, &x, NULL), OK));
    cr_expect(eq(int, (int)x.kind, CREW_RESULT));
    cr_expect(eq(int, (int)crew_pid(c, 0), (int)pid));
    crew_close(c);
}

Test(crew, a_crash_is_told_with_its_signal)
{
    ended x = run_one(&fake, "{\"do\":\"crash\"}", 0);
    cr_expect(eq(int, (int)x.kind, CREW_LOST));
    /* a sanitizer turns the signal into an exit code */
    bool told = strstr(x.text, "signal 11") || !launch_can_limit_memory();
    cr_expect(told, "%s", x.text);
}

Test(crew, an_exit_is_told_with_its_code)
{
    ended x = run_one(&fake, "{\"do\":\"exit\"}", 0);
    cr_expect(eq(int, (int)x.kind, CREW_LOST));
    cr_expect(strstr(x.text, "exit code 3") != NULL, "%s", x.text);
}

Test(crew, a_hanging_worker_is_killed_at_the_limit)
{
    ended x = run_one(&fake, "{\"do\":\"hang\"}", 0.3);
    cr_expect(eq(int, (int)x.kind, CREW_TIMEOUT));
    cr_expect(strstr(x.text, "0.3 s") != NULL, "%s", x.text);
}

Test(crew, memory_is_limited)
{
    if (!launch_can_limit_memory()) {
        remove_folder(); /* a skipped test does not get to .fini */
        cr_skip("a sanitizer needs the whole address space");
    }
    launcher small = {fake_worker_words, 200 << 20};
    ended x = run_one(&small, "{\"do\":\"allocate\",\"n\":400}", 0);
    cr_expect(eq(int, (int)x.kind, CREW_FAILURE));
    cr_expect(eq(int, (int)x.code, ERR_MEM));
    x = run_one(&small, "{\"do\":\"allocate\",\"n\":40}", 0);
    cr_expect(eq(int, (int)x.kind, CREW_RESULT));
}

Test(crew, a_worker_that_never_started_is_told_as_such)
{
    static const char *const words[] = {"false", NULL};
    ended x = run_one(&(launcher){words, 0}, "{\"do\":\"ok\"}", 0);
    cr_expect(eq(int, (int)x.kind, CREW_UNSTARTED));
    cr_expect_str_eq(x.text, "the worker ended with exit code 1 before it began");
    x = run_one(&(launcher){words, 64 << 20}, "{\"do\":\"ok\"}", 0);
    cr_expect(strstr(x.text, "limits.worker_memory") && strstr(x.text, "67.1 MB"), "%s", x.text);
}

Test(crew, a_file_that_does_not_fit_is_a_failure_of_the_stage)
{
    ended x = run_one(&fake, "{\"do\":\"fill-disk\"}", 0);
    cr_expect(eq(int, (int)x.kind, CREW_FAILURE));
    cr_expect(eq(int, (int)x.code, ERR_IO));
    cr_expect(strstr(x.text, "cannot write") != NULL, "%s", x.text);
    char command[100];
    snprintf(command, sizeof command, "test -z \"$(find %s -type f)\"", folder);
    cr_expect(zero(int, system(command)), "half a file was left");
}

Test(crew, a_command_that_is_not_there_is_the_users_mistake)
{
    const char *const words[] = {"/nonexistent/srun", "paretune", "worker", NULL};
    launcher l = {words, 0};
    err e = {0};
    crew *c = open_crew(&l, 1, 0);
    stage_request rq = job("{\"do\":\"ok\"}");
    cr_expect(eq(int, crew_give(c, 0, 1, &rq, &e), ERR_INPUT));
    cr_expect(strstr(e.msg, "/nonexistent/srun") != NULL, "%s", e.msg);
    crew_close(c);
}

Test(crew, a_command_in_front_changes_nothing)
{
    char self[1000]; /* /proc/self/exe would be env's own */
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    cr_assert(n > 0);
    self[n] = '\0';
    const char *const in_front[] = {"env", "A=b", self, fake_worker_words[1], NULL};
    ended x = run_one(&(launcher){in_front, 0}, "{\"do\":\"ok\"}", 0);
    cr_expect(eq(int, (int)x.kind, CREW_RESULT));
}

Test(crew, nonsense_from_a_worker_is_not_believed)
{
    const char *const words[] = {"sh", "-c", "echo this is no frame at all; exec sleep 100", NULL};
    ended x = run_one(&(launcher){words, 0}, "{\"do\":\"ok\"}", 0);
    cr_expect(eq(int, (int)x.kind, CREW_UNSTARTED));
    cr_expect(strstr(x.text, "not understood") != NULL, "%s", x.text);
}

static int count_descriptors(pid_t pid)
{
    char path[40];
    int n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    cr_assert(d != NULL);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

Test(crew, workers_see_nothing_of_each_other_and_end_with_their_input)
{
    ended x = {0};
    crew *c = open_crew(&fake, 3, 0);
    stage_request rq = job("{\"do\":\"sleep\",\"n\":20}");
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, crew_give(c, crew_free_slot(c), 1, &rq, NULL), OK));
    cr_expect(eq(int, crew_free_slot(c), -1));
    while (x.n < 3) cr_assert(eq(int, crew_poll(c, -1, -1, note, &x, NULL), OK));
    pid_t first = crew_pid(c, 0);
    cr_assert(first > 0);
    cr_expect(eq(int, count_descriptors(crew_pid(c, 2)), count_descriptors(first)));
    crew_close(c);
    cr_expect(eq(int, kill(first, 0), -1));
}
