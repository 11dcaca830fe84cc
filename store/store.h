/* The results database: one SQLite file per study, written by one process (the coordinator), read
 * by anyone at any time (WAL). No SQL stands outside store/.
 *
 * A study holds spaces (the YAML texts it was run with), runs (invocations, with what made the
 * numbers), stages (units of work by content key), trials (a candidate and a seed, pointing to
 * their chain of stages) and, copied onto each finished trial, the metrics of its stages. What
 * commands show (front, picks, trials_wide) concerns the space of the last run; trials of earlier
 * spaces stay.
 *
 * Commits are in the hands of the operating system at once (killing any process loses nothing) but
 * reach the disk later (synchronous=NORMAL): a power failure may cost the rows of the last half
 * minute, never the file. Stages are repeatable, so such rows are built again; an fsync for each
 * would cost 0.1 to 10 ms. The end of a run is flushed to the disk. */
#ifndef PARETUNE_STORE_STORE_H
#define PARETUNE_STORE_STORE_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "engine/base/hash.h"
#include "engine/base/quantity.h"
#include "engine/base/table.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct store store; /* opaque: a connection and its prepared statements */

typedef enum { STORE_READ, STORE_WRITE } store_mode;

/* STORE_WRITE makes the file when it is missing, migrates an older schema forward and refuses a
 * newer one; it takes a lock (PATH-lock, which names its holder) and a second writer is told by
 * whom. The lock ends with the process, however that ends. STORE_READ never changes the file. A
 * file that is not a paretune study, or is damaged, is ERR_INPUT. */
status store_open(const char *path, store_mode mode, store **out, err *e);
void store_close(store *s); /* NULL is accepted */

/* --- what a run writes --- */

typedef struct {
    const char *metric;
    limit_op op;
    double bound;     /* in the metric's base unit */
    const char *text; /* as written: "< 2 kB" */
} store_limit;

typedef struct {
    const char *name, *title;
    int n_limits;
    const store_limit *limit;
} store_version;

typedef struct {
    const char *metric;
    bool maximize;
} store_objective;

typedef enum { STORE_LOWER, STORE_HIGHER, STORE_NEITHER } store_better;

/* What a metric is, for filters, views and axes of plots. */
typedef struct {
    const char *name, *unit, *help; /* unit: "°C", "%", "B", "ms", "s" or "" */
    store_better better;
} store_metric_info;

typedef struct {
    const char *name;
    bool is_number;
    double number;
    const char *text;
} store_knob;

/* What an axis may be; of more than STORE_MOST_VALUES only that there are many is known: n is 0. */
enum { STORE_MOST_VALUES = 1000 };
typedef struct {
    int n;
    const store_knob *value; /* each with the axis's name */
} store_axis;

typedef struct {
    const char *name, *task, *path;
    const char *text; /* the YAML; behind it overrides, the hashes of data files, architectures */
    hash text_hash;
    int n_versions, n_objectives, n_knobs, n_metrics;
    const store_version *version;
    const store_objective *objective;
    const char *const *knob;         /* names of the axes, for trials_wide's columns */
    const store_axis *axis;          /* [n_knobs]; NULL: unknown */
    const char *title;               /* a line for reports; NULL or "": none */
    const store_metric_info *metric; /* those that the task's stages may report. One that is
                    reported without standing here has no unit and no direction */
} store_space;

typedef struct {
    const char *version, *compiler, *cpu, *kernels, *blas, *system; /* provenance */
    int workers;
    const char *artifacts; /* folder, absolute; NULL: the usual one, store_usual_artifacts */
    double confidence;     /* picks.h; 0: point figures decide */
} store_run;

/* STATE_STOPPED is of trials only: ended early by the stop rule (search/stop.h). */
typedef enum {
    STATE_READY,
    STATE_RUNNING,
    STATE_DONE,
    STATE_STOPPED,
    STATE_FAILED,
    STATE_TIMEOUT
} store_state;
const char *store_state_name(store_state s); /* "ready", ... as in the CHECK constraints */

typedef struct {
    const char *kind, *params;
    int version;
    hash key;
    int n_parents;
    const hash *parent; /* [n_parents], borrowed */
} store_stage;

