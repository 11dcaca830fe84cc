/* A search space: what a YAML file says, checked, ready to enumerate.
 *
 * Every setting of the schema (search/schema.c) has a value or a list of values; a list is an axis.
 * The candidates are the product of the axes, numbered 0 .. n-1 with the axis written last varying
 * fastest. A candidate's configuration is canonical: settings that cannot matter (the pruning schedule
 * at final sparsity 0, a knob its architecture does not have, an axis whose `when` is false) take their
 * defaults and are left out. Of candidates that would build the same files, also when it takes the
 * truncation of a width to make them equal, only the one with the smallest number is tried. */
#ifndef PARETUNE_SEARCH_SPACE_H
#define PARETUNE_SEARCH_SPACE_H

#include "engine/base/arena.h"
#include "engine/base/diag.h"
#include "engine/base/err.h"
#include "engine/base/hash.h"
#include "engine/base/table.h"
#include "engine/stage.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct space space; /* opaque */

typedef struct {
    const char *data;          /* folder that relative data paths start from; NULL: "data" */
    const char *architectures; /* folder of architecture files; NULL: architectures/ beside the
                                  space, spaces/architectures here, then the program's own */
    int n_sets;                /* settings given by hand: "train.epochs=5" overrides the file's */
    const char *const *sets;
} space_options;

/* Reads and checks; NULL when anything was reported to `d`. Lives in `a`; `path` must outlive it. */
space *space_read(arena *a, const char *path, const space_options *options, diag *d);
/* The same for a text in memory, which goes by the name `path`; both must outlive the space. */
space *space_parse(arena *a, const char *path, const char *text, size_t n,
                   const space_options *options, diag *d);

/* Name, versions, objectives, axes, text and its hash: what the store keeps. */
const store_space *space_for_store(const space *s);
int64_t space_size(const space *s); /* product of the axes */
int space_n_axes(const space *s);
const char *space_axis_name(const space *s, int axis);
int space_axis_values(const space *s, int axis); /* how many */
int space_n_rules(const space *s);
/* The rule's expression; its reason in *because (NULL: none) and its line in *line. */
const char *space_rule(const space *s, int i, const char **because, int *line);
const char *space_rule_place(const space *s, int i); /* "file:line:column" */
int space_n_seeds(const space *s);
uint64_t space_seed(const space *s, int i);

typedef struct {
    int max_trials;        /* 0: no limit */
    int max_epochs;        /* 0: no limit */
    double max_seconds;    /* 0: no limit */
    double confidence;     /* that a pick must hold with; 0: point figures decide */
    int max_seeds;         /* racing.h */
    double stage_seconds;  /* time limit of one stage */
    uint64_t worker_bytes; /* memory limit of a worker */
    int retries;           /* further tries after a worker died, hung or ran out of memory */
} space_budget;
space_budget space_get_budget(const space *s);

enum { SPACE_MAX_RUNGS = 64 };

/* What a search is after. */
enum { AIM_FRONT = -1, AIM_VERSIONS = -2 }; /* else the number of a version */

typedef struct {
    const char *method; /* "grid", or one of the samplers (sampler.h) */
    int aim;
    uint64_t seed;
    int window;       /* guide.h */
    bool until_met;   /* ends when every version aimed at has a pick */
    double min_gain;  /* sampler.h */
    const char *stop; /* the rule (stop.h) that ends trainings early; NULL: none does */
    double stop_chance, audit;
    int n_epochs; /* of the longest training; only such are stopped */
    int n_rungs; /* where it may be; trainings are cut there, of keywords also without a rule, so that what is
                    trained does not depend on having one */
    int rung[SPACE_MAX_RUNGS];
} space_search;
space_search space_get_search(const space *s);
/* Whether the search is after a version. */
bool space_aims_at(const space *s, int version);

typedef enum {
    CAND_OK,
    CAND_EXCLUDED,  /* by a rule */
    CAND_DUPLICATE, /* a candidate with a smaller index builds the same files */
    CAND_OVER_LIMIT, /* cannot meet the limits of any version aimed at on what is known before training */
    N_CAND_STATES
} cand_state;

