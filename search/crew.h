/* The crew: worker processes, the jobs they have, and what becomes of them.
 *
 * A slot is vacant, idle or busy. A job given to a vacant slot starts a process first. Every end of
 * a process is seen once: it answers, it outlives the time limit (its process group is killed), it
 * ends on its own or by a signal, it says something that is not a reply. Whoever is lost leaves a
 * vacant slot; the job is the caller's to give again. */
#ifndef PARETUNE_SEARCH_CREW_H
#define PARETUNE_SEARCH_CREW_H

#include "engine/base/err.h"
#include "engine/stage.h"
#include "search/launch.h"

#include <stdbool.h>
#include <stdint.h>

enum { CREW_MAX = 1024 };

typedef struct crew crew; /* opaque */

typedef struct {
    const launcher *start; /* borrowed while the crew lives */
    int n_workers;         /* 1 .. CREW_MAX */
    double job_seconds;    /* time limit of a job, the start of its worker included; 0 = none */
    const char *version;   /* workers of another version are refused; NULL accepts any */
} crew_options;

typedef enum {
    CREW_PROGRESS, /* of a job that goes on */
    CREW_RESULT,
    CREW_FAILURE,  /* the stage failed: `code`, `text` */
    CREW_TIMEOUT,  /* killed at the time limit */
    CREW_LOST,     /* the process ended or talked nonsense; `text` says how */
    CREW_UNSTARTED /* the same before its first word: the command or the machine is to blame */
} crew_event_kind;

typedef struct {
    crew_event_kind kind;
    int slot;
    uint64_t ticket;
    double seconds;             /* since the job was given */
    double done, total, figure; /* CREW_PROGRESS */
    stage_result *result; /* CREW_RESULT: borrowed during the call; detail is freed after it */
    status code;
    const char *text; /* borrowed during the call */
} crew_event;

/* The crew may be given jobs inside the handler, but not polled. */
typedef status crew_handler(void *user, const crew_event *ev, err *e);

status crew_open(const crew_options *o, crew **out, err *e);
/* Idle workers are asked to go, the rest is killed; nobody is left behind. NULL is accepted. */
void crew_close(crew *c);

/* A slot without a job, an idle one if there is any; -1 when all are busy. */
int crew_free_slot(const crew *c);
int crew_n_busy(const crew *c);
/* ERR_INPUT when the worker's command cannot be executed. */
status crew_give(crew *c, int slot, uint64_t ticket, const stage_request *rq, err *e);

/* Waits for at most `seconds` (forever when negative) or until `wake_fd` (-1: none) is readable,
 * then hands every event that is there to the handler, slots in order. A failing handler ends it.
 */
status crew_poll(crew *c, double seconds, int wake_fd, crew_handler *handle, void *user, err *e);

/* Kills a worker, busy or not, and its group; its job is forgotten. */
void crew_dismiss(crew *c, int slot);
/* The process at a slot, 0 for a vacant one: for tests and `status`. */
pid_t crew_pid(const crew *c, int slot);

#endif