typedef struct {
    int64_t candidate;  /* index in the space */
    hash config_hash;   /* of the canonical configuration, seed left out */
    const char *config; /* canonical JSON */
    uint64_t seed;
    int n_knobs;
    const store_knob *knob;
    int n_stages;
    const hash *stage; /* the chain, root first */
    int n_known;       /* metrics known before training: params, macs, flat bytes */
    const char *const *known_name;
    const double *known_value;
} store_trial;

/* Writes the space (once per text), opens a run, turns stages and trials left `running` back to
 * `ready`, and (re)makes the views whose columns depend on the space. One transaction. What follows
 * concerns this run and its space. */
status store_start_run(store *s, const store_space *space, const store_run *run, int64_t *run_id,
                       err *e);
/* Notes how the run ended ("done", "interrupted", "failed", ...), brings the picks up to date and flushes all
 * to the disk. */
status store_end_run(store *s, int64_t run_id, const char *how, err *e);

/* Group many writes in one transaction; calls do not nest. Without them each put is its own. A put
 * that fails undoes and closes the whole group. */
status store_begin(store *s, err *e);
status store_commit(store *s, err *e);

/* Adds what is not there yet (by key; by config hash and seed) and leaves what is. Parents and
 * stages of the chain must be there. A trial whose chain is another than last time (newer code,
 * other kernels) is taken up again: its old figures go and it is `ready`. New data makes new trials
 * of a new space, since its hash stands in the configuration and in the space's text. */
status store_add_stage(store *s, const store_stage *stage, err *e);
status store_add_trial(store *s, const store_trial *trial, int64_t *trial_id, err *e);

/* A worker has begun on it: for `status`, and turned back by the next run if this one dies. */
status store_stage_running(store *s, const hash *key, err *e);
status store_trial_running(store *s, int64_t trial_id, err *e);

typedef struct {
    const char *name;
    double value;
} store_metric;

typedef struct {
    int64_t run_id;
    uint64_t artifact_bytes;
    const char *artifact_hash;
    double cpu_seconds, wall_seconds;
    int n_metrics;
    const store_metric *metric;
    const char *detail; /* JSON or NULL */
    int tries;          /* attempts so far, this one counted */
} store_outcome;

status store_stage_done(store *s, const hash *key, const store_outcome *o, err *e);
/* `state`: STATE_FAILED or STATE_TIMEOUT; `code` and `text` say why. */
status store_stage_failed(store *s, const hash *key, store_state state, const char *code,
                          const char *text, const store_outcome *o, err *e);
/* Whether a failed stage would fail again: its parameters are to blame (`numeric`, `argument`,
 * `input`), or it waits for a parent that is failed still. All else (a full disk, a time limit, a
 * worker that died, a lost artifact) may have passed. */
status store_stage_is_hopeless(store *s, const hash *key, bool *is_hopeless, err *e);
/* A done stage whose artifact is missing or damaged, or a failed one, is to be built again. */
status store_stage_reset(store *s, const hash *key, err *e);
/* A failed trial is ready again. */
status store_trial_reset(store *s, int64_t trial_id, err *e);
/* Copies the metrics of the trial's stages onto it (of two with one name the later stage's counts),
 * closes it and keeps the front exact; ERR_STATE when one of its stages is not done. Or closes it
 * as failed. */
status store_trial_done(store *s, int64_t trial_id, err *e);
status store_trial_failed(store *s, int64_t trial_id, store_state state, const char *code,
                          const char *text, err *e);

/* What the stop rule said of a trial at some rung. */
typedef struct {
    int n_stages; /* of its chain that were built until then */
    int epochs;   /* trained until then */
    double chance;
} store_stop;

/* Closes a trial that the rule ended: it keeps the figures of the stages built and those known before
 * training, and forgets the rest of its chain. */
status store_trial_stopped(store *s, int64_t trial_id, const store_stop *stop, err *e);
/* Notes beside a finished trial that the rule would have stopped it, and whether it was wrong. */
status store_trial_audited(store *s, int64_t trial_id, const store_stop *stop, bool was_wrong,
                           err *e);

/* The state of a stage, for resuming; *found = false for an unknown key. */
status store_stage_state(store *s, const hash *key, bool *found, store_state *state,
                         uint64_t *artifact_bytes, hash *artifact_hash, int *tries, err *e);
