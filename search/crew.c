/* One poll(2) over all pipes. Nothing here waits for a single worker: job frames are written as far
 * as the pipe takes them and the rest when it is writable again, so that a stopped process cannot
 * stop the coordinator. */
#include "search/crew.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/quantity.h"
#include "search/wire.h"

typedef enum { VACANT, IDLE, BUSY } slot_state;

typedef struct {
    slot_state state;
    launched process;
    bool greeted; /* its hello has come */
    wire_reader in;
    buf out;
    size_t sent;
    uint64_t ticket;
    double given, deadline; /* of the job, on the monotonic clock; deadline 0 = none */
} worker;

struct crew {
    crew_options o;
    arena memory;
    worker *slot;
    struct pollfd *fds; /* two for each slot and one for the caller's */
    int n_busy;
};

static const double farewell_seconds = 2;

status crew_open(const crew_options *o, crew **out, err *e)
{
    assert(o->n_workers >= 1 && o->n_workers <= CREW_MAX);
    arena memory;
    arena_init(&memory, 0);
    crew *c = ARENA_NEW(&memory, crew, 1);
    worker *slot = ARENA_NEW(&memory, worker, o->n_workers);
    struct pollfd *fds = ARENA_NEW(&memory, struct pollfd, 2 * o->n_workers + 1);
    if (!c || !slot || !fds) {
        arena_free(&memory);
        return FAIL(e, ERR_MEM, "out of memory for %d workers", o->n_workers);
    }
    *c = (crew){.o = *o, .memory = memory, .slot = slot, .fds = fds};
    *out = c;
    return OK;
}

int crew_n_busy(const crew *c)
{
    return c->n_busy;
}

pid_t crew_pid(const crew *c, int slot)
{
    return c->slot[slot].state == VACANT ? 0 : c->slot[slot].process.pid;
}

int crew_free_slot(const crew *c)
{
    int vacant = -1;
    for (int i = 0; i < c->o.n_workers; i++) {
        if (c->slot[i].state == IDLE) return i;
        if (c->slot[i].state == VACANT && vacant < 0) vacant = i;
    }
    return vacant;
}

/* --- the end of a process --- */

static void set_slot(crew *c, worker *w, slot_state state)
{
    c->n_busy += (state == BUSY) - (w->state == BUSY);
    w->state = state;
}

/* Forgets a process that is reaped already. */
static void vacate(crew *c, worker *w)
{
    close(w->process.to);
    close(w->process.from);
    wire_reader_free(&w->in);
    buf_free(&w->out);
    set_slot(c, w, VACANT);
    *w = (worker){0};
}

/* Kills the group and tells how the process ended: by our signal, unless it was faster. One that is
 * on its way out keeps the end that it chose. */
static int kill_and_reap(const worker *w)
{
    int how = 0;
    kill(-w->process.pid, SIGKILL);
    kill(w->process.pid, SIGKILL);
    while (waitpid(w->process.pid, &how, 0) < 0 && errno == EINTR) continue;
    return how;
}

void crew_dismiss(crew *c, int slot)
{
    worker *w = &c->slot[slot];
    if (w->state == VACANT) return;
    kill_and_reap(w);
    vacate(c, w);
}

