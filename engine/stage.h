/* A stage is the unit of work: a request in, an artifact and metrics out. This is the one door
 * between search/ and the engine.
 *
 * Kinds, in the order of a candidate's chain (parents in brackets):
 *   data   ([data ...])      series or clips -> examples ready to train on; many clips in shards,
 *                            data stages themselves, of which this one is joined
 *   train  (data[, train][, data ...])
 *                            epochs [from, to) of a training, continued from the earlier stage; the
 *                            last parents, as many as the parameter "sounds" says, are the waveforms
 *                            that augmentation starts from and, behind them, recorded noise
 *   export (train[, data])   weights stored as asked, a .tflite, its zlib and zip sizes
 *   score  (export, data)    errors of the exported file, as our interpreter computes them
 *   latency (export)         how long the exported file takes on this machine
 *   device (export)          how long it takes on another one, which a command reaches
 * and outside of any chain, of a .tflite file from elsewhere (its path is the input):
 *   grade   ([data])         what it is, how well it does, or how long it takes (stage_grade.c)
 *
 * A stage's key is the hash of its kind, its code version, its parameters (canonical JSON) and its
 * parents' keys; for a train stage also of how its kernels round, unless they are fused, as nearly
 * all are (nn/kernel.h). The same key always means the same bytes: artifacts carry no times and no
 * paths. Latency and device alone are facts about a machine and a moment: their metrics and bytes
 * are no part of that promise, and nothing is built from them. */
#ifndef PARETUNE_ENGINE_STAGE_H
#define PARETUNE_ENGINE_STAGE_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/hash.h"
#include "engine/base/node.h"
#include "engine/base/param.h"
#include "engine/base/shape.h"

#include <stdbool.h>
#include <stdint.h>

enum { STAGE_MAX_SHARDS = 8, STAGE_MAX_PARENTS = STAGE_MAX_SHARDS + 3, STAGE_MAX_METRICS = 40 };

typedef enum {
    STAGE_DATA,
    STAGE_TRAIN,
    STAGE_EXPORT,
    STAGE_SCORE,
    STAGE_LATENCY,
    STAGE_DEVICE,
    STAGE_GRADE,
    N_STAGE_KINDS
} stage_kind;

const char *stage_kind_name(stage_kind kind); /* "data", "train", ... */
bool stage_kind_from_name(const char *name, stage_kind *out);
/* Raised whenever a change of code changes a stage's bytes: old artifacts are then rebuilt. */
int stage_version(stage_kind kind);
/* True for a stage that measures time: it wants the machine to itself. */
bool stage_runs_alone(stage_kind kind);

typedef struct {
    stage_kind kind;
    hash key;
    const char *params; /* canonical JSON */
    const char *input;  /* paths of what lies outside, a line each: data, or a library to time; ""
                            otherwise. Not part of the key: hashes of the contents are in params */
    const char *folder; /* artifacts folder */
    int n_parents;
    hash parent[STAGE_MAX_PARENTS];
} stage_request;

typedef struct {
    char name[32];
    double value;
} stage_metric;

typedef struct {
    uint64_t artifact_bytes;
    hash artifact_hash;
    int n_metrics;
    stage_metric metric[STAGE_MAX_METRICS];
    buf detail; /* JSON: learning curve, bytes per tensor, ... ; may be empty. Caller frees */
    double cpu_seconds, wall_seconds;
} stage_result;

hash stage_key(stage_kind kind, const char *params, const hash *parent, int n_parents);

/* Where a key's artifact lies: FOLDER/ab/abcdef....KIND, in `a`. */
char *stage_path(arena *a, const char *folder, stage_kind kind, const hash *key);

/* Removes, as far as possible, the files that killed workers of this machine left half written. Those
 * of living processes stay: another study may use the folder at the same time. */
void stage_remove_leftovers(const char *folder);

/* Reads the name of a file beside stage_path's: of an artifact (*pid = 0), or of one that process *pid writes or
 * left half written. False for any other name. */
bool stage_read_name(const char *name, stage_kind *kind, hash *key, long *pid);
/* Whether such a process lives on this machine. */
bool stage_writer_lives(long pid);

/* Called between epochs or other steps: `done` of `total`, with a figure worth showing (NaN for
 * none). Returning false asks the stage to stop; it then fails with ERR_STATE "stopped". */
typedef bool (*stage_progress)(void *user, double done, double total, double figure);

/* Builds the stage: reads parents' artifacts, writes its own (whole or not at all). `a` is scratch
 * and is back at its mark afterwards. ERR_NUM for a training that diverged, ERR_LOST for a parent's
 * artifact that is gone or damaged. */
status stage_run(const stage_request *rq, stage_progress progress, void *user, arena *a,
                 stage_result *out, err *e);

/* --- what is known before training --- */