/* --- the plan: every candidate as a chain of stages --- */

/* A chain's stages, but for the many that one set of clips and its waveforms may be cut into. */
enum {
    CHAIN_STEPS = 44,
    CHAIN_MAX = CHAIN_STEPS + 2 * STAGE_MAX_SHARDS + 1,
    PLAN_MAX_CANDIDATES = 20000000
};

typedef struct {
    stage_request request; /* folder left NULL: the scheduler's to fill */
    double predicted_seconds;
    double predicted_bytes; /* of its artifact */
    int epochs;             /* of a training */
} chain_stage;

/* A place in a chain where a stop rule may be asked. */
typedef struct {
    int stage;  /* index of the train stage that ends there; -1: before anything is built */
    int epochs; /* trained until then */
} chain_rung;

typedef struct {
    int64_t candidate;
    uint64_t seed;
    store_trial row; /* ready for store_add_trial */
    int n;
    chain_stage stage[CHAIN_MAX]; /* parents stand before children */
    int training;                 /* index of the stage whose detail has the whole learning curve */
    int n_epochs;                 /* of that curve, unless the training ends itself before */
    int n_rungs;
    chain_rung
        rung[CHAIN_STEPS]; /* ascending, the first at 0 epochs; none where the rule has no say */
} chain;

typedef struct plan plan; /* opaque: classified candidates, memory of what was costed */

/* Classifies every candidate and counts what would be built; nothing is built. About 1 us a
 * candidate, and 130 bytes while it counts, of which 30 are kept. ERR_INPUT for a candidate whose
 * network is impossible, an expression that fails, missing data, rules that exclude
 * every candidate, or more than PLAN_MAX_CANDIDATES. */
status plan_make(const space *s, arena *a, plan **out, err *e);
/* Reads the tables of data that the plan's stages will read: ERR_INPUT lists their mistakes. Appends
 * to `notes` a line about each whose dates are odd. */
status plan_check_data(const plan *p, arena *a, buf *notes, err *e);
const space *plan_space(const plan *p);
cand_state plan_state(const plan *p, int64_t candidate);
/* Why a candidate is not CAND_OK, in a sentence; "" when it is. In `a`. */
const char *plan_why(const plan *p, int64_t candidate, arena *a);

typedef struct {
    int64_t candidates, count[N_CAND_STATES], trials;
    int64_t unshared[N_STAGE_KINDS]; /* stages of all trials, each built on its own */
    int64_t stages[N_STAGE_KINDS];   /* distinct ones: what will be built */
    double epochs_unshared, epochs;  /* of training */
    double cpu_seconds, disk_bytes;  /* predicted */
    double longest_seconds;          /* predicted, of one chain: no number of workers is faster */
} plan_summary;
status plan_summarize(const plan *p, plan_summary *out, err *e);
/* Candidates that the i-th rule excludes (each counts for the first rule that does). i =
 * space_n_rules: by the built-in rule on what compressions need. */
int64_t plan_excluded(const plan *p, int i);
/* The i-th reason for which the built-in rule excludes candidates, how many (0: none) and the
 * file:line:column to mend; NULL behind the last. */
const char *plan_own_reason(const plan *p, int i, const char **place, int64_t *n);
/* Candidates, excluded and duplicate ones left out, that cannot meet a limit of a version. */
int64_t plan_over_limit(const plan *p, int version, int limit);

/* What is known of a candidate before it is trained (not CAND_EXCLUDED). */
status plan_forecast(const plan *p, int64_t candidate, stage_forecast *out, err *e);
/* The values of its axes, in their order; `out` holds space_n_axes(s). Strings live in `a`. */
status plan_knobs(const plan *p, int64_t candidate, arena *a, store_knob *out, err *e);

/* The hash of its canonical configuration, by which studies know it. */
status plan_config_hash(const plan *p, int64_t candidate, hash *out, err *e);

/* The chain of a CAND_OK candidate with the i-th seed; strings live in `a`. */
status plan_chain(const plan *p, int64_t candidate, int seed_index, arena *a, chain *out, err *e);

#endif
