/* The two kinds of scoring, private to engine/stage_score*.c. */
#ifndef PARETUNE_ENGINE_STAGE_SCORE_H
#define PARETUNE_ENGINE_STAGE_SCORE_H

#include "engine/stage_kinds.h"
#include "engine/tflite/interpreter.h"

/* What a file from elsewhere takes and gives, where that differs from the data. */
typedef struct {
    const int
        *order; /* of a classifier: its output i stands for the data's class order[i]; NULL: i */
    int n_channels; /* of a forecast's inputs, normalised by these in place of the training part's;
                         0: by the training part's */
    double mean[8], std[8]; /* in physical units */
} stage_dialect;

/* A model that examples are put through one by one, whatever the types of its ports: int8 and uint8 are
 * converted by their scales. A batch that is fixed in the file is filled with zeros behind the example. */
typedef struct {
    interpreter *it;
    int n_in, n_out;         /* numbers of one example */
    const int *order;        /* of the dialect */
    int n_channels;          /* inputs whose normalisation changes; 0: none */
    float gain[8], shift[8]; /* x * gain + shift of each */
    float *x, *y, *given;    /* [n_in], [n_out], [n_out] in the order of the file */
} stage_model;

/* ERR_INPUT unless there is one input and one output that fit an example. `d` may be NULL; what it
 * points to is borrowed. */
status stage_model_open(interpreter *it, const examples *ex, const stage_dialect *d, arena *a,
                        stage_model *out, err *e);
/* y[n_out] for x[n_in]; valid until the next call. */
const float *stage_model_run(const stage_model *m, const float *x);

/* Scores a model on the validation and the test part: metrics, and the detail's JSON. `file` is the one
 * that the interpreter reads. */
status stage_score_model(const stage_job *job, const file_map *file, interpreter *it,
                         const stage_dialect *dialect, const stage_examples *data,
                         stage_result *out, err *e);

/* Accuracy, cross-entropy and confusion of a classifier. */
status stage_score_words(const stage_job *job, const file_map *file, const stage_model *model,
                         const stage_examples *data, stage_result *out, err *e);

#endif
