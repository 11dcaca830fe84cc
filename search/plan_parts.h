/* What plan.c (which candidates, how many stages) and chain.c (the stages of one) share. */
#ifndef PARETUNE_SEARCH_PLAN_PARTS_H
#define PARETUNE_SEARCH_PLAN_PARTS_H

#include "search/candidate.h"
#include "search/identity.h"

/* A network is trained and, if the space says so, the trained one trained again. */
typedef enum { PHASE_TRAIN, PHASE_TUNE, N_PHASES } phase;

enum {
    /* The rest: data, the last part of each phase, export, score, latency, device. */
    MAX_CUTS = (CHAIN_STEPS - 7) / N_PHASES,
    MAX_PARTS = N_PHASES * (MAX_CUTS + 1),
    MAX_NETS = 1000000,
    SCORE_BATCH = 32 /* examples that the score stage runs at once */
};

/* A phase is cut into parts where another candidate of the space may leave the common path. */
typedef struct {
    int epoch;
    bool
        always; /* pruning begins or a stop rule is asked here; else some training of the space ends here */
} cut;

/* A list of clips, whatever is made of them. */
typedef struct {
    stage_survey survey;
    const char *files; /* hash of the recordings; NULL: made-up words */
    const char
        *wave[STAGE_MAX_SHARDS]; /* JSON of the stages that keep the training part's waveforms */
} clip_list;

typedef struct {
    const char *params; /* JSON of the data stage */
    const char *input;
    int n[3];                            /* examples in each part */
    const clip_list *clips;              /* NULL for forecasts */
    int n_shards;                        /* that the stage is joined from; 0: built at once */
    const char *shard[STAGE_MAX_SHARDS]; /* JSON of their stages */
    const char *features;                /* JSON of the front end; NULL: none */
    double clip_seconds;                 /* predicted, of the front end */
    architecture_io io;                  /* what a network stands between */
} data_record;

typedef struct {
    const node *params; /* of an export stage */
} export_record;

typedef struct {
    const char *json;
    const node *tree;
    uint64_t id; /* equal for equal JSON */
    double step_base,
        step_per_example; /* predicted seconds of a training step: base + batch * per */
} net_record;

/* Why a candidate makes no sense: reasons of the built-in rule. */
typedef enum {
    SENSE, /* it makes sense */
    PRUNES_UNTUNED,
    BEGINS_LATE,
    ENDS_BEHIND_TRAINING,
    ENDS_BEHIND_TUNING,
    CUTS_UNTUNED,
    CLUSTERS_UNTUNED,
    CLUSTERS_WHILE_PRUNING,
    FEW_CLUSTERS,
    CLUSTERS_STANDARDIZED,
    NOISE_UPSIDE_DOWN,
    N_SENSELESS
} senseless;

struct plan {
    const space *s;
    arena *a;
    unsigned char *state; /* cand_state of each candidate */
    identity_table twins; /* identity of all that is built -> smallest candidate */
    identity_table data_of, net_of, export_of, cost_of; /* identity -> index below */
    identity_table clips_of; /* identity of a list of clips -> a data record with it */
    int n_data, n_nets, n_exports, n_costs;
    int cap_data, cap_nets, cap_exports, cap_costs;
    data_record *data;
    const char *noise, *noise_input; /* JSON of the stage that reads recorded noise; NULL: none */
    net_record *nets;
    export_record *exports;
    stage_forecast *costs;
    int n_cuts[N_PHASES];
    cut cuts[N_PHASES][MAX_CUTS];
    int n_mixed, mixed[N_SETTINGS]; /* settings that every part of a training depends on */
    int n_data_mixed, data_mixed[N_SETTINGS]; /* settings that a data stage depends on */
    double least_packed; /* packed bytes that no limit forbids; infinity without limits */
    int64_t *excluded;   /* by rule; the last for the built-in rule */
    int64_t senseless[N_SENSELESS]; /* what the built-in rule excludes, by reason */
    int64_t *over[SPACE_MAX_VERSIONS];
    plan_summary summary;
};

/* A stretch [from, to) of a phase. */
typedef struct {
    phase phase;
    int from, to;
    bool pruning;      /* its parameters say how to prune */
    bool before_prune; /* pruning comes later in the phase: nothing is kept, nothing stops early */
    uint64_t id;
    double seconds;
} train_part;

/* What a candidate amounts to. */
typedef struct {
    const data_record *data;
    const net_record *net, *tuned; /* trained first; and last, if fine-tuning changes it */
    const stage_forecast *cost;
    uint64_t data_id, export_id; /* export_id covers all that is built */
    int n_parts;
    train_part part[MAX_PARTS];
} build;

/* Finds (and, the first time, makes) the records behind a candidate's values. */
status plan_resolve(plan *p, const value *slots, build *out, err *e);
/* The same without making: every record must be there. */
status plan_lookup(const plan *p, const value *slots, build *out, err *e);
/* Fills the values of one candidate. */
status plan_values(const plan *p, int64_t candidate, value *slots, err *e);

/* A metric as far as it is known before training; *floor_only: no less than this, but maybe more. NaN when
 * it is not known. */
double plan_known_figure(const char *metric, const value *slots, const stage_forecast *c,
                         bool *floor_only);

/* Where begin and end of pruning are counted from. */
phase plan_pruning_phase(const value *slots);

/* Adds the record of a candidate's data under `id` (plan_data.c). */
status plan_make_data(plan *p, uint64_t id, const value *slots, err *e);
/* Lists the recordings of noise when the candidate asks for them and no other did. */
status plan_find_noise(plan *p, const value *slots, err *e);
/* Whether a candidate's training starts from waveforms, and whether it hears recorded noise. */
bool plan_hears(const value *slots);
bool plan_hears_recordings(const plan *p, const value *slots);
/* Identities of the stages that hold waveforms and noise; the shards of a set go with it. */
uint64_t plan_waves_identity(const data_record *d);
/* Moves what `b` holds into the plan's memory as a text; frees it. */
status plan_keep_text(plan *p, buf *b, const char **out, err *e);

/* Predicted seconds of stages other than training. */
double predicted_data_seconds(const data_record *d); /* all of it */
double predicted_join_seconds(const data_record *d); /* of shards, of all that */
double predicted_waves_seconds(const data_record *d);
double predicted_noise_seconds(void);
double predicted_waves_bytes(const data_record *d);
double predicted_noise_bytes(void);
double predicted_score_seconds(const data_record *d, const net_record *n);
double predicted_export_seconds(const value *slots, const stage_forecast *c);
/* 0 when latency is not measured here, or not on a device. */
double predicted_latency_seconds(const value *slots);
double predicted_device_seconds(const value *slots);
/* Predicted bytes of artifacts. */
double predicted_data_bytes(const data_record *d);
double predicted_train_bytes(const stage_forecast *c);
double predicted_score_bytes(void);

/* Stage parameters as canonical JSON (chain.c). */
void chain_put_data(const space *s, const value *slots, buf *b); /* forecasts */
/* Keywords: which clips; a front end's settings as written. */
void chain_put_clips(const space *s, const value *slots, buf *b);
void chain_put_features(const space *s, const value *slots, buf *b);
/* `features`: the front end that the file is to carry, or NULL. */
void chain_put_export(const space *s, const value *slots, const char *features, buf *b);
void chain_put_train(const space *s, const value *slots, const char *net, const train_part *part,
                     uint64_t seed, int n_sounds, buf *b);

#endif