/* The end of a process that never came to speak. */
static void describe_false_start(const launcher *l, int how, char *text, size_t n)
{
    char end[40], memory[40], limit[120] = "";
    snprintf(end, sizeof end, WIFSIGNALED(how) ? "by signal %d" : "with exit code %d",
             WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
    quantity_format((double)l->memory_bytes, "B", memory, sizeof memory);
    if (l->memory_bytes)
        snprintf(limit, sizeof limit, "; are the %s of limits.worker_memory too few?", memory);
    snprintf(text, n, "the worker ended %s before it began%s", end, limit);
}

static void describe_end(int how, char *text, size_t n)
{
    if (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL)
        snprintf(text, n, "the worker was killed (by a person, or by the kernel short of memory)");
    else if (WIFSIGNALED(how))
        snprintf(text, n, "the worker died of signal %d, %s", WTERMSIG(how),
                 strsignal(WTERMSIG(how)));
    else
        snprintf(text, n, "the worker ended with exit code %d in the middle of a stage",
                 WEXITSTATUS(how));
}

/* Waits a moment for a process whose input we closed; a stubborn one is killed. */
static void see_off(worker *w, double until)
{
    while (waitpid(w->process.pid, NULL, WNOHANG) == 0) {
        if (clock_wall() > until) {
            kill_and_reap(w);
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

void crew_close(crew *c)
{
    if (!c) return;
    for (int i = 0; i < c->o.n_workers; i++) {
        if (c->slot[i].state == BUSY) crew_dismiss(c, i);
        if (c->slot[i].state == IDLE) close(c->slot[i].process.to);
    }
    double until = clock_wall() + farewell_seconds;
    for (int i = 0; i < c->o.n_workers; i++) {
        worker *w = &c->slot[i];
        if (w->state != IDLE) continue;
        see_off(w, until);
        w->process.to = -1;
        vacate(c, w);
    }
    arena memory = c->memory;
    arena_free(&memory);
}

/* --- giving jobs --- */

status crew_give(crew *c, int slot, uint64_t ticket, const stage_request *rq, err *e)
{
    worker *w = &c->slot[slot];
    assert(w->state != BUSY);
    if (w->state == VACANT) TRY(launch_start(c->o.start, &w->process, e));
    set_slot(c, w, BUSY);
    w->ticket = ticket;
    w->given = clock_wall();
    w->deadline = c->o.job_seconds > 0 ? w->given + c->o.job_seconds : 0;
    wire_put_job(&w->out, &(wire_job){ticket, *rq});
    TRY(buf_check(&w->out, e));
    wire_write(w->process.to, &w->out, &w->sent, NULL); /* a worker that is gone shows on `from` */
    return OK;
}

/* --- hearing from workers --- */

typedef struct {
    crew *c;
    crew_handler *handle;
    void *user;
    err *e;
} listener;

static crew_event event_of(const crew *c, const worker *w, crew_event_kind kind)
{
    return (crew_event){.kind = kind,
                        .slot = (int)(w - c->slot),
                        .ticket = w->ticket,
                        .seconds = clock_wall() - w->given,
                        .text = ""};
}

/* The worker is gone or will be: its job, if it has one, comes back with the reason. */
static status lose(listener *l, worker *w, crew_event_kind kind, const char *reason)
{
    char text[300];
    bool was_busy = w->state == BUSY;
    crew_event ev = event_of(l->c, w, kind);
    if (kind == CREW_LOST && !w->greeted) ev.kind = CREW_UNSTARTED;
    int how = kill_and_reap(w);
    if (reason)
        snprintf(text, sizeof text, "%s", reason);
    else if (ev.kind == CREW_UNSTARTED)
        describe_false_start(l->c->o.start, how, text, sizeof text);
    else
        describe_end(how, text, sizeof text);
    ev.text = text;
    vacate(l->c, w);
    return was_busy ? l->handle(l->user, &ev, l->e) : OK;
}

static status hear_hello(const crew *c, worker *w, const wire_frame *f, err *e)
{
    wire_hello hello;
    TRY(wire_get_hello(f, &hello, e));
    if (w->greeted) return FAIL(e, ERR_INPUT, "a second hello");
    if (c->o.version && strcmp(hello.made_by.version, c->o.version) != 0)
        return FAIL(e, ERR_INPUT,
                    "the worker is version %s, this program %s: both must be the same",
                    hello.made_by.version, c->o.version);
    w->greeted = true;
    return OK;
}

/* Reads a reply into `ev`; a wrong ticket is as bad as a wrong byte. */
static status read_reply(const worker *w, const wire_frame *f, crew_event *ev, wire_result *result,
                         wire_failure *failure, err *e)
{
    uint64_t ticket = 0;
    if (f->type == WIRE_PROGRESS) {
        wire_progress p;
        TRY(wire_get_progress(f, &p, e));
        ticket = p.ticket;
        ev->done = p.done, ev->total = p.total, ev->figure = p.figure;
    } else if (f->type == WIRE_RESULT) {
        TRY(wire_get_result(f, result, e));
        ticket = result->ticket;
        ev->kind = CREW_RESULT;
        ev->result = &result->result;
    } else {
        TRY(wire_get_failure(f, failure, e));
        ticket = failure->ticket;
        ev->kind = CREW_FAILURE;
        ev->code = failure->code;
        ev->text = failure->text;
    }
    if (!w->greeted || w->state != BUSY || ticket != w->ticket)
        return FAIL(e, ERR_INPUT, "a reply to a job that it does not have");
    return OK;
}

/* One frame. *understood = false, with the reason in `why`, when it makes no sense. */
static status hear_frame(listener *l, worker *w, const wire_frame *f, bool *understood, err *why)
{
    wire_result result = {0};
    wire_failure failure;
    crew_event ev = event_of(l->c, w, CREW_PROGRESS);
    status s = f->type == WIRE_HELLO ? hear_hello(l->c, w, f, why)
                                     : read_reply(w, f, &ev, &result, &failure, why);
    *understood = s == OK;
    if (s == OK && ev.kind != CREW_PROGRESS) set_slot(l->c, w, IDLE);
    s = s == OK && f->type != WIRE_HELLO ? l->handle(l->user, &ev, l->e) : OK;
    buf_free(&result.result.detail);
    return s;
}

static status hear_worker(listener *l, worker *w)
{
    bool end, have = true, understood = true;
    err why = {0};
    status read = wire_fill(&w->in, w->process.from, &end, &why);
    while (read == OK && have && understood && w->state != VACANT) {
        wire_frame f;
        read = wire_next(&w->in, &f, &have, &why);
        if (read == OK && have) TRY(hear_frame(l, w, &f, &understood, &why));
    }
    if (w->state == VACANT) return OK; /* the handler dismissed it */
    if (end) return lose(l, w, CREW_LOST, NULL);
    if (read != OK || !understood) {
        char text[sizeof why.msg + 40];
        snprintf(text, sizeof text, "not understood: %s", why.msg);
        return lose(l, w, CREW_LOST, text);
    }
    return OK;
}

/* --- waiting --- */

static int wait_milliseconds(const crew *c, double seconds)
{
    double now = clock_wall(), until = seconds < 0 ? HUGE_VAL : now + seconds;
    for (int i = 0; i < c->o.n_workers; i++) {
        const worker *w = &c->slot[i];
        if (w->state == BUSY && w->deadline > 0 && w->deadline < until) until = w->deadline;
    }
    if (until == HUGE_VAL) return -1;
    double ms = (until - now) * 1e3 + 1;
    return ms < 0 ? 0 : ms > 1e8 ? 100000000 : (int)ms;
}

static void list_descriptors(crew *c, int wake_fd)
{
    for (int i = 0; i < c->o.n_workers; i++) {
        const worker *w = &c->slot[i];
        bool live = w->state != VACANT;
        c->fds[2 * i] = (struct pollfd){live ? w->process.from : -1, POLLIN, 0};
        c->fds[2 * i + 1] = (struct pollfd){live && w->out.len ? w->process.to : -1, POLLOUT, 0};
    }
    c->fds[2 * c->o.n_workers] = (struct pollfd){wake_fd, POLLIN, 0};
}

static status hear_slot(listener *l, int i, double now)
{
    worker *w = &l->c->slot[i];
    /* A slot may have changed hands since the list was made: only its own descriptor counts. */
    if (w->state != VACANT && l->c->fds[2 * i].revents && l->c->fds[2 * i].fd == w->process.from)
        TRY(hear_worker(l, w));
    if (w->state == BUSY && w->out.len) wire_write(w->process.to, &w->out, &w->sent, NULL);
    if (w->state != BUSY || w->deadline == 0 || now < w->deadline) return OK;
    char text[80];
    snprintf(text, sizeof text, "over the time limit of %.6g s for a stage", l->c->o.job_seconds);
    return lose(l, w, CREW_TIMEOUT, text);
}

status crew_poll(crew *c, double seconds, int wake_fd, crew_handler *handle, void *user, err *e)
{
    listener l = {c, handle, user, e};
    list_descriptors(c, wake_fd);
    nfds_t n_fds = 2 * (nfds_t)c->o.n_workers + 1;
    int n = poll(c->fds, n_fds, wait_milliseconds(c, seconds));
    if (n < 0 && errno != EINTR)
        return FAIL(e, ERR_IO, "cannot wait for workers: %s", strerror(errno));
    if (n < 0) return OK;
    double now = clock_wall();
    for (int i = 0; i < c->o.n_workers; i++) TRY(hear_slot(&l, i, now));
    return OK;
}