status store_trial_state(store *s, const hash *config_hash, uint64_t seed, bool *found,
                         int64_t *trial_id, store_state *state, err *e);

/* Figures of a finished trial, NaN for those it does not have. */
status store_trial_figures(store *s, int64_t trial_id, int n, const char *const *metric,
                           double *value, err *e);

/* Which stage of a trial's chain failed by itself: the first one, not those that wait for it. *found =
 * false when there is none. Texts in `a`. */
typedef struct {
    store_state state;
    const char *kind, *code, *text;
    hash key;
} store_failure;
status store_trial_failure(store *s, int64_t trial_id, arena *a, bool *found, store_failure *out,
                           err *e);

/* --- what commands read --- */

/* The space of the last run, texts in `a`; ERR_INPUT when nothing was run yet. */
status store_last_space(store *s, arena *a, store_space *out, err *e);

/* Figures of the finished trials of the last run's space, in the order of their ids. */
typedef struct {
    int n, n_metrics;
    int64_t *trial;
    unsigned char *on_front;
    double *value; /* n x n_metrics; NaN where a trial has no such figure */
} store_points;
status store_read_points(store *s, int n_metrics, const char *const *metric, arena *a,
                         store_points *out, err *e);

/* For a study that starts from this one: finished trials of all its spaces, in the order of their rows; what
 * a stage gave (*found = false when it is not done), run left 0; where the last run kept its artifacts, NULL
 * without memory. All in `a`. */
typedef struct {
    hash config_hash;
    uint64_t seed;
} store_finished;
status store_finished_trials(store *s, arena *a, int *n, const store_finished **out, err *e);
status store_stage_outcome(store *s, const hash *key, arena *a, bool *found, store_outcome *out,
                           err *e);
const char *store_artifacts(store *s, arena *a);

/* Where NAME.db keeps its artifacts unless told otherwise: NAME.artifacts beside it. In `a`. */
const char *store_usual_artifacts(arena *a, const char *db_path);

/* The .tflite file of a trial, as the database knows it. */
typedef struct {
    const char *folder; /* of artifacts, of the last run */
    const char *file;   /* in it: column `model` */
    const char *params; /* of its export stage: canonical JSON */
    hash content;       /* of the file's bytes */
} store_model;
/* ERR_INPUT for a number that no trial has and for a trial whose export is not done. */
status store_find_model(store *s, int64_t trial, arena *a, store_model *out, err *e);

/* Rows of trials_wide, chosen as asked; every field may be zero. */
typedef struct {
    const char *filter; /* filter.h; NULL: no condition */
    const char
        *columns; /* comma-separated names, "all"; NULL: trial, seed when there are several, knobs,
                            and the metrics of objectives and limits */
    const char *sort; /* a column; NULL: trial */
    bool descending;
    int limit;         /* 0: no limit */
    const char *state; /* "done" (also NULL), another state's name, or "all" */
    bool front_only;
    const int64_t *trial; /* only these, n_trials in any order; NULL: all */
    int n_trials;
    const char *const
        *metric; /* with columns NULL: these metrics in place of those of objectives and
                                  limits; NULL: those */
    int n_metrics;
} store_query;
status store_trials(store *s, const store_query *q, arena *a, table *out, err *e);

/* Runs one read-only statement and fills a table from its result. Writes, ATTACH, PRAGMA with a
 * value and a second statement are refused by an authorizer. */
status store_sql(store *s, const char *sql, arena *a, table *out, err *e);

/* The same, printed. CSV and JSON are written row by row as the rows come, so a result may be larger
 * than memory. An aligned table needs its widths first: over STORE_MOST_ROWS it is ERR_INPUT. */
enum { STORE_MOST_ROWS = 100000 };
status store_trials_print(store *s, const store_query *q, table_format format, FILE *f, err *e);
status store_sql_print(store *s, const char *sql, table_format format, FILE *f, err *e);

#include "store/census.h"
#include "store/chronicle.h"
#include "store/importance.h"
#include "store/live.h"
#include "store/needed.h"
#include "store/optuna.h"
#include "store/picks.h"
#include "store/provenance.h"
#include "store/retry.h"
#include "store/trainings.h"
#include "store/trial_notes.h"
#include "store/verdict.h"

#endif