typedef struct {
    int n_params;
    double macs;
    int arena_bytes; /* activations the interpreter holds at once */
    int flat_bytes;  /* of the .tflite file: exact, since its size does not depend on the weights */
    uint64_t file_id;    /* equal for exports of one network that write the same file, whatever its
                         weights: `dynamic` without a tensor large enough is float32 */
    int n_prunable;      /* weights that pruning may zero */
    int converter_bytes; /* of the file that TensorFlow's converter would write */
    int packed_floor; /* bytes below which no training can bring the file packed as asked: a model,
                          see measure/cost.h and stage_export.c */
    double modelled_inference_ms, modelled_total_ms; /* on the export's "device"; NaN without one */
    double step_seconds; /* predicted CPU time of one training step at `batch` on this machine */
} stage_forecast;

/* `net` is the JSON of nn/spec.h; `export_params` the JSON of an export stage; `final_sparsity` the
 * greatest share of zeros that pruning can leave. */
status stage_foresee(const node *net, const node *export_params, int batch, double final_sparsity,
                     arena *a, stage_forecast *out, err *e);

/* Appends the JSON of the network that a fine-tuning of `net` trains: without the share `remove` of its
 * channels, and `folded` as exported, which clustering wants. `a` is scratch. */
status stage_tuned_net(const node *net, double remove, bool folded, arena *a, buf *json, err *e);

/* What a data stage will hold, from a glance at what lies outside. */
typedef struct {
    int n[3];      /* examples in each part (train, val, test); recordings that will turn out to be
                      unusable count, too */
    int n_classes; /* 0 for forecasts */
    /* Of recordings: what "files_hash" of the parameters must be, for a whole set of features and for
     * its shards, whose parameters add "shard":[i,n] when n > 1; and for the shards of the training
     * part's waveforms, which have "storage":"int16" and no "features". */
    hash files;
    int n_shards, n_waves;
    hash shard[STAGE_MAX_SHARDS], wave[STAGE_MAX_SHARDS];
} stage_survey;

/* Counts rows or lists recordings, and reads these to hash them. For keywords "files_hash" and
 * "features" need not be among the parameters yet. ERR_INPUT when something is missing or not what it
 * should be. */
status stage_survey_data(const char *data_params, const char *input, arena *a, stage_survey *out,
                         err *e);

/* Reads every row of the table behind a data stage, as the stage will: ERR_INPUT lists its mistakes.
 * Appends a sentence to `notes` when its dates are odd. Recordings are not read: OK. */
status stage_check_data(const char *data_params, const char *input, arena *a, buf *notes, err *e);

/* Appends the canonical form of a front end's settings (signal/feature.h), as "features" of a data
 * stage holds it, and gives the shape that a network will see and the predicted CPU time of one clip.
 * ERR_INPUT for settings that do not go together. */
status stage_check_features(const node *settings, buf *canonical, shape *out, double *seconds,
                            err *e);

/* --- what is done with a model that was built --- */

/* Writes a .tflite file under `path`, and beside it a zlib stream and a ZIP, PATH.zlib and PATH.zip,
 * packed as the parameters of its export stage say: the bytes of the metrics size_flat, size_zlib and
 * size_zip, or of size_zopfli and size_zopfli_zip. */
status stage_write_model(const char *path, const void *bytes, size_t n, const node *export_params,
                         err *e);
/* Writes the model as C, for devices without TensorFlow Lite: FOLDER/model.h, which holds the bytes of
 * the flat file as an array, too, and FOLDER/model.c, which computes what our interpreter does and the
 * features that go in. `bytes` may be flat, a zlib stream or a zip; `features` are the front end's
 * settings (signal/feature.h), NULL for those in the file's metadata, without which there is no front
 * end. `a` is scratch. ERR_INPUT for a file that is damaged or cannot be written as C. */
status stage_write_c(const char *folder, const void *bytes, size_t n, const node *features,
                     arena *a, err *e);
/* Whether the file holds variable tensors (an LSTM's state), which other runtimes keep from one
 * inference to the next unless told to reset them. A file that cannot be read has none. */
bool stage_keeps_state(const void *bytes, size_t n, arena *a);

/* --- tables that search/ checks its input against --- */

/* The layer kinds, ended by a row without a name. */
const layer_row *stage_layers(void);

typedef enum { BETTER_LOWER, BETTER_HIGHER, BETTER_NONE } better;
typedef struct {
    const char
        *name; /* "T_mae"; in forecasts of the validation part; "_test" names the test part */
    const char *task; /* "forecast", "keywords", or "" for both */
    const char *unit; /* "°C", "%", "B", "ms", "" */
    better direction;
    stage_kind stage;  /* that measures it */
    bool known_before; /* exact before training */
    const char *help;
} metric_row;

/* Every metric a stage may report, ended by a row without a name. */
const metric_row *stage_metrics(void);
const metric_row *stage_metric_find(const char *name);

/* Holds OpenBLAS to one thread; before the first call of any stage. */
void stage_single_thread(void);

/* What made the numbers: recorded once per run in the store. */
typedef struct {
    char version[32], compiler[64], cpu[64], kernels[24] /* "avx512" ... */, blas[64], system[64];
} stage_provenance;
void stage_describe(stage_provenance *out);

#endif
