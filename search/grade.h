/* Grading: .tflite files of other people against a space's data and limits.
 *
 * No file is trusted. Whatever reads one happens in a worker process with a limit of time and memory, so
 * a file that crashes, hangs or lies costs its own row and no other. Three passes over the files:
 *
 *   facts   what each is: ports, sizes, the front end in its metadata
 *   errors  how well it does on validation and test examples, whose front end is the file's own, or else
 *           the one of the space that fits its input
 *   times   latency on this machine, one file at a time, when a protocol is asked for
 *
 * Nothing is chosen here, so test figures are what verdicts look at. */
#ifndef PARETUNE_SEARCH_GRADE_H
#define PARETUNE_SEARCH_GRADE_H

#include "engine/base/table.h"
#include "search/plan_parts.h"

#include <stdbool.h>

typedef struct {
    const char *path, *name; /* name: as it is shown */
    hash content;
    const char *failure;  /* why it cannot be graded; NULL when it can */
    const char *note;     /* what else is to be said; NULL */
    const char *features; /* JSON of its front end; NULL: none, or not known yet */
    const node *facts;    /* detail of the first pass; NULL: failed before */
    int data;             /* index of the examples it is put to */
    int n_metrics;
    stage_metric metric[STAGE_MAX_METRICS];
} graded_file;

typedef struct {
    const char *artifacts;
    const char *protocol;   /* of the third pass; NULL: the space's, if it has one */
    const char *labels;     /* "no,yes", in the order of the files' outputs; NULL: the space's */
    const char *mean, *std; /* "9.1,75.9": forecasts' inputs normalised so; NULL: as the data's */
    int n_workers;
    double seconds; /* time limit of one pass over one file */
    bool is_quiet;
} grade_options;

/* What files are scored on: a data stage. */
typedef struct {
    const char *params, *input;
    const char *features; /* JSON; NULL for forecasts */
    hash key;
} grade_data;

typedef struct {
    const space *s;
    const plan *p;
    arena *a;
    const grade_options *o;
    const char *export_params;     /* JSON: how the space counts sizes, and the device it models */
    const char *device, *protocol; /* NULL for none */
    const char *order, *inputs;    /* JSON of --labels, and of --mean and --std; NULL */
    const int *graded_as; /* of --labels: the word that each output stands for; NULL: itself */
    int n, cap;
    graded_file *file;
    int n_data; /* kinds of examples that are needed */
    grade_data *data;
} grade;

/* Lists the files: each path is a file, or a folder of which all .tflite files, packed or not, are taken,
 * those of its folders too, in the order of their names. ERR_INPUT when there are none. */
status grade_find(grade *g, char *const *path, int n, err *e);

/* Reads the space's settings and runs the passes. The arena holds what is returned. A file that cannot be
 * graded is no failure: it keeps the reason. */
status grade_run(grade *g, err *e);

/* Finds the front end of a file whose facts are known, and notes the examples to grade it on; a file
 * that fits none gets its failure (grade_fit.c). */
status grade_choose(grade *g, graded_file *f, err *e);

/* Notes when a file's answers would be right for another order of the words: `detail` is that of its
 * errors (grade_fit.c). */
status grade_check_order(grade *g, graded_file *f, const node *detail, err *e);

/* One row a file. For people the columns that matter, otherwise all. `n_failed` receives how many have a
 * reason instead of figures. */
status grade_table(const grade *g, bool for_people, table *out, int *n_failed, err *e);

#endif
