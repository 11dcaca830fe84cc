/* What a space is made of, for the files of search/ that read, enumerate and plan it. Others use
 * space.h.
 *
 * Every setting and every knob has a slot; so have `features` and `outputs`. A candidate is an
 * array of values, one for each slot. */
#ifndef PARETUNE_SEARCH_SPACE_PARTS_H
#define PARETUNE_SEARCH_SPACE_PARTS_H

#include "search/architecture.h"
#include "search/document.h"
#include "search/schema.h"
#include "search/space.h"

enum {
    SPACE_MAX_KNOBS = 48,
    SLOT_KNOBS = N_SETTINGS, /* first knob */
    SLOT_FEATURES = SLOT_KNOBS + SPACE_MAX_KNOBS,
    SLOT_OUTPUTS,
    N_SLOTS,
    SPACE_MAX_AXES = 64,
    SPACE_MAX_VALUES = 1000000, /* of one axis */
    SPACE_MAX_ARCHITECTURES = 64,
    SPACE_MAX_FILES = 64,
    SPACE_MAX_SEEDS = 1000,
    SPACE_MAX_VERSIONS = 64,
    SPACE_MAX_LIMITS = 32, /* of one version */
    SPACE_MAX_RULES = 200,
    SPACE_MAX_WORDS = 256,
    FORECAST_FEATURES = 2, /* T and RH go in and come out */
    FORECAST_OUTPUTS = 2
};

#define SPACE_MAX_SIZE 1000000000

typedef struct {
    const char *name;
    int slot, n;
    value *values;
} axis;

/* A value as the store keeps it. */
store_knob axis_knob(const axis *a, const value *v);

typedef struct {
    const char *name; /* as rules call it; NULL: not in use */
    value_kind kind;
    bool written;                      /* by the space; else the default holds */
    int axis;                          /* -1: not an axis */
    value fixed;                       /* when it is not an axis */
    value def;                         /* what it is when it cannot matter */
    value otherwise;                   /* what an axis is while its `when` is false */
    expr *matters, *when, *param_when; /* NULL: always */
    const node *when_node;             /* places, for messages; NULL when not written */
    const node *otherwise_node;
    const node *place;
} slot_info;

typedef struct {
    expr *exclude;
    const node *place;
    const char *because; /* NULL: no reason given */
} rule;

typedef struct {
    const char *written, *path;
    hash content;
} data_file;

struct space {
    arena *a;
    const char *path;
    document source;
    space_options options;
    const char *task; /* NULL while it is not known to be one of them */
    int n_words;      /* of data.words */
    const char *word[SPACE_MAX_WORDS];
    slot_info slot[N_SLOTS];
    int n_axes;
    axis axis[SPACE_MAX_AXES];
    int64_t size;
    int n_order, order[N_SLOTS];     /* slots with conditions, each behind those it reads */
    int n_dynamic, dynamic[N_SLOTS]; /* of these, the ones that differ between candidates */
    value base[N_SLOTS];             /* a candidate's values where nothing differs */

    int n_knobs;
    int n_architectures;
    bool architecture_failed;
    const architecture *architecture[SPACE_MAX_ARCHITECTURES];
    signed char own_knob[SPACE_MAX_ARCHITECTURES][SPACE_MAX_KNOBS]; /* -1: does not have it */
    int n_files;
    data_file file[SPACE_MAX_FILES];

    int n_seeds;
    uint64_t seed[SPACE_MAX_SEEDS];
    int n_rules;
    rule rule[SPACE_MAX_RULES];
    int n_versions;
    store_version version[SPACE_MAX_VERSIONS];
    const metric_row **limit_metric[SPACE_MAX_VERSIONS]; /* beside version[i].limit */
    int n_objectives;
    store_objective objective[STAGE_MAX_METRICS];
    space_budget budget;
    space_search search;
    bool static_filter;
    store_space stored;
};

/* One value as written; false when something was reported. */
bool space_parse_value(space *s, const setting_row *row, const node *n, value *out);
/* The names that rules and conditions may use. */
const expr_names *space_names(space *s);

int space_find_knob(const space *s, const char *name); /* -1: no architecture has it */

/* The steps of reading, in this order (space_settings.c, space_conditions.c). */
void space_unfold_device(space *s);              /* device: NAME -> device: {model: NAME} */
void space_apply_set(space *s, const char *set); /* "train.epochs=5", into the tree */
void space_read_settings(space *s);              /* settings, axes, knobs */
void space_check_periods(space *s);              /* pruning's begin and end are in one unit */
void space_check_pruning(space *s);              /* what is fixed of it can be done */
void space_check_tuning(space *s);               /* and what fine-tuning does besides */
void space_check_noise(space *s);                /* augment.snr_low above snr_high */
/* Whether a condition (NULL: always) may hold for some of the values of what it reads; `unknown` where
 * that cannot be said, since a value is missing. */
bool space_may_hold(const space *s, const expr *x, bool unknown);
/* Where the setting is written, or else what asks for pruning, channels or clusters: file:line:column. */
const char *space_setting_place(const space *s, setting wanted);
void space_check_strict(
    space *s); /* settings written where they cannot matter; behind the conditions */
void space_compile_conditions(space *s);
void space_order_slots(space *s); /* fills order and dynamic */

/* True for a space of keyword spotting, false for one of forecasts. */
bool space_spots_words(const space *s);

/* Readers of the parts that are not settings (space_lists.c). */
void space_read_words(space *s, const node *n);
void space_read_seeds(space *s, const node *n);
void space_read_rules(space *s, const node *n);
void space_read_versions(space *s, const node *n);
void space_read_objectives(space *s, const node *n);
/* The settings of `search` that name something: a sampler, a version (space_search.c). After the versions. */
void space_read_search(space *s);

#endif
