/* A study of made-up trials in a temporary folder, run by the real scheduler with fake workers. */
#ifndef PARETUNE_TESTS_SUPPORT_FAKE_STUDY_H
#define PARETUNE_TESTS_SUPPORT_FAKE_STUDY_H

#include "search/scheduler.h"

#include <stddef.h>

enum { FAKE_PARAMS = 200 };

/* Writes the parameters (fake_worker.h) of a trial's stage. Stages with equal parameters and
 * parents are one. */
typedef void fake_params(int trial, stage_kind kind, char text[FAKE_PARAMS]);

/* Every trial alone behind a shared data stage; groups of four share the training. All succeed. */
void study_plain(int trial, stage_kind kind, char text[FAKE_PARAMS]);

typedef struct {
    char folder[64], db[80], artifacts[80];
    int n_trials;
    fake_params *params;
    const sampler_row *sampler; /* one that learns; NULL: trials come in their order */
    bool
        stops; /* trainings are in three parts, behind the first two of which a rule stops some of them; only with a
                   sampler that learns */
    bool stops_at_start;   /* and some before anything of them is built */
    bool has_no_rule;      /* parts as above, but all is trained to its end */
    store *results;        /* while a run lasts */
    sched_options options; /* defaults; tests change what they are about */
    sched_end end;
    sched_figures figures;
} fake_study;

void study_open(fake_study *f, int n_trials, fake_params *params);
void study_close(fake_study *f); /* removes the folder */

/* One run to its end; the store is opened and closed around it. */
status study_run(fake_study *f, int n_workers, err *e);

/* Everything the database says except times, tries, runs: to be freed. Two studies with equal dumps
 * hold equal results. */
char *study_dump(const fake_study *f);
/* The first cell of a query's first row, as text, "" for none; borrowed until the next call. */
const char *study_query(const fake_study *f, const char *sql);

#endif
