/* Everything that may stand in a search space, as one table.
 *
 * Parsing, defaults, ranges, "did you mean", names of axes, the canonical configuration, the
 * parameters of stages and the page docs/space.md all come from these rows. The order of the rows
 * is the order of keys in the canonical configuration and in the stages' JSON. */
#ifndef PARETUNE_SEARCH_SCHEMA_H
#define PARETUNE_SEARCH_SCHEMA_H

#include "engine/base/buf.h"
#include "engine/stage.h"

#include <stdbool.h>

typedef enum {
    TYPE_INT,    /* whole number in [min, max] */
    TYPE_NUMBER, /* in [min, max] */
    TYPE_BOOL,
    TYPE_CHOICE, /* one of `choices`, "a|b|c" */
    TYPE_TEXT,
    TYPE_FILE, /* a glob that matches exactly one file */
    TYPE_FOLDER,
    TYPE_PERIOD,       /* a point of the training: 5, "5 epochs", "20 %", "1000 steps" */
    TYPE_QUANTITY,     /* a number with `unit` */
    TYPE_ARCHITECTURE, /* name or path of an architecture file */
    TYPE_OTHER         /* a list or map with a reader of its own */
} setting_type;

typedef enum {
    SET_SPACE,
    SET_TITLE,
    SET_TASK,
    SET_DATA_SOURCE,
    SET_DATA_FILE,
    SET_DATA_ROWS,
    SET_DATA_SEED,
    SET_STEPS_IN,
    SET_STEPS_OUT,
    SET_DATA_FOLDER,
    SET_WORDS,
    SET_CLIPS,
    SET_SPEAKERS,
    SET_SPLIT,
    SET_TRAIN_LIST,
    SET_VAL_LIST,
    SET_TEST_LIST,
    SET_VAL_PERCENT,
    SET_TEST_PERCENT,
    SET_SHUFFLE,
    SET_MISSING_CLIPS,
    SET_BAD_CLIPS,
    SET_FEATURE,
    SET_FULL_SCALE,
    SET_RATE,
    SET_FRAME,
    SET_HOP,
    SET_MEL_BINS,
    SET_MEL_LOW,
    SET_MEL_HIGH,
    SET_COEFFICIENTS,
    SET_RESIZE,
    SET_ARCHITECTURE,
    SET_LOSS,
    SET_LABELS,
    SET_LABEL_SMOOTHING,
    SET_BATCH,
    SET_OPTIMIZER,
    SET_BETA1,
    SET_BETA2,
    SET_EPSILON,
    SET_MOMENTUM,
    SET_NESTEROV,
    SET_SCHEDULE,
    SET_LEARNING_RATE,
    SET_FINAL_LEARNING_RATE,
    SET_DECAY_POWER,
    SET_DECAY_AFTER,
    SET_DECAY_RATE,
    SET_EPOCHS,
    SET_SHUFFLE_BUFFER,
    SET_KEEP,
    SET_EARLY_STOP,
    SET_SHIFT,
    SET_NOISE,
    SET_NOISE_KIND,
    SET_NOISE_FOLDER,
    SET_SNR_LOW,
    SET_SNR_HIGH,
    SET_GAIN,
    SET_TIME_MASKS,
    SET_TIME_MASK_WIDTH,
    SET_FREQUENCY_MASKS,
    SET_FREQUENCY_MASK_WIDTH,
    SET_PRUNE_PATTERN,
    SET_FINAL_SPARSITY,
    SET_PRUNE_DURING,
    SET_INITIAL_SPARSITY,
    SET_PRUNE_BEGIN,
    SET_PRUNE_END,
    SET_PRUNE_FREQUENCY,
    SET_PRUNE_POWER,
    SET_CHANNELS,
    SET_CHANNEL_NORM,
    SET_TUNE_EPOCHS,
    SET_TUNE_RATE,
    SET_CLUSTERS,
    SET_CLUSTER_INIT,
    SET_CLUSTER_GRADIENT,
    SET_CLUSTER_SPARSITY,
    SET_AWARE,
    SET_STORAGE,
    SET_DYNAMIC_MIN,
    SET_PER_CHANNEL,
    SET_CALIBRATION,
    SET_CALIBRATION_PERCENTILE,
    SET_CALIBRATION_EXAMPLES,
    SET_IO,
    SET_HEADS,
    SET_PACK,
    SET_ZLIB_LEVEL,
    SET_WRITER,
    SET_DEVICE,
    SET_DEVICE_RUN,
    SET_DEVICE_PROTOCOL,
    SET_PROTOCOL,
    SET_RUNTIME,
    SET_LIBRARY,
    SET_SEEDS,
    SET_METHOD,
    SET_AIM,
    SET_SEARCH_SEED,
    SET_WINDOW,
    SET_MAX_TRIALS,
    SET_MAX_TIME,
    SET_CONFIDENCE,
    SET_MAX_SEEDS,
    SET_MAX_EPOCHS,
    SET_UNTIL,
    SET_MIN_GAIN,
    SET_STOP,
    SET_STOP_CHANCE,
    SET_AUDIT,
    SET_RUNG_FACTOR,
    SET_STATIC_FILTER,
    SET_STAGE_TIME,
    SET_WORKER_MEMORY,
    SET_RETRIES,
    SET_RULES,
    SET_VERSIONS,
    SET_OBJECTIVES,
    N_SETTINGS
} setting;

typedef struct {
    const char *path; /* "train.batch" */
    setting_type type;
    double min, max;
    const char *choices;
    const char *def;     /* the default as written in YAML; NULL: must be written when it matters */
    const char *unit;    /* base unit of TYPE_QUANTITY; else for the documentation */
    const char *matters; /* an expression: the setting matters only when true; NULL: always */
    const char
        *param; /* where it stands in its stage's JSON: "optimizer.beta1"; NULL: see chain.c */
    const char *param_when; /* an expression: left out of the JSON otherwise; NULL: as `matters` */
    unsigned stages;        /* bit 1 << kind for each stage whose work it changes */
    bool axis;              /* may be a list */
    bool strict;            /* written where it matters for no candidate, it is a mistake */
    const char *task;       /* "forecast", "keywords": the only one that it belongs to; NULL: all */
    const char *words;      /* those of `choices` that belong to keyword spotting, the others being
                               for forecasts; NULL: no difference */
    const char *words_def;  /* the default in keyword spotting when it is another */
    bool quiet;             /* not in the configuration while it has its default: it came after the
                               first studies, whose trials keep the configurations that they have */
    const char *name;       /* its short name; NULL: the last part of the path */
    const char *help;
} setting_row;

const setting_row *schema_row(setting s);
/* By full path, or by its last part (`epochs`) when only one row goes by it. -1 when there is none. */
int schema_find(const char *name);
/* The shortest name of a row: its last part when unique, else its path. */
const char *schema_short_name(setting s);
/* Whether a row has any meaning for a task; NULL, an unknown task, has all. */
bool schema_has(const setting_row *row, const char *task);
/* Whether one of a row's choices is for the task. */
bool schema_allows(const setting_row *row, const char *choice, const char *task);
const char *schema_default(const setting_row *row, const char *task);
/* True when `word` is one of "a|b|c". */
bool schema_among(const char *choices, const char *word);
enum { SCHEMA_MAX_SECTIONS = 16 };
/* The sections ("data", "train", ...) that rows lie in. Returns how many; at most `most`. */
int schema_sections(const char **names, int most);

/* The reference page: every row, the layers of architectures, the metrics, the expressions. */
void schema_put_markdown(buf *b);

#endif
