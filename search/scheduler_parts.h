/* What the files of the scheduler share: scheduler.c (the loop, workers and what they say), scheduler_fill.c (trials
 * come into graph and store), scheduler_close.c (trials end, or are asked whether they go on) and scheduler_epochs.c
 * (what is trained, and saved). */
#ifndef PARETUNE_SEARCH_SCHEDULER_PARTS_H
#define PARETUNE_SEARCH_SCHEDULER_PARTS_H

#include "engine/base/buf.h"
#include "search/crew.h"
#include "search/graph.h"
#include "search/scheduler.h"
#include "search/wakeup.h"

enum { RUN_GROUP = 2000 }; /* trials that one transaction takes in */

typedef struct {
    const sched_options *o;
    graph *g;
    crew *workers;
    arena memory; /* scratch: empty between steps */
    wakeup signals;
    int n_signals;
    int n_unstarted; /* workers lost before their first word, in a row */
    bool in_group;   /* a transaction is open */
    bool out_of_time;
    bool cut_short; /* interrupted before all trials were in the store */
    guide *guide;   /* NULL: all trials are there before the first stage runs */
    bool exhausted; /* nothing more will be suggested */
    buf rows;       /* int64_t: of each suggestion of the guide */
    buf courses;    /* course: of each suggestion, with a stop rule */
    buf paused;     /* int: trials that the rule is to be asked about */
    const char *metric[PROBLEM_MAX_METRICS]; /* names of the problem's */
    buf wanted;         /* int32_t: of each stage, how many trials want it (scheduler_epochs.c) */
    int n_ends_counted; /* trials whose stops are taken off `wanted` */
    double epochs,
        epochs_wanted; /* of all trials, of the stages that are wanted; shared ones once */
    double began, last_tick;
    double predicted_done, measured_done; /* seconds of the stages built by this run */
    sched_figures now;
} run;

/* How far a trial has come that a stop rule has a say in. */
typedef struct {
    suggestion what;
    int rung;        /* that it is built to; behind the last: to its end */
    bool is_audited; /* finished although the rule would have stopped it */
    store_stop said; /* by the rule, then */
} course;

typedef struct {
    store_state state;
    const char *code, *text;
} reason;

enum { REASON_BYTES = sizeof((err *)0)->msg + 80 };

/* --- scheduler.c --- */

/* Tells the watcher; what is left 0 in `ev` is filled in. */
void run_tell(run *r, sched_event ev);
sched_event run_about_stage(const run *r, sched_event_kind kind, int stage);
/* The transaction that all writes go into; opening an open one and closing none does nothing. */
status run_open_group(run *r, err *e);
status run_close_group(run *r, err *e);
/* Counts the signals that came in; never waits. */
void run_count_signals(run *r);

/* --- scheduler_fill.c --- */

/* Takes in all trials at once, of a sampler that learns nothing. */
status run_fill(run *r, err *e);
/* Decides what is to be built, and closes what is there already. */
status run_settle(run *r, err *e);
/* The same, without closing, for a trial that comes or goes on while stages run. */
status run_settle_more(run *r, err *e);
/* Asks the guide for a trial and takes it in. */
status run_ask_for_trial(run *r, err *e);

/* --- scheduler_close.c --- */

/* How many stages of a chain lead to a rung, or behind the last one to its end. */
int run_stages_until(const chain *c, int rung);
/* Of a trial that the guide suggested, with a stop rule. */
course *run_course(const run *r, int number);
/* The chain of a trial, in r->memory. */
status run_plan_trial(run *r, int number, chain *c, err *e);
/* Tells the guide what became of a trial that is done or failed. */
status run_tell_guide(run *r, int number, err *e);
/* Writes the rows of all that the graph closed, and decides what paused; the one may bring more of the other.
 * All that ended is closed before anything is decided, since a decision may find out that what it
 * rests on is damaged. `why` is the reason of failures; NULL when they came before the trials. */
status run_close_what_is_decided(run *r, const reason *why, err *e);
/* "train stage 01234567: WHY" in text[n], which it returns. */
const char *run_put_reason(char *text, size_t n, const char *kind, const hash *key,
                           const char *why);

/* --- scheduler_epochs.c --- */

/* A trial comes whose chain is `c`; `stages` are its numbers in the graph. */
status run_want(run *r, const chain *c, const int *stages, err *e);
/* Of the first n trials, all closed: those that were stopped want no more than was built of them. */
status run_forget_stopped(run *r, int n, err *e);
/* At the end: epochs, and how many of them were saved. */
status run_sum_saved(run *r, err *e);

#endif
