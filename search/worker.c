/* A worker keeps nothing between jobs: its arena is empty after each, its only memory of a stage is
 * the artifact. So it may be killed at any moment and the job given to another. */
#include "search/worker.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "engine/base/clock.h"
#include "search/wire.h"

typedef struct {
    int fd; /* replies go here */
    buf frames;
    size_t sent;
    uint64_t ticket;     /* of the job at hand */
    double last_seconds; /* when progress was told last */
} replier;

static const double tell_every_seconds = 0.2;

static status reply(replier *r, err *e)
{
    return wire_write(r->fd, &r->frames, &r->sent, e);
}

/* A stage of a millisecond an epoch must not drown the coordinator. */
static bool tell_progress(void *user, double done, double total, double figure)
{
    replier *r = user;
    double now = clock_wall();
    if (now - r->last_seconds < tell_every_seconds) return true;
    r->last_seconds = now;
    wire_put_progress(&r->frames, &(wire_progress){r->ticket, done, total, figure});
    return reply(r, NULL) == OK;
}

static status greet(replier *r, err *e)
{
    wire_hello hello = {.pid = (uint64_t)getpid()};
    stage_describe(&hello.made_by);
    wire_put_hello(&r->frames, &hello);
    return reply(r, e);
}

static status do_job(replier *r, const wire_job *job, stage_builder_fn *build, arena *a, err *e)
{
    wire_result done = {.ticket = job->ticket};
    err why = {0};
    r->ticket = job->ticket;
    r->last_seconds = clock_wall();
    arena_mark_t mark = arena_mark(a);
    status s = build(&job->request, tell_progress, r, a, &done.result, &why);
    assert(a->used == mark.used && "a stage must give back the memory it took");
    if (s == OK) {
        wire_put_result(&r->frames, &done);
    } else {
        wire_failure failure = {.ticket = job->ticket, .code = s};
        snprintf(failure.text, sizeof failure.text, "%s", why.msg);
        wire_put_failure(&r->frames, &failure);
    }
    buf_free(&done.result.detail);
    return reply(r, e);
}

/* Does every job that has come in whole. */
static status do_jobs(replier *r, wire_reader *reader, stage_builder_fn *build, arena *a, err *e)
{
    for (;;) {
        wire_frame frame;
        wire_job job;
        bool have;
        TRY(wire_next(reader, &frame, &have, e));
        if (!have) return OK;
        arena_mark_t mark = arena_mark(a);
        status s = wire_get_job(&frame, a, &job, e);
        if (s == OK) s = do_job(r, &job, build, a, e);
        arena_release(a, mark);
        TRY(s);
    }
}

status worker_serve(int in, int out, stage_builder_fn *build, err *e)
{
    replier r = {.fd = out};
    wire_reader reader = {0};
    arena a;
    bool end = false;
    arena_init(&a, 0);
    status s = greet(&r, e);
    while (s == OK && !end) {
        s = do_jobs(&r, &reader, build, &a, e);
        if (s == OK) s = wire_fill(&reader, in, &end, e);
    }
    arena_free(&a);
    wire_reader_free(&reader);
    buf_free(&r.frames);
    return s;
}

/* When the parent dies before this takes effect, the jobs end anyway: our input is at its end and
 * nobody reads the replies. */
static void die_with_parent(void)
{
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

static status keep_output(int *out, err *e)
{
    *out = dup(STDOUT_FILENO);
    if (*out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return FAIL(e, ERR_IO, "worker: cannot set its output aside: %s", strerror(errno));
    return OK;
}

status worker_main(stage_builder_fn *build, err *e)
{
    int out;
    setpgid(0, 0); /* fails harmlessly when a launcher did it already */
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is a failed write, not a death */
    die_with_parent();
    TRY(keep_output(&out, e));
    stage_single_thread();
    status s = worker_serve(STDIN_FILENO, out, build, e);
    close(out);
    return s;
}
