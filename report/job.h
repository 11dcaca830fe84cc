/* What the parts of one report share: the study, where its files go and in which forms, and how they are written. */
#ifndef PARETUNE_REPORT_JOB_H
#define PARETUNE_REPORT_JOB_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/table.h"
#include "report/cloud.h"
#include "report/figure.h"
#include "store/store.h"

#include <stdbool.h>

typedef struct {
    store *s;
    arena *a;
    const char *db, *folder;
    const char *filter; /* of trials that figures and tables show; NULL: all */
    figure_style style;
    bool png;                   /* each figure as PNG, too */
    bool latex, markdown, json; /* each table in this form, too */
    store_space space;
    picks picks;
    buf said; /* what was written, for the end */
} job;

/* Opens the study and makes the folder; job_close accepts a zeroed struct. */
status job_open(job *j, err *e);
void job_close(job *j);

/* Writes NAME.csv, and NAME.json where asked for. */
status job_write_data(job *j, const table *t, const char *name, err *e);
/* NAME.md and NAME.tex, where asked for, with this caption. */
status job_write_paper(job *j, const table *t, const char *name, const char *caption, err *e);
/* Both. */
status job_write_table(job *j, const table *t, const char *name, const char *caption, err *e);
/* Writes a text as it is. */
status job_write_text(job *j, const char *name, const char *text, size_t n, err *e);
/* Writes NAME.svg, and NAME.png where asked for. `s` is how drawing `svg` went, which is freed: ERR_INPUT in `why`
 * (nothing to draw) is said at the end and loses nothing else. */
status job_write_figure(job *j, const char *name, status s, const err *why, buf *svg, err *e);

/* The metric's row, NULL for a name the study does not have. */
const store_metric_info *job_find_metric(const job *j, const char *name);
/* ERR_INPUT with what may have been meant. */
status job_check_metric(job *j, const char *name, err *e);
cloud_axis job_axis(const job *j, const char *metric);
/* The study's title, else its name. */
const char *job_title(const job *j);
bool job_is_test_figure(const char *metric);

/* Trials that deserve a look: the pick (or closest miss) of each version; in a study without versions the best of each
 * objective. */
typedef struct {
    const char *name; /* of the version; "best accuracy" */
    int64_t trial;
} job_choice;
status job_list_choices(job *j, int *n, job_choice **out, err *e);

/* Figures of finished trials: those that the filter chooses, or all. Columns: trial, candidate, seed, on_front,
 * then the metrics. In the order of trials. */
enum { JOB_TRIAL, JOB_CANDIDATE, JOB_SEED, JOB_ON_FRONT, JOB_METRICS };
status job_read_figures(job *j, int n, const char *const *metric, table *out, err *e);
/* A cell's number; NaN for none. */
double job_number(const table *t, int row, int column);

#endif
