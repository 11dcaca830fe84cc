/* The coordinator: takes trials from a sampler, has their missing stages built by workers and
 * writes what comes back into the store. It alone writes there.
 *
 * A sampler that learns nothing (no problem is given) is asked for all trials at once: every row stands
 * in the store before the first stage runs, in the order of the suggestions. One that learns is asked
 * through a guide (guide.h) while stages run, for the next trial as soon as those are closed that it may
 * know; so the rows are the same, in the same order, whoever closed them and when.
 *
 * With a stop rule (stop.h) a trial is built to its first rung, which may be before its first stage; then the rule
 * says whether it goes on to the next one. What it says depends on what may be known of the suggestions
 * before, so this too is the same with any number of workers.
 *
 * A stage that several trials share is built once. What earlier runs built is taken
 * over when its artifact is whole, else built again: that is resume. So is a stage that failed for
 * a reason that may have passed; a failure that its parameters decide is final
 * (store_stage_is_hopeless).
 *
 * A stage that fails by itself (numbers diverge, input is wrong, the disk is full) is a row with
 * its reason, and so are the trials that need it. A worker that dies, outlives the time limit or
 * runs out of memory is replaced and its stage tried again, `retries` times. The run goes on in
 * every case.
 *
 * The first SIGINT or SIGTERM lets running stages finish and starts no more; the second kills the
 * workers. Both leave a store from which the next run goes on: a sampler that learns is asked the same
 * questions again, and the stages of its first answers are found built. With the same space, seed and
 * machine the rows are the same for any number of workers and interruptions, times and tries aside;
 * max_seconds decides only how far a run comes. */
#ifndef PARETUNE_SEARCH_SCHEDULER_H
#define PARETUNE_SEARCH_SCHEDULER_H

#include "search/launch.h"
#include "search/sampler.h"
#include "search/space.h"
#include "search/stop.h"
#include "search/warm.h"
#include "store/store.h"

/* Turns a suggestion into stages: plan_chain, or a stand-in of a test. Must give the same chain
 * each time it is asked. */
typedef status chain_maker(void *user, const suggestion *s, arena *a, chain *out, err *e);

/* Whether a search has found what it is after: asked before each suggestion with what may be known then
 * (guide.h); trial[i] is the row of the i-th suggestion. */
typedef status sched_enough(void *user, const history *h, const int64_t *trial, bool *enough,
                            err *e);

typedef enum {
    SCHED_PLANNED, /* so many trials are in the store; sent now and then while it fills */
    SCHED_STARTED, /* all are, or the first of a sampler that learns; what is to be built is known */
    SCHED_DAMAGED, /* an artifact of an earlier run is built again */
    SCHED_STAGE_STARTED,
    SCHED_STAGE_PROGRESS,
    SCHED_STAGE_DONE,
    SCHED_STAGE_RETRY, /* its worker was lost; it will be tried again */
    SCHED_STAGE_FAILED,
    SCHED_TRIAL_DONE,
    SCHED_TRIAL_STOPPED, /* early, by the stop rule */
    SCHED_TRIAL_FAILED,
    SCHED_DRAINING, /* asked to stop, or out of time: what runs may finish */
    SCHED_TICK,     /* about once a second */
    SCHED_ENDED
} sched_event_kind;

typedef struct {
    int trials, trials_done, trials_stopped, trials_failed;
    int64_t most_trials; /* that a search which learns may come to; else as `trials` */
    int stages;          /* to be built by this run, as far as is known */
    int stages_done, stages_failed, running;
    int stages_reused;      /* taken over from earlier runs */
    int stages_again;       /* that failed in earlier runs for a reason that may have passed */
    double epochs;          /* of the trainings of all trials to their end, shared ones once */
    double epochs_saved;    /* of them, by the stop rule; at the end only */
    double elapsed_seconds; /* of this run */
    double eta_seconds;     /* predicted times, scaled by what was measured; NaN while unknown */
} sched_figures;

typedef struct {
    sched_event_kind kind;
    const sched_figures *now;
    const char *stage;          /* kind of the stage: "train"; "" for events of no stage */
    hash key;                   /* of the stage */
    int64_t trial;              /* row of the trial, or of the first trial that needs the stage */
    double done, total, figure; /* SCHED_STAGE_PROGRESS */
    double seconds;             /* that the stage took */
    const char *code, *text;    /* reason of a failure or retry; "" */
} sched_event;

/* Borrowed values; called from the coordinator's loop, so it must not wait for anything. */
typedef void sched_watch(void *user, const sched_event *ev);

typedef struct {
    store *results;
    int64_t run_id;
    sampler *source;
    const problem *p;        /* whose figures `source` learns from; NULL: it learns nothing */
    int window;              /* of the guide; only with `p` */
    const stop_rule *rule;   /* only with `p`; NULL: all is trained to its end */
    sched_enough *is_enough; /* only with `p`; may be NULL */
    void *is_enough_user;
    chain_maker *make_chain;
    void *make_chain_user;
    const warm_start *earlier; /* a study whose stages are taken over; NULL: none */
    const char *artifacts;     /* folder; made when it is missing */
    launcher start;            /* of a worker */
    const char *version;       /* that workers must have; NULL accepts any */
    int n_workers, retries;
    int max_trials; /* 0: no limit */
    int max_epochs; /* no more trials once theirs come to so many, shared ones counted once, and what is known to
                       have been stopped as far as it went; 0: no limit */
    double stage_seconds; /* 0: no limit */
    double max_seconds;   /* 0: no limit */
    sched_watch *watch;   /* may be NULL */
    void *watch_user;
} sched_options;

typedef enum { SCHED_COMPLETE, SCHED_OUT_OF_TIME, SCHED_INTERRUPTED } sched_end;

/* SIGINT, SIGTERM and SIGPIPE are taken over during the call and given back after it. ERR_* is a
 * failure of the run itself: the store, the folder, a worker's command. */
status scheduler_run(const sched_options *o, sched_end *end, sched_figures *figures, err *e);

#endif
